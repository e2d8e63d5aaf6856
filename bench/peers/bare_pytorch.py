"""Federated averaging as a bare PyTorch loop, one thread: the yardstick of bench/run.py.

    bare_pytorch.py DATA_PREFIX tiny|medium|wide ROUNDS [--tuned]

--tuned: channels-last memory and pooling before ReLU (the same function), what an expert would write.
"""
import json
import resource
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

CLIENTS, COHORT, LR, WARMUP = 100, 10, 0.05, 2
WORKLOADS = {"tiny": (60, 10, "cnn"), "medium": (600, 32, "cnn"), "wide": (60, 60, "mlp")}


class Cnn(nn.Module):
    def __init__(self, tuned):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 16, 5), nn.Conv2d(16, 32, 5)
        self.linear1, self.linear2 = nn.Linear(512, 128), nn.Linear(128, 10)
        self.tuned = tuned

    def forward(self, x):
        if self.tuned:
            x = F.relu(F.max_pool2d(self.conv1(x), 2))
            x = F.relu(F.max_pool2d(self.conv2(x), 2))
        else:
            x = F.max_pool2d(F.relu(self.conv1(x)), 2)
            x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.linear2(F.relu(self.linear1(x.flatten(1))))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(784, 4096), nn.Linear(4096, 1600), nn.Linear(1600, 10)

    def forward(self, x):
        return self.c(F.relu(self.b(F.relu(self.a(x.flatten(1))))))


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    prefix, name, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    tuned = "--tuned" in sys.argv
    samples, batch, kind = WORKLOADS[name]
    torch.set_num_threads(1)
    torch.manual_seed(0)
    x = torch.from_numpy(np.fromfile(prefix + ".x", np.float32).reshape(-1, 1, 28, 28))
    y = torch.from_numpy(np.fromfile(prefix + ".y", np.int64))
    model = Cnn(tuned) if kind == "cnn" else Mlp()
    if tuned and kind == "cnn":
        model = model.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
    model.train()
    parameters = list(model.parameters())
    current = [p.detach().clone() for p in parameters]
    sums = [torch.zeros_like(p) for p in parameters]
    generator = np.random.default_rng(0)
    stamps = [cpu_seconds()]
    for _ in range(rounds):
        for s in sums:
            s.zero_()
        total = 0
        losses = []
        for client in generator.choice(CLIENTS, COHORT, replace=False):
            with torch.no_grad():
                for p, q in zip(parameters, current):
                    p.copy_(q)
            optimizer = torch.optim.SGD(parameters, lr=LR)
            start = int(client) * samples
            for i in range(start, start + samples, batch):
                end = min(i + batch, start + samples)
                optimizer.zero_grad()
                loss = F.cross_entropy(model(x[i:end]), y[i:end])
                loss.backward()
                optimizer.step()
                losses.append(loss.detach())
            total += samples
            with torch.no_grad():
                for s, p in zip(sums, parameters):
                    s.add_(p, alpha=samples)
        with torch.no_grad():
            for q, s in zip(current, sums):
                q.copy_(s).div_(total)
        stamps.append(cpu_seconds())
    per_round = np.diff(stamps)[WARMUP:]
    print(json.dumps({"name": "bare PyTorch, tuned" if tuned else "bare PyTorch", "workload": name, "rounds": len(per_round),
                      "cpu_s_per_round": float(per_round.mean()), "train_loss": float(torch.stack(losses).mean()),
                      "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


if __name__ == "__main__":
    main()
