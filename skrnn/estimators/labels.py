"""What a classifier's targets may be, and how each kind becomes numbers and back.

A kind of targets knows its loss and the sizes of its outputs, encodes labels for that
loss, and makes labels and probabilities of the network's outputs. It does not change.
"""

import copy
from collections.abc import Mapping
from numbers import Real
from reprlib import repr as short

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import (
    check_classification_targets,
    type_of_target,
    unique_labels,
)
from sklearn.utils.validation import check_array, column_or_1d

from skrnn.estimators.inputs import as_array
from skrnn.mathematics.losses import Logistic, Softmax


def nothing_to_score(name):
    """The error where no label is left."""
    return ValueError(
        f"There is nothing to score: every label in {name} is missing or has weight 0."
    )


class _Labels:
    """What all kinds share: classes that are known, and shown."""

    must_be_finite = True  # outputs; those that are not stand for no label

    @classmethod
    def from_state(cls, state):
        """The one that `state` describes."""
        return cls(state["classes"])

    def state(self):
        """Plain values, of which `from_state` makes an equal one."""
        return {"kind": self.kind, "classes": self.classes}

    def attributes(self):
        """What a fitted estimator shows of it."""
        return {"classes_": copy.deepcopy(self.classes)}


class SingleLabel(_Labels):
    """One label a target: a logistic output for two classes, softmax for more."""

    kind = "single_label"

    def __init__(self, classes):
        self.classes = unique_labels(classes)
        is_binary = self.classes.size <= 2
        self.loss = Logistic() if is_binary else Softmax()
        self.output_sizes = (1 if is_binary else self.classes.size,)

    @classmethod
    def of(cls, y):
        """The kind of these labels."""
        return cls(y)

    @property
    def one_of_each(self):
        """A label for each column of y."""
        return self.classes[:1]

    def encode(self, y, missing, dtype):
        """Targets as the loss takes them."""
        if y.ndim != 1:
            raise ValueError(
                "Training cannot change between one label and several labels per "
                "target. Use a new estimator."
            )
        codes = _codes(self.classes, y)[:, None]
        if isinstance(self.loss, Softmax):
            return np.where(missing[:, None], -1, codes)
        return np.where(missing[:, None], np.nan, codes).astype(dtype)

    def decode(self, outputs):
        """The most probable labels."""
        if self.classes.size > 2:
            return self.classes[outputs.argmax(axis=1)]
        chosen = (outputs[:, 0] > 0).astype(int)
        return self.classes[np.minimum(chosen, self.classes.size - 1)]

    def probabilities(self, outputs, link):
        """What this link makes of the outputs, a column a class."""
        link = getattr(self.loss, link)
        if self.classes.size > 2:
            return link(outputs)
        if self.classes.size == 1:  # certain, whatever the output
            return link(np.full_like(outputs, np.inf))
        return link(np.hstack([-outputs, outputs]))


class Indicator(_Labels):
    """Several labels a target, each there or not: a logistic output for each."""

    kind = "indicator"
    loss = Logistic()

    def __init__(self, classes):
        self.classes = unique_labels(classes)
        self.output_sizes = (self.classes.size,)

    @classmethod
    def of(cls, y):
        """The kind of this indicator matrix."""
        return cls(np.arange(y.shape[1]))

    @property
    def one_of_each(self):
        """A label for each column of y."""
        return [0] * self.classes.size

    def encode(self, y, missing, dtype):
        """Targets as the loss takes them."""
        y = y.toarray() if sparse.issparse(y) else y
        if y.ndim != 2 or y.shape[1] != self.classes.size:
            raise ValueError(
                f"y must have {self.classes.size} labels per target, as at the first "
                f"fit or in classes, got an array of shape {y.shape}."
            )
        _codes(self.classes, np.arange(y.shape[1]))
        if not _has_only(y, (0, 1)):
            raise ValueError("A multilabel y must have no other values than 0 and 1.")
        return np.where(missing, np.nan, y).astype(dtype)

    def decode(self, outputs):
        """Every label with a probability above 0.5."""
        return (outputs > 0).astype(int)

    def probabilities(self, outputs, link):
        """What this link makes of the outputs, a column a label."""
        return getattr(self.loss, link)(outputs)


class LabelColumns(_Labels):
    """Several label columns, each with classes of its own: a softmax for each."""

    kind = "label_columns"
    loss = Softmax()

    def __init__(self, classes):
        self.classes = [np.unique(column) for column in classes]
        self.output_sizes = tuple(column.size for column in self.classes)

    @classmethod
    def of(cls, y):
        """The kind of these label columns."""
        return cls(list(y.T))

    @property
    def one_of_each(self):
        """A label for each column of y."""
        return [column[0] for column in self.classes]

    def encode(self, y, missing, dtype):
        """Targets as the loss takes them."""
        if y.ndim != 2 or y.shape[1] != len(self.classes):
            raise ValueError(
                f"y must have {len(self.classes)} label columns, as at the first fit "
                f"or in classes, got an array of shape {y.shape}."
            )
        columns = [_codes(*pair) for pair in zip(self.classes, y.T, strict=True)]
        return np.where(missing, -1, np.column_stack(columns))

    def _parts(self, outputs):
        return np.split(outputs, np.cumsum(self.output_sizes)[:-1], axis=1)

    def decode(self, outputs):
        """The most probable label of each column."""
        columns = [
            classes[part.argmax(axis=1)]
            for classes, part in zip(self.classes, self._parts(outputs), strict=True)
        ]
        return np.column_stack(columns)

    def probabilities(self, outputs, link):
        """What this link makes of the outputs: for each label column a matrix."""
        link = getattr(self.loss, link)
        return [link(part) for part in self._parts(outputs)]


def kind_of(y):
    """The kind of the targets y."""
    if y.ndim == 1:
        return SingleLabel.of(y)
    if not type_of_target(y).startswith("multilabel"):
        return LabelColumns.of(y)
    # scikit-learn calls any two numbers an indicator matrix.
    is_indicator = sparse.issparse(y) or _has_only(y, (0, 1))
    return Indicator.of(y) if is_indicator else LabelColumns.of(y)


def kind_of_classes(y, classes):
    """The kind of the targets y, when all classes that will come are given."""
    if y.ndim == 1:
        if any(np.ndim(column) > 0 for column in classes):
            raise ValueError(
                "classes has a list of classes for each of several label columns, but "
                f"y has shape {y.shape}: one label per target. Pass one list of "
                "classes."
            )
        return SingleLabel(classes)
    if all(np.ndim(column) == 1 for column in classes):
        return LabelColumns(classes)
    return Indicator(classes)


def find_missing(y, ignore_label):
    """Which labels of an array stand for missing ones."""
    if ignore_label is None:
        return np.zeros(y.shape, bool)
    if pd.isna(ignore_label):
        return pd.isna(y)
    # As objects, so that labels of another type are merely different.
    return np.asarray(y.astype(object) == ignore_label, bool)


def check_labels(y, ignore_label, estimator, name="y", to_score=False):
    """Validate labels; returns them and which of them are missing.

    In the place of a missing label stands one that is there. To be scored, a column
    need not have any.
    """
    missing = None
    if not sparse.issparse(y):
        array = as_array(y)
        missing = find_missing(array, ignore_label)
        if missing.any():
            y = array = _fill(array, missing, name, to_score)
        _refuse_nan(array, name)
        if isinstance(y, list | tuple) or np.ma.is_masked(y):
            y = array
    y = check_array(
        y,
        accept_sparse="csr",
        ensure_2d=False,
        dtype=None,
        input_name=name,
        estimator=estimator,
    )
    _check_types(y, name)
    check_classification_targets(y)
    if y.ndim == 1 or y.shape[1] == 1:
        y = column_or_1d(y, warn=not to_score)
    if missing is None:
        missing = np.zeros(y.shape, bool)
    return y, missing.reshape(y.shape)


def _refuse_nan(array, name):
    """Refuse NaN beside other objects, as scikit-learn does without a name."""
    if array.dtype != object:
        return
    if any(label is not None for label in array[pd.isna(array)]):
        raise ValueError(
            f"Input {name} contains NaN. If it stands for missing labels, set "
            "ignore_label=np.nan."
        )


def _fill(y, missing, name, to_score):
    columns = np.array(y).reshape(len(y), -1)
    missing = missing.reshape(columns.shape)
    if to_score and missing.all():
        raise nothing_to_score(name)
    for column, gaps in zip(columns.T, missing.T, strict=True):
        there = columns[~missing] if to_score else column[~gaps]
        if not there.size:
            raise ValueError(
                f"{name} has a column without any label: all are ignore_label."
            )
        column[gaps] = there[0]
    return as_one_type(columns.reshape(y.shape))


def true_labels(y, targets, ignore_label, estimator, name):
    """Labels that predictions are compared with, and which of them are missing.

    Both have a column for each label of a target.
    """
    known = targets.one_of_each
    y, missing = check_labels(y, ignore_label, estimator, name, to_score=True)
    y = y.toarray() if sparse.issparse(y) else y
    if y.size != len(y) * len(known):
        raise ValueError(
            f"{name} must have {len(known)} labels per target, as at the first fit, "
            f"got an array of shape {y.shape}."
        )
    y, missing = (array.reshape(len(y), -1) for array in (y, missing))
    if isinstance(y[0, 0], str) != isinstance(known[0], str):
        found, known = (short(np.asarray(x).item()) for x in (y[0, 0], known[0]))
        raise ValueError(
            f"{name} has labels such as {found}, but those of fit were such as {known}."
        )
    return y, missing


def as_one_type(y):
    """The labels that are there, if they were objects for the missing ones' sake."""
    types = {type(label) for label in y.flat} if y.dtype == object else ()
    return y.astype(types.pop()) if len(types) == 1 else y


def _check_types(y, name):
    if y.dtype != object or all(isinstance(label, str) for label in y.flat):
        return
    names = sorted({type(label).__name__ for label in y.flat})
    if len(names) > 1 or names == ["NoneType"]:
        raise ValueError(
            f"All labels in {name} must have one type, found {', '.join(names)}. "
            f"Convert each label with str, as in [str(label) for label in {name}] (or "
            f"[[str(label) for label in part] for part in {name}]). If one of them "
            "stands for a missing label, set ignore_label to it (NaN for None)."
        )


def class_weights(class_weight, y, missing):
    """Weight of each target: the product of those of its labels that are there."""
    y = y.toarray() if sparse.issparse(y) else y
    columns = y.reshape(len(y), -1)
    n_columns, given = columns.shape[1], class_weight
    if given == "balanced" or (n_columns == 1 and isinstance(given, dict)):
        given = [given] * n_columns
    if not isinstance(given, list) or len(given) != n_columns:
        raise ValueError(
            f"With {n_columns} label columns class_weight must be 'balanced' or a list "
            f"with a dict for each of them, got a {type(given).__name__} of length "
            f"{len(given)}."
        )
    weights = np.ones(len(y))
    for column, gaps, of_column in zip(columns.T, missing.T, given, strict=True):
        _check_class_weight(of_column)
        weights[~gaps] *= compute_sample_weight(of_column, column[~gaps])
    return weights


def _check_class_weight(of_column):
    if not isinstance(of_column, Mapping):
        return
    for label, weight in of_column.items():
        # Not a number is no number at or above 0 either.
        if not (isinstance(weight, Real) and 0 <= weight < np.inf):
            raise ValueError(
                f"class_weight must have finite numbers of 0 or more, found "
                f"{short(weight)} "
                f"for the class {short(label)}."
            )


def few(classes):
    """The first of some classes, or of each list of them, for errors."""
    if isinstance(classes, list):
        return short([column.tolist() for column in classes])
    return short(classes.tolist())


def _has_only(y, labels):
    """Whether an array of labels has no others than these."""
    # np.isin makes strings of numbers that stand beside them, or warns (NumPy < 1.25).
    return set(np.unique(y).tolist()) <= set(labels)


def _codes(classes, y):
    """Position of each label among the classes."""
    found = unique_labels(y)
    if not _has_only(found, classes.tolist()):
        raise ValueError(
            "`y` has classes not in `self.classes_`. `self.classes_` has "
            f"{few(classes)}. 'y' has {few(found)}."
        )
    return np.searchsorted(classes, y)
