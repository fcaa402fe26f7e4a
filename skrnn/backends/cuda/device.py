"""The device: what CUDA needs, memory there, and calls of kernels.

Nothing else of the package calls the driver.
"""

import os
import threading
import weakref
from contextlib import contextmanager, suppress
from importlib.util import find_spec

import numpy as np
from numba import config, cuda

from skrnn.exceptions import DeviceError

try:  # numba-cuda has settings of its own, beside Numba's
    from numba.cuda.core import config as launch_config
except ImportError:
    launch_config = config

#: Whether kernels run as Python (NUMBA_ENABLE_CUDASIM=1): a thread of a kernel is a
#: thread of Python, so there should be few.
SIMULATED = bool(config.ENABLE_CUDASIM)
#: Threads of a block where any number will do, and most blocks of such a kernel.
THREADS, MOST_BLOCKS = (4, 1) if SIMULATED else (256, 2048)
#: The shared memory that any kernel may ask for, in bytes.
SHARED_BYTES = 48 * 1024
#: For indices in loops that run often. Numba asks of a signed one whether it counts
#: from the end; that, and "range" around it, made four times as many instructions.
unsigned = np.uint64
#: Bytes that were sent without waiting, and are kept until the device has read them.
SENT_BYTES = 2**26
#: Oldest compute capability; older ones lack what the kernels were written for.
OLDEST_CAPABILITY = (7, 0)
#: Oldest version of the CUDA toolkit that an extra installs.
OLDEST_TOOLKIT = 12

_OUT_OF_MEMORY = 2  # CUDA_ERROR_OUT_OF_MEMORY
_INSTALL = (
    'Install it with pip install "skrnn[cuda13]" (drivers from 580 on) or '
    '"skrnn[cuda12]"'
)
# One at a time uses the device: kernels of a fit must not mix with those of another
# that shares its memory, and the order of a fit's kernels is that of their calls.
lock = threading.RLock()
_memories = weakref.WeakSet()
_process = None  # the one that started CUDA


def missing():
    """What is missing to compute with CUDA, as a sentence; None if nothing is."""
    if _process not in (None, os.getpid()):
        return (
            "CUDA was started before this process was forked, and does not survive a "
            'fork: start processes with "spawn", or use device="cpu" in them'
        )
    if SIMULATED:
        # Parts of kernels that are compiled for the CPU cannot be called from Python.
        plain = config.DISABLE_JIT
        return None if plain else "the simulator also needs NUMBA_DISABLE_JIT=1"
    if find_spec("numba_cuda") is None:
        return f"the package numba-cuda is not installed. {_INSTALL}"
    is_available = cuda.is_available()  # starts the driver, whose error is known then
    error = cuda.cuda_error()
    if error is not None:
        what = "device" if "NO_DEVICE" in str(error) else "driver that works"
        return f"there is no NVIDIA {what} ({_one_line(error)})"
    if not is_available:
        return f"the libraries of the CUDA toolkit are not found. {_INSTALL}"
    try:
        return _old_driver() or _old_device()
    except Exception as error:  # of whatever kind the driver's bindings raise
        return f"no device can be used ({_one_line(error)})"


def _one_line(error):
    return " ".join(str(error).split())


def _old_driver():
    driver = cuda.cudadrv.driver.driver.get_version()[0]
    toolkit = cuda.runtime.get_version()[0]
    if driver >= toolkit:
        return None
    remedy = f", or install skrnn[cuda{driver}]" if driver >= OLDEST_TOOLKIT else ""
    return (
        f"the driver is too old: it is for CUDA {driver}, the toolkit is CUDA "
        f"{toolkit}. Update the driver{remedy}"
    )


def _old_device():
    capability = tuple(cuda.get_current_device().compute_capability)
    # Each toolkit drops the oldest devices that the one before could compile for.
    oldest = max(OLDEST_CAPABILITY, cuda.cudadrv.nvrtc.get_lowest_supported_cc())
    if capability >= oldest:
        return None
    return (
        f"the device is too old: its compute capability is {capability}, needed is "
        f"{oldest} or newer"
    )


def check():
    """Refuse to go on where something is missing."""
    global _process
    if _process == os.getpid():
        return
    reason = missing()
    if reason is not None:
        raise DeviceError(f'device="cuda" cannot be used: {reason}.')
    _process = os.getpid()


@contextmanager
def use():
    """One at a time; what the driver raises becomes an error that says what to do."""
    check()
    with lock:
        try:
            yield
        except Exception as error:
            if not _is_of_driver(error):
                raise
            raise DeviceError(_advice(error)) from error


def _is_of_driver(error):
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"CudaAPIError", "CudaDriverError", "CUDAError"})


def _advice(error):
    code = getattr(error, "code", None)
    if code == _OUT_OF_MEMORY or "OUT_OF_MEMORY" in str(error):
        return (
            f"The device is out of memory ({error}). Use a smaller batch_size, "
            'bptt_steps, or device="cpu".'
        )
    return (
        f"The device failed ({error}). It may not work again in this process: start a "
        'new one, or use device="cpu".'
    )


def live_bytes():
    """Bytes of all arrays that the package holds on the device."""
    return sum(memory.n_bytes for memory in list(_memories))


class Memory:
    """Arrays on the device, under names; they are freed with it."""

    def __init__(self, device):
        self.device, self.arrays = device, {}
        self._sent, self._sent_bytes = [], 0
        _memories.add(self)

    @property
    def n_bytes(self):
        """Bytes of all arrays."""
        return sum(
            int(np.prod(array.shape)) * np.dtype(array.dtype).itemsize
            for array in self.arrays.values()
        )

    def vector(self, name, n, dtype):
        """A vector of at least n numbers, with whatever is in it."""
        array = self.arrays.get(name)
        if array is None or array.size < n:
            # The old one first: there may not be room for both.
            array = None
            self.arrays.pop(name, None)
            array = self.arrays[name] = self.device.empty(max(1, n), dtype)
        return array

    def put(self, name, host):
        """A copy of an array, in the place of the one that had the name."""
        array = self.arrays.get(name)
        if array is None or array.shape != host.shape or array.dtype != host.dtype:
            array = None
            self.arrays.pop(name, None)
            array = self.arrays[name] = self.device.copy(host)
        else:
            array.copy_to_device(host)
        return array

    def put_numbers(self, name, host):
        """The same for an array whose size changes often; its place may be longer.

        Does not wait for kernels to end, so `host` must not change before `fetch`.
        """
        array = self.vector(name, host.size, host.dtype)
        if self._sent_bytes + host.nbytes > SENT_BYTES:
            self.device.wait()
            self._forget_sent()
        self._sent.append(host)  # the device may not have read it yet
        self._sent_bytes += host.nbytes
        here = array if array.size == host.size else array[: host.size]
        if host.ndim > 1:
            here = here.reshape(host.shape)
        self.device.send(host, here)
        return here

    def fetch(self, array, host=None):
        """An array's numbers, once all kernels before have ended; into `host`."""
        host = array.copy_to_host(host)
        self._forget_sent()
        return host

    def _forget_sent(self):
        self._sent.clear()
        self._sent_bytes = 0

    def clear(self):
        """Free everything."""
        self.arrays.clear()


class Device:
    """The current device."""

    def __init__(self):
        self.n_multiprocessors = (
            1 if SIMULATED else cuda.get_current_device().MULTIPROCESSOR_COUNT
        )
        # That of all kernels and of CuPy, by its name: whatever stream a setting or a
        # caller makes the default one; and copies without a name wait for its end.
        self.stream = 0 if SIMULATED else cuda.legacy_default_stream()

    def empty(self, n, dtype):
        """A new vector."""
        return cuda.device_array(int(n), dtype)  # NumPy's integers are none there

    def copy(self, host):
        """A new array with a copy of this one."""
        return cuda.to_device(host)

    def send(self, host, array):
        """Copy to an array, in its turn among the kernels, without waiting for them."""
        array.copy_to_device(host, self.stream)

    def wait(self):
        """Until all kernels and copies have ended."""
        cuda.synchronize()

    def blocks_at_once(self, kernel, threads, n_bytes, arguments):
        """Blocks of a kernel that run at once, by the driver's word."""
        if SIMULATED:  # one after the other
            return self.n_multiprocessors
        compiled = kernel.compile(tuple(map(kernel.typeof_pyval, arguments)))
        return compiled.max_cooperative_grid_blocks(threads, n_bytes)

    def launch(self, kernel, blocks, threads, *arguments, shared=0):
        """Start a kernel, with so many bytes of shared memory."""
        # Numba warns of few blocks, of which there may be no more to be had.
        warn = launch_config.CUDA_LOW_OCCUPANCY_WARNINGS
        launch_config.CUDA_LOW_OCCUPANCY_WARNINGS = 0
        try:
            kernel[blocks, threads, self.stream, shared](*arguments)
        finally:
            launch_config.CUDA_LOW_OCCUPANCY_WARNINGS = warn

    def over(self, n, kernel, *arguments):
        """Start a kernel whose threads share out n pieces of work."""
        if n > 0:
            blocks = min(MOST_BLOCKS, -(-n // THREADS))
            self.launch(kernel, blocks, THREADS, *arguments)


def release():
    """Give memory that is no longer used back to the driver."""
    if not SIMULATED and _process == os.getpid():
        with suppress(Exception):  # a device that was lost has nothing to free
            # Not the context's own queue, where only modules wait.
            cuda.current_context().memory_manager.deallocations.clear()
