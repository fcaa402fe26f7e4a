"""Tomorrow's departures from New York's airports, hour by hour, with intervals.

The data are 26 series, of how many flights the timetable has in each hour of 2013: one
for each airport and airline. One network learns from all of them what the next 24 hours
bring, and says for each hour three quantiles. A backtest forecasts each of the last 30
days before 15 November from what was known at midnight, without learning again, beside
the forecast that all is as a week ago.

That is hard to beat: most weeks repeat the one before, hour by hour. It fails for a
week wherever the timetable changes. The network knows what was a day and a week ago,
and so sees that yesterday was not as the same day of the week before, and by how much.

    python examples/departures.py --output output
"""

import argparse
from pathlib import Path

import pandas as pd
from matplotlib.dates import DateFormatter
from matplotlib.figure import Figure

from skrnn import RNNForecaster
from skrnn.datasets import load_departures
from skrnn.metrics import mase

HORIZON, WEEK = 24, 168
END = "2013-11-14"  # the last day
#: The series that the plot shows, and the origins of the forecasts.
SHOWN, BEGIN = "JFK DL", "2013-10-26"


def print_scores(y, forecasts, scores):
    """Print errors and coverage, the mean and the median over the series."""
    first = forecasts.index.get_level_values("origin")[0]
    train, true = y[:first], y[first:][1:]
    as_last_week = y.shift(WEEK).loc[true.index]
    arguments = {"season_length": HORIZON, "multioutput": "raw_values"}
    naive = pd.Series(mase(true, as_last_week, train, **arguments), y.columns)
    print("MASE                 mean  median")
    for name, errors in (("as a week ago", naive), ("network", scores["mase"])):
        print(f"{name:<18}{errors.mean():>7.3f}{errors.median():>8.3f}")
    print(f"coverage of the interval from 0.1 to 0.9: {scores['coverage'].mean():.3f}")


def save_plot(y, forecasts, path):
    """Draw the days around a change of the timetable: medians and bands."""
    shown = forecasts.xs(SHOWN, level="series").droplevel("origin")[BEGIN:]
    shown = shown[: 6 * HORIZON]
    figure = Figure(figsize=(9, 4), layout="constrained")  # needs no display
    ax = figure.subplots()
    ax.fill_between(
        shown.index,
        shown[0.1],
        shown[0.9],
        color="tab:red",
        alpha=0.25,
        lw=0,
        label="0.1 to 0.9",
    )
    ax.plot(shown.index, shown[0.5], color="tab:red", label="median of the network")
    last_week = y[SHOWN].shift(WEEK).loc[shown.index]
    ax.plot(last_week, ":", color="gray", label="a week ago")
    ax.plot(shown["y_true"], ".", color="black", ms=4, label="what came")
    ax.xaxis.set_major_formatter(DateFormatter("%a %d %b"))
    ax.set(ylabel="departures an hour", title=f"{SHOWN}: each day from its midnight")
    ax.legend(ncols=4, loc="upper center", fontsize="small")
    ax.set_ylim(top=1.25 * shown.max(axis=None))
    figure.savefig(path, dpi=150)


def main(output, n_series, n_days, n_epochs):
    """Backtest, print the scores, draw a change of the timetable."""
    output.mkdir(parents=True, exist_ok=True)
    y = load_departures(as_frame=True).data[:END]
    y = y[[SHOWN, *y.columns.drop(SHOWN)][:n_series]]
    forecaster = RNNForecaster(
        HORIZON, quantiles=[0.1, 0.5, 0.9], max_iter=n_epochs, random_state=0
    )
    forecasts, scores = forecaster.backtest(y, n_origins=n_days)
    print_scores(y, forecasts, scores)
    save_plot(y, forecasts, output / "departures.png")
    print(f"\nWrote departures.png to {output.resolve()}")


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
    parser.add_argument(
        "--series", type=int, help="how many series to learn from (default: all)"
    )
    parser.add_argument(
        "--days", type=int, default=30, help="days to forecast (default: %(default)s)"
    )
    parser.add_argument(
        "--epochs", type=int, default=20, help="of training (default: %(default)s)"
    )
    args = parser.parse_args()
    main(args.output, args.series, args.days, args.epochs)
