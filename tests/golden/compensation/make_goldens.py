"""What makes up for a cut, from definitions written out in PyTorch and float64: bias compensation of a decoder, SparseGPT, SLoRB.

    python tests/golden/compensation/make_goldens.py     # rewrites goldens.safetensors beside this script

Made with transformers 5.23.0 and torch 2.15.0. `bias.*`: the decoder of tests/golden/decoders/llama without key and value head 1 of both
layers and without the neurons `bias.neurons` (one row a layer), cut physically into a LlamaForCausalLM with biases; its logits for
`bias.ids`, with the mean inputs of `bias.calibration`. `gpt.*`: Algorithm 1 of Frantar & Alistarh 2023, two factorisations and an inverse.
`slorb.*`: the same decoder without the weights (o, i) of its layers with (o + i) % 4 in {0, 3}, beside each matrix a booster of 4 inputs.
"""
import pathlib

import torch
from safetensors.torch import save_file
from transformers import LlamaForCausalLM

HERE = pathlib.Path(__file__).parent
torch.set_num_threads(1)
NEURONS = [[1, 4, 5, 11, 19], [0, 2, 7, 8, 13]]


def compensated_llama():
    torch.manual_seed(11)
    folder = HERE.parent / "decoders" / "llama"
    dense = LlamaForCausalLM.from_pretrained(folder, attn_implementation="eager").double().eval()
    calibration, ids = torch.randint(2, 23, (5, 9)), torch.randint(2, 23, (2, 9))
    seen = {}
    for l, layer in enumerate(dense.model.layers):
        for name, module in (("o", layer.self_attn.o_proj), ("down", layer.mlp.down_proj)):
            module.register_forward_pre_hook(lambda _, inputs, key=(l, name): seen.__setitem__(key, inputs[0].flatten(0, 1)))
    with torch.no_grad():
        dense(calibration)
        means = {key: x.mean(0) for key, x in seen.items()}
        config = dense.config.__class__(**{**dense.config.to_dict(), "num_attention_heads": 2, "num_key_value_heads": 1,
                                           "intermediate_size": 15, "attention_bias": True, "mlp_bias": True})
        small = LlamaForCausalLM._from_config(config, attn_implementation="eager").double().eval()
        for key, value in dense.state_dict().items():
            if not any(part in key for part in ("self_attn", "mlp")):
                small.state_dict()[key].copy_(value)
        for l, (old, new) in enumerate(zip(dense.model.layers, small.model.layers)):
            for module in (*new.self_attn.children(), *new.mlp.children()):
                if hasattr(module, "bias"):
                    module.bias.zero_()
            rows, cut = slice(0, 8), list(range(8, 16))  # query heads 0 and 1 go with key and value head 0
            new.self_attn.q_proj.weight.copy_(old.self_attn.q_proj.weight[rows])
            new.self_attn.k_proj.weight.copy_(old.self_attn.k_proj.weight[:4])
            new.self_attn.v_proj.weight.copy_(old.self_attn.v_proj.weight[:4])
            new.self_attn.o_proj.weight.copy_(old.self_attn.o_proj.weight[:, rows])
            new.self_attn.o_proj.bias.copy_(old.self_attn.o_proj.weight[:, cut] @ means[l, "o"][cut])
            kept = [n for n in range(20) if n not in NEURONS[l]]
            new.mlp.gate_proj.weight.copy_(old.mlp.gate_proj.weight[kept])
            new.mlp.up_proj.weight.copy_(old.mlp.up_proj.weight[kept])
            new.mlp.down_proj.weight.copy_(old.mlp.down_proj.weight[:, kept])
            new.mlp.down_proj.bias.copy_(old.mlp.down_proj.weight[:, NEURONS[l]] @ means[l, "down"][NEURONS[l]])
        logits = small(ids).logits
    return {"bias.calibration": calibration, "bias.ids": ids, "bias.neurons": torch.tensor(NEURONS), "bias.logits": logits.float()}


class Boosted(torch.nn.Module):
    """y = (M * W) x + S P x, S from what M drops (AST-Boosted of Huang et al. 2024, initialisation "mean")."""

    def __init__(self, linear, inputs=4):
        super().__init__()
        w = linear.weight.detach()
        rows, columns = torch.meshgrid(torch.arange(w.shape[0]), torch.arange(w.shape[1]), indexing="ij")
        kept = ((rows + columns) % 4 == 1) | ((rows + columns) % 4 == 2)
        self.w = w * kept
        self.p = torch.eye(w.shape[1] // inputs, dtype=w.dtype).repeat_interleave(inputs, dim=1)
        self.s = (w * ~kept) @ self.p.T / inputs

    def forward(self, x):
        return torch.nn.functional.linear(x, self.w) + torch.nn.functional.linear(x @ self.p.T, self.s)


def boosted_llama():
    model = LlamaForCausalLM.from_pretrained(HERE.parent / "decoders" / "llama", attn_implementation="eager").double().eval()
    for layer in model.model.layers:
        for part in (layer.self_attn, layer.mlp):
            for name, module in list(part.named_children()):
                if isinstance(module, torch.nn.Linear):
                    setattr(part, name, Boosted(module))
    ids = torch.arange(18).reshape(2, 9) % 21 + 2
    with torch.no_grad():
        return {"slorb.ids": ids, "slorb.logits": model(ids).logits.float()}


def sparse_gpt(w, h, choose, columns, damping=0.01):
    """choose(w, u, begin, end) -> kept of these columns, or None where that is decided run by run; then (n, m)."""
    w, h = w.clone(), h.clone()
    outputs, inputs = w.shape
    diagonal = torch.arange(inputs)
    dead = h[diagonal, diagonal] == 0
    h[dead, dead] = 1
    w[:, dead] = 0
    h[diagonal, diagonal] += damping * h.diag().mean()
    u = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(h)), upper=True)
    kept = torch.zeros_like(w, dtype=torch.bool)
    for begin in range(0, inputs, columns):
        end = min(begin + columns, inputs)
        if not isinstance(choose, tuple):
            kept[:, begin:end] = choose(w[:, begin:end] ** 2 / u.diag()[begin:end] ** 2)
        for i in range(begin, end):
            if isinstance(choose, tuple) and i % choose[1] == 0:
                run = slice(i, i + choose[1])
                order = (w[:, run] ** 2 / u.diag()[run] ** 2).sort(dim=1, descending=True, stable=True).indices[:, :choose[0]]
                kept[:, run] = torch.zeros(outputs, choose[1], dtype=torch.bool).scatter_(1, order, True)
            error = torch.where(kept[:, i], 0.0, w[:, i]) / u[i, i]
            w[:, i:] -= error[:, None] * u[i, i:][None]
            w[~kept[:, i], i] = 0
    return w, kept


def largest_half(score):
    kept = torch.zeros(score.numel(), dtype=torch.bool)
    kept[score.flatten().sort(descending=True, stable=True).indices[:score.numel() // 2]] = True
    return kept.reshape(score.shape)


def vectors_of_4(score):
    kept = largest_half(score.reshape(score.shape[0] // 4, 4, -1).mean(1))
    return kept.repeat_interleave(4, 0)


def solved():
    torch.manual_seed(12)
    w = torch.randn(24, 32)
    x = (torch.randn(100, 32) @ torch.randn(32, 32) + 0.5).float()
    x[:, 9] = 0
    h = x.double().T @ x.double()
    out = {"gpt.w": w, "gpt.x": x}
    for name, choose in (("2:4", (2, 4)), ("4:8", (4, 8)), ("unstructured", largest_half), ("4x1", vectors_of_4)):
        weights, kept = sparse_gpt(w.double(), h, choose, 16)
        out[f"gpt.{name}.w"], out[f"gpt.{name}.kept"] = weights.float(), kept.long()
    return out


if __name__ == "__main__":
    save_file({key: value.contiguous() for key, value in {**compensated_llama(), **solved(), **boosted_llama()}.items()}, HERE / "goldens.safetensors")
