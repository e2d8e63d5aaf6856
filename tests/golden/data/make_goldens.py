#!/usr/bin/env python3
"""Independent figures for data/: decoded bytes of real data sets, and statistics of partitions over the labels of
Fashion-MNIST, with numpy's generator and nothing of this project. Writes goldens.json beside itself.

  make_goldens.py --fashion-mnist FOLDER --mnist-by-writer FOLDER --cifar10 FOLDER"""
import argparse
import gzip
import hashlib
import json
import pathlib
import platform

import numpy as np

SEEDS = 400


def idx(path):
    raw = gzip.decompress(path.read_bytes())
    dtype = {8: ">u1", 12: ">i4"}[raw[2]]
    shape = np.frombuffer(raw, ">u4", raw[3], 4)
    return np.frombuffer(raw, dtype, offset=4 + 4 * raw[3]).reshape(shape)


def blake2b(array):
    return hashlib.blake2b(np.ascontiguousarray(array).tobytes(), digest_size=32).hexdigest()


def dirichlet_counts(labels, clients, alpha, rng):
    """Examples of each client and class: for every class, proportions over the clients, cut at the cumulated ones."""
    counts = []
    for n in np.bincount(labels):
        cuts = np.floor(np.cumsum(rng.dirichlet(np.full(clients, alpha)))[:-1] * n).astype(int)
        counts.append(np.diff(np.concatenate([[0], cuts, [n]])))
    return np.array(counts).T


def entropy(counts):
    p = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return -(p * np.log(np.where(p > 0, p, 1))).sum(axis=1)


def spread(values):
    values = np.asarray(values, float)
    return {"mean": values.mean(), "sd": values.std(ddof=1), "draws": len(values)}


def dirichlet(labels, clients, alpha):
    draws = [dirichlet_counts(labels, clients, alpha, np.random.default_rng(seed)) for seed in range(SEEDS)]
    return {"clients": clients, "alpha": alpha,
            "mean_class_entropy": spread([entropy(c).mean() for c in draws]),
            "size_variance": spread([c.sum(axis=1).var() for c in draws]),
            "classes_per_client": spread([(c > 0).sum(axis=1).mean() for c in draws])}


def quantity(examples, clients, alpha):
    sizes = [np.random.default_rng(seed).dirichlet(np.full(clients, alpha)) * examples for seed in range(SEEDS)]
    return {"clients": clients, "alpha": alpha, "size_variance": spread([s.var() for s in sizes])}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("fashion-mnist", "mnist-by-writer", "cifar10"):
        parser.add_argument("--" + name, type=pathlib.Path, required=True)
    args = parser.parse_args()

    images = idx(args.fashion_mnist / "train-images-idx3-ubyte.gz")
    labels = idx(args.fashion_mnist / "train-labels-idx1-ubyte.gz")
    normalised = (images[0].astype(np.float64) / 255 - 0.2860) / 0.3530
    fashion = {"shape": list(images.shape), "first_16_images": blake2b(images[:16]), "all_images": blake2b(images),
               "first_labels": labels[:32].tolist(), "class_counts": np.bincount(labels).tolist(),
               "first_image_sum": float(normalised.sum()), "first_image_squares": float((normalised**2).sum())}

    writers = idx(args.mnist_by_writer / "train-writers-idx1-int.gz")
    sizes = np.unique(writers, return_counts=True)[1]
    test_writers = idx(args.mnist_by_writer / "t10k-writers-idx1-int.gz")
    by_writer = {"writers": len(sizes), "least": int(sizes.min()), "most": int(sizes.max()),
                 "sizes_by_ascending_writer": sizes.tolist(), "test_writers": len(np.unique(test_writers)),
                 "first_images": blake2b(idx(args.mnist_by_writer / "train-images-idx3-ubyte.gz")[:16])}

    records = np.frombuffer(gzip.decompress((args.cifar10 / "subset_train_5000.bin.gz").read_bytes()), np.uint8)
    records = records.reshape(-1, 3073)
    pixels = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    cifar = {"examples": len(records), "first_labels": records[:32, 0].tolist(), "all_pixels_nhwc": blake2b(pixels)}

    goldens = {"made_with": {"python": platform.python_version(), "numpy": np.__version__},
               "fashion_mnist": fashion, "mnist_by_writer": by_writer, "cifar10_subset": cifar,
               "dirichlet": [dirichlet(labels, 100, 0.5), dirichlet(labels, 100, 0.1), dirichlet(labels, 20, 5.0)],
               "quantity": quantity(len(labels), 100, 0.5)}
    path = pathlib.Path(__file__).with_name("goldens.json")
    path.write_text(json.dumps(goldens, indent=1) + "\n")


if __name__ == "__main__":
    main()
