"""Several tasks' targets: columns of classes and columns of numbers.

`Tasks` is a kind of targets as the others are, and has one for each column: a label a
target, or a real value.
"""

from collections.abc import Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from numbers import Real
from reprlib import repr as short
from typing import NamedTuple

import narwhals as nw
import numpy as np
import pandas as pd
from scipy import sparse

from skrnn.estimators.inputs import as_array, check_is_targets
from skrnn.estimators.labels import SingleLabel, as_one_type, check_labels, true_labels
from skrnn.estimators.real_values import RealValues, check_values
from skrnn.mathematics.losses import MultiTask, SquaredError

CLASSIFICATION, REGRESSION, AUTO = "classification", "regression", "auto"
_KINDS = AUTO, CLASSIFICATION, REGRESSION
#: Whole numbers with more different values may as well be counts.
_MAX_CODES = 20
#: How pandas calls what a column of numbers holds.
_NUMBERS = {"floating", "mixed-integer-float", "decimal"}
_LABELS = {"integer", "string", "boolean", "empty"}
_PARTS = {part.kind: part for part in (SingleLabel, RealValues)}


class Table(NamedTuple):
    """What the user passed as y: a column for each task."""

    columns: dict  # name -> array or Series
    form: str  # "vector", "array", "pandas" or "polars"
    name: str  # what the user calls it

    @classmethod
    def read(cls, y, name):
        """That of a frame of pandas or polars, of an array, or of lists."""
        table = cls(*_columns_of(y, name), name)
        for column in table.columns:
            table._check_types(column)
        return table

    def called(self, column):
        """What an error calls a column."""
        if self.form == "vector":
            return self.name
        place = f":, {column}" if self.form == "array" else short(column)
        return f"{self.name}[{place}]"

    def like(self, names, form):
        """The same with the columns of fit: by their names, if both have some."""
        own, frames = tuple(self.columns), {"pandas", "polars"}
        if set(own) == set(names) and {self.form, form} <= frames:
            order = names
        elif len(own) == len(names) and tuple(range(len(own))) in (own, names):
            order = own
        else:
            raise ValueError(
                f"{self.name} must have the columns {short(list(names))}, as at the "
                f"first fit, found {short(list(own))}."
            )
        columns = [self.columns[name] for name in order]
        return self._replace(columns=dict(zip(names, columns, strict=True)))

    def there(self, column):
        """The values of a column that are not missing, and where they are."""
        values = self.columns[column]
        if isinstance(values.dtype, np.dtype) and values.dtype.kind in "fiub":
            array = np.asarray(values)
        else:  # as objects whole numbers stay such where some are missing
            array = as_array(values.astype(object))
        there = ~np.asarray(pd.isna(array), bool)
        return as_one_type(array[there]), there

    def holds(self, column):
        """How pandas calls what is there in a column."""
        return pd.api.types.infer_dtype(self.there(column)[0])

    def _check_types(self, column):
        found = self.holds(column)
        if found in _NUMBERS | _LABELS:
            return
        if found == "complex":  # in scikit-learn's words
            raise ValueError(
                f"{self.called(column)}: Complex data not supported. Make two columns "
                "of it, its real and its imaginary part."
            )
        types = {type(value).__name__ for value in self.there(column)[0]}
        raise ValueError(
            f"{self.called(column)} must have numbers, or labels that are strings, "
            "whole numbers or booleans, all of one type, but has values of type "
            f"{', '.join(sorted(types)[:3])}. Convert them, by str(value) say."
        )

    def labels(self, column, estimator):
        """The labels that are there in a column."""
        values, called = self.there(column)[0], self.called(column)
        if values.dtype.kind == "f" and (values % 1 != 0).any():
            some = values[values % 1 != 0][0].item()
            raise ValueError(
                f"{called} has values such as {some:.3g}, which are no classes. Leave "
                f"them to a regression: tasks={{{column!r}: 'regression'}}."
            )
        return check_labels(values, None, estimator, called)[0]

    def values(self, column, estimator):
        """A column of numbers, in which NaN is missing."""
        return check_values(self.columns[column], estimator, self.called(column))

    @contextmanager
    def of(self, column):
        """Errors about a column name it."""
        called = self.called(column)
        try:
            yield
        except (TypeError, ValueError) as error:
            if called in str(error):
                raise
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{called}: {error}") from error


def _columns_of(y, name):
    """The columns of y by their names, and what form y has."""
    if not hasattr(y, "collect") and hasattr(y, "columns"):
        form = "pandas" if hasattr(y, "iloc") else "polars"
        return _columns_of_frame(y, name), form
    if nw.dependencies.is_polars_series(y):
        return {0: _series_of(y)}, "vector"
    array = _array_of(y, name)
    if array.ndim == 1:
        # A Series says by its type whether it has categories.
        return {0: y if hasattr(y, "iloc") else array}, "vector"
    return dict(enumerate(array.T)), "array"


def _array_of(y, name):
    """An array of one or two dimensions."""
    if isinstance(y, Mapping) or getattr(getattr(y, "dtype", None), "names", None):
        array, way_out = np.empty(()), f" Pass pd.DataFrame({name})."
    else:
        check_is_targets(y, name)
        array, way_out = np.empty(()), ""
        with suppress(ValueError):  # NumPy's, of rows of unlike lengths
            array = array if sparse.issparse(y) else as_array(y)
    if array.ndim == 2 and isinstance(y, list | tuple):
        # By themselves NumPy makes floats of booleans and whole numbers beside some.
        array = np.array(y, dtype=object)
    elif isinstance(y, np.ma.MaskedArray):
        array = np.where(np.ma.getmaskarray(y), None, y.data.astype(object))
    if array.ndim == 1 or (array.ndim == 2 and array.shape[1]):
        return array
    shape = f" of shape {y.shape}" if hasattr(y, "shape") else ""
    raise ValueError(
        f"{name} must be a DataFrame or a 2D array with a row for each sequence and a "
        f"column for each task, got a {type(y).__name__}{shape}.{way_out}"
    )


def _columns_of_frame(frame, name):
    names = list(frame.columns)
    if not names or not all(isinstance(column, str | int) for column in names):
        raise ValueError(
            f"The columns of {name} must have names that are strings or whole numbers, "
            f"found {short(names)}."
        )
    if len(set(names)) < len(names):
        twice = next(column for column in names if names.count(column) > 1)
        raise ValueError(
            f"The columns of {name} must have different names, but {short(twice)} is "
            f"that of {names.count(twice)}."
        )
    if not hasattr(frame, "iloc"):
        return {column: _series_of(frame[column]) for column in names}
    return {column: frame.iloc[:, j] for j, column in enumerate(names)}


def _series_of(column):
    """A Series of pandas of a column of polars: as objects numbers stay as they are."""
    kind = nw.from_native(column, series_only=True).dtype
    has_categories = isinstance(kind, nw.Categorical | nw.Enum)
    dtype = "category" if has_categories else object
    return pd.Series(column.to_list(), dtype=dtype)


# Which columns have classes.


def kinds_of(table, tasks, classes=()):
    """The kind of each task, of what the user says of them and of the columns.

    That of which there are classes has some, unless the user says otherwise.
    """
    said = _said(list(table.columns), tasks)
    given = dict.fromkeys(classes, CLASSIFICATION)
    said = {name: given.get(name, AUTO) if k == AUTO else k for name, k in said.items()}
    return {column: _kind_of(table, column, kind) for column, kind in said.items()}


def check_goes_on(tasks, known):
    """What the user says of tasks must be what they were at the first fit."""
    for column, kind in _said(list(known.names), tasks).items():
        if kind not in (AUTO, known.tasks[column]):
            raise ValueError(
                f"tasks says that {short(column)} is a {kind}, but training goes on, "
                f"and at the first fit it was a {known.tasks[column]}. Set tasks as it "
                "was, or train a new estimator."
            )


def _said(names, tasks):
    if isinstance(tasks, str):
        tasks = dict.fromkeys(names, tasks)
    said = dict.fromkeys(names, AUTO) | by_column(names, tasks, "tasks")
    for column, kind in said.items():
        if kind not in _KINDS:
            raise ValueError(
                f"tasks must be {', '.join(map(repr, _KINDS[:-1]))} or "
                f"{_KINDS[-1]!r} of each column, found {short(kind)} of "
                f"{short(column)}."
            )
    return said


def by_column(names, values, parameter):
    """What a parameter says of columns, by their names or in their order."""
    if isinstance(values, pd.Series) and list(values.index) != [*range(len(values))]:
        values = values.to_dict()
    if isinstance(values, Mapping):
        unknown = [name for name in values if name not in names]
        if unknown:
            raise ValueError(
                f"{parameter} has {short(unknown[0])}, which is no column of y; it has "
                f"{short(names)}."
            )
        return dict(values)
    if len(values) != len(names):
        raise ValueError(
            f"{parameter} has {len(values)} entries, but y has {len(names)} columns."
        )
    return dict(zip(names, values, strict=True))


def _kind_of(table, column, said):
    if said != AUTO:
        return said
    if isinstance(table.columns[column].dtype, pd.CategoricalDtype):
        return CLASSIFICATION
    (values, _), found = table.there(column), table.holds(column)
    if found in _NUMBERS:
        return REGRESSION
    if found == "integer" or (found == "string" and _are_numbers(values)):
        n = len(pd.unique(values))
        if n > _MAX_CODES:
            raise ValueError(
                f"{table.called(column)} has {n} different "
                f"{'whole numbers' if found == 'integer' else 'numbers as strings'}, "
                "which may be classes or values. Say so: tasks={"
                f"{column!r}: 'regression'}} or 'classification'."
            )
    return CLASSIFICATION


def _are_numbers(strings):
    return not pd.isna(pd.to_numeric(pd.Series(strings), errors="coerce")).any()


def weights_of(names, loss_weights):
    """The weight of each task."""
    weights = dict.fromkeys(names, 1.0)
    if loss_weights is not None:
        weights |= by_column(list(names), loss_weights, "loss_weights")
    for column, weight in weights.items():
        if not (isinstance(weight, Real) and 1e-6 <= weight <= 1e6):
            raise ValueError(
                "loss_weights must be numbers from 1e-6 to 1e6, found "
                f"{short(weight)} of {short(column)}."
            )
    return tuple(float(weight) for weight in weights.values())


# The codec.


@dataclass(frozen=True, eq=False)
class Tasks:
    """Columns of y, and what each is to the network."""

    names: tuple  # of the columns
    parts: tuple  # a `SingleLabel` or `RealValues` each
    weights: tuple  # of the losses
    form: str  # of y

    kind = "tasks"

    @classmethod
    def of(cls, table, tasks, classes, weights, estimator, **options):
        """That of the first y; of the classes some may be given, by column."""
        kinds, parts = kinds_of(table, tasks, classes), []
        for column, kind in kinds.items():
            values, _ = table.there(column)
            with table.of(column):
                if kind == CLASSIFICATION and column in classes:
                    part = SingleLabel(classes[column])
                elif not values.size:
                    raise ValueError("no value is there: all are missing.")
                elif kind == REGRESSION:
                    numbers = table.values(column, estimator)
                    part = RealValues.of(numbers, weights, SquaredError(), **options)
                else:
                    part = SingleLabel.of(table.labels(column, estimator))
            parts.append(part)
        return cls(tuple(kinds), tuple(parts), (1.0,) * len(parts), table.form)

    @property
    def tasks(self):
        """The kind of each task, by column."""
        are_classes = [isinstance(part, SingleLabel) for part in self.parts]
        kinds = [CLASSIFICATION if is_one else REGRESSION for is_one in are_classes]
        return dict(zip(self.names, kinds, strict=True))

    @property
    def classes(self):
        """The classes of each task that has some, by column."""
        return {
            name: part.classes
            for name, part in zip(self.names, self.parts, strict=True)
            if isinstance(part, SingleLabel)
        }

    @property
    def loss(self):
        """The loss of all, whose hyperparameters are theirs."""
        return MultiTask([part.loss.name for part in self.parts], self.weights)

    @property
    def output_sizes(self):
        """Outputs of each column."""
        return tuple(part.output_sizes[0] for part in self.parts)

    @property
    def must_be_finite(self):
        """Whether outputs that are not finite mean nothing."""
        return any(part.must_be_finite for part in self.parts)

    @classmethod
    def from_state(cls, state):
        """The one that `state` describes."""
        parts = [_PARTS[part["kind"]].from_state(part) for part in state["parts"]]
        weights = tuple(state["weights"])
        return cls(tuple(state["names"]), tuple(parts), weights, state["form"])

    def state(self):
        """Plain values, of which `from_state` makes an equal one."""
        return {
            "kind": self.kind,
            "names": list(self.names),
            "parts": [part.state() for part in self.parts],
            "weights": list(self.weights),
            "form": self.form,
        }

    def attributes(self):
        """What a fitted estimator shows of it."""
        classes = {name: classes.copy() for name, classes in self.classes.items()}
        return {"tasks_": self.tasks, "classes_": classes}

    def predicts_as(self, other):
        """Whether outputs mean the same to another kind of targets."""
        if not isinstance(other, Tasks) or self.tasks != other.tasks:
            return False
        classes = self.classes, other.classes
        return all(np.array_equal(*(c[name] for c in classes)) for name in classes[0])

    def with_weights(self, weights):
        """The same with other weights of the losses."""
        return replace(self, weights=weights)

    def encode(self, table, dtype, estimator):
        """Targets as the loss takes them, NaN where one is missing."""
        encoded = []
        for name, part in zip(self.names, self.parts, strict=True):
            with table.of(name):
                encoded.append(self._encoded(part, table, name, dtype, estimator))
        return np.column_stack(encoded)

    def _encoded(self, part, table, column, dtype, estimator):
        called = table.called(column)
        if isinstance(part, RealValues):
            values, name = table.values(column, estimator), type(estimator).__name__
            return part.encode(values[:, None], dtype, name, called)[:, 0]
        values, there = table.there(column)
        codes = np.full(there.shape, np.nan, dtype)
        if values.size:
            labels = table.labels(column, estimator)
            missing = np.zeros(labels.shape, bool)
            codes[there] = part.encode(labels, missing, dtype)[:, 0]
        return codes

    def truth(self, table, estimator):
        """What predictions are compared with: numbers, and places among the classes.

        NaN is missing, and what is no class of fit is -1.
        """
        columns = []
        for name, part in zip(self.names, self.parts, strict=True):
            if isinstance(part, RealValues):
                columns.append(table.values(name, estimator))
                continue
            values, there = table.there(name)
            codes = np.full(there.shape, np.nan)
            if values.size:
                with table.of(name):
                    given = part, None, estimator, table.called(name)
                    labels = true_labels(values, *given)[0]
                codes[there] = _places(part.classes, labels)
            columns.append(codes)
        return np.column_stack(columns)

    def compared(self, outputs):
        """What outputs say, in the form of `truth`."""
        columns = [
            _places(part.classes, values)
            if isinstance(part, SingleLabel)
            else values.astype(np.float64)
            for part, values in zip(self.parts, self._decoded(outputs), strict=True)
        ]
        return np.column_stack(columns)

    def _outputs(self, outputs):
        return np.split(outputs, np.cumsum(self.output_sizes)[:-1], axis=1)

    def _decoded(self, outputs):
        pairs = zip(self.parts, self._outputs(outputs), strict=True)
        return [part.decode(of_part) for part, of_part in pairs]

    def decode(self, outputs):
        """Predicted classes and numbers, in the form of y."""
        columns = self._decoded(outputs)
        if self.form == "vector":
            return columns[0]
        named = dict(zip(self.names, columns, strict=True))
        if self.form == "pandas":
            return pd.DataFrame(named)
        if self.form == "polars":
            return nw.from_dict(named, backend="polars").to_native()
        return _beside(columns)

    def probabilities(self, outputs, link):
        """What this link makes of outputs: of each task of classes a matrix."""
        parts = zip(self.names, self.parts, self._outputs(outputs), strict=True)
        matrices = {
            name: part.probabilities(of_part, link)
            for name, part, of_part in parts
            if isinstance(part, SingleLabel)
        }
        return matrices[0] if self.form == "vector" else matrices


def _places(classes, labels):
    """Where labels are among the classes, or -1; True is 1, as for `==`."""
    labels = np.ravel(labels)
    kinds = {classes.dtype.kind, labels.dtype.kind}
    if "b" in kinds and kinds <= {*"biuf"}:
        classes, labels = classes.astype(float), labels.astype(float)
    return pd.Index(classes).get_indexer(pd.Index(labels))


def _beside(columns):
    """Columns as one array, of objects if they are of several types."""
    kinds = {"n" if c.dtype.kind in "iuf" else c.dtype.kind for c in columns}
    if len(kinds) > 1:
        columns = [column.astype(object) for column in columns]
    return np.column_stack(columns)
