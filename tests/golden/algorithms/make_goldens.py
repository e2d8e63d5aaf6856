"""Golden numbers for importance, fusion, quotas and masks, from definitions written out in NumPy and PyTorch.

    python tests/golden/algorithms/make_goldens.py        # rewrites goldens.json beside this file

Weights, inputs and scores come from `values`, an integer hash that the C++ tests repeat bit for bit.
"""
import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

WORD = 1 << 32


def values(count, salt, scale=1.0):
    """Exact float32 numbers in [-scale/2, scale/2)."""
    h = (np.arange(count, dtype=np.uint64) * 2654435761 + salt * 2246822519) % WORD
    h ^= h >> 15
    h = h * 2246822519 % WORD
    h ^= h >> 13
    return ((h >> 8).astype(np.float64) / (1 << 24) - 0.5) * scale


# --- A convolutional network: 20x20x2 -> 4 -> 8 channels -> 12 -> 3, its data dealt to two clients -----------------------

SHAPES = {
    "conv1.weight": (4, 2, 5, 5), "conv1.bias": (4,), "conv2.weight": (8, 4, 5, 5), "conv2.bias": (8,),
    "linear1.weight": (12, 32), "linear1.bias": (12,), "linear2.weight": (3, 12), "linear2.bias": (3,),
}
CLIENTS = [[2, 1], [2, 3]]  # sizes of each client's micro-batches
FAMILIES = {"conv1": 4, "conv2": 8, "linear1": 12}
EVERY = 37  # elements are stored at this stride


def weights():
    return {name: torch.tensor(values(math.prod(shape), salt, 0.5).reshape(shape))
            for salt, (name, shape) in enumerate(SHAPES.items(), start=1)}


def forward(w, x, seen=None):
    def note(name, columns):  # [samples, positions, columns]
        if seen is not None:
            seen[name] = columns.flatten(0, 1).detach()

    note("conv1.weight", F.unfold(x, 5).transpose(1, 2))
    x = F.relu(F.max_pool2d(F.conv2d(x, w["conv1.weight"], w["conv1.bias"]), 2))
    note("conv2.weight", F.unfold(x, 5).transpose(1, 2))
    x = F.relu(F.max_pool2d(F.conv2d(x, w["conv2.weight"], w["conv2.bias"]), 2))
    x = x.flatten(1)
    note("linear1.weight", x[:, None])
    x = F.relu(F.linear(x, w["linear1.weight"], w["linear1.bias"]))
    note("linear2.weight", x[:, None])
    return F.linear(x, w["linear2.weight"], w["linear2.bias"])


def passes():
    """Per client, per micro-batch: samples, gradients of the loss sum, squared input norms by column."""
    w = weights()
    clients, sample = [], 0
    for sizes in CLIENTS:
        batches = []
        for n in sizes:
            x = torch.tensor(values(n * 800, 100 + sample, 2.0).reshape(n, 2, 20, 20))
            y = torch.tensor([(sample + i) % 3 for i in range(n)])
            sample += n
            leaf = {k: v.clone().requires_grad_() for k, v in w.items()}
            seen = {}
            loss = F.cross_entropy(forward(leaf, x, seen), y, reduction="sum")
            grads = dict(zip(leaf, torch.autograd.grad(loss, list(leaf.values()))))
            batches.append({"n": n, "g": grads, "x": seen, "x2": {k: (v ** 2).sum(0) for k, v in seen.items()}})
        clients.append(batches)
    return w, clients


def vectors():
    """(family, unit, tensor, index) of every scored vector."""
    out = []
    for layer, units in FAMILIES.items():
        for u in range(units):
            out.append((layer, u, layer + ".weight", (u,)))
            out.append((layer, u, layer + ".bias", (u,)))
            if layer == "linear1":
                out.append((layer, u, "linear2.weight", (slice(None), u)))
    return out


def per_unit(score_of_vector):
    """Sums score_of_vector(tensor, index) over each unit's vectors, families one behind the other."""
    offset = dict(zip(FAMILIES, np.cumsum([0, *FAMILIES.values()])))
    out = np.zeros(sum(FAMILIES.values()))
    for layer, unit, tensor, index in vectors():
        out[offset[layer] + unit] += float(score_of_vector(tensor, index))
    return out


def normalised(x):
    out, begin = np.empty_like(x), 0
    for n in FAMILIES.values():
        out[begin:begin + n] = x[begin:begin + n] / x[begin:begin + n].mean()
        begin += n
    return out


def salience(method, w, batches):
    """Signed salience of every weight, summed over the samples of these micro-batches."""
    g = {k: sum(b["g"][k] for b in batches) for k in w}
    a = {k: sum(b["g"][k] ** 2 / b["n"] for b in batches) for k in w}
    return {k: {"first": w[k] * g[k], "second": w[k] ** 2 * a[k], "mix": w[k] * g[k] - 0.5 * w[k] ** 2 * a[k],
                "snip": w[k] * g[k], "fisher": w[k] ** 2 * a[k]}[method] for k in w}


def coarse_vector(method, w, batches):
    """Numerator of each vector's coarse score: signed for the first-order ones, a sum of squares for Fisher."""
    def score(tensor, index):
        sums = [(w[tensor][index] * b["g"][tensor][index]).sum() for b in batches]
        return sum(s ** 2 / b["n"] for s, b in zip(sums, batches)) if method == "fisher" else sum(sums)
    return score


def gradient_units(method, w, clients):
    pooled = [b for batches in clients for b in batches]
    total = sum(b["n"] for b in pooled)
    fine_vector = lambda s: lambda tensor, index: s[tensor][index].abs().sum()
    fine = sum(per_unit(fine_vector(salience(method, w, batches))) for batches in clients) / total
    coarse = coarse_vector(method, w, pooled)
    local = sum(per_unit(lambda t, i, b=b: coarse_vector(method, w, b)(t, i).abs()) for b in clients) / total
    result = {"coarse": per_unit(lambda t, i: coarse(t, i).abs()) / total, "fine": fine, "coarse_local": local}
    if method == "snip":
        result = {k: v / fine.sum() for k, v in result.items()}

    # Spread of family-normalised scores between micro-batches (within clients) and between clients.
    for which in ("coarse", "fine"):
        def score(batches):
            if which == "fine":
                return normalised(per_unit(fine_vector(salience(method, w, batches))))
            return normalised(per_unit(lambda t, i: coarse_vector(method, w, batches)(t, i).abs()))
        squares = sum(((np.array(x) - np.mean(x, 0)) ** 2).sum(0) for x in [[score([b]) for b in c] for c in clients])
        result[which + "_variance"] = squares / sum(len(c) - 1 for c in clients)
        result[which + "_client_variance"] = np.var([score(c) for c in clients], axis=0, ddof=1)
    return result


def activation_units(w, batches):
    n = sum(b["n"] for b in batches)
    norm2 = {k: sum(b["x2"][k] for b in batches) / n for k in batches[0]["x2"]}

    def energy(tensor, index):
        e = w[tensor] ** 2
        if tensor in norm2:
            e = (e.reshape(e.shape[0], -1) * norm2[tensor]).reshape(e.shape)
        return e[index]
    return {"coarse": per_unit(lambda t, i: energy(t, i).sum().sqrt()), "fine": per_unit(lambda t, i: energy(t, i).sqrt().sum())}


def relative(matrix):
    """|w| over the sum of its column plus |w| over the sum of its row, of the matrix [out, everything else]."""
    m = matrix.abs().reshape(matrix.shape[0], -1)
    return (m / m.sum(0, keepdim=True) + m / m.sum(1, keepdim=True)).reshape(matrix.shape)


def ria_units(w, batches):
    n = sum(b["n"] for b in batches)
    norm = {k: (sum(b["x2"][k] for b in batches) / n).sqrt() for k in batches[0]["x2"]}
    value = {k: (relative(w[k]).reshape(w[k].shape[0], -1) * norm[k].sqrt()).reshape(w[k].shape) if k in norm
             else torch.zeros_like(w[k]) for k in w}
    return {"coarse": per_unit(lambda t, i: value[t][i].square().sum().sqrt()), "fine": per_unit(lambda t, i: value[t][i].sum())}


CONSUMERS = {"conv1": ("conv2.weight", 25), "conv2": ("linear1.weight", 4), "linear1": ("linear2.weight", 1)}


def deviations(batches):
    """Of every input column of every matrix, over all rows of the matrix product."""
    return {k: torch.cat([b["x"][k] for b in batches]).std(0) for k in batches[0]["x"]}


def flap_units(w, batches):
    sd = deviations(batches)
    scores = []
    for layer, (consumer, columns) in CONSUMERS.items():
        matrix = w[consumer].reshape(w[consumer].shape[0], -1)
        wifv = (sd[consumer] ** 2 * (matrix ** 2).sum(0)).reshape(FAMILIES[layer], columns).sum(1)
        scores.append(torch.exp((wifv - wifv.mean()) / wifv.std(correction=0)))
    scores = torch.cat(scores).numpy()
    return {"coarse": scores, "fine": scores}


def magnitude_units(w, p):
    return {"fine": per_unit(lambda t, i: (w[t][i].abs() ** p).sum()),
            "coarse": per_unit(lambda t, i: (w[t][i].abs() ** p).sum() ** (1 / p))}


def elements(w, clients):
    pooled = [b for batches in clients for b in batches]
    total = sum(b["n"] for b in pooled)
    inner = ["conv2.weight", "linear1.weight"]
    out = {}
    for method in ("first", "second", "mix", "snip", "fisher"):
        signed = {k: salience(method, w, pooled)[k].abs() / total for k in inner}
        local = {k: sum(salience(method, w, c)[k].abs() for c in clients) / total for k in inner}
        if method == "snip":
            signed, local = ({k: v / sum(u.sum() for u in s.values()) for k, v in s.items()} for s in (signed, local))
        out[method] = {"signed": signed, "local": local}

    def wanda(batches):
        n = sum(b["n"] for b in batches)
        return {k: w[k].abs() * (sum(b["x2"][k] for b in batches) / n).sqrt().reshape(w[k][:1].shape) for k in inner}
    shares = [(sum(b["n"] for b in c) / total, wanda(c)) for c in clients]
    out["activation"] = {"signed": wanda(pooled), "local": {k: sum(p * s[k] for p, s in shares) for k in inner}}

    def ria(batches):
        n = sum(b["n"] for b in batches)
        return {k: relative(w[k]) * (sum(b["x2"][k] for b in batches) / n).sqrt().sqrt().reshape(w[k][:1].shape) for k in inner}
    shares = [(sum(b["n"] for b in c) / total, ria(c)) for c in clients]
    out["ria"] = {"signed": ria(pooled), "local": {k: sum(p * s[k] for p, s in shares) for k in inner}}

    def flap(batches):
        return {k: w[k].abs() * deviations(batches)[k].reshape(w[k][:1].shape) for k in inner}
    shares = [(sum(b["n"] for b in c) / total, flap(c)) for c in clients]
    out["flap"] = {"signed": flap(pooled), "local": {k: sum(p * s[k] for p, s in shares) for k in inner}}
    return out


def conv_masks(w, clients):
    """Kept positions of 2:4 and of 4x1 vectors at half density, by activation importance, through an explicit NHWC matrix."""
    scores = elements(w, clients)["activation"]["signed"]["conv2.weight"].numpy()
    index = np.arange(scores.size).reshape(scores.shape)
    nhwc_scores, nhwc_index = (np.transpose(a, (0, 2, 3, 1)).reshape(8, -1) for a in (scores, index))
    groups, where = nhwc_scores.reshape(-1, 4), nhwc_index.reshape(-1, 4)
    two_four = np.take_along_axis(where, np.argsort(-groups, 1, kind="stable")[:, :2], 1)
    blocks = nhwc_scores.reshape(2, 4, -1).mean(1)  # [row block, column]
    best = np.argsort(-blocks.ravel(), kind="stable")[:blocks.size // 2]
    kept = nhwc_index.reshape(2, 4, -1).transpose(0, 2, 1).reshape(-1, 4)[best]
    return {"2:4": sorted(two_four.ravel().tolist()), "4x1": sorted(kept.ravel().tolist())}


# --- Quotas -----------------------------------------------------------------------------------------------------------

RESNET20 = ([(16, 3, 3, 3)] + [(16, 16, 3, 3)] * 6 + [(32, 16, 3, 3)] + [(32, 32, 3, 3)] * 5 +
            [(64, 32, 3, 3)] + [(64, 64, 3, 3)] * 5 + [(10, 64)])
MLP = [(32, 40), (24, 32), (10, 24)]


def erk_densities(shapes, density):
    """RigL's procedure: scale raw probabilities; what exceeds 1 becomes dense and is taken out; repeat."""
    dense = set()
    while True:
        divisor = sum(sum(s) for i, s in enumerate(shapes) if i not in dense)
        rest = density * sum(map(math.prod, shapes)) - sum(math.prod(shapes[i]) for i in dense)
        over = {i for i, s in enumerate(shapes) if i not in dense and rest / divisor * sum(s) / math.prod(s) > 1}
        if not over:
            return [1.0 if i in dense else rest / divisor * sum(s) / math.prod(s) for i, s in enumerate(shapes)]
        dense |= over


# --- Fusion -----------------------------------------------------------------------------------------------------------

def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def granularity():
    sizes = [6, 9, 1]
    c, f = np.abs(values(16, 301)), np.abs(values(16, 302)) + 0.2
    vc, vf = np.abs(values(16, 303)), np.abs(values(16, 304, 0.5))
    out = {"sizes": sizes, "attention": [], "uncertainty": [], "scores_attention": [], "scores_fixed": []}
    begin = 0
    for n in sizes:
        part = slice(begin, begin + n)
        cn, fn = c[part] / c[part].mean(), f[part] / f[part].mean()
        t = np.stack([cn - 1, fn - 1])
        alpha = softmax(t @ t.T / (0.25 * n)).mean(0)[0]
        out["attention"].append(alpha)
        out["uncertainty"].append((1 / vc[part].mean()) / (1 / vc[part].mean() + 1 / vf[part].mean()))
        out["scores_attention"] += list(f[part].mean() * (alpha * cn + (1 - alpha) * fn))
        out["scores_fixed"] += list(0.3 * cn + 0.7 * fn)  # relative scale
        begin += n
    return out


def client_rules():
    x = np.round(np.abs(values(10, 311)) * 8) / 8  # with ties
    sizes, out = [6, 4], {"scores": x, "normalised": [], "vote": [], "rank": []}
    for part in (x[:6], x[6:]):
        n = len(part)
        out["normalised"] += list(part / part.sum())
        top = np.argsort(-part, kind="stable")[:math.ceil(0.4 * n)]
        out["vote"] += [float(i in top) for i in range(n)]
        out["rank"] += [((part < v).sum() + 0.5 * ((part == v).sum() - 1)) / (n - 1) for v in part]
    own, reference = values(10, 312) + 0.1, values(10, 313) + 0.1
    out["cosine"] = float(own @ reference / np.linalg.norm(own) / np.linalg.norm(reference))
    return {"sizes": sizes, **out}


def main():
    w, clients = passes()
    units = {m: gradient_units(m, w, clients) for m in ("first", "second", "mix", "snip", "fisher")}
    pooled = [b for c in clients for b in c]
    units["activation"] = activation_units(w, pooled)
    shares = [(sum(b["n"] for b in c) / sum(b["n"] for b in pooled), activation_units(w, c)) for c in clients]
    units["activation"]["coarse_local"] = sum(p * s["coarse"] for p, s in shares)
    units["activation"]["fine_local"] = sum(p * s["fine"] for p, s in shares)
    units["ria"] = ria_units(w, pooled)
    shares = [(sum(b["n"] for b in c) / sum(b["n"] for b in pooled), ria_units(w, c)) for c in clients]
    for which in ("coarse", "fine"):
        units["ria"][f"{which}_local"] = sum(p * s[which] for p, s in shares)
    units["flap"] = flap_units(w, pooled)
    shares = [(sum(b["n"] for b in c) / sum(b["n"] for b in pooled), flap_units(w, c)) for c in clients]
    for which in ("coarse", "fine"):
        units["flap"][f"{which}_local"] = sum(p * s[which] for p, s in shares)
    units["magnitude1"], units["magnitude2"] = magnitude_units(w, 1), magnitude_units(w, 2)
    sampled = {m: {form: {k: v.flatten()[::EVERY] for k, v in s.items()} for form, s in forms.items()}
               for m, forms in elements(w, clients).items()}
    goldens = {
        "clients": CLIENTS, "every": EVERY, "units": units, "elements": sampled, "masks": conv_masks(w, clients),
        "erk": {"resnet20": {str(d): erk_densities(RESNET20, d) for d in (0.02, 0.05, 0.3, 0.7)},
                "mlp": {str(d): erk_densities(MLP, d) for d in (0.1, 0.5, 0.9)}},
        "granularity": granularity(), "client_rules": client_rules(),
        "adjustment": [[t, math.floor(0.3 / 2 * (1 + math.cos(math.pi * t / 100)) * 12345)] for t in range(0, 101, 7)],
    }

    def plain(x):
        if isinstance(x, dict):
            return {k: plain(v) for k, v in x.items()}
        if isinstance(x, (list, tuple)):
            return [plain(v) for v in x]
        if isinstance(x, (torch.Tensor, np.ndarray)):
            return plain(x.tolist())
        return float(f"{x:.9g}") if isinstance(x, float) else x

    path = pathlib.Path(__file__).with_name("goldens.json")
    path.write_text(json.dumps(plain(goldens), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
