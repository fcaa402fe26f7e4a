"""Time the loss of transcripts, and training with it, beside PyTorch.

The loss is that of outputs that are there: ours on as many threads as PyTorch's. A
training step is `partial_fit` with all that it does, on one batch.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from _problems import set_threads
from peers import load
from report.tables import Table
from report.timing import time_in_turns

from skrnn import RNNTranscriber
from skrnn.backends.outputs import losses_of_outputs
from skrnn.backends.table import table_of
from skrnn.mathematics.losses import CTC
from skrnn.sequences import Sequences, Spans

#: Sequences, their steps and features, labels without the blank.
N, T, FEATURES, LABELS = 32, 200, 40, 39
UNITS = 128


def problem(n_said):
    """Outputs, features, and transcripts of so many labels each."""
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(N, T, 1 + LABELS)).astype(np.float32)
    X = rng.normal(size=(N, T, FEATURES)).astype(np.float32)
    return outputs, X, rng.integers(1, 1 + LABELS, (N, n_said))


def our_loss(outputs, codes, n_threads):
    """A call that computes the loss and its gradient, a part on each thread."""
    kind, scales = CTC().kind((1 + LABELS,)), np.full(N, 1 / N)
    targets = Sequences.from_list([c[:, None] for c in codes], np.int64)
    shares = np.array_split(np.arange(N), n_threads)
    offsets = np.arange(N + 1) * T
    parts = []
    for rows in shares:
        lengths = np.full(rows.size, T)
        order = np.arange(rows.size)
        table = table_of(offsets, rows, Spans(0, lengths, lengths), order)
        steps = np.column_stack([np.full(T, rows.size), np.arange(T) * rows.size])
        values = outputs[rows].transpose(1, 0, 2).ravel()
        parts.append((values, steps, table))
    pool = ThreadPoolExecutor(n_threads)

    def compute(part):
        values, steps, table = part
        return losses_of_outputs(kind, values.copy(), steps, table, targets, scales)

    return lambda: sum(pool.map(compute, parts))


def our_training(cell, X, codes):
    model = RNNTranscriber(
        cell, UNITS, bidirectional=False, batch_size=N, random_state=0
    )
    X, y = list(X), [c.tolist() for c in codes]
    model.partial_fit(X, y, classes=range(1, 1 + LABELS))
    return lambda: model.partial_fit(X, y)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", nargs="+", choices=["gru", "lstm"])
    parser.set_defaults(cells=["gru", "lstm"])
    parser.add_argument("--said", nargs="+", type=int, default=[15, 30, 60])
    parser.add_argument("--seconds", type=float, default=5, help="for each comparison")
    parser.add_argument("--threads", type=int, default=2, help="of each library")
    parser.add_argument("--csv", help="write the table to this file as well")
    args = parser.parse_args()
    set_threads(args.threads)
    peers = load(["pytorch_transcripts"])
    if not peers:
        return
    (torch,) = peers
    table = Table(("what", "labels", "skrnn ms", "PyTorch ms", "ratio"), args.csv)
    for n_said in args.said:
        outputs, X, codes = problem(n_said)
        calls = {
            "loss": (our_loss(outputs, codes, args.threads), torch.loss(outputs, codes))
        }
        for cell in args.cells:
            theirs = torch.training(cell, X, codes, (UNITS, 1 + LABELS))
            calls[f"training step, {cell}"] = our_training(cell, X, codes), theirs
        for what, pair in calls.items():
            (ours, _), (theirs, _) = time_in_turns([*pair], args.seconds)
            table.add(what, n_said, ours, theirs, theirs / ours)


if __name__ == "__main__":
    main()
