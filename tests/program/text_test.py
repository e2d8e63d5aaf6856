"""A small language model over Shakespeare's roles, from text to a folder that transformers loads."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from program import DATA, SOURCE, ProgramTest, coppice, environment, summary, weights

CONFIG = SOURCE / "configs" / "small_lm.yaml"
ROLES = DATA / "shakespeare_roles" / "roles.jsonl"
SHORT = ["model.dim=96", "model.head_dim=16", "model.kv_heads=[2, 2]", "model.queries_per_kv=[3, 3]", "model.ffn=[256, 256]",
         "federation.local.max_steps=2", "federation.cohort=4", "stages.warmup.rounds=2", "stages.score.cohort=8",
         "stages.finetune.rounds=2", "data.holdout.fraction=0.05", "data.test_clients=4", "data.partition.clients=12"]


def python(script, *arguments):
    return subprocess.run([sys.executable, SOURCE / "tools" / script, *map(str, arguments)], env=environment(), text=True,
                          capture_output=True, check=False)


@unittest.skipUnless(ROLES.exists(), "Shakespeare's roles are not in COPPICE_DATA_DIR")
class SmallLanguageModel(ProgramTest):
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
        settings = [f"data.source.path={self.shards}", *SHORT, *overrides]
        return ["run", CONFIG, "--out", out, *(item for setting in settings for item in ("--set", setting))]

    def config_of(self, out):
        return json.loads((out / "model" / "config.json").read_text())

    def test_what_is_exported_transformers_loads_and_agrees_with(self):
        out = self.folder / "out"
        self.run_ok(*self.arguments(out))
        rows = {v["name"]: v for v in summary(out)["variants"]}
        self.assertLessEqual(rows["compact"]["parameters"], 0.8 * rows["dense twin"]["parameters"])
        self.assertAlmostEqual(rows["compact"]["loss"], rows["masked"]["loss"], places=4)
        config = self.config_of(out)
        self.assertEqual(config["model_type"], "llama")
        self.assertLess(config["intermediate_size"], 256)
        done = python("verify_export.py", out)
        if "not installed" in done.stderr:
            self.skipTest("transformers is not installed here")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("verified", done.stdout)
        loss = self.run_ok("eval", out, "--data", self.shards).stdout
        self.assertIn("perplexity", loss)

    def test_two_ranks_give_the_bits_of_one(self):
        short = ("stages.warmup.rounds=1", "stages.finetune.rounds=1", "stages.finetune.twin=false")
        self.run_ok(*self.arguments(self.folder / "one", *short))
        self.run_ok(*self.arguments(self.folder / "two", *short), ranks=2)
        self.assertEqual(weights(self.folder / "one"), weights(self.folder / "two"))

    def test_layers_may_differ_where_asked(self):
        out = self.folder / "out"
        self.run_ok(*self.arguments(out, "stages.prune.layout=per_layer", "stages.warmup.rounds=1", "stages.finetune.rounds=0"))
        config = self.config_of(out)
        self.assertEqual(config["model_type"], "coppice-decoder")
        self.assertGreater(len(set(config["coppice"]["ffn"])), 1)
        self.assertIn("load in Coppice alone", python("verify_export.py", out).stderr)
        # Once they differ, plain shapes are out of reach; said before anything runs.
        refused = self.arguments(self.folder / "again", f"model={{kind: folder, path: {out / 'model'}}}")
        self.assert_refused(coppice(*refused), "prune", "layout", "per_layer")

    def test_a_model_of_another_vocabulary_is_refused(self):
        self.assert_refused(coppice(*self.arguments(self.folder / "out", "model.vocab=64")), "vocab")


if __name__ == "__main__":
    unittest.main()
