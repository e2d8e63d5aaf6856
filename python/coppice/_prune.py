"""One module, one machine: smaller."""
from __future__ import annotations

import contextlib
import copy
import importlib.util
import os
import pathlib
import tempfile
from collections.abc import Sequence

import torch

from . import _coppice
from ._coppice import InputError
from ._exported import NotExported, exported


def _load(folder: pathlib.Path) -> torch.nn.Module:
    """The module that an export wrote beside its weights."""
    spec = importlib.util.spec_from_file_location(f"coppice_exported_{id(folder)}", folder / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load(str(folder))


def prune(module: torch.nn.Module, example_inputs: torch.Tensor | tuple[torch.Tensor], data: str | os.PathLike[str] | tuple[torch.Tensor, torch.Tensor], *, keep: float = 0.5,
          pattern: str = "channels", units: Sequence[str] = (), seed: int = 1, out: str | os.PathLike[str] | None = None, targets: Sequence[str] = (),
          task: str = "class") -> torch.nn.Module:
    """A smaller module that plain PyTorch runs; `module` stays as it is.

    example_inputs  a tensor of at least two samples, or a tuple of one
    data            what importance is measured on: a pair of inputs [N, C, H, W] or [N, F] in float32 and classes [N] in int64, of which
                    every fifth is kept for the test; or fashion-mnist, mnist-by-writer, cifar10, a .csv file or a folder of shards
    keep            kept fraction: of the FLOPs (pattern channels) or of the weights
    pattern         channels, unstructured, N:M or RxC; all but channels leave zeros
    units           kinds of units to cut, of those that the module has; by default all but whole layers
    out             folder that the run is kept in; by default nothing of it is
    targets         of a .csv file: its target columns, and
    task            what they are: class, multi-label or regression

    The result is in eval mode, a module of the graph that torch.export has of this one (docs/imported_networks.md). Nothing is trained:
    score, cut, recalibrate batch norms, export, as `coppice prune` does. Raises InputError where the graph or the data do not go.
    """
    example = example_inputs[0] if isinstance(example_inputs, tuple) and len(example_inputs) == 1 else example_inputs
    if not isinstance(example, torch.Tensor) or example.dim() < 2 or len(example) < 2:
        raise InputError("example_inputs: expected a tensor of at least two samples, or a tuple of one")
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="coppice-prune-")))
        try:
            program = exported(copy.deepcopy(module).cpu(), example.cpu())
        except NotExported as error:
            raise InputError(f"coppice.prune: {error}") from None
        torch.export.save(program, folder / "module.pt2")
        run = pathlib.Path(out) if out is not None else folder / "run"
        source = data if isinstance(data, tuple) and len(data) == 2 else os.fspath(data)
        _coppice.prune(str(folder / "module.pt2"), source, list(targets), task, str(run), keep, pattern, list(units), seed)
        return _load(run / "model")
