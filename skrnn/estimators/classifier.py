"""The classifier: labels in, labels and probabilities out."""

from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import column_or_1d

from skrnn.compat import StrOptions, fit_context, with_callbacks
from skrnn.estimators.base import BaseRNN
from skrnn.estimators.docs import with_common_sections
from skrnn.estimators.inputs import as_array
from skrnn.estimators.labels import (
    as_one_type,
    check_labels,
    class_weights,
    find_missing,
    kind_of,
    kind_of_classes,
)
from skrnn.estimators.parameters import Parameter, with_parameters
from skrnn.estimators.runs import is_stochastic

_IGNORE_LABEL = Parameter(
    None,
    [str, Real, "boolean", None],
    "label or None",
    """What stands in y where a label is missing: such a target adds nothing to the
loss or the score. NaN can be it, too. None: no label is missing.""",
)


_CLASS_WEIGHT = Parameter(
    None,
    [StrOptions({"balanced"}), dict, list, None],
    'dict, "balanced" or None (list of dict for several label columns)',
    """Weights of the classes in the loss, which multiply those of the samples.
"balanced": inversely proportional to how often a class occurs in y. A class that a
dict does not name has weight 1. Scores are not weighted.""",
)


@with_common_sections
@with_parameters(class_weight=_CLASS_WEIGHT, ignore_label=_IGNORE_LABEL)
class RNNClassifier(ClassifierMixin, BaseRNN):
    """Recurrent neural network that classifies sequences, or each of their steps.

    It minimises the log loss: softmax for several classes, a logistic output for two,
    one logistic output per label for multilabel targets, a softmax for each column of
    labels that have classes of their own (multiclass-multioutput).

    {parameters}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,) or list of ndarray
        Class labels; for multilabel targets the numbers of the labels; for several
        label columns a list with the classes of each.
    {attributes}

    See Also
    --------
    RNNRegressor : Recurrent neural network that predicts real values.
    sklearn.neural_network.MLPClassifier : For inputs without an order.

    Notes
    -----
    {notes}

    Examples
    --------
    >>> from skrnn import RNNClassifier
    >>> from skrnn.datasets import load_japanese_vowels
    >>> X, y = load_japanese_vowels(subset="train", return_X_y=True)
    >>> X_test, y_test = load_japanese_vowels(subset="test", return_X_y=True)
    >>> classifier = RNNClassifier(random_state=0).fit(X, y)
    >>> bool(classifier.score(X_test, y_test) > 0.9)
    True
    >>> classifier.predict_proba(X_test[:2]).shape
    (2, 9)
    """

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        init_weights=None,
    ):
        """Train the network.

        Parameters
        ----------
        {X}
        y : array-like of shape (n_samples,) or (n_samples, n_columns), or list of such
            Class labels; for multilabel targets an indicator matrix of 0 and 1; or
            several columns of labels. With ``return_sequences=True`` a list with an
            array (n_timesteps_i,) or (n_timesteps_i, n_columns) for each sequence, or
            one array of shape (n_samples, n_timesteps[, n_columns]).
        {sample_weight}
        {validation}
        {init_weights}

        {fitted}
        """
        return self._fit(
            X,
            y,
            sample_weight,
            init_weights,
            X_val=X_val,
            y_val=y_val,
            sample_weight_val=sample_weight_val,
        )

    @available_if(is_stochastic)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one epoch, going on from where the network is.

        Parameters
        ----------
        {X}
        y : array-like of shape (n_samples,) or (n_samples, n_columns), or list of such
            Class labels; for multilabel targets an indicator matrix of 0 and 1; or
            several columns of labels. With ``return_sequences=True`` a list with an
            array (n_timesteps_i,) or (n_timesteps_i, n_columns) for each sequence, or
            one array of shape (n_samples, n_timesteps[, n_columns]).
        classes : array-like of shape (n_classes,), default=None
            All classes that will ever come; needed in the first call. For multilabel
            targets the numbers of the labels; for several label columns a list with
            the classes of each.
        {sample_weight}

        Returns
        -------
        self : object
            The estimator.
        """
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' needs the labels of all samples, which "
                "partial_fit does not see. Pass a dict, such as "
                "sklearn.utils.class_weight.compute_class_weight gives it for labels "
                "that stand for all."
            )
        return self._partial_fit(X, y, sample_weight, classes=classes, partial=True)

    def _check_targets(self, y, *, reset, weights, classes=None, partial=False):
        y, missing = check_labels(y, self.ignore_label, self)
        if partial:
            self._check_classes(y, classes, reset)
        elif reset:
            self._labels = kind_of(y)
        self.classes_ = self._labels.classes
        targets = self._labels.encode(y, missing, self.dtype)
        missing = missing.reshape(len(targets), -1)
        weights = np.where(missing.all(axis=1), 0, weights)
        if self.class_weight is not None:
            weights = weights * class_weights(self.class_weight, y, missing)
        return targets, weights, self._labels.loss_name, self._labels.output_sizes

    def _strata(self, data):
        is_single = self._network.pooling is not None and data.targets.shape[1] == 1
        return data.targets[:, 0] if is_single else None

    def _predicts_the_same(self, other):
        return super()._predicts_the_same(other) and _equal(
            self.classes_, getattr(other, "classes_", None)
        )

    def _check_classes(self, y, classes, reset):
        """Take the classes of the first call of partial_fit, or compare them."""
        if classes is None:
            if reset:
                raise ValueError(
                    "classes must be passed on the first call to partial_fit."
                )
            return
        labels = kind_of_classes(y, classes)
        if reset:
            self._labels = labels
        elif not _equal(labels.classes, self.classes_):
            raise ValueError(
                f"`classes={classes}` is not the same as on last call to partial_fit, "
                f"was: {self.classes_}"
            )

    def predict(self, X):
        """Predict labels.

        Parameters
        ----------
        {X}

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_columns)
            The most probable class, of each label column if there are several; or 1
            for every label with a probability above 0.5. With
            ``return_sequences=True`` a list of arrays (n_timesteps_i[, n_columns]), or
            one array (n_samples, n_timesteps[, n_columns]) if X is no list.
        """
        return self._predict(self._compute(X, "outputs"))

    def _predict(self, computed):
        outputs, shape = computed
        return shape(self._labels.decode(outputs))

    def predict_proba(self, X):
        """Predict probabilities.

        Parameters
        ----------
        {X}

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; with multilabel targets that of each label; with
            several label columns a list with an array for each. With
            ``return_sequences=True`` for every step, a list or an array as X is.
        """
        return self._linked(self._compute(X, "outputs"), "link")

    def predict_log_proba(self, X):
        """Predict logarithms of probabilities.

        Parameters
        ----------
        {X}

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            As `predict_proba` returns them; finite also where the probability is too
            small for a number.
        """
        return self._linked(self._compute(X, "outputs"), "log_link")

    def _linked(self, computed, name):
        outputs, shape = computed
        link = getattr(self._network.loss, name)
        probabilities = self._labels.probabilities(outputs.astype(np.float64), link)
        if isinstance(probabilities, list):
            return [shape(column) for column in probabilities]
        return shape(probabilities)

    def score(self, X, y, sample_weight=None):
        """Get the accuracy: the share of targets whose labels are all right.

        Parameters
        ----------
        {X}
        y : array-like
            True labels, as in `fit`; those that are missing do not count.
        {sample_weight}

        Returns
        -------
        accuracy : float
            Over samples, or over steps with ``return_sequences=True``.
        """
        return self._score_outputs(*self._to_score(X, y, sample_weight))

    def _score_outputs(self, outputs, y, weights):
        predicted = self._labels.decode(outputs)
        y = y.toarray() if sparse.issparse(y) else as_array(y)
        y = column_or_1d(y) if predicted.ndim == 1 else y
        if y.shape != predicted.shape:
            raise ValueError(
                f"y must have {predicted.shape[1]} labels per target, as at the first "
                f"fit, got an array of shape {y.shape}."
            )
        missing = find_missing(y, self.ignore_label)
        there = (weights > 0) & ~missing.reshape(len(y), -1).all(axis=1)
        if not there.any():
            raise ValueError(
                "There is nothing to score: every label is missing or has weight 0."
            )
        y, missing, predicted, weights = (
            array[there] for array in (y, missing, predicted, weights)
        )
        if predicted.ndim == 1:
            return accuracy_score(as_one_type(y), predicted, sample_weight=weights)
        right = ((y == predicted) | missing).all(axis=1)
        return float(np.average(right, weights=weights))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        return tags


def _equal(classes, others):
    """Whether the classes, or the lists of classes, are the same."""
    if isinstance(classes, list) or isinstance(others, list):
        return len(classes) == len(others) and all(map(np.array_equal, classes, others))
    return np.array_equal(classes, others)
