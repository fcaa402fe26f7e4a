"""Time callables side by side: in turns, in bursts, in one process."""

import time

import numpy as np

from report.tables import PROBLEM_FIELDS, Table, print_means

# Of calls before the other's turn, and of those that count.
WARM_UP_SECONDS, BURST_SECONDS = 0.02, 0.06
MIN_ROUNDS = 3


def time_burst(call):
    """Seconds of each of some calls in a row."""
    # Threads of the library that just had its turn spin for some milliseconds before
    # they sleep; then caches and threads warm up, as in the middle of a fit.
    time.sleep(0.02)
    warm_up = run_for(WARM_UP_SECONDS, call)
    # A call longer than a burst needs no other one to be warm.
    return warm_up if warm_up[0] > BURST_SECONDS else run_for(BURST_SECONDS, call)


def run_for(duration, call):
    """Seconds of each of the calls that fit into `duration`, one at least."""
    seconds = []
    while sum(seconds) < duration:
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return seconds


def time_in_turns(calls, seconds):
    """Milliseconds of each call, the median and the interquartile range.

    From bursts that alternate, for `seconds` at least.
    """
    times = [[] for _ in calls]
    stop, n_rounds = time.perf_counter() + seconds, 0
    while time.perf_counter() < stop or n_rounds < MIN_ROUNDS:
        n_rounds += 1
        for call, so_far in zip(calls, times, strict=True):
            so_far.extend(time_burst(call))
    quartiles = [1e3 * np.quantile(so_far, [0.25, 0.5, 0.75]) for so_far in times]
    return [(median, high - low) for low, median, high in quartiles]


def median_ms(call, seconds):
    """Milliseconds of a call alone, the median."""
    return time_in_turns([call], seconds)[0][0]


def print_per_step(make_call, problems, seconds, csv_path):
    """The cost of unequal lengths: skrnn beside itself."""
    fields = ("ragged_us", "dense_us", "ragged/dense")
    table = Table([*PROBLEM_FIELDS, *fields], csv_path)
    for problem in problems:
        table.add(*problem[:5], *time_per_step(make_call, problem, seconds))
    print_means(table.rows, fields[-1:])


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
