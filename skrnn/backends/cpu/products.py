"""Matrix products of whole matrices, by the register tile.

A matrix in a larger vector is a tuple ``(vector, start, distance between rows)``; one
of several blocks has the distance between these as well.
"""

from numba import njit

from skrnn.backends.cpu.options import INNER
from skrnn.backends.cpu.tile import (
    ONE,
    PANEL_BYTES,
    ZERO,
    copy_panel_row,
    panels_product,
)

# Rows of a weight-gradient product at a time, and panels: the packed panels of
# gradients (64 bytes a row) stay in the first-level cache.
CHUNK, CHUNK_PANELS = 128, 2
# Rows of panels that are multiplied at a time: two such panels take a quarter of the
# second-level cache.
PANEL_ROWS = 2048


@njit(**INNER)
def product(n, c, a, b, shape, accumulate):
    """``c[block] = sum over planes of a[plane] @ b[block, plane]``, for n rows.

    Parameters
    ----------
    n : int
        Rows of c and a.
    c : (vector, start, distance between rows, distance between blocks)
    a : (vector, start, distance between rows, distance between planes)
    b : (vector, start)
        Packed panels.
    shape : (blocks, columns of each, planes, rows of b in each)
        The columns are whole panels.
    accumulate : int
        Not 0: the product is added to what is in c.
    """
    (to, to_at, to_row, to_block), (left, left_at, left_row, left_plane) = c, a
    (panels, at), (n_blocks, n_columns, n_planes, n_k) = b, shape
    width = PANEL_BYTES // to.itemsize
    n_panels, panel = n_columns // width, n_planes * n_k * width
    to_panel, to_pair = width, 2 * width
    # A tile takes panels of several blocks where these are so small.
    if n_panels == 1:
        to_panel, to_pair = to_block, 2 * to_block
        n_panels, n_blocks = n_blocks, ONE
    elif n_panels == 2:
        to_pair = to_block
        n_panels, n_blocks = 2 * n_blocks, ONE
    strides = (to_row, to_panel, to_pair, left_row, ONE, left_plane, panel)
    together = n_planes if n_planes * n_k <= PANEL_ROWS else ONE
    for block in range(n_blocks):
        for plane in range(0, n_planes, together):
            places = (
                to_at + block * to_block,
                left_at + plane * left_plane,
                at + block * n_panels * panel + plane * n_k * width,
            )
            more = accumulate if plane == 0 else ONE
            sizes = (together, n_k)
            panels_product(n, n_panels, to, left, panels, places, strides, sizes, more)


@njit(**INNER)
def copy_panels(m, at, row, n, n_panels, to):
    """Copy panels of n rows of a matrix, so that a product reads neighbours."""
    width = PANEL_BYTES // m.itemsize
    for panel in range(n_panels):
        for r in range(n):
            start = at + panel * width + r * row
            copy_panel_row(m, to + (panel * CHUNK + r) * width, start)


@njit(**INNER)
def add_product(n, n_a, a, m, panels, n_panels, gradient, gradient_at):
    """Add ``a.T @ panels``, a sum over n rows, to the panels of the gradient.

    a has `n_a` columns; the panels start at that place of m, as `copy_panels` put them.
    """
    (left, left_at, left_row), width = a, PANEL_BYTES // m.itemsize
    panel = n_a * width
    strides = (width, panel, ZERO, ONE, left_row, ZERO, CHUNK * width)
    places, sizes = (gradient_at, left_at, panels), (ONE, n)
    panels_product(n_a, n_panels, gradient, left, m, places, strides, sizes, ONE)


@njit(**INNER)
def weight_gradient(n, n_a, a, dz, n_columns, panels, gradient, gradient_at):
    """Add ``a.T @ dz``, a sum over n rows, to the panels of the gradient.

    a has `n_a` columns; both matrices are ``(vector, start, distance between rows)``.
    There is room for panels at that place of dz's vector.
    """
    (left, left_at, left_row), (m, at, row) = a, dz
    width = PANEL_BYTES // m.itemsize
    for first in range(0, n, CHUNK):
        k = min(CHUNK, n - first)
        rows = (left, left_at + first * left_row, left_row)
        for j in range(0, n_columns, CHUNK_PANELS * width):
            n_panels = min(CHUNK_PANELS, (n_columns - j) // width)
            copy_panels(m, at + first * row + j, row, k, n_panels, panels)
            to = gradient_at + j * n_a
            add_product(k, n_a, rows, m, panels, n_panels, gradient, to)
