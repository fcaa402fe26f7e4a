"""Time skrnn's predictions beside PyTorch and ONNX Runtime, in turns in one process.

All compute the last states, in float32; the other two without a head.
"""

import argparse
from functools import partial

import numpy as np
from _problems import SHAPES, add_shape_options, problems_of, set_threads
from _skrnn import backend_call, fitted, predict_call, user_input
from peers import INFERENCE, load
from report.tables import PROBLEM_FIELDS, Table, print_means
from report.timing import print_per_step, time_in_turns

SINGLE = (1, 50, 8, 32)
TOLERANCE = 1e-4
OURS = ("predict", "backend")


def check_agreement(problem, estimator, others):
    """Raise AssertionError unless all compute the same states."""
    ours = backend_call(problem, estimator._model.parameters, "features")()
    for call in others:
        results = call()
        # PyTorch gives all outputs and the last states, ONNX Runtime only these.
        states = results[1] if len(results) > 1 else results[0]
        states = states[0] if isinstance(states, tuple) else states  # of (h, c)
        last = np.concatenate(np.asarray(states)[-len(problem.suffixes) :], axis=-1)
        np.testing.assert_allclose(ours, last, atol=TOLERANCE, rtol=0)


def compare(problem, peers, seconds):
    """Medians in milliseconds, two shares of predict, ratios to skrnn."""
    estimator = fitted(problem)
    weights = estimator.get_weights()
    others = [peer.inference_call(problem, weights) for peer in peers]
    check_agreement(problem, estimator, others)
    ours = predict_call(problem), backend_call(problem, estimator._model.parameters)
    # The checks of scikit-learn and of skrnn, and the conversion of X.
    checks = partial(estimator._sequences_to_predict, user_input(problem))
    calls = [*ours, checks, *others]
    times = [median for median, _ in time_in_turns(calls, seconds)]
    predict, backend, checks, *theirs = times
    ratios = [other / own for other in theirs for own in (predict, backend)]
    return *times, checks / predict, 1 - backend / predict, *ratios


def print_comparison(problems, peers, seconds, csv_path):
    titles = [peer.TITLE for peer in peers]
    times = [f"{title} ms" for title in (*OURS, "checks", *titles)]
    shares = ["checks/predict", "not backend"]
    ratios = [f"{title}/{own}" for title in titles for own in OURS]
    table = Table([*PROBLEM_FIELDS, *times, *shares, *ratios], csv_path)
    for problem in problems:
        table.add(*problem[:5], *compare(problem, peers, seconds))
    print_means(table.rows, ratios)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    add_shape_options(parser)
    args = parser.parse_args()
    set_threads(args.threads)
    problems = problems_of(args, (SINGLE, *SHAPES))
    if args.per_step:
        print_per_step(predict_call, problems, args.seconds, args.csv)
    else:
        peers = load(INFERENCE)
        print_comparison(problems, peers, args.seconds, args.csv)


if __name__ == "__main__":
    main()
