"""Run all benchmarks of speed, one after the other, each in a process of its own.

Prints their tables, writes each as a CSV file and as a plot, and says at the end which
targets are met. What needs a library that is not installed is left out.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import _plots
from _tables import Table, geometric_mean, read_rows

HERE = Path(__file__).parent
LIBRARIES = ("numpy", "numba", "scikit-learn", "torch", "jax", "keras", "skorch")
LIBRARIES += ("onnx", "onnxruntime")
LARGEST_HIDDEN = 256  # of the means
# Threads that wait for a core which others use spin, those of PyTorch above all.
BUSY_CORES = 0.1


LAYERS = "training.py --layers 2 --bidirectional"
FEW = "--seconds 0.5 --shapes 1,100,8,32 32,50,8,32"
FULL = {  # what to run, and with which options
    "training": "training.py --seconds 1.5",
    "training-ragged": "training.py --ragged --seconds 1.5",
    # Without the largest shapes: each has 8 times as much to compute as above.
    "training-layers": f"{LAYERS} --seconds 1.5 --shapes 1,100,8,32 32,50,8,32 "
    "32,50,8,64 32,50,32,128 256,50,8,64 64,100,64,256",
    "roofline": "roofline.py --seconds 1",
    "inference": "inference.py --seconds 1",
    "fits": "fits.py",
    "scaling": "scaling.py --seconds 0.3",
    "memory": "memory.py",
    "cold-start": "cold_start.py --repeats 2",
}
QUICK = {
    "training": f"training.py {FEW} 32,50,32,128",
    "training-ragged": f"training.py --ragged {FEW} 32,50,32,128",
    "training-layers": f"{LAYERS} {FEW}",
    "roofline": "roofline.py --seconds 0.3",
    "inference": f"inference.py {FEW} 32,50,32,128",
    "fits": "fits.py --seeds 0 --epochs 20",
    "scaling": "scaling.py --cells gru --seconds 0.1",
    "memory": "memory.py --tables training --cells lstm",
    "cold-start": "cold_start.py --repeats 1",
}


class Target(NamedTuple):
    """A ratio of times that should be at least so high."""

    part: str
    cell: str | None  # None: all
    ratio: str
    is_mean: bool  # else of every shape
    bound: float


TARGETS = [
    *[Target("training", cell, "PyTorch/skrnn", True, 5) for cell in ("gru", "rnn")],
    Target("training", "lstm", "PyTorch/skrnn", True, 3),
    Target("training-ragged", None, "packed/skrnn", True, 6),
    *[
        Target(part, None, ratio, False, bound)
        for part in ("training", "training-ragged", "training-layers")
        for ratio, bound in (
            ("PyTorch/skrnn", 1.2),
            ("packed/skrnn", 1.2),
            ("JAX/skrnn", 1),
            ("Keras/skrnn", 1),
        )
    ],
]


def describe_machine():
    """The processor, and the versions of what is compared."""
    lines = [f"{platform.platform()}, {os.cpu_count()} cores, {processor()}"]
    versions = [f"Python {platform.python_version()}"]
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            versions.append(f"no {name}")
    return "\n".join([*lines, ", ".join(versions)])


def processor():
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return platform.processor()
    lines = path.read_text().splitlines()
    return next((x.split(": ")[1] for x in lines if x.startswith("model name")), "")


def run_part(name, command, folder):
    """Run a script and plot its table; whether it worked, and cores others used."""
    csv_path = folder / f"{name}.csv"
    print(f"\n== {name}: python benchmarks/{command}", flush=True)
    script, *arguments = command.split()
    start, others_before = time.perf_counter(), others_seconds()
    done = subprocess.run(
        [sys.executable, HERE / script, *arguments, "--csv", csv_path], check=False
    )
    seconds = time.perf_counter() - start
    others = (others_seconds() - others_before) / seconds
    print(f"-- {seconds:.0f} s; others used {others:.2f} cores", flush=True)
    if done.returncode == 0:
        _plots.plot(name, read_rows(csv_path), csv_path.with_suffix(".png"))
    return done.returncode == 0, others


def others_seconds():
    """Seconds that cores were busy, or taken away, for all but this suite; on Linux."""
    path = Path("/proc/stat")
    if not path.exists():
        return 0.0
    user, nice, system, _, _, *more = map(int, path.read_text().split()[1:9])
    busy = sum((user, nice, system, *more)) / os.sysconf("SC_CLK_TCK")
    return busy - sum(os.times()[:4])


def print_targets(folder, results):
    """Which targets are met by the parts that ran; the ratio, and where it is."""
    print("\n== Targets")
    fields = ("part", "cell", "ratio", "target", "reached", "met", "of")
    table = Table(fields, folder / "targets.csv", part=15, ratio=13, of=25)
    for target in TARGETS:
        has_worked, others = results.get(target.part, (False, 0.0))
        rows = [
            row
            for row in (read_rows(folder / f"{target.part}.csv") if has_worked else [])
            if target.ratio in row and target.cell in (None, row["cell"])
        ]
        if rows:
            reached, of = reached_by(target, rows)
            met = "yes" if reached >= target.bound else "no"
            met += "?" if others > BUSY_CORES else ""
            cell = target.cell or "all"
            table.add(target.part, cell, target.ratio, target.bound, reached, met, of)


def reached_by(target, rows):
    """The geometric mean; or the least ratio, and where it is."""
    if target.is_mean:
        mean = geometric_mean(rows, target.ratio, LARGEST_HIDDEN)
        return mean, f"geometric mean, H <= {LARGEST_HIDDEN}"
    least = min(rows, key=lambda row: row[target.ratio])
    return least[target.ratio], f"{least['cell']} {_plots.shape_of(least)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer shapes and repeats")
    parser.add_argument("--only", nargs="+", choices=FULL, default=FULL, metavar="NAME")
    parser.add_argument("--output", type=Path, default=Path("output/benchmarks"))
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    machine = describe_machine()
    print(machine)
    (args.output / "machine.txt").write_text(machine + "\n")
    commands = QUICK if args.quick else FULL
    results = {name: run_part(name, commands[name], args.output) for name in args.only}
    print_targets(args.output, results)
    print(f"\nWrote tables and plots to {args.output.resolve()}")
    if disturbed := [name for name, (_, n) in results.items() if n > BUSY_CORES]:
        print(f"Not to be trusted, since others used cores: {', '.join(disturbed)}.")
    if failed := [name for name, (has_worked, _) in results.items() if not has_worked]:
        sys.exit(f"These parts have failed: {', '.join(failed)}.")


if __name__ == "__main__":
    main()
