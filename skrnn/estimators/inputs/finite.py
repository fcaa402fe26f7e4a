"""Values must be finite; the error says where they are not."""

import numpy as np
from sklearn.utils.validation import assert_all_finite

from skrnn.estimators.inputs.forms import is_list, n_dimensions


def check_finite(values, input_name, estimator_name, *, allow_nan=False):
    """Raise scikit-learn's error for NaN, infinity and numbers that became it."""
    # What scikit-learn does takes ten times as long for a short sequence.
    if not np.isfinite(values).all():
        # It looks at the sum first, where infinities of both signs make NumPy warn.
        with np.errstate(over="ignore", invalid="ignore"):
            assert_all_finite(
                values,
                allow_nan=allow_nan,
                estimator_name=estimator_name,
                input_name=input_name,
            )


def check_finite_sequences(sequences, X, estimator_name, *, allow_nan=False):
    """Raise an error that says in which sequence NaN or infinity are.

    Parameters
    ----------
    sequences : Sequences
        What X became.
    X : object
        Says how to take padding away; None: that is no advice.
    estimator_name : str
    allow_nan : bool
    """
    values = sequences.values
    if np.isfinite(values).all():
        return
    missing = np.isnan(values)
    if missing.any() and not allow_nan:
        _raise_missing(missing, X, sequences, estimator_name)
    infinite = np.isinf(values).any(axis=1)
    if infinite.any():
        raise ValueError(
            "Input X contains infinity or a value too large for "
            f"{values.dtype!r}, first {_first(infinite, sequences.offsets)}."
        )


def _first(bad, offsets):
    row = np.flatnonzero(bad)[0]
    i = np.searchsorted(offsets, row, side="right") - 1
    return f"at step {row - offsets[i]} of sequence {i}"


def _raise_missing(missing, X, sequences, estimator_name):
    """Say how to unpad, if nothing is missing but whole steps at the ends."""
    padded = _padded_steps(missing.all(axis=1), sequences)
    ends = np.repeat(sequences.offsets[1:] - padded, sequences.lengths)
    inside = missing.any(axis=1) & (np.arange(len(missing)) < ends)
    if inside.any() or X is None:
        inside = inside if inside.any() else missing.any(axis=1)
        raise ValueError(
            f"Input X contains NaN, first {_first(inside, sequences.offsets)}. "
            f"{estimator_name} takes no missing values: fill them in, for which "
            "skrnn.preprocessing.SequenceImputer stands before it in a pipeline, or "
            "leave such sequences out."
        )
    i = np.flatnonzero(padded)[0]
    raise ValueError(
        f"Input X contains NaN: sequence {i} ends with {padded[i]} step(s) of it, as "
        f"if padded (so do {np.count_nonzero(padded)} of {padded.size}). "
        f"{estimator_name} takes sequences of any lengths without padding: pass "
        f"{_unpadded(X, sequences)}."
    )


def _padded_steps(missing, sequences):
    """How many steps at its end each sequence lacks; none if it lacks all."""
    ids = np.repeat(np.arange(sequences.n_sequences), sequences.lengths)
    ends, there = sequences.offsets[1:].copy(), np.flatnonzero(~missing)
    ends[ids[there]] = there + 1  # the last one counts
    return sequences.offsets[1:] - ends


def _unpadded(X, sequences):
    """The expression that takes the padding away."""
    n_features = sequences.values.shape[1]
    parts = [X] if n_dimensions(X) > 1 else list(X)
    is_masked = any(map(_has_mask, parts))
    absent = "np.ma.getmaskarray(x)" if is_masked else "np.isnan(x)"
    if n_dimensions(X) == 2:
        shape = sequences.n_sequences, int(sequences.lengths[0]), n_features
        source = f"{_table(X, is_masked)}.reshape{shape}"
    elif all(hasattr(x, "iloc") or isinstance(x, np.ndarray) for x in parts):
        source = "X"
    else:
        source = f"map({'np.ma.stack' if is_masked else 'np.asarray'}, X)"
    is_flat = n_dimensions(X) < 2 and np.ndim(parts[0]) == 1
    kept = f"~{absent}" if is_flat else f"~{absent}.all(axis=1)"
    return f"[x[{kept}] for x in {source}]"


def _has_mask(x):
    rows = x if is_list(x) else ()
    return any(isinstance(part, np.ma.MaskedArray) for part in (x, *rows))


def _table(X, is_masked):
    if hasattr(X, "iloc"):
        return "X.to_numpy(float, na_value=np.nan)"
    return "X" if is_masked else "np.asarray(X, float)"
