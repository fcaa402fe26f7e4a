"""Test accuracy of RNNClassifier beside scikit-learn's MLPClassifier.

No setting depends on the data set. The MLP sees each sequence as one flat row.
"""

import argparse
import ast
import csv
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from skrnn import RNNClassifier
from skrnn.datasets import load_japanese_vowels

DATASETS = (
    "JapaneseVowels",
    "BasicMotions",
    "ItalyPowerDemand",
    "GunPoint",
    "ArrowHead",
)
SUBSETS = ("train", "test")
DATA_DIR = Path(tempfile.gettempdir()) / "skrnn-benchmarks"
FIELDS = ("dataset", "train", "test", "steps", "channels", "classes")
FIELDS += ("rnn_accuracy", "rnn_seconds", "mlp_accuracy", "mlp_seconds")


def load_dataset(name, data_dir=DATA_DIR):
    """Return X_train, y_train, X_test, y_test; each X is a list of (T, F) arrays.

    Each channel is standardised by its mean and deviation over all training steps.
    """
    if name == "JapaneseVowels":
        parts = [load_japanese_vowels(subset=s, return_X_y=True) for s in SUBSETS]
    else:
        with zipfile.ZipFile(find_wheel(data_dir)) as wheel:
            stem = f"aeon/datasets/data/{name}/{name}_"
            files = [wheel.read(f"{stem}{s.upper()}.ts") for s in SUBSETS]
        parts = [parse_ts(file.decode()) for file in files]
    (X_train, y_train), (X_test, y_test) = parts
    steps = np.concatenate(X_train)
    mean, deviation = steps.mean(axis=0), steps.std(axis=0)
    X_train, X_test = [[(x - mean) / deviation for x in X] for X in (X_train, X_test)]
    return X_train, y_train, X_test, y_test


def find_wheel(data_dir):
    """Path of aeon's wheel, which holds data sets; pip downloads it if need be."""
    if not any(data_dir.glob("aeon-*.whl")):
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run([*pip, "--dest", data_dir, "aeon"], check=True)
    return next(data_dir.glob("aeon-*.whl"))


def parse_ts(text):
    """Sequences (T, F) and labels of a .ts file: channel:...:channel:label a line."""
    X, y = [], []
    for line in text.splitlines():
        if line and line[0] not in "#@":
            *channels, label = line.split(":")
            X.append(np.array([c.split(",") for c in channels], dtype=float).T)
            y.append(label)
    return X, np.array(y)


def flatten(X, n_steps):
    """Pad each sequence with zeros to n_steps and lay it out as one row."""
    rows = np.zeros((len(X), n_steps, X[0].shape[1]))
    for row, sequence in zip(rows, X, strict=True):
        row[: len(sequence)] = sequence
    return rows.reshape(len(X), -1)


def flatten_dataset(X_train, y_train, X_test, y_test):
    n_steps = max(map(len, X_train + X_test))
    return flatten(X_train, n_steps), y_train, flatten(X_test, n_steps), y_test


def evaluate(make_estimator, dataset, seeds):
    """Test accuracy and seconds of fit, each an array with one entry a seed.

    `make_estimator` is called with random_state=seed.
    """
    X_train, y_train, X_test, y_test = dataset
    results = []
    with warnings.catch_warnings():
        # The default number of epochs is part of what is compared.
        warnings.simplefilter("ignore", ConvergenceWarning)
        # The first fit of a process loads or compiles kernels: not timed.
        make_estimator(random_state=seeds[0], max_iter=1).fit(X_train, y_train)
        for seed in seeds:
            start = time.perf_counter()
            estimator = make_estimator(random_state=seed).fit(X_train, y_train)
            seconds = time.perf_counter() - start
            results.append((estimator.score(X_test, y_test), seconds))
    return np.array(results).T


def compare(name, data_dir, seeds, params):
    """One row of the table."""
    dataset = load_dataset(name, data_dir)
    X_train, y_train, X_test, _ = dataset
    lengths = sorted({len(x) for x in X_train + X_test})
    steps = str(lengths[0]) if len(lengths) == 1 else f"{lengths[0]}-{lengths[-1]}"
    rnn = evaluate(partial(with_params, params), dataset, seeds).mean(axis=1)
    mlp = evaluate(MLPClassifier, flatten_dataset(*dataset), seeds).mean(axis=1)
    sizes = len(X_train), len(X_test), steps, X_train[0].shape[1], len(set(y_train))
    return (name, *sizes, *rnn, *mlp)


def with_params(params, **overrides):
    return RNNClassifier(**(params | overrides))


def parse_param(text):
    """Read "name=value"; a value that is no Python literal is a string."""
    name, _, value = text.partition("=")
    try:
        return name, ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return name, value


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", nargs="+", choices=DATASETS, default=DATASETS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument(
        "--params",
        nargs="+",
        type=parse_param,
        default=[],
        metavar="NAME=VALUE",
        help="parameters of RNNClassifier that replace its defaults",
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=DATA_DIR,
        help="folder with aeon's wheel, downloaded if missing (default: %(default)s)",
    )
    parser.add_argument("--csv", type=Path, help="write the table to this file as well")
    return parser.parse_args()


def main():
    args = parse_args()
    heading = "{:<17}{:>6}{:>6}{:>9}{:>9}{:>8}{:>9}{:>8}{:>9}{:>8}"
    line = "{:<17}{:>6}{:>6}{:>9}{:>9}{:>8}{:>9.3f}{:>8.2f}{:>9.3f}{:>8.2f}"
    print(heading.format(*FIELDS[:6], "RNN", "fit s", "MLP", "fit s"))
    rows = []
    for name in args.datasets:
        rows.append(compare(name, args.data_dir, args.seeds, dict(args.params)))
        print(line.format(*rows[-1]), flush=True)
    means = np.mean([row[6:] for row in rows], axis=0)
    print(line.format("mean", *[""] * 5, *means))
    if args.csv:
        with args.csv.open("w", newline="") as file:
            csv.writer(file).writerows([FIELDS, *rows])


if __name__ == "__main__":
    main()
