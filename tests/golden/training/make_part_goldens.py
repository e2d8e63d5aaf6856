"""Golden numbers of clients that train parts of a model: LotteryFL's tickets and FedMP's bandit, on the federation of sparse_goldens.json.

    python tests/golden/training/make_part_goldens.py        # rewrites part_goldens.json beside this file

Gradients are PyTorch's in float64, the rules are NumPy over whole matrices; random numbers are those of tests/golden/core/make_goldens.py, an
implementation of its own. Every step of a client sees all its samples.
"""
import importlib.util
import json
import math
import pathlib

import numpy as np
import torch

HERE = pathlib.Path(__file__).parent
spec = importlib.util.spec_from_file_location("core_goldens", HERE.parent / "core" / "make_goldens.py")
core = importlib.util.module_from_spec(spec)
spec.loader.exec_module(core)

DATA = json.loads((HERE / "sparse_goldens.json").read_text())
WIDTHS = [DATA["inputs"], *DATA["hidden"], DATA["outputs"]]
SAMPLES, STEPS = [8, 6, 6, 4], DATA["steps"]
LR, MOMENTUM = 0.1, 0.9
SHARES = [n / sum(SAMPLES) for n in SAMPLES]
BORDERS = [sum(SAMPLES[:k]) for k in range(len(SAMPLES) + 1)]
X = torch.tensor(DATA["x"], dtype=torch.float64).reshape(-1, WIDTHS[0])
CLASSES = torch.tensor(DATA["classes"])
CLIENTS = [(X[a:b], CLASSES[a:b]) for a, b in zip(BORDERS, BORDERS[1:])]


def first_layers():
    values, layers = iter(DATA["weights"]), []
    for i, o in zip(WIDTHS, WIDTHS[1:]):
        for shape in ((o, i), (o,)):
            layers.append(np.array([next(values) for _ in range(math.prod(shape))]).reshape(shape))
    return layers


def logits(layers, x):
    for at in range(0, len(layers), 2):
        x = x @ layers[at].T + layers[at + 1]
        x = x.clamp(min=0) if at + 2 < len(layers) else x
    return x


def trained(start, kept, data):
    """SGD with momentum under masks (one a tensor); also the loss before each step."""
    leaves = [torch.tensor(w, requires_grad=True) for w in start]
    optimizer = torch.optim.SGD(leaves, lr=LR, momentum=MOMENTUM)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(logits(leaves, data[0]), data[1])
        loss.backward()
        for leaf, mask in zip(leaves, kept):
            leaf.grad *= torch.tensor(mask)
        optimizer.step()
        losses.append(loss.item())
    return [leaf.detach().numpy() for leaf in leaves], losses


def smaller(mask, weights, rate, density):
    kept = int(mask.sum())
    least = max(1, math.floor(density * mask.size + 0.5))
    stays = max(least, kept - math.floor(rate * kept + 1e-9)) if kept > least else kept
    order = sorted(np.flatnonzero(mask), key=lambda i: (-abs(weights.flat[i]), i))
    next_mask = np.zeros(mask.size, bool)
    next_mask[order[:stays]] = True
    return next_mask.reshape(mask.shape)


def lotteryfl(start_accuracy, rate, density, rounds=9):
    origin, weights = first_layers(), first_layers()
    masks = [[np.ones(w.shape, bool) for w in weights] for _ in CLIENTS]
    seen, accuracies = [], []
    for _ in range(rounds):
        sums, held = [np.zeros(w.shape) for w in weights], [np.zeros(w.shape) for w in weights]
        for k, data in enumerate(CLIENTS):
            start = [w * m for w, m in zip(weights, masks[k])]
            hits = logits([torch.tensor(w) for w in start], data[0]).argmax(1) == data[1]
            accuracies.append(hits.double().mean().item())
            ticket = [smaller(m, w, rate, density) if i % 2 == 0 else m for i, (m, w) in enumerate(zip(masks[k], start))]
            if accuracies[-1] > start_accuracy and any((a != b).any() for a, b in zip(ticket, masks[k])):
                masks[k] = ticket
                start = [w * m for w, m in zip(origin, ticket)]
            end, _ = trained(start, masks[k], data)
            for i, (w, m) in enumerate(zip(end, masks[k])):
                sums[i] += SHARES[k] * np.where(m, w, 0.0)
                held[i] += SHARES[k] * m
        weights = [np.where(h > 0, s / np.where(h > 0, h, 1.0), w) for w, s, h in zip(weights, sums, held)]
        seen.append(["".join("1" if bit else "0" for m in own[::2] for bit in m.flat) for own in masks])
    print("lotteryfl", [[own.count("1") for own in r] for r in seen], accuracies)
    return {"start_accuracy": start_accuracy, "rate": rate, "density": density, "rounds": rounds, "masks": seen,
            "weights": [float(v) for w in weights for v in w.flat]}


def pieces(most, interval, pulls):
    cuts = [0.0, most]
    for fraction, _ in pulls:
        left, right = max(c for c in cuts if c <= fraction), min(c for c in cuts if c > fraction)
        if right - left > interval:
            cuts = sorted({*cuts, fraction})
    return list(zip(cuts, cuts[1:]))


def next_fraction(case, pulls, stream):
    scale = max([abs(r) for _, r in pulls] + [0.0]) or 1.0
    weights = [case["discount"] ** (len(pulls) - 1 - s) for s in range(len(pulls))]
    bounds = []
    for left, right in pieces(case["most"], case["interval"], pulls):
        inside = [s for s, (fraction, _) in enumerate(pulls) if left <= fraction < right]
        n = sum(weights[s] for s in inside)
        mean = sum(weights[s] * pulls[s][1] / scale for s in inside) / n if n else 0.0
        bounds.append((mean + math.sqrt(2 * math.log(max(sum(weights), 1.0)) / n) if n else math.inf, -left, right))
    _, left, right = max(bounds)
    return -left + (right + left) * stream.uniform()


def fedmp(most, discount, interval, speeds, rounds=12):
    case = {"most": most, "discount": discount, "interval": interval, "speeds": speeds, "rounds": rounds}
    weights, pulls = first_layers(), [[] for _ in CLIENTS]
    for r in range(rounds):
        fractions, drops, seconds, total = [], [], [], [np.zeros(w.shape) for w in weights]
        for k, data in enumerate(CLIENTS):
            fractions.append(next_fraction(case, pulls[k], core.Stream(0, r, k, "cohort", 4)))
            units = [np.arange(WIDTHS[0])]
            for l in range(2):
                norm = np.abs(weights[2 * l]).sum(1) + np.abs(weights[2 * l + 1]) + np.abs(weights[2 * l + 2]).sum(0)
                order = np.argsort(-norm, kind="stable")[:len(norm) - math.floor(fractions[k] * len(norm))]
                units.append(np.sort(order))
            units.append(np.arange(WIDTHS[3]))
            places = []
            for l in range(3):
                places += [np.ix_(units[l + 1], units[l]), units[l + 1]]
            part = [w[p] for w, p in zip(weights, places)]
            end, losses = trained(part, [np.ones(w.shape) for w in part], data)
            drops.append((sum(losses[:STEPS // 2]) - sum(losses[STEPS - STEPS // 2:])) / (STEPS // 2))
            seconds.append(3 * 2 * sum(w.size for w in part[::2]) * SAMPLES[k] * STEPS / speeds[k])
            for t, w, p, e in zip(total, weights, places, end):
                recovered = np.zeros(w.shape)
                recovered[p] = e
                residual = w.copy()
                residual[p] = 0.0
                t += SHARES[k] * (recovered + residual)
        weights = total
        mean = sum(seconds) / len(seconds)
        for k, own in enumerate(pulls):
            own.append((fractions[k], drops[k] / max(abs(seconds[k] - mean) / mean, 0.05)))
    print("fedmp", [[round(f, 2) for f, _ in own] for own in pulls])
    return {**case, "pulls": [[v for pull in own for v in pull] for own in pulls], "weights": [float(v) for w in weights for v in w.flat]}


goldens = {"made_with": f"torch {torch.__version__}, numpy {np.__version__}", "samples": SAMPLES, "lr": LR, "momentum": MOMENTUM,
           "lotteryfl": [lotteryfl(0.4, 0.3, 0.4), lotteryfl(0.7, 0.5, 0.1)],
           "fedmp": [fedmp(0.8, 0.95, 0.1, [100.0, 400.0, 200.0, 50.0]), fedmp(0.6, 0.5, 0.3, [100.0, 100.0, 100.0, 100.0])]}
rounded = json.loads(json.dumps(goldens), parse_float=lambda text: float(f"{float(text):.10g}"))
(HERE / "part_goldens.json").write_text(json.dumps(rounded) + "\n")
