"""Compile ahead what the estimators need: ``python -m skrnn``.

For images of containers and for continuous integration: the first fit and the first
prediction there load compiled code.
"""

import argparse
import os
import sys
import warnings
from itertools import product
from time import perf_counter

import numba
import numpy as np
from numba.core import event
from sklearn.exceptions import ConvergenceWarning

from skrnn import RNNClassifier, RNNRegressor
from skrnn.backends.cpu import shard
from skrnn.mathematics import gradients
from skrnn.mathematics.cells import CELLS
from skrnn.mathematics.optimizers import OPTIMIZERS
from skrnn.network import POOLINGS
from skrnn.training import LBFGS

# Work for two threads: what lets them meet is compiled as well.
N_SEQUENCES, N_STEPS = 32, 16
#: What is learned -> the estimator, and how many classes: each needs a loss of its own.
TASKS = {
    "several classes": (RNNClassifier, 3),
    "two classes": (RNNClassifier, 2),
    "regression": (RNNRegressor, None),
}
NO_POOLING = "none"


def compile_ahead(cells, dtypes, poolings=None, solvers=("adam",), streams=False):
    """Fit and predict with an estimator of each kind, so that all is compiled.

    Parameters
    ----------
    cells, dtypes, poolings, solvers : sequences of str
        As the estimators' parameters name them; the pooling "none" stands for
        ``return_sequences=True``. No poolings: each estimator's default, and "none".
    streams : bool, default=False
        Whether to predict with streams, too.

    Yields
    ------
    name : str
        What was done.
    seconds : float
        How long it took.
    is_compiled : bool
        Whether something had to be compiled.
    """
    combinations = product(cells, dtypes, solvers, TASKS.items())
    for cell, dtype, solver, (task, (estimator_class, n_classes)) in combinations:
        default = estimator_class().pooling
        for pooling in poolings or (default, NO_POOLING):
            estimator = estimator_class(
                cell=cell,
                dtype=dtype,
                solver=solver,
                pooling=default if pooling == NO_POOLING else pooling,
                return_sequences=pooling == NO_POOLING,
                bidirectional=False,  # for both, the code is the same
                batch_size=N_SEQUENCES,
                max_iter=1,
            )
            start = perf_counter()
            with event.install_recorder("numba:compile") as compiled:
                _use(estimator, n_classes, streams)
            name = f"{cell}, {dtype}, {solver}, pooling {pooling}, {task}"
            yield name, perf_counter() - start, bool(compiled.buffer)


def _use(estimator, n_classes, streams):
    """Call what users call, with as little data as will do."""
    X = np.random.default_rng(0).standard_normal((N_SEQUENCES, N_STEPS, 1))
    y = X[:, :, 0] if estimator.return_sequences else X[:, 0, 0]
    if n_classes is not None:
        y = np.arange(y.size).reshape(y.shape) % n_classes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # there is one epoch only
        estimator.fit(X, y).predict(X)
    if streams:
        estimator.stream(N_SEQUENCES).predict(X)


def _cache_paths():
    """Where compiled code is kept; None in it: nowhere."""
    functions = shard.train_shards, gradients.clip_norm
    return [function.stats.cache_path for function in functions]


def _parser():
    parser = argparse.ArgumentParser(
        "python -m skrnn",
        description="Compile what the estimators need into Numba's cache on disk, so "
        "that later processes load it.",
    )

    def add(name, choices, default, by_default):
        text = f"{', '.join(choices)}; by default {by_default}"
        options = {"nargs": "+", "choices": choices, "metavar": "NAME"}
        parser.add_argument(name, default=default, help=text, **options)

    cells = list(dict.fromkeys(name for name, _ in CELLS))
    add("--cells", cells, cells, "all")
    add("--dtypes", ["float32", "float64"], ["float32"], "float32")
    add(
        "--poolings",
        [*POOLINGS, NO_POOLING],
        None,
        "the default of each estimator, and none: return_sequences=True",
    )
    add("--solvers", [*OPTIMIZERS, LBFGS], ["adam"], "adam")
    parser.add_argument(
        "--streams", action="store_true", help="also what stream() needs"
    )
    return parser


def main(arguments=None):
    """Compile what the command line asks for, and say what was done."""
    options = vars(_parser().parse_args(arguments))
    if numba.config.DISABLE_JIT:
        sys.exit("Nothing can be compiled: NUMBA_DISABLE_JIT is set. Unset it.")
    paths = _cache_paths()
    if None in paths:
        sys.exit(
            "Compiled code cannot be kept: no folder for it can be written. Set "
            "NUMBA_CACHE_DIR to one that can."
        )
    folder = os.path.commonpath(paths)
    start, n_compiled = perf_counter(), 0
    for name, seconds, is_compiled in compile_ahead(**options):
        n_compiled += is_compiled
        what = "compiled in" if is_compiled else "was there,"
        print(f"{name}: {what} {seconds:.1f} s", flush=True)
    if n_compiled == 0:
        print("Nothing had to be compiled.")
    elif all(os.access(path, os.W_OK) for path in paths):
        print(f"Compiled in {perf_counter() - start:.1f} s.")
    else:
        sys.exit(f"What was compiled could not be kept: {folder} can only be read.")
    print(f"Compiled code is kept in {folder}")


if __name__ == "__main__":
    main()
