"""A small language model over Shakespeare's roles, from text to a folder that transformers loads."""
import json
import re
import signal
import unittest

from program import coppice, signalled, summary, weights
from shakespeare import SHAPE, ShakespeareTest, python

LARGE = ["model.dim=384", "model.head_dim=32", "model.kv_heads=[4, 4, 4]", "model.queries_per_kv=[3, 3, 3]",
         "model.ffn=[1024, 1024, 1024]", "federation.cohort=2", "stages.score.cohort=2", "federation.evaluation.precision=bf16"]


class SmallLanguageModel(ShakespeareTest):
    SETTINGS = [*SHAPE, "stages.warmup.rounds=2", "stages.score.cohort=8", "stages.finetune.rounds=2"]

    def config_of(self, out):
        return json.loads((out / "model" / "config.json").read_text())

    def test_what_is_exported_transformers_loads_and_agrees_with(self):
        out = self.folder / "out"
        self.run_ok(*self.arguments(out))
        rows = self.variants(out)
        self.assertLessEqual(rows["compact"]["parameters"], 0.8 * rows["dense twin"]["parameters"])
        self.assertAlmostEqual(rows["compact"]["loss"], rows["masked"]["loss"], places=4)
        config = self.config_of(out)
        self.assertEqual(config["model_type"], "llama")
        self.assertLess(config["intermediate_size"], 256)
        self.verify(out)
        loss = self.run_ok("eval", out, "--data", self.shards).stdout
        self.assertIn("perplexity", loss)

    def test_two_ranks_give_the_bits_of_one(self):
        short = ("stages.warmup.rounds=1", "stages.finetune.rounds=1", "stages.finetune.twin=false")
        self.run_ok(*self.arguments(self.folder / "one", *short))
        self.run_ok(*self.arguments(self.folder / "two", *short), ranks=2)
        self.assertEqual(weights(self.folder / "one"), weights(self.folder / "two"))

    def test_whole_layers_by_block_influence_and_by_taylor(self):
        four = ("model.kv_heads=[2, 2, 2, 2]", "model.queries_per_kv=[3, 3, 3, 3]", "model.ffn=[256, 256, 256, 256]",
                "stages.prune.units=[layer]", "stages.warmup.rounds=1", "stages.finetune.rounds=1", "stages.finetune.twin=false")
        for importance in ("block_influence", "taylor"):
            with self.subTest(importance):
                out = self.folder / importance
                self.run_ok(*self.arguments(out, *four, f"stages.score.importance={importance}"))
                config = self.config_of(out)
                self.assertEqual((config["model_type"], config["num_hidden_layers"], config["intermediate_size"]), ("llama", 3, 256))
                rows = self.variants(out)
                self.assertAlmostEqual(rows["compact"]["loss"], rows["masked"]["loss"], places=4)
                done = python("verify_export.py", out)
                self.assertTrue("verified" in done.stdout or "not installed" in done.stderr, done.stdout + done.stderr)
        self.assert_refused(coppice(*self.arguments(self.folder / "wrong", "stages.score.importance=block_influence")),
                            "block_influence", "kv_group", "units [layer]")
        self.assert_refused(coppice(*self.arguments(self.folder / "wrong", "stages.prune.units=[layers]")), "prune", "units",
                            "did you mean 'layer'")

    def test_several_steps_are_several_cuts(self):
        settings = ("stages.warmup.rounds=1", "stages.finetune.rounds=0", "stages.finetune.twin=false", "stages.prune.steps=2",
                    "stages.score.fusion.clients=agreement")
        out, once = self.folder / "out", self.folder / "once"
        said = self.run_ok(*self.arguments(out, *settings))
        self.run_ok(*self.arguments(once, *settings[:3], settings[4]))
        stages = [json.loads(line)["stage"] for line in (out / "metrics.jsonl").read_text().splitlines()]
        self.assertEqual([s for i, s in enumerate(stages) if i == 0 or s != stages[i - 1]],
                         ["warmup", "score", "prune", "score", "prune", "export"])
        rows = self.variants(out)
        self.assertAlmostEqual(rows["compact"]["loss"], rows["masked"]["loss"], places=4)
        self.assertLessEqual(rows["compact"]["parameters"], 0.8 * rows["dense"]["parameters"])
        self.assertEqual(rows["compact"]["parameters"], self.variants(once)["compact"]["parameters"])
        self.assertIn("at once, neuron", said.stderr)
        self.assert_refused(coppice(*self.arguments(self.folder / "no", *settings, "stages.prune.pattern='2:4'",
                                                    "stages.prune.budget.params=0")), "steps", "which has one density")

    def test_query_heads_go_from_every_kv_group_alike(self):
        out = self.folder / "out"
        self.run_ok(*self.arguments(out, "stages.prune.units=[query_head]", "stages.prune.budget.params=0.94",
                                    "stages.warmup.rounds=1", "stages.finetune.rounds=0", "stages.finetune.twin=false"))
        config = self.config_of(out)
        self.assertEqual([config[key] for key in ("model_type", "num_attention_heads", "num_key_value_heads", "head_dim",
                                                  "intermediate_size")], ["llama", 4, 2, 16, 256])
        done = python("verify_export.py", out)
        self.assertTrue("verified" in done.stdout or "not installed" in done.stderr, done.stdout + done.stderr)

    def test_a_large_model_lies_in_files_and_resumes_to_the_same_bits(self):
        # Batches large enough that activations, not what the heap happens to keep, decide the peak.
        short = (*LARGE, "federation.local.batch=32", "stages.warmup.rounds=2", "stages.finetune.rounds=1", "stages.finetune.twin=false")
        whole, killed, lean = (self.folder / name for name in ("whole", "killed", "lean"))
        self.run_ok(*self.arguments(whole, *short))
        self.assertEqual(signalled(self.arguments(killed, *short), killed, 2, signal.SIGKILL), -signal.SIGKILL)
        self.run_ok(*self.arguments(killed, *short, "run.ranks=2", "federation.local.recompute=true"), "--resume=auto")
        self.assertEqual(weights(killed), weights(whole))
        self.run_ok(*self.arguments(lean, *short, "federation.local.recompute=true"))
        self.assertEqual(weights(lean), weights(whole))
        self.assertLess(summary(lean)["peak_memory_bytes"], summary(whole)["peak_memory_bytes"])

    def test_check_foresees_the_memory_of_a_run(self):
        for name, overrides in {"small": (), "large": LARGE, "lean": (*LARGE, "federation.local.recompute=true")}.items():
            out = self.folder / name
            settings = self.arguments(out, *overrides, "stages.finetune.twin=false")
            self.run_ok(*settings)
            table = self.run_ok("check", *settings[1:2], *settings[4:]).stdout
            number, unit = re.search(r"^in all\s+([0-9.]+) (\S+)$", table, re.MULTILINE).groups()
            foreseen = float(number) * {"MiB": 2**20, "GiB": 2**30}[unit]
            part = foreseen / summary(out)["peak_memory_bytes"]  # what the heap keeps of earlier work is not foreseen
            self.assertTrue(0.5 < part < 1.1, f"{name}: {part}\n{table}")

    def test_layers_may_differ_where_asked(self):
        out = self.folder / "out"
        self.run_ok(*self.arguments(out, "stages.prune.layout=per_layer", "stages.warmup.rounds=1", "stages.finetune.rounds=0"))
        config = self.config_of(out)
        self.assertEqual(config["model_type"], "coppice-decoder")
        self.assertGreater(len(set(config["coppice"]["ffn"])), 1)
        self.assertIn("load in Coppice alone", python("verify_export.py", out).stderr)
        # Once they differ, plain shapes are out of reach; said before anything runs.
        refused = self.arguments(self.folder / "again", f"model={{kind: folder, path: {out / 'model'}}}")
        self.assert_refused(coppice(*refused), "prune", "layout", "per_layer")

    def test_a_mask_trained_with_its_weights_and_a_teacher_recovers_more_than_it_lost(self):
        out = self.folder / "out"
        self.run_ok(*self.arguments(out, "stages.warmup.rounds=12", "stages.prune.pattern='2:4'", "stages.prune.budget.params=0",
                                    "stages.finetune.rounds=8", "stages.finetune.twin=false", "stages.finetune.distill={weight: 0.5}",
                                    "stages.finetune.sparse={kind: ast, lambda: 1e-3}"))
        rounds = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
        cut = next(r["eval"]["loss"] for r in rounds if r["stage"] == "prune" and "eval" in r)
        self.assertLess(summary(out)["variants"][-1]["loss"], cut)
        trained = [r for r in rounds if r["stage"] == "finetune" and "sparse" in r]
        self.assertEqual(len(trained), 8)
        self.assertGreater(trained[0]["bytes_down"], 1.5 * trained[-1]["bytes_down"])  # the teacher came in the first rounds

    def test_adapters_recover_a_sliced_model_at_a_fraction_of_its_bytes(self):
        out = self.folder / "out"
        self.run_ok(*self.arguments(out, "stages.finetune.adapter={kind: lora, rank: 4}", "stages.finetune.rounds=4",
                                    "federation.cohort=12", "stages.score.cohort=12"))
        rounds = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
        whole = next(r for r in rounds if r["stage"] == "warmup")
        adapted = [r for r in rounds if r["stage"] == "finetune" and "train_loss" in r]
        self.assertLess(adapted[-1]["bytes_up"], 0.2 * whole["bytes_up"])
        self.assertLess(adapted[-1]["bytes_down"], 0.2 * whole["bytes_down"])
        self.assertEqual(self.config_of(out)["model_type"], "llama")

    def test_a_model_of_another_vocabulary_is_refused(self):
        self.assert_refused(coppice(*self.arguments(self.folder / "out", "model.vocab=64")), "vocab")


if __name__ == "__main__":
    unittest.main()
