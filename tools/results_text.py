"""Repeats the experiments on language models behind docs/results_text.md and writes that page.

    results_text.py --build build/release [--models small_lm smollm2] [--studies units sparse] [--ratios 0.2] [--seeds 3] [--work results]

Studies: `units` removes a share (--ratios) of the prunable parameters by several scores, before and after recovery; `sparse` keeps 2 of 4
weights of every matrix but the head, at once and trained with the mask. Of each seed all arms start from the same weights and meet the
same clients and samples; losses are of test samples that no choice looked at. Runs that are done are not repeated, so an
interrupted series goes on; what has not run shows as a dash. small_lm is trained from nothing first; smollm2 is read from
.cache/smollm2, and with --outside measured on three further texts: WikiText-2's test split, opened for this alone, Shakespeare, and
CLINC150's questions (tools/zero_shot.py). Differences are paired by seed, mean ± standard error (n - 1).
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

def taylor(kind, **settings):
    return {"importance": "taylor", "fusion": {"granularity": {"kind": kind, **settings}}}


NEURONS = {"units": ["neuron"], "exponent": 0}
ARMS = {  # (score, prune) where they differ from the preset's
    "random": ({"importance": "random"}, {}),
    "magnitude": ({"importance": "magnitude"}, {}),
    "fine": (taylor("fixed", alpha=0.0), {}),
    "fixed 0.5": (taylor("fixed", alpha=0.5), {}),
    "coarse": (taylor("fixed", alpha=1.0), {}),
    "attention": (taylor("attention"), {}),
    "uncertainty": (taylor("uncertainty"), {}),
    "learned": ({**taylor("learned"), "cohort": 10}, {}),
    "adaptive": (taylor("adaptive"), {}),
    "adaptive, neurons alone": (taylor("adaptive"), NEURONS),
    "FLAP, neurons alone": ({"importance": "flap"}, NEURONS),
    "FLAP, neurons alone, biases": ({"importance": "flap"}, {**NEURONS, "compensation": "bias"}),
    "whole layers": ({"importance": "block_influence"}, {"units": ["layer"]}),
}
PER_OUTPUT = {"fusion": {"granularity": {"kind": "fixed"}, "clients": "none"}}  # scores of single weights as they are
MAGNITUDE, WANDA = {"importance": "magnitude"}, {"importance": "activation", **PER_OUTPUT}
AT_ONCE = {  # weights dropped, nothing trained: (score, prune)
    "magnitude": (MAGNITUDE, {"pattern": "2:4"}),
    "Wanda": (WANDA, {"pattern": "2:4"}),
    "RIA": ({"importance": "ria", **PER_OUTPUT}, {"pattern": "2:4"}),
    "SparseGPT": (None, {"pattern": "2:4", "compensation": "sparsegpt"}),
    **{f"Wanda, {pattern}, {100 * density:.0f} % kept": (WANDA, {"pattern": pattern, "budget": {"density": density}, "allocation": "uniform"})
       for density in (0.5, 0.25) for pattern in ("16x1", "32x1")},
}
DISTILL = {"temperature": 2, "weight": 0.67}
TRAINED = {  # from 2:4 by magnitude: (what makes up for dropped weights, finetune.sparse, distilled from the dense model)
    "fixed mask": ("none", "fixed", False),
    "fixed mask, distilled": ("none", "fixed", True),
    "SR-STE": ("none", "sr_ste", False),
    "SR-STE, distilled": ("none", "sr_ste", True),
    "AST": ("none", "ast", False),
    "AST, distilled": ("none", "ast", True),
    "AST, distilled, SLoRB": ("slorb", "ast", True),
}
# One owner in place of a cohort: what of a round's training is larger, and what stays as a client has it.
CENTRALLY = {"centrally": ("max_steps", "batch"), "centrally in large batches": ("batch", "max_steps")}
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
        return self.program.run(self.options.work / self.model / str(seed) / re.sub(r"[^\w.:]+", "-", name), config)

    def dense(self, seed):
        """The folder of the weights that all arms start from."""
        if self.config["model"]["kind"] == "folder":
            return pathlib.Path(self.config["model"]["path"])
        return self.run(seed, "warm-up", [{"warmup": {**self.stages["warmup"], "evaluate_every": 0}}, "export"]) / "model"

    def trained(self, seed):
        """The dense model to make sparse, as (name, folder): one from nothing gets the preset's rounds first, for it is the teacher, too."""
        if self.config["model"]["kind"] == "folder":
            return "dense", self.dense(seed)
        return "dense recovered", self.recovered(seed, "dense", self.dense(seed)) / "model"

    def cut(self, seed, name, ratio):
        dense, (score, prune) = self.dense(seed), ARMS[name]
        score = {**self.stages["score"], "fusion": {"granularity": {"kind": "fixed", "alpha": 0.0}}, **score}
        prune = {**self.stages["prune"], "budget": {"params": round(1 - ratio * prunable_share(dense), 4)}, **prune}
        return self.run(seed, f"{name} {ratio}", [{"score": score}, {"prune": prune}, "export"], dense)

    def recovered(self, seed, name, start):
        """Fine-tuned with the preset's rounds."""
        return self.run(seed, f"{name} recovered", [{"finetune": self.finetune()}, "export"], start)

    def recovered_centrally(self, seed, name, start, how):
        """The same by one owner of all text, who sees as many samples a round as a cohort does."""
        federated = self.recovered(seed, name, start)
        said = self.program.call([self.program.path, "check", federated.with_name(federated.name + ".yaml")])
        samples = int(re.search(r"samples trained on, about\s+(\d+)", said)[1]) / self.stages["finetune"]["rounds"]

        def change(config):
            local = config["federation"]["local"]
            config["data"]["partition"] = {"kind": "iid", "clients": 1}
            config["federation"]["cohort"] = 1
            larger, other = CENTRALLY[how]
            local[larger] = round(samples / local[other])
        return self.run(seed, f"{name} recovered {how}", [{"finetune": self.finetune()}, "export"], start, change)

    def dropped_at_once(self, seed, name):
        """Without a step of training."""
        score, prune = AT_ONCE[name]
        sizes = {key: self.stages["score"][key] for key in ("batches", "batch", "cohort") if key in self.stages["score"]}
        stages = [{"score": {**sizes, **score}}, {"prune": prune}] if score else [{"prune": {**prune, "recalibration": sizes}}]
        return self.run(seed, f"sparse {name}", [*stages, "export"], self.trained(seed)[1])

    def sparsely_trained(self, seed, name):
        """2:4 by magnitude and the preset's rounds."""
        compensation, sparse, distilled = TRAINED[name]
        finetune = {**self.finetune(), "sparse": sparse, **({"distill": DISTILL} if distilled else {})}
        return self.run(seed, f"sparse {name}", [{"score": MAGNITUDE}, {"prune": {"pattern": "2:4", "compensation": compensation}},
                                                 {"finetune": finetune}, "export"], self.trained(seed)[1])

    def finetune(self):
        """The preset's rounds, evaluated at the end."""
        return {**{key: value for key, value in self.stages["finetune"].items() if key != "twin"}, "evaluate_every": 0}

    def figures(self, run, name):
        """What was measured of an arm's exported model."""
        last = summary(run)["variants"][-1]
        found = {"parameters": last["parameters"], "flops": last["flops"], "loss": last["loss"],
                 "chosen": (summary(run).get("fusion") or {}).get("chosen", "")}
        return {**found, **self.outside_figures(run)} if name in self.options.outside else found

    def outside_figures(self, run):
        """Of texts that no client has, each whole; kept beside the model, for it takes long."""
        kept, model = run / "outside.json", run / "model"
        if kept.exists():
            return json.loads(kept.read_text())
        data = pathlib.Path(os.environ.get("COPPICE_DATA_DIR", "../shared/data"))
        found = {}
        for name, text in (("wikitext", data / "wikitext2" / "test.txt"), ("shakespeare", data / "tinyshakespeare" / "input.txt")):
            said = self.program.call([self.program.path, "eval", model, "--text", text])
            found[name] = math.log(float(re.search(r"perplexity\s+([\d.]+)", said)[1]))
        said = self.program.call([sys.executable, "tools/zero_shot.py", model, "--questions", data / "clinc150" / "data_full.json"])
        found["zero_shot"] = 100 * json.loads(said)["normalised"]
        kept.write_text(json.dumps(found))
        return found


def collect_units(study, options):
    """{ratio: {arm: {seed: {"cut": figures, "recovered": figures}}}}, and {seed: {"dense": ..., "recovered": ...}} of the dense model."""
    arms, dense = {}, {}
    for seed in range(1, options.seeds + 1):
        start = study.dense(seed)
        dense[seed] = {"cut": study.figures(study.run(seed, "dense as it is", ["export"], start), "dense")}
        if options.recover:
            dense[seed]["recovered"] = study.figures(study.recovered(seed, "dense", start), "dense")
        for ratio in options.ratios:
            for name in options.arms:
                cut = study.cut(seed, name, ratio)
                found = {"cut": study.figures(cut, name)}
                if name in options.recover:
                    found["recovered"] = study.figures(study.recovered(seed, f"{name} {ratio}", cut / "model"), name)
                    if name == "adaptive":
                        for centrally in CENTRALLY:
                            run = study.recovered_centrally(seed, f"{name} {ratio}", cut / "model", centrally)
                            found[centrally] = study.figures(run, name)
                arms.setdefault(ratio, {}).setdefault(name, {})[seed] = found
                yield arms, dense


def collect_sparse(study, options):
    """{arm: {seed: {"cut" or "recovered": figures}}}, and as collect_units of the dense model."""
    arms, dense = {}, {}
    for seed in range(1, options.seeds + 1):
        start = study.trained(seed)
        dense[seed] = {"cut": study.figures(study.run(seed, start[0] + " as it is", ["export"], start[1]), "dense"),
                       "recovered": study.figures(study.recovered(seed, *start), "dense")}
        for name in AT_ONCE:
            arms.setdefault(name, {})[seed] = {"cut": study.figures(study.dropped_at_once(seed, name), name)}
            yield arms, dense
        for name in TRAINED if options.recover else []:
            arms.setdefault(name, {})[seed] = {"recovered": study.figures(study.sparsely_trained(seed, name), name)}
            yield arms, dense


def paired(rows, a, b, when, key):
    """Differences by seed of `key` between arms a and b, where both were measured."""
    both = [(rows[a][seed].get(when), rows[b][seed].get(when)) for seed in rows.get(a, {}) if seed in rows.get(b, {})]
    return [x[key] - y[key] for x, y in both if x and y and key in x]


def marked(values, digits=3):
    return mean_and_error(values, digits) + (" *" if is_clear(values) else "")


def table(rows, dense, domains):
    """Markdown of one ratio."""
    lines = ["| score | parameters | loss after the cut | minus adaptive | after recovery | minus adaptive |" +
             "".join(f" {name} |" for name in domains), "|---|---|---|---|---|---|" + "---|" * len(domains)]
    if dense:
        lines.append(f"| dense, same rounds | {statistics.fmean(values(dense, 'cut', 'parameters')):,.0f} | "
                     f"{mean_and_error(values(dense, 'cut', 'loss'), 3)} | – | {mean_and_error(values(dense, 'recovered', 'loss'), 3)} | – |" +
                     "".join(f" {mean_and_error(values(dense, latest(dense), key))} |" for key in domains.values()))
    for name, seeds in rows.items():
        minus = [marked(paired(rows, name, "adaptive", when, "loss")) if name != "adaptive" else "0" for when in ("cut", "recovered")]
        lines.append(f"| {name} | {statistics.fmean(values(seeds, 'cut', 'parameters')):,.0f} | {mean_and_error(values(seeds, 'cut', 'loss'), 3)} | "
                     f"{minus[0]} | {mean_and_error(values(seeds, 'recovered', 'loss'), 3)} | {minus[1]} |" +
                     "".join(f" {mean_and_error(values(seeds, latest(seeds), key))} |" for key in domains.values()))
    return lines


def latest(rows):
    return "recovered" if values(rows, "recovered", "loss") else "cut"


def values(rows, when, key):
    return [seed[when][key] for seed in rows.values() if when in seed and key in seed[when]]


def sparse_table(rows, dense, domains):
    """Markdown of 2 of 4 weights."""
    lines = ["| weights dropped by | parameters | loss | minus the dense model |" + "".join(f" {name} |" for name in domains),
             "|---|---|---|---|" + "---|" * len(domains)]
    for name, seeds, when in [("dense", dense, "cut"), *((name, seeds, latest(seeds)) for name, seeds in rows.items()),
                              ("dense, same rounds", dense, "recovered")]:
        gaps = [found[when]["loss"] - dense[seed][when]["loss"] for seed, found in seeds.items()]
        lines.append(f"| {name} | {statistics.fmean(values(seeds, when, 'parameters')):,.0f} | {mean_and_error(values(seeds, when, 'loss'), 3)} | "
                     f"{mean_and_error(gaps, 3) if name in rows else 0} |" +
                     "".join(f" {mean_and_error(values(seeds, when, key))} |" for key in domains.values()))
    return lines


def sparse_verdicts(rows):
    """Whether the order of the literature holds, each with its figure."""
    order = [("SparseGPT", "Wanda", "cut"), ("Wanda", "magnitude", "cut"), ("AST", "SR-STE", "recovered"),
             ("AST, distilled", "SR-STE, distilled", "recovered"), ("AST, distilled, SLoRB", "AST, distilled", "recovered"),
             *((f"{name}, distilled", name, "recovered") for name in ("fixed mask", "SR-STE", "AST"))]
    lines = []
    for below, above, when in order:
        gaps = paired(rows, below, above, when, "loss")
        if gaps:
            held = is_clear(gaps) and statistics.fmean(gaps) < 0
            lines.append(f"- {below} below {above} by more than two standard errors: {mean_and_error(gaps, 3)} nats – {'held' if held else 'NOT held'}")
    return lines


def within(gaps, percent, what):
    """Whether perplexities are at most `percent` above others, from differences in nats."""
    held = statistics.fmean(gaps) <= math.log1p(percent / 100)
    return f"- {what}: {mean_and_error(gaps, 3)} nats – {'held' if held else 'NOT held'} (within {percent} %)"


def verdicts(rows, dense):
    """The claims, each with its figure."""
    lines = []
    adaptive = rows.get("adaptive", {})
    for when, word in (("cut", "right after the cut"), ("recovered", "after recovery")):
        gaps = [adaptive[seed][when]["loss"] - min(rows[end][seed][when]["loss"] for end in ("fine", "coarse")) for seed in adaptive
                if all(when in rows.get(end, {}).get(seed, {}) for end in ("fine", "coarse", "adaptive"))]
        if gaps:
            lines.append(within(gaps, 1, f"adaptive against the better of coarse and fine of each seed, {word}"))
        for other in ("magnitude", "random"):
            gaps = paired(rows, "adaptive", other, when, "loss")
            if gaps:
                held = is_clear(gaps) and statistics.fmean(gaps) < 0
                lines.append(f"- adaptive below {other} by more than two standard errors, {word}: {mean_and_error(gaps, 3)} nats – "
                             f"{'held' if held else 'NOT held'}")
    gaps = [found["recovered"]["loss"] - dense[seed]["recovered"]["loss"] for seed, found in adaptive.items() if "recovered" in found]
    if gaps:
        lines.append(within(gaps, 10, "adaptive after recovery against the dense model given the same rounds"))
    for centrally in CENTRALLY:
        gaps = [found["recovered"]["loss"] - found[centrally]["loss"] for found in adaptive.values() if centrally in found]
        if gaps:
            lines.append(within(gaps, 5, f"recovered over clients against recovered {centrally}, from as many samples"))
    return lines


def page(sections):
    lines = ["# Results on language models", "",
             "Written by `make results-text`; every figure comes from the `summary.json` of the runs it made and from what measured their "
             "exports. Losses are nats a token. Mean ± standard error over seeds; differences are paired by seed, `*` marks those beyond two "
             "standard errors; a dash marks what was not run. All arms of a seed start from the same weights and meet the same clients and samples.", ""]
    return "\n".join(lines + [line for section in sections for line in section])


def conditions(study, seeds):
    """Of what all arms have in common."""
    config, score, finetune = study.config, study.stages["score"], study.stages["finetune"]
    local = config["federation"]["local"]
    return (f"{config['data']['source']['path']}, by {config['data']['partition']['column']}; scores of "
            f"{score.get('cohort') or 'all'} clients, {score['batches']} batches of {score['batch']}; training after the cut: "
            f"{finetune['rounds']} rounds of {config['federation']['cohort']} clients, batch {local['batch']}, at most "
            f"{local.get('max_steps') or 'all'} steps; seeds {', '.join(map(str, seeds))}.")


def domains_of(study):
    return {"WikiText-2 test, nats": "wikitext", "Shakespeare, nats": "shakespeare", "CLINC150, %": "zero_shot"} if study.options.outside else {}


def units_section(study, arms, dense):
    lines, domains = [], domains_of(study)
    for ratio, rows in arms.items():
        seeds = sorted({seed for row in rows.values() for seed in row})
        lines += [f"## {study.model}: {100 * ratio:.0f} % of the prunable parameters", "", conditions(study, seeds), "",
                  *table(rows, dense, domains), "", *verdicts(rows, dense), ""]
        chosen = [found["cut"]["chosen"] for found in rows.get("adaptive", {}).values()]
        lines += [f"Chosen by adaptive, seed by seed: {', '.join(chosen)}.", ""] if chosen else []
    return lines


def sparse_section(study, rows, dense):
    return [f"## {study.model}: 2 of 4 weights of every matrix but the head", "", conditions(study, sorted(dense)), "",
            "Down to the blocks of 16x1 and 32x1: nothing trained, against the dense model. Below: trained from 2:4 by magnitude, against the "
            "dense model after the same rounds; lambda as `docs/config.md` has it, not searched for. The dense model is the teacher, too.", "",
            *sparse_table(rows, dense, domains_of(study)), "", *sparse_verdicts(rows), ""]


STUDIES = {"units": (collect_units, units_section), "sparse": (collect_sparse, sparse_section)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_program_options(parser)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--studies", nargs="+", default=list(STUDIES), choices=list(STUDIES))
    parser.add_argument("--ratios", nargs="+", type=float, default=[0.2])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--arms", nargs="+", default=list(ARMS), choices=list(ARMS))
    parser.add_argument("--recover", nargs="*", default=None, choices=list(ARMS),
                        help="arms of `units` to fine-tune as well, and, where there is any, all of `sparse`; default: all of small_lm, none of smollm2")
    parser.add_argument("--outside", nargs="*", default=[], choices=["dense", *ARMS, *AT_ONCE, *TRAINED], metavar="ARM",
                        help="arms of smollm2 whose exports are measured on WikiText-2's test split, Shakespeare and CLINC150 too, each whole")
    parser.add_argument("--page", type=pathlib.Path, default=pathlib.Path("docs/results_text.md"))
    options = parser.parse_args()
    sections = []
    for model in options.models:
        chosen = argparse.Namespace(**vars(options))
        if chosen.recover is None:
            chosen.recover = chosen.arms if model == "small_lm" else []
        study = Study(chosen, model)
        for collect, section in (STUDIES[name] for name in options.studies):
            sections.append([])
            for rows, dense in collect(study, chosen):
                sections[-1] = section(study, rows, dense)
                options.page.write_text(page(sections))
    print(f"wrote {options.page}")


if __name__ == "__main__":
    main()
