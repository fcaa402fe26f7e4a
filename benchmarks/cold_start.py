"""Seconds until a fresh process has imported skrnn, and has fitted a first model."""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

FIT = """
from skrnn import RNNClassifier
from skrnn.datasets import load_japanese_vowels

RNNClassifier(max_iter=2).fit(*load_japanese_vowels(return_X_y=True))
"""
BASELINE = "import sklearn.neural_network"
STARTS = {  # in this order: the first fit fills the cache of the second
    BASELINE: BASELINE,
    "import skrnn": "import skrnn",
    "first fit, kernel cache empty": FIT,
    "first fit, kernel cache filled": FIT,
}


def run(code, cache_dir):
    """Seconds of a fresh Python process that runs the code."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=os.environ | {"NUMBA_CACHE_DIR": cache_dir},
        check=True,
    )
    return time.perf_counter() - start


def measure(n_repeats):
    """Median seconds of each start."""
    seconds = {title: [] for title in STARTS}
    for _ in range(n_repeats):
        with tempfile.TemporaryDirectory() as cache_dir:
            for title, code in STARTS.items():
                seconds[title].append(run(code, cache_dir))
    return {title: statistics.median(values) for title, values in seconds.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    n_repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as cache_dir:
        # Untimed, so that all modules are byte-compiled and in the disk cache.
        run("import skrnn.datasets, sklearn.neural_network", cache_dir)
    medians = measure(n_repeats)
    print(f"{'a fresh process':<34}{'seconds':>9}{'more than scikit-learn':>25}")
    for title, seconds in medians.items():
        print(f"{title:<34}{seconds:>9.2f}{seconds - medians[BASELINE]:>25.2f}")


if __name__ == "__main__":
    main()
