"""Weights that a user gives: every check, and one clear error each."""

from collections.abc import Mapping
from reprlib import repr as short

import numpy as np


def take_weights(network, weights, what):
    """The flat vector of a dict as `Network.export_weights` makes it.

    `what` is the name of the argument, for errors.
    """
    if not isinstance(weights, Mapping):
        raise TypeError(
            f"{what} must be a dict of names and arrays, as get_weights returns it, "
            f"got {type(weights).__name__}."
        )
    expected = network.export_weights(np.zeros(network.n_parameters, network.dtype))
    unknown = [name for name in weights if name not in expected]
    missing = [name for name in expected if name not in weights]
    if unknown or missing:
        raise ValueError(
            f"{what} must have the names {sorted(expected)}: missing {missing}, "
            f"unknown {short(unknown)}."
        )
    arrays = {
        name: _check(weights[name], f"{what}[{name!r}]", like)
        for name, like in expected.items()
    }
    with np.errstate(over="ignore"):  # of two biases that are added up
        flat = network.import_weights(arrays)
    if not np.isfinite(flat).all():
        raise ValueError(
            f"{what} has two biases of one gate, bias_ih and bias_hh, whose sum is "
            f"infinite in {network.dtype}."
        )
    return flat


def _check(values, name, like):
    """An array of the shape and dtype of `like`."""
    if np.ma.is_masked(values):
        raise ValueError(f"{name} has masked values. Fill them, with .filled(0) say.")
    try:
        array = np.asarray(values)
    except ValueError as error:  # rows of several lengths
        raise ValueError(f"{name} is no array of numbers: {error}") from error
    if array.dtype.kind not in "fiub":
        raise ValueError(
            f"{name} must be an array of real numbers, got dtype {array.dtype}."
        )
    if array.shape != like.shape:
        raise ValueError(f"{name} must have shape {like.shape}, got {array.shape}.")
    with np.errstate(over="ignore"):  # what is too large is found below
        array = array.astype(like.dtype)
    if not np.isfinite(array).all():
        raise ValueError(
            f"{name} contains NaN or infinity, or a value too large for {like.dtype}."
        )
    return array
