"""Networks that the engine does not know: imported, pruned, trained over clients, exported, and loaded in PyTorch again."""
import io
import json
import shutil
import signal
import subprocess
import sys
import unittest
import zipfile

import numpy as np

from program import SMOKE, SOURCE, ProgramTest, coppice, environment, needs_cifar, signalled, summary, weights

NETWORKS = SOURCE / "tests" / "program" / "networks.py"


def tool(name, *arguments):
    return subprocess.run([sys.executable, "-B", SOURCE / "tools" / name, *map(str, arguments)], env=environment(), text=True, capture_output=True, check=False)


class ImportedNetwork(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.base = ProgramTest("setUp")
        cls.base.setUp()
        cls.file = cls.base.folder / "squeezed.pt2"
        done = tool("import_model.py", f"{NETWORKS}:Squeezed", "--example", "3x32x32", "--out", cls.file)
        assert done.returncode == 0, done.stdout + done.stderr

    @classmethod
    def tearDownClass(cls):
        cls.base.doCleanups()

    def model(self, path=None):
        return f"model={{kind: graph, path: {path or self.file}}}"

    def changed(self, name, change):
        """A copy of the archive in which `change(entry, bytes)` gives each entry's bytes, or another name with them."""
        path = self.folder / name
        with zipfile.ZipFile(self.file) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as new:
            for entry in old.infolist():
                made = change(entry.filename, old.read(entry))
                name, data = made if isinstance(made, tuple) else (entry.filename, made)
                new.writestr(zipfile.ZipInfo(name), data)
        return path

    def changed_graph(self, name, change):
        def apply(entry, data):
            if not entry.endswith("/models/model.json"):
                return data
            model = json.loads(data)
            change(model)
            return json.dumps(model).encode()
        return self.changed(name, apply)

    def refused(self, path, *words):
        self.assert_refused(coppice("check", SMOKE, "--set", self.model(path)), str(path), *words)

    def test_inspect_shows_its_units(self):
        text = self.run_ok("inspect", self.file).stdout
        for family in ("stem.0", "wide", "joined"):
            self.assertIn(f"{family} ", text)

    @needs_cifar
    def test_it_is_pruned_trained_exported_and_loads_in_pytorch(self):
        run = self.folder / "run"
        self.run_ok("run", SMOKE, "--set", self.model(), "--out", run)
        dense, compact = summary(run)["variants"][0], summary(run)["variants"][-1]
        self.assertLess(compact["parameters"], 0.8 * dense["parameters"])
        done = tool("verify_export.py", run)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("verified", done.stdout)
        again = subprocess.run([sys.executable, "-c", "import sys; sys.path.insert(0, '.'); import torch, model\n"
                                "net, x = model.load('.'), torch.randn(2, 3, 32, 32)\n"
                                "print(float((torch.export.export(net, (x,)).module()(x) - net(x)).abs().max()))"],
                               cwd=run / "model", env=environment(), text=True, capture_output=True, check=False)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(float(again.stdout), 0.0)
        self.run_ok("eval", run, "--data", "cifar10")

    @needs_cifar
    def test_a_resume_needs_no_outside_file_and_changes_no_bit(self):
        whole, cut = self.folder / "whole", self.folder / "cut"
        file = self.folder / "net.pt2"
        shutil.copy(self.file, file)
        arguments = ["run", SMOKE, "--set", self.model(file), "--set", "federation.precision=f32", "--set", "run.ranks=2"]
        self.run_ok(*arguments, "--out", whole)
        self.assertEqual(signalled([*arguments, "--out", cut], cut, 2, signal.SIGTERM), 3)
        file.unlink()
        self.run_ok(*arguments, "--out", cut, "--resume", "--set", "run.ranks=1")
        self.assertEqual(weights(whole), weights(cut))

    def test_another_schema_is_refused(self):
        self.refused(self.changed_graph("schema.pt2", lambda m: m["schema_version"].update(major=9)), "schema 9.", "8.0 to 8.20")

    def test_an_operation_outside_the_list_is_named_with_its_place(self):
        path = self.folder / "random.pt2"
        self.assertEqual(tool("import_model.py", f"{NETWORKS}:Random", "--example", "3x32x32", "--out", path).returncode, 0)
        self.refused(path, "aten.randn.default", "randn")

    def test_a_drawn_code_is_refused_with_the_reason(self):
        path = self.folder / "sampled.pt2"
        self.assertEqual(tool("import_model.py", f"{NETWORKS}:Sampled", "--example", "12", "--out", path).returncode, 0)
        self.refused(path, "'randn_like'", "aten.randn_like.default", "draws random numbers")

    def test_tied_weights_count_once(self):
        path = self.folder / "tied.pt2"
        done = tool("import_model.py", f"{NETWORKS}:Tied", "--tokens", "6", "--out", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f" {40 * 8 + 8 * 8 + 8} parameters", done.stdout)
        self.assertIn(f"graph: {40 * 8 + 8 * 8 + 8} parameters", self.run_ok("inspect", path).stdout)

    def test_a_pickle_is_refused(self):
        self.refused(self.changed("pickle.pt2", lambda n, d: d.replace(b'"use_pickle": false', b'"use_pickle": true')), "is pickled")
        self.refused(self.changed("other.pt2", lambda n, d: (n.replace("data/sample_inputs/model.pt", "data.pkl"), d)), "data.pkl", "pickle")

    def test_a_path_that_leaves_the_archive_is_refused(self):
        self.refused(self.changed("path.pt2", lambda n, d: ("squeezed/../../out" if n.endswith("weight_0") else n, d)), "leaves the archive's folder")

    def test_shapes_that_lie_are_refused(self):
        def lie(model):
            model["graph_module"]["graph"]["tensor_values"]["conv2d_1"]["sizes"][2] = {"as_int": 15}
        self.refused(self.changed_graph("shape.pt2", lie), "conv2d_1", "the file says [any, 24, 15, 16]")

    def test_weights_that_are_no_numbers_are_refused(self):
        nan = np.float32("nan").tobytes()
        self.refused(self.changed("nan.pt2", lambda n, d: nan + d[4:] if n.endswith("/weight_3") else d), "not finite")

    def test_bytes_that_are_missing_are_refused(self):
        self.refused(self.changed("short.pt2", lambda n, d: d[:-4] if n.endswith("/weight_3") else d), "bytes; its shape asks for")
        whole = self.file.read_bytes()
        path = self.folder / "cut.pt2"
        path.write_bytes(whole[:len(whole) // 2])
        self.refused(path, "not a .pt2 archive")

    def test_compressed_archives_are_refused(self):
        path, packed = self.folder / "packed.pt2", io.BytesIO()
        with zipfile.ZipFile(self.file) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
            for entry in old.infolist():
                new.writestr(entry.filename, old.read(entry), zipfile.ZIP_DEFLATED)
        path.write_bytes(packed.getvalue())
        self.refused(path, "is compressed")


if __name__ == "__main__":
    unittest.main()
