"""Numba kernels on the CPU's cores."""

from skrnn.backends.cpu.backend import CPUBackend

__all__ = ["CPUBackend"]
