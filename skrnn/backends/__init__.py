"""The machines that compute. Each backend owns its time loops and its threads."""

from skrnn.backends.cpu import CPUBackend

#: Name of the device -> class of its backend.
BACKENDS = {"cpu": CPUBackend}


def make_backend(device, network, trained=None):
    """The backend of a device, ready to compute for `network`.

    `trained` are the names of the parts whose gradients are needed; None: of all.
    """
    if device == "auto":
        device = "cpu"
    if device not in BACKENDS:
        raise ValueError(
            f"device={device!r} needs a backend that this version of skrnn does not "
            f"have; it has {sorted(BACKENDS)}. Use device='auto' or device='cpu'."
        )
    return BACKENDS[device](network, trained)


__all__ = ["BACKENDS", "make_backend"]
