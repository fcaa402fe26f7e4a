"""Time training on translations beside PyTorch.

A training step is `partial_fit` with all that it does, on one batch.
"""

import argparse

import numpy as np
from _problems import set_threads
from peers import load
from report.tables import Table
from report.timing import time_in_turns

from skrnn import RNNTranslator

#: Pairs, and the shortest and the longest sequence of words.
N, SHORTEST, LONGEST = 32, 10, 40
UNITS = 128


def problem(n_tokens):
    """What is read and written, as lists of codes of tokens."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(SHORTEST, LONGEST, (2, N))
    return [[rng.integers(n_tokens, size=n) for n in side] for side in lengths]


def our_training(cell, sources, written, n_tokens):
    model = RNNTranslator(
        cell, UNITS, batch_size=N, categorical_features="all", random_state=0
    )
    X, y = [[c.tolist() for c in side] for side in (sources, written)]
    # The first call says which tokens there are.
    every = list(range(n_tokens))
    model.partial_fit([*X, every], [*y, every])
    return lambda: model.partial_fit(X, y), model.embeddings_[1].shape[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", nargs="+", choices=["gru", "lstm"])
    parser.set_defaults(cells=["gru", "lstm"])
    parser.add_argument("--tokens", nargs="+", type=int, default=[50, 1000, 5000])
    parser.add_argument("--seconds", type=float, default=5, help="for each comparison")
    parser.add_argument("--threads", type=int, default=2, help="of each library")
    parser.add_argument("--csv", help="write the table to this file as well")
    args = parser.parse_args()
    set_threads(args.threads)
    peers = load(["pytorch_translations"])
    if not peers:
        return
    (torch,) = peers
    table = Table(("cell", "tokens", "skrnn ms", "PyTorch ms", "ratio"), args.csv)
    for n_tokens in args.tokens:
        sources, written = problem(n_tokens)
        inputs = [np.append(n_tokens, codes) for codes in written]
        targets = [np.append(codes, n_tokens) for codes in written]
        for cell in args.cells:
            step, size = our_training(cell, sources, written, n_tokens)
            sizes = n_tokens + 1, size, UNITS
            theirs = torch.training(cell, sources, inputs, targets, sizes)
            (ours, _), (peer, _) = time_in_turns([step, theirs], args.seconds)
            table.add(cell, n_tokens, ours, peer, peer / ours)


if __name__ == "__main__":
    main()
