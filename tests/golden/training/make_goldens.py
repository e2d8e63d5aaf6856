"""Golden numbers of the optimizers, the server's steps, Krum and pooled variances, from torch.optim and NumPy.

    python tests/golden/training/make_goldens.py        # rewrites goldens.json beside this file

Everything is computed in float64; inputs are exact float32 numbers.
"""
import itertools
import json
import pathlib

import numpy as np
import torch

STEPS = 5
SHAPES = [(3, 5), (4,)]
random = np.random.default_rng(11)


def draw(shape, scale=1.0):
    return random.normal(scale=scale, size=shape).astype(np.float32).astype(np.float64)


def flat(arrays):
    return [float(x) for a in arrays for x in np.asarray(a).ravel()]


WEIGHTS = [draw(s) for s in SHAPES]
GRADIENTS = [[draw(s) for s in SHAPES] for _ in range(STEPS)]

OPTIMIZERS = [
    ("sgd", {"lr": 0.1}, 0),
    ("sgd", {"lr": 0.1, "momentum": 0.9}, 0),
    ("sgd", {"lr": 0.05, "momentum": 0.8, "nesterov": True}, 0),
    ("sgd", {"lr": 0.1, "weight_decay": 0.05}, 0),
    ("sgd", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.05, "nesterov": True}, 1.5),
    ("adam", {"lr": 0.02, "betas": (0.9, 0.999), "eps": 1e-8}, 0),
    ("adam", {"lr": 0.02, "betas": (0.7, 0.95), "eps": 1e-3, "weight_decay": 0.1}, 0),
    ("adamw", {"lr": 0.02, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.1}, 0),
    ("adamw", {"lr": 0.01, "betas": (0.8, 0.9), "eps": 1e-4, "weight_decay": 0.3}, 2.0),
]


def trajectory(kind, settings, clip):
    params = [torch.nn.Parameter(torch.tensor(w)) for w in WEIGHTS]
    optimizer = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[kind](params, **settings)
    steps = []
    for gradients in GRADIENTS:
        for p, g in zip(params, gradients):
            p.grad = torch.tensor(g)
        if clip:
            torch.nn.utils.clip_grad_norm_(params, clip)
        optimizer.step()
        steps.append(flat(p.detach().numpy() for p in params))
    config = {k: v for k, v in settings.items() if k != "betas"}
    if "betas" in settings:
        config["beta1"], config["beta2"] = settings["betas"]
    return {"kind": kind, "config": config, "clip": clip, "steps": steps}


# Hsu et al. 2019, section 4.3, and Reddi et al. 2021, Algorithm 2 (second moment from tau^2).
def server(kind, settings):
    theta, momentum = draw(7), np.zeros(7)
    second = np.full(7, settings.get("tau", 0) ** 2)
    result = {"kind": kind, "config": settings, "base": flat([theta]), "deltas": [], "rounds": []}
    for _ in range(4):
        delta = draw(7, 0.1)
        if kind == "fedavgm":
            momentum = settings["momentum"] * momentum + delta
            theta = theta + settings["lr"] * momentum
        else:
            momentum = settings["beta1"] * momentum + (1 - settings["beta1"]) * delta
            square, rest = delta**2, 1 - settings.get("beta2", 0)
            second = second + square if kind == "fedadagrad" else second - rest * (
                square * np.sign(second - square) if kind == "fedyogi" else second - square)
            theta = theta + settings["lr"] * momentum / (np.sqrt(second) + settings["tau"])
        result["deltas"].append(flat([delta]))
        result["rounds"].append(flat([theta]))
    return result


# Blanchard et al. 2017, section 4, by sorting every row of the distance matrix.
def krum(n, f, m, attack):
    reports = draw((n, 6))
    reports[:f] = reports[:f] * attack
    squares = ((reports[:, None] - reports[None]) ** 2).sum(-1)
    scores = [np.sort(np.delete(row, i))[: n - f - 2].sum() for i, row in enumerate(squares)]
    return {"reports": reports.tolist(), "byzantine": f, "select": m, "chosen": sorted(np.argsort(scores)[:m].tolist())}


def pooled():
    samples = [draw((n, 3), 1 + n / 10) + shift for n, shift in [(5, 0.0), (9, 2.0), (3, -4.0)]]
    everything = np.concatenate(samples)
    return {"clients": [{"count": len(s), "mean": s.mean(0).tolist(), "var": s.var(0).tolist()} for s in samples],
            "mean": everything.mean(0).tolist(), "var": everything.var(0).tolist()}


goldens = {
    "made_with": f"torch {torch.__version__}, numpy {np.__version__}",
    "shapes": SHAPES,
    "weights": flat(WEIGHTS),
    "gradients": [flat(g) for g in GRADIENTS],
    "optimizers": list(itertools.starmap(trajectory, OPTIMIZERS)),
    "server": [server("fedavgm", {"lr": 0.7, "momentum": 0.9}),
               server("fedadam", {"lr": 0.05, "beta1": 0.9, "beta2": 0.99, "tau": 0.03})],
    "krum": [krum(9, 2, 1, 8.0), krum(9, 3, 4, -5.0), krum(5, 1, 4, 1.0), krum(11, 0, 3, 1.0)],
    "pooled": pooled(),
}
goldens["server"].append(server("fedyogi", {"lr": 0.05, "beta1": 0.9, "beta2": 0.9, "tau": 0.1}))  # drawn after all others
goldens["server"].append(server("fedadagrad", {"lr": 0.05, "beta1": 0.3, "tau": 0.1}))  # and after that
rounded = json.loads(json.dumps(goldens), parse_float=lambda text: float(f"{float(text):.12g}"))
(pathlib.Path(__file__).parent / "goldens.json").write_text(json.dumps(rounded) + "\n")
