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


class Inner(Part):
    """A part of a network that is itself one of several in a larger one.

    There its arrays have longer names, inside and outside.
    """

    def __init__(self, part, prefix):
        self.part, self.prefix, self.level = part, prefix, part.level
        self.name = inner_name(prefix, getattr(part, "name", ""))
        self.matrices = tuple(inner_name(prefix, name) for name in part.matrices)

    @property
    def shapes(self):
        return {
            inner_name(self.prefix, k): shape for k, shape in self.part.shapes.items()
        }

    @property
    def names(self):
        return {
            f"{self.prefix}.{outside}": inner_name(self.prefix, name)
            for outside, name in self.part.names.items()
        }

    @property
    def weights(self):
        return {inner_name(self.prefix, name) for name in self.part.weights}

    def _views(self, views):
        """Those of the part, under its own names."""
        return {name: views[inner_name(self.prefix, name)] for name in self.part.shapes}

    def _outside(self, weights):
        return {f"{self.prefix}.{name}": array for name, array in weights.items()}

    def _inside(self, weights):
        start = f"{self.prefix}."
        return {
            name.removeprefix(start): array
            for name, array in weights.items()
            if name.startswith(start)
        }

    def initialize(self, views, random_state):
        self.part.initialize(self._views(views), random_state)

    def export(self, views):
        return self._outside(self.part.export(self._views(views)))

    def take(self, views, weights):
        self.part.take(self._views(views), self._inside(weights))

    def export_adapter(self, matrix, a, b):
        """As `RecurrentLayer.export_adapter`."""
        return self._outside(self.part.export_adapter(self._own(matrix), a, b))

    def import_adapter(self, matrix, weights):
        """As `RecurrentLayer.import_adapter`."""
        return self.part.import_adapter(self._own(matrix), self._inside(weights))

    def _own(self, matrix):
        return self.part.matrices[self.matrices.index(matrix)]


def inner_name(prefix, name):
    """What an array of a network within another one is called inside."""
    return f"{prefix}_{name}"


def ones(random_state, shape):
    return np.ones(shape)
