"""Runs, checks, and what runs leave behind."""
from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch

from . import _coppice
from ._coppice import InputError, State
from ._methods import Method

Config = str | os.PathLike[str] | dict[str, Any]
Observer = Callable[[int, str, dict[str, Any]], Any]
_RESUME = {False: "never", True: "always", "auto": "auto"}


class Table(list):
    """A list of dicts, one a round."""

    def to_pandas(self) -> Any:
        """The same as a pandas.DataFrame, nested figures under names as "eval.accuracy". Needs pandas, which coppice does not."""
        import pandas
        return pandas.json_normalize(list(self))


class Run:
    """What a run's folder holds (docs/run_folder.md); read when it is asked for."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = pathlib.Path(folder)
        if not (self.folder / "config.yaml").is_file():
            raise InputError(f"'{self.folder}' holds no run; expected a folder with config.yaml")

    def __repr__(self) -> str:
        return f"coppice.Run('{self.folder}')"

    @property
    def config(self) -> dict[str, Any]:
        """The resolved config."""
        return _coppice.settings(str(self.folder / "config.yaml"))

    @property
    def metrics(self) -> Table:
        """One dict a committed round, as metrics.jsonl has them; a last line that is unfinished is left out."""
        path = self.folder / "metrics.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.is_file() else []
        return Table(json.loads(line) for line in lines if line.endswith("\n"))

    @property
    def summary(self) -> dict[str, Any]:
        """The closing figures, as summary.json has them. There are none before the export stage."""
        path = self.folder / "summary.json"
        if not path.is_file():
            raise InputError(f"'{path}': found no summary; a run writes it when its export stage is done")
        return json.loads(path.read_text(encoding="utf-8"))

    @property
    def state(self) -> State:
        """The last committed state."""
        return _coppice.read_state(str(self.folder))

    @property
    def masks(self) -> dict[str, torch.Tensor]:
        """{tensor: True where kept}; of a cut of units in the tensors of the uncut model. Empty before there is a mask."""
        return _coppice.masks_of(self.state)

    @property
    def scores(self) -> dict[str, torch.Tensor]:
        """The sums that the score stage left, by the names of their blocks, as float64; until a cut has used them."""
        state = self.state
        return {name.removeprefix("score/"): state[name] for name in state.numbers() if name.startswith("score/")}

    @property
    def model_folder(self) -> pathlib.Path:
        """The exported model (docs/model_folder.md)."""
        return self.folder / "model"


class Check:
    """What `coppice check` says: `data`, a dict, and `text`."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.text: str = data.pop("text")
        self.data = data

    def __repr__(self) -> str:
        return self.text

    def __getitem__(self, name: str) -> Any:
        return self.data[name]


def _methods(method: Method | Sequence[Method] | None) -> list[Method]:
    return [] if method is None else list(method) if isinstance(method, (list, tuple)) else [method]


def _config(config: Config) -> str | dict[str, Any]:
    return config if isinstance(config, dict) else os.fspath(config)


def run(config: Config, *, method: Method | Sequence[Method] | None = None, observers: Iterable[Observer] = (),
        out: str | os.PathLike[str] | None = None, resume: bool | str = False, overrides: Sequence[str] = ()) -> Run | None:
    """Runs an experiment in this process, or on all ranks where mpirun started the interpreter.

    config     a YAML file, or the same as a dict
    method     what stages of the config may name besides the built-in ones: a coppice.Method, or several
    observers  called after each round, before it is committed: observer(round, stage, metrics), metrics as in metrics.jsonl
    out        folder to write to; by default that of the config
    resume     False: a folder that holds a run is refused; True: go on with it; "auto": go on or start
    overrides  settings to override, as --set of the program takes them: "federation.cohort=20"

    Returns the run, under mpirun at the first rank alone. Raises InputError on bad input, before anything is computed, and Stopped
    where a resume goes on: after SIGINT, SIGTERM or SIGUSR1, which end a run behind the next committed round. What a method or an
    observer raises ends the run, too, and is raised here; the last committed round is kept.
    """
    if resume not in _RESUME:
        raise InputError(f"resume: found {resume!r}; expected False, True or 'auto'")
    folder = _coppice.run(_config(config), list(overrides), None if out is None else os.fspath(out), _RESUME[resume], _methods(method),
                          list(observers))
    return None if folder is None else Run(folder)


def check(config: Config, *, method: Method | Sequence[Method] | None = None, ranks: int = 1, overrides: Sequence[str] = ()) -> Check:
    """Validates a config and says what a run of it costs. Raises InputError."""
    return Check(_coppice.check(_config(config), list(overrides), ranks, _methods(method)))


def load_run(path: str | os.PathLike[str]) -> Run:
    """A run's folder, finished or not."""
    return Run(path)
