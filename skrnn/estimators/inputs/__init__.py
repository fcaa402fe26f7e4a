"""From what the user calls X to `Sequences`: every check, and one clear error each."""

from dataclasses import dataclass, replace

import numpy as np

from skrnn.estimators.inputs.clock import Clock
from skrnn.estimators.inputs.finite import check_finite, check_finite_sequences
from skrnn.estimators.inputs.forms import (
    check_is_targets,
    is_list_of_sequences,
    is_ragged,
    n_dimensions,
    width_of_lists,
)
from skrnn.estimators.inputs.names import check_names, names_of
from skrnn.estimators.inputs.numbers import as_array, check_numbers
from skrnn.estimators.inputs.reading import read
from skrnn.sequences import Sequences

__all__ = [
    "Clock",
    "InputForm",
    "as_array",
    "check_finite",
    "check_is_targets",
    "check_numbers",
    "check_sequences",
    "is_list_of_sequences",
    "is_ragged",
    "n_dimensions",
]


@dataclass(frozen=True)
class InputForm:
    """What X was at the first fit, and must be later."""

    n_features_in: int
    feature_names: tuple | None
    n_features_per_step: int
    is_on_rows: bool  # each row of a table is a flattened sequence
    clock: Clock | None = None  # the time as one more channel

    @property
    def n_channels(self):
        """Numbers of a step that the network gets."""
        return self.n_features_per_step + (self.clock is not None)

    def channels(self, sequences, n_before=0):
        """The sequences as the network gets them, after so many steps before."""
        return (
            sequences if self.clock is None else self.clock.added(sequences, n_before)
        )

    def with_clock(self, clock):
        """The same, with the time as a channel; or without, for None."""
        return replace(self, clock=clock)

    def attributes(self):
        """What a fitted estimator shows of it."""
        shown = {
            "add_time_": self.clock is not None,
            "n_features_in_": self.n_features_in,
            "n_features_per_step_": self.n_features_per_step,
        }
        if self.feature_names is not None:
            shown["feature_names_in_"] = np.array(self.feature_names, object)
        return shown


def check_sequences(
    estimator,
    X,
    dtype,
    *,
    form=None,
    allow_nan=False,
    allow_empty=False,
    names_may_lack=False,
):
    """Validate X and convert it to `dtype`; None leaves numbers as they are.

    Parameters
    ----------
    estimator : estimator
        Its name stands in errors, and its parameters say how to read a table. It is
        not changed.
    X : array-like or list of array-like
    dtype : dtype or None
    form : InputForm or None
        X must agree with it; None: it is made from X, as at the first fit.
    allow_nan : bool
    allow_empty : bool
        Whether X has the next steps of streams: a sequence of a list may have none.
    names_may_lack : bool
        Whether X needs no names of features if the form has some.

    Returns
    -------
    sequences : Sequences
    form : InputForm
    """
    name = type(estimator).__name__
    known = estimator if form is None else form
    with np.errstate(over="ignore"):
        reading = read(X, int(known.n_features_per_step), name, allow_empty)
        if form is None:
            form = _form_of(X, reading, int(estimator.n_features_per_step))
        else:
            _check_agrees(reading, form, estimator, allow_empty, names_may_lack)
        sequences = _sequences(reading, form.n_features_per_step, dtype)
    check_finite_sequences(sequences, X, name, allow_nan=allow_nan)
    return sequences, form


def _form_of(X, reading, n_features_per_step):
    n, names = reading.n_columns, names_of(reading.named)
    if not reading.is_table:
        if n == 1 and isinstance(reading.arrays, list):
            # A later list may have any lengths, but a later array is compared, as
            # scikit-learn wants it after a fit on X.tolist().
            width = width_of_lists(X)
            if width is not None:
                return InputForm(width, None, 1, is_on_rows=True)
        n_features_per_step = n
    return InputForm(n, names, n_features_per_step, reading.is_table)


def _check_agrees(reading, form, estimator, is_piece, names_may_lack):
    """Compare columns with columns, or else features of a step."""
    name, n = type(estimator).__name__, reading.n_columns
    if reading.is_table and not form.is_on_rows:
        _check_rows_are_meant(reading.arrays, form, estimator, is_piece)
        return
    expected = form.n_features_per_step
    if reading.is_table == form.is_on_rows:
        check_names(reading.named, form.feature_names, name, may_lack=names_may_lack)
        expected = form.n_features_in
    if n != expected:
        raise ValueError(
            f"X has {n} features, but {name} is expecting {expected} features as input."
        )


def _check_rows_are_meant(table, form, estimator, is_piece):
    """The estimator was fitted on sequences: X may be one of them, by mistake."""
    name, n_features = type(estimator).__name__, form.n_features_per_step
    if estimator.n_features_per_step != n_features:
        raise ValueError(
            f"X is a table with rows of {table.shape[1]} values, but {name} "
            f"was fitted on sequences with {n_features} features per step. Pass a list "
            "of arrays or a 3D array (one sequence: [x]); to pass flattened rows, set "
            f"n_features_per_step={n_features}."
        )
    if table.shape[1] == n_features and len(table) > 1 and not is_piece:
        raise ValueError(
            f"X is a table with {len(table)} rows of one time step each, but {name} "
            "was fitted on sequences, of which it looks like a single one. Pass a list "
            "of arrays or a 3D array (one sequence: [x])."
        )


def _sequences(reading, n_features, dtype):
    arrays = reading.arrays
    if isinstance(arrays, list):
        return Sequences.from_list(arrays, dtype)
    if reading.is_table:
        if arrays.shape[1] % n_features:
            raise ValueError(
                f"X has {arrays.shape[1]} columns, which is not a multiple of "
                f"n_features_per_step={n_features}."
            )
        arrays = arrays.reshape(len(arrays), -1, n_features)
    return Sequences.from_array(np.ascontiguousarray(arrays, dtype))
