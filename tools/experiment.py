"""What the scripts behind the results pages share: runs that are not repeated once they are done, and figures with their errors."""
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import yaml


def mean_and_error(values, digits=2):
    """'mean ± standard error (n - 1)'; a dash where nothing ran."""
    if not values:
        return "–"
    mean = statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} ± {standard_error(values):.{digits}f}"


def standard_error(values):
    return statistics.stdev(values) / math.sqrt(len(values))


def is_clear(values):
    """More than two standard errors from zero."""
    return len(values) > 1 and abs(statistics.fmean(values)) > 2 * standard_error(values)


def environment():
    """One thread a process, and mpirun for whoever works as root."""
    env = dict(os.environ)
    env.setdefault("OMP_NUM_THREADS", "1")
    if os.geteuid() == 0:
        env.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    return env


class Program:
    """The program as the options of a script name it: build folder, ranks, mpirun."""

    def __init__(self, options):
        self.path = pathlib.Path(options.build) / "simulations" / "coppice"
        self.options = options

    def launcher(self, cohort):
        """What starts the ranks, at most one a client of the cohort."""
        ranks = min(self.options.ranks, cohort)
        return [self.options.mpirun, "-n", str(ranks), "--oversubscribe", "--bind-to", "none"] if ranks > 1 else []

    def run(self, folder, config):
        """Runs `config` into `folder` unless that is complete; goes on where it was interrupted. Returns the folder."""
        if (folder / "summary.json").exists():
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        file = folder.with_name(folder.name + ".yaml")
        file.write_text(yaml.safe_dump(config, sort_keys=False))
        print(folder, flush=True)
        self.call([*self.launcher(config["federation"]["cohort"]), self.path, "run", file, "--out", folder, "--resume=auto"])
        return folder

    def call(self, command):
        """Standard output of a command; leaves with all it said where it fails."""
        done = subprocess.run(command, env=environment(), text=True, capture_output=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))}: {done.stderr}{done.stdout}")
        return done.stdout

    def measure(self, command):
        """{"cpu_s", "peak_mib", "said"} of a command and of what it started; leaves with its output where it fails."""
        with tempfile.TemporaryFile("w+") as said:
            process = subprocess.Popen(list(map(str, command)), env=environment(), stdout=said, stderr=subprocess.STDOUT)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            said.seek(0)
            text = said.read()
        if process.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))}: {text}")
        return {"cpu_s": used.ru_utime + used.ru_stime, "peak_mib": used.ru_maxrss / 1024, "said": text}


def add_program_options(parser):
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--mpirun", default=".venv/bin/mpirun")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("results"))


def summary(folder):
    return json.loads((folder / "summary.json").read_text())


def variant(folder, name):
    return next(v for v in summary(folder)["variants"] if v["name"] == name)


def after_cut(folder):
    """What the test split said right after the cut, before any fine-tuning: {"loss", "accuracy"}, or None."""
    for line in (folder / "metrics.jsonl").read_text().splitlines():
        record = json.loads(line)
        if record["stage"] == "prune" and record.get("eval"):
            return record["eval"]
    return None
