"""Data of one's own: from files to shards, a contract that is checked before anything is computed, data that changed, data larger than its
memory, augmented images; on one rank and on several."""
import gzip
import json
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

from program import DATA, MPIRUN, SMOKE, SOURCE, ProgramTest, coppice, environment, needs_cifar, summary, weights

BANKING = DATA / "banking77"


def python(script, *arguments):
    return subprocess.run([sys.executable, SOURCE / "tools" / script, *map(str, arguments)], env=environment(), text=True,
                          capture_output=True, check=False)


def patients(path, rows=240, ages=lambda i: 20 + i % 60):
    """A table with numbers, words and holes; the outcome follows from it."""
    lines = ["age,weight,sex,outcome,hospital"]
    for i in range(rows):
        weight = "" if i % 7 == 0 else 50 + i % 40
        lines.append(f"{ages(i)},{weight},{'fm'[i % 2]},{'ill' if i % 60 > 30 else 'well'},{'nsew'[i % 4]}")
    path.write_text("\n".join(lines) + "\n")


CONFIG = """
run: {{name: patients}}
model: {{kind: mlp, inputs: 5, hidden: [8], outputs: 2}}
data:
  source: {{kind: shards, path: {shards}}}
  partition: {{kind: by-column, column: hospital}}
  holdout: {{fraction: 0.1}}
federation: {{cohort: 4, local: {{batch: 16}}}}
stages: [{{warmup: {{rounds: {rounds}}}}}, export]
"""


class OwnTables(ProgramTest):
    def setUp(self):
        super().setUp()
        self.table, self.shards, self.config = (self.folder / name for name in ("patients.csv", "shards", "run.yaml"))
        patients(self.table)
        self.convert(self.shards)
        self.write_config()

    def write_config(self, rounds=2):
        self.config.write_text(CONFIG.format(shards=self.shards, rounds=rounds))

    def convert(self, out, *more):
        done = python("to_shards.py", "csv", "--train", self.table, "--input", "age,weight,sex", "--as", "features", "--category", "sex",
                      "--missing", "weight", "--target", "outcome", "--column", "hospital", "--out", out, *more)
        self.assertEqual(done.returncode, 0, done.stderr)

    def manifest(self, out):
        return json.loads((out / "data.json").read_text())

    def test_two_ranks_give_the_bits_and_the_manifest_of_one(self):
        one, two = self.folder / "one", self.folder / "two"
        self.run_ok("run", self.config, "--out", one)
        self.run_ok("run", self.config, "--out", two, ranks=2 if MPIRUN else 0)
        self.assertEqual(weights(one), weights(two))
        self.assertEqual(self.manifest(one), self.manifest(two))
        clients = self.manifest(one)["clients"]
        self.assertEqual(len(clients), 4)
        self.assertEqual(len({client["digest"] for client in clients}), 4)
        self.assertIn("train-00000.shard", clients[0]["parts"][0]["file"])
        self.assertEqual(self.manifest(one)["sources"][0]["file"], "patients.csv")
        self.assertNotIn("labels", clients[0])  # private unless asked for

    def test_label_counts_only_where_asked_for(self):
        out = self.folder / "out"
        self.run_ok("run", self.config, "--out", out, "--set", "data.label_counts=true")
        for client in self.manifest(out)["clients"]:
            self.assertEqual(sum(client["labels"]), client["examples"])

    def contract_with(self, change):
        contract = json.loads((self.shards / "contract.json").read_text())
        change(contract)
        path = self.folder / "agreed.json"
        path.write_text(json.dumps(contract))
        return f"data.contract={path}"

    def test_data_outside_the_contract_is_refused_before_anything_is_computed(self):
        out = self.folder / "out"
        narrow = self.contract_with(lambda contract: contract["inputs"][0].update(most=70))
        for command in (["check", self.config], ["run", self.config, "--out", out]):
            self.assert_refused(coppice(*command, "--set", narrow), "train-00000.shard: row ", "column 'age' (client ", "expected 20..70")
        self.assertFalse((out / "metrics.jsonl").exists())
        other = self.contract_with(lambda contract: contract["target"].update(names=["ill", "dead"]))
        self.assert_refused(coppice("check", self.config, "--set", other), "found class 'well', expected one of: 'ill', 'dead'")
        broken = self.contract_with(lambda contract: contract.pop("shape"))
        self.assert_refused(coppice("check", self.config, "--set", broken), "agreed.json", "key 'shape' is missing")
        if MPIRUN:
            narrow = self.contract_with(lambda contract: contract["inputs"][0].update(most=70))
            self.assert_refused(coppice("run", self.config, "--out", out, "--set", narrow, ranks=3, timeout=120), "column 'age'")

    @unittest.skipUnless(MPIRUN, "no mpirun")
    def test_a_rank_whose_files_differ_is_named_and_nobody_hangs(self):
        # Each rank finds its data below a folder of its own.
        other = self.folder / "other"
        text = self.table.read_text()
        self.table.write_text(text.replace("\n33,", "\n34,", 1))
        self.convert(other, "--contract", self.shards / "contract.json")
        for rank, folder in enumerate((self.shards, self.shards, other)):
            (self.folder / f"rank{rank}").mkdir()
            shutil.copytree(folder, self.folder / f"rank{rank}" / "mine")
        self.config.write_text(CONFIG.format(shards="mine", rounds=2))
        script = self.folder / "rank.sh"
        script.write_text(f"#!/bin/sh\nrank=${{OMPI_COMM_WORLD_RANK:-$PMIX_RANK}}\nCOPPICE_DATA_DIR={self.folder}/rank$rank exec \"$@\"\n")
        script.chmod(0o755)

        def run():
            program = coppice("list").args[0]
            return subprocess.run([MPIRUN, "-n", "3", "--oversubscribe", "--bind-to", "none", script, program, "run", self.config, "--out",
                                   self.folder / "out"], env=environment(), text=True, capture_output=True, timeout=120, check=False)
        self.assert_refused(run(), "rank 2 of 3: training data", "expected the same files on every rank")
        contract = self.folder / "rank2" / "mine" / "contract.json"
        contract.write_text(contract.read_text().replace("79.0", "80.0"))
        self.assert_refused(run(), "rank 2 of 3: data contract: found digest")
        contract.write_text("{")
        self.assert_refused(run(), "rank 2 of 3: ", "contract.json")

    def test_a_resumed_run_notices_that_a_clients_data_changed(self):
        out, whole = self.folder / "out", self.folder / "whole"
        self.write_config(rounds=4)
        self.run_ok("run", self.config, "--out", whole)
        shutil.copytree(whole, out)
        before = self.manifest(out)["clients"]
        text = self.table.read_text()
        self.table.write_text(text.replace("33,", "34,", 1))
        kept = self.folder / "kept"
        self.shards.rename(kept)
        self.convert(self.shards, "--contract", kept / "contract.json")
        refused = coppice("run", self.config, "--out", out, "--resume=auto")
        self.assert_refused(refused, "data.json: the data changed since the run began: ", "choose another --out")
        named = int(re.search(r"client (\d+) has data of digest", refused.stderr).group(1))
        changed = json.loads(self.run_ok("data", "inspect", self.config, "--json").stdout)["clients"]["listed"]
        self.assertEqual([c["client"] for c, was in zip(changed, before) if c["digest"] != was["digest"]], [named])
        shutil.rmtree(self.shards)
        kept.rename(self.shards)
        self.run_ok("run", self.config, "--out", out, "--resume=auto")
        self.assertEqual(weights(out), weights(whole))

    def test_inspect_shows_columns_holes_duplicates_and_the_verdict(self):
        page = self.folder / "page.html"
        said = self.run_ok("data", "inspect", self.config, "--html", page).stdout
        for words in ("contract: kept", "mean total variation", "weight", "sex", "test examples are training examples, too"):
            self.assertIn(words, said)
        html = page.read_text()
        for words in ("Label skew", "data:image/png;base64", "Splits and digests", "patients.csv", "kept: "):
            self.assertIn(words, html)
        self.assertNotIn("http://", html.replace("http://www.w3.org", ""))
        self.assertNotIn("https://", html)
        self.assert_refused(coppice("data", "inspect", self.config, "--html", page), "exists already")
        narrow = self.contract_with(lambda contract: contract["inputs"][0].update(most=70))
        broken = self.run_ok("data", "inspect", self.config, "--set", narrow).stdout
        self.assertIn("contract: broken: ", broken)
        facts = json.loads(self.run_ok("data", "inspect", self.shards, "--json").stdout)
        weight = next(column for column in facts["looked_at"]["columns"] if column["name"] == "weight")
        rows = [line.split(",") for line in self.table.read_text().splitlines()[1:]]
        self.assertLessEqual(weight["missing"], sum(not row[1] for row in rows))
        self.assertGreater(weight["missing"], 20)

    def test_contract_of_data_without_one(self):
        table = self.folder / "plain.csv"
        table.write_text("a,b,label\n" + "".join(f"{i % 7},{i % 5},{i % 3}\n" for i in range(90)))
        config = self.folder / "plain.yaml"
        config.write_text(f"model: {{kind: mlp, inputs: 2, outputs: 3}}\ndata: {{source: {{kind: csv, path: {table}, targets: [label]}}, "
                          "partition: {kind: iid, clients: 3}}\nstages: [{warmup: {rounds: 1}}]\nfederation: {cohort: 2}\n")
        agreed = self.folder / "agreed.json"
        self.run_ok("data", "contract", config, "--out", agreed)
        contract = json.loads(agreed.read_text())
        self.assertEqual([(c["name"], c["least"], c["most"]) for c in contract["inputs"]], [("a", 0, 6), ("b", 0, 4)])
        self.run_ok("check", config, "--set", f"data.contract={agreed}")
        table.write_text(table.read_text().replace("6,0,", "66,0,", 1))
        contract.pop("mean"), contract.pop("scale")
        agreed.write_text(json.dumps(contract))
        line = table.read_text().splitlines().index(next(row for row in table.read_text().splitlines() if row.startswith("66,"))) + 1
        self.assert_refused(coppice("check", config, "--set", f"data.contract={agreed}"), f"plain.csv: row {line}: column 'a'", "found 66",
                            "expected 0..6")


class LargerThanMemory(ProgramTest):
    def test_shards_beyond_their_bound_give_the_same_bits_in_less_memory(self):
        texts = self.folder / "texts.jsonl.gz"
        with gzip.open(texts, "wt", compresslevel=1) as file:
            for owner in range(48):
                words = " ".join(f"{(owner * 7919 + i * 104729) % 1000003:x}" for i in range(160000))
                file.write(json.dumps({"text": words, "owner": owner % 6}) + "\n")
        small = self.folder / "test.jsonl"
        small.write_text(json.dumps({"text": "a few words " * 100, "owner": 0}) + "\n")
        shards = self.folder / "shards"
        done = python("to_shards.py", "jsonl", "--train", texts, "--test", small, "--input", "text", "--as", "tokens", "--task", "next-token", "--length", "256",
                      "--column", "owner", "--shard-mb", "16", "--out", shards)
        self.assertEqual(done.returncode, 0, done.stderr)
        size = sum(path.stat().st_size for path in shards.glob("train-*"))
        self.assertGreater(size, 80 << 20)
        config = self.folder / "run.yaml"
        config.write_text(f"""
model: {{kind: decoder, vocab: 257, dim: 32, head_dim: 16, kv_heads: [1], queries_per_kv: [2], ffn: [64], longest: 256}}
data: {{source: {{kind: shards, path: {shards}}}, partition: {{kind: by-column, column: owner}}}}
federation: {{cohort: 3, local: {{batch: 4, max_steps: 3}}, evaluation: {{batch: 64}}}}
stages: [{{warmup: {{rounds: 1, evaluate_every: 0}}}}, export]
""")
        peaks, bits = {}, set()
        for mib in (16, 1024):
            out = self.folder / str(mib)
            self.run_ok("run", config, "--out", out, "--set", f"data.source.resident_mib={mib}")
            peaks[mib] = summary(out)["peak_memory_bytes"]
            bits.add(weights(out))
        out = self.folder / "ranks"
        self.run_ok("run", config, "--out", out, "--set", "data.source.resident_mib=16", "--set", "run.ranks=3")
        bits.add(weights(out))
        self.assertEqual(len(bits), 1)
        self.assertGreater(peaks[1024] - peaks[16], 0.6 * (size - (16 << 20)), peaks)


@needs_cifar
class AugmentedImages(ProgramTest):
    QUICK = ["stages=[{warmup: {rounds: 2}}, export]"]

    def trained(self, name, *settings, ranks=0):
        out = self.folder / name
        self.run_ok("run", SMOKE, "--out", out, *(part for item in (*self.QUICK, *settings) for part in ("--set", item)), ranks=ranks)
        return weights(out)

    def test_bits_depend_on_the_list_alone(self):
        steps = "data.augment=[{crop: {padding: 4}}, flip, {erase: {side: 8}}]"
        plain = self.trained("plain")
        self.assertEqual(self.trained("nothing", "data.augment=[{crop: {padding: 0}}, {erase: {side: 0}}]"), plain)
        changed = self.trained("changed", steps)
        self.assertNotEqual(changed, plain)
        self.assertEqual(self.trained("ranks", steps, "run.ranks=3"), changed)

    def test_what_cannot_be_augmented_is_refused(self):
        self.assert_refused(coppice("check", SMOKE, "--set", "data.augment=[{crop: {padding: 40}}]"), "augment", "40", "at most 32")
        self.assert_refused(coppice("check", SMOKE, "--set", "data.augment=[{corp: {padding: 4}}]"), "corp", "crop")


@unittest.skipUnless(BANKING.exists(), "Banking77 is not in COPPICE_DATA_DIR")
class ThePageAboutYourData(ProgramTest):
    def test_its_commands_run_as_they_are_written(self):
        page = (SOURCE / "docs" / "your_data.md").read_text()
        blocks = re.findall(r"```(sh|yaml)\n(.*?)```", page, re.DOTALL)
        program = pathlib.Path(coppice("list").args[0])
        (self.folder / ".venv").symlink_to(pathlib.Path(sys.executable).parent.parent)
        (self.folder / "tools").symlink_to(SOURCE / "tools")
        for kind, block in blocks:
            if kind == "yaml":
                (self.folder / "mine.yaml").write_text(block)
                continue
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=self.folder, text=True, capture_output=True, timeout=600,
                                  env=dict(environment(), COPPICE_DATA_DIR=str(DATA), PATH=f"{program.parent}:{environment()['PATH']}"),
                                  check=False)
            self.assertEqual(done.returncode, 0, block + done.stdout + done.stderr)
        self.assertTrue((self.folder / "runs" / "mine" / "data.json").exists())
        self.assertIn("kept: ", (self.folder / "data.html").read_text())


if __name__ == "__main__":
    unittest.main()
