"""A plot of each table of the suite."""

from functools import partial

import numpy as np

from report.tables import as_text, threads_text

try:
    from matplotlib import pyplot as plt
    from matplotlib.ticker import LogLocator
except ImportError as error:
    plt = None
    print(f"Without plots: {error}.")


def plot(part, rows, path):
    """Draw the rows of a part, and save the picture."""
    if plt is not None and rows:
        figure = PLOTS[part](rows)
        figure.savefig(path, dpi=120)
        plt.close(figure)


def values_by(rows, name):
    """The rows that have the same in this column, together."""
    return {
        value: [row for row in rows if row[name] == value]
        for value in dict.fromkeys(row[name] for row in rows)
    }


def panels(n, width=6.0, height=4.5, sharey=False):
    figure, axes = plt.subplots(
        1,
        n,
        figsize=(width * n, height),
        squeeze=False,
        sharey=sharey,
        layout="constrained",
    )
    return figure, axes[0]


def shape_of(row):
    return ",".join(f"{row[name]:.0f}" for name in "NTFH")


def log_scale(axis):
    axis.set_yscale("log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter("{x:g}")


def bars(axis, labels, series, bottom=0.0):
    """Bars side by side for each label; `series`: title, and a value for each label."""
    width = 0.8 / max(len(series), 1)
    for i, (title, values) in enumerate(series.items()):
        places = np.arange(len(labels)) + (i - (len(series) - 1) / 2) * width
        heights = np.array(values) - bottom
        axis.bar(places, heights, width, bottom=bottom, label=title)
    axis.set_xticks(range(len(labels)), labels, rotation=45, ha="right", fontsize=8)
    axis.grid(axis="y", which="both", alpha=0.3)


def points(axis, labels, series):
    """The same with points."""
    for marker, (title, values) in zip("osD^v", series.items(), strict=False):
        axis.plot(range(len(labels)), values, marker, alpha=0.8, label=title)
    axis.set_xticks(range(len(labels)), labels, rotation=45, ha="right", fontsize=8)
    axis.grid(alpha=0.3)


def by_cell(rows, columns, draw, ylabel, *, log=False):
    """A panel for each cell, in which each shape has a place."""
    cells = values_by(rows, "cell")
    figure, axes = panels(len(cells), sharey=True)
    for axis, (cell, chosen) in zip(axes, cells.items(), strict=True):
        series = {name: [row[name] for row in chosen] for name in columns}
        draw(axis, [shape_of(row) for row in chosen], series)
        if log:
            log_scale(axis)
        axis.set(title=cell, xlabel="N,T,F,H")
    axes[0].set_ylabel(ylabel)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper")
    return figure


def plot_ratios(rows):
    """Bars that start at 1: upwards where skrnn is faster."""
    ratios = [name for name in rows[0] if name.endswith("/skrnn")]
    draw = partial(bars, bottom=1.0)
    return by_cell(rows, ratios, draw, "time of a training step / skrnn's", log=True)


def plot_inference(rows):
    times = [name for name in rows[0] if name.endswith(" ms")]
    return by_cell(rows, times, points, "milliseconds", log=True)


def plot_roofline(rows):
    """A bar for each number of threads, of training and of prediction."""
    merged = {}
    for row in rows:
        at = merged.setdefault((row["cell"], shape_of(row)), dict(row))
        for what in ("train", "predict"):
            at[f"{what}, {threads_text(row['threads'])}"] = row[f"{what} share"]
    rows = [*merged.values()]
    shares = [name for name in rows[0] if name.startswith(("train,", "predict,"))]
    return by_cell(rows, shares, bars, "share of the float32 peak")


def plot_fits(rows):
    """Seconds, and the test accuracy written on each bar."""
    kinds = values_by(rows, "fit")
    figure, axes = panels(len(kinds))
    for axis, (kind, chosen) in zip(axes, kinds.items(), strict=True):
        estimators = values_by(chosen, "estimator")
        series = {
            title: [row["seconds"] for row in own] for title, own in estimators.items()
        }
        bars(axis, [*values_by(chosen, "dataset")], series)
        for drawn, own in zip(axis.containers, estimators.values(), strict=True):
            accuracies = [f"{row['accuracy']:.2f}" for row in own]
            axis.bar_label(drawn, accuracies, fontsize=8)
        log_scale(axis)
        axis.margins(y=0.1)
        axis.set_title(f"{TITLES[kind]}; test accuracy on the bars", fontsize=10)
    axes[0].set_ylabel("seconds of fit")
    axes[0].legend(fontsize=8)
    return figure


TITLES = {"epochs": "a fixed number of epochs", "to loss": "to a given training loss"}


def plot_scaling(rows):
    """A panel for each size that is doubled."""
    names = values_by(rows, "series")
    figure, axes = panels(len(names), width=4.5)
    times = [name for name in rows[0] if name.endswith(" ms")]
    for axis, (name, chosen) in zip(axes, names.items(), strict=True):
        for i, (cell, own) in enumerate(values_by(chosen, "cell").items()):
            sizes = [row[name] for row in own]
            for column, style in zip(times, ("o-", "s--"), strict=False):
                label = f"{cell}, {column.removesuffix(' ms')}"
                values = [row[column] for row in own]
                axis.plot(sizes, values, style, color=f"C{i}", label=label)
        axis.set_xscale("log", base=2)
        axis.set_yscale("log", base=2)
        axis.set_xlabel(name)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("milliseconds of an epoch")
    axes[-1].legend(fontsize=8)
    return figure


def plot_memory(rows):
    """Measured memory as bars, the formula's as marks."""
    rows = [row for row in rows if row["table"] == "gradient"]
    figure, (axis,) = panels(1, width=9, height=1 + 0.25 * len(rows))
    names = [row["what"] for row in rows]
    axis.barh(names, [row["measured MB"] for row in rows], label="measured")
    formula = [row["formula MB"] for row in rows]
    axis.plot(formula, names, "k|", markersize=12, label="formula")
    axis.set_xlabel("MB above the data, during the gradient of a batch")
    axis.invert_yaxis()
    axis.legend()
    return figure


def plot_cold_start(rows):
    """Seconds and sizes, in a panel each."""
    units = values_by(rows, "unit")
    figure, axes = panels(len(units))
    for axis, (unit, chosen) in zip(axes, units.items(), strict=True):
        drawn = axis.barh(
            [row["what"] for row in chosen], [row["value"] for row in chosen]
        )
        axis.bar_label(drawn, [as_text(row["value"]) for row in chosen], padding=2)
        axis.set_xlabel(unit)
        axis.margins(x=0.2)
        axis.invert_yaxis()
    return figure


PLOTS = {
    "training": plot_ratios,
    "training-ragged": plot_ratios,
    "training-layers": plot_ratios,
    "roofline": plot_roofline,
    "inference": plot_inference,
    "fits": plot_fits,
    "scaling": plot_scaling,
    "memory": plot_memory,
    "cold-start": plot_cold_start,
}
