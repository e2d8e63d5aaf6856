"""Tiny decoders of every family with random weights, as transformers saves them, and what transformers says of a text.

    python tests/golden/decoders/make_goldens.py     # rewrites the folders beside this script

Made with transformers 5.23.0 and torch 2.15.0. FAMILY/ is a folder of save_pretrained; FAMILY/golden.safetensors holds ids [2, 9] and,
in float32 and eager attention, logits [2, 9, vocab]. `llama_parts` is stored in bfloat16 and in several files.
"""
import pathlib
import shutil

import torch
from safetensors.torch import save_file
from transformers import (GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, OPTConfig,
                          OPTForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM)

HERE = pathlib.Path(__file__).parent
COMMON = {"vocab_size": 23, "hidden_size": 16, "intermediate_size": 20, "num_hidden_layers": 2, "num_attention_heads": 4,
          "num_key_value_heads": 2, "max_position_embeddings": 32, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
SHORT = {k: COMMON[k] for k in ("bos_token_id", "eos_token_id")}

MODELS = {
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**COMMON, tie_word_embeddings=True, rms_norm_eps=1e-5)),
    "llama_biased": lambda: LlamaForCausalLM(LlamaConfig(**COMMON, attention_bias=True, mlp_bias=True, head_dim=6, rope_theta=500.0)),
    "llama_parts": lambda: LlamaForCausalLM(LlamaConfig(**COMMON)),
    "mistral": lambda: MistralForCausalLM(MistralConfig(**COMMON, sliding_window=4)),
    "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**COMMON, rope_theta=1e6)),
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**COMMON, head_dim=8, tie_word_embeddings=True)),
    "gpt2": lambda: GPT2LMHeadModel(GPT2Config(vocab_size=23, n_embd=16, n_layer=2, n_head=4, n_positions=32, **SHORT)),
    "opt": lambda: OPTForCausalLM(OPTConfig(vocab_size=23, hidden_size=16, ffn_dim=20, num_hidden_layers=2, num_attention_heads=4,
                                            max_position_embeddings=32, word_embed_proj_dim=16, pad_token_id=1, **SHORT)),
}


def main():
    for name, make in MODELS.items():
        torch.manual_seed(7)
        model = make().float().eval()
        model.config._attn_implementation = "eager"
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                scale = 0.2 if parameter.dim() == 1 else 0.5
                shift = 1.0 if parameter.dim() == 1 and not key.endswith("bias") else 0.0
                parameter.copy_(shift + scale * torch.randn(parameter.shape))
                if name == "llama_parts":
                    parameter.copy_(parameter.bfloat16())
            ids = torch.randint(2, 23, (2, 9))
            logits = model(ids, attention_mask=torch.ones_like(ids)).logits
        folder = HERE / name
        shutil.rmtree(folder, ignore_errors=True)
        if name == "llama_parts":
            model.to(torch.bfloat16).save_pretrained(folder, max_shard_size="4KB")
        else:
            model.save_pretrained(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)
        save_file({"ids": ids, "logits": logits.float().contiguous()}, folder / "golden.safetensors")


if __name__ == "__main__":
    main()
