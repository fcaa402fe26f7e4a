"""The adding problem: what two steps that lie far apart add up to.

Each step of a sequence has a random number and a marker; two steps are marked, one in
each half, and the target is the sum of their numbers (S. Hochreiter and J. Schmidhuber,
Long short-term memory, Neural Computation 9(8), 1997). So a network must carry a number
over many steps, and so must the gradient on its way back.

A GRU sees 1,000 steps, an LSTM 400, an Elman network of rectified linear units 100.
All are as by default, but for the cell and the number of epochs: they take neighbouring
steps together as frames, and read in both directions. They need many sequences, of
which this problem has as many as one likes.

The picture shows the loss, and what a marked number of 1 instead of 0 adds to the
prediction, for a mark at each step: in a plain network before training (one direction,
no frames), in the default one before training, and after it, when it should be 1. Where
it has vanished, nothing can be learned from that step.
"""

import argparse
from pathlib import Path
from time import perf_counter

import numpy as np
from matplotlib.figure import Figure
from sklearn.base import clone

from skrnn import RNNRegressor

#: How many steps each sees, and what is not by default.
NETWORKS = {
    "GRU": (1000, {"cell": "gru", "max_iter": 15}),
    "LSTM": (400, {"cell": "lstm", "max_iter": 18}),
    "Elman": (100, {"cell": "rnn", "activation": "relu", "max_iter": 8}),
}
PLAIN = {"bidirectional": False, "frame_length": 1, "hop_length": 1}
N_PLACES = 50  # where the effect of a mark is measured


def make_sequences(rng, n, n_timesteps):
    """Numbers from 0 to 1 and markers (n, n_timesteps, 2); sums of the marked ones."""
    X = np.zeros((n, n_timesteps, 2), np.float32)
    X[:, :, 0] = rng.random((n, n_timesteps))
    half, rows = n_timesteps // 2, np.arange(n)
    for marked in (rng.integers(half, size=n), rng.integers(half, n_timesteps, size=n)):
        X[rows, marked, 1] = 1
    return X, (X[:, :, 0] * X[:, :, 1]).sum(axis=1)


def effects(network, X):
    """At some steps: what a marked 1 instead of a marked 0 adds, a mean over X."""
    places = np.linspace(0, X.shape[1] - 1, N_PLACES).astype(int)
    marked = np.repeat(X[None], N_PLACES, axis=0)
    marked[range(N_PLACES), :, places, 1] = 1
    values = []
    for number in (0, 1):
        marked[range(N_PLACES), :, places, 0] = number
        values.append(network.predict(marked.reshape(-1, *X.shape[1:])))
    added = np.abs(values[1] - values[0]).reshape(N_PLACES, -1)
    return places, added.mean(axis=1)


def untrained(network, X, y):
    """The network as training finds it."""
    return clone(network).set_params(max_iter=1, learning_rate_init=1e-12).fit(X, y)


def solve(name, n_train):
    """The loss curve, and the effects of marks in three states of a network."""
    n_timesteps, params = NETWORKS[name]
    rng = np.random.default_rng(0)
    X, y = make_sequences(rng, n_train, n_timesteps)
    X_test, y_test = make_sequences(rng, 500, n_timesteps)
    network = RNNRegressor(random_state=0, **params)
    plain = clone(network).set_params(**PLAIN)
    start = perf_counter()
    network.fit(X, y)
    seconds = perf_counter() - start
    curves = {
        "plain": effects(untrained(plain, X[:16], y[:16]), X_test[:8]),
        "default": effects(untrained(network, X[:16], y[:16]), X_test[:8]),
        "trained": effects(network, X_test[:8]),
    }
    middle = "".join(f"{np.median(added):>9.0e}" for _, added in curves.values())
    r2 = network.score(X_test, y_test)
    print(f"{name:<8}{n_timesteps:>5}{r2:>7.3f}{seconds:>7.0f} s{middle}", flush=True)
    return network.loss_curve_, curves


def save_plot(results, path):
    """One row a network: its loss, and the effects of marks."""
    figure = Figure(figsize=(9, 2.8 * len(results)), layout="constrained")
    axes = figure.subplots(len(results), 2, squeeze=False)
    for (loss_ax, ax), (name, (losses, curves)) in zip(
        axes, results.items(), strict=True
    ):
        loss_ax.plot(np.arange(1, len(losses) + 1), losses)
        loss_ax.set(title=f"{name}: loss", xlabel="epoch", yscale="log")
        for state, (places, added) in curves.items():
            ax.plot(places, added, label=state)
        ax.set(title="effect of a mark", xlabel="its step", yscale="log")
        ax.set_ylim(1e-8, 3)  # below, it is the rounding of float32
        for each in (loss_ax, ax):
            each.grid(alpha=0.3)
    axes[0, 1].legend()
    figure.savefig(path, dpi=120)


def main(output, names, n_train):
    output.mkdir(parents=True, exist_ok=True)
    print("network steps    R^2     fit    effect (median): plain, default, trained")
    results = {name: solve(name, n_train) for name in names}
    save_plot(results, output / "long_memory.png")
    print(f"\nWrote long_memory.png to {output.resolve()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default="output", help="for the picture")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    parser.add_argument("--sequences", type=int, default=20_000, help="to train on")
    args = parser.parse_args()
    main(args.output, args.networks, args.sequences)
