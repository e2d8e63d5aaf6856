"""Golden numbers of learned fusion, on the federation of sparse_goldens.json.

    python tests/golden/training/make_fusion_goldens.py        # rewrites fusion_goldens.json beside this file

PyTorch in float64: gates are factors of the hidden units' outputs, thresholds are differentiated with everything else by autograd, the
optimizer is torch.optim.Adam.
"""
import json
import math
import pathlib

import torch

HERE = pathlib.Path(__file__).parent
DATA = json.loads((HERE / "sparse_goldens.json").read_text())
WIDTHS = [DATA["inputs"], *DATA["hidden"], DATA["outputs"]]
KEEP, ROUNDS, LR, FIRST, LAST = 0.55, 5, 0.1, 0.5, 0.05


def parameters():
    values, at = torch.tensor(DATA["weights"], dtype=torch.float64), 0
    for inputs, outputs in zip(WIDTHS, WIDTHS[1:]):
        for shape in ((outputs, inputs), (outputs,)):
            yield values[at:at + math.prod(shape)].reshape(shape).clone()
            at += math.prod(shape)


WEIGHTS = list(parameters())
X = torch.tensor(DATA["x"], dtype=torch.float64).reshape(-1, WIDTHS[0])
CLASSES = torch.tensor(DATA["classes"])
CLIENTS = list(zip(X.split(DATA["samples"]), CLASSES.split(DATA["samples"])))


def loss(weights, data, gates, reduction):
    x = data[0]
    for layer in range(0, len(weights), 2):
        x = torch.nn.functional.linear(x, weights[layer], weights[layer + 1])
        if layer + 2 < len(weights):
            x = torch.relu(x) * gates[layer // 2]
    return torch.nn.functional.cross_entropy(x, data[1], reduction=reduction)


def scores():
    """Coarse and fine of each hidden layer, of mean 1: a unit's row, its bias and the column that takes it in are its vectors."""
    products = []
    for data in CLIENTS:
        leaves = [w.clone().requires_grad_() for w in WEIGHTS]
        loss(leaves, data, [1.0] * len(DATA["hidden"]), "sum").backward()
        products.append([leaf.grad * leaf.detach() for leaf in leaves])
    coarse, fine = [], []
    for layer in range(len(DATA["hidden"])):
        rows, biases, columns = ([p[2 * layer + at] for p in products] for at in range(3))
        coarse.append(sum(rows).sum(1).abs() + sum(biases).abs() + sum(columns).sum(0).abs())
        fine.append(sum(r.abs().sum(1) + b.abs() + c.abs().sum(0) for r, b, c in zip(rows, biases, columns)))
    return [[x / x.mean() for x in kind] for kind in (coarse, fine)]


def kept_widths():
    """Allocation uniform: from the layer with the largest kept fraction, until the parameters are within the budget."""
    def size(hidden):
        widths = [WIDTHS[0], *hidden, WIDTHS[-1]]
        return sum((i + 1) * o for i, o in zip(widths, widths[1:]))
    hidden = list(DATA["hidden"])
    while size(hidden) > KEEP * size(DATA["hidden"]):
        layer = max(range(len(hidden)), key=lambda l: (hidden[l] / DATA["hidden"][l], -l))
        hidden[layer] -= 1
    return hidden


def main():
    coarse, fine = scores()
    kept = kept_widths()
    logits = torch.zeros(len(kept), dtype=torch.float64, requires_grad=True)
    adam = torch.optim.Adam([logits], lr=LR)
    history = []
    for r in range(ROUNDS):
        temperature = FIRST * (LAST / FIRST) ** (r / (ROUNDS - 1))
        gates = []
        for layer, k in enumerate(kept):
            alpha = torch.sigmoid(logits[layer])
            s = alpha * coarse[layer] + (1 - alpha) * fine[layer]
            ranked = s.sort(descending=True).values
            gates.append(torch.sigmoid((s - (ranked[k - 1] + ranked[k]) / 2) / temperature))
        adam.zero_grad()
        loss(WEIGHTS, (X, CLASSES), gates, "mean").backward()
        adam.step()
        history.append(logits.detach().tolist())
    out = {"made_with": f"torch {torch.__version__}", "keep": KEEP, "rounds": ROUNDS, "lr": LR, "first_temperature": FIRST, "last_temperature": LAST,
           "kept": kept, "logits": history, "first_moments": adam.state[logits]["exp_avg"].tolist()}
    (HERE / "fusion_goldens.json").write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
