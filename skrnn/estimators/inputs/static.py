"""Static features: a table with a row for each sequence, and the numbers made of it.

The network gets these as inputs beside each frame. A column of numbers is standardised.
Of one with categories there is a number for each that the first fit saw: 1 where it is
that one, otherwise 0, less its mean in that fit. So what fit did not see, of which all
are 0, counts as the mean of all.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from reprlib import repr as short
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from skrnn.estimators.inputs.categories import Categories
from skrnn.estimators.inputs.choice import holds_categories
from skrnn.estimators.inputs.columns import Column
from skrnn.estimators.inputs.forms import is_vector
from skrnn.estimators.inputs.names import names_of
from skrnn.estimators.inputs.numbers import as_array, check_numbers, to_array
from skrnn.sequences import read_only

#: Categories of a column: more of them would cost more than all else of a step.
MAX_CATEGORIES = 1000


class Table(NamedTuple):
    """A table of static features: its columns, in which nothing has been converted."""

    columns: list
    are_categories: list  # of each column, whether its values are no numbers
    names: tuple | None
    called: str  # what the user calls it, for errors

    def name(self, j):
        """What an error calls a column."""
        which = str(j) if self.names is None else short(self.names[j])
        return f"Column {which} of {self.called}"

    def numbers(self, j):
        """A column as float64."""
        try:
            if self.are_categories[j]:
                raise TypeError("it has texts or categories, but fit saw numbers.")
            array = to_array(self.columns[j])
            if array.dtype.kind in "mM":
                raise TypeError(
                    f"it has {array.dtype}. Pass numbers, such as days since a day: "
                    "(column - first) / pandas.Timedelta('1D')."
                )
            values = check_numbers(array).astype(np.float64)
            if values.ndim != 1:
                raise ValueError("there are arrays in its cells.")
        except (TypeError, ValueError) as error:
            raise type(error)(f"{self.name(j)} is not numeric: {error}") from None
        self._check_finite(values, j)
        return values

    def categories(self, j):
        """A column as a `Column`."""
        return Column.of(self.columns[j], self.name(j))

    def _check_finite(self, values, j):
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size == 0:
            return
        value = values[bad[0]]
        if np.isnan(value):
            raise ValueError(
                f"{self.name(j)} has NaN in {bad.size} of {values.size} rows, first in "
                f"row {bad[0]}. Fill them in, by scikit-learn's "
                "SimpleImputer(add_indicator=True) say; or pass strings, of which what "
                "is missing is one more category."
            )
        raise ValueError(f"{self.name(j)} has {value} in row {bad[0]}.")


@dataclass(frozen=True, eq=False)
class StaticForm:
    """What the table was at the first fit, and must be later."""

    n_columns: int
    names: tuple | None
    means: tuple  # of the columns with numbers
    scales: tuple
    categories: Categories  # of the other columns
    shares: tuple  # of each category the part of the rows that had it

    @classmethod
    def of(cls, table, like=None):
        """That of the first table; of columns that `like` has, it keeps the units.

        That is the form of a network whose weights training starts with, or None.
        """
        n, are_categories = len(table.columns), table.are_categories
        places = [j for j in range(n) if are_categories[j]]
        columns = [table.categories(j) for j in places]
        categories = Categories.of(places, columns)
        shares = tuple(
            map(_shares, columns, categories.values, categories.coded(columns))
        )
        units = [_units(table.numbers(j)) for j in range(n) if not are_categories[j]]
        means, scales = zip(*units, strict=True) if units else ((), ())
        own = cls(n, table.names, means, scales, categories, shares)
        return own if like is None else own._with_units(like)

    def _with_units(self, other):
        """The same with those of another one, of the columns that both have.

        So weights for that mean here what they did. What it did not see has no share.
        """
        units, others = self._units, other._units
        units |= {key: others[key] for key in units.keys() & others.keys()}
        means, scales = zip(*units.values(), strict=True) if units else ((), ())
        known, columns = other._shares_of, {column for column, _ in other._shares_of}
        shares = {
            key: known.get(key, 0.0) if key[0] in columns else share
            for key, share in self._shares_of.items()
        }
        values, counts = iter(shares.values()), map(len, self.shares)
        shares = tuple(tuple(islice(values, n)) for n in counts)
        return replace(self, means=means, scales=scales, shares=shares)

    @property
    def _units(self):
        """Mean and scale of each column with numbers."""
        places = range(self.n_columns)
        keys = [(self._key(j),) for j in places if j not in self.categories.features]
        return dict(zip(keys, zip(self.means, self.scales, strict=True), strict=True))

    @property
    def _shares_of(self):
        """The share of each category of each column."""
        return {
            (self._key(j), value): share
            for j, values, shares in zip(
                self.categories.features,
                self.categories.values,
                self.shares,
                strict=True,
            )
            for value, share in zip(values, shares, strict=True)
        }

    def _key(self, j):
        return j if self.names is None else self.names[j]

    @property
    def keys(self):
        """Of each number of an encoded row: its column, and perhaps a category."""
        return [*self._units, *self._shares_of]

    @property
    def n_channels(self):
        """Numbers that the network gets of a row."""
        return len(self.keys)

    def encoded(self, table, dtype):
        """The rows of a table as the network gets them: (n_sequences, n_channels)."""
        features, parts = self.categories.features, []
        numbers = [j for j in range(self.n_columns) if j not in features]
        for j, mean, scale in zip(numbers, self.means, self.scales, strict=True):
            with np.errstate(over="ignore"):
                values = ((table.numbers(j) - mean) / scale).astype(dtype)
            if not np.isfinite(values).all():
                raise ValueError(f"{table.name(j)} has a value too large for {dtype}.")
            parts.append(values[:, None])
        codes = self.categories.coded([table.categories(j) for j in features])
        for code, shares in zip(codes, self.shares, strict=True):
            rows = np.vstack([np.eye(len(shares)) - shares, np.zeros(len(shares))])
            parts.append(rows[code].astype(dtype))
        return read_only(np.ascontiguousarray(np.hstack(parts)))

    def attributes(self):
        """What a fitted estimator shows of it."""
        shown = {"n_static_features_in_": self.n_columns}
        if self.names is not None:
            shown["static_feature_names_in_"] = np.array(self.names, object)
        return shown

    def check(self, table, estimator_name):
        """Compare the columns of another table with those of the first."""
        if table.names is not None and self.names is not None:
            if table.names != self.names:
                raise ValueError(
                    f"{table.called} has other columns than fit saw, or in another "
                    f"order: {short(list(table.names))}, but fit saw "
                    f"{short(list(self.names))}."
                )
        elif len(table.columns) != self.n_columns:
            raise ValueError(
                f"{table.called} has {len(table.columns)} columns, but "
                f"{estimator_name} was fitted with {self.n_columns}."
            )
        elif (table.names is None) != (self.names is None):
            now, then = ("no names", "names") if self.names else ("names", "no names")
            warnings.warn(
                f"The columns of {table.called} have {now}, but {estimator_name} was "
                f"fitted with {then} of them.",
                UserWarning,
                stacklevel=2,
            )


def _shares(column, values, codes):
    """The part of the rows that has each of a column's categories."""
    if len(values) > MAX_CATEGORIES:
        raise ValueError(
            f"{column.name} has {len(values)} categories; there may be "
            f"{MAX_CATEGORIES}. Pass coarser ones, or pass it as a feature of all "
            "steps of X, of which each category has an embedding."
        )
    return tuple((np.bincount(codes, minlength=len(values)) / codes.size).tolist())


def _units(values):
    """Mean and standard deviation; of equal values this is 1."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean, scale = float(values.mean()), float(values.std())
    if not np.isfinite(scale):  # the numbers are refused where they are encoded
        return 0.0, 1.0
    return mean, scale if np.ptp(values) > 0 and scale > 0 else 1.0


def with_static(estimator, sequences, static, form, *, is_first, like=None, name):
    """The sequences with what was passed as their static features, and the form.

    Parameters
    ----------
    estimator : estimator
        Its name stands in errors.
    sequences : Sequences
    static : object
        A table with a row for each, or None.
    form : InputForm
        That of X. If `is_first`, it gets that of the table, otherwise the table must
        agree with it.
    is_first : bool
    like : StaticForm or None
        Has the units of columns to keep, at a first fit.
    name : str
        What the user calls the table, for errors.
    """
    owner = type(estimator).__name__
    if static is None:
        if is_first or form.static is None:
            return sequences, form
        raise ValueError(
            f"{owner} was fitted with {form.static.n_columns} static features: pass "
            f"{name}, a table with a row for each of the {sequences.n_sequences} "
            "sequences. scikit-learn's tools pass it on if they are asked to: "
            "set_predict_request(static=True), say."
        )
    if not is_first and form.static is None:
        raise ValueError(
            f"{name} was passed, but {owner} was fitted without static features. Leave "
            "it out, or fit with static."
        )
    table = read_table(static, sequences.n_sequences, name)
    if is_first:
        form = form.with_static(StaticForm.of(table, like))
    else:
        form.static.check(table, owner)
    encoded = form.static.encoded(table, sequences.values.dtype)
    return sequences._replace(static=encoded), form


def read_table(static: Any, n_sequences, name):
    """A table of static features as a `Table`."""
    if sparse.issparse(static):
        raise TypeError(
            f"Sparse data was passed as {name}, but dense data is required. Use "
            "'.toarray()' to convert to a dense numpy array."
        )
    names = None
    if hasattr(static, "collect"):  # a LazyFrame, whose columns are not there yet
        raise TypeError(f"{name} is a {type(static).__name__}. Pass {name}.collect().")
    if hasattr(static, "columns"):
        try:
            names = names_of(static)
        except (TypeError, ValueError) as error:
            raise type(error)(str(error).replace("X", name)) from None
        columns, are_categories = _columns_of_frame(static)
    else:
        columns = _columns_of_array(static, name)
        are_categories = [_has_texts(column) for column in columns]
    n_rows = len(columns[0]) if columns else 0
    if n_rows != n_sequences or not columns:
        raise ValueError(
            f"{name} has {n_rows} rows and {len(columns)} columns, but there are "
            f"{n_sequences} sequences. Pass a row for each of them, and a column for "
            "each static feature."
        )
    return Table(columns, are_categories, names, name)


def _columns_of_frame(frame):
    """The columns of a frame of pandas or polars, and which hold categories."""
    columns = [
        frame.iloc[:, j] if hasattr(frame, "iloc") else frame[name]
        for j, name in enumerate(frame.columns)
    ]
    arrays = [as_array(column) for column in columns]
    are_categories = [
        _has_texts(array) or holds_categories(column.dtype, with_objects=False)
        for array, column in zip(arrays, columns, strict=True)
    ]
    return arrays, are_categories


def _columns_of_array(static, name):
    is_array = is_vector(static) or hasattr(static, "__array__")
    try:
        array = as_array(static) if is_array else np.empty(())
    except ValueError:  # NumPy's, of rows of unlike lengths
        raise ValueError(
            f"The rows of {name} do not have the same number of values. Pass a value "
            "of each static feature for each sequence."
        ) from None
    if array.ndim != 2:
        raise ValueError(
            f"{name} must be a table with a row for each sequence: a DataFrame, or an "
            f"array (n_sequences, n_static_features). Found {type(static).__name__} "
            f"with dim {array.ndim}.{_way_out(static, array, name)}"
        )
    return list(array.T)


def _way_out(static, array, name):
    """The expression that makes a table of it, if there is one."""
    is_of_mappings = array.ndim == 1 and any(isinstance(x, Mapping) for x in array)
    if isinstance(static, Mapping) or is_of_mappings:
        return f" Pass pd.DataFrame({name})."
    if array.ndim != 1 or array.size == 0:
        return ""
    if hasattr(static, "to_frame"):
        return f" Pass {name}.to_frame()."
    return f" Pass np.reshape({name}, (-1, 1))."


def _has_texts(array):
    """Whether a column of an array has categories: some of its values are texts."""
    if array.dtype.kind != "O":
        return array.dtype.kind in "UST"
    return any(isinstance(value, str) for value in array)
