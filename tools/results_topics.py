"""Repeats the sweep behind docs/results_topics.md on two sets of texts and writes that page.

    results_topics.py --build build/release [--work results] [--jobs 1]

The runs are `coppice sweep`'s: those that are done are not repeated. Topics and their coherence are `coppice topics`'. Figures are means over
seeds ± standard error (n - 1); the order that was expected before is tested on differences paired by seed, and clear is what exceeds two
standard errors.
"""
import argparse
import csv
import json
import pathlib
import statistics
import subprocess

from experiment import is_clear, mean_and_error, summary

SWEEP = pathlib.Path("configs/sweeps/topics.yaml")
ARMS = {"dense": "not pruned", "slow": "slowly, nine cuts over 54 rounds", "fast": "fast, three cuts within the first 10 rounds",
        "at_init": "one cut before training"}
# title: (shards, overrides)
TEXTS = {
    "Questions to a bank, 50 clients": ("banking77_words", {}),
    "Speeches of Shakespeare's roles, one role a client": ("shakespeare_words", {"data.partition": "{kind: by-column, column: play+role, min_samples: 20}"}),
}
# figure: (title, digits, whether more is better)
FIGURES = {"perplexity": ("perplexity", 1, False), "coherence": ("coherence (NPMI)", 4, True), "diversity": ("diversity", 3, True),
           "round_mflops": ("MFLOPs of a client and round", 2, False), "seconds": ("seconds", 1, False)}
# (what was expected, figure, better arm, worse arm)
HYPOTHESES = [("slow is at least as good as fast", "perplexity", "slow", "fast"), ("slow is at least as good as fast", "coherence", "slow", "fast"),
              ("fast is at least as good as a cut at the start", "perplexity", "fast", "at_init"),
              ("fast is at least as good as a cut at the start", "coherence", "fast", "at_init"),
              ("fast takes less work than slow", "round_mflops", "fast", "slow"), ("fast takes less time than slow", "seconds", "fast", "slow")]


def run_sweep(options, name, shards, overrides):
    """[{arm, seed, folder}] of the runs that are done."""
    out = options.work / f"topics_{name}"
    sets = [f"{key}={value}" for key, value in {"data.source.path": shards, **overrides}.items()]
    command = [f"{options.build}/simulations/coppice", "sweep", SWEEP, "--out", out, "--jobs", options.jobs]
    subprocess.run([*map(str, command), *(part for text in sets for part in ("--set", text))], check=True)
    with open(out / "runs.csv", encoding="utf-8") as file:
        return [dict(row, folder=out / row["folder"]) for row in csv.DictReader(file) if row["status"] == "done"]


def figures(options, row, shards):
    folder = row["folder"]
    file = folder / "topics.json"
    if not file.exists():
        subprocess.run([f"{options.build}/simulations/coppice", "topics", folder, "--data", shards, "--json", file], check=True,
                       stdout=subprocess.DEVNULL)
    run, topics = summary(folder), json.loads(file.read_text())
    result = run["variants"][-1]
    return {"perplexity": result["metrics"]["perplexity"], "coherence": topics["coherence"], "diversity": topics["diversity"],
            "round_mflops": run["client"]["flops"] / 1e6, "seconds": sum(run["seconds"].values()), "topics": topics["topics"]}


def verdict(values, more_is_better):
    if not is_clear(values):
        return "no clear difference"
    return "held" if (statistics.fmean(values) > 0) == more_is_better else "the other way round"


def section(title, shards, found):
    """`found`: {(arm, seed): figures}"""
    index = json.loads((pathlib.Path(shards) / "index.json").read_text())
    documents = {split: sum(file["examples"] for file in files) for split, files in index["splits"].items()}
    seeds = sorted({seed for _, seed in found}, key=int)
    lines = [f"## {title}", "", f"{documents['train']:,} documents to train on, {documents['test']:,} held out, {index['shape'][0]:,} words; "
             f"seeds {', '.join(seeds)}.", "",
             "| pruned | " + " | ".join(name for name, _, _ in FIGURES.values()) + " |", "|---|" + "---|" * len(FIGURES)]
    for arm, text in ARMS.items():
        runs = [found[arm, seed] for seed in seeds if (arm, seed) in found]
        lines.append(f"| {text} | " + " | ".join(mean_and_error([run[key] for run in runs], digits) for key, (_, digits, _) in FIGURES.items()) + " |")
    lines += ["", "| expected | figure | difference | |", "|---|---|---|---|"]
    for text, key, a, b in HYPOTHESES:
        values = [found[a, seed][key] - found[b, seed][key] for seed in seeds if (a, seed) in found and (b, seed) in found]
        name, digits, more = FIGURES[key]
        lines.append(f"| {text} | {name} | {a} – {b}: {mean_and_error(values, digits)} | {verdict(values, more)} |")
    best = sorted(found["slow", seeds[0]]["topics"], key=lambda topic: -topic["coherence"])[:5]
    lines += ["", f"The five most coherent topics of the slowly pruned model, seed {seeds[0]}:", "", "| coherence | words |", "|---|---|"]
    lines += [f"| {topic['coherence']:.3f} | {' '.join(topic['words'])} |" for topic in best]
    return [*lines, ""]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("results"))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--page", type=pathlib.Path, default=pathlib.Path("docs/results_topics.md"))
    options = parser.parse_args()
    lines = ["# Topics of a model that is pruned while it trains", "",
             f"Written by `tools/results_topics.py` from the runs of `{SWEEP}`. A ProdLDA of 30 topics, an encoder of 200 and 100 neurons, 60 rounds "
             "of 20 clients, Adam. Pruned models keep 35 % of the FLOPs; scores are weight times gradient, summed over clients, and accumulate from "
             "cut to cut (arXiv 2311.00314). Perplexity is the evidence bound's per held-out word; coherence and diversity are of ten words a "
             "topic; the words are those that a document of one topic alone would most likely hold. MFLOPs are those of training, by the cost model; seconds are of the whole run, one thread, and only comparable within a page.", "",
             "Perplexities say how arms compare, and not how well words are foreseen (any word alike would be 1,000): batch norms without a scale keep "
             "the variance of a topic's mean at 1, so that a document's divergence is at least about half as many nats as there are topics, shared by the few "
             "words of a question or a speech.", ""]
    for title, (name, overrides) in TEXTS.items():
        shards = pathlib.Path(".cache") / name
        subprocess.run(["sh", "tools/setup/prepare_data.sh", name], check=True)
        rows = run_sweep(options, name, shards, overrides)
        lines += section(title, shards, {(row["arm"], row["seed"]): figures(options, row, shards) for row in rows})
    options.page.write_text("\n".join(lines).rstrip() + "\n")


if __name__ == "__main__":
    main()
