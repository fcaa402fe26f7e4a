"""Errors that skrnn raises beside those of Python and scikit-learn."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


class DivergenceError(ValueError):
    """Training stopped because its loss, gradient or weights were not finite.

    The estimator is as it was before the call.

    Attributes
    ----------
    weights : dict of str to ndarray
        Weights before the last epoch that ended well, the initial ones if none did, as
        `get_weights` returns them: for ``fit(..., init_weights=error.weights)`` with
        other settings.
    """

    weights: dict[str, NDArray[np.floating[Any]]] | None = None


class DeviceError(RuntimeError):
    """The GPU cannot be used, or failed; the message says what is missing or to do.

    The estimator is as it was before the call.
    """


__all__ = ["DeviceError", "DivergenceError"]
