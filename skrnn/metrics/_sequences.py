"""Metrics whose samples are whole sequences of labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skrnn.estimators.inputs import as_array, check_is_targets
from skrnn.estimators.labels import find_missing
from skrnn.estimators.steps import check_weights, slices


def exact_match(
    y_true: Any,
    y_pred: Any,
    *,
    sample_weight: ArrayLike | None = None,
    ignore_label: Any = None,
) -> float:
    """Share of the sequences that are predicted without a single error.

    Parameters
    ----------
    y_true : list of arrays, or array with these as its slices
        The labels of each sequence, a label or a row of labels for every step. A text
        is a sequence as well.
    y_pred : list of arrays, or array with these as its slices
        What was predicted for each. A prediction of another length is wrong.
    sample_weight : array-like of shape (n_sequences,), default=None
        A weight for each sequence.
    ignore_label : label, default=None
        The label in `y_true` that stands for a missing one, as in `RNNClassifier`:
        any prediction is right there. None: there is none.

    Returns
    -------
    share : float
        From 0 to 1; the higher, the better. As `scoring` of searches take
        ``make_scorer(exact_match)``.

    See Also
    --------
    step_scorer : Makes a scorer whose samples are steps.

    Examples
    --------
    >>> from skrnn.metrics import exact_match
    >>> y_true = [["number", "street", "type"], ["street", "type"]]
    >>> y_pred = [["number", "street", "type"], ["number", "street"]]
    >>> exact_match(y_true, y_pred)
    0.5
    """
    for y, name in ((y_true, "y_true"), (y_pred, "y_pred")):
        check_is_targets(y, name)
    n, n_predicted = len(y_true), len(y_pred)
    if n != n_predicted or n == 0:
        raise ValueError(
            f"y_true has {n} sequences, and y_pred {n_predicted}. Pass as many of "
            "both, and one at least."
        )
    pairs = zip(slices(y_true), slices(y_pred), strict=True)
    is_right = [_is_equal(true, predicted, ignore_label) for true, predicted in pairs]
    weights = check_weights(sample_weight, is_right, for_steps=False)
    return float(np.average(is_right, weights=weights))


def _is_equal(true, predicted, ignore_label):
    true, predicted = _column(true), _column(predicted)
    if true.shape != predicted.shape:
        return False
    # As objects, so that labels of another type are merely different.
    is_equal = true.astype(object) == predicted.astype(object)
    return bool((is_equal | find_missing(true, ignore_label)).all())


def _column(labels):
    """An array (n_timesteps, n_columns)."""
    array = np.atleast_1d(as_array(labels))
    return array.reshape(len(array), -1) if array.size else array.reshape(0, 1)
