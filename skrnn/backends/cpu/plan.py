"""Where each matrix of a network stands among the packed weights."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from skrnn.backends.cpu.attention import AttentionPlan
from skrnn.backends.cpu.head import HeadPlan
from skrnn.backends.cpu.layer import LayerPlan, Sizes
from skrnn.backends.cpu.poolings import POOLINGS
from skrnn.backends.cpu.tile import PANEL_BYTES, padded_columns


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
    n_transposed: int  # behind them, those that are packed a second time, transposed
    pieces: tuple  # of the packed weights
    transposed: tuple  # of those packed a second time


class Piece(NamedTuple):
    """Equal blocks of panels, each of whole columns or of the last few.

    Both views have the shape (blocks, panels, rows, lanes); starts and strides are in
    bytes.
    """

    shape: tuple
    flat: tuple  # start and strides in the flat vector
    packed: tuple  # start and strides among the packed weights

    # NumPy's `as_strided` takes ten times as long.
    def flat_view(self, vector):
        return np.ndarray(self.shape, vector.dtype, vector, *self.flat)

    def packed_view(self, vector):
        return np.ndarray(self.shape, vector.dtype, vector, *self.packed)


class PairPlan(NamedTuple):
    """The same of an encoder and a decoder, whose weights are packed together."""

    networks: tuple  # of each its sizes, layers, pooling and head
    attention: AttentionPlan
    n_packed: int
    n_transposed: int
    pieces: tuple
    transposed: tuple


@lru_cache(maxsize=64)  # every prediction needs it
def make_plan(network, width, trained=None):
    """Plan for panels of `width` columns.

    `trained` are the names of the arrays whose gradients are needed; None: of all.
    """
    trained = frozenset(network.shapes) if trained is None else trained
    lowest = lowest_of(network, trained)

    def lay_out(forward, backward):
        return _lay_out(network, trained, lowest, forward, backward)

    return Plan(*_packed(lay_out, network, width))


@lru_cache(maxsize=64)
def make_pair_plan(network, width, trained=None):
    """The same for an `EncoderDecoder`."""
    trained = frozenset(network.shapes) if trained is None else trained
    of_each = [
        frozenset(name for name, here in names.items() if here in trained)
        for names in network.names_here
    ]
    lowest = [
        lowest_of(n, own) for n, own in zip(network.networks, of_each, strict=True)
    ]
    # Each layer of the encoder learns from where the same one of the decoder starts.
    n_layers = network.encoder.n_layers
    if lowest[0] < n_layers:
        lowest[1] = min(lowest[1], max(lowest[0], 0))
    elif not trained.isdisjoint(network.attention.shapes):
        lowest[1] = min(lowest[1], n_layers)

    def lay_out(forward, backward):
        parts = []
        for i, names in enumerate(network.names_here):
            starts = {name: network.starts[here] for name, here in names.items()}
            forward.starts = backward.starts = starts
            of_this = network.networks[i], of_each[i], lowest[i]
            parts.append(_lay_out(*of_this, forward, backward))
        forward.starts = backward.starts = network.starts
        return tuple(parts), _attention_plan(network, forward, backward)

    return PairPlan(*_packed(lay_out, network, width))


def lowest_of(network, trained):
    """The lowest level with anything to train; one above all if there is none."""
    levels = network.levels
    return min([network.n_layers + 2, *(levels[name] for name in trained)])


def _packed(lay_out, network, width):
    """What `lay_out` gives, and where the packed weights come from."""
    # The transposed weights stand behind the others, whose size is known at the end.
    n_packed = 0
    for _ in range(2):
        forward = _Pieces(network.starts, width)
        backward = _Pieces(network.starts, width, n_packed)
        plans, n_packed = lay_out(forward, backward), forward.size
    pieces = tuple(forward.pieces), tuple(backward.pieces)
    return *plans, n_packed, backward.size - n_packed, *pieces


def _lay_out(network, trained, lowest, forward, backward):
    """Sizes, layers, pooling and head of a network."""
    layers = [
        _layer_plan(layer, trained, lowest, forward, backward)
        for layer in network.layers
    ]
    if network.norms:
        layers = _with_norms(network, layers, forward)
    hidden, n_out = network.hidden_size, network.n_states_out
    sizes = Sizes(
        n_directions=network.n_directions,
        n_features=network.n_features,
        frame_length=network.frame_length,
        hop_length=network.hop_length,
        n_inputs=network.n_inputs,
        n_static=network.n_static,
        hidden_size=hidden,
        padded_size=forward.padded(hidden),
        n_out=n_out,
        first_trained=lowest,
        out_row=forward.padded(n_out + 1),
    )
    pooling = POOLINGS[network.pooling](network, forward, backward)
    head = _head_plan(network, forward, backward)
    return sizes, np.array(layers), pooling, head


def _head_plan(network, forward, backward):
    n_out, n_outputs, head = network.n_states_out, network.n_outputs, network.head
    if n_outputs == 0:
        return HeadPlan(0, 0, 0, -1, -1)
    return HeadPlan(
        n_outputs=n_outputs,
        padded_outputs=forward.padded(n_outputs),
        takes_all_rows=int(network.loss.reads_sequences),
        at=forward.add(head.weight, n_out, n_outputs, bias=head.bias),
        transposed_at=backward.add_transposed(head.weight, n_out, n_outputs),
    )


def _attention_plan(network, forward, backward):
    part, n, score_at = network.attention, network.decoder.n_states_out, (-1, -1)
    is_general = part.weight in part.shapes
    if is_general:
        score_at = (
            forward.add(part.weight, n, n),
            backward.add_transposed(part.weight, n, n),
        )
    return AttentionPlan(
        int(is_general),
        *score_at,
        forward.add(part.output, 2 * n, n),
        backward.add_transposed(part.output, 2 * n, n),
    )


def _layer_plan(layer, trained, lowest, forward, backward):
    step, n_inputs, hidden = layer.cell.step, layer.n_inputs, layer.hidden_size
    n_h = step.n_blocks - step.h_first
    inputs, bias, recurrent = layer.input, layer.bias, layer.recurrent
    return LayerPlan(
        n_inputs=n_inputs,
        x_at=forward.add(inputs, n_inputs, hidden, step.n_x, bias),
        # A block without input has a panel of one row, its bias.
        bias_at=forward.add_rows(bias, hidden, step.n_x, step.n_blocks),
        h_at=forward.add(recurrent, hidden, hidden, n_h),
        h_transposed_at=backward.add_transposed(recurrent, hidden, hidden, n_h),
        # Nobody wants the gradient of the data, unless rows of embeddings are trained.
        x_transposed_at=backward.add_transposed(inputs, n_inputs, hidden, step.n_x)
        if layer.level > 0 or lowest < 0
        else -1,
        norm_at=-1,
        trains=int(not trained.isdisjoint(layer.shapes)),
    )


def _with_norms(network, layers, forward):
    """Both directions of a layer share a norm: its weights, then its biases."""
    n_out = network.n_states_out
    plans = []
    for q, plan in enumerate(layers):
        layer, direction = divmod(q, network.n_directions)
        if direction == 0:
            norm = network.norms[layer]
            norm_at = forward.add_rows(norm.weight, n_out, 0, 1)
            forward.add_rows(norm.bias, n_out, 0, 1)
        plans.append(plan._replace(norm_at=norm_at))
    return plans


class _Pieces:
    """Matrices among the packed weights; each method says where it put what it adds.

    `starts` says of the next ones by their names where they are in the flat vector.
    """

    def __init__(self, starts, width, size=0):
        self.starts, self.width = starts, width
        self.pieces, self.size = [], size

    def padded(self, n):
        """The columns that n columns take."""
        return padded_columns(n, self.width)

    def _add(self, at, panel_rows, flat_at, shape, flat_strides, block):
        """Matrices of this shape, (blocks, rows, columns), from row `at` of a panel on.

        A panel has `panel_rows` rows, and a matrix starts `block` behind the last one.
        """
        (n, rows, columns), (flat_block, row, column) = shape, flat_strides
        width, panel = self.width, panel_rows * self.width
        whole = columns // width
        for first, panels, lanes in ((0, whole, width), (whole, 1, columns % width)):
            if panels * lanes > 0:
                start = flat_at + first * width * column
                flat = self._bytes(start, flat_block, width * column, row, column)
                packed = self._bytes(at + first * panel, block, panel, width, 1)
                self.pieces.append(Piece((n, panels, rows, lanes), flat, packed))

    def _bytes(self, start, *strides):
        size = PANEL_BYTES // self.width
        return size * start, tuple(size * n for n in strides)

    def add(self, name, n_rows, n_columns, n=1, bias=None):
        """The n matrices of a part; with `bias`, each with a row of that part below."""
        at, size = self.size, n_rows * n_columns
        rows = n_rows if bias is None else n_rows + 1
        block = rows * self.padded(n_columns)
        shape, strides = (n, n_rows, n_columns), (size, n_columns, 1)
        self._add(at, rows, self.starts[name], shape, strides, block)
        if bias is not None:
            shape, strides = (n, 1, n_columns), (n_columns, n_columns, 1)
            at_bias = at + n_rows * self.width
            self._add(at_bias, rows, self.starts[bias], shape, strides, block)
        self.size += n * block
        return at

    def add_rows(self, name, n_columns, first, last):
        """Some rows of a part, each with panels of its own."""
        at, block = self.size, self.padded(n_columns)
        shape, strides = (last - first, 1, n_columns), (n_columns, n_columns, 1)
        start = self.starts[name] + first * n_columns
        if last > first:
            self._add(at, 1, start, shape, strides, block)
        self.size += (last - first) * block
        return at

    def add_transposed(self, name, n_rows, n_columns, n=1):
        """The n matrices of a part, transposed and below each other."""
        at, rows = self.size, n * n_columns
        shape, strides = (n, n_columns, n_rows), (n_rows * n_columns, 1, n_columns)
        block = n_columns * self.width
        self._add(at, rows, self.starts[name], shape, strides, block)
        self.size += rows * self.padded(n_rows)
        return at
