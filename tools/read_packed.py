"""Reads model.packed (docs/model_folder.md) with numpy alone.

    read_packed.py FILE [--npz OUT]    shows its tensors, and its size against the entropy bound; --npz writes them dense

As a module: config, tensors = read_packed(path), tensors a dict of dense arrays by name.
"""
import argparse
import json
import math
import pathlib

import numpy as np

DTYPES = {"F32": "<f4", "U8": "u1"}


def read_parts(path):
    """The four tensors of the file, which is a safetensors file: those with its library may call load_file instead."""
    data = pathlib.Path(path).read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    return {name: np.frombuffer(data[start + entry["data_offsets"][0]:start + entry["data_offsets"][1]], DTYPES[entry["dtype"]])
            for name, entry in header.items() if name != "__metadata__"}


def decode_gaps(code, count):
    """Where the `count` kept values stand: quotients of the gaps in unary, then the k low bits of each."""
    k = int(code[0])
    bits = np.unpackbits(code[1:], bitorder="little")
    ones = np.flatnonzero(bits)[:count]
    quotients = np.diff(ones, prepend=-1) - 1
    start = (int(ones[-1]) // 8 + 1) * 8 if count else 0
    remainders = bits[start:start + count * k].reshape(count, k) @ (1 << np.arange(k, dtype=np.int64))
    return np.cumsum((quotients << k) + remainders + 1) - 1


def read_packed(path):
    parts = read_parts(path)
    tensors, value, position = {}, 0, 0
    for name, shape, *masked in json.loads(parts["index"].tobytes()):
        count, coded = masked or (math.prod(shape), 0)
        dense = np.zeros(math.prod(shape), np.float32)
        where = decode_gaps(parts["positions"][position:position + coded], count) if masked else slice(None)
        dense[where] = parts["values"][value:value + count]
        tensors[name] = dense.reshape(shape)
        value, position = value + count, position + coded
    return json.loads(parts["config"].tobytes()), tensors


def position_bits(n, k):
    """n H(k / n): what no code for positions that know nothing of each other can go below."""
    return n * math.log2(n) - k * math.log2(k) - (n - k) * math.log2(n - k) if 0 < k < n else 0.0


def least_bytes(path):
    return sum(4 * masked[0] + position_bits(math.prod(shape), masked[0]) / 8 if masked else 4 * math.prod(shape)
               for _, shape, *masked in json.loads(read_parts(path)["index"].tobytes()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--npz", type=pathlib.Path)
    options = parser.parse_args()
    config, tensors = read_packed(options.file)
    print(json.dumps(config))
    for name, array in tensors.items():
        print(f"{name} {list(array.shape)}: {np.count_nonzero(array)} of {array.size} not zero")
    size, least = options.file.stat().st_size, least_bytes(options.file)
    print(f"{size} bytes; entropy bound {least:.0f}; ratio {size / least:.3f}")
    if options.npz:
        np.savez(options.npz, **tensors)


if __name__ == "__main__":
    main()
