"""What makes up for a cut without training, and patterns inside a decoder, from clients' data to a folder that transformers loads."""
import json
import signal
import unittest

from program import MPIRUN, coppice, signalled, summary, weights
from shakespeare import ShakespeareTest

SPARSE_GPT = "{kind: sparsegpt, mode: sequential}"
FEW = "{batches: 1, batch: 8, cohort: 6}"


def stages(prune, score=None):
    scored = "" if score is None else "{score: {%s, batches: 1, batch: 8, cohort: 6, fusion: {granularity: {kind: fixed}}}}, " % score
    return "stages=[{warmup: {rounds: 2}}, %s{prune: {%s, recalibration: %s}}, export]" % (scored, prune, FEW)


class OneShot(ShakespeareTest):
    def test_means_move_into_biases_that_transformers_reads(self):
        losses = {}
        for compensation in ("none", "bias"):
            out = self.folder / compensation
            cut = f"pattern: channels, budget: {{params: 0.6}}, exponent: 0, compensation: {compensation}"
            self.run_ok(*self.arguments(out, stages(cut, "importance: flap")))
            rows = self.variants(out)
            self.assertAlmostEqual(rows["compact"]["loss"], rows["masked"]["loss"], places=4)
            losses[compensation] = rows["compact"]["loss"]
        self.assertLess(losses["bias"], losses["none"])
        config = json.loads((self.folder / "bias" / "model" / "config.json").read_text())
        self.assertTrue(config["attention_bias"] and config["mlp_bias"])
        self.verify(self.folder / "bias")

    def test_adaptive_fusion_judges_what_is_shipped(self):
        out = self.folder / "out"
        cut = "pattern: channels, budget: {params: 0.7}, compensation: bias"
        self.run_ok(*self.arguments(out, stages(cut, "importance: taylor").replace("{kind: fixed}", "{kind: adaptive, uncertainty: false}")))
        self.assertGreater(len(summary(out)["fusion"]["candidates"]), 1)

    def test_sparse_gpt_beats_the_mask_alone_in_both_modes(self):
        losses = {}
        for name, config in (("wanda", stages("pattern: '2:4'", "importance: activation")),
                             ("sequential", stages(f"pattern: '2:4', compensation: {SPARSE_GPT}")),
                             ("one_pass", stages("pattern: '2:4', compensation: {kind: sparsegpt, mode: one_pass}"))):
            out = self.folder / name
            self.run_ok(*self.arguments(out, config))
            losses[name] = self.variants(out)["masked"]["loss"]
            inner = summary(out)["mask"]["layers"]
            self.assertEqual({2 * layer["kept"] == layer["total"] for layer in inner if "proj" in layer["name"]}, {True})
        self.assertLess(losses["sequential"], losses["wanda"])
        self.assertLess(losses["one_pass"], losses["wanda"])
        self.verify(self.folder / "sequential")

    def test_sparse_gpt_has_the_same_bits_on_two_ranks_and_after_a_stop_between_blocks(self):
        config = stages(f"pattern: '2:4', compensation: {SPARSE_GPT}")
        self.run_ok(*self.arguments(self.folder / "one", config))
        if MPIRUN:
            self.run_ok(*self.arguments(self.folder / "two", config), ranks=2)
            self.assertEqual(weights(self.folder / "one"), weights(self.folder / "two"))
        out = self.folder / "stopped"
        arguments = self.arguments(out, config)
        self.assertIn(signalled(arguments, out, 1, signal.SIGTERM, '"stage":"prune"'), (3, 0))
        self.run_ok(*arguments, "--resume=auto")
        self.assertEqual(weights(self.folder / "one"), weights(out))

    def test_boosters_take_up_what_a_mask_drops_and_train_with_what_is_left(self):
        losses = {}
        trained = ", finetune: {rounds: 2, evaluate_every: 0, sparse: {kind: ast, lambda: 1e-3}}, export]"
        for compensation in ("none", "{kind: slorb, inputs: 8}"):
            out = self.folder / compensation[:4]
            config = stages(f"pattern: '2:4', compensation: {compensation}", "importance: magnitude").replace(", export]", "%s") % trained
            self.run_ok(*self.arguments(out, config))
            losses[compensation] = self.variants(out)["masked"]["loss"]
            self.verify(out)
        self.assertLess(losses["{kind: slorb, inputs: 8}"], losses["none"])
        out = self.folder / "{kin"
        self.assertGreater(self.variants(out)["masked"]["parameters"], self.variants(self.folder / "none")["masked"]["parameters"])
        kept = {layer["name"]: layer["kept"] / layer["total"] for layer in summary(out)["mask"]["layers"]}
        self.assertEqual({share for name, share in kept.items() if "proj.weight" in name}, {0.5})
        if MPIRUN:
            self.run_ok(*self.arguments(self.folder / "two", config), ranks=2)
            self.assertEqual(weights(self.folder / "two"), weights(out))

    def test_every_pattern_goes_through_a_decoder(self):
        for i, (prune, score) in enumerate((("pattern: '4:8'", "importance: activation"), ("pattern: '1:3'", "importance: ria"),
                                         ("pattern: 32x1, budget: {density: 0.5}", "importance: activation"),
                                         ("pattern: 16x1, budget: {density: 0.5}, allocation: uniform, compensation: sparsegpt", None),
                                         ("pattern: unstructured, budget: {density: 0.5}, allocation: uniform, compensation: sparsegpt", None))):
            with self.subTest(prune):
                out = self.folder / f"out{i}"
                # 1:3 wants widths that 3 divides.
                self.run_ok(*self.arguments(out, stages(prune, score), "model.ffn=[192, 192]"))
                self.assertLess(summary(out)["mask"]["density"], 0.62)
                self.verify(out)

    def test_what_cannot_be_is_said_in_one_line(self):
        def refused(config, *words):
            self.assert_refused(coppice(*self.arguments(self.folder / "out", config)), *words)
        refused(stages("pattern: '3:5'", "importance: activation"), "prune", "3:5", "q_proj", "96 inputs", "multiple of 5")
        refused(stages("pattern: 20x1, budget: {density: 0.5}", "importance: activation"), "20x1", "outputs", "multiple of 20")
        refused(stages("pattern: channels, budget: {params: 0.8}, compensation: sparsegpt"), "compensation", "sparsegpt", "channels")
        refused(stages("pattern: '2:4', compensation: sparsegpt", "importance: activation"), "sparsegpt", "no score stage")
        refused(stages("pattern: 32x1, budget: {density: 0.5}, compensation: sparsegpt"), "allocation", "global", "uniform or erk")
        refused(stages("pattern: '2:4', compensation: {kind: slorb, inputs: 7}", "importance: magnitude"), "slorb", "found 7", "divisor of the 96 inputs")
        refused(stages("pattern: channels, budget: {params: 0.8}, compensation: slorb", "importance: magnitude"), "slorb", "channels", "bias or none")
        refused(stages("pattern: '2:4', compensation: sparse-gpt"), "compensation", "did you mean 'sparsegpt'")


if __name__ == "__main__":
    unittest.main()
