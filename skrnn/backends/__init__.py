"""The machines that compute. Each backend owns its time loops and its threads."""

import os
from importlib import import_module
from importlib.util import find_spec

from skrnn.backends.cpu import CPUBackend

#: Name of the device -> class of its backend; the others are imported when they are
#: wanted, since CUDA takes seconds to start and is missing on most machines.
BACKENDS = {"cpu": CPUBackend}
_LAZY = {"cuda": ("skrnn.backends.cuda", "CUDABackend")}
#: Multiply-adds of one call from which on "auto" takes CUDA: some ms on two cores. An
#: estimate; no GPU has measured it yet (benchmarks/gpu.py prints what it should be).
WORTH_CUDA = 200_000_000


def make_backend(device, network, trained=None, n_rows=0):
    """The backend of a device, ready to compute for `network`.

    `trained` are the names of the parts whose gradients are needed; None: of all.
    `n_rows` are the time steps of all sequences that it will take at once, by which
    "auto" chooses.
    """
    if device == "auto":
        device = _choose(n_rows * network.n_parameters)
    return _class_of(device)(network, trained)


def _class_of(device):
    if device in _LAZY and device not in BACKENDS:
        module, name = _LAZY[device]
        BACKENDS[device] = getattr(import_module(module), name)
    if device not in BACKENDS:
        raise ValueError(
            f"device={device!r} is no backend of skrnn; it has "
            f"{sorted({*BACKENDS, *_LAZY})}. Use device='auto'."
        )
    return BACKENDS[device]


def _choose(work):
    """CUDA where it is there and the work is worth it; asks for it only then."""
    if work < WORTH_CUDA or not _may_have_cuda():
        return "cpu"
    missing = import_module("skrnn.backends.cuda.device").missing
    return "cpu" if missing() else "cuda"


def _may_have_cuda():
    """Whether the package is there; to ask the driver would start CUDA."""
    simulated = os.environ.get("NUMBA_ENABLE_CUDASIM", "0") != "0"
    return simulated or find_spec("numba_cuda") is not None


__all__ = ["BACKENDS", "WORTH_CUDA", "make_backend"]
