"""A sweep as a person uses it: bad rows found before the first run, a kill and a stop that the same command goes on from, tables."""
import csv
import json
import signal
import subprocess
import time
import unittest

import yaml

from program import MPIRUN, SMOKE, ProgramTest, command, coppice, environment, needs_cifar, summary, weights

SWEEP = {
    "sweep": {"name": "small", "baseline": "dense"},
    "base": str(SMOKE),
    "set": {"data.partition.clients": 8, "federation.local.max_steps": 2, "data.test_clients": 2,
            "stages": [{"score": {"batches": 2, "batch": 16, "cohort": 4}},
                       {"prune": {"pattern": "unstructured", "allocation": "erk", "floor": 0, "budget": {"density": 0.5},
                                  "recalibration": {"batches": 1, "batch": 16, "cohort": 4}}},
                       {"finetune": {"rounds": 3}}, "export"]},
    "arms": {"dense": {"set": {"stages": [{"warmup": {"rounds": 3}}, "export"]}, "keys": {"density": "none"}},
             "magnitude": {"set": {"stages.score.importance": "magnitude"}},
             "snip": {"set": {"stages.score.importance": "snip"}}},
    "grid": {"density": {"key": "stages.prune.budget.density", "values": [0.05, 0.2]}},
    "seeds": [1, 2],
}


@needs_cifar
class Sweep(ProgramTest):
    def write(self, **changes):
        file = self.folder / "sweep.yaml"
        file.write_text(yaml.safe_dump(SWEEP | changes, sort_keys=False))
        return file

    def rows(self, out):
        with (out / "runs.csv").open() as file:
            return list(csv.DictReader(file))

    def interrupted(self, arguments, out, done, number):
        """Sends a signal once `done` runs are complete and the next has committed a step."""
        process = subprocess.Popen(command(arguments), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 300
        while process.poll() is None and time.monotonic() < deadline:
            complete = {path.parent for path in out.glob("runs/*/summary.json")}
            if len(complete) >= done and any(path.parent not in complete and path.read_text().count("\n") > 0
                                             for path in out.glob("runs/*/metrics.jsonl")):
                process.send_signal(number)
                break
            time.sleep(0.005)
        words, _ = process.communicate(timeout=300)
        return process.returncode, words

    def test_a_typo_in_one_row_is_found_before_the_first_run(self):
        bad = SWEEP["arms"] | {"snip": {"set": {"stages.score.importance": "snap"}}}
        done = coppice("sweep", self.write(arms=bad), "--out", self.folder / "out")
        self.assert_refused(done, "sweep.yaml: row 4 of 10 (snip, density 0.05, seed 1): stages.0.score.importance: found 'snap'", "'snip'")
        self.assertFalse((self.folder / "out").exists())
        # What only the data shows: no such cohort.
        done = coppice("sweep", self.write(arms={"many": {"set": {"federation.cohort": 400}}}, sweep={}), "--out", self.folder / "out")
        self.assert_refused(done, "sweep.yaml: row 1 of 4 (many, density 0.05, seed 1): ", "400")
        self.assertFalse((self.folder / "out").exists())

    def test_a_sweep_that_was_killed_and_stopped_ends_as_if_it_had_not_been(self):
        file, out = self.write(), self.folder / "out"
        killed, _ = self.interrupted(["sweep", file, "--out", out], out, 2, signal.SIGKILL)
        self.assertEqual(killed, -signal.SIGKILL)
        stopped, words = self.interrupted(["sweep", file, "--out", out], out, 4, signal.SIGTERM)
        self.assertEqual(stopped, 3, words)
        self.assertIn(f"go on with: coppice sweep {file} --out {out}", words)
        self.assertEqual([row["status"] for row in self.rows(out)].count("stopped"), 1)
        self.assertIn("missing", (out / "table.md").read_text())
        done = self.run_ok("sweep", file, "--out", out, "--jobs", 2)
        rows = self.rows(out)
        self.assertEqual([row["status"] for row in rows], ["done"] * 10)
        self.assertIn("10/10", done.stdout)
        self.assertIn("minus baseline", done.stdout)
        # No run is made twice, and the bits are those of runs that nobody interrupted.
        again = self.run_ok("sweep", file, "--out", out)
        self.assertIn("10 of them done already", again.stdout)
        whole = self.folder / "whole"
        self.run_ok("sweep", self.write(seeds=[1]), "--out", whole,
                    *(["--launcher", f"{MPIRUN} -n 2 --oversubscribe --bind-to none"] if MPIRUN else []))
        for row in rows[:5]:
            self.assertEqual(weights(out / row["folder"]), weights(whole / row["folder"]), row["folder"])

        # The table is made of what the runs say.
        by_place = {(row["arm"], row["density"], row["seed"]): summary(out / row["folder"]) for row in rows}
        for row in rows:
            run = by_place[row["arm"], row["density"], row["seed"]]
            self.assertEqual(float(row["accuracy"]), run["variants"][-1]["accuracy"])
            self.assertEqual(float(row["client_flops_per_round"]), run["client"]["flops"])
            self.assertEqual(float(row["bytes_up_per_client_round"]), run["traffic"]["bytes_up_per_client"])
            self.assertLess(float(row["client_live_bytes"]), float(row["client_peak_bytes"]))
        flops = {density: by_place["snip", density, "1"]["client"]["flops"] for density in ("0.05", "0.2")}
        dense = by_place["dense", "", "1"]["client"]["flops"]
        self.assertLess(flops["0.05"], flops["0.2"])
        self.assertLess(flops["0.2"], dense)
        with (out / "means.csv").open() as table:
            means = {(line["table"], line["arm"], line["quantity"]): line for line in csv.DictReader(table)}
        pair = [by_place["snip", "0.05", seed]["variants"][-1]["accuracy"] - by_place["dense", "", seed]["variants"][-1]["accuracy"]
                for seed in ("1", "2")]
        difference = means["difference", "snip, density 0.05", "accuracy"]
        self.assertEqual(difference["baseline"], "dense")
        self.assertAlmostEqual(float(difference["mean"]), sum(pair) / 2, places=12)
        page = (out / "table.html").read_text()
        for chart in ("density", "bytes down", "bytes up", "client FLOPs", "client memory"):
            self.assertIn(f"Accuracy against {chart}", page)

    def test_a_run_that_fails_is_named_and_the_others_go_on(self):
        out = self.folder / "out"
        file = self.write(seeds=[1], grid={}, arms={"magnitude": SWEEP["arms"]["magnitude"], "dense": {"set": SWEEP["arms"]["dense"]["set"]}})
        self.run_ok("sweep", file, "--out", out, "--no-run")
        folder = next(row["folder"] for row in self.rows(out) if row["arm"] == "magnitude")
        checkpoint = out / folder / "checkpoint"
        checkpoint.mkdir(parents=True)
        (checkpoint / "manifest.json").write_text("{")
        done = coppice("sweep", file, "--out", out)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn("FAILED, exit code 2: coppice: ", done.stdout)
        self.assertEqual({row["arm"]: row["status"] for row in self.rows(out)}, {"magnitude": "failed", "dense": "done"})
        self.assertEqual(json.loads((out / self.rows(out)[1]["folder"] / "summary.json").read_text())["name"], "dense")


if __name__ == "__main__":
    unittest.main()
