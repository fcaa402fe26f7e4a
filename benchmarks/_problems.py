"""What the benchmarks of speed compute: shapes, batches, and the options that choose.

Both libraries get the same numbers.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np
import torch
from torch import nn

from skrnn.network import Network
from skrnn.sequences import Sequences

CELLS = ("rnn", "lstm", "gru")
SHAPES = (  # N sequences, T steps, F features, H hidden units
    (32, 50, 8, 16),
    (32, 50, 8, 32),
    (32, 50, 8, 64),
    (32, 50, 32, 128),
    (64, 100, 64, 256),
    (256, 50, 8, 64),
    (64, 50, 64, 512),
)
N_CLASSES = 5


class Problem(NamedTuple):
    """One row of a table."""

    cell: str
    N: int
    T: int
    F: int
    H: int
    ragged: bool = False
    n_layers: int = 1
    bidirectional: bool = False
    steps: bool = False  # a target for every step
    trainable: str = "all"  # or "head"

    @property
    def lengths(self):
        """Number of steps of each sequence."""
        if not self.ragged:
            return np.full(self.N, self.T)
        return np.random.default_rng(0).integers(1, self.T + 1, size=self.N)

    def arrays(self):
        """The sequences: a list of (T, F) arrays."""
        rng = np.random.default_rng(1)
        shapes = [(n, self.F) for n in self.lengths]
        return [rng.standard_normal(shape, dtype=np.float32) for shape in shapes]

    def labels(self):
        """A label for each sequence; or one for each step, sequence by sequence."""
        n = self.lengths.sum() if self.steps else self.N
        return np.random.default_rng(2).permutation(np.arange(n) % N_CLASSES)

    def sequences(self):
        return Sequences.from_list(self.arrays(), np.float32)

    def network(self):
        return Network(
            cell_name=self.cell,
            activation="tanh",
            n_features=self.F,
            hidden_size=self.H,
            n_layers=self.n_layers,
            bidirectional=self.bidirectional,
            pooling=None if self.steps else "last",
            output_sizes=(N_CLASSES,),
            loss_name="softmax",
            dtype="float32",
        )

    def torch_input(self):
        """Time first; ragged batches packed, which no benchmark times."""
        X = [torch.from_numpy(x) for x in self.arrays()]
        if self.ragged:
            return nn.utils.rnn.pack_sequence(X, enforce_sorted=False)
        return torch.stack(X, dim=1)

    def torch_layers(self):
        return getattr(nn, self.cell.upper())(
            self.F,
            self.H,
            num_layers=self.n_layers,
            bidirectional=self.bidirectional,
        )


def last_states(results, n_directions):
    """Last states of the last layer, (N, directions * H), from what nn.LSTM returns."""
    state = results[1]
    h = state[0] if isinstance(state, tuple) else state  # the LSTM has (h, c)
    return torch.cat(h[-n_directions:].unbind(), dim=1)


def add_options(parser):
    """The options of all benchmarks of speed."""
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=CELLS)
    parser.add_argument(
        "--shapes",
        nargs="+",
        type=parse_shape,
        metavar="N,T,F,H",
        help="instead of the shapes in the table",
    )
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--bidirectional", action="store_true")
    parser.add_argument(
        "--ragged", action="store_true", help="lengths uniform between 1 and T"
    )
    parser.add_argument(
        "--per-step",
        action="store_true",
        help="compare skrnn with itself: time per step of ragged and of dense batches",
    )
    parser.add_argument("--threads", type=int, default=2, help="of each library")
    parser.add_argument("--seconds", type=float, default=3.0, help="a row, at least")
    parser.add_argument("--csv", type=Path, help="write the table to this file as well")


def parse_shape(text):
    shape = tuple(map(int, text.split(",")))
    if len(shape) != 4:
        raise argparse.ArgumentTypeError(f"{text!r} is not N,T,F,H.")
    return shape


def set_threads(n_threads):
    numba.set_num_threads(n_threads)
    torch.set_num_threads(n_threads)


def problems_of(args, shapes):
    """The rows that the options ask for."""
    return [
        Problem(
            cell,
            *shape,
            ragged=args.ragged,
            n_layers=args.layers,
            bidirectional=args.bidirectional,
            steps=getattr(args, "steps", False),
            trainable=getattr(args, "trainable", "all"),
        )
        for cell in args.cells
        for shape in args.shapes or shapes
    ]
