"""Targets, weights and predictions for every time step: from and to the user's form."""

import numpy as np

from skrnn.estimators.inputs import (
    as_array,
    check_finite,
    check_numbers,
    is_list_of_sequences,
    is_ragged,
)

#: What to pass, by the name of what was passed; that of validation data ends in _val.
_FORMS = {
    "y": "a list of arrays (n_timesteps_i,) or (n_timesteps_i, n_outputs), or one "
    "array with these as its slices",
    "sample_weight": "one weight for each sequence, or a list of arrays "
    "(n_timesteps_i,), or an array (n_samples, n_timesteps)",
}


def _form(name):
    return _FORMS[name.removesuffix("_val")]


def flatten_steps(y, lengths, name):
    """Put the steps of all sequences below each other, as in `Sequences.values`.

    Parameters
    ----------
    y : list of arrays (n_timesteps_i,) or (n_timesteps_i, n_columns), or array \
(n_samples, n_timesteps) or (n_samples, n_timesteps, n_columns)
    lengths : array-like or None
        Numbers of steps of the sequences in X; None: whatever those of y are.
    name : str
        What to call y in an error.
    """
    parts = [as_array(part) for part in slices(y)]
    _check_lengths(parts, lengths, name)
    shapes = {part.shape[1:] for part in parts}
    if len(shapes) > 1:
        raise ValueError(
            f"All parts of {name} must have the same number of columns, found "
            f"{sorted(shape[0] if shape else 1 for shape in shapes)}."
        )
    if len({part.dtype.kind in "US" for part in parts}) > 1:
        # NumPy would make strings of what stands beside strings.
        parts = [part.astype(object) for part in parts]
    flat = np.concatenate(parts)
    return flat[:, 0] if flat.ndim == 2 and flat.shape[1] == 1 else flat


def _check_lengths(parts, lengths, name):
    if lengths is not None and len(parts) != len(lengths):
        raise ValueError(
            f"{name} has an entry for each of {len(parts)} sequences, but X has "
            f"{len(lengths)} sequences. Pass {_form(name)}."
        )
    for i, part in enumerate(parts):
        is_wrong, of_X = part.ndim not in (1, 2), ""
        if lengths is not None:
            is_wrong = is_wrong or len(part) != lengths[i]
            of_X = f"sequence {i} of X has {lengths[i]} steps, "
        if is_wrong:
            raise ValueError(
                f"With return_sequences=True {name} must have an entry for each time "
                f"step: {of_X}{name}[{i}] has shape {part.shape}. Pass {_form(name)}."
            )


def slices(y):
    """What belongs to each sequence; of a DataFrame a row, not a column."""
    return y.to_numpy() if hasattr(y, "columns") else y


def check_one_target(y, name):
    """Refuse targets that can only be meant for time steps."""
    what_to_do = (
        "but return_sequences=False. Set return_sequences=True, or pass one target (or "
        "one row of targets) for each sequence"
    )
    if is_ragged(y):
        raise ValueError(
            f"{name} has arrays of different lengths, as targets for every time step "
            f"have, {what_to_do}."
        )
    if _n_dims(y) > 2:
        raise ValueError(
            f"{name} has {_n_dims(y)} dimensions, as targets for every time step have, "
            f"{what_to_do}: {name}.reshape(len({name}), -1)."
        )


def _n_dims(y):
    """Dimensions of y; of lists, those of their first elements."""
    if isinstance(y, list | tuple):
        return 1 + (_n_dims(y[0]) if y else 0)
    n_dims = getattr(y, "ndim", 0)
    if n_dims == 1 and y.dtype == object and len(y):
        return 1 + _n_dims(list(y)[0])
    return n_dims


def like_input(results, X, sequences, n_features_per_step):
    """Results of all steps in the form of X: a list of arrays, or one array."""
    if is_list_of_sequences(X, n_features_per_step):
        return np.split(results, sequences.offsets[1:-1])
    n = sequences.n_sequences
    return results.reshape(n, len(results) // n, *results.shape[1:])


def check_weights(sample_weight, lengths, for_steps, name="sample_weight"):
    """A weight for each target: each sequence or, with `for_steps`, each step.

    Weights of sequences are those of all of their steps.
    """
    if for_steps and _has_steps(sample_weight):
        flat = flatten_steps(sample_weight, lengths, name)
        if flat.ndim == 2:
            raise ValueError(
                f"{name} has {flat.shape[1]} weights for each step, but all targets of "
                f"a step have one weight. Pass {_form(name)}."
            )
        return _check(flat, np.sum(lengths), f"Pass {_form(name)}", name)
    form = _form(name) if for_steps else "a number, or one weight for each sequence"
    weights = _check(sample_weight, len(lengths), f"Pass {form}", name)
    return np.repeat(weights, lengths) if for_steps else weights


def _check(weights, n, what_to_do, name):
    """Weights as an array (n,)."""
    if weights is None:
        return np.ones(n)
    try:
        weights = check_numbers(as_array(weights)).astype(np.float64)
    except (TypeError, ValueError) as error:
        message = f"{name} is no array of numbers: {error} {what_to_do}."
        raise ValueError(message) from error
    if weights.ndim == 0:
        weights = np.full(n, weights)
    if weights.shape != (n,):
        raise ValueError(
            f"{name}.shape == {weights.shape}, expected {(n,)}. {what_to_do}."
        )
    check_finite(weights, name, None)
    if (weights < 0).any():
        raise ValueError(f"Negative values in data passed to `{name}`.")
    if not weights.any():
        raise ValueError(f"{name} must contain at least one non-zero number.")
    return usable(weights, name)


def usable(weights, name):
    """Weights whose sums and quotients are numbers, whatever the batch.

    What is too small to count beside the largest is 0.
    """
    largest = weights.max()
    if largest > 0 and not 1e-20 <= largest <= 1e20:
        raise ValueError(
            f"{name} is out of range: the largest weight is {largest:.3g}. Scale the "
            "weights to about 1."
        )
    return np.where(weights < 1e-15 * largest, 0, weights)


def _has_steps(weights):
    """Whether there is an array of weights, not a number, for each sequence."""
    if weights is None or np.isscalar(weights) or getattr(weights, "ndim", 1) == 0:
        return False
    return any(np.ndim(part) > 0 for part in slices(weights))
