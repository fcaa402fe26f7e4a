"""What a loss is: a formula, a link that predictions use, units, and hyperparameters.

An instance does not change. It says what it is by plain values, of which it can be made
again: its name in the registry, and its hyperparameters. Compiled code receives its
*kind*, and chooses the formula by the class of that.
"""

from dataclasses import asdict, astuple
from typing import ClassVar, NamedTuple

import numpy as np

from skrnn.mathematics.intrinsics import by_type

_LOSS_GRADIENT, _SEQUENCE_GRADIENT = {}, {}


class Kind(NamedTuple):
    """What compiled code knows of a loss; each loss derives a class of its own.

    One with hyperparameters has a named tuple of its own: these fields, then its
    hyperparameters, and what follows from them.
    """

    n_outputs: int
    bounds: np.ndarray  # where the outputs of each target column start, and the end


class SequenceKind(Kind):
    """The class of a loss that reads sequences derives from this one."""

    __slots__ = ()


class Loss:
    """A loss as the network and the estimators see it.

    Each is a frozen dataclass, whose fields are its hyperparameters: numbers, or tuples
    of these.
    """

    name: ClassVar[str]  # in the registry
    kind_class: ClassVar[type]
    out_activation: ClassVar[str]  # scikit-learn's name of the link
    regresses: ClassVar[bool] = False  # whether targets are real values
    # Whether the outputs of a column of targets are a group, which one target judges.
    has_groups: ClassVar[bool] = False
    group_size: ClassVar[int] = 1  # outputs of one real value
    # What one real value has of predictions: one number, or a row of them.
    predicts_rows: ClassVar[bool] = False
    has_deviations: ClassVar[bool] = False
    has_intervals: ClassVar[bool] = False
    # Whether it takes the outputs of all steps of a sequence together, and as their
    # target any number of labels.
    reads_sequences: ClassVar[bool] = False
    domain: ClassVar[str] = "the real numbers"  # of these values

    def kind(self, output_sizes):
        """The loss as compiled code receives it, for so many outputs a column."""
        bounds = np.cumsum([0, *output_sizes], dtype=np.int64)
        return self.kind_class(int(bounds[-1]), bounds, *astuple(self))

    def description(self):
        """Name and hyperparameters, of which `loss_of` makes an equal loss."""
        values = asdict(self).items()
        plain = {k: list(v) if isinstance(v, tuple) else v for k, v in values}
        return {"name": self.name, **plain}

    def output_sizes(self, n_columns):
        """Outputs for so many columns of real values: of each group, or of all."""
        return (self.group_size,) * n_columns if self.has_groups else (n_columns,)

    def n_columns(self, output_sizes):
        """Columns of the targets for these outputs."""
        return len(output_sizes) if self.has_groups else sum(output_sizes)

    def link(self, outputs):
        """What outputs (n, n_outputs) in float64 mean."""
        return outputs

    def centre(self, values):
        """Mean or median, of what the link gives: (n, n_columns, 1) of groups."""
        return values

    def predictions(self, values):
        """What to predict, of what the link gives: groups of groups."""
        return self.centre(values)

    def units(self, mean, deviation):
        """Zero and unit of what the network learns, in those of the targets.

        The link's inverse must reach every target in these units: a link that has
        positive values only has the zero 0. Outputs begin near 0.
        """
        return mean, deviation

    def accepts(self, targets):
        """Whether each of some targets, in their own unit, is in the domain."""
        return np.ones(np.shape(targets), bool)


def register_formula(loss_class, loss_gradient):
    """Take the formula of a loss, which is the body of the function below."""
    _LOSS_GRADIENT[loss_class.kind_class] = loss_gradient


def register_sequence_formula(loss_class, sequence_gradient):
    """The same of a loss that reads sequences."""
    _SEQUENCE_GRADIENT[loss_class.kind_class] = sequence_gradient


#: loss_gradient(kind, outputs, target, scale): the loss of one sample times `scale`;
#: the first n_outputs of `outputs` become its gradient. A target may be missing (a
#: class below 0, a number that is NaN): it has no part in either.
loss_gradient = by_type(_LOSS_GRADIENT.__getitem__)

#: sequence_gradient(kind, m, rows, labels, scale): the same of a sequence, the outputs
#: of whose step t start at ``rows[t]`` of m; `labels` is a column.
sequence_gradient = by_type(_SEQUENCE_GRADIENT.__getitem__)
