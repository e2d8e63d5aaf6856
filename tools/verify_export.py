"""Checks an exported model from outside: rebuilds it in plain PyTorch from its folder, loads it with transformers where it is a
decoder, or with the module that was written beside it where it was imported, and compares.

    verify_export.py RUN_OR_MODEL_FOLDER [--tolerance 1e-4]

 - logits on the made-up inputs of verification.safetensors against the ones the exporter got (relative to the largest)
 - parameters counted from the file, multiply-adds counted by hooks on the PyTorch modules
 - accuracy on the test split, where the data set is one this script can read (COPPICE_DATA_DIR, or Debian's package)
against coppice.json. Needs torch, numpy and safetensors, and transformers for a decoder. Exit code 0 when everything agrees, 1 otherwise.
"""
import argparse
import gzip
import importlib.util
import json
import math
import os
import pathlib
import sys

import numpy as np
import torch
from safetensors.numpy import load_file
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode


class Block(nn.Module):
    """conv-BN-ReLU-conv-BN plus a shortcut: 1x1 convolution, zero-padded channels, or nothing."""

    def __init__(self, inputs, inner, outputs, stride, projection, sources):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, inner, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.sources = stride, sources
        if projection:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=projection == "bias")
            self.shortcut_bn = nn.BatchNorm2d(outputs) if projection == "norm" else nn.Identity()
        self.projection = projection

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.projection:
            return F.relu(y + self.shortcut_bn(self.shortcut(x)))
        if self.sources is not None:
            small = x[:, :, ::2, ::2]
            zero = torch.zeros_like(small[:, :1])
            x = torch.cat([small[:, s:s + 1] if s >= 0 else zero for s in self.sources], dim=1)
        return F.relu(y + x)


class Resnet(nn.Module):
    def __init__(self, config, blocks_per_stage, projections):
        super().__init__()
        residual, inner = config["residual"], config["inner"]
        self.conv1 = nn.Conv2d(config["input"][2], residual[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(residual[0])
        position = 0
        for stage in range(len(residual)):
            blocks = []
            for b in range(blocks_per_stage):
                entering = residual[stage] if b > 0 or stage == 0 else residual[stage - 1]
                changes = b == 0 and stage > 0
                projection = changes and projections
                sources = config.get(f"sources{stage}") if changes and not projection else None
                blocks.append(Block(entering, inner[position], residual[stage], 2 if changes else 1, projection, sources))
                position += 1
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.stages = len(residual)
        self.linear = nn.Linear(residual[-1], config["outputs"])

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        return self.linear(x.mean(dim=(2, 3)))


class Vgg11(nn.Module):
    def __init__(self, config):
        super().__init__()
        height, width, depth = config["input"]
        for i, (a, b) in enumerate(zip([depth, *config["channels"]], config["channels"]), start=1):
            setattr(self, f"conv{i}", nn.Conv2d(a, b, 3, 1, 1, bias=False))
            setattr(self, f"bn{i}", nn.BatchNorm2d(b))
        self.linear = nn.Linear(config["channels"][-1] * (height // 32) * (width // 32), config["outputs"])

    def forward(self, x):
        for i in range(1, 9):
            x = F.relu(getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(x)))
            if i in (1, 2, 4, 6, 8):
                x = F.max_pool2d(x, 2)
        return self.linear(x.flatten(1))


class Mlp(nn.Module):
    def __init__(self, config):
        super().__init__()
        sizes = [config["inputs"], *config["hidden"], config["outputs"]]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))

    def forward(self, x):
        if x.dim() == 4:  # data sets store images as height, width, channels
            x = x.permute(0, 2, 3, 1)
        x = x.flatten(1)
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x)


class Cnn(nn.Module):
    def __init__(self, config, names):
        super().__init__()
        height, width, depth = config["input"]
        first, second = config["channels"]
        flat = second * ((height - 4) // 2 - 4) // 2 * (((width - 4) // 2 - 4) // 2)
        modules = [nn.Conv2d(depth, first, 5), nn.Conv2d(first, second, 5), nn.Linear(flat, config["hidden"]),
                   nn.Linear(config["hidden"], config["outputs"])]
        self.names = list(names)
        for name, module in zip(self.names, modules):
            setattr(self, name, module)

    def forward(self, x):
        conv1, conv2, linear1, linear2 = (getattr(self, name) for name in self.names)
        x = F.relu(F.max_pool2d(conv1(x), 2))
        x = F.relu(F.max_pool2d(conv2(x), 2))
        return linear2(F.relu(linear1(x.flatten(1))))


class ProdLda(nn.Module):
    """What one occurrence of each word costs, at the mean of a document's topics; batch norms have no scale."""

    def __init__(self, config):
        super().__init__()
        words, topics = config["vocabulary"], config["topics"]
        sizes = [words, *config["hidden"]]
        self.encoder = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.mean, self.logvar = (nn.Linear(sizes[-1], topics, bias=False) for _ in range(2))
        self.topics = nn.Linear(topics, words, bias=False)
        for name, size in (("mean_bn", topics), ("logvar_bn", topics), ("topics_bn", words)):
            norm = nn.BatchNorm1d(size)
            norm.weight = None
            setattr(self, name, norm)
        self.prior = (1 - 1 / topics) / config["prior"]

    def forward(self, x):
        h = x
        for layer in self.encoder:
            h = F.softplus(layer(h))
        mean, logvar = self.mean_bn(self.mean(h)), self.logvar_bn(self.logvar(h))
        log_p = self.topics_bn(self.topics(mean.softmax(1))).log_softmax(1)
        kl = 0.5 * ((logvar.exp() + mean ** 2) / self.prior - 1 + math.log(self.prior) - logvar).sum(1, keepdim=True)
        return kl / x.sum(1, keepdim=True).clamp(min=1) - log_p


def load_decoder(folder):
    """(model, missing and unexpected names) by transformers' own loader."""
    config = json.loads((folder / "config.json").read_text())
    if config["model_type"].startswith("coppice-") and config.get("base_model_type") not in ("llama", "mistral", "qwen2", "qwen3"):
        sys.exit("verify_export: layers of different widths (prune.layout: per_layer) and boosters outside of Llama's kin load in Coppice alone")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        import transformers
    except ImportError:
        sys.exit("verify_export: a decoder is checked by loading it with transformers, which is not installed: not checked")
    if "base_model_type" in config:
        return load_boosted(folder, config, transformers)
    model, info = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    return model, sorted(info["missing_keys"]), sorted(info["unexpected_keys"])


class Boosted(torch.nn.Module):
    """A linear layer and its booster, which sees sums of as many neighbouring inputs as share one of its numbers."""

    def __init__(self, linear, booster):
        super().__init__()
        self.linear = linear
        self.booster = torch.nn.Linear(booster.shape[1], booster.shape[0], bias=False)
        self.booster.weight = torch.nn.Parameter(booster)

    def forward(self, x):
        return self.linear(x) + self.booster(x.unflatten(-1, (self.booster.in_features, -1)).sum(-1))


def load_boosted(folder, config, transformers):
    """The same of a family's own model with boosters put beside its linear layers."""
    tensors = {name: torch.from_numpy(value) for name, value in load_file(folder / "model.safetensors").items()}
    boosters = {name.removesuffix(".booster"): tensors.pop(name) for name in list(tensors) if name.endswith(".booster")}
    plain = {key: value for key, value in config.items() if key not in ("coppice", "model_type", "base_model_type", "architectures", "torch_dtype")}
    model = transformers.AutoModelForCausalLM.from_config(transformers.AutoConfig.for_model(config["base_model_type"], **plain), dtype=torch.float32)
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    for name, booster in boosters.items():
        model.set_submodule(name, Boosted(model.get_submodule(name), booster))
    return model, [name for name in missing if not (config["tie_word_embeddings"] and name == "lm_head.weight")], unexpected


def build(config, tensors):
    """(model with these weights, missing and unexpected names)"""
    kind = config["kind"]
    model = architecture(kind, config, tensors)
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    return model, [name for name in missing if not name.endswith("num_batches_tracked")], unexpected


def architecture(kind, config, tensors):
    if kind == "resnet8":
        return Resnet(config, 1, "bias")
    if kind == "resnet20":
        return Resnet(config, 3, None)
    if kind == "resnet18":
        return Resnet(config, 2, "norm")
    if kind == "vgg11":
        return Vgg11(config)
    if kind == "mlp":
        return Mlp(config)
    if kind == "prodlda":
        return ProdLda(config)
    if kind == "cnn":
        names = dict.fromkeys(name.rsplit(".", 1)[0] for name in tensors)
        return Cnn(config, names)
    sys.exit(f"verify_export: no PyTorch model for kind '{kind}'")


def count_macs(model, inputs):
    """Multiply-adds of convolutions and linear layers for one sample; of a decoder, for one token."""
    total = 0

    def hook(module, _, output):
        nonlocal total
        positions = output.shape[2] * output.shape[3] if output.dim() == 4 else 1
        total += module.weight.numel() * positions

    multiplies = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear)) or type(m).__name__ == "Conv1D"]
    handles = [m.register_forward_hook(hook) for m in multiplies]
    model(inputs[:1, :1] if inputs.dtype == torch.int64 else inputs[:1])
    for handle in handles:
        handle.remove()
    return total


class CountMacs(TorchDispatchMode):
    """Multiply-adds of a network's weights, whatever its modules: every product with a tensor that lies in a parameter."""

    def __init__(self, model):
        super().__init__()
        self.weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
        self.macs = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        name = function.overloadpacket.__name__
        product = {"addmm": (args[1:3]), "mm": args[:2], "bmm": args[:2]}.get(name, args[:2] if name == "convolution" else ())
        for weight in product:
            if weight.untyped_storage().data_ptr() in self.weights:
                other = next(t for t in product if t is not weight)
                transposed = name == "convolution" and args[6]
                self.macs += (other.numel() // other.shape[1] if transposed else result.numel() // result.shape[1]) * weight.numel()
        return result


def load_graph(folder):
    """(model, missing and unexpected names) by the module that stands in the folder."""
    spec = importlib.util.spec_from_file_location("exported_model", folder / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load(folder), [], []


def load(folder):
    """(kind, model in eval mode, missing and unexpected names) of an exported model's folder."""
    config = json.loads((folder / "config.json").read_text())["coppice"]
    if config["kind"] == "decoder":
        model, missing, unexpected = load_decoder(folder)
    elif config["kind"] == "graph":
        model, missing, unexpected = load_graph(folder)
    else:
        tensors = {name: torch.from_numpy(value) for name, value in load_file(folder / "model.safetensors").items()}
        model, missing, unexpected = build(config, tensors)
    return config["kind"], model.eval(), missing, unexpected


def model_folder(folder):
    """The folder itself, or `model/` of a run's."""
    return folder / "model" if (folder / "model" / "config.json").exists() else folder


def stored_logits(folder):
    """(inputs, logits) of verification.safetensors: what the exporter got."""
    known = load_file(folder / "verification.safetensors")
    return torch.from_numpy(known["inputs"]), torch.from_numpy(known["logits"])


def relative_error(logits, expected):
    """The largest difference, of the largest logit."""
    return ((logits - expected).abs().max() / expected.abs().max()).item()


def count_graph_macs(model, inputs):
    with CountMacs(model) as counted:
        model(inputs[:1, :1] if inputs.dtype == torch.int64 else inputs[:1])
    return counted.macs


def read_idx(path):
    data = gzip.open(path).read()
    dims = data[3]
    shape = [int.from_bytes(data[4 + 4 * i:8 + 4 * i], "big") for i in range(dims)]
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dims).reshape(shape)


def read_test_split(name):
    """(images [N, H, W, C] uint8, labels), or None where it is not here."""
    root = pathlib.Path(os.environ.get("COPPICE_DATA_DIR", "../shared/data"))
    folders = {"fashion-mnist": [root / "fashion_mnist", pathlib.Path("/usr/share/datasets/fashion-mnist")],
               "mnist-by-writer": [root / "mnist_by_writer"]}
    for folder in folders.get(name, []):
        images = folder / "t10k-images-idx3-ubyte.gz"
        if images.exists():
            return read_idx(images)[..., None], read_idx(folder / "t10k-labels-idx1-ubyte.gz")
    if name == "cifar10":
        path = root / "cifar10" / "subset_test_1000.bin.gz"
        if path.exists():
            rows = np.frombuffer(gzip.open(path).read(), np.uint8).reshape(-1, 3073)
            return rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), rows[:, 0]
    return None


def accuracy_on(model, split, provenance):
    images, labels = split
    mean = torch.tensor(provenance["input"]["mean"], dtype=torch.float32)
    scale = torch.tensor(provenance["input"]["scale"], dtype=torch.float32)
    hits = 0
    for start in range(0, len(labels), 500):
        x = (torch.from_numpy(images[start:start + 500].copy()).float() / 255 - mean) / scale
        hits += int((model(x.permute(0, 3, 1, 2)).argmax(1).numpy() == labels[start:start + 500]).sum())
    return hits / len(labels), len(labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    options = parser.parse_args()
    folder = model_folder(options.folder)
    torch.set_num_threads(1)
    provenance = json.loads((folder / "coppice.json").read_text())
    kind, model, missing, unexpected = load(folder)

    failures = [f"missing tensors {missing}"] if missing else []
    failures += [f"unexpected tensors {unexpected}"] if unexpected else []
    with torch.no_grad():
        inputs, expected = stored_logits(folder)
        logits = model(inputs)
        error = relative_error(getattr(logits, "logits", logits), expected)
        print(f"logits: largest difference {error:.2e} of the largest logit (tolerance {options.tolerance:.0e})")
        if not error <= options.tolerance:
            failures.append("logits differ")

        parameters = sum(p.numel() for p in model.parameters())
        nonzero = sum(int((p != 0).sum()) for p in model.parameters())
        counted = nonzero if provenance["artifact"] == "zeros" else parameters
        print(f"parameters: {parameters} ({nonzero} not zero); coppice.json says {provenance['parameters']}")
        if provenance["artifact"] == "sliced" and counted != provenance["parameters"]:
            failures.append("parameters differ")
        if provenance["artifact"] == "zeros" and counted > provenance["parameters"]:
            failures.append("more weights than the mask keeps")

        flops = 2 * (count_graph_macs if kind == "graph" else count_macs)(model, inputs)
        print(f"FLOPs: {flops}; coppice.json says {provenance['flops']}")
        if flops != provenance["flops"]:
            failures.append("FLOPs differ")

        split = read_test_split(provenance["data"]["name"])
        if split is None:
            print(f"accuracy: not checked, the test split of '{provenance['data']['name']}' is not here")
        else:
            accuracy, samples = accuracy_on(model, split, provenance)
            print(f"accuracy: {accuracy:.4f} on {samples} samples; coppice.json says {provenance['accuracy']:.4f}")
            if abs(accuracy - provenance["accuracy"]) > 2 / samples:
                failures.append("accuracy differs")
    for failure in failures:
        print(f"FAILED: {failure}")
    print("verified" if not failures else "NOT verified")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
