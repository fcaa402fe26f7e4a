"""A label for every day: the type of weather, from the measurements of all days so far.

For each day in Seattle there are precipitation, temperatures and wind, and somebody
noted the type of weather: sun, rain, fog, drizzle or snow. A recurrent network reads
the days in order and says the type of each. What is it good for to know the days
before? The notes changed their habit: days with precipitation are called rain at first,
and mostly fog from 2014 on. Nothing in a single day's measurements tells which habit is
in force.

The network trains on pieces of the first three years, and then reads all four in one
go. Beside it stand a gradient boosting on each day's own measurements, and the share of
each type so far.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.dates import DateFormatter
from matplotlib.figure import Figure
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import accuracy_score, log_loss
from sklearn.pipeline import make_pipeline

from skrnn import RNNClassifier
from skrnn.datasets import load_seattle_weather
from skrnn.preprocessing import SequenceScaler

COLORS = {
    "sun": "gold",
    "rain": "tab:blue",
    "fog": "darkgray",
    "drizzle": "tab:cyan",
    "snow": "tab:purple",
}


def load_days():
    """Measurements and type of weather of each day, in order."""
    frame = load_seattle_weather(as_frame=True).frame
    measurements = frame.drop(columns="weather")
    # Most days have no rain and a few have much.
    measurements["precipitation"] = np.sqrt(measurements["precipitation"])
    return measurements.to_numpy(), frame["weather"].to_numpy(str), frame.index


def cut(days, size, shift):
    """Pieces of `size` days, each `shift` days after the last."""
    return [days[i : i + size] for i in range(0, len(days) - size + 1, shift)]


def make_network(seed):
    return make_pipeline(
        SequenceScaler(),
        RNNClassifier(
            hidden_size=16,
            return_sequences=True,
            alpha=1.0,
            max_iter=60,
            random_state=seed,
        ),
    )


def report(name, y, probabilities, classes):
    """Print how good probabilities are."""
    predicted = classes[probabilities.argmax(axis=1)]
    print(
        f"{name:<30}{accuracy_score(y, predicted):>10.3f}"
        f"{log_loss(y, probabilities, labels=classes):>10.2f}"
    )


def save_plot(dates, y, probabilities, classes, path):
    """Draw the probabilities of each day of a season, and the noted types below."""
    shown = (dates >= "2015-01-01") & (dates < "2015-07-01")
    figure = Figure(figsize=(10, 4.5), layout="constrained")  # needs no display
    ax, strip = figure.subplots(2, 1, sharex=True, height_ratios=[5, 1])
    colors = [COLORS[name] for name in classes]
    ax.stackplot(
        dates[shown], probabilities[shown].T, labels=classes, colors=colors, step="mid"
    )
    ax.set(
        title="Seattle, first half of 2015: type of weather, from the days so far",
        ylabel="probability",
        ylim=(0, 1),
    )
    figure.legend(*ax.get_legend_handles_labels(), loc="outside right upper")
    noted = [COLORS[name] for name in y[shown]]
    strip.bar(dates[shown], 1, width=1, color=noted)
    strip.set(ylabel="noted", yticks=[], ylim=(0, 1))
    strip.xaxis.set_major_formatter(DateFormatter("%d %b"))
    figure.savefig(path, dpi=120)


def main(output, n_seeds):
    output.mkdir(parents=True, exist_ok=True)
    X, y, dates = load_days()
    train, test = dates.year < 2015, dates.year == 2015
    classes = np.unique(y[train])
    print(f"{train.sum()} days to train on, {test.sum()} to test.")
    print(f"\n{'2015':<30}{'accuracy':>10}{'log loss':>10}")

    shares = np.array([(y[train] == name).mean() for name in classes])
    report("share of each type", y[test], np.tile(shares, (test.sum(), 1)), classes)
    boosting = HistGradientBoostingClassifier(max_iter=30, random_state=0)
    boosting.fit(X[train], y[train])
    report("boosting, the day alone", y[test], boosting.predict_proba(X[test]), classes)

    X_pieces, y_pieces = (cut(days[train], size=60, shift=10) for days in (X, y))
    results = []
    for seed in range(n_seeds):
        network = make_network(seed).fit(X_pieces, y_pieces)
        results.append(network.predict_proba([X])[0])
        report(f"network, all days, seed {seed}", y[test], results[-1][test], classes)

    save_plot(dates, y, results[0], classes, output / "tagging.png")
    print(f"\nWrote tagging.png to {output.resolve()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default="output", help="for the picture")
    parser.add_argument("--seeds", type=int, default=3, help="networks to train")
    args = parser.parse_args()
    main(args.output, args.seeds)
