"""Golden numbers of the distilled loss, from PyTorch's cross_entropy and kl_div.

    python tests/golden/models/make_distillation_goldens.py        # rewrites distillation.json beside this file

Everything is computed in float64; inputs are exact float32 numbers.
"""
import json
import pathlib

import numpy as np
import torch
from torch.nn.functional import cross_entropy, kl_div, log_softmax

ROWS, OUTPUTS = 5, 37
random = np.random.default_rng(31)


def draw(scale):
    return torch.tensor(random.normal(scale=scale, size=(ROWS, OUTPUTS)).astype(np.float32).astype(np.float64))


student, teacher = draw(3.0), draw(4.0)
targets = torch.tensor([3, 36, -100, 0, 17])


def case(temperature, weight):
    x = student.clone().requires_grad_()
    counted = targets != -100
    hard = cross_entropy(x, targets, reduction="sum", ignore_index=-100)
    soft = kl_div(log_softmax(x[counted] / temperature, 1), log_softmax(teacher[counted] / temperature, 1), reduction="sum",
                  log_target=True)
    loss = (1 - weight) * hard + weight * temperature**2 * soft
    loss.backward()
    return {"temperature": temperature, "weight": weight, "loss": loss.item(), "gradient": x.grad.reshape(-1).tolist()}


goldens = {
    "made_with": f"torch {torch.__version__}, numpy {np.__version__}",
    "rows": ROWS, "outputs": OUTPUTS,
    "student": student.reshape(-1).tolist(), "teacher": teacher.reshape(-1).tolist(), "targets": targets.tolist(),
    "cases": [case(temperature, weight) for temperature in (1.0, 2.0, 4.0) for weight in (0.0, 0.67, 1.0)],
}
rounded = json.loads(json.dumps(goldens), parse_float=lambda text: float(f"{float(text):.10g}"))
(pathlib.Path(__file__).parent / "distillation.json").write_text(json.dumps(rounded) + "\n")
