"""Public data at the coordinator: a first stage that no client takes part in, and FedTiny begun with it."""
import json
import signal
import unittest

from program import MPIRUN, ProgramTest, coppice, signalled, summary, weights

CONFIG = """
run: {{name: pretrain, seed: 3}}
model: {{kind: mlp, inputs: 3, hidden: [24, 16], outputs: 3}}
data:
  source: {{kind: csv, path: {clients}, targets: [label]}}
  partition: {{kind: iid, clients: 8}}
  holdout: {{fraction: 0.2}}
federation: {{cohort: 4, local: {{epochs: 1, batch: 8}}, optimizer: {{kind: sgd, lr: 0.05, momentum: 0.9}}}}
stages:
  - pretrain: {{source: {{kind: csv, path: {public}, targets: [label]}}, per_class: 90, epochs: 4, batch: 16}}
  - bn_selection: {{density: 0.5, candidates: 2, recalibration: {{batches: 1, batch: 8, cohort: 4}}}}
  - finetune: {{rounds: 3, dynamics: {{kind: fedtiny, every: 1, until: 2}}}}
  - export
"""


def csv(path, rows, step):
    """Three classes by the sum of two features; a third says nothing."""
    lines = ["a,b,c,label"]
    for i in range(rows):
        a, b = (i * step) % 17, (i * i * step) % 13
        lines.append(f"{a},{b},{i % 5},{(a + b) // 10}")
    path.write_text("\n".join(lines) + "\n")


class Pretrain(ProgramTest):
    def setUp(self):
        super().setUp()
        clients, public = self.folder / "clients.csv", self.folder / "public.csv"
        csv(clients, 600, 5)
        csv(public, 900, 7)
        self.config = self.folder / "run.yaml"
        self.config.write_text(CONFIG.format(clients=clients, public=public))

    def test_the_coordinator_works_and_clients_do_not(self):
        out = self.folder / "out"
        self.assertIn("270", self.run_ok("check", self.config).stdout)
        self.assertIn("pretrain: 270 public examples of csv", self.run_ok("run", self.config, "--out", out).stderr)
        rounds = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
        own = [r for r in rounds if r["stage"] == "pretrain"]
        self.assertEqual([r["clients"] + r["declined"] + r["bytes_down"] + r["bytes_up"] for r in own], [0] * 5)
        self.assertEqual(["coordinator_flops" in r for r in own], [True] * 4 + [False])
        self.assertFalse(any("coordinator_flops" in r for r in rounds if r["stage"] != "pretrain"))
        self.assertLess(own[3]["train_loss"], own[0]["train_loss"])
        self.assertIn("accuracy", own[4]["eval"])
        result = summary(out)
        self.assertEqual(result["coordinator_flops"], sum(r.get("coordinator_flops", 0) for r in own))
        self.assertIn("270 public examples", result["data"]["note"])
        report = (out / "report.html").read_text()
        self.assertIn("FLOPs of the coordinator", report)
        self.assertIn("270 public examples", report)

    def test_ranks_and_stops_do_not_change_the_bits(self):
        self.run_ok("run", self.config, "--out", self.folder / "one")
        if MPIRUN:
            self.run_ok("run", self.config, "--out", self.folder / "two", ranks=2)
            self.assertEqual(weights(self.folder / "one"), weights(self.folder / "two"))
        out = self.folder / "stopped"
        self.assertIn(signalled(["run", self.config, "--out", out], out, 1, signal.SIGTERM, '"stage":"pretrain"'), (3, 0))
        self.run_ok("run", self.config, "--out", out, "--resume=auto")
        self.assertEqual(weights(self.folder / "one"), weights(out))

    def test_public_data_that_changed_is_refused_by_a_resume(self):
        out = self.folder / "out"
        signalled(["run", self.config, "--out", out], out, 1, signal.SIGTERM, '"stage":"pretrain"')
        csv(self.folder / "public.csv", 900, 11)
        self.assert_refused(coppice("run", self.config, "--out", out, "--resume=auto"), "public data changed")

    def test_what_does_not_fit_is_refused_in_one_line(self):
        key = "stages.pretrain."
        for override, words in ((f"{key}per_class=1000", ("stages[0].pretrain.per_class", "expected 1000 of each")),
                                (f"{key}source={{kind: csv, path: {self.folder / 'clients.csv'}, targets: [label]}}", ("all of which clients hold",)),
                                (f"{key}source.features=[a]", ("stages[0].pretrain.source", "found [3]", "expected [1]")),
                                (f"{key}source.path=nowhere.csv", ("stages[0].pretrain.source", "nowhere.csv")),
                                (f"{key}epochs=0", ("pretrain.epochs", ">= 1")),
                                (f"{key}epoch=1", ("pretrain", "epoch", "epochs"))):
            with self.subTest(override):
                self.assert_refused(coppice("run", self.config, "--out", self.folder / "out", "--set", override), *words)
        self.assertFalse((self.folder / "out").exists())


if __name__ == "__main__":
    unittest.main()
