"""The benchmarks: JSON lines while they run, a table at the end.

    run.py --build build/release [--pairs 3] [--only rounds clients wire ranks kernels sparse_gpt graph decoder] [--decoder MODEL]

 rounds    federated averaging on three workloads, one thread, against the same loop in bare PyTorch (plain and tuned), both with
           the C library's allocator pinned; CPU seconds a round in alternating runs, ratios pair by pair
 clients   100 against 100,000 virtual clients in one process
 wire      bytes of a client and round under each pattern, against the dense model's
 ranks     one rank against two on the quick start's warm-up, wall seconds
 kernels   exact sums, frames and the fused step against memcpy (bench/kernels)
 sparse_gpt  2:4 on the matrices of a SmolLM2-135M layer, 8,192 tokens, against the reference's loop in PyTorch
 graph     training steps of imported networks against eager PyTorch's, of an imported ResNet-20 against the built-in one, and what
           loading costs; CPU seconds, one thread, float32, allocators pinned
 decoder   prefill, decode, training step and importance pass of a language model against transformers, both in bfloat16 on all cores with
           the C library's allocator pinned; needs --decoder, a folder that both load (tools/prepare_model.py makes one)
All claims are ratios of runs that took turns on the same machine.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

SOURCE = pathlib.Path(__file__).resolve().parent
ROUNDS = {"tiny": 27, "medium": 6, "wide": 10}
SAMPLES = {"tiny": 60, "medium": 600, "wide": 60}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
# The program pins its allocator by itself.
PINNED = {**ONE_THREAD, "MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 34),
          "MALLOC_TOP_PAD_": str(1 << 26)}


def write_workload(prefix, name):
    """100 clients of equal size: class prototypes plus noise, 28 x 28."""
    prototypes = np.random.default_rng(7).normal(size=(10, 28, 28)).astype("f4")
    count = 100 * SAMPLES[name]
    draw = np.random.default_rng(1)
    y = draw.integers(0, 10, count)
    x = 0.25 * prototypes[y] + draw.normal(size=(count, 28, 28)).astype("f4")
    x.astype("f4").tofile(f"{prefix}.x")
    y.astype("i8").tofile(f"{prefix}.y")


def run_json(command, env=None):
    done = subprocess.run([str(part) for part in command], env=dict(os.environ, **(env or {})), text=True, capture_output=True,
                          check=False)
    if done.returncode != 0:
        sys.exit(f"{command}: {done.stderr}")
    line = json.loads(done.stdout.splitlines()[-1])
    print(json.dumps(line), flush=True)
    return line


def bench_rounds(options, folder, rows):
    for name in options.workloads:
        prefix = folder / name
        write_workload(prefix, name)
        ours, bare, tuned = [], [], []
        for _ in range(options.pairs):
            peer = [sys.executable, SOURCE / "peers" / "bare_pytorch.py", prefix, name, ROUNDS[name]]
            bare.append(run_json(peer, PINNED))
            ours.append(run_json([options.build / "bench" / "federated_rounds", prefix, name, ROUNDS[name]], ONE_THREAD))
            tuned.append(run_json([*peer, "--tuned"], PINNED))
        for label, other in (("bare PyTorch", bare), ("bare PyTorch, tuned", tuned)):
            ratios = [a["cpu_s_per_round"] / b["cpu_s_per_round"] for a, b in zip(ours, other)]
            rows.append([f"round, {name}, CPU s against {label}", f"{statistics.median(ratios):.2f}",
                         f"{min(ratios):.2f} - {max(ratios):.2f}", f"{statistics.median(o['cpu_s_per_round'] for o in ours):.3f} s"])
        memory = [a["peak_rss_bytes"] / b["peak_rss_bytes"] for a, b in zip(ours, bare)]
        rows.append([f"round, {name}, peak memory against bare PyTorch", f"{statistics.median(memory):.2f}",
                     f"{min(memory):.2f} - {max(memory):.2f}", f"{ours[0]['peak_rss_bytes'] / 2**20:.0f} MiB"])


def bench_clients(options, folder, rows):
    prefix = folder / "many"
    count = 100_000
    draw = np.random.default_rng(1)
    draw.normal(size=(count, 28, 28)).astype("f4").tofile(f"{prefix}.x")
    draw.integers(0, 10, count).astype("i8").tofile(f"{prefix}.y")
    few = run_json([options.build / "bench" / "federated_rounds", prefix, "tiny", 4, 100], ONE_THREAD)
    many = run_json([options.build / "bench" / "federated_rounds", prefix, "tiny", 4, count], ONE_THREAD)
    grown = many["index_bytes"] - few["index_bytes"]
    rows.append(["100,000 clients, index beyond that of 100", f"{grown / 2**20:.2f} MiB", f"{grown / count:.1f} bytes a client",
                 f"peak {many['peak_rss_bytes'] / 2**20:.0f} against {few['peak_rss_bytes'] / 2**20:.0f} MiB"])


PATTERNS = {
    "none": None,
    "channels, 40 % of the FLOPs": "{pattern: channels, budget: {flops: 0.4}, floor: 0.5}",
    "2:4": "{pattern: '2:4'}",
    "32x1, half": "{pattern: 32x1, budget: {density: 0.5}}",
    "unstructured, 5 %": "{pattern: unstructured, budget: {density: 0.05}, allocation: erk}",
}


def bench_wire(options, folder, rows):
    """ResNet-8; two fine-tuning rounds, the second of which sends no mask any more."""
    config = SOURCE.parent / "configs" / "quickstart.yaml"
    runs = [(name, prune, "f32") for name, prune in PATTERNS.items()] + [("unstructured, 5 %", PATTERNS["unstructured, 5 %"], "bf16")]
    dense = None
    for name, prune, wire in runs:
        cut = "" if prune is None else "{score: {importance: magnitude, fusion: {granularity: {kind: fixed}}}}, {prune: %s}, " % prune
        out = folder / f"wire-{name}-{wire}".replace(" ", "-").replace("%", "").replace(":", "-")
        command = [options.build / "simulations" / "coppice", "run", config, "--out", out, "--set", f"federation.wire={wire}",
                   "--set", "data.partition.clients=10", "--set", "federation.local.max_steps=1",
                   "--set", "stages=[{warmup: {rounds: 1}}, %s{finetune: {rounds: 2}}]" % cut]
        subprocess.run(command, env=dict(os.environ, **ONE_THREAD), check=True, capture_output=True)
        lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
        last = [line for line in lines if line["stage"] == "finetune" and line["clients"] > 0][-1]
        dense = dense or last
        print(json.dumps({"name": "wire", "pattern": name, "wire": wire, "down": last["bytes_down"], "up": last["bytes_up"]}), flush=True)
        rows.append([f"bytes a round, {name}, {wire}", f"down {last['bytes_down'] / dense['bytes_down']:.3f}",
                     f"up {last['bytes_up'] / dense['bytes_up']:.3f}",
                     f"of dense; {last['bytes_down']:,.0f} and {last['bytes_up']:,.0f} bytes"])


def bench_ranks(options, folder, rows):
    config = SOURCE.parent / "configs" / "quickstart.yaml"
    ratios = []
    for pair in range(options.pairs):
        seconds = []
        for ranks in (1, 2):
            out = folder / f"ranks{pair}-{ranks}"
            command = [options.build / "simulations" / "coppice", "run", config, "--out", out, "--set", f"run.ranks={ranks}",
                       "--set", "stages=[{warmup: {rounds: 8, evaluate_every: 0}}]"]
            subprocess.run(command, env=dict(os.environ, **ONE_THREAD), check=True, capture_output=True)
            lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
            seconds.append(sum(line["seconds"] for line in lines if line["clients"] > 0 and line["round"] > 0))
        ratios.append(seconds[0] / seconds[1])
        print(json.dumps({"name": "ranks", "one_s": seconds[0], "two_s": seconds[1]}), flush=True)
    rows.append(["two ranks against one, quick start warm-up, wall", f"{statistics.median(ratios):.2f}",
                 f"{min(ratios):.2f} - {max(ratios):.2f}", ""])


def bench_kernels(options, _, rows):
    done = subprocess.run([options.build / "bench" / "kernels"], env=dict(os.environ, **ONE_THREAD), text=True, capture_output=True,
                          check=True)
    for text in done.stdout.splitlines():
        line = json.loads(text)
        print(text, flush=True)
        rows.append([line["name"], f"{line['value']:.3g}", line["against"], line["note"]])


def bench_sparse_gpt(options, _, rows):
    ours, peer = [], []
    for _ in range(options.pairs):
        peer.append(run_json([sys.executable, SOURCE / "peers" / "sparse_gpt_pytorch.py", 8192, 2], PINNED))
        ours.append(run_json([options.build / "bench" / "sparse_gpt", 8192, 2], ONE_THREAD))
    for key, label in (("products_cpu_s", "products of inputs"), ("solve_cpu_s", "factors and updates")):
        ratios = [a[key] / b[key] for a, b in zip(ours, peer)]
        rows.append([f"SparseGPT 2:4, {label}, CPU s a layer against PyTorch", f"{statistics.median(ratios):.2f}",
                     f"{min(ratios):.2f} - {max(ratios):.2f}", f"{statistics.median(o[key] for o in ours):.3f} s"])


def bench_graph(options, folder, rows):
    tool, networks, ours = SOURCE.parent / "tools" / "import_model.py", SOURCE / "peers" / "graph_networks.py", options.build / "bench" / "graph_steps"
    for name, batch, length, steps in (("resnet20", 64, 0, 12), ("encoder", 8, 64, 8), ("decoder", 4, 128, 8)):
        file = folder / f"{name}.pt2"
        shape = ["--tokens", length] if length else ["--example", "3x32x32"]
        subprocess.run([sys.executable, *map(str, (tool, f"{networks}:{name}", *shape, "--out", file))], check=True, env=dict(os.environ, **ONE_THREAD))
        mine, peer, built_in = [], [], []
        for _ in range(options.pairs):
            peer.append(run_json([sys.executable, networks, name, batch, length, steps], PINNED)["step_cpu_s"])
            mine.append(run_json([ours, file, batch, length, steps], ONE_THREAD)["step_cpu_s"])
            if name == "resnet20":
                built_in.append(run_json([ours, "resnet20", batch, length, steps], ONE_THREAD)["step_cpu_s"])
        for what, other in (("eager PyTorch", peer), ("the built-in model", built_in)):
            ratios = [a / b for a, b in zip(mine, other)]
            if ratios:
                rows.append([f"imported {name}, training step, CPU s against {what}", f"{statistics.median(ratios):.2f}",
                             f"{min(ratios):.2f} - {max(ratios):.2f}", f"batch {batch}" + (f" x {length}" if length else "")])


def bench_decoder(options, _, rows):
    if options.decoder is None:
        return
    threads = os.cpu_count()
    ours, theirs = [], []
    for _ in range(options.pairs):
        # JSON first, a table behind it: the line is found by its brace.
        done = subprocess.run([options.build / "simulations" / "coppice", "bench", options.decoder, "--threads", str(threads)], text=True,
                              capture_output=True, check=True)
        ours.append(json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{"))))
        print(json.dumps(ours[-1]), flush=True)
        pinned = {**PINNED, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        theirs.append(run_json([sys.executable, SOURCE / "peers" / "transformers_decoder.py", options.decoder, threads, 3], pinned))
    for key, per_second in (("prefill_tokens_per_s", True), ("decode_tokens_per_s", True), ("step_s", False), ("importance_s", False)):
        ratios = [a[key] / b[key] if per_second else b[key] / a[key] for a, b in zip(ours, theirs)]
        best = max if per_second else min
        mine, peer = best(a[key] for a in ours), best(b[key] for b in theirs)
        rows.append([f"decoder, {key}, times transformers", f"{mine / peer if per_second else peer / mine:.2f}",
                     f"{min(ratios):.2f} - {max(ratios):.2f}", f"best {mine:.4g} against {peer:.4g}, {threads} threads, bfloat16"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release"))
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=["rounds", "clients", "wire", "ranks", "kernels", "sparse_gpt", "graph", "decoder"])
    parser.add_argument("--decoder", type=pathlib.Path)
    parser.add_argument("--workloads", nargs="+", default=list(ROUNDS))
    options = parser.parse_args()
    options.build = options.build.resolve()
    rows = []
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="coppice-bench-") as folder:
        for name in options.only:
            globals()[f"bench_{name}"](options, pathlib.Path(folder), rows)
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    print(f"\nOne thread where nothing else is said, {options.pairs} pairs, load {os.getloadavg()[0]:.1f}, {time.monotonic() - started:.0f} s")
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


if __name__ == "__main__":
    main()
