"""These tests run in Numba's simulator, where a kernel is plain Python.

It proves logic, not that a kernel compiles (`test_compiled.py` does) or runs on a GPU.
It must be chosen before Numba is imported, hence in a process of its own::

    NUMBA_ENABLE_CUDASIM=1 NUMBA_DISABLE_JIT=1 pytest tests/cuda
"""

import os
from importlib.util import find_spec
from pathlib import Path
from zlib import crc32

import pytest

SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM", "0") != "0"
#: These run elsewhere: with numba-cuda, without a GPU.
REAL = "test_compiled.py", "test_driver.py"
collect_ignore = [
    path.name
    for path in Path(__file__).parent.glob("test_*.py")
    if (path.name in REAL) == SIMULATED
]
if SIMULATED:
    import simulator

    simulator.install()


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
