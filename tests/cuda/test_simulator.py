"""The simulator finds a barrier that is missing, whichever thread writes."""

import numpy as np
import pytest
from numba import cuda, float32


def make_kernel(writer, has_barrier):
    @cuda.jit
    def kernel(out):
        shared = cuda.shared.array(1, float32)
        t = cuda.threadIdx.x
        if t == writer:
            shared[0] = 7
        if has_barrier:
            cuda.syncthreads()
        out[t] = shared[0]

    return kernel


def results(kernel):
    """Of as many launches as there are orders of the threads."""
    out = np.zeros((2, 4), np.float32)
    for row in out:
        kernel[1, 4](row)
    return out


@pytest.mark.parametrize("writer", [0, 3])
def test_a_missing_barrier_shows(writer):
    assert (results(make_kernel(writer, has_barrier=True)) == 7).all()
    assert not (results(make_kernel(writer, has_barrier=False)) == 7).all()
