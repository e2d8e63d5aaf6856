"""Writes an exported model as ONNX, with a batch of any size, and checks it with onnxruntime.

    export_onnx.py RUN_OR_MODEL_FOLDER --out model.onnx [--tolerance 1e-4]

The model is rebuilt in PyTorch as tools/verify_export.py does, and written by torch.onnx.export. onnxruntime then loads the file: its logits on the
inputs of verification.safetensors, all at once and one alone, against those that the exporter got (relative to the largest). Texts keep the
length of those inputs. Needs torch, safetensors, onnx, onnxscript and onnxruntime (tools/setup/requirements-onnx.txt), and transformers for a
decoder. Exit code 0 when everything agrees, 1 otherwise; a file that does not agree is not left behind.
"""
import argparse
import contextlib
import io
import logging
import pathlib
import sys
import warnings

import torch
from torch import nn
from verify_export import load, model_folder, relative_error, stored_logits

try:
    import onnxruntime
    import onnxscript  # noqa: F401
except ImportError as missing:
    sys.exit(f"export_onnx: {missing}; it needs onnx, onnxscript and onnxruntime: pip install --no-deps -r tools/setup/requirements-onnx.txt")


class Logits(nn.Module):
    """The logits alone, of models that return more."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        y = self.model(x)
        return getattr(y, "logits", y)


def reason(error):
    """The line that says why, out of pages: that of the innermost error that has a text."""
    said = ""
    while error is not None:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        said = lines[0] if lines else said
        error = error.__cause__
    return said


def written(model, inputs, path):
    """Writes the file; torch's own account of its progress is not shown."""
    logging.disable(logging.WARNING)
    batch = torch.export.Dim("batch")
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(Logits(model), (inputs,), dynamo=True, dynamic_shapes=({0: batch},), input_names=["x"], output_names=["logits"], verbose=False)
            program.save(path)
    except Exception as error:  # torch raises several kinds
        path.unlink(missing_ok=True)
        sys.exit(f"export_onnx: torch cannot write this model as ONNX: {reason(error)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--tolerance", type=float, default=1e-4)
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = model_folder(options.folder)
    if not (folder / "config.json").exists():
        sys.exit(f"export_onnx: {folder}: found no config.json; expected a run's folder or an exported model's")
    kind, model, missing, unexpected = load(folder)
    if missing or unexpected:
        sys.exit(f"export_onnx: {folder}: missing tensors {missing[:3]}, unexpected {unexpected[:3]}")
    if kind == "decoder":
        model.config.use_cache = False
    inputs, expected = stored_logits(folder)
    written(model, inputs, options.out)

    session = onnxruntime.InferenceSession(options.out, providers=["CPUExecutionProvider"])
    errors = [relative_error(torch.from_numpy(session.run(None, {"x": inputs[:count].numpy()})[0]), expected[:count]) for count in (len(inputs), 1)]
    print(f"{options.out}: {options.out.stat().st_size} bytes")
    print(f"onnxruntime: largest difference {max(errors):.2e} of the largest logit (tolerance {options.tolerance:.0e}), batches of {len(inputs)} and 1")
    if not max(errors) <= options.tolerance:
        options.out.unlink()
        print("FAILED: logits differ")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
