"""The machines that compute. Each backend owns its time loops and its threads."""

import os
from importlib import import_module
from importlib.util import find_spec

from skrnn.backends.cpu import CPUBackend

#: Name of the device -> class of its backend; the others are imported when they are
#: wanted, since CUDA takes seconds to start and is missing on most machines.
BACKENDS = {"cpu": CPUBackend}
_LAZY = {"cuda": ("skrnn.backends.cuda", "CUDABackend")}
#: Multiply-adds of one time step of all sequences from which on "auto" takes CUDA. The
#: time of both devices grows with the steps, and what a step costs a GPU at least (some
#: us) must be less than what it costs the CPU. An estimate that no GPU has confirmed
#: yet; benchmarks/gpu.py prints what it should be.
WORTH_CUDA = 1_000_000


def make_backend(device, network, trained=None, n_sequences=0):
    """The backend of a device, ready to compute for `network`.

    `trained` are the names of the parts whose gradients are needed; None: of all.
    `n_sequences` are those that it will take at once, by which "auto" chooses.
    """
    return _class_of(device, network, n_sequences)(network, trained)


def make_predictor(device, network, n_sequences):
    """A backend for a single prediction, at once and in this thread."""
    return _class_of(device, network, n_sequences).to_predict_once(network)


def _class_of(device, network, n_sequences):
    if device == "auto":
        device = _choose(work_of_step(network, n_sequences))
    if device in _LAZY and device not in BACKENDS:
        module, name = _LAZY[device]
        BACKENDS[device] = getattr(import_module(module), name)
    if device not in BACKENDS:
        raise ValueError(
            f"device={device!r} is no backend of skrnn; it has "
            f"{sorted({*BACKENDS, *_LAZY})}. Use device='auto'."
        )
    return BACKENDS[device]


def work_of_step(network, n_sequences):
    """Multiply-adds of one time step of so many sequences, forward."""
    return n_sequences * network.n_parameters


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


__all__ = ["BACKENDS", "WORTH_CUDA", "make_backend", "make_predictor", "work_of_step"]
