"""Sums over any number of steps that keep their digits."""

from numba import njit

from skrnn.backends.cpu.options import INNER


@njit(**INNER)
def add_exactly(sums, rests, terms, factor, n):
    """Add n terms times a factor to as many sums.

    What rounding leaves out of a sum is kept in `rests`, and added to the next term. A
    plain sum in float32 stands still after some ten million steps of a stream.
    W. Kahan, Further remarks on reducing truncation errors, CACM 8(1), 1965.
    """
    for j in range(n):
        term = factor * terms[j] - rests[j]
        total = sums[j] + term
        rests[j] = (total - sums[j]) - term
        sums[j] = total
