"""What Torch-Pruning (Fang et al. 2023) couples in networks of make_goldens.py: for every output channel of every layer, the places of
parameters that go with it.

    python tests/golden/graphs/make_torch_pruning_groups.py      # rewrites torch_pruning_groups.json; needs torch-pruning 1.6

Networks where it works: it does not follow padded channels, products that hold queries, keys
and values, or the places of channels behind those of an image in a concatenation.
"""
import json
import pathlib

import torch
import torch_pruning as tp
from torch import nn

from make_goldens import networks

WORKS = ("mobilenet",)


def places(group, names):
    """{"<parameter> <dim>": sorted indices}"""
    found = {}
    for dep, indices in group:
        module, handler = dep.target.module, dep.handler.__name__
        if module not in names:
            continue
        inputs = "in_channels" in handler and not getattr(module, "groups", 1) > 1 and not isinstance(module, (nn.BatchNorm2d, nn.BatchNorm1d))
        for kind, parameter in module.named_parameters(recurse=False):
            if inputs and kind == "bias":
                continue
            key = f"{names[module]}.{kind} {1 if inputs else 0}"
            found[key] = sorted(set(found.get(key, [])) | set(int(i) for i in indices))
    return found


def main():
    torch.manual_seed(1)
    out = {}
    for name, net, x in networks():
        if name not in WORKS:
            continue
        net.eval()
        names = {module: path for path, module in net.named_modules() if isinstance(module, (nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.BatchNorm1d))}
        graph = tp.DependencyGraph().build_dependency(net, example_inputs=x, output_transform=lambda y: getattr(y, "logits", y))
        groups = []
        for module, path in names.items():
            if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm1d)) or getattr(module, "groups", 1) > 1 or path.endswith(("head", "classifier")):
                continue
            prune = tp.prune_conv_out_channels if isinstance(module, nn.Conv2d) else tp.prune_linear_out_channels
            channels = module.out_channels if isinstance(module, nn.Conv2d) else module.out_features
            for channel in sorted({0, channels // 2, channels - 1}):
                groups.append(places(graph.get_pruning_group(module, prune, idxs=[channel]), names))
        out[name] = groups
    pathlib.Path(__file__).with_name("torch_pruning_groups.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
    print({name: len(groups) for name, groups in out.items()})


if __name__ == "__main__":
    main()
