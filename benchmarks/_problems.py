"""What the benchmarks of speed compute: shapes, batches, and the options that choose.

All libraries get the same numbers, and the same weights to start from.
"""

import argparse
import os
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np

from skrnn.mathematics.losses import LOSSES
from skrnn.network import Network
from skrnn.sequences import Sequences

CELLS = ("rnn", "lstm", "gru")
SHAPES = (  # N sequences, T steps, F features, H hidden units
    (1, 100, 8, 32),
    (32, 50, 8, 16),
    (32, 50, 8, 32),
    (32, 50, 8, 64),
    (32, 50, 32, 128),
    (64, 100, 64, 256),
    (256, 50, 8, 64),
    (256, 28, 28, 128),
    (64, 50, 64, 512),
    (32, 30, 64, 1024),
)
N_CLASSES = 5
GATES = {"rnn": 1, "lstm": 4, "gru": 3}


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
    frame_length: int = 1
    hop_length: int = 1

    @property
    def lengths(self):
        """Number of steps of each sequence."""
        if not self.ragged:
            return np.full(self.N, self.T)
        return np.random.default_rng(0).integers(1, self.T + 1, size=self.N)

    @property
    def suffixes(self):
        """How names of weights end, for each direction."""
        return ("", "_reverse") if self.bidirectional else ("",)

    @property
    def n_products(self):
        """Multiply-adds of a forward pass that the network needs, head included."""
        directions = len(self.suffixes)
        inputs = [self.F] + [directions * self.H] * (self.n_layers - 1)
        a_step = sum(
            directions * GATES[self.cell] * self.H * (n + self.H) for n in inputs
        )
        total, heads = self.lengths.sum(), self.lengths.sum() if self.steps else self.N
        return int(total * a_step + heads * directions * self.H * N_CLASSES)

    def arrays(self):
        """The sequences: a list of (T, F) arrays."""
        rng = np.random.default_rng(1)
        shapes = [(n, self.F) for n in self.lengths]
        return [rng.standard_normal(shape, dtype=np.float32) for shape in shapes]

    def padded(self):
        """The sequences as one array (N, T, F), zeros behind the shorter ones."""
        X = np.zeros((self.N, self.lengths.max(), self.F), np.float32)
        for row, x in zip(X, self.arrays(), strict=True):
            row[: len(x)] = x
        return X

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
            loss=LOSSES["softmax"](),
            dtype="float32",
            frame_length=self.frame_length,
            hop_length=self.hop_length,
        )

    def parameters(self):
        """Where training starts."""
        return self.network().initial_parameters(np.random.RandomState(0))

    def weights(self):
        """The same, under PyTorch's names."""
        return self.network().export_weights(self.parameters())


def add_options(parser):
    """The options of all benchmarks of speed."""
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=CELLS)
    parser.add_argument("--threads", type=int, default=2, help="of each library")
    parser.add_argument("--seconds", type=float, default=3.0, help="a row, at least")
    parser.add_argument("--csv", type=Path, help="write the table to this file as well")


def add_shape_options(parser):
    """The options of tables with a row for each cell and shape."""
    add_options(parser)
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


def parse_shape(text):
    shape = tuple(map(int, text.split(",")))
    if len(shape) != 4:
        raise argparse.ArgumentTypeError(f"{text!r} is not N,T,F,H.")
    return shape


def set_threads(n_threads):
    """Limit this process to so many cores, which every library then takes as given.

    To be called before the others are imported: some count the cores but once.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:n_threads])
    # Not by set_num_threads: that starts Numba's own threads, and beside these PyTorch
    # takes ten times as long, as if its own went to sleep after each piece of work.
    numba.config.NUMBA_NUM_THREADS = n_threads


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
