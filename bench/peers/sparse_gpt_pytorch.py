"""SparseGPT at 2:4 as the reference writes it, in PyTorch, one thread: the yardstick of bench/run.py.

    sparse_gpt_pytorch.py TOKENS LAYERS

The matrices of a SmolLM2-135M layer with random weights and inputs; matrices that share an input share its products and its factor.
"""
import json
import sys
import time

import torch

torch.set_num_threads(1)
LAYER = [(576, (576, 192, 192)), (576, (576,)), (576, (1536, 1536)), (1536, (576,))]


def inverse_factor(h, damping=0.01):
    index = torch.arange(len(h))
    dead = h[index, index] == 0
    h[dead, dead] = 1
    h[index, index] += damping * h.diag().mean()
    return torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(h)), upper=True), dead


def prune(w, u, dead, n=2, m=4, width=128):
    w[:, dead] = 0
    for begin in range(0, w.shape[1], width):
        end = min(begin + width, w.shape[1])
        block, errors = w[:, begin:end].clone(), torch.zeros(w.shape[0], end - begin)
        mask, local = torch.zeros_like(block, dtype=torch.bool), u[begin:end, begin:end]
        for i in range(end - begin):
            if i % m == 0:
                score = block[:, i:i + m] ** 2 / local.diag()[i:i + m] ** 2
                mask[:, i:i + m].scatter_(1, score.topk(m - n, dim=1, largest=False).indices, True)
            kept = torch.where(mask[:, i], 0.0, block[:, i])
            error = (block[:, i] - kept) / local[i, i]
            block[:, i:] -= error[:, None] @ local[i:i + 1, i:]
            block[:, i] = kept
            errors[:, i] = error
        w[:, begin:end] = block
        w[:, end:] -= errors @ u[begin:end, end:]


@torch.no_grad()
def main(tokens, layers):
    products = solve = 0.0
    for _ in range(layers):
        for inputs, outputs in LAYER:
            x = torch.randn(tokens, inputs)
            start = time.process_time()
            h = x.T @ x
            products += time.process_time() - start
            weights = [torch.randn(o, inputs) for o in outputs]
            start = time.process_time()
            u, dead = inverse_factor(h)
            for w in weights:
                prune(w, u, dead)
            solve += time.process_time() - start
    print(json.dumps({"name": "sparse_gpt_pytorch", "products_cpu_s": products / layers, "solve_cpu_s": solve / layers}))


main(int(sys.argv[1]), int(sys.argv[2]))
