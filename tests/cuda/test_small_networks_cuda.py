"""The CUDA kernels on small networks: the tests that all backends share."""

from kernel_cases import *  # noqa: F403
