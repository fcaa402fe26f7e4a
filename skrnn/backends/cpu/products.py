"""Matrix products of whole matrices, by the register tile.

A matrix in a larger array is a tuple ``(array, start, distance between rows)``, the
array taken as flat memory.
"""

import numpy as np
from numba import njit

from skrnn.backends.cpu.options import INNER
from skrnn.backends.cpu.tile import ONE, PANEL_BYTES, ZERO, panel_product

# Rows of a weight-gradient product at a time: a packed panel of gradients (64 bytes a
# row) stays in the first-level cache.
CHUNK = 128


@njit(**INNER)
def product(n, n_columns, c, a, b, sizes, accumulate):
    """``c = sum over blocks of a[block] @ b[block]``, for n rows and whole panels.

    Parameters
    ----------
    n, n_columns : int
        Rows and columns of c.
    c, a : (array, start, distance between rows)
        The blocks of a are the rows of its array.
    b : (array, start)
        Packed panels.
    sizes : (number of blocks, rows of b in each)
    accumulate : int
        Not 0: the product is added to what is in c.
    """
    (to, to_at, to_row), (left, left_at, left_row), (panels, panels_at) = c, a, b
    width = PANEL_BYTES // to.itemsize
    n_k = sizes[0] * sizes[1]
    strides = (to_row, left_row, ONE, left.shape[1])
    for j in range(0, n_columns, width):
        at = (to_at + j, left_at, panels_at + j * n_k)
        panel_product(n, to, left, panels, at, strides, sizes, accumulate)


@njit(**INNER)
def copy_panel(dz, block, at, row, n, panel):
    """Copy one panel of n rows of dz[block], so that a product reads neighbours."""
    width = PANEL_BYTES // dz.itemsize
    for r in range(n):
        for lane in range(width):
            panel[0, r * width + lane] = dz[block, at + r * row + lane]


@njit(**INNER)
def weight_gradient(n, n_a, a, dz, n_columns, gradient, gradient_at):
    """Add ``a.T @ dz``, a sum over n rows, to the panels of the gradient.

    a has `n_a` columns; both matrices are as in `product`, dz in row 0 of its array.
    """
    (left, left_at, left_row), (right, right_at, right_row) = a, dz
    width = PANEL_BYTES // right.itemsize
    panel = np.empty((1, CHUNK * width), right.dtype)
    strides = (width, ONE, left_row, ZERO)
    for first in range(0, n, CHUNK):
        k = min(CHUNK, n - first)
        for j in range(0, n_columns, width):
            copy_panel(
                right, ZERO, right_at + first * right_row + j, right_row, k, panel
            )
            at = (gradient_at + j * n_a, left_at + first * left_row, ZERO)
            panel_product(n_a, gradient, left, panel, at, strides, (ONE, k), ONE)
