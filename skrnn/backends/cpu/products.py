"""Matrix products of whole matrices, by the register tile.

A matrix in a larger vector is a tuple ``(vector, start, distance between rows)``; a
left operand of several blocks has the distance between these as well.
"""

import numpy as np
from numba import njit

from skrnn.backends.cpu.options import INNER
from skrnn.backends.cpu.tile import (
    HAS_LONG_REGISTERS,
    ONE,
    PANEL_BYTES,
    ZERO,
    four_panels_product,
    panel_product,
    row_product,
)

# Rows of a weight-gradient product at a time: a packed panel of gradients (64 bytes a
# row) stays in the first-level cache.
CHUNK = 128
# Rows of panels that are multiplied at a time: four such panels take half of the
# second-level cache.
PANEL_ROWS = 2048


@njit(**INNER)
def product(n, n_columns, c, a, b, sizes, accumulate):
    """``c = sum over blocks of a[block] @ b[block]``, for n rows and whole panels.

    Parameters
    ----------
    n, n_columns : int
        Rows and columns of c.
    c : (vector, start, distance between rows)
    a : (vector, start, distance between rows, distance between blocks)
    b : (vector, start)
        Packed panels.
    sizes : (number of blocks, rows of b in each)
    accumulate : int
        Not 0: the product is added to what is in c.
    """
    (left, left_at, left_row, left_block), (panels, at), (n_blocks, n_k) = a, b, sizes
    width, n_rows = PANEL_BYTES // left.itemsize, n_blocks * n_k
    together = n_blocks if n_rows <= PANEL_ROWS else ONE
    for block in range(0, n_blocks, together):
        left_here = (left, left_at + block * left_block, left_row, left_block)
        here = (panels, at + block * n_k * width, n_rows * width)
        more = accumulate if block == 0 else ONE
        _columns_product(n, n_columns, c, left_here, here, (together, n_k), more)


@njit(**INNER)
def _columns_product(n, n_columns, c, a, b, sizes, accumulate):
    """`product`, with the distance between panels as a part of b."""
    (to, to_at, to_row), (left, left_at, left_row, left_block) = c, a
    panels, at, panel = b
    width = PANEL_BYTES // to.itemsize
    strides = (to_row, left_row, ONE, left_block, panel)
    if n == 1:
        places, n_panels = (to_at, left_at, at), n_columns // width
        row_product(n_panels, to, left, panels, places, strides, sizes, accumulate)
        return
    n_fours = n_columns // (4 * width) if HAS_LONG_REGISTERS else 0
    for four in range(n_fours):
        places = (to_at + 4 * four * width, left_at, at + 4 * four * panel)
        four_panels_product(n, to, left, panels, places, strides, sizes, accumulate)
    for p in range(4 * n_fours, n_columns // width):
        places = (to_at + p * width, left_at, at + p * panel)
        panel_product(n, to, left, panels, places, strides, sizes, accumulate)


@njit(**INNER)
def copy_panel(m, at, row, n, panel):
    """Copy one panel of n rows of a matrix, so that a product reads neighbours."""
    width = PANEL_BYTES // m.itemsize
    for r in range(n):
        source, target = m[at + r * row :], panel[r * width :]
        for lane in range(width):
            target[lane] = source[lane]


@njit(**INNER)
def weight_gradient(n, n_a, a, dz, n_columns, gradient, gradient_at):
    """Add ``a.T @ dz``, a sum over n rows, to the panels of the gradient.

    a has `n_a` columns; both matrices are ``(vector, start, distance between rows)``.
    """
    (left, left_at, left_row), (right, right_at, right_row) = a, dz
    width = PANEL_BYTES // right.itemsize
    panel = np.empty(CHUNK * width, right.dtype)
    strides = (width, ONE, left_row, ZERO, ZERO)
    for first in range(0, n, CHUNK):
        k = min(CHUNK, n - first)
        for j in range(0, n_columns, width):
            copy_panel(right, right_at + first * right_row + j, right_row, k, panel)
            at = (gradient_at + j * n_a, left_at + first * left_row, ZERO)
            panel_product(n_a, gradient, left, panel, at, strides, (ONE, k), ONE)
