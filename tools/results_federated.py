"""Repeats the sweep behind docs/results_federated.md and writes that page.

    results_federated.py --build build/release [--sweep configs/sweeps/federated_pruning.yaml] [--work results] [--jobs 2]

The runs are `coppice sweep`'s: those that are done are not repeated, and what has not run shows as missing. The page is its table, and
the hypotheses that were written down before: each a difference paired by seed, mean ± standard error (n - 1), as it came out.
"""
import argparse
import csv
import pathlib
import subprocess
import sys

import yaml

from experiment import is_clear, mean_and_error

STATIC, CHANCE, CONCENTRATED, OURS = "erk_magnitude", "erk_random", "concentrated", "in_steps"
DYNAMIC = ("prunefl", "fedrts", "fedtiny")
OTHERS = (CHANCE, STATIC, "global_magnitude", *DYNAMIC, "adaptive_fusion")
# title, [(better, worse)], densities (all where None)
HYPOTHESES = [
    ("a mask that moves beats one that stays", [(arm, STATIC) for arm in DYNAMIC], ["0.02"]),
    ("ERK's quotas beat one threshold for all layers", [(STATIC, "global_magnitude")], ["0.02"]),
    ("FedTiny beats PruneFL (2.6 points are claimed at 1 %)", [("fedtiny", "prunefl")], None),
    ("votes of clients beat means of gradients", [("fedrts", "prunefl"), ("fedrts", "fedtiny")], None),
    ("scores that lean towards whole channels beat all others", [(CONCENTRATED, arm) for arm in OTHERS], None),
    ("masks reached in steps beat all others", [(OURS, arm) for arm in (*OTHERS, CONCENTRATED)], None),
    ("in steps such scores help, too", [("concentrated_in_steps", OURS)], None),
    ("what scores choose beats chance", [(arm, CHANCE) for arm in (STATIC, *DYNAMIC)], None),
]
SMALL_DENSE = {"0.02": "small_dense_0.02", "0.1": "small_dense_0.1"}  # of as many bytes a round


class Table:
    """accuracy in % of (arm, density, seed) where the run is done."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            all_rows = list(csv.DictReader(file))
        rows = [row for row in all_rows if row["status"] == "done"]
        self.diverged = [f"{row['arm']} at {row['density'] or 'full density'}, seed {row['seed']}" for row in all_rows
                         if row["status"] == "stopped" and "diverged" in (path.parent / "logs" / f"{pathlib.Path(row['folder']).name}.log").read_text()]
        self.accuracy = {(row["arm"], row["density"], row["seed"]): 100 * float(row["accuracy"]) for row in rows}
        self.densities = sorted({density for _, density, _ in self.accuracy if density}, key=float)

    def differences(self, better, worse, density):
        def of(arm, seed):
            return self.accuracy.get((arm, "" if (arm, density, seed) not in self.accuracy else density, seed))
        pairs = [(of(better, seed), of(worse, seed)) for seed in sorted({seed for _, _, seed in self.accuracy})]
        return [a - b for a, b in pairs if a is not None and b is not None]


def verdict(values):
    if not is_clear(values):
        return "no clear difference"
    return "held" if sum(values) > 0 else "the other way round"


def line(table, better, worse, density):
    values = table.differences(better, worse, density)
    said = f"{mean_and_error(values)} ({len(values)} seeds): {verdict(values)}" if len(values) > 1 else "not run"
    return f"| {density} | {better} – {worse} | {said} |"


def page(sweep, out, remark=""):
    settings = yaml.safe_load(sweep.read_text())
    table = Table(out / "runs.csv")
    remarks = [remark] if remark else []
    if table.diverged:
        remarks.append("Means and differences are of runs that reached their end. Stopped because training diverged: " + "; ".join(table.diverged) + ".")
    protocol, rows, *_ = (out / "table.md").read_text().split("\n\n", 3)[1:]
    lines = ["# Federated pruning, side by side", "",
             f"Written by `make results` from the runs of `{sweep}`; what each method is stands in `docs/federated_pruning.md`. "
             "Digits by writer (539 clients, tested on other writers), ResNet-8, 10 clients a round, one local epoch in batches of 16, "
             "70 rounds: 10 dense, then 60 under a mask, or in steps 4 dense, 30 between six cuts and 36 under the last mask. Presets differ in "
             "nothing but the method. How their learning rate was found stands there, too.", "", protocol, "", *(line for text in remarks for line in (text, "")), rows, "", "## Hypotheses", "",
             "Points of accuracy, paired by seed. Clear is what exceeds two standard errors.", ""]
    for title, pairs, densities in HYPOTHESES:
        lines += [f"**{title}**", "", "| density | difference | |", "|---|---|---|"]
        lines += [line(table, better, worse, density) for density in densities or table.densities for better, worse in pairs]
        lines.append("")
    lines += ["**sparse beats a small dense network that sends as many bytes a round**", "", "| density | difference | |", "|---|---|---|"]
    lines += [line(table, arm, SMALL_DENSE[density], density) for density in table.densities if density in SMALL_DENSE
              for arm in (OURS, CONCENTRATED, CHANCE, STATIC)]
    lines += ["", f"Seeds {', '.join(map(str, settings['seeds']))}."]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--sweep", type=pathlib.Path, default=pathlib.Path("configs/sweeps/federated_pruning.yaml"))
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("results"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--remark", default="", help="what else is to be known of these runs, on the page before the table")
    parser.add_argument("--page", type=pathlib.Path, default=pathlib.Path("docs/results_federated.md"))
    options = parser.parse_args()
    out = options.work / "federated_pruning"
    command = [f"{options.build}/simulations/coppice", "sweep", options.sweep, "--out", out, "--jobs", str(options.jobs)]
    status = subprocess.run(list(map(str, command)), check=False).returncode
    options.page.write_text(page(options.sweep, out, options.remark))
    sys.exit(status)


if __name__ == "__main__":
    main()
