"""Scores of RNNClassifier and RNNRegressor on labelled sets, beside those of others.

Accuracy, or R2 where targets are real (-1 if it is lower). No setting depends on the
set. A sequence is one flat row for scikit-learn's models.
"""

import argparse
import ast
import csv
import math
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
from _datasets import DATA_DIR, is_regression, load_dataset, names_of
from peers import load
from report.tables import Table, read_rows
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, StratifiedKFold

from skrnn import RNNClassifier, RNNRegressor

TASKS = {"classification": "accuracy", "regression": "R2, -1 if it is lower"}
OURS = ("rnn", "voting")
PEERS = ("linear", "mlp", "minirocket", "hydra")
SHOWN = OURS + PEERS  # of a file with scores
SIZES = ("set", "train", "test", "steps", "channels", "classes")
DRAW = 5e-4  # scores of files have three digits


def rnn(task, random_state, params):
    make = RNNRegressor if task == "regression" else RNNClassifier
    return make(**{"random_state": random_state, **params})


def voting(task, random_state, params, n):
    """The mean prediction of n networks, with seeds that no other one has."""
    seeds = range(random_state * n, random_state * n + n)
    networks = [(str(seed), rnn(task, seed, params)) for seed in seeds]
    if task == "regression":
        return VotingRegressor(networks)
    return VotingClassifier(networks, voting="soft")


def make_estimators(args):
    """What is fitted: by name, a function of the task and random_state."""
    params = dict(args.params)
    found = {"rnn": partial(rnn, params=params)}
    if args.voting:
        found["voting"] = partial(voting, params=params, n=args.voting)
    for module in load(["sklearn", "aeon"]):
        found |= module.ESTIMATORS
    if missing := set(args.fit or ()) - set(found):
        sys.exit(f"Cannot fit {', '.join(missing)}; can fit {', '.join(found)}.")
    chosen = [*args.fit, "voting"] if args.fit else found
    return {name: make for name, make in found.items() if name in chosen}


def make_folds(y, n_folds, seed):
    """Fewer if the smallest class has fewer sequences."""
    if is_regression(y):
        return KFold(n_folds, shuffle=True, random_state=seed)
    smallest = np.unique(y, return_counts=True)[1].min()
    n_folds = max(2, min(n_folds, smallest))
    return StratifiedKFold(n_folds, shuffle=True, random_state=seed)


def splits(dataset, n_folds, seed):
    """What to fit and what to score: the set's parts, or folds of its training part."""
    if not n_folds:
        return [dataset]
    X, y, _, _ = dataset
    return [
        ([X[i] for i in fitted], y[fitted], [X[i] for i in scored], y[scored])
        for fitted, scored in make_folds(y, n_folds, seed).split(y, y)
    ]


def evaluate(make, dataset, args):
    """Score and seconds of a fit, the means over seeds and folds."""
    # The first fit of a process loads or compiles kernels: not timed.
    fit_one_epoch(make(random_state=args.seeds[0]), *dataset[:2])
    results = [
        score_and_seconds(make(random_state=seed), *split)
        for seed in args.seeds
        for split in splits(dataset, args.cv, seed)
    ]
    return np.mean(results, axis=0).tolist()


def fit_one_epoch(estimator, X, y):
    epochs = [name for name in estimator.get_params() if name.endswith("max_iter")]
    estimator.set_params(**dict.fromkeys(epochs, 1)).fit(X, y)


def score_and_seconds(estimator, X, y, X_test, y_test):
    start = time.perf_counter()
    estimator.fit(X, y)
    seconds = time.perf_counter() - start
    return max(-1.0, estimator.score(X_test, y_test)), seconds


def sizes_of(name, dataset, n_folds):
    """The first columns of a set's row."""
    X, y, X_test, _ = dataset
    test, seen = len(X_test), X + X_test
    if n_folds:
        test, seen = f"{make_folds(y, n_folds, 0).get_n_splits()} folds", X
    shortest, longest = min(map(len, seen)), max(map(len, seen))
    steps = str(longest) if shortest == longest else f"{shortest}-{longest}"
    classes = "" if is_regression(y) else len(np.unique(y))
    sizes = name, len(X), test, steps, X[0].shape[1], classes
    return dict(zip(SIZES, sizes, strict=True))


def columns_of(estimators, figures, shown):
    """Names of scores and of seconds: what is fitted, then what is read from a file."""
    read = {column for row in figures.values() for column in row}
    scores = [*estimators, *[s for s in shown if s in read - set(estimators)]]
    seconds = [f"{s}_s" for s in scores if s in estimators or f"{s}_s" in read]
    return scores, seconds


def print_task(task, datasets, estimators, figures, args):
    """Print the table of a task, a row for each set, and yield the rows."""
    scores, seconds = columns_of(estimators, figures, args.show)
    print(f"\n{task.capitalize()}: {TASKS[task]}; seconds of a fit (_s)")
    table = Table([*SIZES, *scores, *seconds], set=22, steps=9)
    for name, dataset in datasets.items():
        row = sizes_of(name, dataset, args.cv)
        known = figures.get(name, {})
        row |= {s: as_figure(known.get(s)) for s in scores + seconds}
        for title, make in estimators.items():
            result = evaluate(partial(make, task), dataset, args)
            row[title], row[f"{title}_s"] = result
        table.add(*row.values())
        yield {"task": task, **row}
    means = [np.mean([row[s] for row in table.rows]) for s in scores + seconds]
    table.add("mean", *[""] * (len(SIZES) - 1), *means)
    if set(OURS) & set(scores):
        print_comparison(table.rows[:-1], scores)


def as_figure(value):
    return value if isinstance(value, float) else math.nan


def print_comparison(rows, scores):
    """Each of ours beside each other one, on the sets where both have a score."""
    print()
    table = Table(("ours", "other", "sets", "mean", "other's", *"WDL"), other=12)
    for ours in [s for s in scores if s in OURS]:
        for other in [s for s in scores if s != ours]:
            pairs = np.array([(row[ours], row[other]) for row in rows])
            pairs = pairs[~np.isnan(pairs).any(axis=1)]
            if len(pairs):
                means = pairs.mean(axis=0).tolist()
                table.add(ours, other, len(pairs), *means, *count_wins(*pairs.T))


def count_wins(ours, others):
    """Numbers of wins, draws and losses."""
    wins, losses = (ours - others >= DRAW).sum(), (others - ours >= DRAW).sum()
    return wins, len(ours) - wins - losses, losses


def write_csv(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def parse_param(text):
    """Read "name=value"; a value that is no Python literal is a string."""
    name, _, value = text.partition("=")
    try:
        return name, ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return name, value


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--folder", type=Path, help="of NAME.npz files, instead of the public sets")
    add("--datasets", nargs="+", metavar="NAME", help="some of the sets")
    add("--fit", nargs="+", choices=("rnn", *PEERS), help="default: all that can")
    add("--voting", type=int, metavar="N", help="fit also the mean of N networks")
    add("--seeds", nargs="+", type=int, default=[0, 1, 2])
    add("--cv", type=int, metavar="K", help="K folds of the training parts; no test")
    add(
        "--figures",
        type=Path,
        help="CSV file of others' scores (the folder's peers.csv, unless --cv)",
    )
    add(
        "--show", nargs="+", metavar="COLUMN", default=OURS + PEERS, help="of that file"
    )
    add(
        "--params",
        nargs="+",
        type=parse_param,
        default=[],
        metavar="NAME=VALUE",
        help="parameters of ours that replace their defaults",
    )
    add(
        "--data-dir",
        type=Path,
        default=DATA_DIR,
        help="folder with aeon's wheel, downloaded if missing (default: %(default)s)",
    )
    add("--csv", type=Path, help="write all rows to this file")
    return parser.parse_args()


def read_datasets(args):
    """The sets of each task, by name."""
    there = names_of(args.folder)
    names = args.datasets or there
    if not there:
        sys.exit(f"No file NAME.npz in {args.folder}.")
    if missing := set(names) - set(there):
        sys.exit(f"No set {', '.join(missing)}; there are {', '.join(there)}.")
    datasets = {task: {} for task in TASKS}
    for name in names:
        dataset = load_dataset(name, args.data_dir, args.folder)
        task = "regression" if is_regression(dataset[1]) else "classification"
        datasets[task][name] = dataset
    return datasets


def read_figures(args):
    """The rows of the file with others' scores, by set."""
    path = args.figures
    if path is None and args.folder and not args.cv:
        path = args.folder / "peers.csv"
        path = path if path.exists() else None
    return {row["set"]: row for row in read_rows(path)} if path else {}


def main():
    args = parse_args()
    # The default number of epochs is part of what is compared.
    warnings.simplefilter("ignore", ConvergenceWarning)
    estimators, figures, rows = make_estimators(args), read_figures(args), []
    for task, datasets in read_datasets(args).items():
        if datasets:
            for row in print_task(task, datasets, estimators, figures, args):
                rows.append(row)
                if args.csv:
                    write_csv(args.csv, rows)


if __name__ == "__main__":
    main()
