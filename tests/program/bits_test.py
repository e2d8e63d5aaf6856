"""The same bits: on any number of ranks, as threads or under mpirun, and after a kill at any point on another number."""
import os
import pathlib
import signal
import subprocess
import time
import unittest

from program import (MPIRUN, SMOKE, ProgramTest, command, coppice, environment, needs_cifar, signalled, summary, weights)


@needs_cifar
class SameBits(ProgramTest):
    def reference(self, *overrides):
        out = self.folder / "reference"
        self.run_ok("run", SMOKE, "--out", out, *overrides)
        return out

    def assert_same_run(self, a, b):
        self.assertEqual(weights(a), weights(b))
        for x, y in zip(summary(a)["variants"], summary(b)["variants"], strict=True):
            self.assertEqual((x["name"], x["accuracy"], x["loss"]), (y["name"], y["accuracy"], y["loss"]))
        self.assertEqual(summary(a)["traffic"], summary(b)["traffic"])

    def test_one_two_and_four_ranks_agree(self):
        reference = self.reference()
        for ranks in (2, 4):
            threads = self.folder / f"threads{ranks}"
            self.run_ok("run", SMOKE, "--set", f"run.ranks={ranks}", "--out", threads)
            self.assert_same_run(reference, threads)
        for ranks in (1, 2, 4):
            if not MPIRUN:
                self.skipTest("this build has no MPI")
            processes = self.folder / f"mpi{ranks}"
            self.run_ok("run", SMOKE, "--out", processes, ranks=ranks)
            self.assert_same_run(reference, processes)

    def test_sums_by_region_have_the_bits_of_the_flat_sum(self):
        reference = self.reference()
        if not MPIRUN:
            self.skipTest("this build has no MPI")
        for regions in (2, 3):
            processes = self.folder / f"regions{regions}"
            self.run_ok("run", SMOKE, "--out", processes, "--set", f"run.regions={regions}", ranks=4)
            self.assert_same_run(reference, processes)
            levels = summary(processes)["level_bytes"]
            self.assertAlmostEqual(levels["region"] / levels["coordinator"], (4 - regions) / (regions - 1))
        self.assertNotIn("level_bytes", summary(reference))

    def kill_after(self, lines, out, signal_number, ranks):
        return signalled(["run", SMOKE, "--out", out, "--set", f"run.ranks={ranks}"], out, lines, signal_number)

    def test_a_killed_run_resumes_to_the_same_bits_from_every_step(self):
        reference = self.reference()
        steps = (reference / "metrics.jsonl").read_text().count("\n")
        self.assertGreaterEqual(steps, 9)
        for lines in range(1, steps):
            out = self.folder / f"killed{lines}"
            code = self.kill_after(lines, out, signal.SIGKILL, ranks=1 + lines % 2)
            self.assertIn(code, (-signal.SIGKILL, 0))
            self.run_ok("run", SMOKE, "--out", out, "--resume=auto", "--set", f"run.ranks={1 + (lines + 1) % 2}")
            self.assert_same_run(reference, out)

    def test_a_signal_commits_the_round_and_exits_with_3(self):
        reference = self.reference()
        for signal_number in (signal.SIGTERM, signal.SIGUSR1):
            out = self.folder / f"signal{int(signal_number)}"
            code = self.kill_after(2, out, signal_number, ranks=1)
            self.assertEqual(code, 3)
            self.run_ok("run", SMOKE, "--out", out, "--resume=auto")
            self.assert_same_run(reference, out)

    def test_a_finished_run_is_shown_again_without_work(self):
        out = self.reference()
        before = weights(out)
        start = time.monotonic()
        done = self.run_ok("run", SMOKE, "--out", out, "--resume=auto")
        self.assertIn("report:", done.stdout)
        self.assertLess(time.monotonic() - start, 60)
        self.assertEqual(weights(out), before)

    @unittest.skipUnless(MPIRUN, "this build has no MPI")
    def test_a_lost_rank_ends_the_job_and_a_resume_reaches_the_same_bits(self):
        reference = self.reference()
        out = self.folder / "lost"
        process = subprocess.Popen(command(["run", SMOKE, "--out", out], ranks=2), env=environment(), start_new_session=True,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        metrics = out / "metrics.jsonl"
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and not (metrics.exists() and metrics.read_bytes().count(b"\n") >= 2):
            time.sleep(0.01)
        workers = [pid for pid in children_of(process.pid) if "coppice" in name_of(pid)]
        self.assertGreaterEqual(len(workers), 2)
        os.kill(workers[-1], signal.SIGKILL)
        self.assertNotEqual(process.wait(timeout=120), 0)
        self.run_ok("run", SMOKE, "--out", out, "--resume=auto")
        self.assert_same_run(reference, out)


def name_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def children_of(pid):
    """All descendants, the eldest first."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            child = int(stat.parent.name)
            found += [child, *children_of(child)]
    return sorted(found)


if __name__ == "__main__":
    unittest.main()
