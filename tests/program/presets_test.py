"""The same pipeline by its other settings, each run small to its end: patterns, budgets, models, partitions, methods."""
import json
import math
import shutil
import struct
import unittest

from program import SMOKE, ProgramTest, coppice, needs_cifar, summary

FAST = ["stages.warmup.rounds=1", "stages.finetune.rounds=1", "stages.finetune.twin=false"]


def matrices_of(path):
    """Tensors of a safetensors file with more than one dim: name -> (shape, values)."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    return {name: (t["shape"], struct.unpack(f"<{math.prod(t['shape'])}f", data[8 + size:][slice(*t["data_offsets"])]))
            for name, t in header.items() if name != "__metadata__" and len(t["shape"]) > 1}


def two_of_four(matrix):
    """Whether of each four consecutive inputs (channels at one kernel position) two are kept and two are 0."""
    shape, values = matrix
    inputs, spatial = shape[1], math.prod(shape[2:])
    kept = [sum(values[(o * inputs + i + k) * spatial + s] != 0.0 for k in range(4))
            for o in range(shape[0]) for i in range(0, inputs - inputs % 4, 4) for s in range(spatial)]
    return inputs % 4 == 0 and set(kept) == {2}


@needs_cifar
class Presets(ProgramTest):
    def result(self, *overrides, config=SMOKE):
        out = self.folder / "out"
        arguments = [item for override in [*FAST, *overrides] for item in ("--set", override)]
        self.run_ok("run", config, "--out", out, *arguments)
        return summary(out)

    def density(self, result):
        return result["mask"]["density"]

    def test_two_of_four(self):
        result = self.result("stages.prune.pattern='2:4'", "stages.prune.budget.flops=0")
        self.assertAlmostEqual(sum(l["kept"] for l in result["mask"]["layers"][1:-1]) /
                               sum(l["total"] for l in result["mask"]["layers"][1:-1]), 0.5, places=6)
        self.assertLess(result["variants"][-1]["file_bytes"], 0.7 * result["variants"][0]["file_bytes"])

    def test_two_of_four_with_shadow_weights_ends_in_its_pattern(self):
        pattern = ("stages.prune.pattern='2:4'", "stages.prune.budget.flops=0", "stages.finetune.rounds=3")
        for sparse in ("ste", "{kind: sr_ste, lambda: 1e-3}", "{kind: ast, lambda: 1e-3, anneal: 0.5, refresh: 2}"):
            with self.subTest(sparse):
                self.folder = self.folder / "next"
                self.folder.mkdir()
                result = self.result(*pattern, f"stages.finetune.sparse={sparse}")
                self.assertGreater(result["variants"][-1]["accuracy"], 0.05)
                out = self.folder / "out"
                rounds = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
                flips = [r["sparse"]["flip_rate"] for r in rounds if "sparse" in r]
                self.assertEqual(len(flips), 3)
                self.assertGreater(flips[1], 0.0)
                self.assertEqual(flips[-1], 0.0)
                tensors = matrices_of(out / "model" / "model.safetensors")
                masked = [name for name, w in tensors.items() if two_of_four(w)]
                self.assertEqual(len(masked), len(result["mask"]["layers"]) - 2)

    def test_shadow_weights_ask_for_a_mask_of_weights(self):
        for overrides, words in (((), ("sparse", "channels", "N:M")),
                                 (("stages.prune.pattern=unstructured", "stages.prune.budget={flops: 0, density: 0.5}", "stages.finetune.dynamics={kind: fedtiny, every: 1}"),
                                  ("sparse", "dynamics"))):
            arguments = [item for o in (*FAST, "stages.finetune.sparse=ste", *overrides) for item in ("--set", o)]
            self.assert_refused(coppice("run", SMOKE, "--out", self.folder / "out", *arguments), *words)

    def test_vectors_of_32_and_16_rows(self):
        for pattern in ("32x1", "16x1"):
            with self.subTest(pattern):
                self.folder = self.folder / pattern
                self.folder.mkdir()
                result = self.result(f"stages.prune.pattern={pattern}", "stages.prune.budget.flops=0",
                                     "stages.prune.budget.density=0.5")
                self.assertEqual(result["mask"]["pattern"], pattern)
                self.assertLess(self.density(result), 0.6)

    def test_unstructured_at_five_percent_by_erk(self):
        result = self.result("stages.prune.pattern=unstructured", "stages.prune.budget.flops=0",
                             "stages.prune.budget.density=0.05", "stages.prune.allocation=erk", "stages.prune.floor=0.001")
        self.assertAlmostEqual(self.density(result), 0.05, delta=0.02)
        self.assertTrue(all(layer["kept"] > 0 for layer in result["mask"]["layers"]))

    def test_channels_under_a_parameter_budget(self):
        result = self.result("stages.prune.budget.flops=0", "stages.prune.budget.params=0.5")
        rows = {v["name"]: v for v in result["variants"]}
        self.assertLessEqual(rows["compact"]["parameters"], 0.5 * rows["dense"]["parameters"])

    def test_channels_under_budgets_in_bytes_and_in_measured_time(self):
        result = self.result("stages.prune.budget={flops: 0, bytes: 0.5}")
        rows = {v["name"]: v for v in result["variants"]}
        self.assertLess(rows["compact"]["file_bytes"], 0.52 * rows["dense"]["file_bytes"])  # the header is not weights
        by_time = ("stages.prune.budget={flops: 0, latency: 0.8}", "stages.prune.latency_batch=16")
        self.folder = self.folder / "timed"
        self.folder.mkdir()
        first = self.result(*by_time)
        self.assertLess(first["mask"]["density"], 1.0)
        table = self.folder / "out" / "latency.json"
        kept = self.folder / "latency.json"
        shutil.copy(table, kept)
        self.folder = self.folder / "again"
        self.folder.mkdir()
        again = self.result(*by_time, f"stages.prune.latency_table={kept}")  # the same times, the same mask
        self.assertEqual(again["mask"]["digest"], first["mask"]["digest"])
        kept.write_text(kept.read_text().replace('"widths"', '"breadths"'))
        refused = coppice("run", SMOKE, "--out", self.folder / "no", *(item for s in (*by_time, f"stages.prune.latency_table={kept}") for item in ("--set", s)))
        self.assert_refused(refused, "prune", "latency.json", "widths")

    def test_an_mlp_and_a_resnet20(self):
        for model, flops in (("{kind: mlp, inputs: 3072, hidden: [64, 32], outputs: 10}", 0.5),
                             ("{kind: resnet20, input: [32, 32, 3]}", 0.6)):
            with self.subTest(model):
                self.folder = self.folder / "next"
                self.folder.mkdir()
                result = self.result(f"model={model}", f"stages.prune.budget.flops={flops}", "federation.precision=f32",
                                     "federation.optimizer.lr=0.01")
                rows = {v["name"]: v for v in result["variants"]}
                self.assertLessEqual(rows["compact"]["flops"], flops * rows["dense"]["flops"])

    def test_fluctuations_and_biases_of_an_mlp(self):
        result = self.result("model={kind: mlp, inputs: 3072, hidden: [64, 32], outputs: 10}", "stages.prune.budget.flops=0.5",
                             "stages.score.importance=flap", "stages.prune.compensation=bias", "federation.precision=f32",
                             "federation.optimizer.lr=0.01")
        rows = {v["name"]: v for v in result["variants"]}
        self.assertAlmostEqual(rows["compact"]["loss"], rows["masked"]["loss"], places=4)

    def test_every_partition(self):
        for partition in ("{kind: iid, clients: 40}", "{kind: pathological, clients: 40, classes_per_client: 2}",
                          "{kind: quantity, alpha: 0.5, clients: 40, min_samples: 20}"):
            with self.subTest(partition):
                self.folder = self.folder / "next"
                self.folder.mkdir()
                self.assertEqual(self.result(f"data.partition={partition}")["data"]["clients"], 40)

    def test_scaffold_keeps_its_variates_at_the_clients_until_the_shapes_change(self):
        result = self.result("federation.correction=scaffold", "federation.optimizer.momentum=0", "stages.warmup.rounds=3",
                             "federation.cohort=20")
        self.assertGreater(len(list((self.folder / "out" / "clients").iterdir())), 20)
        self.assertGreater(result["variants"][-1]["accuracy"], 0.05)

    def test_krum_reads_single_reports(self):
        self.result("federation.aggregation={kind: krum, byzantine: 1, select: 2}", "federation.cohort=6")

    def test_batch_norm_selection_and_growth_by_layers(self):
        out = self.folder / "out"
        config = self.folder / "fedtiny.yaml"
        config.write_text(SMOKE.read_text().split("stages:")[0] + """
stages:
  - warmup: {rounds: 1}
  - bn_selection: {density: 0.2, epsilon: 0.1, candidates: 3, variance: mean, recalibration: {batches: 1, batch: 32, cohort: 8}}
  - finetune: {rounds: 4, dynamics: {kind: fedtiny, every: 1, until: 4, unit: layer, upload: candidates}}
  - export
""")
        self.run_ok("run", config, "--out", out)
        result = summary(out)
        self.assertEqual(len(result["fusion"]["candidates"]), 3)
        self.assertAlmostEqual(self.density(result), 0.2, delta=0.02)

    def test_other_servers_wires_and_fusions(self):
        self.result("federation.server=fedyogi", "federation.wire=i8", "federation.local.prox_mu=0.01",
                    "stages.score.fusion.clients=agreement", "stages.score.fusion.granularity=attention")


if __name__ == "__main__":
    unittest.main()
