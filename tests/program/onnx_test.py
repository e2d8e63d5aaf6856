"""Exported models go on as ONNX: a batch of any size, in onnxruntime the logits that the engine got."""
import importlib.util
import re
import shutil
import subprocess
import sys
import unittest

from program import SMOKE, SOURCE, ProgramTest, environment, needs_cifar

NETWORKS = SOURCE / "tests" / "program" / "networks.py"
SMALL = ["--set", "stages.warmup.rounds=1", "--set", "stages.finetune.rounds=1", "--set", "stages.finetune.twin=false",
         "--set", "stages.score.fusion.granularity={kind: fixed, alpha: 0.5}"]
HERE = [importlib.util.find_spec(name) is not None for name in ("onnx", "onnxscript", "onnxruntime")]


def tool(name, *arguments):
    return subprocess.run([sys.executable, "-B", SOURCE / "tools" / name, *map(str, arguments)], env=environment(), text=True, capture_output=True, check=False)


@needs_cifar
@unittest.skipUnless(all(HERE), "onnx, onnxscript and onnxruntime are not installed (tools/setup/requirements-onnx.txt)")
class Onnx(ProgramTest):
    def assert_agrees(self, run):
        out = self.folder / "model.onnx"
        done = tool("export_onnx.py", run, "--out", out)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        found = re.search(r"largest difference (\S+) .*batches of 16 and 1", done.stdout)
        self.assertIsNotNone(found, done.stdout)
        self.assertLess(float(found[1]), 1e-5)
        self.assertGreater(out.stat().st_size, (run / "model" / "model.safetensors").stat().st_size // 2)

    def test_a_built_in_network(self):
        run = self.folder / "run"
        self.run_ok("run", SMOKE, "--out", run, *SMALL)
        self.assert_agrees(run)
        self.assertEqual(tool("export_onnx.py", run, "--out", self.folder / "model.onnx", "--tolerance", "0").returncode, 1)
        self.assertFalse((self.folder / "model.onnx").exists())

    def test_an_imported_network_and_one_that_torch_cannot_write(self):
        net, run = self.folder / "net.pt2", self.folder / "run"
        self.assertEqual(tool("import_model.py", f"{NETWORKS}:Squeezed", "--example", "3x32x32", "--out", net).returncode, 0)
        self.run_ok("run", SMOKE, "--set", f"model={{kind: graph, path: {net}}}", "--out", run, *SMALL)
        self.assert_agrees(run)
        other = self.folder / "other"
        shutil.copytree(run / "model", other)
        source = (other / "model.py").read_text()
        result = re.search(r"        return (v\d+)\n", source)[1]
        (other / "model.py").write_text(source.replace(f"        return {result}\n", f"        return torch.linalg.eigvals({result}.T @ {result}).real.sum() + {result}\n"))
        done = tool("export_onnx.py", other, "--out", self.folder / "other.onnx")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stderr.strip(), r"^export_onnx: torch cannot write this model as ONNX: .*linalg_eig[^\n]*$")
        self.assertFalse((self.folder / "other.onnx").exists())

    def test_a_folder_without_a_model_is_one_line(self):
        done = tool("export_onnx.py", self.folder, "--out", self.folder / "model.onnx")
        self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1))
        self.assertIn("config.json", done.stderr)


if __name__ == "__main__":
    unittest.main()
