"""What both estimators share: states, weights, predictions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils.validation import check_is_fitted

from skrnn.backends import make_predictor
from skrnn.estimators.containers import SetOutputMixin
from skrnn.estimators.inputs import check_sequences
from skrnn.estimators.runs import check_scored
from skrnn.estimators.steps import like_input
from skrnn.estimators.stream import Stream
from skrnn.estimators.training import TrainingMixin
from skrnn.estimators.types import Results, Weights


class BaseRNN(
    TrainingMixin,
    SetOutputMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Predictions and states; the subclasses know the targets."""

    def _sequences_to_predict(self, X):
        """Sequences, and a function that gives results for them the form of X."""
        if not self.__sklearn_is_fitted__():
            check_is_fitted(self)  # raises
        sequences = check_sequences(self, X, self._network.dtype, reset=False)
        if self._network.pooling is not None:
            return sequences, lambda results: results
        return sequences, partial(like_input, X=X, sequences=sequences)

    def _compute(self, X, what):
        """Results of one of the backend's methods, and how to give them X's form."""
        sequences, shape = self._sequences_to_predict(X)
        backend = self._backend()
        return getattr(backend, what)(self._parameters, sequences), shape

    def _backend(self):
        """A backend that predicts at once."""
        return make_predictor(self.device, self._network)

    def _to_score(self, X, y, sample_weight):
        """Outputs, true targets and weights, of sequences or of their steps."""
        sequences, _ = self._sequences_to_predict(X)
        for_steps = self._network.pooling is None
        scored = check_scored(X, y, sample_weight, sequences, for_steps)
        outputs = self._backend().outputs(self._parameters, sequences)
        return outputs, scored.y, scored.weights

    def transform(self, X: ArrayLike) -> Results:
        """Get the states of the last layer, as features for another estimator.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays (n_timesteps_i, n_features) or (n_timesteps_i,) of any lengths; or a
            2D array or DataFrame (n_samples, n_timesteps * n_features_per_step) of
            flattened sequences.

        Returns
        -------
        states : ndarray of shape (n_samples, n_directions * hidden_size)
            The pooled states. With ``return_sequences=True`` those of every step: a
            list of arrays (n_timesteps_i, n_directions * hidden_size), or one array
            (n_samples, n_timesteps, n_directions * hidden_size) if X is no list.
            `set_output` turns pooled states into a DataFrame.
        """
        states, shape = self._compute(X, "features")
        return self._in_container(shape(states), X, self.get_feature_names_out)

    @property
    def _n_features_out(self):
        return self._network.n_states_out

    def attention_weights(self, X: ArrayLike) -> list[NDArray[np.floating[Any]]]:
        """Get the share that each step has in what attention pools.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays (n_timesteps_i, n_features) or (n_timesteps_i,) of any lengths; or a
            2D array or DataFrame (n_samples, n_timesteps * n_features_per_step) of
            flattened sequences.

        Returns
        -------
        weights : list of ndarray of shape (n_timesteps_i,)
            For each sequence; they sum to 1.

        Raises
        ------
        ValueError
            If the estimator was fitted with another pooling.
        """
        sequences, _ = self._sequences_to_predict(X)
        network = self._network
        if network.pool is None or not network.pool.has_step_weights:
            raise ValueError(
                "There are attention weights with pooling='attention' only, the "
                f"network was fitted with {network.pooling!r}."
            )
        backend = self._backend()
        weights = backend.attention_weights(self._parameters, sequences)
        return np.split(weights, sequences.offsets[1:-1])

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
        check_is_fitted(self)
        if self._network.bidirectional:
            raise ValueError(
                "A bidirectional network needs whole sequences: it has no stream. Fit "
                "an estimator with bidirectional=False."
            )
        return Stream(self, n_sequences)

    def get_weights(self, merge_adapters: bool = True) -> Weights:
        """Get the weights under PyTorch's names and in its shapes.

        Parameters
        ----------
        merge_adapters : bool, default=True
            With ``adapter_rank`` above 0, whether the matrices have their adapters in
            them. False gives the matrices as they were before, and the adapters as
            ``weight_ih_l{k}.lora_A`` (adapter_rank, n_inputs) and
            ``weight_ih_l{k}.lora_B`` (n_gates * hidden_size, adapter_rank), and the
            same for ``weight_hh_l{k}``: their product ``lora_B @ lora_A`` is added.

        Returns
        -------
        weights : dict of str to ndarray
            For each layer k from 0 on ``weight_ih_l{k}`` (n_gates * hidden_size,
            n_inputs), ``weight_hh_l{k}`` (n_gates * hidden_size, hidden_size),
            ``bias_ih_l{k}`` and ``bias_hh_l{k}`` (n_gates * hidden_size,), and the
            same with ``_reverse`` for the other direction; ``head.weight``
            (n_outputs, n_directions * hidden_size) and ``head.bias`` (n_outputs,);
            with ``pooling="attention"`` also ``attention.weight`` (hidden_size,
            n_directions * hidden_size), ``attention.bias`` and ``attention.query``
            (hidden_size,). The gates stand in PyTorch's order: i, f, g, o (LSTM);
            r, z, n (GRU). Where a gate needs one bias only, ``bias_ih_l{k}`` has it
            and ``bias_hh_l{k}`` has 0.
        """
        check_is_fitted(self)
        if merge_adapters or self._adapted is None:
            return self._network.export_weights(self._parameters)
        return self._adapted[0].export(self._adapted[1])

    def set_weights(self, weights: Mapping[str, ArrayLike]) -> Self:
        """Set the weights of a fitted estimator.

        Parameters
        ----------
        weights : dict of str to array-like
            As `get_weights` returns it, with both biases of a gate added up where the
            cell needs one only. What the solver remembers of earlier steps is dropped.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If a name is missing or unknown, or an array has another shape or a value
            that is not finite.
        """
        check_is_fitted(self)
        self._parameters = self._network.import_weights(weights)
        self._run = self._adapted = None
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_parameters")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        # States have the dtype of the network, whatever that of X.
        tags.transformer_tags.preserves_dtype = []
        return tags
