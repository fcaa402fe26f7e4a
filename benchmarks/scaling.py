"""How the time of an epoch grows with samples, steps, hidden units and threads.

Each is doubled five times, the others stay; so is the hop between frames, each of which
shares half of its steps with the next. A slope is that of the logarithm of the time: 1
where twice as much takes twice as long, -1 where it takes half as long.
"""

import argparse

import numpy as np
from _problems import Problem, add_options, set_threads
from _skrnn import STEPS_AN_EPOCH, training_epoch
from report.tables import PROBLEM_FIELDS, Table, threads_text
from report.timing import median_ms

BASE = {"N": 32, "T": 50, "F": 8, "H": 32}
STARTS = {"N": 32, "T": 25, "H": 16, "hop_length": 1}
#: Long sequences, for the hop: single values, whose products are small in any frame.
LONG = {"N": 32, "T": 800, "F": 1, "H": 32}
BATCH_SIZE = 32
N_DOUBLINGS = 5


def series(cell, name):
    """Problems that differ in one size."""
    sizes = [STARTS[name] * 2**k for k in range(N_DOUBLINGS + 1)]
    if name == "hop_length":
        hops = [{"hop_length": hop, "frame_length": 2 * hop} for hop in sizes]
        return [Problem(cell, **LONG, **sizes) for sizes in hops]
    return [Problem(cell, **(BASE | {name: size})) for size in sizes]


def epoch_ms(problem, seconds):
    """Milliseconds for the sequences once, in batches of 32."""
    epoch = training_epoch(problem, BATCH_SIZE, STEPS_AN_EPOCH)
    return median_ms(epoch, seconds) / STEPS_AN_EPOCH


def slopes(sizes, times):
    """Of all doublings, and of the last one."""
    x, y = np.log2(sizes), np.log2(times)
    return float(np.polyfit(x, y, 1)[0]), float((y[-1] - y[-2]) / (x[-1] - x[-2]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    args = parser.parse_args()
    numbers = sorted({1, args.threads}, reverse=True)
    times = {}
    problems = [
        (name, problem)
        for cell in args.cells
        for name in STARTS
        for problem in series(cell, name)
    ]
    for n_threads in numbers:
        set_threads(n_threads)
        for name, problem in problems:
            times[name, problem, n_threads] = epoch_ms(problem, args.seconds)
    columns = [f"{threads_text(n)} ms" for n in numbers]
    table = Table(["series", *PROBLEM_FIELDS, "hop", *columns, "speed-up"], args.csv)
    for name, problem in problems:
        row = [times[name, problem, n] for n in numbers]
        sizes = *problem[:5], problem.hop_length
        table.add(name, *sizes, *row, row[-1] / row[0])
    print("\nSlopes of the logarithms")
    table = Table(["cell", "series", "threads", "all", "last doubling"])
    for cell in args.cells:
        for name in STARTS:
            for n in numbers:
                chosen = series(cell, name)
                sizes = [getattr(problem, name) for problem in chosen]
                timed = [times[name, problem, n] for problem in chosen]
                table.add(cell, name, n, *slopes(sizes, timed))


if __name__ == "__main__":
    main()
