"""Time callables side by side: in turns, in bursts, in one process."""

import csv
import time

import numpy as np

WARM_UP_SECONDS, BURST_SECONDS = 0.02, 0.1  # of calls before the other's turn
PER_STEP_FIELDS = ("ragged_us", "dense_us", "ragged/dense")
PER_STEP_FORMATS = ("11.4f", "11.4f", "14.2f")


def time_burst(call):
    """Seconds of each of some calls in a row."""
    # Threads of the library that just had its turn spin for some milliseconds before
    # they sleep; then caches and threads warm up, as in the middle of a fit.
    time.sleep(0.02)
    run_for(WARM_UP_SECONDS, call)
    return run_for(BURST_SECONDS, call)


def run_for(duration, call):
    """Seconds of each of the calls that fit into `duration`, three at least."""
    seconds = []
    while len(seconds) < 3 or sum(seconds) < duration:
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return seconds


def time_in_turns(calls, seconds):
    """Milliseconds of each call, the median and the interquartile range.

    From bursts that alternate, for `seconds` at least.
    """
    times = [[] for _ in calls]
    stop = time.perf_counter() + seconds
    while time.perf_counter() < stop or len(times[0]) < 9:
        for call, so_far in zip(calls, times, strict=True):
            so_far.extend(time_burst(call))
    quartiles = [1e3 * np.quantile(so_far, [0.25, 0.5, 0.75]) for so_far in times]
    return [(median, high - low) for low, median, high in quartiles]


def time_per_step(make_call, problem, seconds):
    """Microseconds a step of a sequence, of a ragged and of a dense batch; the ratio.

    Both batches have the same number of sequences and, up to rounding, of steps.
    """
    ragged = problem._replace(ragged=True)
    dense = problem._replace(ragged=False, T=round(ragged.lengths.mean()))
    pair = (ragged, dense)
    timed = time_in_turns([make_call(batch) for batch in pair], seconds)
    costs = [
        1e3 * median / batch.lengths.sum()
        for (median, _), batch in zip(timed, pair, strict=True)
    ]
    return *costs, costs[0] / costs[1]


def print_table(problems, fields, formats, make_row, csv_path):
    """Print the rows as they come, behind cell and shape; returns them all.

    A format is a width and a precision, as in ``f"{number:8.2f}"``.
    """
    fields = ("cell", "N", "T", "F", "H", *fields)
    formats = ("4", *["5"] * 4, *formats)
    print_row(fields, [text.split(".")[0] for text in formats])
    rows = []
    for problem in problems:
        rows.append((*problem[:5], *make_row(problem)))
        print_row(rows[-1], formats)
    if csv_path:
        with csv_path.open("w", newline="") as file:
            csv.writer(file).writerows([fields, *rows])
    return rows


def print_row(row, formats):
    cells = [f"{x:>{text}}" for x, text in zip(row, formats, strict=True)]
    print(*cells, flush=True)


def print_means(rows, columns, titles):
    """Geometric means of columns of ratios, over each cell and over all."""
    print("\nGeometric means:", *titles)
    for cell in [*dict.fromkeys(row[0] for row in rows), "all"]:
        chosen = [row for row in rows if cell in (row[0], "all")]
        means = [np.exp(np.mean([np.log(row[c]) for row in chosen])) for c in columns]
        print(f"{cell:<5}", *[f"{mean:.2f}" for mean in means])
