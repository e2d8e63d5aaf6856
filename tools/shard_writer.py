"""The writing half of the shard format (docs/shards.md): shards, their statistics, and texts as numbers."""
import hashlib
import re
import struct

import numpy as np

KINDS = ["image", "features", "tokens", "bag-of-words"]
TARGETS = ["class", "multi-label", "regression", "next-token", "words"]
OF_INPUTS = ("next-token", "words")  # targets that the inputs are themselves
ALIGNMENT = 64


class BadInput(Exception):
    pass


class SplitWriter:
    """Collects the examples of one split and writes a shard whenever --shard-mb of inputs have come together."""

    def __init__(self, folder, split, kind, args):
        self.folder, self.split, self.kind, self.task = folder, split, kind, args.task
        self.num_targets, self.num_columns = len(args.target), len(args.column)
        self.shard_bytes = args.shard_mb << 20
        self.files, self.examples = [], 0
        self._clear()

    def _clear(self):
        self.inputs, self.counts, self.targets, self.columns, self.held = [], [], [], [], 0

    def add(self, example, target, columns):
        """`example`: an array; for bags of words a pair (words, counts). `target`: a class, a list, or None."""
        words, counts = example if self.kind == "bag-of-words" else (example, None)
        self.inputs.append(words)
        self.counts.append(counts)
        self.targets.append(target)
        self.columns.append(columns)
        self.held += words.nbytes
        self.examples += 1
        if self.held >= self.shard_bytes:
            self.flush()

    def flush(self):
        if not self.inputs:
            return
        values = np.concatenate([x.ravel() for x in self.inputs])
        sections = [values]
        if self.kind in ("tokens", "bag-of-words"):
            sections.append(np.cumsum([0] + [len(x) for x in self.inputs]).astype("<u8"))
        if self.kind == "bag-of-words":
            sections.append(np.concatenate(self.counts).astype("<u4"))
        if self.task not in OF_INPUTS:
            dtype = {"class": "<i4", "multi-label": "u1", "regression": "<f4"}[self.task]
            sections.append(np.asarray(self.targets, dtype=dtype))
        columns = np.asarray(self.columns, dtype="<i4").reshape(len(self.inputs), self.num_columns)
        sections += [np.ascontiguousarray(columns[:, c]) for c in range(self.num_columns)]
        width = {"class": 1, "next-token": 0, "words": 0}.get(self.task, self.num_targets)
        header = struct.pack("<8sIBBBBQQQQ16x", b"CPPSHARD", 1, KINDS.index(self.kind), TARGETS.index(self.task),
                             values.dtype.itemsize, 0, len(self.inputs), len(values), width, self.num_columns)
        name, digest, size = f"{self.split}-{len(self.files):05d}.shard", hashlib.blake2b(digest_size=32), 0
        with open(self.folder / name, "wb") as file:
            for part in [header] + [section.tobytes() for section in sections]:
                part += bytes(-len(part) % ALIGNMENT)
                digest.update(part)
                size += file.write(part)
        self.files.append({"file": name, "examples": len(self.inputs), "bytes": size, "blake2b": digest.hexdigest()})
        self._clear()


class Moments:
    """Mean and standard deviation of each feature or channel over the training examples."""

    def __init__(self):
        self.count, self.sums, self.squares = 0, 0.0, 0.0

    def add(self, rows):
        rows = rows.astype(np.float64)
        self.count += len(rows)
        self.sums = self.sums + rows.sum(axis=0)
        self.squares = self.squares + (rows * rows).sum(axis=0)

    def mean_and_scale(self):
        mean = self.sums / self.count
        scale = np.sqrt(np.maximum(self.squares / self.count - mean * mean, 0.0))
        scale[scale <= 1e-7 * np.abs(mean)] = 1.0  # a constant feature becomes 0
        return mean.tolist(), scale.tolist()


class Numbering:
    """Values as numbers. Whole numbers stay as they are (with `dense`: only where they are exactly 0..K-1); anything else is
    numbered in sorted order."""

    def __init__(self, dense):
        self.dense, self.values, self.names, self.numbers = dense, set(), None, None
        self.agreed = None  # how many a contract allows

    @staticmethod
    def normal(value):
        if isinstance(value, str) and re.fullmatch(r"0|-?[1-9]\d{0,9}", value):
            return int(value)
        return value if isinstance(value, (int, str)) and not isinstance(value, bool) else str(value)

    def see(self, value):
        self.values.add(self.normal(value))

    def close(self):
        whole = all(isinstance(v, int) and -2**31 <= v < 2**31 for v in self.values)
        if whole and (not self.dense or self.values == set(range(len(self.values)))):
            return
        self.names = [str(v) for v in (sorted(self.values) if whole else sorted(self.values, key=str))]
        self.numbers = {name: i for i, name in enumerate(self.names)}

    def adopt(self, names, count):
        """The classes of a contract instead of those that were seen."""
        self.agreed, self.names = count, names
        self.values = {self.normal(name) for name in names} if names else set(range(count))
        self.numbers = {name: i for i, name in enumerate(names)} if names else None

    def count(self):
        return len(self.values) if self.agreed is None else self.agreed

    def number(self, value, where):
        value = self.normal(value)
        if value not in self.values:
            if self.agreed is not None:
                some = ", ".join(map(str, (self.names or sorted(self.values))[:10])) + (", ..." if self.agreed > 10 else "")
                raise BadInput(f"{where}: found class {value!r}, which is not in the contract; expected one of: {some}")
            raise BadInput(f"{where}: found {value!r}, which no training example has")
        return value if self.numbers is None else self.numbers[str(value)]
