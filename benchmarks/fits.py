"""Time whole fits beside skorch and scikit-learn's MLPClassifier.

All train by Adam, with one learning rate and batch size. skorch has skrnn's network, in
PyTorch: batches are padded, then packed. The MLP sees each sequence as one flat row.
"""

import argparse
import subprocess
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from _datasets import DATA_DIR, Stretch, load_dataset
from _problems import set_threads
from peers import load
from report.tables import Table
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from skrnn import RNNClassifier

DATASETS = ("JapaneseVowels", "BasicMotions")
SETTINGS = SimpleNamespace(
    hidden_size=64, batch_size=32, learning_rate=5e-3, max_norm=1.0
)
FIELDS = ("dataset", "estimator", "fit", "epochs", "seconds", "loss", "accuracy")


class Contestant:
    """skrnn's estimator."""

    title = "skrnn"

    def __init__(self, dataset, settings):
        self.X, self.y, self.X_test, self.y_test = dataset
        self.settings = settings

    def estimator(self, **options):
        return RNNClassifier(
            hidden_size=self.settings.hidden_size,
            layer_norm=False,
            pooling="last",
            learning_rate="constant",
            max_grad_norm=self.settings.max_norm,
            **options,
        )

    def fit(self, seed, n_epochs):
        self.fitted = self.estimator(
            alpha=0,
            batch_size=self.settings.batch_size,
            learning_rate_init=self.settings.learning_rate,
            max_iter=n_epochs,
            n_iter_no_change=n_epochs,
            random_state=seed,
        ).fit(self.X, self.y)

    def losses(self):
        """The mean loss of each epoch."""
        return self.fitted.loss_curve_

    def score(self):
        """The test accuracy."""
        return self.fitted.score(self.X_test, self.y_test)


class MLPContestant(Contestant):
    """scikit-learn's, with a hidden layer of its default size."""

    title = "MLPClassifier"

    def __init__(self, dataset, settings):
        X, y, X_test, y_test = dataset
        rows = Stretch().fit(X)
        dataset = rows.transform(X), y, rows.transform(X_test), y_test
        super().__init__(dataset, settings)

    def estimator(self, **options):
        return MLPClassifier(**options)


def timed_fit(contestant, seed, n_epochs):
    """Epochs, seconds, last loss and test accuracy of a fit."""
    start = time.perf_counter()
    contestant.fit(seed, n_epochs)
    seconds = time.perf_counter() - start
    return n_epochs, seconds, contestant.losses()[-1], contestant.score()


def two_fits(contestant, seed, n_epochs, loss):
    """Of so many epochs, and to this loss: NaN if that is not reached in as many."""
    first = timed_fit(contestant, seed, n_epochs)
    reached = np.flatnonzero(np.array(contestant.losses()) <= loss)
    if not reached.size:
        return first, (np.nan,) * len(first)
    return first, timed_fit(contestant, seed, int(reached[0]) + 1)


def print_dataset(table, name, dataset, classes, args):
    for make in classes:
        contestant = make(dataset, SETTINGS)
        contestant.fit(0, 1)  # loads or compiles what it needs
        results = [
            two_fits(contestant, seed, args.epochs, args.loss) for seed in args.seeds
        ]
        medians = np.median(results, axis=0).tolist()
        for kind, values in zip(("epochs", "to loss"), medians, strict=True):
            table.add(name, make.title, kind, *values)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", nargs="+", choices=DATASETS, default=DATASETS)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--loss", type=float, default=0.1, help="that ends other fits")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=2, help="of each library")
    parser.add_argument("--data-dir", type=Path, default=DATA_DIR)
    parser.add_argument("--csv", type=Path, help="write the table to this file as well")
    args = parser.parse_args()
    # The default number of epochs is what is compared.
    warnings.simplefilter("ignore", ConvergenceWarning)
    set_threads(args.threads)
    peers = [module.Contestant for module in load(["skorch"])]
    table = Table(FIELDS, args.csv, dataset=14, estimator=13, fit=7)
    for name in args.datasets:
        try:
            dataset = load_dataset(name, args.data_dir)
        except subprocess.CalledProcessError as error:
            print(f"Without {name}: {error}.")
            continue
        print_dataset(table, name, dataset, [Contestant, *peers, MLPContestant], args)


if __name__ == "__main__":
    main()
