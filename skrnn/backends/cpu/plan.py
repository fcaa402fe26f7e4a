"""Where each matrix of a network stands in the packed vectors."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from skrnn.backends.cpu.head import HeadPlan
from skrnn.backends.cpu.layer import LayerPlan, Sizes
from skrnn.backends.cpu.packing import Piece
from skrnn.backends.cpu.pooling import PLANS


class Plan(NamedTuple):
    """The sizes that compiled code needs, and the pieces of both packed vectors."""

    sizes: Sizes
    layers: np.ndarray  # one `LayerPlan` a row
    pooling: NamedTuple
    head: HeadPlan
    pieces: np.ndarray
    n_packed: int
    pieces_transposed: np.ndarray
    n_transposed: int


@lru_cache(maxsize=64)  # every prediction needs it
def make_plan(network, width, trained=None):
    """Plan for panels of `width` columns.

    `trained` are the names of the parts whose gradients are needed; None: of all.
    """
    trained = frozenset(network.shapes) if trained is None else trained
    forward, backward = _Pieces(network, width), _Pieces(network, width)
    levels = network.levels
    layers = [
        _layer_plan(network, name, n_inputs, trained, forward, backward)
        for name, n_inputs in network.layers
    ]
    if network.layer_norm:
        layers = _with_norms(network, layers, forward)
    hidden, n_out = network.hidden_size, network.n_states_out
    n_outputs = network.n_outputs
    sizes = Sizes(
        n_directions=network.n_directions,
        n_features=network.n_features,
        hidden_size=hidden,
        padded_size=forward.padded(hidden),
        n_out=n_out,
        first_trained=min(levels[name] for name in trained),
        out_row=forward.padded(n_out + 1),
    )
    pooling = PLANS[network.pooling](0, 0, 0)
    if network.pooling == "attention":
        pooling = pooling._replace(
            at=forward.add("attention", n_out, hidden, bias="attention_bias"),
            query_at=forward.add("attention_query", hidden, 1),
            transposed_at=backward.add_transposed("attention", n_out, hidden),
        )
    head = HeadPlan(
        n_outputs=n_outputs,
        padded_outputs=forward.padded(n_outputs),
        at=forward.add("head", n_out, n_outputs, bias="head_bias"),
        transposed_at=backward.add_transposed("head", n_out, n_outputs),
    )
    return Plan(
        sizes,
        np.array(layers),
        pooling,
        head,
        np.array(forward.pieces),
        forward.size,
        np.array(backward.pieces),
        backward.size,
    )


def _layer_plan(network, name, n_inputs, trained, forward, backward):
    step, hidden = network.cell.step, network.hidden_size
    n_h = step.n_blocks - step.h_first
    inputs, bias, recurrent = f"input_{name}", f"bias_{name}", f"recurrent_{name}"
    return LayerPlan(
        n_inputs=n_inputs,
        x_at=forward.add(inputs, n_inputs, hidden, step.n_x, bias),
        # A block without input has a panel of one row, its bias.
        bias_at=forward.add_rows(bias, hidden, step.n_x, step.n_blocks),
        h_at=forward.add(recurrent, hidden, hidden, n_h),
        h_transposed_at=backward.add_transposed(recurrent, hidden, hidden, n_h),
        x_transposed_at=backward.add_transposed(inputs, n_inputs, hidden, step.n_x),
        norm_at=-1,
        trains=int(not trained.isdisjoint((inputs, bias, recurrent))),
    )


def _with_norms(network, layers, forward):
    """Both directions of a layer share a norm: its weights, then its biases."""
    n_out = network.n_states_out
    plans = []
    for q, plan in enumerate(layers):
        layer, direction = divmod(q, network.n_directions)
        if direction == 0:
            norm_at = forward.add_rows(f"norm_l{layer}", n_out, 0, 1)
            forward.add_rows(f"norm_bias_l{layer}", n_out, 0, 1)
        plans.append(plan._replace(norm_at=norm_at))
    return plans


class _Pieces:
    """The pieces of one packed vector; each method says where it put what it adds."""

    def __init__(self, network, width):
        self.starts, self.width = network.starts, width
        self.pieces, self.size = [], 0

    def padded(self, n):
        """The columns of so many whole panels as n columns need."""
        return -(-n // self.width) * self.width

    def add(self, name, n_rows, n_columns, n=1, bias=None):
        """The n matrices of a part; with `bias`, each with a row of that part below."""
        at, flat_at = self.size, self.starts[name]
        for i in range(n):
            rows = n_rows if bias is None else n_rows + 1
            weights = flat_at + i * n_rows * n_columns
            piece = Piece(weights, n_rows, n_columns, self.size, rows, 0)
            self.pieces.append(piece)
            if bias is not None:
                row = self.starts[bias] + i * n_columns
                self.pieces.append(
                    piece._replace(flat_at=row, n_rows=1, first_row=n_rows)
                )
            self.size += rows * self.padded(n_columns)
        return at

    def add_rows(self, name, n_columns, first, last):
        """Some rows of a part, each with panels of its own."""
        at = self.size
        for row in range(first, last):
            flat_at = self.starts[name] + row * n_columns
            self.pieces.append(Piece(flat_at, 1, n_columns, self.size, 1, 0))
            self.size += self.padded(n_columns)
        return at

    def add_transposed(self, name, n_rows, n_columns, n=1):
        """The n matrices of a part, transposed and below each other."""
        at, flat_at = self.size, self.starts[name]
        self.pieces += [
            Piece(
                flat_at=flat_at + i * n_rows * n_columns,
                n_rows=n_rows,
                n_columns=n_columns,
                packed_at=at,
                panel_rows=n * n_columns,
                first_row=i * n_columns,
            )
            for i in range(n)
        ]
        self.size += n * n_columns * self.padded(n_rows)
        return at
