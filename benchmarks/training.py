"""Time one training step of skrnn beside PyTorch's, JAX's and Keras's.

A step is forward, backward, clipping by the global norm and Adam, in float32. All
libraries run in turns in one process, on the same batch, from the same weights.
"""

import argparse
from functools import partial

import numpy as np
from _problems import SHAPES, add_shape_options, problems_of, set_threads
from _skrnn import STEPS_AN_EPOCH, training_epoch
from peers import TRAINING, load
from report.tables import PROBLEM_FIELDS, Table, print_means
from report.timing import print_per_step, time_in_turns

LARGEST_HIDDEN = 256  # of the means


def makers_of(problem, peers):
    """For each title a function that gives what is timed."""
    makers = {"skrnn": partial(training_epoch, repeats=STEPS_AN_EPOCH)}
    for peer in peers:
        makers |= peer.step_makers(problem)
    return makers


def compare(problem, makers, seconds):
    """Median, interquartile range of each, in milliseconds a step; ratios to skrnn."""
    calls = [make(problem) for make in makers.values()]
    losses = [float(call()) for call in calls]
    np.testing.assert_allclose(losses, losses[0], rtol=1e-3, err_msg=str([*makers]))
    (median, spread), *others = time_in_turns(calls, seconds)
    timed = [(median / STEPS_AN_EPOCH, spread / STEPS_AN_EPOCH), *others]
    ratios = [theirs / timed[0][0] for theirs, _ in others]
    return *np.ravel(timed).tolist(), *ratios


def print_comparison(problems, peers, seconds, csv_path):
    makers = makers_of(problems[0], peers)
    times = [f"{title} {what}" for title in makers for what in ("ms", "IQR")]
    ratios = [f"{title}/skrnn" for title in [*makers][1:]]
    table = Table([*PROBLEM_FIELDS, *times, *ratios], csv_path)
    for problem in problems:
        table.add(*problem[:5], *compare(problem, makers, seconds))
    print_means(table.rows, ratios, LARGEST_HIDDEN)


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    add_shape_options(parser)
    parser.add_argument("--steps", action="store_true", help="a target for every step")
    parser.add_argument("--trainable", choices=["all", "head"], default="all")
    parser.add_argument("--peers", nargs="*", choices=TRAINING, default=TRAINING)
    return parser.parse_args()


def main():
    args = parse_args()
    set_threads(args.threads)
    problems = problems_of(args, SHAPES)
    if args.per_step:
        print_per_step(training_epoch, problems, args.seconds, args.csv)
    else:
        peers = load(args.peers)
        print_comparison(problems, peers, args.seconds, args.csv)


if __name__ == "__main__":
    main()
