"""Writes any PyTorch network as a file that Coppice trains, prunes and exports: `model: {kind: graph, path: NET.pt2}`.

    import_model.py my.py:Net --example 3x32x32 --out net.pt2              # images or features: the size of one sample
    import_model.py my.py:Net --tokens 128 --out net.pt2                   # token ids: the length of one text
    import_model.py my.py:Net --example 64 --weights net.safetensors --out net.pt2

`my.py:Net` is a class or function that makes the module without arguments. The module takes one tensor and returns logits; where it
returns an object or a tuple, `logits` of it or its first member is taken. The batch is of any size, and so is a text where the
module allows it. Parameters are float32. Needs torch, and safetensors for --weights.
"""
import argparse
import collections
import importlib.util
import pathlib
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "python" / "coppice"))
from _exported import NotExported, exported  # noqa: E402


def made_by(spec):
    path, _, name = spec.partition(":")
    if not name or not pathlib.Path(path).is_file():
        sys.exit(f"import_model: found '{spec}'; expected FILE.py:NAME")
    module_spec = importlib.util.spec_from_file_location(pathlib.Path(path).stem, path)
    module = importlib.util.module_from_spec(module_spec)
    sys.path.insert(0, str(pathlib.Path(path).resolve().parent))
    module_spec.loader.exec_module(module)
    if not hasattr(module, name):
        sys.exit(f"import_model: '{path}' has no '{name}'")
    torch.manual_seed(0)
    return getattr(module, name)()


def load_weights(net, path):
    from safetensors.torch import load_file
    missing, unexpected = net.load_state_dict(load_file(path), strict=False)
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unexpected:
        sys.exit(f"import_model: {path}: missing {missing[:3]}, unexpected {unexpected[:3]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("module", help="FILE.py:NAME")
    shape = parser.add_mutually_exclusive_group(required=True)
    shape.add_argument("--example", help="size of one sample: CxHxW or F")
    shape.add_argument("--tokens", type=int, help="length of one text")
    parser.add_argument("--weights", type=pathlib.Path, help="a safetensors file with the module's state")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()

    net = made_by(options.module)
    if options.weights:
        load_weights(net, options.weights)
    torch.manual_seed(0)
    if options.tokens:
        example = torch.randint(0, 2, (3, options.tokens))
    else:
        example = torch.randn(3, *(int(size) for size in options.example.split("x")))
    try:
        program = exported(net, example)
    except NotExported as error:
        sys.exit(f"import_model: {error}")
    torch.export.save(program, options.out)
    operations = collections.Counter(str(node.target) for node in program.graph.nodes if node.op == "call_function")
    parameters = sum({p.data_ptr(): p.numel() for p in program.parameters()}.values())  # tied ones once
    print(f"{options.out}: {parameters} parameters, {sum(operations.values())} operations of {len(operations)} kinds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
