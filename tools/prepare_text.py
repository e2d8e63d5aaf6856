"""Cuts a text into documents and deals them to splits, for tools/to_shards.py to turn into tokens.

    prepare_text.py TEXT --out FOLDER [--heading REGEX] [--splits train=0.8,select=0.1,calibrate=0.1]

A document begins at a line that matches --heading (default: an article of WikiText, "= Title ="; '' makes the whole text one document).
Each document goes to one split, chosen by a hash of its position, so that the same text always gives the same splits and no document is
in two. FOLDER gets SPLIT.jsonl, one {"title", "text"} a line, and splits.json: sizes and BLAKE2b digests. Then, for instance:

    to_shards.py jsonl --train FOLDER/train.jsonl --test FOLDER/select.jsonl --input text --as tokens --task next-token \\
                       --tokenizer MODEL_FOLDER --length 256 --column title --out SHARDS
"""
import argparse
import hashlib
import json
import pathlib
import re
import sys

WIKITEXT_ARTICLE = r"^ = [^=].* = $"


class BadInput(Exception):
    pass


def documents(text, heading):
    """(title, text) in order; what stands before the first heading is a document without a title, if it says anything."""
    if not heading:
        return [("", text)]
    starts = [match.start() for match in re.finditer(heading, text, re.MULTILINE)]
    bounds = sorted({0, *starts, len(text)})
    pieces = [text[a:b] for a, b in zip(bounds, bounds[1:])]
    titled = [(piece.splitlines()[0].strip(" =") if re.match(heading, piece, re.MULTILINE) else "", piece) for piece in pieces]
    return [(title, piece) for title, piece in titled if piece.strip()]


def shares(text):
    parts = {}
    for part in text.split(","):
        name, _, share = part.partition("=")
        try:
            parts[name.strip()] = float(share)
        except ValueError:
            raise BadInput(f"--splits: found '{part}', expected NAME=SHARE") from None
    if any(not re.fullmatch(r"\w+", name) or share <= 0 for name, share in parts.items()) or abs(sum(parts.values()) - 1) > 1e-9:
        raise BadInput(f"--splits: found '{text}', expected names with positive shares that add up to 1")
    return parts


def split_of(position, parts):
    """The split of the document at `position`: a function of both alone."""
    at = int.from_bytes(hashlib.blake2b(f"document {position}".encode(), digest_size=8).digest(), "little") / 2**64
    for name, share in parts.items():
        at -= share
        if at < 0:
            return name
    return name


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--heading", default=WIKITEXT_ARTICLE)
    parser.add_argument("--splits", default="train=0.8,select=0.1,calibrate=0.1")
    options = parser.parse_args(argv)
    try:
        parts = shares(options.splits)
        try:
            text = options.text.read_text(encoding="utf-8")
            found = documents(text, options.heading)
        except (OSError, UnicodeDecodeError, re.error) as error:
            raise BadInput(f"{options.text}: {error}") from None
        if options.out.exists() and any(options.out.iterdir()):
            raise BadInput(f"{options.out} is not empty; expected a new folder")
        dealt = {name: [] for name in parts}
        for position, document in enumerate(found):
            dealt[split_of(position, parts)].append(document)
        if empty := [name for name, held in dealt.items() if not held]:
            raise BadInput(f"{options.text}: found {len(found)} documents, too few: none fell to {', '.join(empty)}")
    except BadInput as refusal:
        print(f"prepare_text.py: {refusal}", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    about = {"source": options.text.name, "source_blake2b": hashlib.blake2b(text.encode(), digest_size=32).hexdigest(), "splits": {}}
    for name, held in dealt.items():
        lines = "".join(json.dumps({"title": title, "text": piece}, ensure_ascii=False) + "\n" for title, piece in held)
        (options.out / f"{name}.jsonl").write_text(lines, encoding="utf-8")
        about["splits"][name] = {"documents": len(held), "characters": sum(len(piece) for _, piece in held),
                                 "blake2b": hashlib.blake2b(lines.encode(), digest_size=32).hexdigest()}
        print(f"{name}: {len(held)} documents, {about['splits'][name]['characters']:,} characters")
    (options.out / "splits.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
