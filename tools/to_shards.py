#!/usr/bin/env python3
"""Converts images, texts and tables into a folder of shards (docs/shards.md) for the data source `shards`.

  to_shards.py images  --train TRAIN.tar.zst --test TEST.tar.zst --out DIR      # or folders; one sub-folder a class
  to_shards.py jsonl   --train a.jsonl --input speeches --as tokens --task next-token --tokenizer characters \\
                       --length 80 --column play+role --out DIR
  to_shards.py parquet --train train-*.parquet --test test-*.parquet --input image --as images --target label --out DIR
  to_shards.py parquet --train FOLDER --input f1,f2,f3 --as features --target price --task regression --out DIR

Needs Python 3.9 and numpy; Pillow for images; pyarrow for parquet and Arrow files (Hugging Face data sets, downloaded or
saved to disk); the program zstd for .tar.zst; the package tokenizers for a tokenizer.json. Files are read twice and never
held whole. Without --test, a share of the training examples (--test-fraction) becomes the test set, chosen by a hash of
their position. DIR must not exist, or be empty. Exit code 2 and one line for bad input."""
import argparse
import collections
import difflib
import hashlib
import importlib
import io
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile

try:
    import numpy as np
    from shard_writer import TARGETS, BadInput, Moments, Numbering, SplitWriter
except ImportError as missing:
    print(f"to_shards: {missing}; it needs the Python package numpy (pip install numpy)", file=sys.stderr)
    sys.exit(2)


def need(module, why):
    try:
        return importlib.import_module(module)
    except ImportError:
        package = {"PIL.Image": "pillow"}.get(module, module)
        raise BadInput(f"{why} needs the Python package '{package}' (pip install {package})") from None


# --- what is read: records with an input, a target and columns

Record = collections.namedtuple("Record", "where input target columns")
IMAGE = re.compile(r"\.(jpe?g|png|bmp|gif|webp|ppm|pgm|tiff?)$", re.IGNORECASE)


def image_records(args, path):
    """Every image below a folder or in a tar archive; its class is the folder it lies in."""
    path = pathlib.Path(path)
    if path.is_dir():
        for file in sorted(p for p in path.rglob("*") if IMAGE.search(p.name) and p.is_file()):
            yield Record(str(file), file.read_bytes(), file.parent.name, [])
        return
    if not path.is_file():
        raise BadInput(f"{path}: no such file or folder")
    try:
        yield from images_in_tar(path)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BadInput(f"{path}: not a readable tar archive: {error}") from None


def images_in_tar(path):
    if path.suffix != ".zst":
        with tarfile.open(path, "r|*") as archive:
            yield from images_of(archive)
        return
    try:
        process = subprocess.Popen(["zstd", "-dcq", "--", str(path)], stdout=subprocess.PIPE)
    except FileNotFoundError:
        raise BadInput(f"{path}: needs the program 'zstd', which is not installed") from None
    with process:
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            yield from images_of(archive)
        process.stdout.read()  # the padding behind the archive, so that zstd ends by itself
    if process.returncode:
        raise BadInput(f"{path}: zstd failed with exit code {process.returncode}")


def images_of(archive):
    for member in archive:
        if member.isfile() and IMAGE.search(member.name):
            label = pathlib.PurePosixPath(member.name).parent.name
            yield Record(member.name, archive.extractfile(member).read(), label, [])


def field(row, name, where):
    if name in row:
        return row[name]
    near = difflib.get_close_matches(name, row, 1)
    hint = f" (did you mean '{near[0]}'?)" if near else ""
    raise BadInput(f"{where}: no field '{name}'{hint}; expected one of: {', '.join(map(str, row))}")


def jsonl_rows(path):
    try:
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except json.JSONDecodeError as error:
                    raise BadInput(f"{path}:{number}: broken JSON: {error}") from None
                if not isinstance(row, dict):
                    raise BadInput(f"{path}:{number}: found {type(row).__name__}, expected an object")
                yield f"{path}:{number}", row
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: {error}") from None


def parquet_rows(path):
    """Rows of a .parquet or .arrow file, or of all of them below a folder."""
    arrow = need("pyarrow", "reading parquet and Arrow files")
    path = pathlib.Path(path)
    files = sorted(p for p in path.rglob("*") if p.suffix in (".parquet", ".arrow")) if path.is_dir() else [path]
    if not files:
        raise BadInput(f"{path}: holds no .parquet and no .arrow file")
    for file in files:
        try:
            if file.suffix == ".arrow":
                batches = importlib.import_module("pyarrow.ipc").open_stream(str(file))
            else:
                batches = importlib.import_module("pyarrow.parquet").ParquetFile(file).iter_batches(batch_size=1024)
            number = 0
            for batch in batches:
                for row in batch.to_pylist():
                    yield f"{file}: row {number}", row
                    number += 1
        except (OSError, arrow.ArrowException) as error:
            raise BadInput(f"{file}: {error}") from None


def row_records(args, path):
    for where, row in (jsonl_rows if args.command == "jsonl" else parquet_rows)(path):
        inputs = [field(row, name, where) for name in args.input]
        targets = [field(row, name, where) for name in args.target]
        columns = ["/".join(str(field(row, part, where)) for part in name.split("+")) for name in args.column]
        yield Record(where, inputs, targets[0] if args.task == "class" else targets, columns)

# --- encoders: one example as an array

class Encoder:
    """Sees every training record once (`learn`), then encodes each record, then describes the examples for index.json."""

    def learn(self, record):
        pass

    def close(self):
        pass


class Images(Encoder):
    """Bytes of an image file as [H, W, C]: all of the first one's size, or of --size. Grey where the first image is."""
    kind = "image"

    def __init__(self, args):
        self.pillow = need("PIL.Image", "reading images")
        self.scaling, self.size, self.channels = args.size is not None, args.size, args.channels
        self.moments, self.lossy = Moments(), False

    def encode(self, record, split):
        data = record.input[0] if isinstance(record.input, list) else record.input
        data = data.get("bytes") if isinstance(data, dict) else data
        try:
            image = self.pillow.open(io.BytesIO(data))
            self.lossy |= image.format in ("JPEG", "WEBP")
            self.channels = self.channels or (1 if image.mode in ("1", "L") else 3)
            image = image.convert("L" if self.channels == 1 else "RGB")
        except Exception as error:  # Pillow raises a dozen types for broken files
            raise BadInput(f"{record.where}: not a readable image: {error}") from None
        self.size = self.size or (image.height, image.width)
        if (image.height, image.width) != self.size:
            if not self.scaling:
                raise BadInput(f"{record.where}: found {image.height}x{image.width} pixels, expected {self.size[0]}x"
                               f"{self.size[1]} as the first image; --size HxW scales all of them")
            image = image.resize((self.size[1], self.size[0]), self.pillow.BILINEAR)
        pixels = np.asarray(image, dtype=np.uint8).reshape(*self.size, self.channels)
        if split == "train":
            self.moments.add(pixels.reshape(-1, self.channels) / 255.0)
        return pixels

    def describe(self):
        mean, scale = self.moments.mean_and_scale()
        note = ["images decoded from JPEG or WebP (lossy)"] * self.lossy + ["images scaled"] * self.scaling
        return {"shape": [*self.size, self.channels], "mean": mean, "scale": scale, "note": "; ".join(note)}


class Features(Encoder):
    """Numbers and lists of numbers, one behind another."""
    kind = "features"

    def __init__(self, args):
        self.normalise, self.width, self.moments = args.normalise, None, Moments()

    def encode(self, record, split):
        values = finite(record.input, record.where)
        self.width = self.width or len(values)
        if len(values) != self.width:
            raise BadInput(f"{record.where}: found {len(values)} features, expected {self.width} as in the first row")
        if split == "train":
            self.moments.add(values[None])
        return values

    def describe(self):
        mean, scale = self.moments.mean_and_scale()
        return {"shape": [self.width], **({"mean": mean, "scale": scale} if self.normalise else {})}


def finite(values, where):
    try:
        array = np.concatenate([np.asarray(v, dtype="<f4").ravel() for v in values])
    except (TypeError, ValueError):
        raise BadInput(f"{where}: found {str(values)[:60]}, expected numbers") from None
    if not np.isfinite(array).all():
        raise BadInput(f"{where}: found a number that float32 cannot hold or that is not finite")
    return array


def text_of(record):
    """Texts, and lists of texts, a line each."""
    return "\n".join("\n".join(map(str, v)) if isinstance(v, list) else str(v) for v in record.input)


def model_settings(folder):
    """(vocabulary, pad token) that the config.json of a model states."""
    file = pathlib.Path(folder) / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{file}: {error}") from None
    pad = next((config[key] for key in ("pad_token_id", "eos_token_id") if isinstance(config.get(key), int)), 0)
    vocabulary = config.get("vocab_size")
    if not isinstance(vocabulary, int) or not 0 <= pad < vocabulary:
        raise BadInput(f"{file}: found vocab_size {vocabulary} and pad token {pad}, expected a token of the vocabulary")
    return vocabulary, pad


class Tokens(Encoder):
    """bytes: their values. characters: 1.. in code-point order of those of the training texts, 0 = any other. FILE: as
    a tokenizer.json says. One more token pads, but for characters, where 0 does. FOLDER of a model: its tokenizer.json, its
    vocabulary, and padding by its own pad or end token, so that the model fits the shards."""
    kind = "tokens"

    def __init__(self, args):
        self.name, self.length, self.characters = args.tokenizer, args.length, collections.Counter()
        if self.name not in ("bytes", "characters"):
            self.model = model_settings(self.name) if pathlib.Path(self.name).is_dir() else None
            file = str(pathlib.Path(self.name) / "tokenizer.json") if self.model else self.name
            try:
                self.tokenizer = need("tokenizers", "a tokenizer.json").Tokenizer.from_file(file)
            except BadInput:
                raise
            except Exception as error:  # the package raises bare Exception
                raise BadInput(f"{file}: no tokenizer: {error}") from None

    def learn(self, record):
        if self.name == "characters":
            self.characters.update(text_of(record))

    def close(self):
        self.number = {c: i for i, c in enumerate(sorted(self.characters), 1)}
        if self.name == "characters":
            self.vocabulary, self.pad = len(self.number) + 1, 0
        elif self.name != "bytes" and self.model:
            self.vocabulary, self.pad = self.model
            if self.tokenizer.get_vocab_size() > self.vocabulary:
                raise BadInput(f"{self.name}: tokenizer.json has {self.tokenizer.get_vocab_size()} tokens, config.json {self.vocabulary}")
        else:
            self.pad = 256 if self.name == "bytes" else self.tokenizer.get_vocab_size()
            self.vocabulary = self.pad + 1
        self.dtype = "<u2" if self.vocabulary <= 2**16 else "<u4"

    def encode(self, record, split):
        text = text_of(record)
        if self.name == "bytes":
            ids = list(text.encode())
        elif self.name == "characters":
            ids = [self.number.get(c, 0) for c in text]
        else:
            ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        return np.asarray(ids, dtype=self.dtype)

    def describe(self):
        return {"shape": [self.length], "vocabulary": self.vocabulary, "pad_token": self.pad}


class BagOfWords(Encoder):
    """Counts of the --vocabulary most frequent words of the training texts (of equals the first in the alphabet)."""
    kind = "bag-of-words"

    def __init__(self, args):
        self.most, self.seen = args.vocabulary, collections.Counter()

    def learn(self, record):
        self.seen.update(re.findall(r"\w+", text_of(record).lower()))

    def close(self):
        words = sorted(self.seen, key=lambda word: (-self.seen[word], word))[:self.most]
        self.number = {word: i for i, word in enumerate(words)}

    def encode(self, record, split):
        known = [self.number[w] for w in re.findall(r"\w+", text_of(record).lower()) if w in self.number]
        found = collections.Counter(known)
        words = np.asarray(sorted(found), dtype="<u4")
        return words, np.asarray([found[w] for w in words.tolist()], dtype="<u4")

    def describe(self):
        return {"shape": [len(self.number)]}


ENCODERS = {"images": Images, "features": Features, "tokens": Tokens, "bag-of-words": BagOfWords}

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


def convert(args, read, encoder, folder):
    labels, columns = Numbering(dense=True), [Numbering(dense=False) for _ in args.column]
    for split, record in split_of(args, read):
        if split == "train":
            encoder.learn(record)
            if args.task == "class":
                labels.see(record.target)
        for numbering, value in zip(columns, record.columns):
            numbering.see(value)
    for numbering in [labels, *columns]:
        numbering.close()
    encoder.close()

    writers = {split: SplitWriter(folder, split, encoder.kind, args) for split in ("train", "test")}
    for split, record in split_of(args, read):
        target = None
        if args.task == "class":
            target = labels.number(record.target, record.where)
        elif args.task != "next-token":
            target = finite(record.target, record.where)
            if args.task == "multi-label" and not np.isin(target, (0, 1)).all():
                raise BadInput(f"{record.where}: found targets {target.tolist()}, expected 0 or 1")
        writers[split].add(encoder.encode(record, split), target,
                           [n.number(v, record.where) for n, v in zip(columns, record.columns)])
    for writer in writers.values():
        writer.flush()
    if not writers["train"].examples:
        raise BadInput("found no training examples")

    about = encoder.describe()
    count = {"class": len(labels.values), "next-token": about.get("vocabulary")}.get(args.task, len(args.target))
    names = labels.names if args.task == "class" else (None if args.task == "next-token" else args.target)
    note = "; ".join(filter(None, [args.note, about.pop("note", "")]))
    index = {"format": "coppice-shards", "version": 1, "kind": encoder.kind, **about,
             "target": {"kind": args.task, "count": count, **({"names": names} if names else {})},
             "columns": [{"name": c, **({"labels": n.names} if n.names else {})} for c, n in zip(args.column, columns)],
             "note": note, "splits": {split: writer.files for split, writer in writers.items()}}
    (folder / "index.json").write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for split, writer in writers.items():
        print(f"{split}: {writer.examples} examples in {len(writer.files)} shards")

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
    for command, what in (("images", "folder or tar archive"), ("jsonl", "file"), ("parquet", "file or folder")):
        sub = commands.add_parser(command)
        sub.add_argument("--train", "--tar", nargs="+", required=True, metavar="PATH", help=what)
        sub.add_argument("--test", "--test-tar", nargs="+", default=[], metavar="PATH", help=what)
        sub.add_argument("--test-fraction", type=float, default=0.1, help="of the training examples, without --test")
        sub.add_argument("--out", type=pathlib.Path, required=True, help="new folder")
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
        sub.add_argument("--column", action="append", default=[], help="kept beside each example; a+b joins two fields")
        sub.add_argument("--tokenizer", default="bytes", help="tokens: bytes, characters, a tokenizer.json or a model's folder")
        sub.add_argument("--length", type=int, default=128, help="tokens: of an example")
        sub.add_argument("--vocabulary", type=int, default=1000, help="bag-of-words: number of words")
        sub.add_argument("--no-normalise", dest="normalise", action="store_false", help="features: no mean and scale")
    args = parser.parse_args(argv)
    if args.task == "next-token" and args.encode_as != "tokens":
        raise BadInput("--task next-token goes with --as tokens")
    if (args.task == "next-token") != (not args.target) or (args.task == "class" and len(args.target) != 1):
        raise BadInput(f"--task {args.task}: found {len(args.target)} target fields, expected "
                       + {"class": "1", "next-token": "none"}.get(args.task, "at least 1"))
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
