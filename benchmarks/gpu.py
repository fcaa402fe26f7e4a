"""All that a machine with an NVIDIA GPU can say of the CUDA backend, in one command.

Checks every kernel against float64, fits both estimators on both devices, measures
training and prediction beside PyTorch with cuDNN, and finds the work from which the GPU
is the faster one. Needs no network. Exits with 1 if something is wrong, and with 2 if
there is no GPU.
"""

import argparse
import importlib.metadata
import math
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

import numpy as np
from _problems import CELLS, Problem
from gpu.cases import every_case, few_cases
from gpu.fits import check_fits
from gpu.kernels import DEVICE, MAX_ERRORS, Checks
from gpu.speed import MAKERS, PRECISIONS, Speed, least_bytes, measure_ceilings
from numba import config
from peers import load
from report.tables import PROBLEM_FIELDS, Table, geometric_mean
from suite import describe_machine

from skrnn.backends import make_backend

SIZES = {"N": (1, 16, 64, 256, 1024), "T": (50, 200, 1000)}
HIDDEN_SIZES = (64, 256, 512, 128, 1024, 32)  # the most telling ones first
QUICK_SIZES, QUICK_HIDDEN_SIZES = {"N": (16, 256), "T": (50, 200)}, (64, 256, 1024)
CENTRE = {"N": 64, "T": 200}  # where the table starts
KINDS = (("train", False), ("train", True), ("predict", False), ("predict", True))
LARGEST_HIDDEN = 256  # of the first targets
#: Seconds that the crossover needs after the table.
RESERVE = 90
#: Sequences, steps and hidden units, from little work to much.
CROSSING = ((1, 50, 16), (1, 400, 32), (4, 50, 32), (8, 400, 32), (32, 50, 32))
CROSSING += ((8, 50, 128), (32, 50, 64), (32, 400, 64), (256, 50, 64), (64, 50, 256))


def no_gpu(is_check):
    """Why there is nothing to run on; None if there is."""
    if config.ENABLE_CUDASIM:
        return None if is_check else "the simulator has no speed; use --check-only"
    try:
        make_backend(DEVICE, Problem("gru", 1, 1, 1, 1).network())
    except Exception as error:
        return " ".join(str(error).split())
    return None


def describe():
    """The device, the driver, the versions."""
    if config.ENABLE_CUDASIM:
        print("No GPU, but Numba's simulator: it proves logic only.")
    command = "nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv"
    try:
        done = subprocess.run(command.split(), capture_output=True, text=True)
        print(done.stdout.strip())
    except FileNotFoundError:
        print("nvidia-smi is not there.")
    print(describe_machine())
    for name in ("numba-cuda", "cupy-cuda12x", "cupy-cuda13x"):
        try:
            print(name, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            print(f"no {name}")


def load_torch():
    """PyTorch, if it can use the GPU; else says why there is no comparison."""
    if not load(["pytorch"]):
        return None
    import torch

    if not torch.cuda.is_available():
        print("Without PyTorch: it is there, but cannot use the GPU.")
        return None
    print(f"cuDNN {torch.backends.cudnn.version()}, CUDA {torch.version.cuda}")
    return torch


def check(is_tiny, folder):
    """Kernels and whole fits; returns what went wrong."""
    print("\n== Kernels: largest errors relative to float64", flush=True)
    checks = Checks(list(few_cases() if is_tiny else every_case()))
    failures = checks.run(folder / "kernels.csv")
    print("\n== Fits: differences between GPU and CPU", flush=True)
    return failures + check_fits(is_tiny, folder / "fits.csv")


def grid(is_quick):
    """Problems, from the middle of the sizes outwards."""
    sizes = QUICK_SIZES if is_quick else SIZES

    def distance(pair):
        places = [
            (SIZES[name].index(n), SIZES[name].index(CENTRE[name]))
            for name, n in zip(sizes, pair, strict=True)
        ]
        return sum(abs(here - there) for here, there in places)

    for n, t in sorted(product(*sizes.values()), key=distance):
        for h in QUICK_HIDDEN_SIZES if is_quick else HIDDEN_SIZES:
            yield from (Problem(cell, n, t, h // 4, h) for cell in CELLS)


def measure(speed, problems, stop, csv_path):
    """The rows for which there is time."""
    copied, multiplied = measure_ceilings(speed)
    titles = ("skrnn", *PRECISIONS)
    ratios = [f"{title}/skrnn" for title in titles[1:]]
    rates = ("GFLOP/s", "of product", "GB/s", "of copy")
    fields = ("what", "ragged", *PROBLEM_FIELDS, *[f"{title} ms" for title in titles])
    table = Table((*fields, *ratios, *rates), csv_path, what=7)
    for problem, (what, is_ragged) in product(problems, KINDS):
        if time.perf_counter() > stop:
            print("There is no time for more shapes: see --minutes.")
            break
        if len(speed.failures) > MAX_ERRORS:
            print("There were too many errors to go on.")
            break
        chosen = problem._replace(ragged=is_ragged)
        ms, *others = speed.measure(chosen, what)
        operations = 2e3 * chosen.n_products * (3 if what == "train" else 1) / ms
        moved = 1e3 * least_bytes(chosen, what) / ms
        shares = operations / 1e9, operations / multiplied, moved / 1e9, moved / copied
        row = what, "yes" if is_ragged else "no", *chosen[:5], ms, *others
        table.add(*row, *[other / ms for other in others], *shares)
    return table.rows


def find_crossover(speed, csv_path):
    """Time skrnn on both devices; print the work from which the GPU is the faster."""
    fields = ("what", *PROBLEM_FIELDS, "work", "CPU ms", "GPU ms", "CPU/GPU")
    table = Table(fields, csv_path, what=7, work=10)
    for (n, t, h), cell, what in product(CROSSING, CELLS, MAKERS):
        problem = Problem(cell, n, t, h // 4, h)
        cpu, gpu = speed.measure_devices(problem, what)
        # Multiply-adds of one time step of all sequences, forward.
        work = problem.N * problem.network().n_parameters
        table.add(what, *problem[:5], work, cpu, gpu, cpu / gpu)
    for what in MAKERS:
        chosen = [row for row in table.rows if row["what"] == what]
        print(f"The GPU wins from this work on, {what}: {crossover(chosen):.1e}")
    worth = crossover(table.rows)
    print(f'device="auto" should take the GPU from this work on: {worth:.1e}')


def crossover(rows):
    """The multiply-adds of a step from which to take the GPU, so that least is lost."""
    rows = sorted((row for row in rows if row["CPU/GPU"] > 0), key=lambda r: r["work"])
    gains = np.log([row["CPU/GPU"] for row in rows])
    # With the first k on the CPU: what these would gain on the GPU is lost.
    totals = [gains[k:].sum() for k in range(len(rows) + 1)]
    best = int(np.argmax(totals))
    if best == len(rows):
        return math.inf
    here = rows[best]["work"]
    return math.sqrt(here * rows[best - 1]["work"]) if best else here


def print_targets(rows, is_checked, failures, csv_path):
    """Which targets are met by the shapes that were measured."""
    print("\n== Targets")
    fields = ("target", "bound", "reached", "met")
    table = Table(fields, csv_path, target=44, met=12)
    met = "no" if failures else "yes" if is_checked else "not checked"
    table.add("exact: failures", 0, len(failures), met)
    for target, bound, is_ragged, is_small in TARGETS:
        chosen = [
            row
            for row in rows
            if (row["what"], row["ragged"]) == ("train", is_ragged)
            and (row["H"] <= LARGEST_HIDDEN) == is_small
            and row["PyTorch/skrnn"] > 0
        ]
        reached = geometric_mean(chosen, "PyTorch/skrnn")
        met = "yes" if reached >= bound else "not measured" if not chosen else "no"
        table.add(target, bound, reached, met)


#: Name, bound, whether ragged, whether of few hidden units.
TARGETS = (
    ("train, H <= 256: cuDNN/skrnn, mean", 1.0, "no", True),
    ("train, H <= 256, ragged: packed/skrnn, mean", 2.0, "yes", True),
    ("train, H > 256: cuDNN/skrnn, mean", 0.5, "no", False),
    ("train, H > 256, ragged: packed/skrnn, mean", 0.5, "yes", False),
)


def measure_all(args):
    """Tables of speed, and the targets; returns what went wrong."""
    print("\n== Speed: medians, by the device's events", flush=True)
    stop = time.perf_counter() + 60 * args.minutes
    speed = Speed(load_torch(), args.seconds)
    problems, csv_path = grid(args.quick), args.output / "speed.csv"
    rows = measure(speed, problems, stop - RESERVE, csv_path)
    print("\n== Both devices: from which work on the GPU is the faster one", flush=True)
    find_crossover(speed, args.output / "crossover.csv")
    return rows, speed.failures


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=8, help="for the measuring")
    parser.add_argument("--quick", action="store_true", help="few shapes")
    parser.add_argument("--check-only", action="store_true", help="measure nothing")
    parser.add_argument("--tiny", action="store_true", help="few small checks")
    parser.add_argument("--no-checks", action="store_true", help="only measure")
    parser.add_argument("--seconds", type=float, default=0.2, help="a number, about")
    parser.add_argument("--output", type=Path, default=Path("output/gpu"))
    return parser.parse_args()


def main():
    args = parse_args()
    if reason := no_gpu(args.check_only):
        print(f"Nothing was run: {reason}", file=sys.stderr)
        sys.exit(2)
    args.output.mkdir(parents=True, exist_ok=True)
    describe()
    failures = [] if args.no_checks else check(args.tiny, args.output)
    if not args.check_only:
        rows, errors = measure_all(args)
        failures += errors
        print_targets(rows, not args.no_checks, failures, args.output / "targets.csv")
    if failures:
        print(f"\n{len(failures)} FAILURES", *failures, sep="\n", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
