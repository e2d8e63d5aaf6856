"""What `coppice bench MODEL` measures of a decoder, by transformers and PyTorch: the yardstick of bench/run.py.

    transformers_decoder.py MODEL THREADS REPEATS

bfloat16; the best of REPEATS passes, after one that warms up. The step is forward, backward and PyTorch's fused AdamW on bfloat16 weights (it
keeps no float32 ones, which is less work); the importance pass is forward, backward and first-order Taylor scores of every attention
and feed-forward matrix's rows, coarse and fine, in float32. Prints one line of JSON.
"""
import json
import sys
import time

import torch
from transformers import AutoModelForCausalLM

PREFILL, PROMPT, NEW, STEP = (4, 512), 64, 32, (4, 256)


def best_of(repeats, run):
    run()
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best


def main():
    folder, threads, repeats = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    vocab = model.config.vocab_size
    generator = torch.Generator().manual_seed(0)

    def ids(batch, tokens):
        return torch.randint(vocab, (batch, tokens), generator=generator)

    prompt, short, token, batch = ids(*PREFILL), ids(1, PROMPT), ids(1, 1), ids(*STEP)

    def prefill():
        with torch.inference_mode():
            model(prompt, use_cache=True, logits_to_keep=1)

    def decode():
        with torch.inference_mode():
            cache = model(short, use_cache=True, logits_to_keep=1).past_key_values
            start = time.perf_counter()
            for _ in range(NEW):
                cache = model(token, past_key_values=cache, use_cache=True).past_key_values
            return time.perf_counter() - start

    def backward():
        model.zero_grad(set_to_none=True)
        model(batch, labels=batch, use_cache=False).loss.backward()

    matrices = [p for name, p in model.named_parameters() if ".layers." in name and p.dim() == 2]

    def importance():
        backward()
        with torch.no_grad():
            for p in matrices:
                salience = p.float() * p.grad.float()
                salience.sum(1).abs()
                salience.abs().sum(1)

    decode()
    decode_s = min(decode() for _ in range(repeats))
    prefill_s = best_of(repeats, prefill)
    importance_s = best_of(repeats, importance)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)

    def step():
        backward()
        optimizer.step()

    print(json.dumps({"name": "transformers", "model": folder, "threads": threads, "dtype": "bfloat16",
                      "prefill_tokens_per_s": PREFILL[0] * PREFILL[1] / prefill_s, "decode_tokens_per_s": NEW / decode_s,
                      "step_s": best_of(repeats, step), "importance_s": importance_s}))


if __name__ == "__main__":
    main()
