"""What the estimators with targets share: results for X, states, scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrnn.backends import make_predictor
from skrnn.compat import check_parameters
from skrnn.estimators.base import BaseRNN
from skrnn.estimators.inputs import check_sequences
from skrnn.estimators.results import Computed, of_frames
from skrnn.estimators.runs import TRAINING, Scored, check_given, check_pair
from skrnn.estimators.stream import Stream
from skrnn.estimators.types import Results
from skrnn.network import POOLINGS


class PredictingRNN(BaseRNN):
    """Results for X; the subclasses know what these mean."""

    def _has_validation_data(self, **validation):
        return check_pair(**validation, early_stopping=self.early_stopping)

    def _compute(self, X, what, model=None):
        """Results of one of the backend's methods, for the last fit or a given one."""
        model = model or self._fitted()
        form = model.inputs
        sequences, _ = check_sequences(self, X, model.network.dtype, form=form)
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

    def _given(self, X, y, weight, form, names=TRAINING):
        return check_given(
            self,
            X,
            y,
            weight,
            form=form,
            for_steps=self.return_sequences,
            dtype=self.dtype,
            names=names,
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

    def _score(self, X, y, sample_weight):
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
        )
        scored = self._scored(model.targets, given)
        outputs = self._compute_of(model, given.sequences, X, "outputs").values
        return self._score_outputs(model.targets, outputs, scored)

    def transform(self, X: ArrayLike) -> Results:
        """Get the states of the last layer, as features for another estimator.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.

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
        computed = self._compute(X, "features")
        states = computed.shaped(computed.values)
        return self._states_in_container(states, X)

    def attention_weights(self, X: ArrayLike) -> list[NDArray[np.floating[Any]]]:
        """Get the share that each step has in what attention pools.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.

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
        computed = self._compute(X, "attention_weights", model)
        return np.split(computed.values, computed.sequences.offsets[1:-1])

    def stream(self, n_sequences: int = 1) -> Stream:
        """Predict for sequences that come a piece at a time.

        Parameters
        ----------
        n_sequences : int, default=1
            How many sequences come side by side.

        Returns
        -------
        stream : Stream
            Its methods `predict`, `predict_proba` (of a classifier) and `transform`
            take the next steps of each sequence.

        Raises
        ------
        ValueError
            If the network is bidirectional: it would need the last step first.
        """
        return Stream(self, n_sequences)
