"""A glucose sensor half an hour and an hour ahead, with its gaps.

The data are one person's readings in mg/dL, every five minutes for 200 days, a tenth of
which are missing. At each reading the network says how much glucose will have changed
in 30 and in 60 minutes; it learns from the first four fifths, in pieces of three hours,
and is tested on the last. What is missing is filled in by what was seen last
(`SequenceImputer`), and is no target. Beside it are the forecast that nothing changes,
and a linear model of the last three hours and the time of day.

    python examples/glucose.py --output output
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.dates import DateFormatter
from matplotlib.figure import Figure
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline

from skrnn import RNNRegressor
from skrnn.datasets import load_glucose
from skrnn.preprocessing import SequenceFeatures, SequenceImputer, SequenceScaler

AHEAD = (6, 12)  # readings, of five minutes
LENGTH = 36  # of a piece
DAY = 288


def as_steps(glucose):
    """At each time the reading, or NaN, and the time of day, on a circle."""
    index = glucose.index
    angle = 2 * np.pi * (index.hour + index.minute / 60).to_numpy() / 24
    return np.column_stack([glucose, np.sin(angle), np.cos(angle)])


def changes(glucose):
    """How much glucose will have changed, NaN where either reading is missing."""
    return np.column_stack([glucose.shift(-ahead) - glucose for ahead in AHEAD])


def fit_network(X, y, n_epochs, dropout, seed):
    """Learn from pieces, one behind the other."""
    n = len(X) // LENGTH * LENGTH
    pipeline = make_pipeline(
        SequenceImputer(add=()),
        SequenceFeatures("difference"),
        SequenceScaler(),
        RNNRegressor(
            hidden_size=32,
            n_layers=2,
            dropout=dropout,
            recurrent_dropout=dropout,
            loss="absolute_error",
            return_sequences=True,
            max_iter=n_epochs,
            random_state=seed,
        ),
    )
    pieces = (a[:n].reshape(-1, LENGTH, a.shape[1]) for a in (X, y))
    return pipeline.fit(*pieces)


def fit_linear(glucose, steps, y):
    """Predictions at all times of a model of the last three hours."""
    seen = glucose.ffill()
    lags = np.column_stack([seen.shift(k).bfill() for k in range(LENGTH)])
    table = np.hstack([lags, steps[:, 1:]])
    found = np.empty((len(table), len(AHEAD)))
    for j, target in enumerate(y.T):
        there = ~np.isnan(target)
        model = RidgeCV().fit(table[: len(y)][there], target[there])
        found[:, j] = model.predict(table)
    return found


def save_plot(glucose, predicted, path):
    """Draw a day with a gap: what came, and what was said an hour before."""
    is_there = glucose.notna()
    # The day that has the most gaps among those that have most of their readings.
    begins, shares = is_there.astype(int).diff().eq(1), is_there.rolling(DAY).mean()
    n_gaps = begins.rolling(DAY).sum().where(shares.between(0.8, 0.97))
    end = n_gaps.argmax() + 1 if n_gaps.notna().any() else len(glucose)
    part = slice(max(0, end - DAY), end)
    shown = glucose.iloc[part]
    said = pd.Series(glucose.to_numpy() + predicted[:, 1], glucose.index)
    figure = Figure(figsize=(9, 4), layout="constrained")  # needs no display
    ax = figure.subplots()
    ax.plot(shown, ".", color="black", ms=4, label="what came")
    an_hour_ago = glucose.shift(AHEAD[1]).iloc[part]
    ax.plot(an_hour_ago, color="gray", ls=":", label="an hour before")
    of_network = said.shift(AHEAD[1]).iloc[part]
    ax.plot(of_network, color="tab:red", label="said by the network an hour before")
    ax.xaxis.set_major_formatter(DateFormatter("%H:%M"))
    title = (
        f"From {shown.index[0]:%d %B %Y}: no forecast an hour after a missing reading"
    )
    ax.set(ylabel="glucose, mg/dL", title=title)
    ax.legend(ncols=3, loc="upper center", fontsize="small")
    top = max(part.max() for part in (shown, of_network))
    ax.set_ylim(top=1.2 * top)
    figure.savefig(path, dpi=150)


def main(output, n_days, n_epochs, dropout, n_seeds):
    """Learn, print the mean absolute errors of the last fifth, draw a day."""
    output.mkdir(parents=True, exist_ok=True)
    glucose = load_glucose(as_frame=True).data[: n_days and n_days * DAY]
    steps, n_train = as_steps(glucose), len(glucose) * 4 // 5
    y = changes(glucose[:n_train])  # of readings that are known by then
    truth = changes(glucose)[n_train:]

    def show(name, predicted):
        errors = np.nanmean(np.abs(truth - predicted[-len(truth) :]), axis=0)
        print(f"{name:<28}{errors[0]:>8.2f}{errors[1]:>8.2f}")

    print(f"mean absolute error, mg/dL    30 min  60 min, {len(truth)} times")
    show("nothing changes", np.zeros_like(truth))
    show("linear, last three hours", fit_linear(glucose, steps, y))
    predictions = []
    for seed in range(n_seeds):
        network = fit_network(steps[:n_train], y, n_epochs, dropout, seed)
        # It reads forward only, so one pass tells what was said at each time.
        predictions.append(network.predict([steps])[0])
        show(f"network, seed {seed}", predictions[-1])
    mean = np.mean(predictions, axis=0)
    if n_seeds > 1:
        show("mean of these", mean)
    save_plot(glucose[n_train:], mean[n_train:], output / "glucose.png")
    print(f"\nWrote glucose.png to {output.resolve()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output",
        type=Path,
        default="output",
        help="folder for the picture (default: %(default)s)",
    )
    parser.add_argument("--days", type=int, help="days to use (default: all)")
    parser.add_argument(
        "--epochs", type=int, default=40, help="of training (default: %(default)s)"
    )
    parser.add_argument(
        "--dropout",
        type=float,
        default=0.3,
        help="between layers and steps (default: %(default)s)",
    )
    parser.add_argument(
        "--seeds", type=int, default=3, help="networks (default: %(default)s)"
    )
    args = parser.parse_args()
    main(args.output, args.days, args.epochs, args.dropout, args.seeds)
