"""Numba kernels on an NVIDIA GPU; imported only where they are wanted."""

from skrnn.backends.cuda.backend import CUDABackend

__all__ = ["CUDABackend"]
