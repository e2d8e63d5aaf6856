"""Every command on the leavings of one real run, and the export checked from outside."""
import json
import subprocess
import sys
import unittest

from program import SMOKE, SOURCE, OneRunTest, ProgramTest, coppice, environment, needs_cifar, summary


@needs_cifar
class Commands(OneRunTest):
    def test_the_closing_table_shows_what_summary_json_holds(self):
        for variant in summary(self.run_folder)["variants"]:
            self.assertIn(variant["name"], self.closing)
            self.assertIn(f"{100 * variant['accuracy']:.2f} %", self.closing)

    def test_the_folder_holds_all_that_a_run_leaves(self):
        for name in ("report.html", "metrics.jsonl", "config.yaml", "summary.json", "events.out.tfevents.coppice",
                     "checkpoint/manifest.json", "model/config.json", "model/model.safetensors", "model/coppice.json",
                     "model/README.md", "model/verification.safetensors"):
            self.assertTrue((self.run_folder / name).stat().st_size > 0, name)

    def test_the_masked_and_the_compact_model_are_one(self):
        rows = {v["name"]: v for v in summary(self.run_folder)["variants"]}
        self.assertEqual(rows["masked"]["accuracy"], rows["compact"]["accuracy"])
        self.assertAlmostEqual(rows["masked"]["loss"], rows["compact"]["loss"], places=5)
        self.assertEqual(rows["masked"]["parameters"], rows["compact"]["parameters"])
        self.assertLessEqual(rows["compact"]["flops"], 0.5 * rows["dense twin"]["flops"])
        self.assertLess(rows["compact"]["file_bytes"], rows["masked"]["file_bytes"])

    def test_an_independent_program_agrees_with_the_export(self):
        done = subprocess.run([sys.executable, SOURCE / "tools" / "verify_export.py", self.run_folder], env=environment(), text=True,
                              capture_output=True, check=False)
        if "ModuleNotFoundError" in done.stderr or "ImportError" in done.stderr:
            self.skipTest("PyTorch is not importable here")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("verified", done.stdout)

    def test_eval_repeats_the_accuracy(self):
        accuracy = summary(self.run_folder)["variants"][-1]["accuracy"]
        self.assertIn(f"{accuracy:.4f}", self.run_ok("eval", self.run_folder, "--data", "cifar10"))

    def test_check_init_inspect_bench_list_and_compare(self):
        self.assertIn("is valid", self.run_ok("check", SMOKE))
        self.run_ok("init", "mine.yaml")
        self.assertIn("is valid", self.run_ok("check", "mine.yaml", "--set", "data.source=cifar10", "--set",
                                              "model.input=[32, 32, 3]"))
        self.assertEqual(coppice("init", "mine.yaml", cwd=self.base.folder).returncode, 2)
        self.assertIn("stage1.residual", self.run_ok("inspect", self.run_folder))
        self.assertIn("ms, batch 1", self.run_ok("bench", self.run_folder, "--batch", "1"))
        self.assertIn("run", self.run_ok("list", self.base.folder))
        self.assertIn("compact", self.run_ok("compare", f"smoke={self.run_folder}"))
        self.assertIn("5000", self.run_ok("data", "inspect", SMOKE))

    def test_export_and_prune_take_what_a_run_made(self):
        self.run_ok("export", self.run_folder, "--out", "copy")
        self.assertEqual((self.base.folder / "copy" / "model.safetensors").read_bytes(),
                         (self.run_folder / "model" / "model.safetensors").read_bytes())
        self.run_ok("prune", "copy", "--keep", "0.8", "--data", "cifar10", "--out", "smaller")
        before = summary(self.run_folder)["variants"][-1]["flops"]
        self.assertLessEqual(summary(self.base.folder / "smaller")["variants"][-1]["flops"], 0.8 * before)

    def test_metrics_count_every_step_once(self):
        steps = [json.loads(line)["step"] for line in (self.run_folder / "metrics.jsonl").read_text().splitlines()]
        self.assertEqual(steps, list(range(len(steps))))

    def test_the_settings_page_is_the_programs_own(self):
        self.assertEqual(self.run_ok("init", "--reference"), (SOURCE / "docs" / "config.md").read_text())


class OwnTable(ProgramTest):
    def test_accuracy_is_a_share_of_right_answers_where_there_are_any(self):
        table, config = self.folder / "patients.csv", self.folder / "run.yaml"
        table.write_text("a,b,old,tall,both\n" + "".join(f"{i % 17},{i % 13},{int(i % 17 > 8)},{int(i % 13 > 6)},{i % 17 + i % 13}\n" for i in range(600)))
        for task, targets, shown in (("multi-label", "[old, tall]", True), ("regression", "[both]", False)):
            config.write_text(f"model: {{kind: mlp, inputs: 2, hidden: [16], outputs: {2 if shown else 1}}}\nfederation: {{cohort: 3}}\n"
                              f"data: {{source: {{kind: csv, path: {table}, task: {task}, targets: {targets}, features: [a, b]}}, "
                              "partition: {kind: iid, clients: 3}}\nstages: [{warmup: {rounds: 12, evaluate_every: 4}}, export]\n")
            said = self.run_ok("run", config, "--out", self.folder / task)
            steps = [json.loads(line) for line in (self.folder / task / "metrics.jsonl").read_text().splitlines()]
            figures = [step["eval"]["accuracy"] for step in steps if "accuracy" in step.get("eval", {})]
            figures += [step["train_accuracy"] for step in steps if "train_accuracy" in step]
            figures += [variant["accuracy"] for variant in summary(self.folder / task)["variants"] if variant["accuracy"] is not None]
            self.assertEqual(bool(figures), shown, task)
            self.assertEqual("accuracy" in said.stderr, shown, said.stderr)
            if shown:
                self.assertTrue(all(0.5 < figure <= 1 for figure in figures[-2:]), figures)
                self.assertLessEqual(max(figures), 1)

    def test_a_model_of_a_csv_file_is_pruned_and_measured_by_its_target(self):
        table, config, model = self.folder / "patients.csv", self.folder / "run.yaml", self.folder / "run" / "model"
        table.write_text("a,b,outcome\n" + "".join(f"{i % 17},{i % 13},{'yes' if i % 17 > i % 13 else 'no'}\n" for i in range(600)))
        config.write_text(f"model: {{kind: mlp, inputs: 2, hidden: [32], outputs: 2}}\nfederation: {{cohort: 3}}\n"
                          f"data: {{source: {{kind: csv, path: {table}, targets: [outcome]}}, partition: {{kind: iid, clients: 3}}}}\n"
                          "stages: [{warmup: {rounds: 4}}, export]\n")
        self.run_ok("run", config, "--out", model.parent)
        target, out = ("--data", table, "--target", "outcome"), self.folder / "smaller"
        self.run_ok("prune", model, "--keep", "0.6", *target, "--out", out)
        kept = [variant["parameters"] for variant in json.loads((out / "summary.json").read_text())["variants"]]
        self.assertLess(kept[-1], 0.65 * kept[0])
        said = self.run_ok("eval", out / "model", *target).stdout
        self.assertIn("test, 120 samples", said)
        for arguments, words in ((("--data", table), ("--target", "patients.csv")), (("--data", table, "--target", "outcom"), ("outcom", "'outcome'")),
                                 (("--data", "cifar10", "--target", "outcome"), ("--target", "cifar10"))):
            self.assert_refused(coppice("prune", model, "--keep", "0.6", *arguments, "--out", self.folder / "none"), *words)
        self.assertFalse((self.folder / "none").exists())


if __name__ == "__main__":
    unittest.main()
