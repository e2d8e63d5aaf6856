"""Importance of one's own, as a graph that the plain program runs, too."""
from __future__ import annotations

import hashlib
import os
import pathlib
from collections.abc import Callable

import torch

from ._coppice import InputError
from ._exported import NotExported, exported_program

Metric = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def export_metric(metric: Metric, path: str | os.PathLike[str]) -> str:
    """Writes `metric(w, g, g2, a) -> score` as a .pt2 file for `importance: {kind: graph, path: ..., digest: ...}`; returns its digest.

    All are vectors of one length, a number a weight: the weight, its mean gradient, its mean squared gradient, and the second moment
    of the input that it multiplies, over all samples of all clients. Larger scores are more important; they are finite and >= 0.
    """

    class Rows(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return metric(x[0], x[1], x[2], x[3])

    try:
        program = exported_program(Rows(), torch.rand(4, 7), {1: torch.export.Dim.AUTO})
    except NotExported as error:
        raise InputError(f"coppice.export_metric: {error}") from None
    torch.export.save(program, path)
    return hashlib.blake2b(pathlib.Path(path).read_bytes(), digest_size=32).hexdigest()
