"""Sums over one row of a layer normalisation.

J. L. Ba, J. R. Kiros and G. E. Hinton, Layer normalization, arXiv:1607.06450, 2016.
"""

from math import sqrt

from numba import njit

from skrnn.mathematics.compilation import PART

EPSILON = 1e-5
# A row's sum may take another order than a plain loop, to be vectorised: the same in
# every row, whatever rows stand beside it.
_OPTIONS = {"error_model": "numpy", "fastmath": {"reassoc"}, **PART}


@njit(**_OPTIONS)
def moments(row, n):
    """Mean of the first n entries, and one over their standard deviation."""
    total = row.dtype.type(0)
    for j in range(n):
        total += row[j]
    mean = total / row.dtype.type(n)
    squares = row.dtype.type(0)
    for j in range(n):
        squares += (row[j] - mean) * (row[j] - mean)
    return mean, row.dtype.type(1 / sqrt(squares / n + EPSILON))


@njit(**_OPTIONS)
def mean_products(a, b, c, n):
    """Mean of ``a * b``, and of ``a * b * c``, over the first n entries."""
    first, second = a.dtype.type(0), a.dtype.type(0)
    for j in range(n):
        product = a[j] * b[j]
        first += product
        second += product * c[j]
    return first / a.dtype.type(n), second / a.dtype.type(n)
