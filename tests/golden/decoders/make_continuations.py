"""What transformers' greedy search makes of the tiny decoders beside this script.

    python tests/golden/decoders/make_continuations.py     # rewrites continuations.json

Made with transformers 5.23.0 and torch 2.15.0, float32, eager attention. For each FAMILY: the prompt (two tokens, so that a table of 32 positions
has room) and the likeliest token 30 times; for those that turn positions instead, the nine tokens of golden.safetensors and 32 times.
`margin` is the least distance of the two largest logits on the way.
"""
import json
import pathlib

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

HERE = pathlib.Path(__file__).parent


def continuation(folder):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    table = model.config.model_type in ("gpt2", "opt")
    prompt = load_file(folder / "golden.safetensors")["ids"][0, :2 if table else 9]
    steps = 30 if table else 32
    with torch.no_grad():
        out = model.generate(prompt[None], attention_mask=torch.ones(1, len(prompt), dtype=torch.long), do_sample=False, max_new_tokens=steps,
                             min_new_tokens=steps, eos_token_id=None, pad_token_id=1, output_logits=True, return_dict_in_generate=True)
    two = [logits[0].topk(2).values for logits in out.logits]
    return {"prompt": prompt.tolist(), "continuation": out.sequences[0, len(prompt):].tolist(), "margin": min(float(t[0] - t[1]) for t in two)}


def main():
    golden = {folder.name: continuation(folder) for folder in sorted(HERE.iterdir()) if folder.is_dir()}
    (HERE / "continuations.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
