#!/usr/bin/env python3
"""Converts images, texts and tables into a folder of shards (docs/shards.md) for the data source `shards`.

  to_shards.py csv     --train patients.csv --input age,weight,sex --as features --category sex --missing weight \\
                       --target outcome --column hospital --out DIR
  to_shards.py csv     --train ours.csv --contract THEIRS/contract.json --input ... --out DIR   # as another owner encoded theirs
  to_shards.py images  --train TRAIN.tar.zst --test TEST.tar.zst --out DIR      # or folders; one sub-folder a class
  to_shards.py jsonl   --train a.jsonl --input speeches --as tokens --task next-token --tokenizer characters \\
                       --length 80 --column play+role --out DIR
  to_shards.py csv     --train texts.csv --input text --as bag-of-words --task words --most-documents 0.1 --column hospital --out DIR
  to_shards.py parquet --train train-*.parquet --test test-*.parquet --input image --as images --target label --out DIR

Beside the shards lie index.json, which the program reads, and contract.json: column types, ranges, missing values and classes, which
runs check all data against. CSV and JSON lines may be gzipped. Needs Python 3.9 and numpy; Pillow for images; pyarrow for parquet and
Arrow files (Hugging Face data sets, downloaded or saved to disk); the program zstd for .tar.zst; the package tokenizers for a
tokenizer.json. Files are read twice and never held whole. Without --test, a share of the training examples (--test-fraction) becomes
the test set, chosen by a hash of their position. DIR must not exist, or be empty. Exit code 2 and one line for bad input."""
import argparse
import hashlib
import json
import pathlib
import re
import sys
import tempfile

try:
    import numpy as np
    import shard_contract
    from shard_encoders import ENCODERS, finite
    from shard_records import image_records, row_records
    from shard_writer import OF_INPUTS, TARGETS, BadInput, Numbering, SplitWriter
except ImportError as missing:
    print(f"to_shards: {missing}; it needs the Python package numpy (pip install numpy)", file=sys.stderr)
    sys.exit(2)


# --- conversion

def split_of(args, read):
    """(split, record) of --train and --test. Without --test the split depends on a record's position alone."""
    position = 0
    for path in args.train:
        for record in read(args, path):
            word = int.from_bytes(hashlib.blake2b(str(position).encode(), digest_size=8).digest(), "little")
            yield ("test" if not args.test and word < args.test_fraction * 2**64 else "train"), record
            position += 1
    for path in args.test:
        for record in read(args, path):
            yield "test", record


def learn(args, read, encoder, labels, columns):
    """What the training examples say of encoding, unless a contract says it; columns are the owner's own either way."""
    for split, record in split_of(args, read):
        if split == "train" and not args.contract:
            encoder.learn(record)
            if args.task == "class":
                labels.see(record.target)
        for numbering, value in zip(columns, record.columns):
            numbering.see(value)
    for numbering in [*([] if args.contract else [labels]), *columns]:
        numbering.close()
    if not args.contract:
        encoder.close()


def read_contract(args, encoder, labels):
    contract = shard_contract.read(args.contract)
    shard_contract.check_request(contract, args, encoder.kind)
    try:
        encoder.adopt(contract)
        if args.task == "class":
            labels.adopt(contract["target"].get("names"), contract["target"]["count"])
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        raise BadInput(f"{args.contract}: not a contract for these examples: {wrong}") from None
    return contract


def source_files(paths):
    """What the examples were made from, where that is files: names, sizes and digests, so that an owner can tell which."""
    found = []
    for path in map(pathlib.Path, paths):
        if not path.is_file():
            found.append({"file": path.name})
            continue
        digest = hashlib.blake2b(digest_size=32)
        with open(path, "rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
        found.append({"file": path.name, "bytes": path.stat().st_size, "blake2b": digest.hexdigest()})
    return found


def convert(args, read, encoder, folder):
    labels, columns = Numbering(dense=True), [Numbering(dense=False) for _ in args.column]
    contract = read_contract(args, encoder, labels) if args.contract else None
    learn(args, read, encoder, labels, columns)

    writers = {split: SplitWriter(folder, split, encoder.kind, args) for split in ("train", "test")}
    wordless = 0
    least, most = np.full(len(args.target), np.inf), np.full(len(args.target), -np.inf)
    for split, record in split_of(args, read):
        target = None
        if args.task == "class":
            target = labels.number(record.target, record.where)
        elif args.task not in OF_INPUTS:
            target = finite(record.target, record.where)
            if len(target) != len(args.target):
                raise BadInput(f"{record.where}: found {len(target)} targets, expected {len(args.target)}")
            if args.task == "multi-label" and not np.isin(target, (0, 1)).all():
                raise BadInput(f"{record.where}: found targets {target.tolist()}, expected 0 or 1")
            if contract:
                shard_contract.check_targets(target, contract, record.where)
            least, most = np.minimum(least, target), np.maximum(most, target)
        example = encoder.encode(record, split)
        if args.task == "words" and not len(example[0]):
            wordless += 1
            continue
        writers[split].add(example, target, [n.number(v, record.where) for n, v in zip(columns, record.columns)])
    for writer in writers.values():
        writer.flush()
    if not writers["train"].examples:
        raise BadInput("found no training examples")

    about = encoder.describe()
    count = {"class": labels.count(), "next-token": about.get("vocabulary"), "words": about["shape"][0]}.get(args.task, len(args.target))
    names = labels.names if args.task == "class" else (None if args.task in OF_INPUTS else args.target)
    note = "; ".join(filter(None, [args.note, about.pop("note", "")]))
    about = {"kind": encoder.kind, **about}
    target = {"kind": args.task, "count": count, **({"names": names} if names else {})}
    index = {"format": "coppice-shards", "version": 1, **about, "target": target,
             "columns": [{"name": c, **({"labels": n.names} if n.names else {})} for c, n in zip(args.column, columns)],
             "note": note, "sources": source_files([*args.train, *args.test]),
             "splits": {split: writer.files for split, writer in writers.items()}}
    (folder / "index.json").write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if contract:
        (folder / "contract.json").write_bytes(args.contract.read_bytes())
    else:
        ranges = {"least": least.tolist(), "most": most.tolist()} if args.task == "regression" else {}
        shard_contract.write(folder, about, {**target, **ranges}, args.column, encoder.agreement())
    for split, writer in writers.items():
        print(f"{split}: {writer.examples} examples in {len(writer.files)} shards")
    if wordless:
        print(f"left out: {wordless} documents without a word of the vocabulary")

# --- command line

def height_width(text):
    match = re.fullmatch(r"(\d+)x(\d+)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"found '{text}', expected HEIGHTxWIDTH, for instance 32x32")
    return int(match[1]), int(match[2])


def names(text):
    return [name for name in text.split(",") if name]


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for command, what in (("images", "folder or tar archive"), ("jsonl", "file"), ("csv", "file"), ("parquet", "file or folder")):
        sub = commands.add_parser(command)
        sub.add_argument("--train", "--tar", nargs="+", required=True, metavar="PATH", help=what)
        sub.add_argument("--test", "--test-tar", nargs="+", default=[], metavar="PATH", help=what)
        sub.add_argument("--test-fraction", type=float, default=0.1, help="of the training examples, without --test")
        sub.add_argument("--out", type=pathlib.Path, required=True, help="new folder")
        sub.add_argument("--contract", type=pathlib.Path, help="a contract.json: encode and check as it says")
        sub.add_argument("--note", default="", help="shown in reports")
        sub.add_argument("--shard-mb", type=int, default=64, help="inputs of one shard, in MiB")
        sub.add_argument("--size", type=height_width, help="images: scale all to HEIGHTxWIDTH")
        sub.add_argument("--channels", type=int, choices=(1, 3), help="images: grey or colour")
        if command == "images":
            sub.set_defaults(encode_as="images", task="class", target=["class"], column=[])
            continue
        sub.add_argument("--input", type=names, required=True, help="fields, with commas")
        sub.add_argument("--as", dest="encode_as", choices=ENCODERS, required=True)
        sub.add_argument("--target", type=names, default=[], help="fields, with commas")
        sub.add_argument("--task", choices=TARGETS, default="class")
        sub.add_argument("--category", type=names, default=[], help="features: those of --input that are words, with commas")
        sub.add_argument("--missing", type=names, default=[], help="features: those of --input that may be missing, with commas")
        sub.add_argument("--delimiter", default=",", help="csv: one character")
        sub.add_argument("--column", action="append", default=[], help="kept beside each example; a+b joins two fields")
        sub.add_argument("--each", action="store_true", help="where an input is a list, each of its items is an example of its own")
        sub.add_argument("--tokenizer", default="bytes", help="tokens: bytes, characters, a tokenizer.json or a model's folder")
        sub.add_argument("--length", type=int, default=128, help="tokens: of an example")
        sub.add_argument("--vocabulary", type=int, default=1000, help="bag-of-words: number of words")
        sub.add_argument("--most-documents", type=float, default=1.0,
                         help="bag-of-words: words that stand in a larger fraction of the training texts are no part of the vocabulary")
        sub.add_argument("--no-normalise", dest="normalise", action="store_false", help="features: no mean and scale")
    args = parser.parse_args(argv)
    if args.task == "next-token" and args.encode_as != "tokens":
        raise BadInput("--task next-token goes with --as tokens")
    if args.task == "words" and args.encode_as != "bag-of-words":
        raise BadInput("--task words goes with --as bag-of-words")
    if (args.task in OF_INPUTS) != (not args.target) or (args.task == "class" and len(args.target) != 1):
        raise BadInput(f"--task {args.task}: found {len(args.target)} target fields, expected "
                       + {"class": "1", "next-token": "none", "words": "none"}.get(args.task, "at least 1"))
    if len(getattr(args, "delimiter", ",")) != 1:
        raise BadInput(f"--delimiter: found '{args.delimiter}', expected one character")
    if args.out.exists() and (not args.out.is_dir() or any(args.out.iterdir())):
        raise BadInput(f"{args.out}: exists already; nothing is overwritten")
    return args


def main(argv=None):
    try:
        args = parse(argv)
        encoder = ENCODERS[args.encode_as](args)
        args.out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{args.out.name}.", dir=args.out.parent) as unfinished:
            folder = pathlib.Path(unfinished) / "shards"
            folder.mkdir()
            convert(args, image_records if args.command == "images" else row_records, encoder, folder)
            folder.rename(args.out)
    except BadInput as error:
        print(f"to_shards: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
