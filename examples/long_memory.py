"""The adding problem: what gates do about vanishing gradients.

Each step of a sequence has a random number and a marker; two steps are marked, one in
each half, and the target is the sum of their numbers (S. Hochreiter and J. Schmidhuber,
Long short-term memory, Neural Computation 9(8), 1997). To learn it, a network must
carry a number over many steps, and so must the gradient on its way back.

The picture shows the loss of an Elman network, an LSTM and a GRU, and how large the
gradient of the output is with respect to the input of each step, before and after
training: where it has vanished, nothing can be learned from that step.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from skrnn import RNNRegressor

CELLS = {"rnn": "Elman", "lstm": "LSTM", "gru": "GRU"}
LENGTHS = (100, 400)
STEP = 1e-4  # of the numerical derivatives


def make_sequences(rng, n, n_timesteps):
    """Numbers from 0 to 1 and markers (n, n_timesteps, 2); sums of the marked ones."""
    X = np.zeros((n, n_timesteps, 2))
    X[:, :, 0] = rng.random((n, n_timesteps))
    half, rows = n_timesteps // 2, np.arange(n)
    for marked in (rng.integers(half, size=n), rng.integers(half, n_timesteps, size=n)):
        X[rows, marked, 1] = 1
    return X, (X[:, :, 0] * X[:, :, 1]).sum(axis=1)


def make_network(cell, max_iter, **params):
    return RNNRegressor(
        cell=cell,
        hidden_size=32,
        learning_rate_init=0.01,
        max_iter=max_iter,
        n_iter_no_change=max_iter,
        random_state=0,
        **params,
    )


def gradient_norms(network, X):
    """Norm of the output's gradient with respect to the inputs of each step.

    By central differences, in float64; the root mean square over the sequences of X.
    """
    exact = make_network(network.cell, 1, dtype="float64", normalize_y=False)
    exact.fit(X, np.zeros(len(X))).set_weights(network.get_weights())
    n_timesteps, n_features = X.shape[1:]
    squares = np.zeros(n_timesteps)
    for x in X:
        moves = STEP * np.eye(n_timesteps * n_features).reshape(-1, *x.shape)
        difference = exact.predict(x + moves) - exact.predict(x - moves)
        squares += ((difference / (2 * STEP)) ** 2).reshape(x.shape).sum(axis=1)
    return np.sqrt(squares / len(X))


def compare(n_timesteps, n_train, max_iter):
    """For each cell the loss curve, R^2, gradient norms before and after training."""
    rng = np.random.default_rng(0)
    X, y = make_sequences(rng, n_train, n_timesteps)
    X_test, y_test = make_sequences(rng, 500, n_timesteps)
    results = {}
    for cell, name in CELLS.items():
        untrained = make_network(cell, 1).set_params(learning_rate_init=1e-12)
        before = gradient_norms(untrained.fit(X[:32], y[:32]), X_test[:4])
        network = make_network(cell, max_iter).fit(X, y)
        r2, after = network.score(X_test, y_test), gradient_norms(network, X_test[:4])
        results[name] = network.loss_curve_, r2, before, after
        print(
            f"{n_timesteps:>5}  {name:<6}{network.loss_:>9.4f}{r2:>9.4f}"
            f"{before[0] / before[-1]:>12.0e}{after[0] / after[-1]:>12.0e}",
            flush=True,
        )
    return results


def save_plot(all_results, path):
    """One row a length: losses, gradients before training, gradients after it."""
    figure = Figure(figsize=(11, 3.4 * len(all_results)), layout="constrained")
    axes = figure.subplots(len(all_results), 3, squeeze=False)
    for row, (n_timesteps, results) in zip(axes, all_results.items(), strict=True):
        for name, (losses, _, before, after) in results.items():
            row[0].plot(np.arange(1, len(losses) + 1), losses, label=name)
            row[1].plot(before, label=name)
            row[2].plot(after, label=name)
        row[0].set(title=f"{n_timesteps} steps: loss", xlabel="epoch", yscale="log")
        for ax, when in zip(row[1:], ("before", "after"), strict=True):
            ax.set(
                title=f"gradient of the output {when} training",
                xlabel="step of the input",
                ylabel="norm",
                yscale="log",
                ylim=(1e-12, 10),  # below, the differences are rounding errors
            )
        row[0].set_ylabel("half the squared error, standardised")
        for ax in row:
            ax.grid(alpha=0.3)
    axes[0, 0].legend()
    figure.savefig(path, dpi=120)


def main(output, lengths, n_train, max_iter):
    output.mkdir(parents=True, exist_ok=True)
    print("steps  cell       loss      R^2   gradient of first step / last step")
    print("                             before       after training")
    results = {length: compare(length, n_train, max_iter) for length in lengths}
    save_plot(results, output / "long_memory.png")
    print(f"\nWrote long_memory.png to {output.resolve()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default="output", help="for the picture")
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS)
    parser.add_argument("--sequences", type=int, default=2_000, help="to train on")
    parser.add_argument("--max-iter", type=int, default=40, help="epochs")
    args = parser.parse_args()
    main(args.output, args.lengths, args.sequences, args.max_iter)
