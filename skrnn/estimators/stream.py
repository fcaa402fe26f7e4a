"""Predictions for sequences that come a piece at a time."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_scalar

from skrnn.backends import make_backend
from skrnn.compat import available_if, check_parameters
from skrnn.estimators.inputs import check_sequences, with_static
from skrnn.estimators.results import Computed
from skrnn.estimators.saving import from_plain, to_plain
from skrnn.estimators.types import Results
from skrnn.sequences import Sequences

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
    estimator : RNNClassifier, RNNRegressor or RNNMultiTask
        A fitted one, whose network is not bidirectional.
    n_sequences : int
        How many sequences come side by side.
    static : array-like of shape (n_sequences, n_static_features), default=None
        The static features of each of them, if the estimator was fitted with some.

    Attributes
    ----------
    n_steps : ndarray of shape (n_sequences,)
        Steps seen so far of each sequence.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn import RNNRegressor
    >>> X = np.random.default_rng(0).standard_normal((20, 10, 1))
    >>> regressor = RNNRegressor(bidirectional=False, hidden_size=4, random_state=0)
    >>> regressor = regressor.fit(X, X.sum((1, 2)))
    >>> stream = regressor.stream()
    >>> for step in X[0]:
    ...     so_far = stream.predict([step[None]])
    >>> bool(so_far == regressor.predict(X[:1]))
    True
    """

    def __init__(
        self,
        estimator: BaseRNN,
        n_sequences: int = 1,
        *,
        static: ArrayLike | None = None,
    ) -> None:
        check_scalar(n_sequences, "n_sequences", Integral, min_val=1)
        # Without what training goes on with.
        model = replace(estimator._fitted(), run=None, adapted=None)
        self._model = model
        if model.network.bidirectional:
            raise ValueError(
                "The network reads in both directions, so it needs whole sequences: it "
                "has no stream. Fit an estimator with bidirectional=False."
            )
        check_parameters(estimator, "device")
        self._is_classifier = hasattr(estimator, "predict_proba")
        # For its name and parameters alone: the model stays, whatever it learns later.
        self._estimator = type(estimator)(**estimator.get_params(deep=False))
        self._backend = make_backend(estimator.device, model.network)
        self._state = self._start(int(n_sequences))
        self._static = self._static_of(static, int(n_sequences))

    def _static_of(self, static, n):
        """What is the same at all steps of n sequences, as the network gets it."""
        values, inputs = np.empty((0, 0), self._model.network.dtype), self._model.inputs
        nothing = Sequences(values, np.zeros(n + 1, np.int64))
        beside = {"is_first": False, "name": "static"}
        return with_static(self._estimator, nothing, static, inputs, **beside)[0].static

    def _start(self, n):
        """What is kept of n sequences: memory, numbers of steps, and the last steps.

        These as the network had them, and as X did, where n-grams begin with them.
        """
        network, offsets = self._model.network, np.zeros(n + 1, np.int64)
        past = Sequences(np.empty((0, network.n_channels), network.dtype), offsets)
        return self._backend.new_memory(n), offsets[1:], past, None

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_model": to_plain(self._model)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _model=from_plain(state["_model"]))

    @property
    def n_steps(self) -> NDArray[np.int64]:
        """Steps seen so far of each sequence."""
        return self._state[1].copy()

    def predict(self, X: ArrayLike) -> Results:
        """Predict after the next steps.

        Parameters
        ----------
        X : list of arrays (n_timesteps_i, n_features), or array \
(n_sequences, n_timesteps, n_features)
            The next steps of each sequence; a piece of none, of shape (0, n_features),
            for one that pauses.

        Returns
        -------
        y : ndarray or list of ndarray
            As the estimator's `predict` returns it.
        """
        return self._feed(X, "outputs", Computed.decoded)

    @available_if(lambda stream: stream._model.network.loss.has_intervals)
    def predict_interval(self, X: ArrayLike, coverage: float | None = None) -> Results:
        """Predict an interval for each target after the next steps; see the regressor.

        Parameters
        ----------
        X : list of arrays (n_timesteps_i, n_features), or array \
(n_sequences, n_timesteps, n_features)
            The next steps of each sequence; a piece of none, of shape (0, n_features),
            for one that pauses.
        coverage : float, default=None
            As of `RNNRegressor.predict_interval`.

        Returns
        -------
        interval : ndarray or list of ndarray
            As the estimator's `predict_interval` returns it.
        """
        return self._feed(X, "outputs", lambda computed: computed.intervals(coverage))

    @available_if(lambda stream: stream._is_classifier)
    def predict_proba(self, X: ArrayLike) -> Results:
        """Predict probabilities after the next steps; if the estimator does.

        Parameters
        ----------
        X : list of arrays (n_timesteps_i, n_features), or array \
(n_sequences, n_timesteps, n_features)
            The next steps of each sequence; a piece of none, of shape (0, n_features),
            for one that pauses.

        Returns
        -------
        probabilities : ndarray or list of ndarray
            As the estimator's `predict_proba` returns it.
        """
        return self._feed(X, "outputs", lambda computed: computed.linked("link"))

    def transform(self, X: ArrayLike) -> Results:
        """Get the states after the next steps.

        Parameters
        ----------
        X : list of arrays (n_timesteps_i, n_features), or array \
(n_sequences, n_timesteps, n_features)
            The next steps of each sequence; a piece of none, of shape (0, n_features),
            for one that pauses.

        Returns
        -------
        states : ndarray or list of ndarray
            As the estimator's `transform` returns it.
        """
        return self._feed(
            X, "features", lambda computed: computed.shaped(computed.values)
        )

    def _feed(self, X, what, finish):
        """What `finish` makes of the backend's results for the next steps."""
        model, before = self._model, self._state
        memory, n_steps, past, read = before
        sequences, _ = check_sequences(
            self._estimator,
            X,
            model.network.dtype,
            form=model.inputs,
            allow_empty=True,
        )
        n_now, memory = self._n_now(sequences, n_steps), memory.copy()
        sequences = sequences._replace(static=self._static)
        sequences, read = model.inputs.channels_of_piece(sequences, n_steps, read)
        *results, past = self._compute(what, sequences, n_steps, past, memory)
        computed = Computed(model, what, *results, X)
        results = finish(computed.check_finite(stacklevel=4))
        try:
            self._state = memory, n_now, past, read
            return results
        # Ctrl-C strikes even here: then the caller has no results.
        except BaseException:
            self._state = before
            raise

    def _compute(self, what, sequences, n_steps, past, memory):
        """Results after new steps, the sequences that have these, and the next past.

        Renews the memory.
        """
        frames, pieces = self._model.network.frames, sequences
        if frames.n_kept > 0:
            pieces = past.followed_by(sequences)
        spans, rest = frames.spans_of_piece(n_steps, sequences.lengths)
        values = self._run(what, pieces, memory, spans, rest)
        if frames.n_kept == 0:
            return values, sequences, past
        if self._model.has_step_outputs:
            rows = np.arange(n_steps.size)
            values = values[pieces.places(rows, (past.lengths, pieces.lengths))]
        return values, sequences, pieces.newest(frames.n_kept)

    def _run(self, what, pieces, memory, spans, rest):
        """Results after the frames in `spans`, whose states stay, and then in `rest`.

        Where these are, a longer sequence has others in their place.
        """
        compute = getattr(self._backend, what)
        arguments = self._model.parameters, pieces
        if rest is None:
            return compute(*arguments, memory=memory, spans=spans)
        if spans.counts.any():
            with np.errstate(invalid="ignore"):  # of sequences without a frame so far
                compute(*arguments, memory=memory, spans=spans)
        return compute(*arguments, memory=memory.copy(), spans=rest)

    def _n_now(self, sequences, n_steps):
        """Steps of each sequence, these included."""
        if sequences.n_sequences != n_steps.size:
            raise ValueError(
                f"X has {sequences.n_sequences} sequences, but the stream has "
                f"{n_steps.size}. Pass a piece for each of them: one without a step, "
                "of shape (0, n_features), for one that pauses. For other sequences "
                "make another stream, with "
                f"stream(n_sequences={sequences.n_sequences})."
            )
        n_now = n_steps + sequences.lengths
        if not self._model.has_step_outputs and not n_now.all():
            raise ValueError(
                f"Sequence {np.argmin(n_now)} of the stream has no step so far: there "
                "is nothing to predict from. Pass one step of it at least."
            )
        return n_now
