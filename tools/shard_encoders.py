"""How tools/to_shards.py turns one record into arrays. An encoder sees every training record once (`learn`) or takes what it needs
from a contract (`adopt`), then encodes each record, then describes the examples for index.json and for the contract."""
import collections
import hashlib
import io
import json
import pathlib
import re

import numpy as np
from shard_records import need
from shard_writer import BadInput, Moments

MISSING = {"", "na", "nan", "null", "none"}


class Encoder:
    def learn(self, record):
        pass

    def close(self):
        pass

    def agreement(self):
        """What the contract says besides the description: how inputs were encoded."""
        return {}


def moments_of(contract):
    if "mean" not in contract:
        return {}
    return {"mean": contract["mean"], "scale": contract["scale"]}


class Images(Encoder):
    """Bytes of an image file as [H, W, C]: all of the first one's size, or of --size. Grey where the first image is."""
    kind = "image"

    def __init__(self, args):
        self.pillow = need("PIL.Image", "reading images")
        self.scaling, self.size, self.channels = args.size is not None, args.size, args.channels
        self.moments, self.lossy, self.agreed = Moments(), False, None

    def adopt(self, contract):
        height, width, self.channels = contract["shape"]
        self.size, self.agreed = (height, width), moments_of(contract)

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
                               f"{self.size[1]} as {'the contract says' if self.agreed is not None else 'the first image'}; "
                               "--size HxW scales all of them")
            image = image.resize((self.size[1], self.size[0]), self.pillow.BILINEAR)
        pixels = np.asarray(image, dtype=np.uint8).reshape(*self.size, self.channels)
        if split == "train":
            self.moments.add(pixels.reshape(-1, self.channels) / 255.0)
        return pixels

    def describe(self):
        mean, scale = self.moments.mean_and_scale()
        note = ["images decoded from JPEG or WebP (lossy)"] * self.lossy + ["images scaled"] * self.scaling
        return {"shape": [*self.size, self.channels], **({"mean": mean, "scale": scale} if self.agreed is None else self.agreed),
                "note": "; ".join(note)}


def is_missing(value):
    return value is None or (isinstance(value, str) and value.strip().lower() in MISSING) or (isinstance(value, float) and value != value)


class Column:
    """One input of a table. A number, or a list of numbers, stands as it is; one that may be missing is the training mean there, and
    one more value says so (1). A category is one value for each of them, 1 at its own; all are 0 where it is missing."""

    def __init__(self, name, category, missing):
        self.name, self.category, self.missing = name, category, missing
        self.seen, self.width, self.sums, self.count = set(), None, 0.0, 0
        self.least, self.most = np.inf, -np.inf  # over all examples
        self.range = None                        # of the contract

    def learn(self, value, where):
        if is_missing(value):
            return
        if self.category:
            self.seen.add(str(value))
        else:
            numbers = self.numbers(value, where)
            self.sums, self.count = self.sums + numbers.astype(np.float64), self.count + 1

    def close(self):
        self.categories = {name: i for i, name in enumerate(sorted(self.seen))}
        if self.missing and not self.category:
            if not self.count:
                raise BadInput(f"column '{self.name}': found no training row that has it")
            self.filling = (self.sums / self.count).astype("<f4")

    def numbers(self, value, where):
        try:
            array = np.asarray([float(value)] if isinstance(value, str) else value, dtype="<f4").ravel()
        except (TypeError, ValueError):
            found = f"'{value[:60]}'" if isinstance(value, str) else str(value)[:60]
            raise BadInput(f"{where}: column '{self.name}': found {found}, expected {'numbers' if isinstance(value, list) else 'a number'}"
                           f" (--category {self.name} takes words)") from None
        if not np.isfinite(array).all():
            raise BadInput(f"{where}: column '{self.name}': found a number that float32 cannot hold or that is not finite")
        self.width = self.width or len(array)
        if len(array) != self.width:
            raise BadInput(f"{where}: column '{self.name}': found {len(array)} numbers, expected {self.width} as in the first row")
        return array

    def encode(self, value, where):
        absent = is_missing(value)
        if absent and not self.missing:
            raise BadInput(f"{where}: column '{self.name}': the value is missing (--missing {self.name} allows that)")
        if self.category:
            return self.one_hot(None if absent else str(value), where)
        if absent:
            return np.append(self.filling, np.float32(1))
        array = self.numbers(value, where)
        least, most = float(array.min()), float(array.max())
        if self.range and not (self.range[0] <= least and most <= self.range[1]):
            found = least if least < self.range[0] else most
            raise BadInput(f"{where}: column '{self.name}': found {found:g}, expected {self.range[0]:g}..{self.range[1]:g}")
        self.least, self.most = min(self.least, least), max(self.most, most)
        return np.append(array, np.float32(0)) if self.missing else array

    def one_hot(self, name, where):
        row = np.zeros(len(self.categories), dtype="<f4")
        if name is not None and name not in self.categories:
            some = ", ".join(list(self.categories)[:10]) + (", ..." if len(self.categories) > 10 else "")
            raise BadInput(f"{where}: column '{self.name}': found '{name}', expected one of: {some}")
        if name is not None:
            row[self.categories[name]] = 1
        return row

    def about(self):
        about = {"name": self.name, "type": "category" if self.category else "number"}
        if self.category:
            about["categories"] = list(self.categories)
        else:
            least, most = self.range or (self.least, self.most)
            about.update({"width": self.width} if self.width != 1 else {}, least=least, most=most)
        return {**about, **({"missing": True} if self.missing else {})}

    def adopt(self, about, mean):
        self.category, self.missing = about["type"] == "category", about.get("missing", False)
        if self.category:
            self.categories = {name: i for i, name in enumerate(about["categories"])}
            return len(self.categories)
        self.width, self.range = about.get("width", 1), (about["least"], about["most"])
        if self.missing:
            if mean is None:
                raise BadInput(f"the contract's input '{self.name}' may be missing, but there is no mean to stand for it")
            self.filling = np.asarray(mean[:self.width], dtype="<f4")
        return self.width + self.missing


class Features(Encoder):
    """The columns of a table, one behind another."""
    kind = "features"

    def __init__(self, args):
        for option, listed in (("--category", args.category), ("--missing", args.missing)):
            for name in set(listed) - set(args.input):
                raise BadInput(f"{option}: '{name}' is not among --input")
        self.columns = [Column(name, name in args.category, name in args.missing) for name in args.input]
        self.normalise, self.width, self.moments, self.agreed = args.normalise, None, Moments(), None

    def adopt(self, contract):
        names = [about["name"] for about in contract["inputs"]]
        if names != [column.name for column in self.columns]:
            raise BadInput(f"--input: found {','.join(c.name for c in self.columns)}, expected {','.join(names)} as the contract says")
        at = 0
        for column, about in zip(self.columns, contract["inputs"]):
            at += column.adopt(about, contract["mean"][at:] if "mean" in contract else None)
        self.agreed = moments_of(contract)

    def learn(self, record):
        for column, value in zip(self.columns, record.input):
            column.learn(value, record.where)

    def close(self):
        for column in self.columns:
            column.close()

    def encode(self, record, split):
        values = np.concatenate([column.encode(value, record.where) for column, value in zip(self.columns, record.input)])
        self.width = len(values)
        if split == "train":
            self.moments.add(values[None])
        return values

    def describe(self):
        mean, scale = self.moments.mean_and_scale()
        own = {"mean": mean, "scale": scale} if self.normalise else {}
        return {"shape": [self.width], **(own if self.agreed is None else self.agreed)}

    def agreement(self):
        return {"inputs": [column.about() for column in self.columns]}


def finite(values, where):
    try:
        array = np.concatenate([np.asarray(float(v) if isinstance(v, str) else v, dtype="<f4").ravel() for v in values])
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
        self.tokenizer = None
        if self.name not in ("bytes", "characters"):
            self.model = model_settings(self.name) if pathlib.Path(self.name).is_dir() else None
            file = str(pathlib.Path(self.name) / "tokenizer.json") if self.model else self.name
            try:
                self.tokenizer = need("tokenizers", "a tokenizer.json").Tokenizer.from_file(file)
                self.digest = hashlib.blake2b(pathlib.Path(file).read_bytes(), digest_size=32).hexdigest()
            except BadInput:
                raise
            except Exception as error:  # the package raises bare Exception
                raise BadInput(f"{file}: no tokenizer: {error}") from None

    def learn(self, record):
        if self.name == "characters":
            self.characters.update(text_of(record))

    def adopt(self, contract):
        agreed = contract["tokenizer"]
        if agreed["kind"] == "characters":
            self.characters = collections.Counter(agreed["characters"])
        self.close()
        found = self.agreement()["tokenizer"]
        if found != agreed:
            raise BadInput(f"--tokenizer: found {found['kind']} {found.get('blake2b', '')[:12]}, expected {agreed['kind']} "
                           f"{agreed.get('blake2b', '')[:12]} as the contract says")
        if self.vocabulary != contract["vocabulary"]:
            raise BadInput(f"--tokenizer: found a vocabulary of {self.vocabulary}, expected {contract['vocabulary']} as the contract says")

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
            return np.frombuffer(text.encode(), dtype=np.uint8).astype(self.dtype)
        if self.name == "characters":
            ids = [self.number.get(c, 0) for c in text]
        else:
            ids = self.tokenizer.encode(text, add_special_tokens=False).ids
        return np.asarray(ids, dtype=self.dtype)

    def describe(self):
        return {"shape": [self.length], "vocabulary": self.vocabulary, "pad_token": self.pad}

    def agreement(self):
        if self.tokenizer is not None:
            return {"tokenizer": {"kind": "file", "blake2b": self.digest}}
        return {"tokenizer": {"kind": self.name, **({"characters": "".join(self.number)} if self.name == "characters" else {})}}


class BagOfWords(Encoder):
    """Counts of the --vocabulary most frequent words of the training texts (of equals the first in the alphabet) but for those that stand
    in more than --most-documents of them."""
    kind = "bag-of-words"

    def __init__(self, args):
        self.most, self.seen = args.vocabulary, collections.Counter()
        self.most_documents, self.stands_in, self.documents = args.most_documents, collections.Counter(), 0
        if self.most < 1 or not 0 < self.most_documents <= 1:
            raise BadInput(f"--vocabulary, --most-documents: found {self.most} and {self.most_documents:g}, expected at least 1 word and a "
                           "fraction above 0, at most 1")

    def learn(self, record):
        words = re.findall(r"\w+", text_of(record).lower())
        self.seen.update(words)
        self.stands_in.update(set(words))
        self.documents += 1

    def close(self):
        rare = [word for word in self.seen if self.stands_in[word] <= self.most_documents * self.documents]
        words = sorted(rare, key=lambda word: (-self.seen[word], word))[:self.most]
        if not words:
            raise BadInput(f"found no word that stands in at most {self.most_documents:g} of the {self.documents} training texts")
        self.number = {word: i for i, word in enumerate(words)}

    def adopt(self, contract):
        self.number = {word: i for i, word in enumerate(contract["words"])}

    def encode(self, record, split):
        known = [self.number[w] for w in re.findall(r"\w+", text_of(record).lower()) if w in self.number]
        found = collections.Counter(known)
        words = np.asarray(sorted(found), dtype="<u4")
        return words, np.asarray([found[w] for w in words.tolist()], dtype="<u4")

    def describe(self):
        return {"shape": [len(self.number)]}

    def agreement(self):
        return {"words": list(self.number)}


ENCODERS = {"images": Images, "features": Features, "tokens": Tokens, "bag-of-words": BagOfWords}
