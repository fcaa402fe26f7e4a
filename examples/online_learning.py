"""Learning while the world changes: a stream of recordings, and partial_fit.

Three machines buzz, each at a pitch of its own. A recording is a short, noisy sequence
with one buzz somewhere in it, and the label says which machine it was. The recordings
come one after the other, and what a pitch means changes twice:

1. One night the pump and the fan are exchanged: each now has the other's pitch.
2. Later the machines wear out: all pitches rise, slowly, by as much as lay between two
   of them.

Two networks start as copies of one that was fitted to the first recordings. One stays
as it is. The other one takes the recordings in small batches, in the order of time: it
predicts a batch first, then gets the labels and goes on learning by `partial_fit`. So
every recording tests both networks before it teaches one of them (a prequential test).

The one that goes on learning loses a little while nothing changes, since its steps stay
large, and finds its way back after each change. The frozen one seems to recover a part,
by luck: at the end the fan has the pitch that it had in the beginning.

    python examples/online_learning.py --output output
"""

import argparse
from copy import deepcopy
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from skrnn import RNNClassifier

MACHINES = np.array(["pump", "fan", "drill"])
PITCHES = np.array([0.1, 0.2, 0.3])  # oscillations per time step
N_FIRST = 1000  # recordings that both networks learn from
#: Recordings before, between, within and after the two changes.
PHASES = {
    "as in the beginning": 1500,
    "pump and fan exchanged": 2500,
    "while the pitches rise": 4000,
    "all pitches higher": 1500,
}
BATCH, WINDOW = 20, 200


def pitches_over_time():
    """The pitch of each machine at each recording of the stream."""
    first, exchanged, rising, last = PHASES.values()
    swapped = PITCHES[[1, 0, 2]]
    rise = np.linspace(0, 0.1, rising)[:, np.newaxis]
    return np.concatenate(
        [
            np.tile(PITCHES, (N_FIRST + first, 1)),
            np.tile(swapped, (exchanged, 1)),
            swapped + rise,
            np.tile(swapped + 0.1, (last, 1)),
        ]
    )


def record(pitch, rng, n_steps=40, length=20):
    """A noisy sequence with a buzz of this pitch, at any place and of any phase."""
    sequence = rng.standard_normal(n_steps)
    start = rng.integers(n_steps - length + 1)
    turns = pitch * np.arange(length) + rng.random()
    sequence[start : start + length] += 2 * np.sin(2 * np.pi * turns)
    return sequence


def make_stream(seed):
    """Recordings in the order of time, as rows of a table, and their labels."""
    rng = np.random.default_rng(seed)
    pitches = pitches_over_time()
    machines = rng.integers(len(MACHINES), size=len(pitches))
    X = [record(p[m], rng) for p, m in zip(pitches, machines, strict=True)]
    return np.array(X), MACHINES[machines]


def predict_then_learn(network, X, y, learns):
    """For each recording: whether it was predicted right before it was learned."""
    right = []
    for start in range(0, len(X), BATCH):
        batch = slice(start, start + BATCH)
        right.append(network.predict(X[batch]) == y[batch])
        if learns:
            network.partial_fit(X[batch], y[batch])
    return np.concatenate(right)


def print_table(results):
    print(f"\n{'accuracy':<28}{'recordings':>10}", *(f"{name:>12}" for name in results))
    start = 0
    for phase, size in PHASES.items():
        shares = [right[start : start + size].mean() for right in results.values()]
        print(f"{phase:<28}{size:>10}", *(f"{share:>12.3f}" for share in shares))
        start += size


def save_plot(results, path):
    """Draw the accuracy over the last recordings, and where the machines change."""
    figure = Figure(figsize=(9, 4.5), layout="constrained")  # needs no display
    ax = figure.subplots()
    colors = {"frozen": "tab:gray", "partial_fit": "tab:blue"}
    for name, right in results.items():
        windowed = np.convolve(right, np.full(WINDOW, 1 / WINDOW), mode="valid")
        x = np.arange(WINDOW, len(right) + 1)
        ax.plot(x, windowed, color=colors[name], label=name)
    exchange, begin, end = np.cumsum(list(PHASES.values()))[:3]
    ax.axvline(exchange, color="tab:red", linestyle="--", label="machines exchanged")
    ax.axvspan(begin, end, color="tab:orange", alpha=0.2, label="pitches rise")
    ax.axhline(1 / len(MACHINES), color="black", linestyle=":", label="guessing")
    ax.set(
        title=f"Predicted before learned: accuracy over the last {WINDOW} recordings",
        xlabel="recordings so far",
        ylabel="accuracy",
        xlim=(0, len(right)),
        ylim=(0, 1.03),
    )
    figure.legend(loc="outside lower center", ncols=5)
    figure.savefig(path, dpi=120)


def main(output, seed):
    output.mkdir(parents=True, exist_ok=True)
    X, y = make_stream(seed)
    first, stream = slice(N_FIRST), slice(N_FIRST, None)
    print(f"{N_FIRST} recordings to start with, {len(X) - N_FIRST} more in the stream.")

    network = RNNClassifier(hidden_size=32, max_iter=30, random_state=seed)
    network.fit(X[first], y[first])
    results = {
        name: predict_then_learn(deepcopy(network), X[stream], y[stream], learns)
        for name, learns in [("frozen", False), ("partial_fit", True)]
    }

    print_table(results)
    save_plot(results, output / "online_learning.png")
    print(f"\nWrote online_learning.png to {output.resolve()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default="output", help="for the picture")
    parser.add_argument("--seed", type=int, default=0, help="of stream and network")
    args = parser.parse_args()
    main(args.output, args.seed)
