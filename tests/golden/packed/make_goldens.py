"""A packed model and the same as dense tensors, written by what docs/model_folder.md says and by nothing of this project.

    make_goldens.py    writes mlp.packed and mlp.safetensors beside itself, and the fuzzer's corpus. Needs numpy.
"""
import json
import pathlib
import struct

import numpy as np

HERE = pathlib.Path(__file__).parent
CORPUS = HERE.parents[1] / "fuzz" / "corpus" / "packed"
CONFIG = {"kind": "mlp", "inputs": 60, "hidden": [40, 30, 1], "outputs": 10}
DENSITY = {"layers.0.weight": 0.05, "layers.1.weight": 0.6, "layers.2.weight": 0.0, "layers.3.weight": None}


def bits_to_bytes(text):
    """'0' and '1', the lowest bit of a byte first."""
    text += "0" * (-len(text) % 8)
    return bytes(int(text[i:i + 8][::-1], 2) for i in range(0, len(text), 8))


def gaps_with(positions, k):
    gaps = [b - a - 1 for a, b in zip([-1, *positions], positions)]
    unary = "".join("0" * (gap >> k) + "1" for gap in gaps)
    low = "".join(str(gap >> bit & 1) for gap in gaps for bit in range(k))
    return len(unary) + len(low), bytes([k]) + bits_to_bytes(unary) + bits_to_bytes(low)


def encode_gaps(positions):
    return min((gaps_with(positions, k) for k in range(33)), key=lambda coded: (coded[0], coded[1][0]))[1]


def safetensors(tensors):
    kinds, header, data = {"float32": "F32", "uint8": "U8"}, {}, b""
    for name, array in tensors.items():
        header[name] = {"dtype": kinds[str(array.dtype)], "shape": list(array.shape), "data_offsets": [len(data), len(data) + array.nbytes]}
        data += array.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def packed(tensors, masks):
    values, positions, index = [], b"", []
    for name, array in tensors.items():
        row = [name, list(array.shape)]
        if name in masks:
            kept = np.flatnonzero(masks[name])
            gaps = encode_gaps([int(position) for position in kept])
            row += [len(kept), len(gaps)]
            positions += gaps
            array = array.ravel()[kept]
        values.append(array.ravel())
        index.append(row)

    def text(json_object):
        return np.frombuffer(json.dumps(json_object, separators=(",", ":")).encode(), np.uint8)

    return safetensors({"values": np.concatenate(values), "config": text(CONFIG), "index": text(index),
                        "positions": np.frombuffer(positions, np.uint8)})


def main():
    random = np.random.default_rng(20)
    widths = [CONFIG["inputs"], *CONFIG["hidden"], CONFIG["outputs"]]
    tensors, masks = {}, {}
    for i, (a, b) in enumerate(zip(widths, widths[1:])):
        tensors[f"layers.{i}.weight"] = random.standard_normal((b, a)).astype(np.float32)
        tensors[f"layers.{i}.bias"] = random.standard_normal(b).astype(np.float32)
    for name, density in DENSITY.items():
        if density is not None:
            masks[name] = random.random(tensors[name].size) < density
            tensors[name] = np.where(masks[name].reshape(tensors[name].shape), tensors[name], np.float32(0))
    whole = packed(tensors, masks)
    (HERE / "mlp.packed").write_bytes(whole)
    (HERE / "mlp.safetensors").write_bytes(safetensors(tensors))
    CORPUS.mkdir(parents=True, exist_ok=True)
    (CORPUS / "mlp").write_bytes(whole)
    (CORPUS / "cut_short").write_bytes(whole[:-3])
    (CORPUS / "small").write_bytes(packed({"w": np.float32([[0, 1, 0, 2]]), "b": np.float32([3])}, {"w": np.array([0, 1, 0, 1], bool)}))


if __name__ == "__main__":
    main()
