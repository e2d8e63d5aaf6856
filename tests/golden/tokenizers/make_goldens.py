"""Small byte-level tokenizers of every kind that is read, and what `tokenizers` makes of awkward texts.

    python tests/golden/tokenizers/make_goldens.py DATA [SMOLLM2_FOLDER]     # rewrites the files beside this script

Made with tokenizers 0.23.3. NAME.json is a tokenizer.json of some 300 merges learnt from texts.json. goldens.json holds, for every tokenizer,
ids of each text without and with the special tokens and what decodes from the former; and of whole files (DATA/wikitext2/valid.txt,
DATA/tinyshakespeare/input.txt) the number of ids and the CRC-32 of them as little-endian int32. SMOLLM2_FOLDER (what tools/prepare_model.py
makes) adds the entry "smollm2", whose tokenizer is not stored here.
"""
import json
import pathlib
import sys
import zlib

import numpy as np
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).parent
FILES = ["wikitext2/valid.txt", "tinyshakespeare/input.txt"]
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")

TEXTS = [
    "", " ", "  ", "\n", "\r\n\r\n", "\t\ta", "a  b   c", "trailing   ", "   leading", " \n \n x \n", "\u00a0nbsp\u00a0\u00a0x",
    "Hello, world! It's 2024 and I've 12345 apples; they'LL don't, you'd we'Re I'M 'tis",
    "The old man's boat was the best of the boats, and the sea was older than the man.",
    "def f(x):\n    return x ** 2  # comment\n\n\n\tif x:\r\n\t\tpass\n",
    "na\u00efve caf\u00e9 cafe\u0301 \u00c5ngstr\u00f6m A\u030angstro\u0308m \u212b \ufb01 \ufb03",
    "\u4f60\u597d\uff0c\u4e16\u754c\u3002\u3053\u3093\u306b\u3061\u306f \u30ab\u30bf\u30ab\u30ca \uc548\ub155 \u1112\u1161\u11ab",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645 \u0661\u0662\u0663 \u05e9\u05c1\u05dc\u05d5\u05dd \u0928\u092e\u0938\u094d\u0924\u0947 \u0967\u0968",
    "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \u2764\ufe0f \U0001f44d\U0001f3fd \U0001d400\U0001d7ce",
    "x\u00b2 \u00bd \u2167 \u2460 \u0967 3.14159 1,000,000 007 1e-10 0x1F",
    "a\u0085b\u180ec\u200bd\u2028e\u2029f\u3000g\u202fh\u205fi\u2003 \u2003j\ufeffk\u1680l\u000bm\u000cn\u001co",
    "\u017f 'S '\u017f \u2019s can\u2019t \u0130 \u0131 \u00df \u1e9e \u01c5 \u02b0 \u00aa",
    "\u0000\u0001\u007f\u0080\u009f\u00ad\ufffd\uffff\ue000\U0010ffff\U000e0001",
    "\u0301start \u0301\u0301 q\u0323\u0307 \u1100\u1161\u11a8 \u0958 \u2126",
    "!!!???...---===___***((()))[[[]]]{{{}}}<<<>>>@#$%^&*~`|\\/\"''", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "....\n....\n\n    .",
    "before <|end|> after<|end|><|end|>\n<|left|> x <|left|> y  <|right|>  z <|both|>  \n <|both|>w",
    "<|en <|end|", "<|end|>", " <|right|> ", "<|end|><|endless|>", "caf\u00e9<|caf\u00e9|>cafe\u0301<|cafe\u0301|>", "<|two words|>",
]


def added():
    return [AddedToken("<|end|>", special=True, normalized=False), AddedToken("<|endless|>", special=True, normalized=False),
            AddedToken("<|left|>", lstrip=True, normalized=False), AddedToken("<|right|>", rstrip=True, normalized=False),
            AddedToken("<|both|>", lstrip=True, rstrip=True, normalized=True), AddedToken("<|caf\u00e9|>", normalized=True),
            AddedToken("<|two words|>", normalized=False)]


def tokenizer_of(pre_tokenizer, *, normalizer=None, ignore_merges=False, begin=False, missing=()):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = [c for c in pre_tokenizers.ByteLevel.alphabet() if c not in missing]
    trainer = trainers.BpeTrainer(vocab_size=560, initial_alphabet=alphabet, show_progress=False, special_tokens=["<|begin|>"],
                                  limit_alphabet=len(alphabet))
    tokenizer.train_from_iterator([t for t in TEXTS if not any(c in t for c in "\u0000\U0010ffff")] * 2, trainer)
    tokenizer.add_tokens(added())
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    if begin:
        tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
            single="<|begin|> $A <|end|>", special_tokens=[(t, tokenizer.token_to_id(t)) for t in ("<|begin|>", "<|end|>")])])
    return tokenizer


def split(pattern):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), behavior="isolated", invert=False),
                                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def byte_level(**options):
    return pre_tokenizers.ByteLevel(**{"add_prefix_space": False, **options})


MAKERS = {
    "gpt2": lambda: tokenizer_of(byte_level()),
    "smollm": lambda: tokenizer_of(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level()])),
    "llama3": lambda: tokenizer_of(split(LLAMA3), ignore_merges=True, begin=True),
    "qwen2": lambda: tokenizer_of(split(QWEN2), normalizer=normalizers.NFC()),
    "o200k": lambda: tokenizer_of(split(O200K)),
    "spaced": lambda: tokenizer_of(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=False),
                                                            pre_tokenizers.Split(".", behavior="isolated"),
                                                            byte_level(add_prefix_space=True)])),
    # Bytes that no token stands for.
    "gaps": lambda: tokenizer_of(byte_level(), missing=("\u00c3", "Q", "\u0120")),
}


def golden_of(tokenizer, data):
    plain = [tokenizer.encode(t, add_special_tokens=False).ids for t in TEXTS]
    files = []
    for name in FILES:
        ids = np.array(tokenizer.encode((data / name).read_text(encoding="utf-8"), add_special_tokens=False).ids, "<i4")
        files.append({"file": name, "count": len(ids), "crc32": zlib.crc32(ids.tobytes())})
    return {"plain": plain, "special": [tokenizer.encode(t).ids for t in TEXTS],
            "decoded": [tokenizer.decode(ids, skip_special_tokens=False) for ids in plain], "files": files}


def main():
    data = pathlib.Path(sys.argv[1])
    (HERE / "texts.json").write_text(json.dumps(TEXTS, indent=0) + "\n")
    path = HERE / "goldens.json"
    goldens = json.loads(path.read_text()) if path.exists() else {}  # what needs SmolLM2 stays where it is not at hand
    for name, make in MAKERS.items():
        file = HERE / f"{name}.json"
        if not file.exists():  # training is not the same in every release
            make().save(str(file), pretty=False)
        goldens[name] = golden_of(Tokenizer.from_file(str(file)), data)
    if len(sys.argv) > 2:
        goldens["smollm2"] = golden_of(Tokenizer.from_file(f"{sys.argv[2]}/tokenizer.json"), data)
    path.write_text(json.dumps(goldens, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
