"""What the tests of the program share: running it, and reading what a run leaves behind."""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

PROGRAM = os.environ["COPPICE"]
SOURCE = pathlib.Path(os.environ["COPPICE_SOURCE_DIR"])
MPIRUN = os.environ.get("COPPICE_MPIRUN", "")
DATA = pathlib.Path(os.environ.get("COPPICE_DATA_DIR", ""))
SMOKE = SOURCE / "configs" / "smoke.yaml"
HAS_CIFAR = (DATA / "cifar10" / "subset_train_5000.bin.gz").exists()
needs_cifar = unittest.skipUnless(HAS_CIFAR, "the CIFAR-10 subset is not in COPPICE_DATA_DIR")


def environment():
    env = dict(os.environ, OMP_NUM_THREADS="1")
    if os.geteuid() == 0:
        env.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1")
    return env


def command(arguments, ranks=0, program=PROGRAM):
    launcher = [MPIRUN, "-n", str(ranks), "--oversubscribe", "--bind-to", "none"] if ranks else []
    return [*launcher, str(program), *map(str, arguments)]


def coppice(*arguments, ranks=0, cwd=None, timeout=600, program=PROGRAM):
    """Runs the program; under mpirun where `ranks` is given. Returns the finished process with text output."""
    return subprocess.run(command(arguments, ranks, program), cwd=cwd, env=environment(), timeout=timeout, text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, check=False)


def signalled(arguments, out, lines, signal_number, having="", program=PROGRAM):
    """Starts a run and sends it a signal once `lines` steps are committed whose lines have a text; returns its exit code."""
    process = subprocess.Popen(command(arguments, program=program), env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               stdin=subprocess.DEVNULL)
    metrics = pathlib.Path(out) / "metrics.jsonl"
    deadline = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < deadline:
        if metrics.exists() and sum(line.endswith("\n") and having in line for line in metrics.open()) >= lines:
            process.send_signal(signal_number)
            break
        time.sleep(0.005)
    return process.wait(timeout=300)


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def weights(run):
    return digest(pathlib.Path(run) / "model" / "model.safetensors")


def summary(run):
    return json.loads((pathlib.Path(run) / "summary.json").read_text())


class OneRunTest(unittest.TestCase):
    """Tests that look at one smoke run, with `SETTINGS` of the class."""
    SETTINGS = ()

    @classmethod
    def setUpClass(cls):
        cls.base = ProgramTest("setUp")
        cls.base.setUp()
        cls.run_folder = cls.base.folder / "run"
        done = coppice("run", SMOKE, "--out", cls.run_folder, *(part for item in cls.SETTINGS for part in ("--set", item)))
        assert done.returncode == 0, done.stdout + done.stderr
        cls.closing = done.stdout

    @classmethod
    def tearDownClass(cls):
        cls.base.doCleanups()

    def run_ok(self, *arguments):
        done = coppice(*arguments, cwd=self.base.folder)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout


class ProgramTest(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="coppice-test-"))
        self.addCleanup(shutil.rmtree, self.folder, True)

    def run_ok(self, *arguments, **options):
        done = coppice(*arguments, **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done

    def assert_refused(self, done, *words, program="coppice"):
        """Exit code 2 and one line that says all of `words`."""
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        said = done.stderr.replace("\0", "")  # the launcher of Open MPI 5 ends its own notes with one
        lines = [line for line in said.splitlines() if line.startswith(program + ":")]
        self.assertEqual(len(lines), 1, done.stderr)
        for word in words:
            self.assertIn(word, lines[0])
