"""Perplexity of a Hugging Face folder on plain text, by transformers: what `coppice eval MODEL --text FILE...` should print.

    perplexity.py MODEL FILE... [--rows] [--seq-len T] [--blocks N] [--dtype float32|bfloat16]

The text (files joined by a blank line; with --rows every line a row, blank ones empty, joined by blank lines) is tokenised once and cut into
floor(N / T) blocks of T tokens without overlap; in each all tokens but the first are predicted. Prints one line of JSON.
"""
import argparse
import json
import math
import pathlib
import re

import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast


def rows(text):
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    return "\n\n".join(line if line.strip() else "" for line in lines)


def perplexity(model, ids, length, blocks):
    nll = 0.0
    for i in range(blocks):
        block = ids[i * length:(i + 1) * length][None]
        with torch.no_grad():
            logits = model(block).logits[0, :-1].float()
        nll += F.cross_entropy(logits, block[0, 1:], reduction="sum").item()
    return nll / (blocks * (length - 1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("--rows", action="store_true")
    parser.add_argument("--seq-len", type=int, default=2048)
    parser.add_argument("--blocks", type=int, default=0)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    options = parser.parse_args()
    texts = [path.read_bytes().decode() for path in options.files]
    text = "\n\n".join(rows(text) if options.rows else text for text in texts)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=f"{options.model}/tokenizer.json")
    ids = torch.tensor(tokenizer(text)["input_ids"])
    model = AutoModelForCausalLM.from_pretrained(options.model, dtype=getattr(torch, options.dtype)).eval()
    whole = len(ids) // options.seq_len
    blocks = min(whole, options.blocks) if options.blocks else whole
    loss = perplexity(model, ids, options.seq_len, blocks)
    print(json.dumps({"tokens": len(ids), "blocks": blocks, "seq_len": options.seq_len, "loss": loss, "perplexity": math.exp(loss)}))


if __name__ == "__main__":
    main()
