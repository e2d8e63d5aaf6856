"""The presets of federated pruning methods, each run small to its end on CIFAR-10, and what they refuse."""
import json
import re
import unittest

from program import SOURCE, ProgramTest, coppice, needs_cifar, summary

SMALL = ["data.source=cifar10", "model.input=[32, 32, 3]", "data.partition={kind: dirichlet, alpha: 0.5, clients: 20}", "data.test_clients=4",
         "federation.cohort=4", "federation.local.batch=32", "stages.warmup.rounds=1", "stages.finetune.rounds=3", "stages.finetune.evaluate_every=0"]
STATIC = ["erk_magnitude", "concentrated_magnitude", "erk_steps", "erk_random", "salientgrads", "vote_snip", "snip_one_client", "synflow", "grasp_one_client"]
MOVING = ["prunefl", "feddst", "fedrts", "fedtiny", "adaptive_fusion", "flash", "fedmef"]


def rounds_of(out):
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def kept_of(result):
    layers = result["mask"]["layers"]
    return sum(layer["kept"] for layer in layers) / sum(layer["total"] for layer in layers)


@needs_cifar
class Rivals(ProgramTest):
    def run_small(self, preset, *overrides, ranks=1):
        out = self.folder / f"{preset}{ranks}"
        text = (SOURCE / "configs" / f"{preset}.yaml").read_text()
        small = list(SMALL)
        if "cohort: 50" in text:
            for stage in re.findall(r"- (score|prune|bn_selection):", text):
                small.append(f"stages.{stage}.cohort=4" if stage == "score" else f"stages.{stage}.recalibration.cohort=4")
        if preset in MOVING:
            small += ["stages.finetune.dynamics.every=1"]
        if preset == "erk_steps":
            small += ["stages.prune.steps=3", "stages.prune.rounds=1"]
        if preset == "synflow":
            small += ["stages.score.importance.iterations=10"]
        arguments = [item for o in [*small, f"run.ranks={ranks}", *overrides] for item in ("--set", o)]
        self.run_ok("run", SOURCE / "configs" / f"{preset}.yaml", "--out", out, *arguments)
        return out

    def test_static_masks_and_the_dense_model(self):
        for preset in STATIC:
            with self.subTest(preset):
                result = summary(self.run_small(preset))
                self.assertAlmostEqual(kept_of(result), 0.1, delta=0.0002)
                self.assertTrue(all(layer["kept"] > 0 for layer in result["mask"]["layers"]))
        self.assertNotIn("mask", {k for k, v in summary(self.run_small("fedavg")).items() if v})

    def test_masks_that_move(self):
        for preset in MOVING:
            with self.subTest(preset):
                out = self.run_small(preset)
                result = summary(out)
                changes = [r["sparse"] for r in rounds_of(out) if "sparse" in r]
                grown, dropped = (sum(c[what] for c in changes) for what in ("grown", "dropped"))
                self.assertGreater(grown, 0)
                if preset == "prunefl":  # decides itself how many it keeps, up to as many as before
                    self.assertLess(kept_of(result), 0.1002)
                    self.assertLessEqual(grown, dropped)
                else:
                    self.assertAlmostEqual(kept_of(result), 0.1, delta=0.0002)
                    self.assertEqual(grown, dropped)

    def test_local_sparsity(self):
        out = self.run_small("zerofl")
        result = summary(out)
        self.assertAlmostEqual(kept_of(result), 0.1, delta=0.0002)
        trained = [r for r in rounds_of(out) if "sparse" in r]
        self.assertEqual(len(trained), 3)
        self.assertTrue(all(r["sparse"]["flip_rate"] > 0 for r in trained))
        dense = result["traffic"]["dense_bytes_per_client"]
        self.assertTrue(all(r["bytes_up"] < 4 * dense / 3 for r in trained))  # of 4 clients
        two = summary(self.run_small("zerofl", ranks=2))
        self.assertEqual(two["mask"]["digest"], result["mask"]["digest"])
        self.assertEqual(two["variants"][-1]["loss"], result["variants"][-1]["loss"])

    def test_channels_bytes_and_selective_reports(self):
        everyone = ("data.partition={kind: dirichlet, alpha: 0.5, clients: 4}", "stages.finetune.rounds=4")
        out = self.run_small("fl_pqsu", *everyone)
        result = summary(out)
        self.assertLessEqual(result["variants"][-1]["parameters"], 0.5 * result["variants"][0]["parameters"])
        always = self.run_small("fl_pqsu", *everyone, "federation.local.selective=false", "federation.wire=f32", ranks=2)
        for some, whole in zip(rounds_of(out), rounds_of(always)):
            if whole["bytes_up"] > 0 and whole["stage"] == "finetune":
                self.assertLess(some["bytes_up"], 0.35 * whole["bytes_up"])
                self.assertEqual(some["clients"] + some["declined"], 4)
        again = self.folder / "again"
        arguments = [item for o in [*SMALL, *everyone, "stages.prune.recalibration.cohort=4", "run.ranks=2"] for item in ("--set", o)]
        self.run_ok("run", SOURCE / "configs" / "fl_pqsu.yaml", "--out", again, *arguments)
        self.assertEqual(summary(again)["variants"][-1]["loss"], result["variants"][-1]["loss"])

    def test_parts_of_the_model_and_their_devices(self):
        result = summary(self.run_small("heterofl"))
        dense = result["traffic"]["dense_bytes_per_client"]
        self.assertLess(result["traffic"]["bytes_up_per_client"], dense)
        self.assertNotIn("devices", result)
        out = self.run_small("heterofl_devices", "stages.finetune.evaluate_every=1")
        devices = summary(out)["devices"]
        rounds = [r["devices"] for r in rounds_of(out) if "devices" in r]
        self.assertAlmostEqual(sum(r["seconds"] for r in rounds), devices["seconds"], delta=1e-9 * devices["seconds"])
        self.assertAlmostEqual(rounds[-1]["clock"], devices["seconds"])
        self.assertEqual(sum(p["clients"] for p in devices["profiles"]), 20)
        self.assertEqual(sum(p["too_small"] for p in devices["profiles"]), 0)
        whole = summary(self.run_small("heterofl_devices", "federation.submodels=none", "federation.quorum=0", ranks=2))["devices"]
        self.assertGreater(sum(p["too_small"] for p in whole["profiles"] if p["name"] == "sensor"), 0)
        self.assertEqual(sum(p["took_part"] for p in whole["profiles"] if p["name"] == "sensor"), 0)
        self.assertIn("sensor", (out / "report.html").read_text())

    def test_masks_of_the_clients_own(self):
        out = self.run_small("lotteryfl", "federation.submodels.start_accuracy=0", "federation.submodels.rate=0.6",
                             "stages.finetune.evaluate_every=1", "federation.cohort=10", ranks=2)
        result = summary(out)
        personal, rounds = result["personal"], rounds_of(out)
        self.assertEqual(personal["clients"], 20)
        self.assertTrue(0.1 <= personal["density"] < 0.9)
        densities = [r["sparse"]["density"] for r in rounds if "sparse" in r]
        self.assertEqual(densities[0], 1.0)
        self.assertLess(densities[-1], 0.9)
        evaluations = [r["eval"] for r in rounds if "eval" in r and "personal_accuracy" in r["eval"]]
        self.assertEqual(evaluations[-1]["personal_accuracy"], personal["accuracy"])
        self.assertEqual(evaluations[-1]["personal_density"], personal["density"])
        self.assertNotIn("mask", {k for k, v in result.items() if v})
        up = [r["bytes_up"] for r in rounds if r["bytes_up"] > 0]
        self.assertLess(up[-1], result["traffic"]["dense_bytes_per_client"])
        self.assertIn("own models, held-out samples", (out / "report.html").read_text())
        other = summary(self.run_small("lotteryfl", "federation.submodels.start_accuracy=0", "federation.submodels.rate=0.6",
                                       "stages.finetune.evaluate_every=1", "federation.cohort=10"))
        self.assertEqual(other["personal"], personal)
        self.assertEqual(other["variants"][-1]["loss"], result["variants"][-1]["loss"])

    def test_parts_that_a_bandit_chooses(self):
        out = self.run_small("fedmp", "federation.cohort=10", "federation.quorum=0")
        result = summary(out)
        densities = [r["sparse"]["density"] for r in rounds_of(out) if "sparse" in r]
        self.assertEqual(len(densities), 4)
        self.assertTrue(all(0.02 < d < 1.0 for d in densities))
        self.assertGreater(result["devices"]["seconds"], 0.0)
        self.assertLess(result["traffic"]["bytes_up_per_client"], result["traffic"]["dense_bytes_per_client"])

    def test_two_ranks_do_what_one_does(self):
        for preset in ("fedrts", "fedtiny", "heterofl_devices", "fedmp"):
            with self.subTest(preset):
                one, two = (summary(self.run_small(preset, ranks=ranks)) for ranks in (1, 2))
                self.assertEqual((one.get("mask") or {}).get("digest"), (two.get("mask") or {}).get("digest"))
                self.assertEqual(one.get("devices"), two.get("devices"))
                self.assertEqual(one["variants"][-1]["loss"], two["variants"][-1]["loss"])

    def test_an_ordinary_round_sends_the_support_alone(self):
        out = self.run_small("fedtiny", "stages.finetune.rounds=4", "stages.finetune.dynamics.every=2", "stages.finetune.dynamics.until=4")
        rounds = [r for r in rounds_of(out) if r["stage"] == "finetune" and r["bytes_up"] > 0]
        mask = summary(out)["mask"]
        dropped = sum(layer["total"] - layer["kept"] for layer in mask["layers"])
        dense = [r for r in rounds_of(out) if r["stage"] == "warmup" and r["bytes_up"] > 0]
        # The first warm-up round pays for a probe, too: twice a dense report; of a sparse one all but the dropped values remain.
        self.assertAlmostEqual(rounds[1]["bytes_up"], dense[0]["bytes_up"] / 2 - 4 * dropped, delta=8)
        self.assertGreater(rounds[2]["bytes_up"], rounds[1]["bytes_up"])
        self.assertEqual(rounds[3]["bytes_up"], rounds[1]["bytes_up"])


class Refused(ProgramTest):
    def refuse(self, preset, *overrides, words):
        arguments = [item for o in [*SMALL, *overrides] for item in ("--set", o)]
        done = coppice("run", SOURCE / "configs" / f"{preset}.yaml", "--out", self.folder / "out", *arguments, timeout=120)
        self.assert_refused(done, *words)
        self.assertFalse((self.folder / "out" / "metrics.jsonl").exists())

    def test_steps_that_a_pattern_cannot_take(self):
        self.refuse("erk_steps", "stages.prune.memory=0.5", words=("stages[2].prune.memory", "expected 0, or pattern channels"))
        self.refuse("erk_steps", "stages.prune.pattern='2:4'", "stages.prune.budget={}", words=("stages[2].prune.steps: found 6", "expected 1"))

    def test_a_pool_of_no_masks(self):
        self.refuse("fedtiny", "stages.bn_selection.candidates=0", words=["stages", "bn_selection.candidates", "0", ">= 1"])

    def test_a_unit_that_names_no_layer(self):
        self.refuse("fedtiny", "stages.finetune.dynamics.unit=blocks", words=["dynamics.unit", "blocks", "block"])

    def test_a_method_that_is_none(self):
        self.refuse("fedtiny", "stages.finetune.dynamics={kind: fedtny}", words=["dynamics", "fedtny", "fedtiny"])

    @needs_cifar
    def test_a_density_that_no_quota_meets(self):
        self.refuse("fedtiny", "stages.bn_selection.density=0.00001", words=["bn_selection", "density", "matrices"])
        self.refuse("fedrts", "stages.prune.budget.density=0.00001", words=["prune", "density", "smallest reachable"])

    def test_shares_that_are_none(self):
        self.refuse("lotteryfl", "federation.submodels.density=0", words=["submodels.density", "0", "1"])
        self.refuse("lotteryfl", "federation.submodels.start_accuracy=1.5", words=["submodels.start_accuracy", "1.5"])
        self.refuse("fedmp", "federation.submodels.most=2", words=["submodels.most", "2"])
        self.refuse("fedmp", "federation.submodels.discuont=1", words=["discuont", "discount"])

    @needs_cifar
    def test_personal_masks_without_held_out_samples(self):
        self.refuse("lotteryfl", "data.holdout.fraction=0", words=["submodels", "data.holdout"])

    def test_methods_that_overlap(self):
        self.refuse("fedtiny", "stages.finetune.sparse=ste", words=["finetune.dynamics", "fedtiny", "sparse"])
        self.refuse("feddst", "stages.finetune.adapter=lora", words=["finetune.adapter", "lora", "dynamics"])
        self.refuse("prunefl", "stages.prune={pattern: '2:4'}", words=["finetune.dynamics", "prunefl", "2:4", "unstructured"])
        self.refuse("fedtiny", "federation.submodels=heterofl", words=["finetune", "single weights", "submodels"])
        self.refuse("heterofl", "federation.aggregation=krum", "federation.cohort=5", words=["submodels", "heterofl", "aggregation"])
        self.refuse("heterofl", "federation.submodels={kind: heterofl, rates: [1, 0.5], shares: [1]}", words=["submodels.shares", "1", "2"])
        self.refuse("lotteryfl", "federation.correction=scaffold", "federation.optimizer.momentum=0", words=["submodels", "lotteryfl", "scaffold"])
        self.refuse("erk_magnitude", "federation.submodels=lotteryfl", words=["finetune", "after a cut", "submodels"])
        self.refuse("fedmp", "federation.devices=none", words=["submodels", "fedmp", "devices", "mix"])
        self.refuse("heterofl", "federation.devices=mix", words=["devices.profiles", "none"])
        self.refuse("zerofl", "stages.prune.pattern='2:4'", "stages.prune.budget={density: 0}", words=["finetune.sparse", "zerofl", "2:4", "unstructured"])
        self.refuse("zerofl", "federation.aggregation=fednova", words=["finetune.sparse", "zerofl", "fednova", "mean"])
        self.refuse("zerofl", "stages.finetune.dynamics=fedtiny", words=["finetune.dynamics", "fedtiny", "sparse"])
        self.refuse("zerofl", "stages.finetune.sparse={kind: zerofl, mask_ratio: 1.5}", words=["sparse.mask_ratio", "1.5", "1"])
        self.refuse("zerofl", "stages.finetune.sparse={kind: zerofl, upload: top_k}", words=["sparse.upload", "top_k", "top_k_w"])
        self.refuse("fl_pqsu", "stages.finetune.twin=true", words=["finetune.twin", "federation.local.selective"])
        self.refuse("fl_pqsu", "federation.correction=scaffold", "federation.optimizer.momentum=0", words=["local.selective", "scaffold"])
        self.refuse("fl_pqsu", "federation.aggregation=krum", "federation.cohort=5", words=["local.selective", "krum"])
        self.refuse("fedrts", "federation.correction=scaffold", "federation.optimizer.momentum=0", words=["finetune.dynamics", "scaffold"])


if __name__ == "__main__":
    unittest.main()
