"""The packed export of a real mask at a density of 5 %: its size, what reads it, and that it is the model that was masked."""
import json
import pathlib
import re
import subprocess
import sys
import unittest

from program import SMOKE, SOURCE, OneRunTest, coppice, environment, needs_cifar, summary

STAGES = ("stages=[{warmup: {rounds: 1}}, {score: {importance: magnitude}}, {prune: {pattern: unstructured, budget: {density: 0.05}, "
          "allocation: erk, recalibration: {batches: 1, cohort: 4}}}, {finetune: {rounds: 2}}, export]")


@needs_cifar
class Packed(OneRunTest):
    SETTINGS = (STAGES,)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.packed = cls.run_folder / "model" / "model.packed"

    def test_the_file_is_within_a_fifth_of_the_entropy_bound(self):
        size, bound, ratio = re.search(r"(\d+) bytes; entropy bound (\d+); ratio ([\d.]+)", self.run_ok("inspect", self.run_folder)).groups()
        self.assertEqual(int(size), self.packed.stat().st_size)
        self.assertLess(float(ratio), 1.2)
        self.assertAlmostEqual(int(size) / int(bound), float(ratio), places=3)
        result = summary(self.run_folder)
        kept, total = (sum(layer[what] for layer in result["mask"]["layers"]) for what in ("kept", "total"))
        self.assertAlmostEqual(kept / total, 0.05, delta=0.0002)
        self.assertEqual(result["variants"][-1]["file_bytes"], int(size))
        self.assertEqual(result["variants"][-1]["artifact"], "packed")

    def test_it_computes_what_the_masked_model_does(self):
        figures = [self.run_ok("eval", model, "--data", "cifar10") for model in (self.run_folder, self.packed)]
        self.assertEqual(figures[0], figures[1])
        self.run_ok("export", self.packed, "--out", "unpacked")
        self.assertEqual((self.base.folder / "unpacked" / "model.safetensors").read_bytes(),
                         (self.run_folder / "model" / "model.safetensors").read_bytes())
        self.assertIn("ms, batch 1", self.run_ok("bench", self.packed, "--batch", "1"))

    def test_numpy_alone_reads_it(self):
        out = self.base.folder / "dense.npz"
        done = subprocess.run([sys.executable, SOURCE / "tools" / "read_packed.py", self.packed, "--npz", out], env=environment(), text=True,
                              capture_output=True, check=False)
        if "ModuleNotFoundError" in done.stderr:
            self.skipTest("numpy is not importable here")
        self.assertEqual(done.returncode, 0, done.stderr)
        inspected = self.run_ok("inspect", self.packed)
        self.assertIn(re.search(r"\d+ bytes; .*", done.stdout).group(), inspected)

        import numpy as np
        dense = safetensors_of(self.run_folder / "model" / "model.safetensors")
        unpacked = np.load(out)
        self.assertEqual(set(unpacked.files), set(dense))
        for name, values in dense.items():
            self.assertEqual(unpacked[name].tobytes(), values, name)

    def test_what_is_damaged_is_refused_in_one_line(self):
        whole = self.packed.read_bytes()
        damaged = self.base.folder / "damaged.packed"
        for name, content in (("cut short", whole[:-1]), ("longer", whole + b"x"), ("config", whole.replace(b"resnet8", b"resnet9"))):
            with self.subTest(name):
                damaged.write_bytes(content)
                done = coppice("eval", damaged, "--data", "cifar10")
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)
                self.assertIn(str(damaged), done.stderr)


def safetensors_of(path):
    data = pathlib.Path(path).read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    return {name: data[start + entry["data_offsets"][0]:start + entry["data_offsets"][1]]
            for name, entry in json.loads(data[8:start]).items() if name != "__metadata__"}


if __name__ == "__main__":
    unittest.main()
