"""Topics from text: shards of words, a model that is pruned while it trains, what comes out, and what is refused."""
import json
import pathlib
import random
import signal
import unittest

from program import SOURCE, ProgramTest, coppice, signalled, summary, weights
from shakespeare import python

CONFIG = SOURCE / "configs" / "topics_slow.yaml"
CIRCLES = [["harbour", "ship", "sail", "anchor", "tide", "captain"], ["oven", "flour", "yeast", "bread", "dough", "crust"],
           ["violin", "cello", "bow", "string", "score", "concert"]]
SMALL = ["model.vocabulary=18", "model.hidden=[24, 12]", "model.topics=3", "data.partition={kind: by-column, column: owner}", "data.test_clients=3",
         "federation.cohort=4", "federation.local.batch=8", "federation.optimizer.lr=0.02", "stages.warmup.rounds=8", "stages.prune.steps=3", "stages.prune.rounds=2",
         "stages.finetune.rounds=20", "stages.score.cohort=0", "stages.prune.recalibration.cohort=0", "stages.prune.budget.flops=0.6"]


def write_texts(file):
    draw = random.Random(1)
    with open(file, "w", encoding="utf-8") as out:
        for i in range(360):
            lines = [" ".join(draw.choices(CIRCLES[i % 3], k=8)) + " the", "the"]
            out.write(json.dumps({"owner": f"owner {i // 3 % 6}", "lines": lines}) + "\n")


class Topics(ProgramTest):
    def setUp(self):
        super().setUp()
        write_texts(self.folder / "texts.jsonl")
        self.shards = self.convert("shards")

    def convert(self, name, *more):
        done = python("to_shards.py", "jsonl", "--train", self.folder / "texts.jsonl", "--input", "lines", "--each", "--as", "bag-of-words",
                      "--task", "words", "--most-documents", "0.5", "--column", "owner", "--out", self.folder / name, *more)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("left out: 360 documents", done.stdout)
        return self.folder / name

    def arguments(self, out, *overrides):
        settings = [f"data.source.path={self.shards}", *SMALL, *overrides]
        return ["run", CONFIG, "--out", out, *(item for setting in settings for item in ("--set", setting))]

    def test_topics_are_found_and_the_export_loads(self):
        out, file = self.folder / "out", self.folder / "topics.json"
        self.run_ok(*self.arguments(out, "stages.finetune.rounds=60"))
        rows = {v["name"]: v for v in summary(out)["variants"]}
        self.assertLessEqual(rows["compact"]["flops"], 0.6 * rows["dense"]["flops"])
        self.assertLess(rows["compact"]["metrics"]["perplexity"], 14)  # 18 by chance, 6 at best
        shown = self.run_ok("topics", out, "--data", self.shards, "--words", "6", "--json", file).stdout
        self.assertIn("mean coherence", shown)
        found = json.loads(file.read_text())
        self.assertEqual(sorted(sorted(topic["words"]) for topic in found["topics"]), sorted(map(sorted, CIRCLES)))
        self.assertEqual(found["diversity"], 1.0)
        self.assertGreater(found["coherence"], 0.2)
        done = python("verify_export.py", out)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("verified", done.stdout)
        self.assertIn("perplexity", self.run_ok("eval", out, "--data", self.shards).stdout)
        # The snippet of docs/model_folder.md.
        page = (SOURCE / "docs" / "model_folder.md").read_text()
        snippet = page[page.index("model = load_file"):].split("```")[0].replace("shards/", f"{self.shards}/").replace("topk(10)", "topk(6)")
        script = self.folder / "snippet.py"
        script.write_text(f"import json, os, pathlib\nfrom safetensors.torch import load_file\nos.chdir({str(out)!r})\n{snippet}")
        done = python(script)
        self.assertEqual(done.stdout.strip(), str(found["topics"][0]["words"]), done.stderr)

    def test_the_same_bits_on_ranks_and_after_a_kill(self):
        one, two, killed = (self.folder / name for name in ("one", "two", "killed"))
        self.run_ok(*self.arguments(one))
        self.run_ok(*self.arguments(two), ranks=2)
        self.assertEqual(weights(one), weights(two))
        signalled(self.arguments(killed), killed, 20, signal.SIGKILL)
        self.run_ok(*self.arguments(killed, "run.ranks=2"), "--resume=auto")
        self.assertEqual(weights(one), weights(killed))

    def test_bad_input_is_one_line(self):
        out = self.folder / "no"
        labelled = self.folder / "labelled"
        done = python("to_shards.py", "jsonl", "--train", self.folder / "texts.jsonl", "--input", "lines", "--as", "bag-of-words",
                      "--target", "owner", "--column", "owner", "--out", labelled)
        self.assertEqual(done.returncode, 0, done.stderr)
        for override, words in (("model.topics=0", ("model.topics", "[2, 1048576]")), ("model.vocabulary=0", ("model.vocabulary",)),
                                ("model.vocabulary=17", ("model.vocabulary: found [17]", "18")),
                                (f"data.source.path={labelled}", ("prodlda", "--task words")),
                                ("model={kind: mlp, inputs: 18, outputs: 18}", ("found mlp", "expected model prodlda")),
                                ("stages.prune.steps=1", ("stages[2].prune.rounds", "steps above 1")),
                                ("stages.score.importance=magnitude", ("memory", "magnitude"))):
            with self.subTest(override):
                self.assert_refused(coppice(*self.arguments(out, override)), *words)
        (self.folder / "texts.jsonl").write_text('{"owner": "a", "lines": ["?", "!"]}\n')
        done = python("to_shards.py", "jsonl", "--train", self.folder / "texts.jsonl", "--input", "lines", "--each", "--as", "bag-of-words",
                      "--task", "words", "--column", "owner", "--out", self.folder / "wordless")
        self.assertEqual(done.returncode, 2)
        self.assertIn("found no word", done.stderr)
        model = self.folder / "model"
        self.run_ok(*self.arguments(model, "stages=[{warmup: {rounds: 1}}, export]"))
        self.assert_refused(coppice("topics", model, "--data", self.shards, "--words", "19"), "words", "18")
        contract = pathlib.Path(self.shards) / "contract.json"
        contract.unlink()
        self.assert_refused(coppice("topics", model, "--data", self.shards), "contract.json")


if __name__ == "__main__":
    unittest.main()
