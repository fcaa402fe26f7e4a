"""Numba kernels on the CPU's cores."""

from skrnn.backends.cpu.backend import CPUBackend
from skrnn.backends.cpu.pair_backend import PairBackend

__all__ = ["CPUBackend", "PairBackend"]
