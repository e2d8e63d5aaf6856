"""Bad input: one clear line, exit code 2, nothing overwritten, no hang."""
import gzip
import shutil
import unittest

from program import DATA, MPIRUN, SMOKE, ProgramTest, coppice, needs_cifar


def csv(path, rows):
    """Two features, three classes."""
    path.write_text("a,b,label\n" + "".join(f"{i % 7},{i % 5},{i % 3}\n" for i in range(rows)))


class BadConfig(ProgramTest):
    def check(self, text, *words):
        path = self.folder / "config.yaml"
        path.write_text(text)
        self.assert_refused(coppice("check", path), *words)

    def test_a_misspelt_key_gets_the_nearest_name(self):
        self.check("federation: {cohrt: 3}\n", "config.yaml", "federation", "cohrt", "cohort")

    def test_a_wrong_type_names_what_was_expected(self):
        self.check("federation: {cohort: many}\n", "federation.cohort", "many")

    def test_an_impossible_value_names_the_range(self):
        self.check("federation: {cohort: 0}\n", "federation.cohort", "0", ">= 1")

    def test_an_unknown_kind_lists_the_kinds(self):
        self.check("model: {kind: resnet9}\n", "model", "resnet9", "resnet8")

    def test_a_missing_file_is_named(self):
        self.assert_refused(coppice("check", self.folder / "nothing.yaml"), "nothing.yaml")

    def test_malformed_yaml_names_the_line(self):
        self.check("run: {name: [a\nstages: x}\n", "config.yaml", "line")

    def test_an_override_is_checked_like_the_file(self):
        done = coppice("check", SMOKE, "--set", "federation.cohrt=3")
        self.assert_refused(done, "cohrt", "cohort")

    def test_scaffold_refuses_momentum_and_names_both_settings(self):
        done = coppice("check", SMOKE, "--set", "federation.correction=scaffold")
        self.assert_refused(done, "federation.correction", "federation.optimizer.momentum")

    def test_nesterov_needs_momentum(self):
        done = coppice("check", SMOKE, "--set", "federation.optimizer={kind: sgd, nesterov: true, momentum: 0}")
        self.assert_refused(done, "federation.optimizer.nesterov", "momentum")

    def test_moments_that_never_forget_are_refused(self):
        done = coppice("check", SMOKE, "--set", "federation.optimizer={kind: adam, beta1: 1}")
        self.assert_refused(done, "federation.optimizer.beta1", "found '1'")

    def test_a_prune_stage_needs_scores(self):
        self.check("stages:\n  - prune: {budget: {flops: 0.5}}\n", "stages[0].prune", "score")

    def test_an_unknown_command_is_refused(self):
        self.assertEqual(coppice("rnu").returncode, 2)


@needs_cifar
class BadScenario(ProgramTest):
    def refuse(self, *overrides, words, ranks=0):
        arguments = [item for override in overrides for item in ("--set", override)]
        out = self.folder / "out"
        done = coppice("run", SMOKE, "--out", out, *arguments, ranks=ranks, timeout=120)
        self.assert_refused(done, *words)
        self.assertFalse((out / "metrics.jsonl").exists(), "something was computed before the refusal")

    def test_a_budget_that_no_mask_meets(self):
        self.refuse("stages.prune.budget.flops=0.01", words=["stages[2].prune", "%"])

    def test_biases_cannot_make_up_where_batch_norm_does(self):
        self.refuse("stages.prune.compensation=bias", words=["stages[2].prune", "compensation", "batch norms", "expected none"])

    def test_sparse_gpt_is_for_matrices(self):
        stages = "stages=[{warmup: {rounds: 1}}, {prune: {pattern: '2:4', compensation: sparsegpt}}]"
        self.refuse(stages, words=["stages[1].prune", "sparsegpt", "convolution", "layer1.0.conv1.weight"])

    def test_a_pattern_that_does_not_divide_a_layer(self):
        self.refuse("stages.prune.pattern=3:5", "stages.prune.budget.flops=0", words=["prune", "weight", "5"])

    def test_more_clients_than_samples(self):
        self.refuse("data.partition.clients=100000", words=["100000"])

    def test_a_cohort_larger_than_the_federation(self):
        self.refuse("federation.cohort=41", words=["federation.cohort", "41", "40"])

    def test_a_model_that_does_not_fit_the_data(self):
        self.refuse("model.input=[28, 28, 1]", words=["model.input", "[28, 28, 1]", "[32, 32, 3]"])

    @unittest.skipUnless(MPIRUN, "this build has no MPI")
    def test_more_ranks_than_clients(self):
        done = coppice("run", SMOKE, "--out", self.folder / "out", "--set", "federation.cohort=2", ranks=3, timeout=120)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("federation.cohort", done.stderr)

    def test_a_folder_that_holds_a_run_is_left_alone(self):
        out = self.folder / "out"
        arguments = ["run", SMOKE, "--out", out, "--set", "stages.finetune.rounds=0", "--set", "stages.warmup.rounds=1"]
        self.run_ok(*arguments)
        before = sorted((p.name, p.stat().st_mtime_ns) for p in out.rglob("*") if p.is_file() and p.name != ".lock")
        self.assert_refused(coppice(*arguments), "already holds a run", "--resume")
        after = sorted((p.name, p.stat().st_mtime_ns) for p in out.rglob("*") if p.is_file() and p.name != ".lock")
        self.assertEqual(before, after)

    def test_checkpoints_that_are_damaged_or_of_another_config(self):
        out = self.folder / "out"
        arguments = ["run", SMOKE, "--out", out, "--set", "stages.finetune.rounds=0", "--set", "stages.warmup.rounds=1"]
        self.run_ok(*arguments)
        self.assert_refused(coppice(*arguments, "--set", "federation.cohort=5", "--resume"), "another config")
        model = next((out / "checkpoint").glob("model-*.safetensors"))
        whole = model.read_bytes()
        for damaged in (whole[:100], whole[:-8], b"\xff" * 64 + whole[64:], whole[:-1] + bytes([whole[-1] ^ 1])):
            model.write_bytes(damaged)
            self.assert_refused(coppice(*arguments, "--resume"), model.name)
        model.write_bytes(whole)
        manifest = out / "checkpoint" / "manifest.json"
        text = manifest.read_text()
        for damaged in (text[:-20], "[]", text.replace('"stage"', '"stagf"')):
            manifest.write_text(damaged)
            self.assert_refused(coppice(*arguments, "--resume"), "manifest.json")

    def test_a_resume_needs_something_to_resume(self):
        self.assert_refused(coppice("run", SMOKE, "--out", self.folder / "none", "--resume"), "--resume", "no checkpoint")


class BadData(ProgramTest):
    def test_an_absent_data_set_is_named(self):
        done = coppice("data", "inspect", SMOKE, "--set", f"data.source.path={self.folder}")
        self.assert_refused(done, str(self.folder))

    @needs_cifar
    def test_a_truncated_data_file_is_named(self):
        folder = self.folder / "cifar10"
        shutil.copytree(DATA / "cifar10", folder, ignore=lambda _, names: [n for n in names if "tar" in n])
        target = folder / "subset_test_1000.bin.gz"
        content = gzip.decompress(target.read_bytes())
        target.write_bytes(gzip.compress(content[:-100], 1))
        self.assert_refused(coppice("data", "inspect", SMOKE, "--set", f"data.source.path={folder}"), target.name)

    def test_an_unknown_data_set_gets_the_nearest_name(self):
        self.assert_refused(coppice("data", "inspect", "fashion-minst"), "fashion-minst", "fashion-mnist")

    def test_a_damaged_model_folder_is_refused(self):
        (self.folder / "config.json").write_text("{}")
        (self.folder / "model.safetensors").write_bytes(b"\x00" * 16)
        self.assert_refused(coppice("inspect", self.folder), "config.json")


class NanClient(ProgramTest):
    def test_a_client_with_a_nan_loss_is_left_out_and_counted(self):
        path = self.folder / "data.csv"
        csv(path, 300)
        config = self.folder / "config.yaml"
        config.write_text(f"""
model: {{kind: mlp, inputs: 2, hidden: [8], outputs: 3}}
data:
  source: {{kind: csv, path: {path}, targets: [label]}}
  partition: {{kind: iid, clients: 6}}
  test_clients: 1
federation:
  cohort: 6
  local: {{batch: 8}}
  optimizer: {{kind: sgd, lr: 1.0e+30}}
  divergence: 0
stages:
  - warmup: {{rounds: 4}}
  - export
""")
        done = coppice("run", config, "--out", self.folder / "out")
        self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
        self.assertIn("left out: loss", done.stderr)
        self.assertIn("quorum", done.stderr)


if __name__ == "__main__":
    unittest.main()
