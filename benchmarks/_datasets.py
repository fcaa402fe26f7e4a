"""Labelled sets of sequences with given training and test parts, and as rows.

A set is loaded as X, y, X_test, y_test; each X is a list of (T, F) arrays, whose
channels have mean 0 and deviation 1 over all training steps.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from skrnn.datasets import load_japanese_vowels

DATASETS = (
    "JapaneseVowels",
    "BasicMotions",
    "ItalyPowerDemand",
    "GunPoint",
    "ArrowHead",
    "ACSF1",
    "OSULeaf",
    "PickupGestureWiimoteZ",
    "CardanoSentiment",
)
SUBSETS = ("train", "test")
DATA_DIR = Path(tempfile.gettempdir()) / "skrnn-benchmarks"
# Floating targets with more values than these are no labels.
MAX_FLOAT_LABELS = 20


def names_of(folder=None):
    """The sets of a folder of NAME.npz files, or the public ones."""
    return sorted(path.stem for path in folder.glob("*.npz")) if folder else DATASETS


def load_dataset(name, data_dir=DATA_DIR, folder=None):
    """Return X, y, X_test, y_test of a set of this folder, or of a public one."""
    if folder:
        with np.load(folder / f"{name}.npz") as file:
            parts = [read_npz(file, s) for s in SUBSETS]
    elif name == "JapaneseVowels":
        parts = [load_japanese_vowels(subset=s, return_X_y=True) for s in SUBSETS]
    else:
        parts = read_wheel(name, data_dir)
    (X, y), (X_test, y_test) = parts
    steps = np.concatenate(X)
    mean, deviation = steps.mean(axis=0), steps.std(axis=0)
    deviation[deviation == 0] = 1
    X, X_test = [[(x - mean) / deviation for x in part] for part in (X, X_test)]
    return X, y, X_test, y_test


def read_npz(file, subset):
    """Sequences and targets of a part: all steps together, and how many each has."""
    values, lengths = file[f"values_{subset}"], file[f"lengths_{subset}"]
    return np.split(values, np.cumsum(lengths)[:-1]), file[f"y_{subset}"]


def read_wheel(name, data_dir):
    """Both parts of a set in aeon's wheel, which pip downloads if need be."""
    if not any(data_dir.glob("aeon-*.whl")):
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run([*pip, "--dest", data_dir, "aeon"], check=True)
    with zipfile.ZipFile(next(data_dir.glob("aeon-*.whl"))) as wheel:
        stem = f"aeon/datasets/data/{name}/{name}_"
        files = [wheel.read(f"{stem}{s.upper()}.ts") for s in SUBSETS]
    return [parse_ts(file.decode()) for file in files]


def parse_ts(text):
    """Sequences (T, F) and targets of a .ts file: channel:...:channel:target a line."""
    X, y, are_numbers = [], [], False
    for line in text.splitlines():
        if line and line[0] not in "#@":
            *channels, target = line.split(":")
            X.append(np.array([c.split(",") for c in channels], dtype=float).T)
            y.append(target)
        are_numbers |= line.lower().startswith("@targetlabel true")
    return X, np.array(y, dtype=float if are_numbers else None)


def is_regression(y):
    """Whether targets are floats of many values; all else are labels."""
    return y.dtype.kind == "f" and len(np.unique(y)) > MAX_FLOAT_LABELS


class Stretch(TransformerMixin, BaseEstimator):
    """Sequences as rows (N, F * T), or as an array (N, F, T).

    Each is stretched to the steps of the longest in training, by linear interpolation.
    In cross-validation on the training parts of Japanese vowels and PickupGesture this
    was better for ridge and MLP than zeros behind the shorter ones: .981 and .967
    against .941 and .948, .50 and .62 against .48 and .53.
    """

    def __init__(self, flat=True, min_steps=1):
        self.flat, self.min_steps = flat, min_steps

    def fit(self, X, y=None):
        self.n_steps_ = max(self.min_steps, *map(len, X))
        return self

    def transform(self, X):
        to = np.linspace(0, 1, self.n_steps_)
        stretched = np.array(
            [
                [np.interp(to, np.linspace(0, 1, len(x)), channel) for channel in x.T]
                for x in X
            ]
        )
        return stretched.reshape(len(X), -1) if self.flat else stretched
