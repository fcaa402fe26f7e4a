"""Weights between the flat vector and the panels that the products read.

A *piece* is one matrix: where it starts in the flat vector, its rows and columns, where
its panels start, how many rows a panel has, and the panel row of its first row. Lanes
beyond the last column, and rows of no piece, stay zero, so that padded units are always
exactly zero.
"""

from typing import NamedTuple

from numba import njit

from skrnn.backends.cpu.options import ENTRY, INNER


class Piece(NamedTuple):
    """One matrix in both layouts."""

    flat_at: int
    n_rows: int
    n_columns: int
    packed_at: int
    panel_rows: int
    first_row: int


@njit(**INNER)
def _pack(flat, pieces, width, packed):
    """Columns become the lanes of the panels."""
    for p in range(pieces.shape[0]):
        flat_at, n_rows, n_columns, packed_at, panel_rows, first_row = pieces[p]
        for k in range(n_rows):
            for j in range(0, n_columns, width):
                source = flat_at + k * n_columns + j
                target = packed_at + j * panel_rows + (first_row + k) * width
                for lane in range(min(width, n_columns - j)):
                    packed[0, target + lane] = flat[source + lane]


@njit(**INNER)
def _pack_transposed(flat, pieces, width, packed):
    """Rows become the lanes of the panels."""
    for p in range(pieces.shape[0]):
        flat_at, n_rows, n_columns, packed_at, panel_rows, first_row = pieces[p]
        for k in range(n_rows):
            lane = k % width
            target = packed_at + (k - lane) * panel_rows + first_row * width + lane
            source = flat_at + k * n_columns
            for j in range(n_columns):
                packed[0, target + j * width] = flat[source + j]


@njit(**ENTRY)
def pack_weights(flat, width, pieces, packed, pieces_transposed, packed_transposed):
    """Fill both packed vectors."""
    _pack(flat, pieces, width, packed)
    _pack_transposed(flat, pieces_transposed, width, packed_transposed)


@njit(**ENTRY)
def unpack_sum(packed, pieces, width, flat):
    """Add up the rows of `packed`, in their order, into the flat vector."""
    for p in range(pieces.shape[0]):
        flat_at, n_rows, n_columns, packed_at, panel_rows, first_row = pieces[p]
        for k in range(n_rows):
            for j in range(0, n_columns, width):
                target = flat_at + k * n_columns + j
                source = packed_at + j * panel_rows + (first_row + k) * width
                for lane in range(min(width, n_columns - j)):
                    total = packed[0, source + lane]
                    for s in range(1, packed.shape[0]):
                        total += packed[s, source + lane]
                    flat[target + lane] = total
