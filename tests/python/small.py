"""A federation that runs in a blink: a table of three classes at eight clients, a small perceptron."""
import json
import random
import traceback
import unittest

from program import ProgramTest

STAGES = [
    {"warmup": {"rounds": 3, "evaluate_every": 1}},
    {"score": {"batches": 2, "batch": 8}},
    {"prune": {"pattern": "channels", "budget": {"flops": 0.5}, "recalibration": {"batches": 1, "batch": 8}}},
    {"finetune": {"rounds": 2}},
    {"export": {}},
]


class SmallRun(ProgramTest):
    def setUp(self):
        super().setUp()
        self.csv = self.folder / "table.csv"
        draw = random.Random(1)
        rows = []
        for i in range(240):
            label = i % 3
            rows.append(",".join(f"{draw.gauss(label * (j - 1), 1.0):.4f}" for j in range(4)) + f",{label}")
        self.csv.write_text("a,b,c,d,label\n" + "\n".join(rows) + "\n")

    def config(self, stages=None, **changes):
        """As a dict; `changes` name keys of its first level."""
        config = {
            "run": {"name": "small", "seed": 1},
            "model": {"kind": "mlp", "inputs": 4, "hidden": [16, 8], "outputs": 3},
            "data": {"source": {"kind": "csv", "path": str(self.csv), "targets": ["label"]},
                     "partition": {"kind": "iid", "clients": 8}, "holdout": {"fraction": 0.2}, "test_clients": 2},
            "federation": {"cohort": 4, "local": {"batch": 8}, "optimizer": {"kind": "sgd", "lr": 0.05, "momentum": 0.9}},
            "stages": STAGES if stages is None else stages,
        }
        config.update(changes)
        return config

    def functions_in(self, kind, call):
        """Names of the functions in the traceback of what `call` raises."""
        try:
            call()
        except kind as error:
            return [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        return self.fail(f"no {kind.__name__} was raised")

    def config_file(self, **changes):
        """The same as a file: JSON is YAML."""
        path = self.folder / "config.yaml"
        path.write_text(json.dumps(self.config(**changes)))
        return path


main = unittest.main
