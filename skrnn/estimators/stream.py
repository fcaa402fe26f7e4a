"""Predictions for sequences that come a piece at a time."""

from __future__ import annotations

import copy
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_scalar

from skrnn.backends import make_backend
from skrnn.compat import available_if
from skrnn.estimators.types import Results

if TYPE_CHECKING:
    from skrnn.estimators.base import BaseRNN


class Stream:
    """Sequences that go on from one call to the next.

    Made by the method `stream` of a fitted estimator. Each call takes the next steps of
    the sequences and goes on from the states that the last call left. Feeding a
    sequence whole or in any pieces gives the same bits.

    With ``return_sequences=True``, a call returns the results for the steps that it was
    given; otherwise those for all steps so far. A call that fails changes nothing. The
    stream stays what it is when the estimator is trained again.

    Parameters
    ----------
    estimator : RNNClassifier or RNNRegressor
        A fitted one, whose network is not bidirectional.
    n_sequences : int
        How many sequences come side by side.

    Attributes
    ----------
    n_steps : ndarray of shape (n_sequences,)
        Steps seen so far of each sequence.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn import RNNRegressor
    >>> X = np.random.default_rng(0).standard_normal((20, 10, 1))
    >>> regressor = RNNRegressor(hidden_size=4, random_state=0).fit(X, X.sum((1, 2)))
    >>> stream = regressor.stream()
    >>> for step in X[0]:
    ...     so_far = stream.predict([step[None]])
    >>> bool(so_far == regressor.predict(X[:1]))
    True
    """

    def __init__(self, estimator: BaseRNN, n_sequences: int = 1) -> None:
        check_scalar(n_sequences, "n_sequences", Integral, min_val=1)
        # A copy, which keeps its weights, classes and units.
        self._estimator = copy.copy(estimator)
        self._estimator._run = self._estimator._adapted = None
        self._network, self._parameters = estimator._network, estimator._parameters
        self._backend = make_backend(estimator.device, self._network)
        self._memory = self._backend.new_memory(n_sequences)
        self.n_steps = np.zeros(n_sequences, np.int64)

    def predict(self, X: ArrayLike) -> Results:
        """Predict after the next steps.

        Parameters
        ----------
        X : list of arrays (n_timesteps_i, n_features), or array \
(n_sequences, n_timesteps, n_features)
            The next steps of each sequence, one at least.

        Returns
        -------
        y : ndarray or list of ndarray
            As the estimator's `predict` returns it.
        """
        return self._estimator._predict(self._feed(X, self._backend.outputs))

    @available_if(lambda stream: hasattr(stream._estimator, "predict_proba"))
    def predict_proba(self, X: ArrayLike) -> Results:
        """Predict probabilities after the next steps; of a classifier only.

        Parameters
        ----------
        X : list of arrays (n_timesteps_i, n_features), or array \
(n_sequences, n_timesteps, n_features)
            The next steps of each sequence, one at least.

        Returns
        -------
        probabilities : ndarray or list of ndarray
            As the estimator's `predict_proba` returns it.
        """
        return self._estimator._linked(self._feed(X, self._backend.outputs), "link")

    def transform(self, X: ArrayLike) -> Results:
        """Get the states after the next steps.

        Parameters
        ----------
        X : list of arrays (n_timesteps_i, n_features), or array \
(n_sequences, n_timesteps, n_features)
            The next steps of each sequence, one at least.

        Returns
        -------
        states : ndarray or list of ndarray
            As the estimator's `transform` returns it.
        """
        features, shape = self._feed(X, self._backend.features)
        return shape(features)

    def _feed(self, X, compute):
        n = self.n_steps.size
        sequences, shape = self._estimator._sequences_to_predict(X)
        if sequences.n_sequences != n:
            raise ValueError(
                f"X has {sequences.n_sequences} sequences, but the stream has {n}. "
                f"Make it with stream(n_sequences={sequences.n_sequences})."
            )
        memory, totals = self._memory.copy(), self.n_steps + sequences.lengths
        results = compute(self._parameters, sequences, memory=memory, totals=totals)
        self._memory, self.n_steps = memory, totals
        return results, shape
