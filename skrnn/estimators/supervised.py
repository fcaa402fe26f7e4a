"""What the estimators with targets share: results for X, states, scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrnn.backends import make_predictor
from skrnn.compat import check_parameters
from skrnn.estimators.base import BaseRNN
from skrnn.estimators.inputs import check_sequences, with_static
from skrnn.estimators.results import Computed, of_frames
from skrnn.estimators.runs import TRAINING, Scored, check_given, check_pair
from skrnn.estimators.stream import Stream
from skrnn.estimators.types import Results
from skrnn.network import POOLINGS


class PredictingRNN(BaseRNN):
    """Results for X; the subclasses know what these mean."""

    def _has_validation_data(self, **validation):
        return check_pair(**validation, early_stopping=self.early_stopping)

    def _compute(self, X, what, model=None, static=None):
        """Results of one of the backend's methods, for the last fit or a given one."""
        model = model or self._fitted()
        form, beside = model.inputs, {"is_first": False, "name": "static"}
        sequences, _ = check_sequences(self, X, model.network.dtype, form=form)
        sequences, _ = with_static(self, sequences, static, form, **beside)
        return self._compute_of(model, form.channels(sequences), X, what)

    def _compute_of(self, model, sequences, X, what):
        check_parameters(self, "device")
        backend = make_predictor(self.device, model.network)
        values = getattr(backend, what)(model.parameters, sequences)
        if model.has_step_outputs:
            values, sequences = of_frames(model.network.frames, values, sequences)
        return Computed(model, what, values, sequences, X).check_finite(stacklevel=5)


class SupervisedRNN(PredictingRNN):
    """Predictions and states; the subclasses know the targets."""

    n_static_features_in_: int
    static_feature_names_in_: NDArray[np.object_]

    def _given(self, X, y, weight, form, names=TRAINING, static=None, like=None):
        return check_given(
            self,
            X,
            y,
            weight,
            form=form,
            for_steps=self.return_sequences,
            dtype=self.dtype,
            names=names,
            static=static,
            like=like,
        )

    def _scored(self, targets, given, name="y"):
        y, missing = self._check_truth(given.y, targets, name)
        return Scored(given.sequences, y, missing, given.weights, name)

    def _score_of_nothing(self, draft, scored):
        nothing = np.zeros((len(scored.y), draft.network.n_outputs), self.dtype)
        return self._watched(draft.targets, nothing, scored)

    def _validation_score(self, draft, scored, backend, parameters):
        outputs = backend.outputs(parameters, scored.sequences)
        return self._watched(draft.targets, outputs, scored)

    def _watched(self, targets, outputs, scored):
        """What early stopping watches."""
        return self._score_outputs(targets, outputs, scored)

    def _score(self, X, y, sample_weight, static=None):
        """Score of the predictions for X."""
        model = self._fitted()
        given, _ = check_given(
            self,
            X,
            y,
            sample_weight,
            form=model.inputs,
            for_steps=model.is_for_steps,
            dtype=model.network.dtype,
            static=static,
        )
        scored = self._scored(model.targets, given)
        outputs = self._compute_of(model, given.sequences, X, "outputs").values
        return self._score_outputs(model.targets, outputs, scored)

    def transform(self, X: ArrayLike, *, static: ArrayLike | None = None) -> Results:
        """Get the states of the last layer, as features for another estimator.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.
        static : array-like of shape (n_samples, n_static_features), default=None
            What is known of each sequence as a whole, in a row of an array or
            DataFrame: inputs of all of its steps. Columns of numbers are standardised
            inside, by what the first fit sees. Columns of strings, or of a DataFrame's
            type for categories, have categories; what is missing is one more, and what
            the first fit did not see counts as the mean of all. None: there are no
            static features.

        Returns
        -------
        states : ndarray of shape (n_samples, n_directions * hidden_size)
            The pooled states. With ``return_sequences=True`` those of every step: a
            list of arrays (n_timesteps_i, n_directions * hidden_size), or one array
            (n_samples, n_timesteps, n_directions * hidden_size) if X is no list.
            `set_output` turns pooled states into a DataFrame.

        Warns
        -----
        RuntimeWarning
            If what the network computes for a sequence is infinite or NaN.
        """
        computed = self._compute(X, "features", static=static)
        states = computed.shaped(computed.values)
        return self._states_in_container(states, X)

    def fit_transform(
        self, X: ArrayLike, y: ArrayLike | None = None, **fit_params: Any
    ) -> Results:
        """Train the network, and get the states of its last layer for X.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.
        y : array-like, default=None
            Targets, as `fit` takes them.
        **fit_params : dict
            What else `fit` takes; `transform` gets the same static features.

        Returns
        -------
        states : ndarray of shape (n_samples, n_directions * hidden_size)
            As `transform` returns them.
        """
        self.fit(X, y, **fit_params)
        return self.transform(X, static=fit_params.get("static"))

    def attention_weights(
        self, X: ArrayLike, *, static: ArrayLike | None = None
    ) -> list[NDArray[np.floating[Any]]]:
        """Get the share that each step has in what attention pools.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.
        static : array-like of shape (n_samples, n_static_features), default=None
            What is known of each sequence as a whole, in a row of an array or
            DataFrame: inputs of all of its steps. Columns of numbers are standardised
            inside, by what the first fit sees. Columns of strings, or of a DataFrame's
            type for categories, have categories; what is missing is one more, and what
            the first fit did not see counts as the mean of all. None: there are no
            static features.

        Returns
        -------
        weights : list of ndarray of shape (n_timesteps_i,)
            For each sequence; they sum to 1. Each step of a frame has an equal part
            of the frame's share, and what it has of several frames is added up.

        Raises
        ------
        ValueError
            If the estimator was fitted with another pooling.
        """
        model = self._fitted()
        network = model.network
        if network.pool is None or not network.pool.has_step_weights:
            names = [repr(k) for k, part in POOLINGS.items() if part.has_step_weights]
            having = " or ".join(names)
            raise ValueError(
                f"There are attention weights with pooling={having} only, the "
                f"network was fitted with {network.pooling!r}."
            )
        computed = self._compute(X, "attention_weights", model, static)
        return np.split(computed.values, computed.sequences.offsets[1:-1])

    def stream(
        self, n_sequences: int = 1, *, static: ArrayLike | None = None
    ) -> Stream:
        """Predict for sequences that come a piece at a time.

        Parameters
        ----------
        n_sequences : int, default=1
            How many sequences come side by side.
        static : array-like of shape (n_samples, n_static_features), default=None
            What is known of each sequence as a whole, in a row of an array or
            DataFrame: inputs of all of its steps. Columns of numbers are standardised
            inside, by what the first fit sees. Columns of strings, or of a DataFrame's
            type for categories, have categories; what is missing is one more, and what
            the first fit did not see counts as the mean of all. None: there are no
            static features.

        Returns
        -------
        stream : Stream
            Its methods `predict`, `predict_proba` (of a classifier), `transform` and
            `predict_interval` (of a regressor that has it) take the next steps of each
            sequence.

        Raises
        ------
        ValueError
            If the network is bidirectional: it would need the last step first.
        """
        return Stream(self, n_sequences, static=static)
