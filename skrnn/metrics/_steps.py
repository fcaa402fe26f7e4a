"""scikit-learn's metrics over the steps of all sequences."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.metrics import get_scorer, make_scorer
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skrnn.estimators.inputs import check_is_targets, check_numbers
from skrnn.estimators.labels import as_one_type, find_missing
from skrnn.estimators.steps import check_weights, flatten_steps, slices


def step_scorer(
    metric: str | Callable[..., Any],
    *,
    response_method: str | list[str] = "predict",
    greater_is_better: bool = True,
    **kwargs: Any,
) -> Callable[..., float]:
    """Make a scorer for estimators with a target for every step.

    It takes the steps of all sequences as samples, whatever the lengths, and calls the
    metric once for all of them. scikit-learn's own scorers take the sequences as
    samples and the time axis as one of classes or outputs: what they return, if not an
    error, is another number.

    Steps whose target is missing (`ignore_label` of a classifier, NaN of a regressor)
    are left out, and so are those of weight 0. Several label columns with classes of
    their own, which no metric of scikit-learn takes, are scored one by one, and so are
    several outputs of a regressor if single values are missing: the score is the mean
    over the columns. Of an indicator matrix, the steps with all labels there count.

    Parameters
    ----------
    metric : str, callable or scorer
        One of `sklearn.metrics.get_scorer_names`; or a function that is called as
        ``metric(y_true, y_pred, **kwargs)``; or what `sklearn.metrics.make_scorer`
        returned.
    response_method : str or list of str, default="predict"
        For a function, as in `make_scorer`: what it compares with the targets,
        "predict" or "predict_proba". Of two classes, it gets the probabilities of the
        positive one.
    greater_is_better : bool, default=True
        For a function, as in `make_scorer`: False changes the sign, of losses.
    **kwargs : additional arguments
        For a function: those of each call.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y, sample_weight=None)`` for an estimator with
        ``return_sequences=True``, or a pipeline or search that ends in one. It is what
        `scoring` takes in scikit-learn. Weights are one for each sequence or step.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import cross_val_score
    >>> from skrnn import RNNClassifier
    >>> from skrnn.metrics import step_scorer
    >>> X = np.random.default_rng(0).standard_normal((60, 5, 1))
    >>> y = (X[:, :, 0] > 0).astype(int)  # a label for every step
    >>> classifier = RNNClassifier(return_sequences=True, max_iter=30, random_state=0)
    >>> scores = cross_val_score(classifier, X, y, cv=3, scoring=step_scorer("roc_auc"))
    >>> bool(scores.mean() > 0.95)
    True
    """
    if isinstance(metric, str) or hasattr(metric, "set_score_request"):
        if kwargs or response_method != "predict" or not greater_is_better:
            raise TypeError(
                "response_method, greater_is_better and keyword arguments belong to a "
                f"metric function, but metric is the scorer {metric!r}. Pass the "
                "function, such as sklearn.metrics.f1_score."
            )
        return _StepScorer(get_scorer(metric), repr(metric))
    scorer = make_scorer(
        metric,
        response_method=response_method,
        greater_is_better=greater_is_better,
        **kwargs,
    )
    return _StepScorer(scorer, repr(scorer).split("(", 1)[1].removesuffix(")"))


class _StepScorer:
    """One of scikit-learn's scorers, applied to steps."""

    def __init__(self, scorer, description):
        self._scorer, self._description = scorer, description

    def __repr__(self):
        return f"step_scorer({self._description})"

    def __call__(self, estimator, X, y, sample_weight=None, **params):
        check_is_fitted(estimator)
        check_is_targets(y, "y")
        ignore_label, is_labels = _ignore_label(estimator), is_classifier(estimator)
        flat, weights = flatten_steps(y, None, "y"), None
        if sample_weight is not None:
            lengths = [len(part) for part in slices(y)]
            weights = check_weights(sample_weight, lengths, for_steps=True)
        missing = find_missing(flat, ignore_label) if is_labels else pd.isna(flat)
        respond = cache(partial(_respond, estimator, X, y))
        score = partial(self._score, estimator, respond, X, weights=weights, **params)
        if not _is_by_column(estimator, missing):
            return score(flat, missing.reshape(len(flat), -1).any(axis=1))
        _check_columns(flat, respond("predict"))
        columns = enumerate(zip(flat.T, missing.T, strict=True))
        return float(np.mean([score(*of, column=i) for i, of in columns]))

    def _score(self, estimator, respond, X, y, missing, weights, column=None, **params):
        there = ~missing if weights is None else ~missing & (weights > 0)
        if not there.any():
            raise ValueError(
                "There is nothing to score: every target is missing or has weight 0."
            )
        y = y[there]
        y = as_one_type(y) if is_classifier(estimator) else check_numbers(y)
        if weights is not None:
            params["sample_weight"] = weights[there]
        # Named as the estimator, for scikit-learn's errors.
        view = type(type(estimator).__name__, (_Steps,), {})
        return self._scorer(view(estimator, respond, there, y, column), X, y, **params)

    # What scikit-learn asks of its own scorers, about weights and other metadata.

    def _accept_sample_weight(self):
        return self._scorer._accept_sample_weight()

    def get_metadata_routing(self):
        """Get the metadata that the metric takes."""
        return self._scorer.get_metadata_routing()

    def set_score_request(self, **kwargs):
        """Ask for metadata, such as ``sample_weight=True``; returns the scorer."""
        self._scorer.set_score_request(**kwargs)
        return self


class _Steps:
    """A fitted estimator as scikit-learn's scorers know them: a sample is a step.

    Parameters
    ----------
    estimator : object
        The one that predicts sequences.
    respond : callable
        Takes a method's name; returns what it gives for all steps.
    there : ndarray of shape (n_steps_total,)
        Which of the steps count.
    y : ndarray
        Their targets.
    column : int or None
        Which of several label columns or outputs is meant; None: all.
    """

    def __init__(self, estimator, respond, there, y, column):
        self._estimator, self._respond = estimator, respond
        self._there, self._column = there, column
        if is_classifier(estimator):
            self.classes_ = _classes(estimator.classes_, y, column)

    def __sklearn_tags__(self):
        return get_tags(self._estimator)

    def predict(self, X):
        predicted = self._respond("predict")[self._there]
        return predicted if self._column is None else predicted[:, self._column]

    @available_if(lambda self: hasattr(self._estimator, "predict_proba"))
    def predict_proba(self, X):
        probabilities = self._respond("predict_proba")
        if self._column is not None:
            probabilities = probabilities[self._column]
        return probabilities[self._there]


def _ignore_label(estimator):
    """The label that stands for a missing one; refuses what predicts no steps."""
    while isinstance(estimator, Pipeline) or hasattr(estimator, "best_estimator_"):
        is_pipeline = isinstance(estimator, Pipeline)
        estimator = estimator[-1] if is_pipeline else estimator.best_estimator_
    if not getattr(estimator, "return_sequences", False):
        raise ValueError(
            "step_scorer is for a target for every step, but "
            f"{type(estimator).__name__} predicts one for each sequence. Set "
            "return_sequences=True, or use scikit-learn's own scorer."
        )
    return getattr(estimator, "ignore_label", None)


def _is_by_column(estimator, missing):
    """Whether the metric is that of each column: it cannot take all at once."""
    if is_classifier(estimator):
        return isinstance(estimator.classes_, list)
    return missing.ndim == 2 and (missing.any(axis=1) != missing.all(axis=1)).any()


def _check_columns(y, predicted):
    n_columns, n_predicted = (
        array.shape[1] if array.ndim == 2 else 1 for array in (y, predicted)
    )
    if n_columns != n_predicted:
        raise ValueError(
            f"y has {n_columns} columns, but {n_predicted} are predicted. Pass y with "
            "the columns of fit."
        )


def _classes(classes, y, column):
    """Classes by which scikit-learn knows the kind of the targets."""
    if column is not None:
        return classes[column]
    # Those of an indicator matrix are the numbers of its labels; of two labels, they
    # would look like two classes.
    return [np.arange(2)] * len(classes) if y.ndim == 2 else classes


def _respond(estimator, X, y, method):
    """Results of a method for all steps, below each other."""
    results = getattr(estimator, method)(X)
    is_of_columns = method != "predict" and isinstance(estimator.classes_, list)
    of_columns = results if is_of_columns else [results]
    flatten_steps(y, [len(part) for part in of_columns[0]], "y")  # an error, or nothing
    flat = [np.concatenate(list(part)) for part in of_columns]
    return flat if is_of_columns else flat[0]
