"""The products of a step of a large layer, through cuBLAS where CuPy is installed."""

from functools import lru_cache, wraps
from importlib.util import find_spec

from skrnn.backends.cuda.device import SIMULATED


@lru_cache
def library():
    """CuPy, which wraps cuBLAS and has NumPy's interface; None where it is missing."""
    if SIMULATED or find_spec("cupy") is None:
        return None
    try:
        import cupy
    except ImportError:  # it is there, but of another toolkit
        return None
    return cupy


def _among_kernels(compute):
    """Let CuPy compute in its turn among the kernels, whose stream is the null stream.

    By itself it takes the stream that the caller has made current, and would not wait.
    """

    @wraps(compute)
    def compute_there(self, *arguments):
        with self.arrays.cuda.Stream.null:
            compute(self, *arguments)

    return compute_there


class StepProducts:
    """Products with the square matrices of one layer, of which there are `n`.

    Parameters
    ----------
    arrays : module
        `library()`.
    m : device array
        What is computed with.
    weights, at : device array and int
        The matrices, and where they start.
    hidden, n : int
    """

    def __init__(self, arrays, m, weights, at, hidden, n):
        self.arrays, self.m, self.hidden = arrays, arrays.asarray(m), hidden
        square = hidden * hidden
        matrices = arrays.asarray(weights)[at : at + n * square]
        self.matrices = matrices.reshape(n, hidden, hidden)

    def _rows(self, at, n_rows):
        return self.m[at : at + n_rows * self.hidden].reshape(n_rows, self.hidden)

    @_among_kernels
    def add_to_each(self, at, plane, source, n_rows):
        """Add the products of the rows at `source` to those of each plane."""
        rows = self._rows(source, n_rows)
        for b, matrix in enumerate(self.matrices):
            target = self._rows(at + b * plane, n_rows)
            target += rows @ matrix

    @_among_kernels
    def sum_of_all(self, at, source, plane, n_rows, adds):
        """The sum of the products of all planes; `adds`: to what is there."""
        target = self._rows(at, n_rows)
        for b, matrix in enumerate(self.matrices):
            product = self._rows(source + b * plane, n_rows) @ matrix
            if b > 0 or adds:
                target += product
            else:
                target[...] = product
