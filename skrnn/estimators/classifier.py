"""The classifier: labels in, labels and probabilities out."""

import numpy as np
from scipy import sparse
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    check_classification_targets,
    type_of_target,
    unique_labels,
)
from sklearn.utils.validation import _check_y, column_or_1d

from skrnn.estimators.base import BaseRNN
from skrnn.estimators.callbacks import with_callbacks
from skrnn.estimators.docs import with_common_sections


@with_common_sections
class RNNClassifier(ClassifierMixin, BaseRNN):
    """Recurrent neural network that classifies sequences.

    It minimises the log loss: softmax for several classes, a logistic output for two,
    one logistic output per label for multilabel targets.

    {parameters}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels; for multilabel targets the numbers of the labels.
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
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train the network.

        Parameters
        ----------
        {X}
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels, or for multilabel targets an indicator matrix of 0 and 1.
        {sample_weight}

        Returns
        -------
        self : object
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one epoch, going on from where the network is.

        Parameters
        ----------
        {X}
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels, or for multilabel targets an indicator matrix of 0 and 1.
        classes : array-like of shape (n_classes,), default=None
            All classes that will ever come; needed in the first call. For multilabel
            targets the numbers of the labels.
        {sample_weight}

        Returns
        -------
        self : object
            The estimator.
        """
        return self._partial_fit(X, y, sample_weight, classes=classes, partial=True)

    def _check_targets(self, y, *, reset, weights, classes=None, partial=False):
        y = _check_y(y, multi_output=True, estimator=self)
        check_classification_targets(y)
        is_multilabel = type_of_target(y).startswith("multilabel")
        if not is_multilabel:
            y = column_or_1d(y, warn=True)
        found = unique_labels(y)
        if partial:
            _check_partial_fit_first_call(self, classes)
        elif reset:
            self.classes_ = found
        if reset:
            self._is_multilabel = is_multilabel
        elif is_multilabel != self._is_multilabel:
            raise ValueError(
                "Training cannot change between one label and several labels per "
                "sample. Use a new estimator."
            )
        self._check_known(found)
        encode = self._encode_indicator if is_multilabel else self._encode_labels
        return encode(y)

    def _check_known(self, found):
        if not np.isin(found, self.classes_).all():
            raise ValueError(
                "`y` has classes not in `self.classes_`. `self.classes_` has "
                f"{self.classes_}. 'y' has {found}."
            )

    def _encode_indicator(self, y):
        y = y.toarray() if sparse.issparse(y) else y
        if y.shape[1] != self.classes_.size:
            raise ValueError(
                f"y has {y.shape[1]} labels, but {type(self).__name__} is expecting "
                f"{self.classes_.size}."
            )
        if not np.isin(y, (0, 1)).all():
            raise ValueError("A multilabel y must have no other values than 0 and 1.")
        self.n_outputs_ = self.classes_.size
        return y.astype(self.dtype), "logistic"

    def _encode_labels(self, y):
        codes = np.searchsorted(self.classes_, y)[:, None]
        if self.classes_.size > 2:
            self.n_outputs_ = self.classes_.size
            return codes, "softmax"
        self.n_outputs_ = 1
        return codes.astype(self.dtype), "logistic"

    def predict(self, X):
        """Predict labels.

        Parameters
        ----------
        {X}

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            The most probable class, or every label with a probability above 0.5.
        """
        outputs = self._outputs(X)
        if self._is_multilabel:
            return (outputs > 0).astype(int)
        if self.n_outputs_ > 1:
            return self.classes_[outputs.argmax(axis=1)]
        chosen = (outputs[:, 0] > 0).astype(int)
        return self.classes_[np.minimum(chosen, self.classes_.size - 1)]

    def predict_proba(self, X):
        """Predict probabilities.

        Parameters
        ----------
        {X}

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`; with multilabel targets that of each label.
        """
        return self._linked(X, "link")

    def predict_log_proba(self, X):
        """Predict logarithms of probabilities.

        Parameters
        ----------
        {X}

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            Finite also where the probability is too small for a number.
        """
        return self._linked(X, "log_link")

    def _linked(self, X, name):
        outputs = self._outputs(X)
        link = getattr(self._network.loss, name)
        if self._is_multilabel or self.n_outputs_ > 1:
            return link(outputs)
        if self.classes_.size == 1:  # certain, whatever the output
            return link(np.full_like(outputs, np.inf))
        return link(np.hstack([-outputs, outputs]))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
