"""Repeats the experiments on language models behind docs/results_text.md and writes that page.

    results_text.py --build build/release [--models small_lm smollm2] [--ratios 0.2] [--seeds 3] [--studies units] [--work results]

Studies: `units` removes a share (--ratios) of the prunable parameters by several scores, before and after recovery. Of each seed all arms
start from the same weights and meet the same clients and samples; what is exported is measured by `coppice eval` on text that
no choice looked at. Runs that are done are not repeated, so an interrupted series goes on; what has not run shows as a dash.
small_lm is trained from nothing first; smollm2 is read from .cache/smollm2, and scored on two further texts: WikiText-2's test split,
opened for this alone, and CLINC150's questions (tools/zero_shot.py). Differences are paired by seed, mean ± standard error (n - 1).
"""
import argparse
import json
import math
import os
import pathlib
import re
import statistics
import sys

import yaml

from experiment import Program, add_program_options, is_clear, mean_and_error, summary

FIXED = {kind: {"importance": "taylor", "granularity": {"kind": "fixed", "alpha": alpha}}
         for kind, alpha in (("fine", 0.0), ("fixed 0.5", 0.5), ("coarse", 1.0))}
ARMS = {
    "random": {"importance": "random"},
    "magnitude": {"importance": "magnitude"},
    **FIXED,
    "attention": {"importance": "taylor", "granularity": {"kind": "attention"}},
    "uncertainty": {"importance": "taylor", "granularity": {"kind": "uncertainty"}},
    "learned": {"importance": "taylor", "granularity": {"kind": "learned"}},
    "adaptive": {"importance": "taylor", "granularity": {"kind": "adaptive"}},
}
MODELS = {"small_lm": "small_lm", "smollm2": "smollm2_fused_20"}  # and the presets they come from


def stage_settings(config):
    """{name of the stage: its settings} of a preset."""
    pairs = [next(iter(stage.items())) if isinstance(stage, dict) else (stage, {}) for stage in config["stages"]]
    return {name: settings or {} for name, settings in pairs}


def prunable_share(folder):
    """Of a Llama folder's parameters, those in attention and feed-forward matrices."""
    config = json.loads((folder / "config.json").read_text())
    dim, layers = config["hidden_size"], config["num_hidden_layers"]
    heads = config.get("head_dim") or dim // config["num_attention_heads"]
    attention = dim * heads * 2 * (config["num_attention_heads"] + config["num_key_value_heads"])
    prunable = layers * (attention + 3 * dim * config["intermediate_size"])
    embeddings = config["vocab_size"] * dim * (1 if config["tie_word_embeddings"] else 2)
    return prunable / (prunable + embeddings + (2 * layers + 1) * dim)


class Study:
    """Arms over one model."""

    def __init__(self, options, model):
        self.options, self.model, self.program = options, model, Program(options)
        self.config = yaml.safe_load((pathlib.Path("configs") / f"{MODELS[model]}.yaml").read_text())
        self.stages = stage_settings(self.config)

    def run(self, seed, name, stages, start=None, change=lambda config: None):
        """Runs the `change`d preset with other stages, from another model where `start` names its folder."""
        config = json.loads(json.dumps(self.config))
        config["run"] = {"name": name, "seed": seed}
        config["stages"] = stages
        if start is not None:
            config["model"] = {"kind": "folder", "path": str(start)}
        change(config)
        return self.program.run(self.options.work / self.model / str(seed) / name.replace(" ", "-"), config)

    def dense(self, seed):
        """The folder of the weights that all arms start from."""
        if self.config["model"]["kind"] == "folder":
            return pathlib.Path(self.config["model"]["path"])
        return self.run(seed, "warm-up", [{"warmup": {**self.stages["warmup"], "evaluate_every": 0}}, "export"]) / "model"

    def cut(self, seed, name, ratio):
        arm, dense = ARMS[name], self.dense(seed)
        score = {**self.stages["score"], "importance": arm["importance"],
                 "fusion": {"granularity": arm.get("granularity", {"kind": "fixed", "alpha": 0.0})}}
        prune = {**self.stages["prune"], "budget": {"params": round(1 - ratio * prunable_share(dense), 4)}, **arm.get("prune", {})}
        return self.run(seed, f"{name} {ratio}", [{"score": score}, {"prune": prune}, "export"], dense)

    def recovered(self, seed, name, start, central=False):
        """Fine-tuned with the preset's rounds; `central`: by one owner of all text, with as many steps a round."""
        finetune = {key: value for key, value in self.stages["finetune"].items() if key != "twin"}

        def change(config):
            if central:
                federation = config["federation"]
                config["data"]["partition"] = {"kind": "iid", "clients": 1}
                federation["local"]["max_steps"] *= federation["cohort"]
                federation["cohort"] = 1
        return self.run(seed, f"{name} recovered" + (" centrally" if central else ""),
                        [{"finetune": {**finetune, "evaluate_every": 0}}, "export"], start, change)

    def figures(self, run):
        """What was measured of an exported model; kept beside it."""
        kept = run / "evaluation.json"
        if not kept.exists():
            last = summary(run)["variants"][-1]
            found = {"parameters": last["parameters"], "flops": last["flops"], "latency": last["latency_ms"]["1"],
                     "loss": last["loss"], "chosen": (summary(run).get("fusion") or {}).get("chosen", "")}
            if self.model == "smollm2":
                found.update(self.outside_figures(run / "model"))
            kept.write_text(json.dumps(found))
        return json.loads(kept.read_text())

    def outside_figures(self, model):
        data = pathlib.Path(os.environ.get("COPPICE_DATA_DIR", "../shared/data"))
        found = {}
        for name, text in (("wikitext", data / "wikitext2" / "test.txt"), ("shakespeare", data / "tinyshakespeare" / "input.txt")):
            said = self.program.call([self.program.path, "eval", model, "--text", text])
            found[name] = math.log(float(re.search(r"perplexity\s+([\d.]+)", said)[1]))
        said = self.program.call([sys.executable, "tools/zero_shot.py", model, "--questions", data / "clinc150" / "data_full.json"])
        found["zero_shot"] = 100 * json.loads(said)["normalised"]
        return found


def collect(study, options):
    """{ratio: {arm: {seed: {"cut": figures, "recovered": figures}}}}, and {seed: {"dense": ..., "recovered": ...}} of the dense model."""
    arms, dense = {}, {}
    for seed in range(1, options.seeds + 1):
        start = study.dense(seed)
        if options.recover:
            dense[seed] = {"recovered": study.figures(study.recovered(seed, "dense", start))}
        for ratio in options.ratios:
            for name in options.arms:
                cut = study.cut(seed, name, ratio)
                found = {"cut": study.figures(cut)}
                if name in options.recover:
                    found["recovered"] = study.figures(study.recovered(seed, f"{name} {ratio}", cut / "model"))
                    if name == "adaptive":
                        found["central"] = study.figures(study.recovered(seed, f"{name} {ratio}", cut / "model", central=True))
                arms.setdefault(ratio, {}).setdefault(name, {})[seed] = found
                yield arms, dense


def paired(rows, a, b, when, key):
    """Differences by seed of `key` between arms a and b, where both were measured."""
    both = [(rows[a][seed].get(when), rows[b][seed].get(when)) for seed in rows.get(a, {}) if seed in rows.get(b, {})]
    return [x[key] - y[key] for x, y in both if x and y and key in x]


def marked(values, digits=3):
    return mean_and_error(values, digits) + (" *" if is_clear(values) else "")


def table(rows, dense, domains):
    """Markdown of one ratio. Losses are nats a token."""
    lines = ["| score | parameters | loss after the cut | minus adaptive | after recovery | minus adaptive |" +
             "".join(f" {name} |" for name in domains), "|---|---|---|---|---|---|" + "---|" * len(domains)]
    values = lambda of, when, key: [seed[when][key] for seed in of.values() if when in seed and key in seed[when]]
    if dense:
        lines.append(f"| dense, same rounds | {statistics.fmean(values(dense, 'recovered', 'parameters')):,.0f} | – | – | "
                     f"{mean_and_error(values(dense, 'recovered', 'loss'), 3)} | – |" +
                     "".join(f" {mean_and_error(values(dense, 'recovered', key))} |" for key in domains.values()))
    for name, seeds in rows.items():
        last = "recovered" if values(seeds, "recovered", "loss") else "cut"
        minus = [marked(paired(rows, name, "adaptive", when, "loss")) if name != "adaptive" else "0" for when in ("cut", "recovered")]
        lines.append(f"| {name} | {statistics.fmean(values(seeds, 'cut', 'parameters')):,.0f} | {mean_and_error(values(seeds, 'cut', 'loss'), 3)} | "
                     f"{minus[0]} | {mean_and_error(values(seeds, 'recovered', 'loss'), 3)} | {minus[1]} |" +
                     "".join(f" {mean_and_error(values(seeds, last, key))} |" for key in domains.values()))
    return lines


def within(gaps, percent, what):
    """Whether perplexities are at most `percent` above others, from differences in nats."""
    held = statistics.fmean(gaps) <= math.log1p(percent / 100)
    return f"- {what}: {mean_and_error(gaps, 3)} nats – {'held' if held else 'NOT held'} (within {percent} %)"


def verdicts(rows, dense, key):
    """The claims, each with its figure."""
    lines = []
    adaptive = rows.get("adaptive", {})
    for when, word in (("cut", "right after the cut"), ("recovered", "after recovery")):
        gaps = [adaptive[seed][when][key] - min(rows[end][seed][when][key] for end in ("fine", "coarse")) for seed in adaptive
                if all(when in rows.get(end, {}).get(seed, {}) for end in ("fine", "coarse", "adaptive"))]
        if gaps:
            lines.append(within(gaps, 1, f"adaptive against the better of coarse and fine of each seed, {word}"))
        for other in ("magnitude", "random"):
            gaps = paired(rows, "adaptive", other, when, key)
            if gaps:
                held = is_clear(gaps) and statistics.fmean(gaps) < 0
                lines.append(f"- adaptive below {other} by more than two standard errors, {word}: {mean_and_error(gaps, 3)} nats – "
                             f"{'held' if held else 'NOT held'}")
    gaps = [found["recovered"][key] - dense[seed]["recovered"][key] for seed, found in adaptive.items() if "recovered" in found and seed in dense]
    if gaps:
        lines.append(within(gaps, 10, "adaptive after recovery against the dense model given the same rounds"))
    gaps = [found["recovered"][key] - found["central"][key] for found in adaptive.values() if "central" in found]
    if gaps:
        lines.append(within(gaps, 5, "recovered over clients against recovered centrally with as many steps"))
    return lines


def page(found):
    lines = ["# Results on language models", "",
             "Written by `make results-text`; every figure comes from the `summary.json` of the runs it made and from what measured their "
             "exports. Mean ± standard error over seeds; differences are paired by seed, `*` marks those beyond two standard errors; a dash "
             "marks what was not run. All arms of a seed start from the same weights and meet the same clients and samples.", ""]
    for study, arms, dense in found:
        config, stages = study.config, study.stages
        domains = {"WikiText-2 test, nats": "wikitext", "Shakespeare, nats": "shakespeare", "CLINC150, %": "zero_shot"} if study.model == "smollm2" else {}
        local = config["federation"]["local"]
        for ratio, rows in arms.items():
            seeds = sorted({seed for row in rows.values() for seed in row})
            lines += [f"## {study.model}: {100 * ratio:.0f} % of the prunable parameters", "",
                      f"{config['data']['source']['path']}, by {config['data']['partition']['column']}; scores of "
                      f"{stages['score'].get('cohort') or 'all'} clients, {stages['score']['batches']} batches of {stages['score']['batch']}; recovery: "
                      f"{stages['finetune']['rounds']} rounds of {config['federation']['cohort']} clients, batch {local['batch']}, at most "
                      f"{local.get('max_steps') or 'all'} steps; seeds {', '.join(map(str, seeds))}.", "",
                      *table(rows, dense, domains), "", *verdicts(rows, dense, "wikitext" if domains else "loss"), ""]
            chosen = [found["cut"]["chosen"] for found in rows.get("adaptive", {}).values()]
            lines += [f"Chosen by adaptive, seed by seed: {', '.join(chosen)}.", ""] if chosen else []
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_program_options(parser)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--ratios", nargs="+", type=float, default=[0.2])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=list(ARMS))
    parser.add_argument("--recover", nargs="*", default=None, choices=list(ARMS), help="arms to fine-tune as well; default: all of small_lm, none of smollm2")
    parser.add_argument("--page", type=pathlib.Path, default=pathlib.Path("docs/results_text.md"))
    options = parser.parse_args()
    found = []
    for model in options.models:
        chosen = argparse.Namespace(**vars(options))
        if chosen.recover is None:
            chosen.recover = chosen.arms if model == "small_lm" else []
        study = Study(chosen, model)
        found.append((study, {}, {}))
        for arms, dense in collect(study, chosen):
            found[-1] = (study, arms, dense)
            options.page.write_text(page(found))
    print(f"wrote {options.page}")


if __name__ == "__main__":
    main()
