"""The cells, one file each, and their registry."""

from skrnn.mathematics.cells.base import Cell, backward, forward
from skrnn.mathematics.cells.elman import ELMAN_RELU, ELMAN_TANH
from skrnn.mathematics.cells.gru import GRU
from skrnn.mathematics.cells.lstm import LSTM

#: (cell, activation) -> Cell; an activation of None stands for any.
CELLS = {
    ("rnn", "tanh"): ELMAN_TANH,
    ("rnn", "relu"): ELMAN_RELU,
    ("lstm", None): LSTM,
    ("gru", None): GRU,
}


def get_cell(name, activation):
    """The registered cell; `activation` matters to those that have a choice."""
    return CELLS.get((name, activation)) or CELLS[name, None]


__all__ = ["CELLS", "Cell", "backward", "forward", "get_cell"]
