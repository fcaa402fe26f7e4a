"""From what the user calls X to `Sequences`: every check, and one clear error each."""

from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from skrnn.estimators.inputs.categories import Categories
from skrnn.estimators.inputs.choice import chosen_features, features_by_dtype
from skrnn.estimators.inputs.clock import Clock
from skrnn.estimators.inputs.columns import split
from skrnn.estimators.inputs.finite import check_finite, check_finite_sequences
from skrnn.estimators.inputs.forms import (
    check_is_targets,
    has_words,
    is_list_of_sequences,
    is_ragged,
    n_dimensions,
    width_of_lists,
)
from skrnn.estimators.inputs.frames import below
from skrnn.estimators.inputs.names import check_names, names_of
from skrnn.estimators.inputs.ngrams import NGrams
from skrnn.estimators.inputs.numbers import (
    TextError,
    as_array,
    check_numbers,
    numbers_if_all_are,
    to_array,
    to_objects,
)
from skrnn.estimators.inputs.reading import read
from skrnn.estimators.inputs.static import StaticForm, read_table, with_static
from skrnn.sequences import Sequences

__all__ = [
    "Categories",
    "Clock",
    "InputForm",
    "NGrams",
    "StaticForm",
    "as_array",
    "chosen_features",
    "check_finite",
    "check_is_targets",
    "check_numbers",
    "check_sequences",
    "is_list_of_sequences",
    "is_ragged",
    "n_dimensions",
    "read_steps",
    "read_table",
    "with_static",
]


@dataclass(frozen=True)
class InputForm:
    """What X was at the first fit, and must be later."""

    n_features_in: int
    feature_names: tuple | None
    n_features_per_step: int
    is_on_rows: bool  # each row of a table is a flattened sequence
    clock: Clock | None = None  # the time as one more channel
    categories: Categories | None = None  # of features whose values are no numbers
    ngrams: NGrams | None = None  # of the one feature that has categories
    static: StaticForm | None = None  # of features that each sequence has once

    @property
    def n_categorical(self):
        """How many features have categories."""
        return 0 if self.categories is None else len(self.categories.features)

    @property
    def n_numbers(self):
        """Numbers of a step that the network gets: codes are none."""
        n_timed = self.n_features_per_step + (self.clock is not None)
        return n_timed - self.n_categorical

    @property
    def names_of_steps(self):
        """Names of the features of a step, if they have some."""
        return None if self.is_on_rows else self.feature_names

    @property
    def names_of_categorical(self):
        """Those of the features with categories, or None of each."""
        features, names = self.categories.features, self.names_of_steps
        return [None if names is None else names[j] for j in features]

    def channels(self, sequences, n_before=0):
        """The sequences as the network gets them, after so many steps before.

        A step's numbers, the time if it is one of them, and then its codes, those of
        n-grams last.
        """
        if self.ngrams is not None:
            sequences = self.ngrams.added(sequences)
        if self.clock is None:
            return sequences
        return self.clock.added(sequences, n_before, self.n_numbers - 1)

    def channels_of_piece(self, sequences, n_before, past):
        """Those of new steps, and the past of the next ones.

        The past is what n-grams of new steps may begin with; None before all of them.
        """
        if self.ngrams is None:
            return self.channels(sequences, n_before), None
        whole = sequences if past is None else past.followed_by(sequences)
        n_past = whole.lengths - sequences.lengths
        channels = self.channels(whole, n_before - n_past).newest(sequences.lengths)
        return channels, whole.newest(self.ngram_length - 1)

    def with_ngrams(self, ngrams):
        """The same, with n-grams as channels; or without, for None."""
        return replace(self, ngrams=ngrams)

    @property
    def ngram_length(self):
        """Categories of the longest n-gram: 1 if there are none."""
        return 1 if self.ngrams is None else self.ngrams.length

    @property
    def n_codes(self):
        """How many codes each channel of them has, those of n-grams last."""
        counts = [] if self.ngrams is None else self.ngrams.counts
        return [*self.categories.n_codes, *counts]

    def with_clock(self, clock):
        """The same, with the time as a channel; or without, for None."""
        return replace(self, clock=clock)

    def with_static(self, static):
        """The same, with static features."""
        return replace(self, static=static)

    @property
    def n_static(self):
        """Numbers of a sequence that the network gets beside each frame."""
        return 0 if self.static is None else self.static.n_channels

    def attributes(self):
        """What a fitted estimator shows of it."""
        shown = {
            "add_time_": self.clock is not None,
            "ngram_length_": self.ngram_length,
            "n_features_in_": self.n_features_in,
            "n_features_per_step_": self.n_features_per_step,
        }
        if self.categories is not None:
            shown["categories_"] = self.categories.arrays()
        if self.feature_names is not None:
            shown["feature_names_in_"] = np.array(self.feature_names, object)
        return shown if self.static is None else shown | self.static.attributes()


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
    are_numbers, columns = _are_numbers(estimator, X, form), []
    options = {"allow_empty": allow_empty, "names_may_lack": names_may_lack}
    with np.errstate(over="ignore"), _of_texts(estimator, form):
        convert = to_array if are_numbers else to_objects
        arrays, form = _read(estimator, X, form, convert, **options)
        if not are_numbers:
            features = _categorical_features(estimator, X, form)
            arrays, columns = split(arrays, features, form.names_of_steps)
        sequences = _as_sequences(arrays, dtype)
    name = type(estimator).__name__
    advised = None if columns else X  # of the numbers alone nobody can say it
    check_finite_sequences(sequences, advised, name, allow_nan=allow_nan)
    if columns:
        if form.categories is None:
            form = replace(form, categories=Categories.of(features, columns))
        sequences = form.categories.added(sequences, columns)
    return sequences, form


def read_steps(estimator, X, *, form=None, names_may_lack=False):
    """X of any form as one table of all steps, each value as it came.

    The table is an array, of objects if it holds anything but numbers; or, of a list of
    frames of one kind, a frame.

    Parameters
    ----------
    estimator : estimator
    X : array-like or list of array-like
    form : InputForm or None
    names_may_lack : bool
        As `check_sequences` takes them.

    Returns
    -------
    steps : ndarray or DataFrame of shape (n_steps_total, n_features)
    offsets : ndarray of shape (n_sequences + 1,)
        Where each sequence starts, and the end.
    form : InputForm
    """
    known = estimator if form is None else form
    convert = to_objects
    if is_list_of_sequences(X, int(known.n_features_per_step)) and _are_alike(X):
        convert = _as_it_is
    arrays, form = _read(estimator, X, form, convert, names_may_lack=names_may_lack)
    offsets = np.concatenate([[0], np.cumsum([len(array) for array in arrays])])
    if convert is _as_it_is:
        return below(arrays), offsets, form
    return numbers_if_all_are(np.concatenate(arrays)), offsets, form


def _are_alike(X):
    """Whether all sequences are frames, of one library."""
    return all(hasattr(x, "columns") for x in X) and len({type(x) for x in X}) == 1


def _as_it_is(x):
    return x


def _read(estimator, X, form, convert, *, allow_empty=False, names_may_lack=False):
    """X by steps, as a function leaves it: what is done with any values."""
    name = type(estimator).__name__
    known = estimator if form is None else form
    reading = read(X, int(known.n_features_per_step), name, allow_empty, convert)
    if form is None:
        form = _form_of(X, reading, int(estimator.n_features_per_step))
    else:
        _check_agrees(reading, form, estimator, allow_empty, names_may_lack)
    return _by_steps(reading, form.n_features_per_step), form


@contextmanager
def _of_texts(estimator, form):
    """At a first fit, the error for texts says how to pass them."""
    try:
        yield
    except TextError as error:
        if form is not None:
            raise
        advice = (
            f"{type(estimator).__name__} takes numbers only: "
            "skrnn.preprocessing.StepTransformer(ColumnTransformer(...)) takes others."
        )
        if hasattr(estimator, "categorical_features"):
            advice = (
                "If these are categories, say so by categorical_features: 'all' for "
                "tokens, or the features that have them."
            )
        raise ValueError(f"{str(error).rstrip('.')}. {advice}") from error


def _choice(estimator, X):
    """What the estimator says of features with categories; None: all are numbers."""
    choice = getattr(estimator, "categorical_features", None)
    if isinstance(choice, str) and choice == "auto":
        return "all" if has_words(X) else None
    return choice


def _are_numbers(estimator, X, form):
    """Whether all features are, as far as one knows before X is read."""
    return (_choice(estimator, X) if form is None else form.categories) is None


def _categorical_features(estimator, X, form):
    """The places of the features that have categories."""
    if form.categories is not None:
        return form.categories.features
    choice = _choice(estimator, X)
    if isinstance(choice, str) and choice == "from_dtype":
        return features_by_dtype(X, form.is_on_rows)
    return chosen_features(choice, form.n_features_per_step, form.names_of_steps)


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


def _by_steps(reading, n_features):
    """A list of arrays (n_timesteps, n_features), or one array with such slices."""
    arrays = reading.arrays
    if not reading.is_table:
        return arrays
    if arrays.shape[1] % n_features:
        raise ValueError(
            f"X has {arrays.shape[1]} columns, which is not a multiple of "
            f"n_features_per_step={n_features}."
        )
    return arrays.reshape(len(arrays), -1, n_features)


def _as_sequences(arrays, dtype):
    if isinstance(arrays, list):
        return Sequences.from_list(arrays, dtype)
    return Sequences.from_array(np.ascontiguousarray(arrays, dtype))
