"""Golden numbers of scores of single weights before training: GraSP by a second derivative, SynFlow by its algorithm, on the federation of
sparse_goldens.json.

    python tests/golden/training/make_at_init_goldens.py        # rewrites at_init_goldens.json beside this file

PyTorch in float64.
"""
import json
import math
import pathlib

import torch

HERE = pathlib.Path(__file__).parent
DATA = json.loads((HERE / "sparse_goldens.json").read_text())
WIDTHS = [DATA["inputs"], *DATA["hidden"], DATA["outputs"]]
SHAPES = [s for i, o in zip(WIDTHS, WIDTHS[1:]) for s in ((o, i), (o,))]
torch.set_default_dtype(torch.float64)


def weights():
    parts, at = [], 0
    for shape in SHAPES:
        parts.append(torch.tensor(DATA["weights"][at:at + math.prod(shape)]).reshape(shape))
        at += math.prod(shape)
    return parts


def logits_of(leaves, x):
    for layer in range(0, len(leaves), 2):
        x = torch.nn.functional.linear(x, leaves[layer], leaves[layer + 1])
        x = torch.relu(x) if layer + 2 < len(leaves) else x
    return x


def grasp():
    """Per matrix: sum over clients of samples * theta * H g, H and g of that client's mean loss."""
    x, classes = torch.tensor(DATA["x"]).reshape(-1, WIDTHS[0]), torch.tensor(DATA["classes"])
    total, at = [torch.zeros(s) for s in SHAPES[::2]], 0
    for samples in DATA["samples"]:
        leaves = [w.requires_grad_() for w in weights()]
        loss = torch.nn.functional.cross_entropy(logits_of(leaves, x[at:at + samples]), classes[at:at + samples])
        first = torch.autograd.grad(loss, leaves, create_graph=True)
        product = torch.autograd.grad(sum((g * g.detach()).sum() for g in first), leaves)
        for t, (w, hg) in enumerate(zip(leaves[::2], product[::2])):
            total[t] += samples * (w * hg).detach()
        at += samples
    return total


def flow(matrices):
    leaves = [m.abs().requires_grad_() for m in matrices]
    x = torch.ones(1, WIDTHS[0])
    for leaf in leaves:
        x = x @ leaf.T
    x.sum().backward()
    return [leaf.detach() * leaf.grad for leaf in leaves]


def synflow(iterations, least):
    """The iteration in which a weight goes, and its rank within it."""
    left = weights()[::2]
    total = sum(m.numel() for m in left)
    alive = [torch.ones_like(m, dtype=torch.bool) for m in left]
    scores = [torch.zeros_like(m) for m in left]
    for k in range(1, iterations + 1):
        s = flow([m * a for m, a in zip(left, alive)])
        # A neuron's last weight on either side has the same flow: compared as float32, and of equal ones the lower index stays.
        order = sorted((-float(s[t][at].float()), t, at) for t in range(len(left)) for at in map(tuple, alive[t].nonzero().tolist()))
        stays = 0 if k == iterations else min(len(order), round(least ** (k / iterations) * total))
        for i, (_, t, at) in enumerate(order[stays:], start=stays):
            scores[t][at] = k - 1 + (len(order) - i) / (len(order) - stays + 1)
            alive[t][at] = False
    return scores


def flat(tensors):
    return [float(v) for t in tensors for v in t.reshape(-1)]


first_flow = flow(weights()[::2])
assert all(abs(float(f.sum() / first_flow[0].sum()) - 1) < 1e-12 for f in first_flow)  # Theorem 1
goldens = {"made_with": f"torch {torch.__version__}", "grasp": flat(grasp()), "flow": flat(first_flow),
           "iterations": 7, "least": 0.05, "synflow": flat(synflow(7, 0.05))}
rounded = json.loads(json.dumps(goldens), parse_float=lambda text: float(f"{float(text):.10g}"))
(HERE / "at_init_goldens.json").write_text(json.dumps(rounded) + "\n")
