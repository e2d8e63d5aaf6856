"""A tiny Llama with nine query heads on three KV heads, and what is left of it when transformers takes units away.

    python tests/golden/decoders/make_unit_goldens.py     # rewrites the folder llama_units beside this script

Made with transformers 5.23.0 and torch 2.15.0. llama_units/ is a folder of save_pretrained; golden.safetensors holds, in float32 and eager
attention, ids [2, 9], targets [2, 9] and
    logits                      of the whole model
    logits/layers               without layers 1 and 2
    logits/query_heads          with the query heads QUERIES of every layer
    logits/kv_groups            without KV group 1, that is without query heads 3, 4 and 5
    block_influence [4]         1 - mean over tokens of the cosine between what goes into a layer and what comes out
    coarse/KIND, fine/KIND      [4, units] for kv_group and query_head, [4] for layer: with S = W * dL/dW and L the cross-entropy summed over
                                tokens, sums of |sum of a vector of S| and of |S|, over the unit's rows of q, k, v, ... and columns of o
"""
import pathlib
import shutil

import torch
from safetensors.torch import save_file
from torch.nn import functional as F
from transformers import LlamaConfig, LlamaForCausalLM

HERE = pathlib.Path(__file__).parent / "llama_units"
LAYERS, HEADS, KV, DIM = 4, 9, 3, 4
QUERIES = [0, 2, 3, 4, 7, 8]  # two of every KV group's three
CONFIG = {"vocab_size": 23, "hidden_size": 18, "intermediate_size": 10, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
          "num_key_value_heads": KV, "head_dim": DIM, "max_position_embeddings": 32, "tie_word_embeddings": True, "bos_token_id": 0,
          "eos_token_id": 1, "pad_token_id": 1}


def logits_of(model, ids):
    return model(ids, attention_mask=torch.ones_like(ids)).logits.float()


def smaller(model, layers=range(LAYERS), queries=range(HEADS), groups=range(KV)):
    """The same model with some layers, query heads and KV groups alone."""
    config = LlamaConfig(**{**CONFIG, "num_hidden_layers": len(layers), "num_attention_heads": len(queries),
                            "num_key_value_heads": len(groups)})
    config._attn_implementation = "eager"
    rows = {"q_proj": [h * DIM + i for h in queries for i in range(DIM)]}
    rows["k_proj"] = rows["v_proj"] = [g * DIM + i for g in groups for i in range(DIM)]
    state = {}
    for key, value in model.state_dict().items():
        parts = key.split(".")
        if parts[1] == "layers":
            if int(parts[2]) not in layers:
                continue
            parts[2] = str(list(layers).index(int(parts[2])))
            if parts[4] in rows:
                value = value[rows[parts[4]]]
            elif parts[4] == "o_proj":
                value = value[:, rows["q_proj"]]
        state[".".join(parts)] = value
    small = LlamaForCausalLM(config).float().eval()
    small.load_state_dict(state)
    return small


def influence(model, ids):
    seen = []
    hooks = [layer.register_forward_hook(lambda _, args, out: seen.append((args[0], out[0] if isinstance(out, tuple) else out)))
             for layer in model.model.layers]
    with torch.no_grad():
        logits_of(model, ids)
    for hook in hooks:
        hook.remove()
    return torch.stack([1 - F.cosine_similarity(x.double(), y.double(), dim=-1).mean() for x, y in seen])


def taylor(model, ids, targets):
    F.cross_entropy(logits_of(model, ids).flatten(0, 1), targets.flatten(), reduction="sum").backward()
    scores = {}
    for name, over in (("coarse", lambda s, dim: s.sum(dim).abs()), ("fine", lambda s, dim: s.abs().sum(dim))):
        heads, groups, layers = [], [], []
        for layer in model.model.layers:
            s = {n: (m.weight * m.weight.grad).double() for n, m in layer.named_modules() if n.endswith("_proj")}
            q, k, v = (over(s[f"self_attn.{x}_proj"], 1) for x in "qkv")
            o = over(s["self_attn.o_proj"], 0)
            head = (q + o).view(HEADS, DIM).sum(1)
            heads.append(head)
            # Query heads 0, 1, 2 belong to KV head 0: the rows of q are [KV head, query head of it, channel].
            groups.append(head.view(KV, HEADS // KV).sum(1) + (k + v).view(KV, DIM).sum(1))
            layers.append(sum(over(matrix, 1).sum() for matrix in s.values()))
        scores[f"{name}/query_head"], scores[f"{name}/kv_group"], scores[f"{name}/layer"] = map(torch.stack, (heads, groups, layers))
    return scores


def main():
    torch.manual_seed(11)
    config = LlamaConfig(**CONFIG)
    config._attn_implementation = "eager"
    model = LlamaForCausalLM(config).float().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_((1.0 if parameter.dim() == 1 else 0.0) + (0.2 if parameter.dim() == 1 else 0.4) * torch.randn(parameter.shape))
    ids = torch.randint(2, 23, (2, 9))
    targets = ids.roll(-1, 1)
    golden = {"ids": ids, "targets": targets, "block_influence": influence(model, ids), **taylor(model, ids, targets)}
    with torch.no_grad():
        golden["logits"] = logits_of(model, ids)
        golden["logits/layers"] = logits_of(smaller(model, layers=[0, 3]), ids)
        golden["logits/query_heads"] = logits_of(smaller(model, queries=QUERIES), ids)
        golden["logits/kv_groups"] = logits_of(smaller(model, queries=[0, 1, 2, 6, 7, 8], groups=[0, 2]), ids)
    shutil.rmtree(HERE, ignore_errors=True)
    model.save_pretrained(HERE)
    (HERE / "generation_config.json").unlink(missing_ok=True)
    save_file({key: value.detach().float().contiguous() if value.is_floating_point() else value for key, value in golden.items()},
              HERE / "golden.safetensors")


if __name__ == "__main__":
    main()
