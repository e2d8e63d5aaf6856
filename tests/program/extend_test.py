"""Programs that add choices of their own: the installed package, the examples of docs/gallery, and what `coppice new` writes. Everything is built
outside of the tree, as somebody else would build it, and run on real data."""
import array
import json
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest

from program import DATA, MPIRUN, PROGRAM, SOURCE, ProgramTest, coppice, digest, environment, signalled

GALLERY = SOURCE / "docs" / "gallery"
KINDS = ["method", "importance", "fusion", "pattern", "source"]
needs_digits = unittest.skipUnless((DATA / "mnist_by_writer").exists(), "mnist_by_writer is not in COPPICE_DATA_DIR")
CONFIG = """
run: {{name: gallery, seed: 3}}
model: {{kind: mlp, inputs: 784, hidden: [32, 32]}}
data:
  source: {{kind: mnist-by-writer}}
  partition: {{kind: by-column, column: writer, min_samples: 20, clients: 24}}
  holdout: {{fraction: 0.2}}
federation:
  cohort: 6
  local: {{batch: 16}}
  optimizer: {{kind: sgd, lr: 0.05, momentum: 0.9}}
stages: {stages}
"""
# Scores of single weights, a mask from them, and a round under it.
CUT = "[warmup: {{rounds: 2}}, score: {{{score}}}, prune: {{{prune}}}, finetune: {{rounds: 1}}, export]"
UNSTRUCTURED = "pattern: unstructured, budget: {density: 0.2}, recalibration: {batches: 1}"


def shell(*words, cwd=None):
    done = subprocess.run([str(word) for word in words], cwd=cwd, env=environment(), text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{words}: exit code {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done.stdout


def tensors(run):
    """name -> (shape, bytes) of what a run exported, whatever the file says besides."""
    data = (pathlib.Path(run) / "model" / "model.safetensors").read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    return {name: (entry["shape"], data[8 + size + entry["data_offsets"][0]:8 + size + entry["data_offsets"][1]])
            for name, entry in header.items()}


class ExtensionTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.place = pathlib.Path(tempfile.mkdtemp(prefix="coppice-extend-"))
        cls.addClassCleanup(shutil.rmtree, cls.place, True)
        cls.prefix = cls.place / "prefix"
        shell("cmake", "--install", os.environ["COPPICE_BUILD_DIR"], "--prefix", cls.prefix, "--component", "development")

    @classmethod
    def build(cls, source, *options):
        """Configures and builds a project; returns its build folder."""
        build = cls.place / ("build-" + pathlib.Path(source).name)
        shell("cmake", "-S", source, "-B", build, *options)
        shell("cmake", "--build", build, "-j", "2")
        return build


@needs_digits
class GalleryTest(ExtensionTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = cls.build(GALLERY, f"-DCMAKE_PREFIX_PATH={cls.prefix}") / "coppice-gallery"

    def config(self, stages):
        path = self.folder / "config.yaml"
        path.write_text(CONFIG.format(stages=stages))
        return path

    def run_of(self, stages, name, *options, ranks=0):
        out = self.folder / name
        self.run_ok("run", self.config(stages), "--out", out, *options, ranks=ranks, program=self.program)
        return out

    def weights_of(self, stages):
        return tensors(self.run_of(stages, f"run-{len(list(self.folder.iterdir()))}"))

    def cut_by(self, score="importance: magnitude", prune=UNSTRUCTURED):
        return self.weights_of(CUT.format(score=score, prune=prune))

    def test_fedavg_by_hand_is_fedavg(self):
        built_in = self.weights_of("[warmup: {rounds: 4}, export]")
        self.assertEqual(self.weights_of("[fedavg_by_hand: {rounds: 4}, export]"), built_in)
        self.assertNotEqual(self.weights_of("[fedavg_by_hand: {rounds: 3}, export]"), built_in)

    def test_a_killed_stage_goes_on_to_the_same_bits(self):
        stages = "[fedavg_by_hand: {rounds: 60}, export]"
        whole = self.run_of(stages, "whole")
        out = self.folder / "killed"
        arguments = ["run", self.config(stages), "--out", out, "--resume=auto"]
        self.assertEqual(signalled(arguments, out, 3, signal.SIGKILL, program=self.program), -signal.SIGKILL)
        self.assertFalse((out / "summary.json").exists())
        self.run_ok(*arguments, program=self.program)
        self.assertEqual(tensors(out), tensors(whole))

    def test_lamp_with_layers_alike_is_magnitude(self):
        magnitude = self.cut_by("importance: {kind: magnitude, order: 2}")
        self.assertEqual(self.cut_by("importance: {kind: lamp, layers: alike}"), magnitude)
        self.assertNotEqual(self.cut_by("importance: lamp"), magnitude)

    def test_shares_that_are_not_clipped_are_the_normalised_mean(self):
        score = "importance: taylor, batches: 2, fusion: {{clients: {}}}"
        built_in = self.cut_by(score.format("{kind: normalised_mean, over: family}"))
        self.assertEqual(self.cut_by(score.format("{kind: clipped_shares, most: 1e9}")), built_in)
        self.assertNotEqual(self.cut_by(score.format("{kind: clipped_shares, most: 1.5}")), built_in)

    def test_balanced_groups_of_four_are_two_of_four(self):
        rest = "edge: true, recalibration: {batches: 1}"
        built_in = self.cut_by(prune=f"pattern: '2:4', {rest}")
        budget = "budget: {density: 0.5}, allocation: uniform"
        self.assertEqual(self.cut_by(prune=f"pattern: {{kind: balanced, group: 4}}, {budget}, {rest}"), built_in)
        wide = self.cut_by(prune=f"pattern: {{kind: balanced, group: 16}}, {budget}, {rest}")
        self.assertNotEqual(wide, built_in)
        matrices = [(shape, values) for shape, values in wide.values() if len(shape) == 2]
        self.assertEqual(len(matrices), 3)
        for shape, values in matrices:
            w = array.array("f", values)
            kept = {sum(x != 0 for x in w[first:first + 16]) for first in range(0, shape[0] * shape[1], 16)}
            self.assertEqual(kept, {8}, shape)

    def test_ranks_do_not_matter(self):
        stages = ("[fedavg_by_hand: {rounds: 2}, score: {importance: lamp}, score: {importance: taylor, fusion: {clients: clipped_shares}}, "
                  "prune: {pattern: {kind: balanced, group: 8}, budget: {density: 0.25}, allocation: uniform, edge: true}, "
                  "finetune: {rounds: 1}, export]")
        one = self.run_of(stages, "one")
        weights = digest(one / "model" / "model.safetensors")
        self.assertEqual(digest(self.run_of(stages, "two", "--set", "run.ranks=2") / "model" / "model.safetensors"), weights)
        if MPIRUN:
            self.assertEqual(digest(self.run_of(stages, "mpi", ranks=2) / "model" / "model.safetensors"), weights)

    def test_configs_know_the_names_and_settings(self):
        config = self.config(CUT.format(score="importance: {kind: lamp, layers: alike}", prune=UNSTRUCTURED))
        check = ("check", config, "--set")
        self.assertIn("is valid", self.run_ok(*check, "stages.prune.pattern={kind: balanced, group: 4}", program=self.program).stdout)

        def refuse(setting, *words):
            self.assert_refused(coppice(*check, setting, program=self.program), *words, program="coppice-gallery")

        refuse("stages.score.importance.kind=lmap", "found 'lmap'", "random, lamp, graph (did you mean 'lamp'?)")
        refuse("stages.score.importance.layer=alike", "unknown key of 'lamp'", "did you mean 'layers'?")
        refuse("stages.prune.pattern={kind: balanced, group: 1}", "stages.2.prune.pattern.group", "expected an integer >= 2")
        refuse("stages.prune.pattern={kind: balanced, group: 5}", "prune: pattern balanced", "expected a multiple of group 5")
        refuse("stages=[fedavg_by_hnd: {rounds: 2}]", "found 'fedavg_by_hnd'", "did you mean 'fedavg_by_hand'?")
        # Another program has none of them.
        self.assert_refused(coppice("check", config), "importance.kind: found 'lamp'", "expected one of: taylor")
        reference = self.run_ok("init", "--reference", program=self.program).stdout
        self.assertIn("| `stages.score.importance.layers` | `importance: lamp` | adaptive, alike | `adaptive` |", reference)
        self.assertIn("| `stages.fedavg_by_hand.rounds` |", reference)

    def test_the_digest_has_an_extensions_settings(self):
        def out_of(*options):
            config = self.config(CUT.format(score="importance: lamp", prune=UNSTRUCTURED))
            text = self.run_ok("check", config, *options, program=self.program).stdout
            return re.search(r"a run writes to (\S+)", text).group(1)

        self.assertEqual(out_of(), out_of("--set", "stages.score.importance.layers=adaptive"))
        self.assertNotEqual(out_of(), out_of("--set", "stages.score.importance.layers=alike"))

    def test_a_sweep_runs_them(self):
        self.config(CUT.format(score="importance: lamp", prune=UNSTRUCTURED))
        sweep = self.folder / "sweep.yaml"
        sweep.write_text("base: config.yaml\nseeds: [1]\narms: {lamp: {}}\ngrid: {layers: {key: stages.score.importance.layers, values: [adaptive, alike]}}\n")
        out = self.folder / "sweep"
        self.run_ok("sweep", sweep, "--out", out, program=self.program)
        self.assertEqual(len(list(out.glob("runs/*/summary.json"))), 2)

    def test_every_example_is_short(self):
        for path in sorted(GALLERY.glob("*.h")):
            lines = [line for line in path.read_text().splitlines() if line.strip() and not line.lstrip().startswith("//")]
            self.assertLess(len(lines), 60, path.name)
            self.assertIn(f"(gallery/{path.name})", (SOURCE / "docs" / "gallery.md").read_text())


class ScaffoldTest(ExtensionTest):
    def test_what_is_written_builds_and_passes_its_test(self):
        # A project finds the package that the program is installed with.
        program = self.prefix / "bin" / "coppice"
        program.parent.mkdir()
        shutil.copy(PROGRAM, program)
        projects = self.place / "projects"
        for kind in KINDS:
            self.run_ok("new", kind, f"own_{kind}", "--out", projects / kind, program=program)
        (projects / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.25)\nproject(all LANGUAGES C CXX)\nenable_testing()\n" +
                                                 "".join(f"add_subdirectory({kind})\n" for kind in KINDS))
        build = self.build(projects)
        out = shell("ctest", "--test-dir", build, "--output-on-failure")
        self.assertIn(f"100% tests passed, 0 tests failed out of {len(KINDS)}", out)

    def test_it_overwrites_nothing_and_checks_names(self):
        out = self.folder / "project"
        self.run_ok("new", "importance", "mine", "--out", out)
        before = digest(out / "mine.cc")
        self.assert_refused(coppice("new", "fusion", "mine", "--out", out), "which exists; expected a new folder")
        self.assertEqual(digest(out / "mine.cc"), before)
        self.assertEqual(sorted(path.name for path in out.iterdir()),
                         ["CMakeLists.txt", "README.md", "main.cc", "mine.cc", "mine.h", "mine.yaml", "ranks_test.cmake"])
        for path in out.iterdir():
            self.assertNotRegex(path.read_text(), "@(name|Name|kind|source|hints)@")
        for name in ["My-Score", "1st", "a b", ""]:
            self.assert_refused(coppice("new", "importance", name, "--out", self.folder / "x"), "expected a-z, 0-9 and _")
        self.assert_refused(coppice("new", "importance", "magnitude", "--out", self.folder / "x"), "which a built-in importance has")
        self.assert_refused(coppice("new", "importanec", "mine", "--out", self.folder / "x"), "did you mean 'importance'?")
        self.assertFalse((self.folder / "x").exists())


class PackageTest(ExtensionTest):
    def test_a_missing_libtorch_is_one_clear_line(self):
        done = subprocess.run(["cmake", "-S", str(GALLERY), "-B", str(self.folder / "b"), f"-DCMAKE_PREFIX_PATH={self.prefix}", "-DTorch_ROOT=/nowhere"],
                              env=environment(), text=True, capture_output=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("libtorch not found: looked for lib/libtorch_cpu.so", " ".join(done.stderr.split()))


if __name__ == "__main__":
    unittest.main()
