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
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from report import plots
from report.tables import Table, geometric_mean, read_rows

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
    """A number that should be at least so high, or at most."""

    part: str
    what: str
    reached: Callable  # rows of the part's table -> the number, and where it is
    bound: float
    at_most: bool = False


def mean_of(ratio, cell=None, largest_hidden=None):
    """The geometric mean; of one cell, or of all."""

    def reached(rows):
        chosen = [row for row in rows if cell in (None, row["cell"])]
        limit = "" if largest_hidden is None else f", H <= {largest_hidden}"
        mean = geometric_mean(chosen, ratio, largest_hidden)
        return mean, f"{cell or 'all'}: geometric mean{limit}"

    return reached


def least(ratio, where=lambda row: True):
    """The lowest of these shapes."""

    def reached(rows):
        row = min(filter(where, rows), key=lambda row: row[ratio])
        return row[ratio], f"{row['cell']} {plots.shape_of(row)}"

    return reached


def is_wide_batch(row):
    return row["N"] >= 32 and row["H"] >= 64


def is_single(cell, row):
    return row["cell"] == cell and row["N"] == 1


def times_of_skorch(rows):
    """How many times skrnn's time for the same epochs skorch needs."""
    seconds = {
        row["estimator"]: row["seconds"]
        for row in rows
        if (row["dataset"], row["fit"]) == ("JapaneseVowels", "epochs")
    }
    return seconds["skorch"] / seconds["skrnn"], "JapaneseVowels"


def seconds_beyond(what, before):
    """Seconds that one start of Python takes more than another one."""

    def reached(rows):
        seconds = {row["what"]: row["value"] for row in rows}
        return seconds[what] - seconds[before], f"beyond {before}"

    return reached


PYTORCH, PACKED = "PyTorch/skrnn", "packed/skrnn"
TRAINING = {  # ratio, and what it should be for every shape
    PYTORCH: 1.2,
    PACKED: 1.2,
    "JAX/skrnn": 1,
    "Keras/skrnn": 1,
}
FIRST, WARM = (f"first fit, kernel cache {state}" for state in ("empty", "filled"))
TARGETS = [
    *[
        Target("training", PYTORCH, mean_of(PYTORCH, cell, LARGEST_HIDDEN), bound)
        for cell, bound in (("gru", 5), ("rnn", 5), ("lstm", 3))
    ],
    Target(
        "training-ragged",
        PACKED,
        mean_of(PACKED, largest_hidden=LARGEST_HIDDEN),
        6,
    ),
    *[
        Target(part, ratio, least(ratio), bound)
        for part in ("training", "training-ragged", "training-layers")
        for ratio, bound in TRAINING.items()
    ],
    *[
        Target("roofline", share, least(share, is_wide_batch), 0.6)
        for share in ("train share", "predict share")
    ],
    *[
        Target("inference", ratio, mean_of(ratio), bound)
        for ratio, bound in (("PyTorch/predict", 2), ("ONNX/predict", 1.5))
    ],
    *[
        Target("inference", ratio, least(ratio), 1)
        for ratio in ("PyTorch/predict", "ONNX/predict")
    ],
    *[
        Target(
            "inference",
            "PyTorch/predict",
            least("PyTorch/predict", partial(is_single, cell)),
            bound,
        )
        for cell, bound in (("rnn", 3), ("lstm", 1), ("gru", 3))
    ],
    Target("scaling", "speed-up", least("speed-up", is_wide_batch), 1.8),
    Target("fits", "skorch/skrnn", times_of_skorch, 10),
    Target("cold-start", FIRST, seconds_beyond(FIRST, "import skrnn"), 6, True),
    Target(
        "cold-start",
        "import skrnn",
        seconds_beyond("import skrnn", "import sklearn.neural_network, numba"),
        0.3,
        True,
    ),
    Target("cold-start", WARM, seconds_beyond(WARM, "import skrnn"), 0.3, True),
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
        plots.plot(name, read_rows(csv_path), csv_path.with_suffix(".png"))
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
    """Which targets are met by the parts that ran; what was reached, and where."""
    print("\n== Targets")
    fields = ("part", "what", "target", "reached", "met", "of")
    table = Table(fields, folder / "targets.csv", part=15, what=31, of=36)
    for target in TARGETS:
        has_worked, others = results.get(target.part, (False, 0.0))
        if not has_worked:
            continue
        rows = read_rows(folder / f"{target.part}.csv")
        try:
            reached, of = target.reached(rows)
        except (KeyError, ValueError):
            continue  # without the library, or without such shapes
        is_met = reached <= target.bound if target.at_most else reached >= target.bound
        met = ("yes" if is_met else "no") + ("?" if others > BUSY_CORES else "")
        sign = "<=" if target.at_most else ">="
        table.add(target.part, target.what, f"{sign} {target.bound}", reached, met, of)


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
