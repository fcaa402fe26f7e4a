"""Numba kernels on an NVIDIA GPU; imported only where they are wanted."""

from skrnn.backends.cuda.backend import CUDABackend
from skrnn.backends.cuda.device import live_bytes
from skrnn.backends.cuda.recurrence import WAYS

__all__ = ["WAYS", "CUDABackend", "live_bytes"]
