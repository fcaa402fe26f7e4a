"""Targets, weights and predictions for every time step: from and to the user's form."""

import numpy as np

from skrnn.compat import check_sample_weight
from skrnn.estimators.inputs import as_array, is_list_of_sequences, is_ragged

#: What to pass, by the name of what was passed.
_FORMS = {
    "y": "a list of arrays (n_timesteps_i,) or (n_timesteps_i, n_outputs), or one "
    "array with these as its slices",
    "sample_weight": "one weight for each sequence, or a list of arrays "
    "(n_timesteps_i,), or an array (n_samples, n_timesteps)",
}


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
            f"{len(lengths)} sequences. Pass {_FORMS[name]}."
        )
    for i, part in enumerate(parts):
        is_wrong, of_X = part.ndim not in (1, 2), ""
        if lengths is not None:
            is_wrong = is_wrong or len(part) != lengths[i]
            of_X = f"sequence {i} of X has {lengths[i]} steps, "
        if is_wrong:
            raise ValueError(
                f"With return_sequences=True {name} must have an entry for each time "
                f"step: {of_X}{name}[{i}] has shape {part.shape}. Pass {_FORMS[name]}."
            )


def slices(y):
    """What belongs to each sequence; of a DataFrame a row, not a column."""
    return y.to_numpy() if hasattr(y, "columns") else y


def check_one_target(y):
    """Refuse targets that can only be meant for time steps."""
    if is_ragged(y):
        raise ValueError(
            "y has arrays of different lengths, as targets for every time step have, "
            "but return_sequences=False. Set return_sequences=True, or pass one target "
            "(or one row of targets) for each sequence."
        )


def like_input(results, X, sequences):
    """Results of all steps in the form of X: a list of arrays, or one array."""
    if is_list_of_sequences(X, sequences.values.shape[1]):
        return np.split(results, sequences.offsets[1:-1])
    n = sequences.n_sequences
    return results.reshape(n, len(results) // n, *results.shape[1:])


def check_weights(sample_weight, lengths, for_steps):
    """A weight for each target: each sequence or, with `for_steps`, each step.

    Weights of sequences are those of all of their steps.
    """
    if for_steps and _has_steps(sample_weight):
        flat = flatten_steps(sample_weight, lengths, "sample_weight")
        return _check(flat, np.empty(np.sum(lengths)))
    weights = _check(sample_weight, lengths)
    return np.repeat(weights, lengths) if for_steps else weights


def _check(weights, like):
    return check_sample_weight(
        weights, like, dtype=np.float64, ensure_non_negative=True
    )


def _has_steps(weights):
    """Whether there is an array of weights, not a number, for each sequence."""
    if weights is None or np.isscalar(weights) or getattr(weights, "ndim", 1) == 0:
        return False
    return any(np.ndim(part) > 0 for part in slices(weights))
