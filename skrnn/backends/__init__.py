"""The machines that compute. Each backend owns its time loops and its threads."""

from importlib import import_module

from skrnn.backends.cpu import CPUBackend, PairBackend

#: Name of the device -> class of its backend; the others are imported when they are
#: wanted, since CUDA takes seconds to start and is missing on most machines.
BACKENDS = {"cpu": CPUBackend}
_LAZY = {"cuda": ("skrnn.backends.cuda", "CUDABackend")}
#: What "auto" takes. No GPU has run the CUDA kernels yet; once one has confirmed them,
#: the work from which on it is the faster device is what `benchmarks/gpu.py` measures
#: last, and `docs/gpu.md` says how to choose by it.
AUTO = "cpu"


def make_backend(device, network, trained=None):
    """The backend of a device, ready to compute for `network`.

    `trained` are the names of the arrays whose gradients are needed; None: of all.
    """
    return _class_of(device, network)(network, trained)


def make_predictor(device, network):
    """A backend for a single prediction, at once and in this thread."""
    return _class_of(device, network).to_predict_once(network)


def _class_of(device, network):
    if device == "auto":
        device = AUTO
    if device not in {*BACKENDS, *_LAZY}:
        raise ValueError(
            f"device={device!r} is no backend of skrnn; it has "
            f"{sorted({*BACKENDS, *_LAZY})}. Use device='auto'."
        )
    if network.is_pair:
        if device != "cpu":
            raise ValueError(
                f"device={device!r}: an encoder with a decoder runs on the CPU only. "
                "Use device='auto'."
            )
        return PairBackend
    if device not in BACKENDS:
        module, name = _LAZY[device]
        BACKENDS[device] = getattr(import_module(module), name)
    return BACKENDS[device]


__all__ = ["AUTO", "BACKENDS", "make_backend", "make_predictor"]
