"""Metrics whose samples are whole sequences of labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skrnn.estimators.inputs import as_array, check_is_targets
from skrnn.estimators.labels import find_missing
from skrnn.estimators.steps import check_weights, slices
from skrnn.mathematics.edits import error_rate


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
    is_right = [
        _is_equal(true, predicted, ignore_label)
        for true, predicted in _pairs(y_true, y_pred)
    ]
    weights = check_weights(sample_weight, is_right, for_steps=False)
    return float(np.average(is_right, weights=weights))


def token_error_rate(
    y_true: Any, y_pred: Any, *, sample_weight: ArrayLike | None = None
) -> float:
    """Edits that the predictions need, as a share of the tokens that are true.

    An edit puts a token in the place of another one, leaves one out, or puts one in; of
    each sequence the fewest count (V. I. Levenshtein, Soviet Physics Doklady, 1966).
    Where tokens are words, it is the word error rate, where they are characters, the
    character error rate of speech recognition.

    Parameters
    ----------
    y_true : list of str, or list of array-like
        The true tokens of each sequence; those of a text are its characters.
    y_pred : list of str, or list of array-like
        What was predicted for each, of any length.
    sample_weight : array-like of shape (n_sequences,), default=None
        A weight for each sequence: of its edits, and of its tokens.

    Returns
    -------
    rate : float
        From 0, the best; above 1 where there are more edits than tokens. As `scoring`
        of searches take ``make_scorer(token_error_rate, greater_is_better=False)``.

    See Also
    --------
    exact_match : Share of the sequences without an error.

    Examples
    --------
    >>> from skrnn.metrics import token_error_rate
    >>> token_error_rate(["kitten", "book"], ["sitting", "book"])
    0.3
    >>> token_error_rate([["good", "morning"]], [["good", "old", "morning"]])
    0.5
    """
    pairs = [tuple(map(_tokens, pair)) for pair in _pairs(y_true, y_pred)]
    lengths = np.array([len(true) for true, _ in pairs])
    weights = check_weights(sample_weight, lengths, for_steps=False)
    rate = error_rate(pairs, weights)
    if np.isnan(rate):
        raise ValueError("y_true has no token (of weight): there is no rate of errors.")
    return rate


def _pairs(y_true, y_pred):
    """What is true, and what was predicted, of each sequence."""
    for y, name in ((y_true, "y_true"), (y_pred, "y_pred")):
        check_is_targets(y, name)
    n, n_predicted = len(y_true), len(y_pred)
    if n != n_predicted or n == 0:
        raise ValueError(
            f"y_true has {n} sequences, and y_pred {n_predicted}. Pass as many of "
            "both, and one at least."
        )
    return zip(slices(y_true), slices(y_pred), strict=True)


def _tokens(sequence):
    return list(sequence) if isinstance(sequence, str) else as_array(sequence).tolist()


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
