"""What the transformers of sequences share: X in any form, and results in that form.

Most learn means and standard deviations of a few numbers at every step, which
StandardScaler takes, and make new steps of those they get.
"""

from __future__ import annotations

import copy
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    BaseEstimator,
    OneToOneFeatureMixin,
    TransformerMixin,
)
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from skrnn.compat import Interval, fit_context
from skrnn.estimators.containers import SetOutputMixin
from skrnn.estimators.inputs import (
    InputForm,
    check_sequences,
    is_list_of_sequences,
    n_dimensions,
)
from skrnn.estimators.steps import check_weights


class OfSequences(
    SetOutputMixin, OneToOneFeatureMixin, TransformerMixin, BaseEstimator
):
    """A transformer of every form of X that `RNNClassifier` and `RNNRegressor` take."""

    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    n_features_per_step_: int

    _parameter_constraints: dict[str, Any] = {
        "n_features_per_step": [Interval(Integral, 1, None, closed="left")]
    }

    @property
    def _form(self):
        names = getattr(self, "feature_names_in_", None)
        return InputForm(
            self.n_features_in_,
            None if names is None else tuple(names),
            self.n_features_per_step_,
            self._is_fitted_on_rows,
        )

    def _remember(self, form):
        self._is_fitted_on_rows = form.is_on_rows
        vars(self).pop("feature_names_in_", None)
        vars(self).update(form.attributes())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def in_form_of(X, values, offsets, form):
    """Values of all steps in the form of X: a list of arrays, or one array."""
    n_channels = values.shape[1]
    if not is_list_of_sequences(X, form.n_features_per_step):
        is_3d = (n_dimensions(X) or np.asarray(X).ndim) == 3
        shape = (-1, n_channels) if is_3d else (-1,)
        return values.reshape(len(offsets) - 1, *shape)
    parts = np.split(values, offsets[1:-1])
    return [
        part[:, 0] if n_channels == 1 == np.ndim(x) else part
        for part, x in zip(parts, X, strict=True)
    ]


class SequenceTransformer(OfSequences):
    """One that learns means and standard deviations.

    A subclass says what is learned (`_new_scaler`, `_learned_from`, `_show`), and what
    becomes of the steps (`_of_steps`).
    """

    n_samples_seen_: int | NDArray[Any]

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Compute the means and standard deviations.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sequence, which each of its time steps has. None: all weights
            are 1.

        Returns
        -------
        self : object
            The fitted transformer.
        """
        return self._learn(X, sample_weight, reset=True)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Update the means and standard deviations with more sequences.

        What is learned, and `n_features_per_step`, are those of the first call.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sequence, which each of its time steps has. None: all weights
            are 1.

        Returns
        -------
        self : object
            The fitted transformer.
        """
        return self._learn(X, sample_weight, reset=not self.__sklearn_is_fitted__())

    def _learn(self, X, sample_weight, *, reset):
        # What fails changes a copy only.
        learner = copy.copy(self)
        form = None if reset else self._form
        sequences, form = check_sequences(self, X, None, form=form, allow_nan=True)
        if sample_weight is not None:
            lengths = sequences.lengths
            weights = check_weights(sample_weight, lengths, for_steps=False)
            sample_weight = weights.repeat(lengths)
        if reset:
            scaler = self._new_scaler()
            # Arrays, even if the user's configuration asks for DataFrames.
            scaler.set_output(transform="default")
        else:
            scaler = copy.deepcopy(self._scaler)
        with np.errstate(invalid="ignore"):  # of a feature that is never there
            learned = self._learned_from(sequences)
            _update(scaler, learned, sample_weight)
        learner._scaler = scaler
        learner._remember(form)
        learner.n_samples_seen_ = scaler.n_samples_seen_
        learner._show(scaler, sequences, reset=reset)
        self.__dict__ = learner.__dict__
        return self

    def _new_scaler(self):
        """What learns: by default all that it can."""
        return StandardScaler()

    def _transform(self, X):
        check_is_fitted(self)
        fitted = copy.copy(self)  # one state, whatever other threads do
        results = fitted._apply(fitted._of_steps, X)
        # One fitted on sequences has names for the features of a step only.
        columns = fitted.get_feature_names_out if fitted._is_fitted_on_rows else None
        return fitted._in_container(results, X, columns)

    def _apply(self, function, X, **options):
        """Apply a function of all steps; the result has the form of X."""
        sequences, form = check_sequences(
            self, X, None, form=self._form, allow_nan=True, **options
        )
        return in_form_of(X, function(sequences), sequences.offsets, form)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_scaler")


def _update(scaler, learned, sample_weight):
    """Update a StandardScaler; a feature that a part lacks altogether stays the same.

    Its own formulas make NaN of the variance then, and of all that comes after a first
    part without the feature.
    """
    names = [name for name in ("mean_", "var_", "scale_") if hasattr(scaler, name)]
    before = {name: getattr(scaler, name) for name in names}
    before = {name: values for name, values in before.items() if values is not None}
    n_before = scaler.n_samples_seen_ if before else 0
    for name in before.keys() & {"mean_", "var_"}:
        setattr(scaler, name, np.where(n_before == 0, 0.0, before[name]))
    scaler.partial_fit(learned, sample_weight=sample_weight)
    is_same = scaler.n_samples_seen_ == n_before
    for name, values in before.items():
        setattr(scaler, name, np.where(is_same, values, getattr(scaler, name)))


def as_floats(values):
    """A copy, which may be written."""
    is_float = values.dtype in (np.float64, np.float32, np.float16)
    return np.array(values, None if is_float else np.float64)
