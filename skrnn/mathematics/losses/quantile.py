"""Quantiles of real values: the pinball loss, mean over quantiles and target columns.

Each target column has an output for each quantile, the difference to that of a standard
normal distribution: so all begin near those of y. They are learned apart, and may cross
where data are few. So the link sorts them, which never makes the loss larger
(V. Chernozhukov, I. Fernandez-Val and A. Galichon, Quantile and probability curves
without crossing, Econometrica 2010).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import special

from skrnn.mathematics.losses.base import Loss, register_formula

_MEDIAN = 0.5


class QuantileKind(NamedTuple):
    n_outputs: int
    bounds: np.ndarray
    quantiles: np.ndarray
    starts: np.ndarray  # what outputs of 0 mean


@dataclass(frozen=True)
class Quantile(Loss):
    """The outputs are quantiles of each target, before the link."""

    quantiles: float | tuple = (0.1, 0.5, 0.9)  # rising

    name = "quantile"
    kind_class = QuantileKind
    out_activation = "identity"
    regresses = True
    has_groups = True
    has_intervals = True

    def __post_init__(self):
        try:
            given = np.asarray(self.quantiles, np.float64)
        except (TypeError, ValueError):
            given = np.empty(0)
        # Each above the one before, from 0 to 1.
        steps = np.diff(given, prepend=0, append=1) if given.ndim == 1 else given
        if given.size == 0 or given.ndim > 1 or not ((steps > 0) & (steps < 1)).all():
            raise ValueError(
                "quantiles must be a number between 0 and 1, or a list of such numbers "
                f"of which each is above the one before, got {self.quantiles!r:.80}."
            )
        values = tuple(given.tolist()) if given.ndim else float(given)
        object.__setattr__(self, "quantiles", values)

    @property
    def levels(self):
        """The quantiles as an array."""
        return np.atleast_1d(self.quantiles)

    @property
    def _starts(self):
        return special.ndtri(self.levels)

    @property
    def group_size(self):
        return self.levels.size

    @property
    def predicts_rows(self):
        return isinstance(self.quantiles, tuple)

    def kind(self, output_sizes):
        """As of every loss; of one quantile, too, compiled code has an array."""
        bounds = np.cumsum([0, *output_sizes], dtype=np.int64)
        return QuantileKind(int(bounds[-1]), bounds, self.levels, self._starts)

    def link(self, outputs):
        """The quantiles of each column, in order."""
        groups = outputs.reshape(len(outputs), -1, self.group_size)
        return np.sort(groups + self._starts, axis=2).reshape(outputs.shape)

    def centre(self, values):
        """The median, between its neighbours; or the quantile that is nearest to it."""
        levels = self.levels
        shares = [np.interp(_MEDIAN, levels, row) for row in np.eye(levels.size)]
        return values @ np.array(shares)[:, None]

    def predictions(self, values):
        """All quantiles."""
        return values

    def interval(self, values, coverage):
        """Those quantiles between which so many targets are; None: the outer ones."""
        pairs = [(i, -1 - i) for i in range(self.levels.size // 2)]
        covered = [round(float(self.levels[j] - self.levels[i]), 6) for i, j in pairs]
        if not covered:
            raise ValueError(
                f"The only quantile, {float(self.levels[0])}, has no interval. Fit "
                "with two or more, (1 - coverage) / 2 and (1 + coverage) / 2 say."
            )
        if coverage is None:
            coverage = covered[0]
        for share, pair in zip(covered, pairs, strict=True):
            if share == round(float(coverage), 6):
                return values[..., list(pair)]
        raise ValueError(
            f"The quantiles {self.levels.tolist()!s:.80} have no interval of coverage="
            f"{coverage}, but those of {covered!s:.80}. Fit with the quantiles "
            "(1 - coverage) / 2 and (1 + coverage) / 2."
        )


def _loss_gradient(kind, outputs, target, scale):
    n, share, loss = kind.quantiles.size, scale / kind.n_outputs, 0.0
    for column in range(kind.bounds.size - 1):
        row = outputs[kind.bounds[column] :]
        for k in range(n):
            predicted = row[k] + kind.starts[k]
            error, slope = target[column] - predicted, 0.0
            if error > 0:
                slope = kind.quantiles[k]
            elif error < 0:
                slope = kind.quantiles[k] - 1
            if target[column] != target[column]:
                error = 0.0
            loss += share * slope * error
            row[k] = -share * slope
    return loss


register_formula(Quantile, _loss_gradient)
