"""Peak memory of training and prediction, each in a process of its own. Linux only."""

import argparse
import gc
import math
import multiprocessing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np
from report.tables import Table, threads_text

from skrnn import RNNClassifier, RNNLanguageModel
from skrnn.backends import make_backend
from skrnn.mathematics.cells import get_cell
from skrnn.mathematics.losses import LOSSES
from skrnn.network import Network
from skrnn.sequences import Sequences

N_CLASSES = 5
SHARD_ROWS = 16
LONG = 1_000_000  # steps
LONG_SIZES = {"F": 8, "H": 64}
#: Tokens that are read, of vocabularies of these sizes.
N_READ, VOCABULARIES, UNITS = 200_000, (1_000, 10_000, 40_000), 128
MB = 1e6
FIELDS = ("table", "what", "measured MB", "formula MB", "ratio", "distinct MB")
NO_FORMULA = (math.nan,) * 3


class Row(NamedTuple):
    """A network and its batch, of one full shard for each thread."""

    cell: str
    T: int
    F: int
    H: int
    n_layers: int = 1
    bidirectional: bool = False
    layer_norm: bool = False
    pooling: str | None = "last"
    ragged: bool = False
    dtype: str = "float32"

    @property
    def n_places(self):
        """Layers times directions."""
        return self.n_layers * (2 if self.bidirectional else 1)


CELLS = ("rnn", "lstm", "gru")
ROWS = [
    *[Row(cell, 5000, 8, 16) for cell in CELLS],
    *[Row(cell, 5000, 8, 64) for cell in CELLS],
    *[Row(cell, 2000, 32, 256) for cell in CELLS],
    *[Row(cell, 2000, 8, 64, 2, True) for cell in CELLS],
    *[Row("gru", 5000, 8, 64, pooling=p) for p in ("mean", "max", "attention", None)],
    Row("gru", 5000, 8, 64, layer_norm=True),
    Row("gru", 10_000, 8, 64, ragged=True),
    Row("gru", 5000, 8, 64, dtype="float64"),
]


def kept_bytes(row, n_steps):
    """What the backward pass needs of so many steps of sequences.

    For each layer and direction the blocks and the states before the step, padded to
    64 bytes, and the outputs, twice if they are normalised; and the first layer's
    inputs, with a 1 for the biases.
    """
    step, itemsize = get_cell(row.cell, "tanh").step, np.dtype(row.dtype).itemsize
    padded = -(-row.H * itemsize // 64) * 64
    outputs, inputs = (1 + row.layer_norm) * row.H * itemsize, (row.F + 1) * itemsize
    per_place = (step.n_blocks + step.n_states) * padded + outputs
    return n_steps * (row.n_places * per_place + inputs)


def distinct_bytes(row, n_steps):
    """The same without padding, the user's X, and what is there twice.

    The outputs are the next step's states, as Elman's block is; normalised outputs can
    be computed from them.
    """
    step = get_cell(row.cell, "tanh").step
    n_values = 1 if row.cell == "rnn" else step.n_blocks + step.n_states
    return n_steps * row.n_places * n_values * row.H * np.dtype(row.dtype).itemsize


def training_peak(row, n_threads):
    """Steps of the batch, and bytes that its gradient needs above the data."""
    numba.set_num_threads(n_threads)
    rng, n = np.random.default_rng(0), SHARD_ROWS * n_threads
    network = Network(
        cell_name=row.cell,
        activation="tanh",
        n_features=row.F,
        hidden_size=row.H,
        n_layers=row.n_layers,
        bidirectional=row.bidirectional,
        layer_norm=row.layer_norm,
        pooling=row.pooling,
        output_sizes=(N_CLASSES,),
        loss=LOSSES["softmax"](),
        dtype=row.dtype,
    )
    parameters = network.initial_parameters(np.random.RandomState(0))
    gradient, backend = np.empty_like(parameters), make_backend("cpu", network)

    def gradient_of(lengths):
        X = [rng.standard_normal((length, row.F)) for length in lengths]
        sequences = Sequences.from_list(X, row.dtype)
        n_targets = n if row.pooling else lengths.sum()
        targets = rng.integers(0, N_CLASSES, (n_targets, 1))
        batch = sequences, np.arange(n), targets, np.full(n_targets, 1 / n_targets)
        return lambda: backend.loss_gradient(parameters, *batch, gradient)

    gradient_of(np.full(n, 2))()  # compiles, and starts the threads
    lengths = rng.integers(1, row.T + 1, n) if row.ragged else np.full(n, row.T)
    return lengths.sum(), peak_above(gradient_of(lengths))


def fit_peak(return_sequences, bptt_steps):
    """Bytes that an epoch on one long sequence needs above X and y."""
    estimator, X, y = fitted(return_sequences, bptt_steps, LONG)
    return peak_above(lambda: estimator.partial_fit(X, y))


def predict_peak(return_sequences, n_steps):
    """Bytes that predict needs above X, for one sequence."""
    estimator, X, _ = fitted(return_sequences, None, n_steps)
    estimator.predict(X[:, :1000])
    return peak_above(lambda: estimator.predict(X))


def language_peaks(n_tokens):
    """Bytes that an epoch and a score of a language model need above X."""
    rng = np.random.default_rng(0)
    X = [np.append(np.arange(n_tokens), rng.integers(n_tokens, size=N_READ - n_tokens))]
    model = RNNLanguageModel("gru", UNITS, embedding_size=64, random_state=0)
    model.partial_fit([X[0][: n_tokens + 300]])
    model.score([X[0][:300]])
    calls = partial(model.partial_fit, X), partial(model.score, X)
    return [peak_above(call) for call in calls]


def fitted(return_sequences, bptt_steps, n_steps):
    """An estimator that has trained on a few steps; one sequence X, and its y."""
    rng, F = np.random.default_rng(0), LONG_SIZES["F"]
    X = rng.standard_normal((1, n_steps, F), dtype=np.float32)
    y = rng.integers(0, N_CLASSES, (1, n_steps) if return_sequences else 1)
    estimator = RNNClassifier(
        cell="gru",
        hidden_size=LONG_SIZES["H"],
        return_sequences=return_sequences,
        pooling="last",
        bptt_steps=bptt_steps,
        random_state=0,
    )
    first = y[:, :300] if return_sequences else y
    return estimator.partial_fit(X[:, :300], first, np.arange(N_CLASSES)), X, y


def peak_above(call):
    """Bytes by which the memory rises during a call."""
    gc.collect()
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    call()
    return resident("VmHWM") - before


def resident(name):
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0]) * 1024


def alone(function, *arguments):
    """Call a function in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def add_training(table, cells, n_threads):
    """The gradient of a batch, above the data."""
    for row in ROWS:
        if row.cell not in cells:
            continue
        n_steps, peak = alone(training_peak, row, n_threads)
        kept, distinct = kept_bytes(row, n_steps), distinct_bytes(row, n_steps)
        measured = (peak / MB, kept / MB, peak / kept, distinct / MB)
        table.add("gradient", describe(row), *map(float, measured))


def describe(row):
    """What tells it from the other rows."""
    changes = [
        f"{name}={value}"
        for name, value in row._asdict().items()
        if name in row._field_defaults and value != row._field_defaults[name]
    ]
    return " ".join([f"{row.cell} T={row.T} F={row.F} H={row.H}", *changes])


def add_fit(table, bptt_steps):
    """An epoch on one long sequence, above X and y."""
    for k in (bptt_steps, None):
        for return_sequences in (False, True):
            peak = alone(fit_peak, return_sequences, k)
            what = f"bptt_steps={k} return_sequences={return_sequences}"
            table.add("epoch", what, peak / MB, *NO_FORMULA)


def add_predict(table):
    """A prediction for one sequence, above X."""
    for return_sequences in (False, True):
        for n_steps in (LONG // 100, LONG // 10, LONG):
            peak = alone(predict_peak, return_sequences, n_steps)
            what = f"T={n_steps} return_sequences={return_sequences}"
            table.add("predict", what, peak / MB, *NO_FORMULA)


def add_language(table):
    """A language model that reads a text; beside it, all outputs in one array."""
    for n_tokens in VOCABULARIES:
        all_outputs = 4 * N_READ * (n_tokens + 1)
        for what, peak in zip(
            ("epoch", "score"), alone(language_peaks, n_tokens), strict=True
        ):
            ratio = peak / all_outputs
            row = f"{what} of {N_READ} tokens, vocabulary {n_tokens}"
            table.add("language", row, peak / MB, all_outputs / MB, ratio, math.nan)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    tables = ("training", "fit", "predict", "language")
    parser.add_argument("--tables", nargs="+", choices=tables, default=tables)
    parser.add_argument(
        "--cells", nargs="+", choices=CELLS, default=CELLS, help="of the gradients"
    )
    parser.add_argument("--threads", type=int, default=1, help="of the gradients")
    parser.add_argument("--bptt-steps", type=int, default=100, help="of the epochs")
    parser.add_argument("--csv", type=Path, help="write the table to this file as well")
    args = parser.parse_args()
    sizes = " ".join(f"{name}={value}" for name, value in LONG_SIZES.items())
    n_sequences, threads = SHARD_ROWS * args.threads, threads_text(args.threads)
    print(
        f"gradient: {n_sequences} sequences, {threads}\n"
        f"epoch, predict: one sequence, a GRU with {sizes}; epoch: {LONG} steps\n"
        f"language: a GRU with H={UNITS}; formula: all outputs in one array"
    )
    table = Table(FIELDS, args.csv, table=8, what=54)
    if "training" in args.tables:
        add_training(table, args.cells, args.threads)
    if "fit" in args.tables:
        add_fit(table, args.bptt_steps)
    if "predict" in args.tables:
        add_predict(table)
    if "language" in args.tables:
        add_language(table)


if __name__ == "__main__":
    main()
