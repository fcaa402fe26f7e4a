"""What a part of a network is: some arrays of the flat vector, and all about them."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


def _as_it_is(array):
    return array


class Array(NamedTuple):
    """An array of a part: how it starts, and what users see of it."""

    shape: tuple
    outside: str  # its name in `export_weights`
    see: Callable = _as_it_is  # what users see of it, as a view
    start: Callable | None = None  # (random_state, shape) -> its first values; or zeros
    is_weight: bool = False  # of a matrix product: what the L2 penalty takes


class Part:
    """A part of a network: it knows its arrays, no other part, and no computing.

    Parameters
    ----------
    level : int
        How many layers lie below, -1 for what lies below all: gradients reach down to
        the lowest level that has anything to train.
    arrays : dict of str to Array
        By their names inside, in the order of the flat vector.
    """

    #: Names of the matrices that may have adapters, (blocks, inputs, units).
    matrices = ()

    def __init__(self, level, arrays):
        self.level, self.arrays = level, arrays

    @property
    def shapes(self):
        """Shape of each array by its name inside."""
        return {name: array.shape for name, array in self.arrays.items()}

    @property
    def names(self):
        """Each name outside, and the array inside that it shows."""
        return {array.outside: name for name, array in self.arrays.items()}

    @property
    def weights(self):
        """Names inside of what the L2 penalty takes."""
        return {name for name, array in self.arrays.items() if array.is_weight}

    def initialize(self, views, random_state):
        """Write the first values into the part's views, which hold zeros."""
        for name, array in self.arrays.items():
            if array.start is not None:
                views[name][:] = array.start(random_state, array.shape)

    def export(self, views):
        """Copies of the arrays by their names outside."""
        return {
            array.outside: array.see(views[name]).copy()
            for name, array in self.arrays.items()
        }

    def take(self, views, weights):
        """Write what `export` gave into the part's views, which hold zeros."""
        for name, array in self.arrays.items():
            array.see(views[name])[...] = weights[array.outside]


def ones(random_state, shape):
    return np.ones(shape)
