"""These tests run in Numba's simulator, where a kernel is plain Python.

It proves logic, not that a kernel compiles (`test_compiled.py` does) or runs on a GPU.
It must be chosen before Numba is imported, hence in a process of its own::

    NUMBA_ENABLE_CUDASIM=1 NUMBA_DISABLE_JIT=1 pytest tests/cuda
"""

import os
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest

_one_at_a_time = threading.Lock()


def give_shared_array(shared, shape, dtype):
    """The same array to all threads of a block that ask on the same line.

    Filled with NaN, so that nobody can rely on what is in it.
    """
    frame = sys._getframe(1)
    block = tuple(threading.current_thread().blockIdx)
    dtype = np.dtype(dtype.name)
    if shape == 0:  # all memory that the launch asked for
        shape = shared._dynshared_size // dtype.itemsize
    with _one_at_a_time:
        key = block, frame.f_code, frame.f_lineno
        return shared._allocations.setdefault(key, np.full(shape, np.nan, dtype))


SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM", "0") != "0"
#: These run elsewhere: with numba-cuda, without a GPU.
REAL = "test_compiled.py", "test_driver.py"
collect_ignore = [
    path.name
    for path in Path(__file__).parent.glob("test_*.py")
    if (path.name in REAL) == SIMULATED
]
if SIMULATED:
    # The simulator polls the threads of a block and would let each wait for 5 ms.
    sys.setswitchinterval(1e-5)
    # It gives two threads that ask at once an array of shared memory each, and all
    # blocks the same one.
    from numba.cuda.simulator.kernelapi import FakeCUDAShared

    FakeCUDAShared.array = give_shared_array


@pytest.fixture(scope="session")
def toolkit():
    """What compiles for a GPU."""
    if find_spec("numba_cuda") is None:
        pytest.skip("numba-cuda is not installed")
    from numba.cuda.cudadrv.nvvm import NVVM

    try:
        NVVM()
    except Exception as error:  # of whatever kind says that it is missing
        pytest.skip(f"a CUDA toolkit is not installed: {error}")


@pytest.fixture
def new_backend(request):
    """The CUDA backend, each test with another way to run the recurrence."""
    from skrnn.backends.cuda import WAYS, CUDABackend

    way = WAYS[crc32(request.node.nodeid.encode()) % len(WAYS)]
    return lambda network: CUDABackend(network, way=way)
