"""Federated pruning and sparse fine-tuning, from Python.

    import coppice
    run = coppice.run("configs/quickstart.yaml", out="runs/mine")
    print(run.metrics[-1], run.summary["variants"][-1]["accuracy"])

The engine is the same as the program's and gives the same bits. docs/python.md is the guide.
"""
import atexit as _atexit

import torch as _torch  # first: it loads the libtorch that the engine is linked with

from ._built import TORCH_VERSION as _TORCH_VERSION
from ._built import VERSION as __version__

_found = ".".join(_torch.__version__.split("+")[0].split(".")[:2])
if _found != _TORCH_VERSION:
    raise ImportError(f"coppice {__version__} was built against torch {_TORCH_VERSION}; found torch {_torch.__version__}. "
                      f"Install torch {_TORCH_VERSION}, or build the wheel anew against this one.")

from ._coppice import Answer, Error, Federation, InputError, ModelState, Plan, State, Stopped, Track, averaged  # noqa: E402
from ._coppice import finish as _finish  # noqa: E402
from ._methods import Method  # noqa: E402
from ._metrics import export_metric  # noqa: E402
from ._prune import prune  # noqa: E402
from ._runs import Check, Run, Table, check, load_run, run  # noqa: E402

Error.__doc__ = "What the engine could not do; the base of InputError and Stopped."
InputError.__doc__ = "Bad input: one line that names the place, what was found and what was expected. Nothing was computed."
Stopped.__doc__ = "A run ended behind a committed round, where resume=\"auto\" goes on."
_atexit.register(_finish)

__all__ = ["Answer", "Check", "Error", "Federation", "InputError", "Method", "ModelState", "Plan", "Run", "State", "Stopped", "Table",
           "Track", "averaged", "check", "export_metric", "load_run", "prune", "run"]
