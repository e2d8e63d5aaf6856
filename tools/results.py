"""Repeats the experiments behind docs/results.md and writes that page.

    results.py --build build/release [--configs quickstart mnist_by_writer cifar10] [--seeds 5] [--pairs 10] [--work results]

For each config and seed: one warm-up, then from its weights every arm with the same rounds, the same draws of clients and
samples, and its dense twin once; the small dense model has the compact model's architecture, starts from scratch and gets the
warm-up's rounds too. Runs that are done are not repeated, so an interrupted series goes on. All figures are of test data that no
choice looked at; differences are paired by seed, mean ± standard error (n - 1). The draw of a random mask spreads results more than
anything else here, so adaptive and random meet on --pairs further seeds of the quick start.
"""
import argparse
import json
import pathlib
import statistics

import yaml

from experiment import Program, add_program_options, after_cut, is_clear, mean_and_error, summary

ARMS = {
    "adaptive": {"importance": "taylor", "granularity": {"kind": "adaptive"}},
    "coarse": {"importance": "taylor", "granularity": {"kind": "fixed", "alpha": 1.0}},
    "fine": {"importance": "taylor", "granularity": {"kind": "fixed", "alpha": 0.0}},
    "random": {"importance": "random"},
    "random, best of 7": {"importance": {"kind": "random", "draws": 7}},
    "magnitude": {"importance": "magnitude"},
}


class Series:
    """One config over several seeds."""

    def __init__(self, options, name):
        self.options, self.name, self.program = options, name, Program(options)
        self.config = yaml.safe_load((pathlib.Path("configs") / f"{name}.yaml").read_text())
        self.stages = {next(iter(s)) if isinstance(s, dict) else s: (next(iter(s.values())) if isinstance(s, dict) else {})
                       for s in self.config["stages"]}

    def run(self, seed, arm, change):
        """Runs the `change`d config; returns its folder."""
        config = json.loads(json.dumps(self.config))
        config["run"] = {"name": arm, "seed": seed}
        change(config)
        return self.program.run(self.options.work / self.name / str(seed) / arm.replace(", ", "-").replace(" ", "-"), config)

    def warm_up(self, seed):
        def change(config):
            config["stages"] = [{"warmup": {**self.stages["warmup"], "evaluate_every": 0}}, "export"]
        return self.run(seed, "warm-up", change)

    def arm(self, seed, name, settings, warm, folder=None):
        def change(config):
            config["model"] = {"kind": "folder", "path": str(warm / "model")}
            score = dict(self.stages["score"] or {})
            score["importance"] = settings["importance"]
            score["fusion"] = {"granularity": settings.get("granularity", {"kind": "fixed", "alpha": 0.0}), "clients": "mean"}
            config["stages"] = [{"score": score}, {"prune": self.stages["prune"]},
                                {"finetune": {**self.stages["finetune"], "twin": folder is None and name == "adaptive", "evaluate_every": 0}},
                                "export"]
        return self.run(seed, folder or name, change)

    def pair(self, seed):
        """Accuracy of adaptive minus random on a seed where nothing else runs."""
        warm = self.warm_up(seed)
        final = [100 * summary(self.arm(seed, name, ARMS[name], warm, f"{name} alone"))["variants"][-1]["accuracy"]
                 for name in ("adaptive", "random")]
        return final[0] - final[1]

    def small_dense(self, seed, compact):
        def change(config):
            model = json.loads((compact / "model" / "config.json").read_text())["coppice"]
            config["model"] = model
            finetune = {k: v for k, v in self.stages["finetune"].items() if k != "twin"}
            config["stages"] = [{"warmup": {**self.stages["warmup"], "evaluate_every": 0}},
                                {"finetune": {**finetune, "evaluate_every": 0}}, "export"]
        return self.run(seed, "small dense", change)

    def collect(self, seed):
        """{row: {"final": %, "cut": %, "flops": fraction, ...}} of one seed."""
        warm = self.warm_up(seed)
        rows = {}
        for name, settings in ARMS.items():
            if name not in self.options.arms:
                continue
            folder = self.arm(seed, name, settings, warm)
            variants = {v["name"]: v for v in summary(folder)["variants"]}
            dense = variants.get("dense twin") or variants["dense"]
            if name == "adaptive":
                rows["dense"] = figures(variants["dense twin"], variants["dense twin"])
                rows["dense"]["cut"] = 100 * summary(warm)["variants"][-1]["accuracy"]
                rows["small dense"] = figures(summary(self.small_dense(seed, folder))["variants"][-1], dense)
            rows[name] = figures(variants["compact"], dense)
            rows[name]["cut"] = 100 * after_cut(folder)["accuracy"]
            rows[name]["chosen"] = (summary(folder).get("fusion") or {}).get("chosen", "")
        return rows


def figures(variant, dense):
    return {"final": 100 * variant["accuracy"], "flops": variant["flops"] / dense["flops"],
            "parameters": variant["parameters"], "latency": variant["latency_ms"]["64"]}


def table(seeds):
    """Markdown of one series; `seeds` is {seed: rows}."""
    names = [name for name in ["dense", "small dense", *ARMS] if all(name in rows for rows in seeds.values())]
    lines = ["| model | FLOPs | parameters | right after the cut | after fine-tuning | minus dense | minus random |",
             "|---|---|---|---|---|---|---|"]
    for name in names:
        rows = [rows[name] for rows in seeds.values()]
        cut = [row["cut"] for row in rows if row.get("cut") is not None]
        minus = [[rows[name]["final"] - rows[other]["final"] for rows in seeds.values()] if other in names else []
                 for other in ("dense", "random")]
        cells = [mean_and_error(difference) + (" *" if is_clear(difference) else "") if name != other else "0"
                 for difference, other in zip(minus, ("dense", "random"))]
        lines.append(f"| {name} | {statistics.fmean(row['flops'] for row in rows):.3f} | "
                     f"{statistics.fmean(row['parameters'] for row in rows):,.0f} | {mean_and_error(cut)} | "
                     f"{mean_and_error([row['final'] for row in rows])} | {cells[0]} | {cells[1]} |")
    return lines


def verdicts(seeds, pairs):
    """The claims of the project, each with its figure, held or not; `pairs` are adaptive minus random of further seeds."""
    def paired(a, b, key):
        return [rows[a][key] - rows[b][key] for rows in seeds.values() if a in rows and b in rows]

    lines = []
    flops = max(rows["adaptive"]["flops"] for rows in seeds.values())
    lines.append(f"- at most 40 % of the dense FLOPs: largest {100 * flops:.1f} % – {'held' if flops <= 0.4 else 'NOT held'}")
    gap = paired("adaptive", "dense", "final")
    lines.append(f"- at most 2 points below the dense twin: {mean_and_error(gap)} – "
                 f"{'held' if statistics.fmean(gap) >= -2 else 'NOT held'}")
    if all("random" in rows for rows in seeds.values()):
        gain = paired("adaptive", "random", "final")
        for gains in [gain, gain + pairs] if pairs else [gain]:
            held = is_clear(gains) and statistics.fmean(gains) > 0
            lines.append(f"- above random channels by more than two standard errors, {len(gains)} seeds: {mean_and_error(gains)} – "
                         f"{'held' if held else 'NOT held'}")
    for key, when in (("cut", "right after the cut and recalibration"), ("final", "after fine-tuning")):
        better = [rows["adaptive"][key] - max(rows["coarse"][key], rows["fine"][key]) for rows in seeds.values()]
        lines.append(f"- adaptive against the better of coarse and fine of each seed, {when}: {mean_and_error(better)} – "
                     f"{'held' if statistics.fmean(better) >= -1 else 'NOT held'} (within 1 point)")
    if all("small dense" in rows for rows in seeds.values()):
        small = paired("adaptive", "small dense", "final")
        word = "above" if statistics.fmean(small) > 0 else "below"
        lines.append(f"- against a dense model of the same shape from scratch: {mean_and_error(small)}, "
                     f"{word if is_clear(small) else 'no clear difference'}")
    return lines


def page(all_series):
    lines = ["# Results", "",
             "Written by `make results`; every figure comes from the `summary.json` and `metrics.jsonl` of the runs it made.",
             "Accuracy in % on the test split, mean ± standard error over seeds; differences are paired by seed, `*` marks those "
             "beyond two standard errors. All arms start from the same warm-up of their seed and meet the same clients and "
             "samples in the same rounds; *small dense* has the compact model's shape, starts from scratch and gets the warm-up's "
             "rounds as well. *adaptive* chooses among seven rules by the loss on held-out samples of the clients; "
             "*random, best of 7* has the same search. *right after the cut*: batch-norm statistics recomputed, nothing trained.", ""]
    for name, config, seeds, pairs in all_series:
        data, federation = config["data"], config["federation"]
        stages = {next(iter(s)): next(iter(s.values())) for s in config["stages"] if isinstance(s, dict)}
        lines += [f"## {name}", "",
                  f"{data['source']['kind']}, {json.dumps(data['partition'])}; {federation['cohort']} clients a round, "
                  f"{federation['local']['epochs']} local epoch(s), batch {federation['local']['batch']}; "
                  f"{stages['warmup']['rounds']} warm-up and {stages['finetune']['rounds']} fine-tuning rounds, "
                  f"{federation.get('precision', 'f32')}; seeds {', '.join(map(str, seeds))}.", "", *table(seeds), "",
                  *verdicts(seeds, pairs), ""]
        chosen = [rows["adaptive"]["chosen"] for rows in seeds.values()]
        lines += [f"Chosen by adaptive, seed by seed: {', '.join(chosen)}.", ""]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_program_options(parser)
    parser.add_argument("--configs", nargs="+", default=["quickstart", "mnist_by_writer", "cifar10"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=10, help="further seeds of the quick start, adaptive and random alone")
    parser.add_argument("--arms", nargs="+", default=list(ARMS), help="adaptive, coarse and fine always run")
    parser.add_argument("--page", type=pathlib.Path, default=pathlib.Path("docs/results.md"))
    options = parser.parse_args()
    options.arms = list(dict.fromkeys(["adaptive", "coarse", "fine", *options.arms]))
    all_series = []
    for name in options.configs:
        series = Series(options, name)
        seeds = {}
        for seed in range(1, options.seeds + 1):
            seeds[seed] = series.collect(seed)
        more = range(options.seeds + 1, options.seeds + 1 + options.pairs) if name == "quickstart" else ()
        pairs = [series.pair(seed) for seed in more]
        all_series.append((name, series.config, seeds, pairs))
        options.page.write_text(page(all_series))
    print(f"wrote {options.page}")


if __name__ == "__main__":
    main()
