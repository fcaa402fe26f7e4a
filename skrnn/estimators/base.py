"""What both estimators share: states, weights, predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)

from skrnn.backends import make_predictor
from skrnn.compat import check_parameters
from skrnn.estimators.containers import SetOutputMixin
from skrnn.estimators.embedding import frames_of_embeddings
from skrnn.estimators.inputs import check_sequences
from skrnn.estimators.results import Computed
from skrnn.estimators.runs import check_given
from skrnn.estimators.saving import EARLIER, from_plain, to_plain
from skrnn.estimators.stream import Stream
from skrnn.estimators.training import TrainingMixin
from skrnn.estimators.types import Results, Weights
from skrnn.network import POOLINGS, take_weights


class BaseRNN(
    TrainingMixin,
    SetOutputMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Predictions and states; the subclasses know the targets."""

    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    n_features_per_step_: int
    frame_length_: int
    hop_length_: int
    add_time_: bool
    categories_: list[NDArray[Any]]
    n_outputs_: int
    out_activation_: str
    n_iter_: int
    loss_: float
    best_loss_: float
    loss_curve_: list[float]
    grad_norm_curve_: list[float]
    validation_scores_: list[float] | None
    best_validation_score_: float | None

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
        return Computed(model, what, values, sequences, X).check_finite(stacklevel=5)

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

    @property
    def embeddings_(self) -> list[pd.DataFrame]:
        """What the network has learned of each category: a frame for each feature.

        Its rows have the names of the categories, in the order of `categories_`; the
        last one, ``"<unknown>"``, stands for those that fit did not see.
        """
        model = self._model
        if model is None or model.inputs.categories is None:
            raise AttributeError(
                f"This {type(self).__name__} has no embeddings: it is not fitted, or "
                "no feature of X has categories (see categorical_features)."
            )
        return frames_of_embeddings(model)

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
        return self._in_container(states, X, self.get_feature_names_out)

    @property
    def _n_features_out(self):
        return self._fitted().network.n_states_out

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
            n_inputs), with n_inputs = frame_length * n_features in the first layer
            (with the time, see `add_time`, of a feature more, and a category counts
            as the numbers of its embedding),
            ``weight_hh_l{k}`` (n_gates * hidden_size, hidden_size),
            ``bias_ih_l{k}`` and ``bias_hh_l{k}`` (n_gates * hidden_size,), and the
            same with ``_reverse`` for the other direction; with ``layer_norm=True``
            ``norm_l{k}.weight`` and ``norm_l{k}.bias`` (n_directions * hidden_size,),
            which both directions share; ``head.weight``
            (n_outputs, n_directions * hidden_size) and ``head.bias`` (n_outputs,);
            with categories ``embedding.weight`` (n_categories + 1, embedding_size), or
            ``embedding.{k}.weight`` of each feature that has them;
            with ``pooling="attention"`` also ``attention.weight`` (hidden_size,
            n_directions * hidden_size), ``attention.bias`` and ``attention.query``
            (hidden_size,). The gates stand in PyTorch's order: i, f, g, o (LSTM);
            r, z, n (GRU). Where a gate needs one bias only, ``bias_ih_l{k}`` has it
            and ``bias_hh_l{k}`` has 0.
        """
        model = self._fitted()
        if merge_adapters or model.adapted is None:
            return model.network.export_weights(model.parameters)
        return model.adapted.trainable.export(model.adapted.vector)

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
        model = self._fitted()
        parameters = take_weights(model.network, weights, "weights")
        self._model = model.with_parameters(parameters, run=None, adapted=None)
        return self

    def __getstate__(self):
        state = dict(super().__getstate__())
        model = state.pop("_model", None)
        if model is None:
            return state
        shown = model.attributes()
        state = {name: value for name, value in state.items() if name not in shown}
        return state | {"_model": to_plain(model)}

    def __setstate__(self, state):
        state = EARLIER | state
        plain = state.pop("_model", None)
        super().__setstate__(state)
        if plain is not None:
            self._model = from_plain(plain)

    def __sklearn_is_fitted__(self) -> bool:
        return self._model is not None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        # States have the dtype of the network, whatever that of X.
        tags.transformer_tags.preserves_dtype = []
        return tags
