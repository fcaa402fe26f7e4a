"""Tomorrow's highest temperature in Seattle, from the last 30 days.

A sample is a window of 30 days: precipitation, highest and lowest temperature, wind,
and the season as sine and cosine of the day of the year. A recurrent network is
compared on 2015 with persistence (tomorrow will be as today) and with ridge regression,
on the same windows and on today alone. Networks and ridge regressions are trained on
2012 to 2014; the strength of the penalty of each is chosen on 2014, after training on
the two years before.

The network makes smaller errors than ridge regression on the same windows, which is
distracted by the many old days. Ridge regression on today alone is as good as the
network: these series say little more about tomorrow than today's weather and the season
do. What the network saves is the choice of how many days to look at.

    python examples/weather.py --output output
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.dates import DateFormatter
from matplotlib.figure import Figure
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, root_mean_squared_error
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNRegressor
from skrnn.datasets import load_seattle_weather

N_DAYS = 30


def load_windows():
    """Rows of 30 days, the next day's highest temperature, today's, and the dates."""
    frame = load_seattle_weather(as_frame=True).data
    angle = 2 * np.pi * frame.index.day_of_year / 365.25
    frame = frame.assign(sine=np.sin(angle), cosine=np.cos(angle))
    days = frame.to_numpy()
    # One row is day after day, each with its channels side by side.
    X = np.array([days[i - N_DAYS : i].ravel() for i in range(N_DAYS, len(days))])
    highest = frame["temp_max"].to_numpy()
    return X, highest[N_DAYS:], highest[N_DAYS - 1 : -1], frame.index[N_DAYS:]


def tune(model, alphas, X, y, years):
    """Choose the penalty on 2014, then fit to all years given."""
    pipeline = make_pipeline(StandardScaler(), model)
    name = pipeline.steps[-1][0]
    search = GridSearchCV(
        pipeline,
        {f"{name}__alpha": alphas},
        cv=PredefinedSplit(np.where(years == 2014, 0, -1)),
        scoring="neg_root_mean_squared_error",
        n_jobs=2,
    ).fit(X, y)
    print(f"{type(model).__name__}: alpha = {search.best_params_[f'{name}__alpha']}")
    return search.best_estimator_


def forecast(network, X_train, y_train, X_test, n_seeds):
    """Forecasts of networks that start from different random weights."""
    forecasts = []
    for seed in range(n_seeds):
        network.set_params(rnnregressor__random_state=seed)
        forecasts.append(network.fit(X_train, y_train).predict(X_test))
    return np.array(forecasts)


def print_errors(name, y, forecasts):
    """Print the mean errors of one forecast, or of several (one a row)."""
    rmse = [root_mean_squared_error(y, forecast) for forecast in forecasts]
    mae = [mean_absolute_error(y, forecast) for forecast in forecasts]
    line = f"{name:<18}{np.mean(rmse):>6.2f}{np.mean(mae):>8.2f}"
    if len(forecasts) > 1:
        line += f"   mean of {len(rmse)}, RMSE {min(rmse):.2f} to {max(rmse):.2f}"
    print(line)


def save_plot(dates, truth, network, persistence, path):
    """Draw March to May 2015, where the weather changes much from day to day."""
    shown = (dates >= "2015-03-01") & (dates < "2015-06-01")
    figure = Figure(figsize=(9, 4), layout="constrained")  # needs no display
    ax = figure.subplots()
    ax.plot(dates[shown], truth[shown], "o-", color="black", ms=3, lw=1, label="truth")
    ax.plot(dates[shown], persistence[shown], ":", color="gray", label="persistence")
    ax.plot(dates[shown], network[shown], color="tab:red", label="recurrent network")
    ax.xaxis.set_major_formatter(DateFormatter("%d %b"))
    ax.set(
        title="Seattle, spring of 2015: forecasts one day ahead",
        ylabel="highest temperature of the day (\N{DEGREE SIGN}C)",
    )
    ax.grid(alpha=0.3)
    ax.legend(ncols=3)
    figure.savefig(path, dpi=120)


def main(output, n_seeds):
    output.mkdir(parents=True, exist_ok=True)
    X, y, today, dates = load_windows()
    train, test = dates.year < 2015, dates.year == 2015
    X_train, y_train, X_test, y_test = X[train], y[train], X[test], y[test]
    years, n_channels = dates.year[train], X.shape[1] // N_DAYS
    print(f"{train.sum()} windows to train on, {test.sum()} to test.")

    # The recent days matter most, hence pooling="last": the state after the last day.
    network = RNNRegressor(
        hidden_size=16,
        pooling="last",
        n_features_per_step=n_channels,
        random_state=0,
    )
    alphas = [1.0, 10.0, 100.0, 1000.0]
    network = tune(network, [0.01, 0.1, 1.0], X_train, y_train, years)
    ridge = tune(Ridge(), alphas, X_train, y_train, years)
    ridge_today = tune(Ridge(), alphas, X_train[:, -n_channels:], y_train, years)
    networks = forecast(network, X_train, y_train, X_test, n_seeds)

    print(f"\n{'2015, degrees C':<18}  RMSE     MAE")
    print_errors("persistence", y_test, [today[test]])
    print_errors("ridge, 30 days", y_test, [ridge.predict(X_test)])
    print_errors("ridge, today", y_test, [ridge_today.predict(X_test[:, -n_channels:])])
    print_errors("network, 30 days", y_test, networks)

    save_plot(dates[test], y_test, networks[0], today[test], output / "weather.png")
    print(f"\nWrote weather.png to {output.resolve()}")


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
        "--seeds",
        type=int,
        default=5,
        help="networks to train, to see how much chance matters (default: %(default)s)",
    )
    args = parser.parse_args()
    main(args.output, args.seeds)
