"""Golden numbers of federated fine-tuning under a mask: two clients, an MLP under 2:4, shadow weights, distillation and LoRA, by PyTorch.

    python tests/golden/training/make_sparse_goldens.py        # rewrites sparse_goldens.json beside this file

Everything is computed in float64; inputs are exact float32 numbers. Every step of a client sees all its samples, so that no order of
them has to be agreed upon.
"""
import json
import pathlib

import numpy as np
import torch

INPUTS, HIDDEN, OUTPUTS = 8, (12, 8), 4
SAMPLES = (16, 8)
ROUNDS, STEPS, REFRESH = 5, 4, 2
random = np.random.default_rng(23)


def draw(shape, scale=1.0):
    return torch.tensor(random.normal(scale=scale, size=shape).astype(np.float32).astype(np.float64))


def flat(tensors):
    return [float(x) for t in tensors for x in t.detach().reshape(-1)]


widths = (INPUTS, *HIDDEN, OUTPUTS)
WEIGHTS = [t for i, o in zip(widths, widths[1:]) for t in (draw((o, i), 0.5), draw((o,), 0.1))]
DATA = [(draw((n, INPUTS)), torch.tensor(random.integers(OUTPUTS, size=n))) for n in SAMPLES]


def logits_of(weights, x):
    for layer in range(0, len(weights), 2):
        x = torch.nn.functional.linear(x, weights[layer], weights[layer + 1])
        x = torch.relu(x) if layer + 2 < len(weights) else x
    return x


def two_of_four(w):
    """True for the two largest |w| of each four inputs."""
    if w.dim() < 2:
        return torch.ones_like(w, dtype=torch.bool)
    order = w.abs().reshape(-1, 4).argsort(dim=1, descending=True, stable=True)
    return torch.zeros_like(w, dtype=torch.bool).reshape(-1, 4).scatter(1, order[:, :2], True).reshape(w.shape)


class Descent:
    """AdamW or SGD with momentum; `beside` stands next to the first moment and not in it."""

    def __init__(self, settings):
        self.s, self.t, self.m, self.v = settings, 0, {}, {}

    def step(self, i, w, g, beside):
        s = self.s
        if s["kind"] == "sgd":
            self.m[i] = g if self.t == 1 else s["momentum"] * self.m[i] + g
            return w - s["lr"] * (self.m[i] + beside)
        b1, b2 = s["beta1"], s["beta2"]
        self.m[i] = b1 * self.m.get(i, 0) + (1 - b1) * g
        self.v[i] = b2 * self.v.get(i, 0) + (1 - b2) * (g + beside) ** 2
        up = self.m[i] / (1 - b1**self.t) + beside
        return w * (1 - s["lr"] * s["weight_decay"]) - s["lr"] * up / ((self.v[i] / (1 - b2**self.t)).sqrt() + s["eps"])


def decay_at(sparse, step):
    if sparse["kind"] == "ste":
        return 0.0
    if sparse["kind"] == "sr_ste":
        return sparse["lambda"]
    return sparse["lambda"] * min(1.0, step / (sparse["anneal"] * ROUNDS * STEPS))


def loss_of(logits, data, guide):
    hard = torch.nn.functional.cross_entropy(logits, data[1])
    if guide is None:
        return hard
    warmth, weight = guide["temperature"], guide["weight"]
    taught = torch.log_softmax(logits_of(WEIGHTS, data[0]) / warmth, 1)
    soft = torch.nn.functional.kl_div(torch.log_softmax(logits / warmth, 1), taught, reduction="batchmean", log_target=True)
    return (1 - weight) * hard + weight * warmth**2 * soft


def client(weights, masks, data, sparse, settings, clip, round_number, guide):
    descent = Descent(settings)
    for local in range(1, STEPS + 1):
        leaves = [(w * m).requires_grad_() for w, m in zip(weights, masks)]
        loss_of(logits_of(leaves, data[0]), data, guide).backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(leaves, clip)
        descent.t = local
        decay = decay_at(sparse, round_number * STEPS + local)
        after = []
        for i, (w, m, leaf) in enumerate(zip(weights, masks, leaves)):
            pull = decay * torch.where(m, 0.0, w)
            inside = sparse["kind"] == "sr_ste"
            after.append(descent.step(i, w, leaf.grad + (pull if inside else 0), 0 * pull if inside else pull))
        weights = after
    return weights


def federation(sparse, settings, clip, guide=None):
    weights, masks = WEIGHTS, [two_of_four(w) for w in WEIGHTS]
    flips, norms = [], []
    for r in range(ROUNDS):
        ends = [client(weights, masks, data, sparse, settings, clip, r, guide) for data in DATA]
        weights = [sum(n * e[i] for n, e in zip(SAMPLES, ends)) / sum(SAMPLES) for i in range(len(weights))]
        old = masks
        if (r + 1) % REFRESH == 0 and r + 1 < ROUNDS:
            masks = [two_of_four(w) for w in weights]
        matrices = range(0, len(weights), 2)
        flips.append(sum(int((old[i] != masks[i]).sum()) for i in matrices) / sum(masks[i].numel() for i in matrices))
        norms.append(float(sum(weights[i][~masks[i]].square().sum() for i in matrices).sqrt()))
    return {"sparse": sparse, "optimizer": settings, "clip": clip, "distill": guide, "flip_rate": flips, "shadow_norm": norms,
            "mask": [int(k) for m in masks[::2] for k in m.reshape(-1)], "weights": flat(w * m for w, m in zip(weights, masks))}


def adapted(adapters, masked):
    """All weights, with s B A added to the only inner matrix."""
    masks = [two_of_four(w) for w in WEIGHTS]
    weights = [w * m if masked else w for w, m in zip(WEIGHTS, masks)]
    change = weights[2] + SCALE * adapters[1] @ adapters[0]
    weights[2] = change * masks[2] if masked else change
    return weights


def lora(masked, settings, clip):
    adapters = ADAPTERS
    for _ in range(ROUNDS):
        ends = []
        for data in DATA:
            descent, own = Descent(settings), adapters
            for descent.t in range(1, STEPS + 1):
                leaves = [a.clone().requires_grad_() for a in own]
                loss_of(logits_of(adapted(leaves, masked), data[0]), data, None).backward()
                if clip:
                    torch.nn.utils.clip_grad_norm_(leaves, clip)
                own = [descent.step(i, a, leaf.grad, 0) for i, (a, leaf) in enumerate(zip(own, leaves))]
            ends.append(own)
        adapters = [sum(n * e[i] for n, e in zip(SAMPLES, ends)) / sum(SAMPLES) for i in range(2)]
    return {"masked": masked, "optimizer": settings, "clip": clip, "weights": flat(adapted(adapters, masked))}


def check_against_torch(settings):
    """With nothing beside the moment the steps are torch.optim's."""
    leaf = WEIGHTS[0].clone().requires_grad_()
    optimizer = (torch.optim.SGD([leaf], lr=settings["lr"], momentum=settings["momentum"]) if settings["kind"] == "sgd" else
                 torch.optim.AdamW([leaf], lr=settings["lr"], betas=(settings["beta1"], settings["beta2"]), eps=settings["eps"],
                                   weight_decay=settings["weight_decay"]))
    descent, ours = Descent(settings), WEIGHTS[0]
    for t in range(1, 6):
        leaf.grad = torch.sin(t + 3 * leaf.detach())
        descent.t = t
        ours = descent.step(0, ours, torch.sin(t + 3 * ours), 0)
        optimizer.step()
    assert torch.allclose(leaf.detach(), ours, rtol=1e-12, atol=1e-12), settings


ADAMW = {"kind": "adamw", "lr": 0.02, "beta1": 0.9, "beta2": 0.95, "eps": 1e-6, "weight_decay": 0.1}
SGD = {"kind": "sgd", "lr": 0.05, "momentum": 0.9}
check_against_torch(ADAMW)
check_against_torch(SGD)
RANK, ALPHA = 2, 6.0
SCALE = ALPHA / RANK
ADAPTERS = [draw((RANK, HIDDEN[0]), 0.3), draw((HIDDEN[1], RANK), 0.1)]  # drawn after all others
goldens = {
    "made_with": f"torch {torch.__version__}, numpy {np.__version__}",
    "inputs": INPUTS, "hidden": HIDDEN, "outputs": OUTPUTS, "samples": SAMPLES,
    "rounds": ROUNDS, "steps": STEPS, "refresh": REFRESH,
    "weights": flat(WEIGHTS),
    "x": flat(x for x, _ in DATA), "classes": [int(k) for _, classes in DATA for k in classes],
    "cases": [federation(sparse, settings, clip)
              for sparse in ({"kind": "ste"}, {"kind": "sr_ste", "lambda": 0.05}, {"kind": "ast", "lambda": 0.1, "anneal": 0.5})
              for settings, clip in ((ADAMW, 0), (ADAMW, 0.5), (SGD, 0.5))],
    "distilled": [federation({"kind": "ast", "lambda": 0.1, "anneal": 0.5}, settings, clip, {"temperature": warmth, "weight": weight})
                  for settings, clip in ((ADAMW, 0.5), (SGD, 0)) for warmth, weight in ((2.0, 0.67), (4.0, 1.0))],
    "rank": RANK, "alpha": ALPHA, "adapters": flat(ADAPTERS),
    "lora": [lora(masked, settings, clip) for masked in (False, True) for settings, clip in ((ADAMW, 0), (SGD, 0.5))],
}
rounded = json.loads(json.dumps(goldens), parse_float=lambda text: float(f"{float(text):.10g}"))
(pathlib.Path(__file__).parent / "sparse_goldens.json").write_text(json.dumps(rounded) + "\n")
