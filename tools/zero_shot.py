"""Zero-shot accuracy of a causal language model by likelihood: which of several topics does it find most likely after a question?

    zero_shot.py MODEL_FOLDER --questions clinc150/data_full.json [--split test] [--count 200] [--choices 5] [--seed 0]

A question of CLINC150 (Larson et al., EMNLP 2019; out-of-scope ones left out) is put as "Question: ...\\nTopic:" with its own intent and
--choices - 1 others as continuations, words for underscores. The answer is the continuation with the largest sum of log
probabilities (accuracy), or the largest sum a byte (normalised), the two rules of the usual evaluation harness. Questions and choices are drawn from the
seed alone, so every model meets the same. Prints one JSON object. Loads the folder with transformers, in float32.
"""
import argparse
import json
import math
import pathlib
import random
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


class BadInput(Exception):
    pass


def draw(questions, count, choices, seed):
    """[(question, [choice, ...], index of the right one)]."""
    intents = sorted({intent for _, intent in questions})
    if count > len(questions) or choices > len(intents) or choices < 2 or count < 1:
        raise BadInput(f"found {len(questions)} questions of {len(intents)} intents; expected at least --count {count} and 2 <= --choices "
                       f"{choices} of them")
    generator = random.Random(seed)
    drawn = []
    for text, intent in generator.sample(questions, count):
        offered = generator.sample([other for other in intents if other != intent], choices - 1)
        right = generator.randrange(choices)
        offered.insert(right, intent)
        drawn.append((text, [choice.replace("_", " ") for choice in offered], right))
    return drawn


def log_likelihoods(model, tokenizer, pairs, batch):
    """Sum of log p(continuation | prompt) for each (prompt, continuation)."""
    encoded = []
    for prompt, continuation in pairs:
        given = tokenizer(prompt)["input_ids"]
        encoded.append((given + tokenizer(continuation, add_special_tokens=False)["input_ids"], len(given)))
    sums = [0.0] * len(pairs)
    order = sorted(range(len(pairs)), key=lambda i: len(encoded[i][0]))
    for start in range(0, len(order), batch):
        chosen = order[start:start + batch]
        longest = max(len(encoded[i][0]) for i in chosen)
        ids = torch.zeros((len(chosen), longest), dtype=torch.long)
        for row, i in enumerate(chosen):
            ids[row, :len(encoded[i][0])] = torch.tensor(encoded[i][0])
        with torch.inference_mode():  # what stands behind a sequence cannot be seen from within it
            hidden = model.base_model(ids).last_hidden_state
            for row, i in enumerate(chosen):
                tokens, given = encoded[i]
                log_p = model.get_output_embeddings()(hidden[row, given - 1:len(tokens) - 1]).log_softmax(-1)
                sums[i] = log_p.gather(1, torch.tensor(tokens[given:]).unsqueeze(1)).sum().item()
    return sums


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--questions", type=pathlib.Path, required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--choices", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=32)
    options = parser.parse_args(argv)
    try:
        try:
            splits = json.loads(options.questions.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BadInput(f"{options.questions}: {error}") from None
        if options.split not in splits:
            raise BadInput(f"{options.questions}: --split: found '{options.split}', expected one of {', '.join(sorted(splits))}")
        drawn = draw(splits[options.split], options.count, options.choices, options.seed)
        if not (options.model / "config.json").exists():
            raise BadInput(f"{options.model}: expected a model folder with config.json")
        tokenizer = AutoTokenizer.from_pretrained(options.model)
        model = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32).eval()
    except BadInput as refusal:
        print(f"zero_shot.py: {refusal}", file=sys.stderr)
        return 2
    sums = log_likelihoods(model, tokenizer, [(f"Question: {text}\nTopic:", f" {choice}") for text, offered, _ in drawn for choice in offered],
                           options.batch)
    hits = normalised = 0
    for q, (_, offered, right) in enumerate(drawn):
        scores = sums[q * options.choices:(q + 1) * options.choices]
        hits += max(range(options.choices), key=lambda c: scores[c]) == right
        normalised += max(range(options.choices), key=lambda c: scores[c] / len(offered[c].encode())) == right
    accuracy = normalised / options.count
    print(json.dumps({"questions": options.count, "choices": options.choices, "split": options.split, "seed": options.seed,
                      "accuracy": hits / options.count, "normalised": accuracy,
                      "standard_error": math.sqrt(accuracy * (1 - accuracy) / options.count)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
