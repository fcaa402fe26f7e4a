"""Denormal numbers are 0 within the backend, and what they were elsewhere."""

import numpy as np
import pytest
from numba import njit
from numpy.testing import assert_array_equal

from skrnn.backends.cpu.denormals import IS_X86, flush_denormals, restore


@njit
def halves(x):
    """Half of x before, while and after denormal numbers are taken as 0."""
    y = np.empty((3, x.size), x.dtype)
    y[0] = x / 2
    before = flush_denormals()
    y[1] = x / 2
    restore(before)
    y[2] = x / 2
    return y


@pytest.mark.skipif(not IS_X86, reason="only x86 processors are told so")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_denormal_numbers_are_zero_for_a_while(dtype):
    x = np.array([1, np.finfo(dtype).tiny], dtype)
    assert_array_equal(halves(x), [x / 2, [0.5, 0], x / 2])
