#!/usr/bin/env python3
"""Augmented images by NumPy alone: Philox4x32-10 from its paper (Salmon et al., SC'11), padding and slicing of whole arrays. Writes
augment.json beside itself.

Counter (example, client, round, 6 << 24 | epoch << 8 | step), key = run; a word w stands for floor(w n / 2^32) of n choices."""
import json
import pathlib

import numpy as np

AUGMENT = 6
MASK = 0xFFFFFFFF


def philox(counter, key):
    (a, b, c, d), (k, m) = counter, key
    for _ in range(10):
        low, high = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = (high >> 32) ^ b ^ k, high & MASK, (low >> 32) ^ d ^ m, low & MASK
        k, m = (k + 0x9E3779B9) & MASK, (m + 0xBB67AE85) & MASK
    return a, b, c, d


def choose(word, count):
    return word * count >> 32


def step(image, kind, size, words, black):
    height, width, _ = image.shape
    if kind == "crop":
        padded = np.tile(black, (height + 2 * size, width + 2 * size, 1))
        padded[size:size + height, size:size + width] = image
        top, left = choose(words[0], 2 * size + 1), choose(words[1], 2 * size + 1)
        return padded[top:top + height, left:left + width]
    if kind == "flip":
        return image[:, ::-1] if words[0] >= 1 << 31 else image
    rows, columns = np.ogrid[:height, :width]
    top, left = choose(words[0], height) - size // 2, choose(words[1], width) - size // 2
    inside = (rows >= top) & (rows < top + size) & (columns >= left) & (columns < left + size)
    return np.where(inside[..., None], np.float32(0), image)


def case(steps, epoch, run, round_, client, examples, shape, mean, scale):
    pixels = (np.arange(len(examples) * np.prod(shape)) * 37 % 256).astype(np.uint8).reshape(len(examples), *shape)
    mean, scale = np.asarray(mean), np.asarray(scale)
    images = ((pixels / 255.0 - mean) / scale).astype(np.float32)
    black = ((0.0 - mean) / scale).astype(np.float32)
    out = []
    for image, example in zip(images, examples):
        for s, (kind, size) in enumerate(steps):
            words = philox((example, client, round_, AUGMENT << 24 | epoch << 8 | s), (run & MASK, run >> 32))
            image = step(image, kind, size, words, black)
        out.append(image)
    return {"steps": steps, "epoch": epoch, "run": run, "round": round_, "client": client, "examples": examples, "shape": shape,
            "mean": mean.tolist(), "scale": scale.tolist(), "out": [float(v) for v in np.stack(out).ravel()]}


def main():
    colour = {"shape": [6, 5, 3], "mean": [0.5, 0.4, 0.3], "scale": [0.25, 0.2, 0.3]}
    grey = {"shape": [4, 4, 1], "mean": [0.1], "scale": [0.5]}
    where = {"run": 2**40 + 7, "round_": 9, "client": 5}
    some = [0, 3, 70000, 2**32 - 1]
    cases = [case([["crop", 2]], 0, examples=some, **where, **colour), case([["flip", 0]], 3, examples=some, **where, **colour),
             case([["erase", 3]], 65535, examples=some, **where, **colour),
             case([["crop", 1], ["flip", 0], ["erase", 2], ["flip", 0]], 1, examples=list(range(8)), **where, **grey)]
    pathlib.Path(__file__).with_name("augment.json").write_text(json.dumps(cases) + "\n")


if __name__ == "__main__":
    main()
