"""A regressor's targets: how real values become what the network learns, and back."""

import warnings
from dataclasses import dataclass
from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_array, check_scalar

from skrnn.backends.outputs import losses_of_rows
from skrnn.estimators.inputs import (
    as_array,
    check_finite,
    check_numbers,
)
from skrnn.mathematics.losses import Loss, loss_of

# A standard deviation of so many values is off by a quarter, mostly.
_ENOUGH = 10


@dataclass(frozen=True)
class RealValues:
    """Columns of real values, and the unit of each."""

    mean: tuple  # of each column
    scale: tuple
    is_vector: bool  # y has one dimension
    loss: Loss

    kind = "real_values"
    must_be_finite = False  # outputs; a value that is infinite says so itself

    @property
    def output_sizes(self):
        """Outputs of the network; all columns have one loss."""
        return self.loss.output_sizes(len(self.mean))

    @classmethod
    def of(cls, y, weights, loss, *, normalize, estimator_name):
        """The unit of these values, NaN where one is missing."""
        columns = y.reshape(len(y), -1)
        n_columns = columns.shape[1]
        mean, scale = np.zeros(n_columns), np.ones(n_columns)
        if normalize:
            mean, scale = loss.units(*_moments(columns, weights, estimator_name))
        return cls(tuple(mean.tolist()), tuple(scale.tolist()), y.ndim == 1, loss)

    @classmethod
    def from_state(cls, state):
        """The one that `state` describes."""
        mean, scale = tuple(state["mean"]), tuple(state["scale"])
        return cls(mean, scale, state["is_vector"], loss_of(state["loss"]))

    def state(self):
        """Plain values, of which `from_state` makes an equal one."""
        return {
            "kind": self.kind,
            "mean": list(self.mean),
            "scale": list(self.scale),
            "is_vector": self.is_vector,
            "loss": self.loss.description(),
        }

    def attributes(self):
        """What a fitted estimator shows of it."""
        return {}

    def encode(self, columns, dtype, estimator_name, name="y"):
        """Targets as the loss takes them."""
        with np.errstate(over="ignore"):
            targets = (columns - np.array(self.mean)) / np.array(self.scale)
            targets = targets.astype(dtype)
        # What is too small beside the mean may be 0 in this dtype.
        accepted = self.loss.accepts(columns) & self.loss.accepts(targets)
        refused = ~np.isnan(columns) & ~accepted
        if refused.any():
            raise ValueError(
                f"loss={self.loss.name!r} takes targets in {self.loss.domain} only, "
                f"{name} has {columns[refused][0]}."
            )
        check_finite(targets, name, estimator_name, allow_nan=True)
        return targets

    def decode(self, outputs):
        """What is predicted, in its own unit."""
        y = self._in_units(self.loss.predictions(self._linked(outputs)))
        return y if self.loss.predicts_rows else y[..., 0]

    def centre(self, outputs):
        """Mean or median of each target, (n, n_columns)."""
        values = self._in_units(self.loss.centre(self._linked(outputs)))
        return values.reshape(len(outputs), len(self.mean))

    def deviations(self, outputs):
        """Standard deviations, as `decode` gives means."""
        if not self.loss.has_deviations:
            raise ValueError(
                "return_std=True needs loss='gaussian', but the estimator was fitted "
                f"with {self.loss.name!r}."
            )
        values = self.loss.deviations(self._linked(outputs))[..., 0]
        values = values * np.array(self.scale)
        return values[:, 0] if self.is_vector else values

    def intervals(self, outputs, coverage):
        """Both ends of an interval for each target, in the last dimension."""
        if coverage is not None:
            limits = {"min_val": 0, "max_val": 1, "include_boundaries": "neither"}
            check_scalar(coverage, "coverage", Real, **limits)
        return self._in_units(self.loss.interval(self._linked(outputs), coverage))

    def mean_loss(self, outputs, scored, estimator_name):
        """The mean loss of outputs."""
        columns, name = scored.y, scored.name
        targets = self.encode(columns, outputs.dtype, estimator_name, name)
        weights = np.where(scored.missing.all(axis=1), 0, scored.weights)
        if not weights.any():
            raise nothing_to_score(name)
        kind = self.loss.kind(self.output_sizes)
        scales = weights / weights.sum()
        return float(losses_of_rows(kind, outputs.copy(), targets, scales))

    def _linked(self, outputs):
        """What outputs mean, in the last dimension all of a target."""
        values = self.loss.link(outputs.astype(np.float64))
        return values.reshape(len(outputs), len(self.mean), self.loss.group_size)

    def _in_units(self, values):
        scale, mean = np.array(self.scale), np.array(self.mean)
        values = values * scale[:, None] + mean[:, None]
        return values[:, 0] if self.is_vector else values


def check_values(y, estimator, name):
    """The values of y in float64; NaN, None and NA are those that are missing."""
    if not sparse.issparse(y):
        try:
            y = check_numbers(as_array(y)).astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} has no numbers. {error}") from error
    return check_array(
        y,
        ensure_2d=False,
        dtype=np.float64,
        ensure_all_finite="allow-nan",
        input_name=name,
        estimator=estimator,
    )


def nothing_to_score(name):
    """The error where no value is left, of a column or of all."""
    return ValueError(
        f"There is nothing to score in a column of {name}: every value is missing or "
        "has weight 0."
    )


def _moments(columns, weights, estimator_name):
    """Mean and standard deviation of the columns; 1 for that of a constant one."""
    there = ~np.isnan(columns) & (weights > 0)[:, None]
    weights, filled = weights[:, None] * there, np.where(there, columns, 0)
    if not there.any(axis=0).all():
        raise ValueError(
            "y has a column without any value: all are missing or have weight 0."
        )
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.average(filled, axis=0, weights=weights)
        scale = np.sqrt(np.average((filled - mean) ** 2, axis=0, weights=weights))
    check_finite(scale, "y", estimator_name)
    # Rounding leaves a constant a little scale of its own.
    low = np.where(there, columns, np.inf).min(axis=0)
    scale[low == np.where(there, columns, -np.inf).max(axis=0)] = 1
    scale[scale == 0] = 1
    return mean, scale


def warn_of_poor_units(columns, stacklevel):
    """Say that the first values of a stream are too few, or equal, to be units."""
    counts = (~np.isnan(columns)).sum(axis=0)
    if (
        counts.min() >= _ENOUGH
        and (np.nanmax(columns, 0) > np.nanmin(columns, 0)).all()
    ):
        return
    warnings.warn(
        "partial_fit takes mean and standard deviation of y from its first call, where "
        f"a column has {counts.min()} values or equal ones only: training will be slow "
        f"if later values are unlike them. Pass {_ENOUGH} or more typical ones at "
        "first; or standardise y yourself, with normalize_y=False.",
        stacklevel=stacklevel + 1,
    )
