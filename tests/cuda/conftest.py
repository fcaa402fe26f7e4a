"""These tests run in Numba's simulator, where a kernel is plain Python.

It proves logic, not that a kernel compiles (`test_compiled.py` does) or runs on a GPU.
It must be chosen before Numba is imported, hence in a process of its own::

    NUMBA_ENABLE_CUDASIM=1 NUMBA_DISABLE_JIT=1 pytest tests/cuda
"""

import os
import sys
import threading
from zlib import crc32

import numpy as np
import pytest

_one_at_a_time = threading.Lock()


def give_shared_array(shared, shape, dtype):
    """The same array to all threads that ask on the same line, as the simulator's."""
    frame = sys._getframe(1)
    line = frame.f_code, frame.f_lineno
    dtype = np.dtype(dtype.name)
    if shape == 0:  # all memory that the launch asked for
        count = shared._dynshared_size // dtype.itemsize
        return np.frombuffer(shared._dynshared, dtype, count)
    with _one_at_a_time:
        return shared._allocations.setdefault(line, np.empty(shape, dtype))


SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM", "0") != "0"
#: What runs elsewhere: on real types, without a GPU.
collect_ignore_glob = ["test_compiled.py" if SIMULATED else "test_[!c]*.py"]
if SIMULATED:
    # The simulator polls the threads of a block and would let each wait for 5 ms.
    sys.setswitchinterval(1e-5)
    # It gives two threads that ask at once an array of shared memory each.
    from numba.cuda.simulator.kernelapi import FakeCUDAShared

    FakeCUDAShared.array = give_shared_array


@pytest.fixture
def new_backend(request):
    """The CUDA backend, each test with another way to run the recurrence."""
    from skrnn.backends.cuda import WAYS, CUDABackend

    way = WAYS[crc32(request.node.nodeid.encode()) % len(WAYS)]
    return lambda network: CUDABackend(network, way=way)
