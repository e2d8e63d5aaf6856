"""What a method in Python costs a round: FedAvg whose decisions are made in Python against the built-in one, same work, same run of pairs.

    PYTHONPATH=build/release/python/package python bench/python_method.py [--rounds 200] [--pairs 5]

A small perceptron at four clients, so that a round is short and what Python adds shows. JSON lines, then a table: median seconds a round
of each, and their difference.
"""
import argparse
import json
import os
import pathlib
import random
import statistics
import tempfile

import coppice


class FedAvg(coppice.Method):
    """Nothing but the calls: plan, absorb."""

    name = "in_python"
    settings = {"rounds": 1}

    def next_plans(self, state):
        return [self.federation.plan(state, [self.federation.train_task()])]

    def absorb(self, state, plans, answers):
        state.track().values = coppice.averaged(plans[0], answers[0])


def table(path):
    draw = random.Random(1)
    rows = "".join(",".join(f"{draw.gauss(i % 3, 1.0):.4f}" for _ in range(8)) + f",{i % 3}\n" for i in range(400))
    path.write_text("a,b,c,d,e,f,g,h,label\n" + rows)


def seconds_a_round(folder, stage, rounds, pair):
    config = {
        "run": {"name": "bench", "seed": 1, "checkpoint_every": 1000000},
        "model": {"kind": "mlp", "inputs": 8, "hidden": [32], "outputs": 3},
        "data": {"source": {"kind": "csv", "path": str(folder / "table.csv"), "targets": ["label"]},
                 "partition": {"kind": "iid", "clients": 4}, "test_clients": 1},
        "federation": {"cohort": 4, "local": {"batch": 32}},
        "stages": [{stage: {"rounds": rounds}}],
    }
    if stage == "warmup":
        config["stages"][0][stage]["evaluate_every"] = 0
    run = coppice.run(config, method=FedAvg(), out=folder / f"{stage}{pair}")
    taken = [line["seconds"] for line in run.metrics if line["clients"] > 0][10:]  # the first ones warm up
    line = {"name": "python_method", "stage": stage, "pair": pair, "rounds": len(taken), "seconds_a_round": statistics.median(taken)}
    print(json.dumps(line), flush=True)
    return line["seconds_a_round"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="coppice-bench-") as name:
        folder = pathlib.Path(name)
        table(folder / "table.csv")
        pairs = [[seconds_a_round(folder, stage, options.rounds, pair) for stage in ("warmup", "in_python")] for pair in range(options.pairs)]
    added = [1e3 * (mine - built_in) for built_in, mine in pairs]
    print(f"\nOne thread, {options.pairs} pairs of {options.rounds} rounds, load {os.getloadavg()[0]:.1f}")
    print(f"built in, a round   {1e3 * statistics.median(b for b, _ in pairs):.3f} ms")
    print(f"in Python, a round  {1e3 * statistics.median(m for _, m in pairs):.3f} ms")
    print(f"Python adds         {statistics.median(added):.3f} ms a round ({min(added):.3f} - {max(added):.3f})")


if __name__ == "__main__":
    main()
