"""Time one training step of skrnn beside PyTorch's, in turns in one process.

A step is forward, backward, clipping by the global norm and Adam, in float32.
"""

import argparse
import csv
import time
from functools import partial
from pathlib import Path

import numba
import numpy as np
import torch
from torch import nn

from skrnn.backends import make_backend
from skrnn.network import Network
from skrnn.sequences import Sequences
from skrnn.training import Data, Settings, State, train

CELLS = ("rnn", "lstm", "gru")
SHAPES = (  # N sequences, T steps, F features, H hidden units
    (32, 50, 8, 16),
    (32, 50, 8, 32),
    (32, 50, 8, 64),
    (32, 50, 32, 128),
    (64, 100, 64, 256),
    (256, 50, 8, 64),
    (64, 50, 64, 512),
)
N_CLASSES = 5
MAX_NORM = 1.0
# Steps on one and the same batch would soon fit it, and gradients would sink to
# denormal numbers, which are slow. At this rate the weights hardly move.
LEARNING_RATE = 1e-7
WARM_UP_SECONDS, BURST_SECONDS = 0.02, 0.1  # of steps before the other's turn
FIELDS = ("cell", "N", "T", "F", "H", "skrnn_ms", "skrnn_iqr_ms")
FIELDS += ("pytorch_ms", "pytorch_iqr_ms", "ratio")


def make_batch(N, T, F, ragged):
    """The batch of both libraries: a list of (T, F) arrays, and labels."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(T // 4, T + 1, size=N) if ragged else np.full(N, T)
    X = [rng.standard_normal((length, F), dtype=np.float32) for length in lengths]
    return X, rng.permutation(np.arange(N) % N_CLASSES)


def skrnn_step(cell, N, T, F, H, ragged):
    """Return a callable that makes one training step: an epoch of one batch, as in fit.

    The checks of the input, which fit makes once, are left out, as PyTorch has none.
    """
    X, y = make_batch(N, T, F, ragged)
    network = Network(cell, "tanh", F, H, "last", N_CLASSES, "softmax", "float32")
    settings = Settings(
        solver="adam",
        hyperparameters=(0.9, 0.999, 1e-8),
        alpha=0.0,
        batch_size=N,
        learning_rate="constant",
        learning_rate_init=LEARNING_RATE,
        max_iter=10**9,
        shuffle=False,
        tol=0.0,
        n_iter_no_change=10**9,
        max_grad_norm=MAX_NORM,
    )
    data = Data(Sequences.from_list(X, np.float32), y[:, None], np.ones(N))
    random_state = np.random.RandomState(0)
    state = State.start(network.initial_parameters(random_state), settings.solver)
    epochs = train(
        make_backend("cpu", network), network, data, settings, state, random_state
    )
    return partial(next, epochs)


class TorchClassifier(nn.Module):
    def __init__(self, cell, F, H):
        super().__init__()
        self.rnn = getattr(nn, cell.upper())(F, H)
        self.head = nn.Linear(H, N_CLASSES)

    def forward(self, X):
        state = self.rnn(X)[1]
        h = state[0] if isinstance(state, tuple) else state  # the LSTM has (h, c)
        return self.head(h[-1])


def torch_batch(N, T, F, ragged):
    X, y = make_batch(N, T, F, ragged)
    X = [torch.from_numpy(x) for x in X]
    if ragged:
        # Packed once, outside of the step, which favours PyTorch.
        return nn.utils.rnn.pack_sequence(X, enforce_sorted=False), torch.from_numpy(y)
    return torch.stack(X, dim=1), torch.from_numpy(y)


def torch_step(cell, N, T, F, H, ragged):
    """Return a callable that makes one training step, with the faster of two Adams."""
    X, y = torch_batch(N, T, F, ragged)
    steps = [
        partial(train_torch, model, optimizer, X, y)
        for model, optimizer in (
            make_torch(cell, F, H, fused=True),
            make_torch(cell, F, H, foreach=True),
        )
    ]
    return min(steps, key=lambda step: np.median(time_burst(step)))


def make_torch(cell, F, H, **implementation):
    torch.manual_seed(0)
    model = TorchClassifier(cell, F, H)
    return model, torch.optim.Adam(
        model.parameters(), lr=LEARNING_RATE, **implementation
    )


def train_torch(model, optimizer, X, y):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(X), y).backward()
    nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
    optimizer.step()


def time_burst(step):
    """Seconds of each of some steps in a row."""
    # Threads of the library that just had its turn spin for some milliseconds before
    # they sleep; then caches and threads warm up, as in the middle of a fit.
    time.sleep(0.02)
    run_for(WARM_UP_SECONDS, step)
    return run_for(BURST_SECONDS, step)


def run_for(duration, step):
    """Seconds of each of the steps that fit into `duration`, three at least."""
    seconds = []
    while len(seconds) < 3 or sum(seconds) < duration:
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return seconds


def time_in_turns(steps, seconds):
    """Milliseconds of the steps of each library, from bursts that alternate."""
    times = [[] for _ in steps]
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop or len(times[0]) < 9:
        for step, so_far in zip(steps, times, strict=True):
            so_far.extend(time_burst(step))
    return [1e3 * np.array(so_far) for so_far in times]


def compare(cell, shape, ragged, seconds):
    """One row of the table."""
    steps = [make(cell, *shape, ragged) for make in (skrnn_step, torch_step)]
    quartiles = [
        np.quantile(times, [0.25, 0.5, 0.75]) for times in time_in_turns(steps, seconds)
    ]
    low, medians, high = np.transpose(quartiles)
    (ours, theirs), (our_iqr, their_iqr) = medians, high - low
    return (cell, *shape, ours, our_iqr, theirs, their_iqr, theirs / ours)


def geometric_mean(rows):
    return np.exp(np.mean([np.log(row[-1]) for row in rows]))


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=CELLS)
    parser.add_argument(
        "--ragged", action="store_true", help="lengths uniform between T/4 and T"
    )
    parser.add_argument("--threads", type=int, default=2, help="of each library")
    parser.add_argument("--seconds", type=float, default=3.0, help="a row, at least")
    parser.add_argument("--csv", type=Path, help="write the table to this file as well")
    return parser.parse_args()


def main():
    args = parse_args()
    numba.set_num_threads(args.threads)
    torch.set_num_threads(args.threads)
    heading = "{:<6}{:>5}{:>5}{:>5}{:>5}{:>11}{:>8}{:>12}{:>8}{:>16}"
    line = "{:<6}{:>5}{:>5}{:>5}{:>5}{:>11.2f}{:>8.2f}{:>12.2f}{:>8.2f}{:>16.2f}"
    print(
        heading.format(
            *FIELDS[:5], "skrnn ms", "IQR", "PyTorch ms", "IQR", "PyTorch/skrnn"
        )
    )
    rows = []
    for cell in args.cells:
        for shape in SHAPES:
            rows.append(compare(cell, shape, args.ragged, args.seconds))
            print(line.format(*rows[-1]), flush=True)
    print("\nGeometric mean of PyTorch/skrnn")
    for cell in args.cells:
        print(f"{cell:<6}{geometric_mean([r for r in rows if r[0] == cell]):.2f}")
    print(f"{'all':<6}{geometric_mean(rows):.2f}")
    if args.csv:
        with args.csv.open("w", newline="") as file:
            csv.writer(file).writerows([FIELDS, *rows])


if __name__ == "__main__":
    main()
