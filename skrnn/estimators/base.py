"""What all estimators share: weights, what is saved, what is shown."""

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

from skrnn.estimators.containers import SetOutputMixin
from skrnn.estimators.embedding import frames_of_embeddings
from skrnn.estimators.saving import EARLIER, from_plain, to_plain
from skrnn.estimators.training import TrainingMixin
from skrnn.estimators.types import Weights
from skrnn.network import take_weights


class BaseRNN(
    TrainingMixin,
    SetOutputMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Weights, and what is saved; the subclasses know X, targets and predictions."""

    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    n_features_per_step_: int
    frame_length_: int
    hop_length_: int
    add_time_: bool
    ngram_length_: int
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

    @property
    def embeddings_(self) -> list[pd.DataFrame]:
        """What the network has learned of each category: a frame for each feature.

        Its rows have the names of the categories, in the order of `categories_`; the
        last one, ``"<unknown>"``, stands for those that fit did not see.
        """
        model = self._model
        if model is None or not model.network.embeddings:
            raise AttributeError(
                f"This {type(self).__name__} has no embeddings: it is not fitted, or "
                "no feature of X has categories (see categorical_features)."
            )
        return frames_of_embeddings(model)

    @property
    def _n_features_out(self):
        return self._fitted().network.n_states_out

    def _states_in_container(self, states, X):
        """States in what `set_output` set, with the names of `get_feature_names_out`.

        They are counted here: another thread may have fitted another network since.
        """
        name = type(self).__name__.lower()
        return self._in_container(
            states, X, lambda: [f"{name}{i}" for i in range(states.shape[1])]
        )

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
            and ``bias_hh_l{k}`` has 0. A translator has those of both its networks,
            with ``encoder.`` and ``decoder.`` before the names, and
            ``attention.weight`` (hidden_size, hidden_size), unless attention is "dot",
            and ``attention.output.weight`` (hidden_size, 2 * hidden_size).
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
        names = self._get_param_names()
        state = {k: v for k, v in EARLIER.items() if k in names} | state
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
