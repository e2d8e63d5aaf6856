"""Golden numbers of what clients choose to send, on the federation of sparse_goldens.json: ZeroFL's entries and FL-PQSU's silence.

    python tests/golden/training/make_upload_goldens.py        # rewrites upload_goldens.json beside this file

Training is PyTorch in float64, with products of its own for SWAT; the rules are NumPy over whole matrices. Every step of a client sees all
its samples.
"""
import json
import math
import pathlib

import numpy as np
import torch

HERE = pathlib.Path(__file__).parent
DATA = json.loads((HERE / "sparse_goldens.json").read_text())
WIDTHS = [DATA["inputs"], *DATA["hidden"], DATA["outputs"]]
SAMPLES, STEPS, ROUNDS = [8, 6, 6, 4], DATA["steps"], 6
MOMENTUM = 0.9
KEPT = [34, 30, 12]  # of 96, 96 and 32 weights
X, CLASSES = np.array(DATA["x"]).reshape(-1, WIDTHS[0]), np.array(DATA["classes"])
BORDERS = np.cumsum([0, *SAMPLES])
CLIENTS = [(torch.tensor(X[a:b]), torch.tensor(CLASSES[a:b])) for a, b in zip(BORDERS, BORDERS[1:])]


def start():
    weights, at = [], 0
    for i, o in zip(WIDTHS, WIDTHS[1:]):
        for shape in ((o, i), (o,)):
            weights.append(np.array(DATA["weights"][at:at + math.prod(shape)]).reshape(shape))
            at += math.prod(shape)
    return weights


def largest(values, count):
    """True at the `count` largest |values|, of equal ones at the lower index."""
    chosen = np.zeros(values.size, bool)
    chosen[np.argsort(-np.abs(values).reshape(-1), kind="stable")[:count]] = True
    return chosen.reshape(values.shape)


def cut(values, count):
    """`values` where they reach the magnitude of the count-th largest, else 0."""
    return torch.where(values.abs() >= values.abs().reshape(-1).sort(descending=True).values[count - 1], values, 0.0)


class SparseProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, b, kept):
        small_w = cut(w, kept)
        small_x = cut(x, max(1, math.floor(kept / w.numel() * x.numel() + 0.5)))
        ctx.save_for_backward(small_x, small_w)
        return x @ small_w.T + b

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return g @ w, g.T @ x, g.sum(0), None


def dense_product(x, w, b, kept):
    return x @ w.T + b


def trained(weights, data, product, rate):
    """The weights after a client's steps, and the mean loss before each of them."""
    velocity, losses = [np.zeros_like(w) for w in weights], []
    for _ in range(STEPS):
        leaves = [torch.tensor(w, requires_grad=True) for w in weights]
        x = data[0]
        for layer in range(3):
            x = product(x, leaves[2 * layer], leaves[2 * layer + 1], KEPT[layer])
            x = torch.relu(x) if layer < 2 else x
        loss = torch.nn.functional.cross_entropy(x, data[1])
        loss.backward()
        losses.append(loss.item())
        velocity = [MOMENTUM * v + leaf.grad.numpy() for v, leaf in zip(velocity, leaves)]
        weights = [w - rate * v for w, v in zip(weights, velocity)]
    return weights, float(np.mean(losses))


def zerofl(upload, ratio, rate=0.1):
    weights, masks = start(), []
    for _ in range(ROUNDS):
        ends = [trained(weights, data, SparseProduct.apply, rate)[0] for data in CLIENTS]
        after = []
        for i, w in enumerate(weights):
            change, senders, everyone = np.zeros_like(w), np.zeros_like(w), 0.0
            for p, end in zip(SAMPLES, ends):
                d = end[i] - w
                count = w.size if i % 2 else min(w.size, KEPT[i // 2] + math.floor(ratio * w.size + 0.5))
                sent = largest(d if upload == "top_k_w_diff" else end[i], count)
                change += p * np.where(sent, d, 0.0)
                senders += p * sent
                everyone += p
            of = senders if upload == "top_k_w" else everyone
            after.append(w + np.divide(change, of, out=np.zeros_like(w), where=np.broadcast_to(of > 0, w.shape)))
        weights = after
        masks.append("".join("1" if bit else "0" for w, k in zip(weights[::2], KEPT) for bit in largest(w, k).flat))
    masked = [np.where(largest(w, KEPT[i // 2]), w, 0.0) if i % 2 == 0 else w for i, w in enumerate(weights)]
    return {"upload": upload, "mask_ratio": ratio, "lr": rate, "masks": masks, "weights": [float(v) for w in masked for v in w.flat]}


def selective(rate):
    weights, last, reporters = start(), [math.inf] * len(CLIENTS), []
    for _ in range(ROUNDS):
        change, weight, who = [np.zeros_like(w) for w in weights], 0.0, []
        for k, data in enumerate(CLIENTS):
            end, loss = trained(weights, data, dense_product, rate)
            if loss >= last[k]:
                continue
            last[k] = loss
            weight += SAMPLES[k]
            change = [c + SAMPLES[k] * (e - w) for c, e, w in zip(change, end, weights)]
            who.append(k)
        weights = [w + c / weight for w, c in zip(weights, change)] if who else weights
        reporters.append(who)
    return {"lr": rate, "reporters": reporters, "weights": [float(v) for w in weights for v in w.flat]}


goldens = {"made_with": f"torch {torch.__version__}, numpy {np.__version__}", "samples": SAMPLES, "rounds": ROUNDS, "momentum": MOMENTUM, "kept": KEPT,
           "zerofl": [zerofl("top_k_w", 0.0), zerofl("top_k_w", 0.2), zerofl("diff_on_top_k_w", 0.1), zerofl("top_k_w_diff", 0.1)],
           "selective": [selective(0.1), selective(0.6), selective(1.2)]}
rounded = json.loads(json.dumps(goldens), parse_float=lambda text: float(f"{float(text):.10g}"))
(HERE / "upload_goldens.json").write_text(json.dumps(rounded) + "\n")
for case in goldens["zerofl"]:
    print(case["upload"], case["mask_ratio"], [sum(a != b for a, b in zip(x, y)) for x, y in zip(case["masks"], case["masks"][1:])])
for case in goldens["selective"]:
    print(case["lr"], case["reporters"])
