"""What the tests on a small language model share: Shakespeare's roles as shards of characters, and a config that takes seconds."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from program import DATA, SOURCE, ProgramTest, environment, summary

CONFIG = SOURCE / "configs" / "small_lm.yaml"
ROLES = DATA / "shakespeare_roles" / "roles.jsonl"
SHAPE = ["model.dim=96", "model.head_dim=16", "model.kv_heads=[2, 2]", "model.queries_per_kv=[3, 3]", "model.ffn=[256, 256]",
         "federation.local.max_steps=2", "federation.cohort=4", "data.holdout.fraction=0.05", "data.test_clients=4",
         "data.partition.clients=12"]


def python(script, *arguments):
    return subprocess.run([sys.executable, SOURCE / "tools" / script, *map(str, arguments)], env=environment(), text=True,
                          capture_output=True, check=False)


@unittest.skipUnless(ROLES.exists(), "Shakespeare's roles are not in COPPICE_DATA_DIR")
class ShakespeareTest(ProgramTest):
    SETTINGS = SHAPE

    @classmethod
    def setUpClass(cls):
        cls.base = pathlib.Path(tempfile.mkdtemp(prefix="coppice-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.base, True)
        cls.shards = cls.base / "shards"
        done = python("to_shards.py", "jsonl", "--train", ROLES, "--input", "speeches", "--as", "tokens", "--task", "next-token",
                      "--tokenizer", "characters", "--length", "128", "--column", "play+role", "--out", cls.shards)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)

    def arguments(self, out, *overrides):
        settings = [f"data.source.path={self.shards}", *self.SETTINGS, *overrides]
        return ["run", CONFIG, "--out", out, *(item for setting in settings for item in ("--set", setting))]

    def variants(self, out):
        return {v["name"]: v for v in summary(out)["variants"]}

    def verify(self, out):
        """Loads the export with transformers and compares; skips the test where that is not installed."""
        done = python("verify_export.py", out)
        if "not installed" in done.stderr:
            self.skipTest("transformers is not installed here")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("verified", done.stdout)
