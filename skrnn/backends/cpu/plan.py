"""Where each matrix of a network stands in the packed vectors."""

from typing import NamedTuple

import numpy as np

from skrnn.backends.cpu.layer import LayerPlan
from skrnn.backends.cpu.packing import Piece
from skrnn.backends.cpu.shard import HeadPlan


class Plan(NamedTuple):
    """The sizes that compiled code needs, and the pieces of both packed vectors."""

    layer: LayerPlan
    head: HeadPlan
    pieces: np.ndarray
    n_packed: int
    pieces_transposed: np.ndarray
    n_transposed: int


def make_plan(network, width):
    """Plan for panels of `width` columns."""
    step, starts = network.cell.step, network.starts
    n_inputs, hidden, n_outputs = (
        network.n_features,
        network.hidden_size,
        network.n_outputs,
    )
    padded, padded_outputs = (-(-n // width) * width for n in (hidden, n_outputs))
    n_h = step.n_blocks - step.h_first

    x_at = 0
    bias_at = x_at + step.n_x * padded * (n_inputs + 1)
    h_at = bias_at + (step.n_blocks - step.n_x) * padded
    head_at = h_at + n_h * padded * hidden
    n_packed = head_at + padded_outputs * (padded + 1)

    pieces = _input_pieces(network, padded, x_at, bias_at)
    recurrent = [
        Piece(
            flat_at=starts["recurrent"] + i * hidden * hidden,
            n_rows=hidden,
            n_columns=hidden,
            packed_at=h_at + i * padded * hidden,
            panel_rows=hidden,
            first_row=0,
        )
        for i in range(n_h)
    ]
    head = Piece(starts["head"], hidden, n_outputs, head_at, padded + 1, 0)
    head_bias = Piece(starts["head_bias"], 1, n_outputs, head_at, padded + 1, padded)
    pieces += [*recurrent, head, head_bias]

    head_transposed_at = padded * n_h * hidden
    pieces_transposed = [
        piece._replace(packed_at=0, panel_rows=n_h * hidden, first_row=i * hidden)
        for i, piece in enumerate(recurrent)
    ]
    pieces_transposed += [
        head._replace(packed_at=head_transposed_at, panel_rows=n_outputs)
    ]
    return Plan(
        LayerPlan(n_inputs, hidden, padded, x_at, bias_at, h_at, 0),
        HeadPlan(padded + 1, n_outputs, padded_outputs, head_at, head_transposed_at),
        np.array(pieces),
        n_packed,
        np.array(pieces_transposed),
        head_transposed_at + padded * n_outputs,
    )


def _input_pieces(network, padded, x_at, bias_at):
    """Input weights and biases; a block without input has a panel of one row."""
    step, starts = network.cell.step, network.starts
    n_inputs, hidden = network.n_features, network.hidden_size
    pieces = []
    for block in range(step.n_blocks):
        bias = Piece(starts["bias"] + block * hidden, 1, hidden, 0, 1, 0)
        if block < step.n_x:
            at = x_at + block * padded * (n_inputs + 1)
            weights = starts["input"] + block * n_inputs * hidden
            pieces += [
                Piece(weights, n_inputs, hidden, at, n_inputs + 1, 0),
                bias._replace(
                    packed_at=at, panel_rows=n_inputs + 1, first_row=n_inputs
                ),
            ]
        else:
            at = bias_at + (block - step.n_x) * padded
            pieces += [bias._replace(packed_at=at)]
    return pieces
