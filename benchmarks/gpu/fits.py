"""Whole fits on the GPU beside the same on the CPU: scores, pickles, memory."""

import gc
import os
import pickle
import subprocess
import sys
import warnings

import numpy as np
from report.tables import Table
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from gpu.cases import lengths_of
from gpu.kernels import DEVICE
from skrnn import RNNClassifier, RNNRegressor
from skrnn.mathematics.optimizers import OPTIMIZERS
from skrnn.training import LBFGS

FITS = (
    (RNNClassifier, {"cell": "lstm"}),
    (RNNClassifier, {"cell": "gru", "n_layers": 2, "bidirectional": True}),
    (RNNClassifier, {"cell": "rnn", "n_layers": 2, "dropout": 0.2}),
    (RNNClassifier, {"pooling": "attention", "recurrent_dropout": 0.2}),
    (RNNClassifier, {"return_sequences": True}),
    (RNNRegressor, {"cell": "lstm", "return_sequences": True, "bptt_steps": 3}),
    (RNNRegressor, {"early_stopping": True, "validation_fraction": 0.4}),
    (RNNRegressor, {"n_layers": 2, "trainable": "head"}),
    (RNNRegressor, {"adapter_rank": 1, "trainable": []}),
    (RNNRegressor, {"categorical_features": [2]}),
    *[(RNNRegressor, {"solver": solver}) for solver in (*OPTIMIZERS, LBFGS)],
)
#: What is measured of each, and the most that it may be. Rounding errors grow with
#: every step of the solver.
LIMITS = {
    "score": 0.02,  # its difference
    "outputs": 1e-4,  # here and below relative to the largest one
    "losses": 1e-4,  # of the epochs
    "again": 0.0,  # another fit on the GPU: the same bits
    "to GPU": 1e-4,  # predictions of a pickle that comes from the CPU
    "to CPU": 1e-4,  # and the other way, in a process that sees no GPU
    "kept MB": 1.0,  # of the device's memory, after a fit
}
#: What that process does.
PREDICT_ON_CPU = """
import pickle, sys
estimator, method, X = pickle.load(sys.stdin.buffer)
result = getattr(estimator.set_params(device="cpu"), method)(X)
assert "numba.cuda" not in sys.modules, "Prediction on the CPU imports numba.cuda."
pickle.dump(result, sys.stdout.buffer)
"""


def check_fits(is_tiny, csv_path=None):
    """Print a line for each fit; returns what is beyond its limit."""
    n, longest, size, epochs = (6, 3, 2, 1) if is_tiny else (200, 40, 32, 5)
    rng, failures = np.random.default_rng(0), []
    X = [rng.standard_normal((t, 3)) for t in lengths_of(n, longest)]
    for x in X:
        x[:, 2] = x[:, 2].round()
    table = Table(("estimator", *LIMITS, "parameters"), csv_path, estimator=13)
    for estimator_class, changes in FITS[::3] if is_tiny else FITS:
        name = estimator_class.__name__
        given = {"hidden_size": size, "max_iter": epochs, "random_state": 0} | changes
        try:
            found = compare(estimator_class(**given), X)
        except Exception as error:
            failures.append(f"{name}({changes}): {type(error).__name__}: {error}")
            print(f"FAILED {failures[-1]}", flush=True)
            continue
        table.add(name, *[f"{value:.1e}" for value in found.values()], changes)
        failures += [
            f"{name}({changes}): {what} {value:.2g} is above {LIMITS[what]}"
            for what, value in found.items()
            if not value <= LIMITS[what]
        ]
    return failures


def compare(estimator, X):
    """What `LIMITS` names, for this estimator on both devices."""
    y = targets_of(estimator, X)
    on_cpu, on_gpu = (fitted(estimator, device, X, y) for device in ("cpu", DEVICE))
    before = held_bytes()
    again = fitted(estimator, DEVICE, X, y)
    kept = held_bytes() - before
    method = "predict_proba" if hasattr(estimator, "predict_proba") else "predict"
    expected, found = (flat(getattr(e, method)(X)) for e in (on_cpu, on_gpu))
    moved = pickle.loads(pickle.dumps(on_cpu)).set_params(device=DEVICE)
    values = (
        abs(on_gpu.score(X, y) - on_cpu.score(X, y)),
        difference(found, expected),
        difference(on_gpu.loss_curve_, on_cpu.loss_curve_),
        difference(weights_of(again), weights_of(on_gpu)),
        difference(flat(getattr(moved, method)(X)), expected),
        difference(flat(predict_without_gpu(on_gpu, method, X)), found),
        kept / 1e6,
    )
    return dict(zip(LIMITS, map(float, values), strict=True))


def targets_of(estimator, X):
    """To learn: the sum of a feature, after each step or the last, or its sign."""
    sums = [x[:, 0].cumsum() for x in X]
    if not estimator.return_sequences:
        sums = np.array([values[-1] for values in sums])
    if isinstance(estimator, RNNRegressor):
        return sums
    return [v > 0 for v in sums] if isinstance(sums, list) else sums > 0


def held_bytes():
    """How much of the device's memory is in use; of the simulator's, by arrays."""
    from numba import config, cuda

    from skrnn.backends.cuda.device import live_bytes

    gc.collect()
    if config.ENABLE_CUDASIM:
        return live_bytes()
    free, total = cuda.current_context().get_memory_info()
    return total - free


def fitted(estimator, device, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return clone(estimator).set_params(device=device).fit(X, y)


def weights_of(estimator):
    return flat(estimator.get_weights().values())


def flat(arrays):
    """All numbers of an array or of several, in one vector."""
    return np.concatenate([np.ravel(array) for array in arrays])


def difference(found, expected):
    """The largest, relative to the largest value."""
    expected = np.asarray(expected)
    return np.abs(np.asarray(found) - expected).max() / np.abs(expected).max()


def predict_without_gpu(estimator, method, X):
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    environment.pop("NUMBA_ENABLE_CUDASIM", None)
    done = subprocess.run(
        [sys.executable, "-c", PREDICT_ON_CPU],
        input=pickle.dumps((estimator, method, X)),
        capture_output=True,
        env=environment,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode().strip().splitlines()[-1])
    return pickle.loads(done.stdout)
