"""Seconds until a fresh process has imported skrnn, and has fitted a first model.

And how large is on disk what it needs, beside other libraries that are installed.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement
from peers import KERAS_BACKEND
from report.tables import Table

import skrnn

FIT = """
from skrnn import RNNClassifier
from skrnn.datasets import load_japanese_vowels

RNNClassifier(max_iter=2).fit(*load_japanese_vowels(return_X_y=True))
"""
STARTS = {  # in this order: the first fit fills the cache of the second
    "import sklearn.neural_network, numba": "import sklearn.neural_network, numba",
    "import skrnn": "import skrnn",
    "first fit, kernel cache empty": FIT,
    "first fit, kernel cache filled": FIT,
}
UNTIMED = ("skrnn.datasets", "sklearn.neural_network")
PEERS = ("torch", "skorch", "jax", "keras")
NEEDS = ("joblib", "numba", "numpy", "pandas", "scikit-learn", "threadpoolctl")
PARTS = ("llvmlite", "numba", "numpy", "pandas", "scipy", "scikit-learn")
OTHER_TREES = {"torch, skorch": ("torch", "skorch"), "jax, keras": ("jax", "keras")}
MB = 1e6


def run(code, cache_dir):
    """Seconds of a fresh Python process that runs the code."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=os.environ | {"NUMBA_CACHE_DIR": cache_dir, "KERAS_BACKEND": KERAS_BACKEND},
        check=True,
    )
    return time.perf_counter() - start


def measure(starts, n_repeats):
    """Median seconds of each start."""
    seconds = {title: [] for title in starts}
    for _ in range(n_repeats):
        with tempfile.TemporaryDirectory() as cache_dir:
            for title, code in starts.items():
                seconds[title].append(run(code, cache_dir))
    return {title: statistics.median(values) for title, values in seconds.items()}


def tree(names):
    """These distributions and all that they require, as far as it is installed."""
    found, waiting = {}, [*names]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue
        for text in found[name].requires or ():
            requirement = Requirement(text)
            if not requirement.marker or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name.lower().replace("_", "-"))
    return found


def size_of(distributions):
    """Bytes of all their files, compiled ones included."""
    paths = {file.locate() for d in distributions for file in d.files or ()}
    return sum(path.stat().st_size for path in paths if path.is_file())


def sizes():
    """Bytes of skrnn's tree, of its largest parts and of the other trees."""
    own = sum(
        path.stat().st_size
        for path in Path(skrnn.__file__).parent.rglob("*")
        if path.is_file() and path.suffix not in (".nbi", ".nbc")  # Numba's cache
    )
    results = {
        "skrnn and all it needs": own + size_of(tree(NEEDS).values()),
        "of that, skrnn": own,
    }
    for name in PARTS:
        results[f"of that, {name}"] = size_of([distribution(name)])
    for title, names in OTHER_TREES.items():
        if all(find_spec(name) for name in names):
            results[f"{title} and all they need"] = size_of(tree(names).values())
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--csv", type=Path, help="write the table to this file as well")
    args = parser.parse_args()
    peers = [name for name in PEERS if find_spec(name)]
    if missing := set(PEERS) - set(peers):
        print(f"Without {', '.join(sorted(missing))}: not installed.")
    starts = STARTS | {f"import {name}": f"import {name}" for name in peers}
    with tempfile.TemporaryDirectory() as cache_dir:
        # Untimed, so that all modules are byte-compiled and in the disk cache.
        run(f"import {', '.join([*UNTIMED, *peers])}", cache_dir)
    table = Table(("what", "value", "unit"), args.csv, what=34, unit=10)
    for title, seconds in measure(starts, args.repeats).items():
        table.add(title, seconds, "seconds")
    for title, size in sizes().items():
        table.add(title, size / MB, "MB on disk")


if __name__ == "__main__":
    main()
