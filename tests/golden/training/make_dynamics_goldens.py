"""Golden numbers of masks that change while they are trained, FedTiny, PruneFL, FedDST, FedRTS, FLASH and FedMef, on the federation of
sparse_goldens.json; and of FedNova and HeteroFL on the same.

    python tests/golden/training/make_dynamics_goldens.py        # rewrites dynamics_goldens.json beside this file

Training is PyTorch in float64, the rules are NumPy over whole matrices; random numbers are those of tests/golden/core/make_goldens.py, an
implementation of its own. Every step of a client sees all its samples, but for FedNova's, where clients differ in their number of steps;
what an adjustment looks at is the start of the epoch after those trained.
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
SAMPLES, STEPS, ROUNDS = [8, 6, 6, 4], DATA["steps"], 7
LR, MOMENTUM = 0.1, 0.9
KEPT = [34, 30, 12]  # of 96, 96 and 32 weights
SHARES = np.array(SAMPLES) / sum(SAMPLES)


def split(values, shapes):
    parts, at = [], 0
    for shape in shapes:
        parts.append(np.array(values[at:at + math.prod(shape)]).reshape(shape))
        at += math.prod(shape)
    return parts


SHAPES = [s for i, o in zip(WIDTHS, WIDTHS[1:]) for s in ((o, i), (o,))]
X = np.array(DATA["x"]).reshape(-1, WIDTHS[0])
CLASSES = np.array(DATA["classes"])
BORDERS = np.cumsum([0, *SAMPLES])
CLIENTS = [(torch.tensor(X[a:b]), torch.tensor(CLASSES[a:b])) for a, b in zip(BORDERS, BORDERS[1:])]


def top(values, count):
    """A mask of the `count` largest, equal ones by the lower index."""
    order = np.argsort(-values.reshape(-1), kind="stable")[:count]
    mask = np.zeros(values.size, bool)
    mask[order] = True
    return mask.reshape(values.shape)


def gradients(weights, data):
    leaves = [torch.tensor(w, requires_grad=True) for w in weights]
    x = data[0]
    for layer in range(0, len(leaves), 2):
        x = torch.nn.functional.linear(x, leaves[layer], leaves[layer + 1])
        x = torch.relu(x) if layer + 2 < len(leaves) else x
    torch.nn.functional.cross_entropy(x, data[1]).backward()
    return [leaf.grad.numpy() for leaf in leaves]


class SparseInput(torch.autograd.Function):
    """x W' whose weight gradient sees the largest inputs alone."""

    @staticmethod
    def forward(ctx, x, w, b, kept):
        size = x.abs().reshape(-1).sort(descending=True).values
        threshold = size[max(1, round(kept * x.numel())) - 1]
        ctx.save_for_backward(torch.where(x.abs() >= threshold, x, 0.0), w)
        return x @ w.T + b

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return g @ w, g.T @ x, g.sum(0), None


def sparse_gradients(weights, data, kept):
    leaves = [torch.tensor(w, requires_grad=True) for w in weights]
    x = data[0]
    for layer in range(0, len(leaves), 2):
        x = SparseInput.apply(x, leaves[layer], leaves[layer + 1], kept)
        x = torch.relu(x) if layer + 2 < len(leaves) else x
    torch.nn.functional.cross_entropy(x, data[1]).backward()
    return [leaf.grad.numpy() for leaf in leaves]


def trained(weights, masks, data, case=None, r=0):
    velocity = [np.zeros_like(w) for w in weights]
    pushed = pushed_of(case, r, weights, masks) if case else {}
    for step in range(STEPS):
        all_of = gradients(weights, data) if not case else sparse_gradients(weights, data, case["activations"])
        rate = LR
        if pushed:
            low = {m: np.where(p, weights[2 * m], 0.0) for m, p in pushed.items()}
            for m, values in low.items():
                all_of[2 * m] = all_of[2 * m] + case["lambda"] * values / (np.linalg.norm(values) or 1.0)
            length = sum(np.abs(values).sum() for values in low.values())
            spent = (2 * STEPS - 2 * step) / (2 * STEPS - step)
            rate *= min(case["most"], max(1.0, case["psi"] * spent * (2 / (1 + math.exp(-length)) - 1)))
        for i, g in enumerate(all_of):
            velocity[i] = MOMENTUM * velocity[i] + g
            if i % 2 == 0:
                velocity[i] = velocity[i] * masks[i // 2]
        weights = [w - rate * v for w, v in zip(weights, velocity)]
    return weights


def pushed_of(case, r, weights, masks):
    """FedMef: the weights that the next adjustment would drop, in the rounds of its window."""
    adjustments = [a for a in range(r, r + case["window"]) if due(case, a)]
    if not adjustments:
        return {}
    low = {}
    for m in unit_of(case, adjustments[0]):
        a = cosine(case, adjustments[0], masks[m])
        low[m] = masks[m] & ~top(np.where(masks[m], np.abs(weights[2 * m]), -1.0), int(masks[m].sum()) - a)  # of equal ones the last
    return {m: p for m, p in low.items() if p.any()}


def looked_at(case, r, k):
    """The batch that client k looks at in an adjustment."""
    x, classes = CLIENTS[k]
    rows = core.Stream(0, r, k, "shuffle", STEPS).shuffle(list(range(len(x))))
    return [(x[rows[b:b + case.get("batch", 64)]], classes[rows[b:b + case.get("batch", 64)]]) for b in range(0, len(x), case.get("batch", 64))]


def cosine(case, round_number, mask):
    if round_number >= case["until"]:
        return 0
    a = int(case["alpha"] / 2 * (1 + math.cos(math.pi * round_number / case["until"])) * mask.sum())
    return min(a, int((~mask).sum()))


def due(case, r):
    return r > 0 and r % case["every"] == 0 and r < case.get("until", ROUNDS)


def unit_of(case, r):
    if case["unit"] == "model":
        return range(3)
    order = [2, 1, 0] if case["order"] == "backward" else [0, 1, 2]
    return [order[(r // case["every"] - 1) % 3]]


def fedtiny(case, r, weights, masks, ends):
    if not due(case, r):
        return masks
    masks = list(masks)
    for m in unit_of(case, r):
        kept, a = masks[m], cosine(case, r, masks[m])
        score = np.zeros(kept.shape)
        places = ~kept
        if case["upload"] == "candidates":
            count = min(math.ceil(case["factor"] * a), int(places.sum()))
            drawn = core.Stream(0, r, 0, "candidates", 2 * m).sample_without_replacement(int(places.sum()), count)
            flat = np.zeros(kept.size, bool)
            flat[np.flatnonzero(places)[drawn]] = True
            places = flat.reshape(kept.shape)
        for k, (share, end) in enumerate(zip(SHARES, ends)):
            g = gradients(end, looked_at(case, r, k)[0])[2 * m]
            chosen = places if case["upload"] == "candidates" else top(np.where(kept, -1.0, np.abs(g)), a)
            score += share * np.where(chosen, 1.0 if case["upload"] == "votes" else g, 0.0)
        promising = np.where(kept, 0.0, np.abs(score))
        a = min(a, int((promising > 0).sum()))
        staying = top(np.where(kept, np.abs(weights[2 * m]), -1.0), int(kept.sum()) - a)
        masks[m] = staying | top(promising, a) if a else staying
    return masks


def prunefl(case, r, weights, masks, ends):
    if r == 0 or r % case["every"]:
        return masks
    squares = [np.zeros(m.shape) for m in masks]
    for k, (share, end) in enumerate(zip(SHARES, ends)):
        batches = looked_at(case, r, k)[:case["batches"]]
        for batch in batches:
            for m, g in enumerate(gradients(end, batch)[::2]):
                squares[m] += share * g**2 / len(batches)
    cost = case["per_weight"] + case["per_mac"]  # a linear layer's weight is one multiply-add
    stays = [top(np.where(m, np.abs(w), -1.0), int(m.sum()) - int(case["drop"] * 0.5 ** (r / case["half_life"]) * m.sum()))
             for m, w in zip(masks, weights[::2])]
    worth = sum(float(s[keep].sum()) for s, keep in zip(squares, stays))
    time = case["constant"] + cost * sum(int(keep.sum()) for keep in stays)
    offers = sorted(((-s[at] / cost, m, at) for m, s in enumerate(squares) for at in zip(*np.nonzero(~stays[m]))))
    count, most = sum(int(keep.sum()) for keep in stays), int(case["density"] * sum(m.size for m in masks)) or sum(int(m.sum()) for m in masks)
    for worth_of_one, m, at in offers:
        if count >= most or -worth_of_one <= worth / time:
            break
        stays[m][at] = True
        worth, time, count = worth + squares[m][at], time + cost, count + 1
    return stays


def votes(case, r, masks, ends, m, growing=True):
    """What each client's mask would be: its drops among the kept weights, its growths among the others."""
    kept, a = masks[m], cosine(case, r, masks[m])
    drop, grow = np.zeros(kept.shape), np.zeros(kept.shape)
    for k, (share, end) in enumerate(zip(SHARES, ends)):
        staying = top(np.where(kept, np.abs(end[2 * m]), -1.0), int(kept.sum()) - a)
        drop += share * (kept & ~staying)
        if growing:
            grow += share * top(np.where(kept, -1.0, np.abs(gradients(end, looked_at(case, r, k)[0])[2 * m])), a)
    return drop, grow


def feddst(case, r, weights, masks, ends):
    if not due(case, r):
        return masks
    united = []
    for m, kept in enumerate(masks):
        drop, grow = votes(case, r, masks, ends, m)
        share = np.where(kept, 1.0 - drop, grow)
        keys = [(not share.flat[i] > case["min_share"] + 1e-12, -abs(weights[2 * m].flat[i]), -round(share.flat[i], 9), i)
                for i in range(kept.size) if kept.flat[i] or share.flat[i] > 0]
        mask = np.zeros(kept.size, bool)
        mask[[key[3] for key in sorted(keys)[:kept.sum()]]] = True
        united.append(mask.reshape(kept.shape))
    return united


def fedrts(case, r, weights, masks, ends, beliefs):
    if r >= case["until"]:
        return masks
    after = []
    for m, kept in enumerate(masks):
        alpha, beta = beliefs.setdefault(m, [np.ones(kept.shape, np.float32), np.ones(kept.shape, np.float32)])
        drop, grow = votes(case, r, masks, ends, m, due(case, r))
        low = kept & ~top(np.where(kept, np.abs(weights[2 * m]), -1.0), int(kept.sum()) - cosine(case, r, kept))
        x = np.where(kept, 1.0 - ((1 - case["gamma"]) * low + case["gamma"] * drop), 0.5 * (1 - case["gamma"]) + case["gamma"] * grow)
        learns = kept | due(case, r)
        alpha += np.where(learns, case["lambda"] * x, 0).astype(np.float32)
        beta += np.where(learns, case["lambda"] * (1 - x), 0).astype(np.float32)
        if not due(case, r):
            after.append(kept)
            continue
        stream = core.Stream(0, r, 0, "mask", 2 * m)
        samples = []
        for a, b in zip(alpha.flat, beta.flat):
            one, other = stream.gamma(float(a)), stream.gamma(float(b))
            samples.append(np.float32(one / (one + other)))
        after.append(top(np.array(samples).reshape(kept.shape), int(kept.sum())))
    return after


def flash(case, r, weights, masks, ends):
    if not due(case, r):
        return masks
    rate = case["rate"] * (1 - r / case["until"])
    wanted = np.zeros(3)
    for share, end in zip(SHARES, ends):
        kept = np.array([m.sum() for m in masks], float)
        freed = np.ceil(rate * kept)
        room = np.array([m.size for m in masks]) - kept + freed
        pull = np.array([np.abs(w[m]).mean() for w, m in zip(end[::2], masks)])
        gained, left = np.zeros(3), freed.sum()
        while left > 1e-9:
            open_ = gained < room - 1e-9
            gift = np.minimum(room - gained, np.where(open_, left * pull / pull[open_].sum(), 0.0))
            gained, left = gained + gift, left - gift.sum()
        wanted += share * (kept - freed + gained)
    total, sizes = sum(int(m.sum()) for m in masks), [m.size - 1 for m in masks]
    exact = wanted * total / wanted.sum()
    counts = [min(max(int(e), 1), s) for e, s in zip(exact, sizes)]
    order = sorted(range(3), key=lambda l: counts[l] - exact[l])
    while sum(counts) < total:
        for l in order:
            if sum(counts) < total and counts[l] < sizes[l]:
                counts[l] += 1
    after = []
    for l, (mask, count) in enumerate(zip(masks, counts)):
        staying = top(np.where(mask, np.abs(weights[2 * l]), -1.0), min(count, int(mask.sum())))
        more = count - int(staying.sum())
        if more > 0:
            places = np.flatnonzero(~mask)
            flat = staying.reshape(-1).copy()
            flat[places[core.Stream(0, r, 0, "candidates", 2 * l).sample_without_replacement(len(places), more)]] = True
            staying = flat.reshape(mask.shape)
        after.append(staying)
    return after


def federation(case):
    weights = split(DATA["weights"], SHAPES)
    masks = [top(np.abs(w), k) for w, k in zip(weights[::2], KEPT)]
    weights = [w * masks[i // 2] if i % 2 == 0 else w for i, w in enumerate(weights)]
    rule = {"fedtiny": fedtiny, "prunefl": prunefl, "feddst": feddst, "fedrts": fedrts, "flash": flash,
            "fedmef": fedtiny}[case["kind"]]
    extra = ({},) if case["kind"] == "fedrts" else ()
    seen = []
    for r in range(ROUNDS):
        ends = [trained(weights, masks, data, case if case["kind"] == "fedmef" else None, r) for data in CLIENTS]
        weights = [sum(s * e[i] for s, e in zip(SHARES, ends)) for i in range(len(weights))]
        masks = rule(case, r, weights, masks, ends, *extra)
        weights = [w * masks[i // 2] if i % 2 == 0 else w for i, w in enumerate(weights)]
        seen.append("".join("1" if bit else "0" for m in masks for bit in m.flat))
    return {"dynamics": case, "masks": seen, "weights": [float(v) for w in weights for v in w.flat]}


def fednova(momentum, rounds=3, epochs=2, batch=4):
    """Wang et al. 2020, eq. 4: whole batches of a shuffled epoch alone."""
    weights = split(DATA["weights"], SHAPES)
    for r in range(rounds):
        changes, effective = [], []
        for k, (x, classes) in enumerate(CLIENTS):
            own, velocity, tau = weights, [np.zeros_like(w) for w in weights], 0
            for epoch in range(epochs):
                order = core.Stream(0, r, k, "shuffle", epoch).shuffle(list(range(len(x))))
                for at in range(0, len(x) - batch + 1, batch):
                    rows = order[at:at + batch]
                    for i, g in enumerate(gradients(own, (x[rows], classes[rows]))):
                        velocity[i] = momentum * velocity[i] + g
                    own = [w - LR * v for w, v in zip(own, velocity)]
                    tau += 1
            changes.append([after - before for after, before in zip(own, weights)])
            effective.append(sum((1 - momentum ** (tau - j)) / (1 - momentum) for j in range(tau)))
        mean = float(SHARES @ effective)
        weights = [w + mean * sum(s * c[i] / a for s, c, a in zip(SHARES, changes, effective)) for i, w in enumerate(weights)]
    return {"momentum": momentum, "rounds": rounds, "epochs": epochs, "batch": batch, "weights": [float(v) for w in weights for v in w.flat]}


def heterofl(rates, shares, rounds=3):
    """Diao et al. 2021: a client's model is the corner of every matrix; each weight is averaged over those who have it."""
    def width(rate, l):
        return WIDTHS[l] if l in (0, 3) else math.ceil(rate * WIDTHS[l] - 1e-9)

    levels = []
    for k in range(len(CLIENTS)):
        left, level = sum(shares) * core.Stream(0, 0, k, "cohort", 3).uniform(), 0
        while level + 1 < len(shares) and left >= shares[level]:
            left, level = left - shares[level], level + 1
        levels.append(level)
    weights = split(DATA["weights"], SHAPES)
    for _ in range(rounds):
        sums, holders = [np.zeros_like(w) for w in weights], [np.zeros_like(w) for w in weights]
        for k, data in enumerate(CLIENTS):
            corner = []
            for l in range(3):
                o, i = width(rates[levels[k]], l + 1), width(rates[levels[k]], l)
                corner += [np.s_[:o, :i], np.s_[:o]]
            own = [w[c] for w, c in zip(weights, corner)]
            end = trained(own, [np.ones(w.shape) for w in own[::2]], data)
            for j, c in enumerate(corner):
                sums[j][c] += SHARES[k] * end[j]
                holders[j][c] += SHARES[k]
        weights = [np.where(h > 0, s / np.where(h > 0, h, 1.0), w) for w, s, h in zip(weights, sums, holders)]
    return {"rates": rates, "shares": shares, "rounds": rounds, "levels": levels, "weights": [float(v) for w in weights for v in w.flat]}


SCHEDULE = {"every": 2, "until": 6}
CASES = [
    {"kind": "fedtiny", "alpha": 0.5, "unit": "block", "order": "backward", "upload": "gradients", "factor": 4.0, **SCHEDULE},
    {"kind": "fedtiny", "alpha": 0.8, "unit": "layer", "order": "forward", "upload": "votes", "factor": 4.0, **SCHEDULE},
    {"kind": "fedtiny", "alpha": 0.5, "unit": "model", "order": "forward", "upload": "candidates", "factor": 2.0, **SCHEDULE},
    {"kind": "prunefl", "every": 3, "drop": 0.4, "half_life": 6.0, "density": 0.4, "constant": 0.5, "per_weight": 0.01, "per_mac": 0.005,
     "batches": 2, "batch": 4},
    {"kind": "prunefl", "every": 2, "drop": 0.3, "half_life": 100.0, "density": 1.0, "constant": 0.02, "per_weight": 0.01, "per_mac": 0.01,
     "batches": 1, "batch": 64},
    {"kind": "prunefl", "every": 2, "drop": 0.5, "half_life": 100.0, "density": 0.0, "constant": 50.0, "per_weight": 0.01, "per_mac": 0.01,
     "batches": 1, "batch": 64},
    {"kind": "feddst", "alpha": 0.6, "min_share": 0.0, **SCHEDULE},
    {"kind": "feddst", "alpha": 0.6, "min_share": 0.5, **SCHEDULE},
    {"kind": "fedrts", "alpha": 0.5, "gamma": 0.5, "lambda": 10.0, **SCHEDULE},
    {"kind": "fedtiny", "alpha": 0.5, "unit": "model", "order": "backward", "upload": "gradients", "factor": 4.0, "batch": 3, **SCHEDULE},
    {"kind": "flash", "rate": 0.9, "every": 2, "until": 12},
    {"kind": "fedmef", "alpha": 0.5, "unit": "model", "order": "backward", "upload": "gradients", "factor": 4.0, "window": 2, "lambda": 0.05,
     "psi": 3.0, "most": 1.5, "activations": 0.6, **SCHEDULE},
    {"kind": "fedmef", "alpha": 0.8, "unit": "block", "order": "backward", "upload": "votes", "factor": 4.0, "window": 1, "lambda": 0.2,
     "psi": 1.0, "most": 1.0, "activations": 1.0, **SCHEDULE},
]
goldens = {"made_with": f"torch {torch.__version__}, numpy {np.__version__}", "samples": SAMPLES, "rounds": ROUNDS, "lr": LR, "momentum": MOMENTUM, "kept": KEPT,
           "cases": [federation(case) for case in CASES], "fednova": [fednova(0.0), fednova(0.9)],
           "heterofl": [heterofl([1.0, 0.5, 0.25], [1.0, 1.0, 1.0]), heterofl([0.75, 0.4], [1.0, 2.0])]}
rounded = json.loads(json.dumps(goldens), parse_float=lambda text: float(f"{float(text):.10g}"))
(HERE / "dynamics_goldens.json").write_text(json.dumps(rounded) + "\n")
for case in goldens["cases"]:
    print(case["dynamics"]["kind"], [sum(a != b for a, b in zip(x, y)) for x, y in zip(case["masks"], case["masks"][1:])],
          [m.count("1") for m in case["masks"]])
for case in goldens["heterofl"]:
    print("heterofl", case["rates"], case["levels"])
