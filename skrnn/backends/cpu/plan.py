"""Where each matrix of a network stands among the packed weights."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from skrnn.backends.cpu.head import HeadPlan
from skrnn.backends.cpu.layer import LayerPlan, Sizes
from skrnn.backends.cpu.pooling import PLANS


class Plan(NamedTuple):
    """The sizes that compiled code needs, and where the packed weights come from.

    Weights are copied from the flat vector into *panels*, and gradients back. Lanes
    beyond the last column, and rows of no part, are always zero, so that padded units
    are always exactly zero.
    """

    sizes: Sizes
    layers: np.ndarray  # one `LayerPlan` a row
    pooling: NamedTuple
    head: HeadPlan
    n_packed: int  # numbers in the packed weights, and in a gradient of them
    # Of each packed number, then of each one that is packed transposed, its place in
    # the flat vector; the place behind its end for a zero.
    sources: np.ndarray
    targets: np.ndarray  # of each number of the flat vector, its place in a gradient


@lru_cache(maxsize=64)  # every prediction needs it
def make_plan(network, width, trained=None):
    """Plan for panels of `width` columns.

    `trained` are the names of the parts whose gradients are needed; None: of all.
    """
    trained = frozenset(network.shapes) if trained is None else trained
    # The transposed weights stand behind the others, whose size is known at the end.
    n_packed = _lay_out(network, width, trained, 0).n_packed
    return _lay_out(network, width, trained, n_packed)


def _lay_out(network, width, trained, transposed_at):
    forward, backward = _Pieces(network, width), _Pieces(network, width, transposed_at)
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
        forward.size,
        *_places(network, forward, backward),
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


def _places(network, forward, backward):
    sources = np.full(max(forward.size, backward.size), network.n_parameters)
    for packed, flat in backward.pieces:
        sources[packed] = flat
    targets = np.empty(network.n_parameters, np.int64)
    for packed, flat in forward.pieces:
        sources[packed] = flat
        targets[flat] = packed
    return sources, targets


class _Pieces:
    """Matrices among the packed weights; each method says where it put what it adds."""

    def __init__(self, network, width, size=0):
        self.starts, self.width = network.starts, width
        self.pieces, self.size = [], size  # pairs of arrays: places packed, and flat

    def padded(self, n):
        """The columns of so many whole panels as n columns need."""
        return -(-n // self.width) * self.width

    def _add(self, at, panel_rows, first_row, flat_at, shape, transposed=False):
        """One matrix, from a row of its panels on; in flat memory of this shape."""
        flat = flat_at + np.arange(np.prod(shape)).reshape(shape)
        flat = flat.T if transposed else flat
        rows, columns = np.indices(flat.shape)
        lanes = columns % self.width
        packed = at + (columns - lanes) * panel_rows + lanes
        self.pieces.append((packed + (first_row + rows) * self.width, flat))

    def add(self, name, n_rows, n_columns, n=1, bias=None):
        """The n matrices of a part; with `bias`, each with a row of that part below."""
        at, flat_at = self.size, self.starts[name]
        rows = n_rows if bias is None else n_rows + 1
        for i in range(n):
            start = flat_at + i * n_rows * n_columns
            self._add(self.size, rows, 0, start, (n_rows, n_columns))
            if bias is not None:
                start = self.starts[bias] + i * n_columns
                self._add(self.size, rows, n_rows, start, (1, n_columns))
            self.size += rows * self.padded(n_columns)
        return at

    def add_rows(self, name, n_columns, first, last):
        """Some rows of a part, each with panels of its own."""
        at = self.size
        for row in range(first, last):
            start = self.starts[name] + row * n_columns
            self._add(self.size, 1, 0, start, (1, n_columns))
            self.size += self.padded(n_columns)
        return at

    def add_transposed(self, name, n_rows, n_columns, n=1):
        """The n matrices of a part, transposed and below each other."""
        at, panel_rows = self.size, n * n_columns
        for i in range(n):
            start = self.starts[name] + i * n_rows * n_columns
            shape = (n_rows, n_columns)
            self._add(at, panel_rows, i * n_columns, start, shape, transposed=True)
        self.size += panel_rows * self.padded(n_rows)
        return at
