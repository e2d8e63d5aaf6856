"""Writes the run folders the report is tested on, and the paired statistics that `coppice compare` must reproduce.

    python make_goldens.py        (standard library only; deterministic; rewrites sample/ and compare/ beside this file)

The figures of sample/ have the shape of a federated pruning run but are made up; what is tested is that the report shows them.
The statistics come from Python's `statistics` module, over exact fractions where it matters.
"""
import base64
import json
import math
import random
import statistics
from pathlib import Path

HERE = Path(__file__).parent
LAYERS = [("stage1.residual", 16, 13), ("stage1.inner", 16, 9), ("stage2.inner", 32, 18), ("stage2.residual", 32, 25),
          ("stage3.inner", 64, 33), ("stage3.residual", 64, 58)]
CLASSES = ["T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
DENSE_BYTES = 77898 * 2
CONFIG = """# resolved; every default is written out
run: {name: quickstart, seed: 1, ranks: 2}
model: {family: resnet8, classes: 10}
data:
  source: {name: fashion-mnist}
  partition: {kind: dirichlet, alpha: 0.5, clients: 100}   # <skewed> & "quoted"
federation: {cohort: 10, local: {epochs: 1, batch: 32}, optimizer: {kind: sgd, lr: 0.05, momentum: 0.9}}
stages:
  - warmup:   {rounds: 30}
  - score:    {importance: {kind: taylor, order: first}, granularity: [coarse, fine]}
  - prune:    {pattern: channels, budget: {flops: 0.40}, floor: 0.1}
  - finetune: {rounds: 40}
  - export:   {layout: uniform}
"""


def bits(kept):
    packed = bytearray((len(kept) + 7) // 8)
    for i, one in enumerate(kept):
        packed[i // 8] |= int(one) << (i % 8)
    return base64.b64encode(packed).decode()


def sample_layers(rng):
    layers = []
    for name, total, kept in LAYERS:
        chosen = set(rng.sample(range(total), kept))
        picture = "".join("1" if i in chosen else "0" for i in range(total))
        layers.append({"name": name, "kind": "channel", "kept": kept, "total": total, "picture": picture})
    two_of_four = [one for _ in range(32 * 288 // 4) for one in rng.sample([1, 1, 0, 0], 4)]
    layers.append({"name": "stage2.conv2.weight", "kind": "matrix", "kept": sum(two_of_four), "total": len(two_of_four),
                   "picture": {"rows": 32, "columns": 288, "bits": bits(two_of_four)}})
    shades = bytes(min(255, int(rng.betavariate(0.6, 0.6 + 3 * (c % 24) / 24) * 255)) for _ in range(64) for c in range(96))
    layers.append({"name": "head.weight", "kind": "matrix", "kept": 181204, "total": 600 * 1024,
                   "picture": {"rows": 64, "columns": 96, "shades": base64.b64encode(shades).decode()}})
    return layers


def sample_rounds(rng):
    stages = [("warmup", 30), ("score", 1), ("prune", 1), ("finetune", 40)]
    step, rounds = 0, []
    for stage, count in stages:
        for r in range(1, count + 1):
            step += 1
            pruned = stage in ("prune", "finetune")
            noise = rng.gauss(0, 0.012)
            accuracy = 0.80 - 0.55 * math.exp(-step / 7) if not pruned else 0.842 - 0.28 * math.exp(-r / 5)
            line = {"step": step, "stage": stage, "round": r, "seconds": round(2.1 - 0.5 * pruned + rng.random() * 0.2, 4),
                    "clients": 10 - (step % 23 == 0), "declined": int(step % 23 == 0)}
            if stage in ("warmup", "finetune"):
                line["train_loss"] = round(1.9 * (1 - accuracy) + 0.1 + noise, 4)
                line["train_accuracy"] = round(accuracy + 0.02 + noise, 4)
            if stage == "prune" or r == count or step % 5 == 0:
                twin = 0.80 - 0.55 * math.exp(-step / 7) + (0.053 * (1 - math.exp(-r / 9)) if stage == "finetune" else 0)
                wobble = rng.gauss(0, 0.02 if stage == "warmup" else 0.004)
                line["eval"] = {"loss": round(2 * (1 - accuracy) + 0.05 - wobble, 4), "accuracy": round(accuracy + wobble, 4),
                                "f1": round(accuracy + wobble - 0.008, 4)}
                if pruned:
                    line["eval_twin"] = {"loss": round(2 * (1 - twin) + 0.04, 4), "accuracy": round(twin + rng.gauss(0, 0.004), 4),
                                         "f1": round(twin - 0.006, 4)}
            line["bytes_down"] = DENSE_BYTES + 412 if not pruned else 96710
            line["bytes_up"] = DENSE_BYTES + 388 if not pruned else 96686
            if stage == "score":
                line["bytes_up"] = 4 * 224 + 300
            line["density"] = 0.617 if pruned else 1.0
            line["phases"] = {"local": round(line["seconds"] * 0.86, 4), "encode": round(line["seconds"] * 0.03, 4),
                              "reduce": round(line["seconds"] * 0.05, 4), "evaluate": round(line["seconds"] * 0.06, 4)}
            rounds.append(line)
    return rounds


def variant(name, accuracy, loss, parameters, flops, file_bytes, ms1, ms64, artifact=None):
    figures = {"name": name, "accuracy": accuracy, "loss": loss, "metrics": {"f1": round(accuracy - 0.008, 4)},
               "parameters": parameters, "flops": flops, "file_bytes": file_bytes, "latency_ms": {"1": ms1, "64": ms64}}
    return figures | ({"artifact": artifact} if artifact else {})


def sample(rng):
    rounds = sample_rounds(rng)
    down = sum(r["bytes_down"] * r["clients"] for r in rounds) / sum(r["clients"] for r in rounds)
    up = sum(r["bytes_up"] * r["clients"] for r in rounds) / sum(r["clients"] for r in rounds)
    seconds = {}
    for r in rounds:
        seconds[r["stage"]] = round(seconds.get(r["stage"], 0) + r["seconds"], 4)
    confusion = [[int(rng.expovariate(1 / 12)) if i != j else 0 for j in range(10)] for i in range(10)]
    for a, b in ((0, 6), (2, 4), (6, 2), (4, 6)):
        confusion[a][b] += 110
    for i in range(10):
        confusion[i][i] = max(0, 1000 - sum(confusion[i]))
    bins, hits = [], [2, 14, 61, 150, 312, 498, 640, 905, 1511, 5907]
    for i, count in enumerate(hits):
        middle = (i + 0.5) / 10
        bins.append({"count": count, "confidence": round(middle, 4), "accuracy": round(min(1.0, max(0.0, middle - 0.06 + 0.01 * i)), 4)})
    summary = {
        "name": "quickstart", "seed": 1, "config_digest": "8c1d0f2ab94e77d5", "model": {"family": "resnet8"},
        "fingerprint": {"binary": "coppice 0.1.0", "instruction set": "avx512", "device": "cpu", "threads": "1"},
        "data": {"name": "fashion-mnist", "note": "MIT licence; Dirichlet(0.5) labels", "clients": 100, "classes": CLASSES},
        "variants": [variant("dense", 0.7614, 0.6412, 77898, 18704384, 318416, 0.482, 14.9),
                     variant("masked", 0.8408, 0.4406, 77898, 18704384, 318416, 0.481, 14.8, "zeros"),
                     variant("compact", 0.8408, 0.4406, 48102, 7443912, 198822, 0.241, 6.31, "sliced"),
                     variant("dense twin", 0.8541, 0.4019, 77898, 18704384, 318416, 0.482, 14.9),
                     variant("small dense", 0.8327, 0.4688, 49120, 7450112, 202900, 0.238, 6.28),
                     variant("random", 0.8334, 0.4652, 47210, 7481236, 195254, 0.244, 6.35)],
        "traffic": {"bytes_down_per_client": round(down, 1), "bytes_up_per_client": round(up, 1), "dense_bytes_per_client": DENSE_BYTES},
        "seconds": seconds | {"export": 3.218}, "peak_memory_bytes": 412_311_552, "threads": 1, "ranks": 2,
        "mask": {"pattern": "channels", "density": 0.617, "digest": "f4a1c20be8d3", "layers": sample_layers(rng)},
        "fusion": {"chosen": "alpha 0.75", "candidates": [
            {"name": "coarse", "select_loss": 2.114, "select_accuracy": 0.3402}, {"name": "alpha 0.25", "select_loss": 1.902, "select_accuracy": 0.3911},
            {"name": "alpha 0.50", "select_loss": 1.655, "select_accuracy": 0.4433}, {"name": "alpha 0.75", "select_loss": 1.402, "select_accuracy": 0.5630},
            {"name": "fine", "select_loss": 1.438, "select_accuracy": 0.5522}]},
        "per_client": [{"client": i, "samples": rng.randint(140, 1255), "accuracy": round(min(1, max(0, rng.gauss(0.84, 0.06))), 4),
                        "loss": round(abs(rng.gauss(0.45, 0.1)), 4)} for i in range(100)],
        "confusion": confusion, "calibration": {"bins": bins}}
    folder = HERE / "sample"
    folder.mkdir(exist_ok=True)
    (folder / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    (folder / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rounds))
    (folder / "config.yaml").write_text(CONFIG)


def mean_and_error(values):
    n = len(values)
    return {"n": n, "mean": statistics.fmean(values), "standard_error": statistics.stdev(values) / math.sqrt(n) if n > 1 else None}


def compare(rng):
    """Three methods on overlapping seeds; `random` lacks seed 3 and has one more, so pairs and runs differ in number."""
    seeds = {"adaptive": [1, 2, 3, 4], "coarse": [1, 2, 3], "random": [1, 2, 4, 9], "single": [2]}
    offset = {"adaptive": 0.0, "coarse": -0.004, "random": -0.0085, "single": 0.01}
    luck = {seed: rng.gauss(0, 0.01) for seed in range(1, 10)}
    arms = {}
    for label, chosen in seeds.items():
        for seed in chosen:
            figures = {}
            for name, base, flops in (("compact", 0.841 + offset[label], 7443912), ("dense twin", 0.8541, 18704384)):
                accuracy = round(base + luck[seed] + rng.gauss(0, 0.002), 4)
                latency = round(flops / 3.1e7 * (1 + 0.02 * rng.random()), 6)
                figures[name] = variant(name, accuracy, round(2.1 - 2 * accuracy + 0.02 * rng.random(), 6), flops // 200, flops, flops // 60, latency, latency * 28)
                arms.setdefault((label, name), {})[seed] = figures[name]
            figures["compact"]["artifact"] = "sliced"
            summary = {"name": label, "seed": seed, "config_digest": f"{label}-{seed}", "fingerprint": {},
                       "data": {"name": "fashion-mnist", "clients": 100}, "variants": list(figures.values()),
                       "traffic": {"bytes_down_per_client": 96710 + seed, "bytes_up_per_client": 96686, "dense_bytes_per_client": DENSE_BYTES},
                       "seconds": {"warmup": 60.5 + rng.random(), "finetune": 71.25}, "peak_memory_bytes": 400_000_000 + seed, "threads": 1, "ranks": 2}
            folder = HERE / "compare" / f"{label}-{seed}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    expected = []
    baseline = ("adaptive", "compact")
    for key, runs in arms.items():
        shared = sorted(set(runs) & set(arms[baseline]))
        row = {"arm": " / ".join(key), "seeds": sorted(runs), "paired_seeds": shared, "values": {}, "differences": {}}
        for quantity in ("accuracy", "loss", "flops", "file_bytes"):
            row["values"][quantity] = mean_and_error([runs[s][quantity] for s in sorted(runs)])
            row["differences"][quantity] = mean_and_error([runs[s][quantity] - arms[baseline][s][quantity] for s in shared])
        row["values"]["latency"] = mean_and_error([runs[s]["latency_ms"]["1"] for s in sorted(runs)])
        row["differences"]["latency"] = mean_and_error([runs[s]["latency_ms"]["1"] - arms[baseline][s]["latency_ms"]["1"] for s in shared])
        expected.append(row)
    (HERE / "compare" / "expected.json").write_text(json.dumps({"baseline": " / ".join(baseline), "arms": expected}, indent=1) + "\n")


if __name__ == "__main__":
    sample(random.Random(7))
    compare(random.Random(11))
