"""SequenceScaler: its numbers, the forms of X, and its errors."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import InvalidParameterError
from small import RAGGED, WEIGHTS, During, X
from small_forms import ARRAYS, LISTS

from skrnn.preprocessing import SequenceScaler

# Two features of unlike means and spreads.
UNITS = np.array([3.0, 0.2]), np.array([10.0, -1.0])
X = X * UNITS[0] + UNITS[1]
RAGGED = [x * UNITS[0] + UNITS[1] for x in RAGGED]
ROWS = X.reshape(len(X), -1)
NAMES = [f"{name}_{t}" for t in range(5) for name in "ab"]
FRAME = pd.DataFrame(ROWS, columns=NAMES)


def two(**parameters):
    """A scaler for tables of two features a step; other X take it as any scaler."""
    return SequenceScaler(n_features_per_step=2, **parameters)


def state_of(scaler):
    """All that a scaler is, to be compared with what it is later."""
    return pickle.dumps(copy.deepcopy(scaler))


def leaves(X):
    """The arrays of a result."""
    return X if isinstance(X, list) else [np.asarray(X)]


# Numbers


@pytest.mark.parametrize("with_mean", [True, False])
@pytest.mark.parametrize("with_std", [True, False])
def test_every_step_counts_once(with_mean, with_std):
    steps = np.concatenate(RAGGED)
    mean = sum(steps) / len(steps)
    deviation = np.sqrt(sum((steps - mean) ** 2) / len(steps))
    scaler = SequenceScaler(with_mean=with_mean, with_std=with_std).fit(RAGGED)
    scaled = scaler.transform(RAGGED)
    for x, result in zip(RAGGED, scaled, strict=True):
        expected = (x - mean * with_mean) / (deviation if with_std else 1)
        assert_allclose(result, expected, rtol=1e-12, atol=1e-12)
    assert scaler.n_samples_seen_ == len(steps)
    assert (scaler.mean_ is None) == (not with_mean and not with_std)
    assert (scaler.scale_ is None) == (scaler.var_ is None) == (not with_std)
    if with_std:
        assert_allclose(scaler.var_, deviation**2)
        assert_allclose(scaler.scale_, deviation)
    if with_mean:
        assert_allclose(scaler.mean_, mean)


def test_it_is_standard_scaler_on_the_steps():
    scaler, reference = SequenceScaler(), StandardScaler()
    result = np.concatenate(scaler.fit_transform(RAGGED))
    assert_array_equal(result, reference.fit_transform(np.concatenate(RAGGED)))
    for name in ("mean_", "var_", "scale_", "n_samples_seen_"):
        assert_array_equal(getattr(scaler, name), getattr(reference, name))


def test_the_length_of_a_sequence_is_its_weight():
    scaler = SequenceScaler().fit([np.zeros(9), np.ones(1)])
    assert_allclose(scaler.mean_, [0.1])


def test_a_row_is_a_series_of_single_values():
    scaler = SequenceScaler().fit(ROWS)
    assert scaler.n_features_per_step_ == 1
    assert_allclose(scaler.mean_, [ROWS.mean()])
    assert_allclose(scaler.scale_, [ROWS.std()])
    assert_allclose(scaler.transform(ROWS), (ROWS - ROWS.mean()) / ROWS.std())


def test_constant_features_are_divided_by_one():
    # 0.1 has no exact mean in floating point.
    constant = [np.column_stack([np.full(len(x), 0.1), x]) for x in RAGGED]
    scaler = SequenceScaler().fit(constant)
    assert scaler.scale_[0] == 1
    assert_allclose(np.concatenate(scaler.transform(constant))[:, 0], 0, atol=1e-15)
    assert_allclose(scaler.transform([[[2.1, 0, 0]]])[0][0, 0], 2)


def test_large_means_do_no_harm():
    far = [x + 1e9 for x in RAGGED]
    expected = np.concatenate(SequenceScaler().fit_transform(RAGGED))
    assert_allclose(
        np.concatenate(SequenceScaler().fit_transform(far)), expected, atol=1e-5
    )


def test_missing_values_are_left_out_and_left_in():
    missing = [x.copy() for x in RAGGED]
    missing[4][2, 1] = missing[7][0, 1] = np.nan
    scaler = SequenceScaler().fit(missing)
    steps = np.concatenate(missing)
    assert_allclose(scaler.mean_, np.nanmean(steps, axis=0))
    assert_allclose(scaler.scale_, np.nanstd(steps, axis=0))
    assert_array_equal(scaler.n_samples_seen_, len(steps) - np.array([0, 2]))
    for function in (scaler.transform, scaler.inverse_transform):
        result = np.concatenate(function(missing))
        assert_array_equal(np.isnan(result), np.isnan(steps))


def test_missing_values_of_tables():
    values = pd.DataFrame(ROWS, dtype="Float64")
    values.iloc[3, 4] = pd.NA
    result = two().fit_transform(values)
    assert np.isnan(result[3, 4])
    assert np.isnan(result).sum() == 1


# Weights and parts


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_weight_of_two_is_the_sequence_twice(method):
    weights = np.arange(len(RAGGED)) % 3
    repeated = [x for x, w in zip(RAGGED, weights, strict=True) for _ in range(w)]
    weighted = getattr(SequenceScaler(), method)(RAGGED, sample_weight=weights)
    expected = SequenceScaler().fit(repeated)
    assert_allclose(weighted.mean_, expected.mean_)
    assert_allclose(weighted.var_, expected.var_)
    assert weighted.n_samples_seen_ == expected.n_samples_seen_


def test_weights_of_tables():
    expected = SequenceScaler().fit(X, sample_weight=WEIGHTS)
    scaler = two().fit(ROWS, sample_weight=WEIGHTS.tolist())
    assert_array_equal(scaler.mean_, expected.mean_)
    assert_array_equal(scaler.scale_, expected.scale_)


def test_parts_add_up():
    whole = SequenceScaler().fit(RAGGED)
    parts = SequenceScaler()
    for start in range(0, len(RAGGED), 7):
        assert parts.partial_fit(RAGGED[start : start + 7]) is parts
    assert_allclose(parts.mean_, whole.mean_)
    assert_allclose(parts.var_, whole.var_)
    assert parts.n_samples_seen_ == whole.n_samples_seen_
    assert_allclose(
        np.concatenate(parts.transform(RAGGED)),
        np.concatenate(whole.transform(RAGGED)),
    )


def test_parts_that_lack_a_feature():
    lacking, there = [[[np.nan, 1.0], [np.nan, 2.0]]], [[[3.0, 1.0], [5.0, 2.0]]]
    whole = SequenceScaler().fit(lacking + there)
    for first, second in ((lacking, there), (there, lacking)):
        parts = SequenceScaler().partial_fit(first).partial_fit(second)
        for name in ("mean_", "var_", "scale_", "n_samples_seen_"):
            assert_array_equal(getattr(parts, name), getattr(whole, name))
    never = SequenceScaler().partial_fit(lacking).partial_fit(lacking)
    assert_array_equal(never.mean_, SequenceScaler().fit(lacking).mean_)


def test_parts_of_any_form():
    parts = two().partial_fit(ROWS[:5]).partial_fit(X[5:9]).partial_fit(list(X[9:]))
    assert parts.n_features_in_ == 10
    assert_allclose(parts.mean_, X.mean(axis=(0, 1)))
    assert_allclose(parts.scale_, X.std(axis=(0, 1)))


def test_fit_starts_anew():
    scaler = SequenceScaler().fit(FRAME).fit(RAGGED)
    assert scaler.n_features_in_ == 2
    assert not hasattr(scaler, "feature_names_in_")
    assert_array_equal(scaler.mean_, SequenceScaler().fit(RAGGED).mean_)


# Forms of X


@pytest.mark.parametrize("form", LISTS.values(), ids=LISTS)
@pytest.mark.parametrize("sequences", [RAGGED, list(X)], ids=["ragged", "equal"])
def test_a_list_comes_back_as_a_list(form, sequences):
    expected = SequenceScaler().fit_transform(sequences)
    X_form = form(sequences)
    scaler = SequenceScaler().fit(X_form)
    for result in (scaler.transform(X_form), SequenceScaler().fit_transform(X_form)):
        assert type(result) is list
        for x, x_expected in zip(result, expected, strict=True):
            assert type(x) is np.ndarray
            # NumPy may sum in another order what lies in another order.
            assert_allclose(x, x_expected, rtol=1e-12, atol=1e-12)
    back = scaler.inverse_transform(result)
    assert type(back) is list
    for x, x_original in zip(back, sequences, strict=True):
        assert_allclose(x, x_original)


@pytest.mark.parametrize("form", ARRAYS.values(), ids=ARRAYS)
def test_an_array_comes_back_in_its_shape(form):
    X_form = form(X)
    scaler = two().fit(X_form)
    assert_array_equal(scaler.mean_, two().fit(X).mean_)
    assert scaler.n_features_in_ == np.shape(X_form)[-1]
    assert scaler.n_features_per_step_ == 2
    result = scaler.transform(X_form)
    assert type(result) is np.ndarray
    assert result.shape == np.shape(X_form)
    assert_array_equal(result.reshape(X.shape), two().fit_transform(X))
    assert_allclose(scaler.inverse_transform(result).reshape(X.shape), X)


def test_fitted_on_one_form_it_takes_the_others():
    expected = np.concatenate(SequenceScaler().fit_transform(list(X)))
    for X_fit in (X, list(X), ROWS):
        scaler = two().fit(X_fit)
        for X_form in (X, list(X), ROWS):
            result = scaler.transform(X_form)
            assert_array_equal(np.reshape(result, (-1, 2)), expected)


@pytest.mark.parametrize("form", [np.asarray, np.ndarray.tolist, pd.Series])
def test_sequences_of_single_values_keep_their_shape(form):
    univariate = [form(x[:, 0]) for x in RAGGED]
    result = SequenceScaler().fit_transform(univariate)
    columns = SequenceScaler().fit_transform([x[:, :1] for x in RAGGED])
    for x, column in zip(result, columns, strict=True):
        assert_array_equal(x, column[:, 0], strict=True)


def test_sequences_with_and_without_a_second_axis():
    mixed = [x[:, 0] if i % 2 else x[:, :1] for i, x in enumerate(RAGGED)]
    result = SequenceScaler().fit_transform(mixed)
    assert [x.shape for x in result] == [x.shape for x in mixed]


def test_lengths_never_seen_in_fit():
    scaler = SequenceScaler().fit(RAGGED)
    (long,) = scaler.transform([np.concatenate(RAGGED)])
    assert_array_equal(long, np.concatenate(scaler.transform(RAGGED)))


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ("float32", "float32"),
        ("float64", "float64"),
        ("int8", "float64"),
        ("bool", "float64"),
    ],
)
def test_dtypes(dtype, expected):
    numbers = X.astype(dtype)
    for X_form in (numbers, numbers.reshape(24, -1), list(numbers)):
        scaler = SequenceScaler().fit(X_form)
        scaled = scaler.transform(X_form)
        assert {x.dtype for x in leaves(scaled)} == {np.dtype(expected)}
        original = scaler.inverse_transform(scaled)
        assert {x.dtype for x in leaves(original)} == {np.dtype(expected)}
        # They are summed in double precision whatever they are.
        assert scaler.mean_.dtype == scaler.scale_.dtype == np.float64


def test_a_list_of_mixed_dtypes_has_their_common_one():
    mixed = [x.astype("fi"[i % 2]) for i, x in enumerate(RAGGED)]
    assert {x.dtype for x in SequenceScaler().fit_transform(mixed)} == {
        np.dtype(np.float64)
    }


@pytest.mark.parametrize("X_form", [X, ROWS, RAGGED], ids=["3D", "rows", "list"])
def test_inputs_are_not_changed(X_form):
    given = copy.deepcopy(X_form)
    scaler = two()
    scaled = scaler.fit(given).partial_fit(given).transform(given)
    back = scaler.inverse_transform(given)
    for ours, original in zip(given, X_form, strict=True):
        assert_array_equal(ours, original)
        assert ours.flags.writeable
    for x in [*leaves(scaled), *leaves(back)]:
        assert x.flags.writeable
        assert not any(np.shares_memory(x, ours) for ours in given)


@pytest.mark.parametrize("array", [X, ROWS], ids=["3D", "rows"])
def test_read_only_memmap(array, tmp_path):
    np.save(tmp_path / "X.npy", array)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    expected = two().fit_transform(array)
    result = two().fit_transform(mapped)
    assert_array_equal(result, expected)
    assert type(result) is np.ndarray
    assert result.flags.writeable


# Errors


def with_value(value):
    bad = X.copy()
    bad[3, 2, 1] = value
    return bad


BAD_X = {
    "no sequences": ([], ValueError, r"0 sample\(s\) .* required by SequenceScaler"),
    "no rows": (ROWS[:0], ValueError, r"0 sample\(s\) .* required by SequenceScaler"),
    "no steps": ([*RAGGED, X[0, :0]], ValueError, r"sequence 24 of X with 0 time step"),
    "infinity": (with_value(np.inf), ValueError, "Input X contains infinity"),
    "infinity in a list": (list(with_value(np.inf)), ValueError, "contains infinity"),
    "complex": (X + 1j, ValueError, "Complex data not supported"),
    "sparse": (sparse.csr_array(ROWS), TypeError, "Sparse data was passed for X"),
    "sparse sequence": ([sparse.csr_array(X[0])], TypeError, "as sequence 0 of X"),
    "dates": (np.zeros(X.shape, "M8[s]"), ValueError, "datetime64.* is not numeric"),
    "text": ([["a", "b"]], ValueError, "arrays of bytes/strings|not numeric"),
    "1D": (X[0, 0], ValueError, r"one series .* passed as \[x\]"),
    "4D": (X[None], ValueError, "dim <= 3 is required by SequenceScaler"),
    "unlike": ([X[0], X[1, :, :1]], ValueError, "same number of features, found 2 in"),
    "odd": (ROWS[:, :9], ValueError, "9 columns|X has 9 features"),
}


@pytest.mark.parametrize(
    "method", ["fit", "partial_fit", "transform", "inverse_transform"]
)
@pytest.mark.parametrize(("X_bad", "error", "match"), BAD_X.values(), ids=BAD_X)
def test_errors_for_x(method, X_bad, error, match):
    scaler = two().fit(ROWS)
    before = state_of(scaler)
    with pytest.raises(error, match=match):
        getattr(scaler, method)(X_bad)
    assert state_of(scaler) == before


@pytest.mark.parametrize("method", ["partial_fit", "transform", "inverse_transform"])
@pytest.mark.parametrize(
    ("X_fit", "X_bad", "match"),
    [
        (RAGGED, X[:, :, :1], "X has 1 features, but SequenceScaler is expecting 2"),
        (RAGGED, [x[:, :1] for x in X], "X has 1 features, but SequenceScaler is"),
        (RAGGED, X[0], r"sequences with 2 features per step.*one sequence: \[x\]"),
        (ROWS, ROWS[:, :4], "X has 4 features, but SequenceScaler is expecting 10"),
        (ROWS, X, "X has 2 features, but SequenceScaler is expecting 1 features"),
        (FRAME, FRAME[NAMES[::-1]], "feature names should match"),
    ],
)
def test_the_features_must_be_those_of_fit(method, X_fit, X_bad, match):
    scaler = SequenceScaler().fit(X_fit)
    before = state_of(scaler)
    with pytest.raises(ValueError, match=match):
        getattr(scaler, method)(X_bad)
    assert state_of(scaler) == before


def test_columns_must_be_a_multiple_of_the_features_per_step():
    with pytest.raises(ValueError, match="10 columns.*not a multiple of .*step=3"):
        SequenceScaler(n_features_per_step=3).fit(ROWS)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("sample_weight", "match"),
    [
        (-WEIGHTS, "Negative values in data passed to `sample_weight`"),
        (WEIGHTS[1:], r"sample_weight.shape == \(23,\), expected \(24,\)"),
        (np.full(24, np.nan), "Input sample_weight contains NaN"),
    ],
)
def test_errors_for_sample_weight(method, sample_weight, match):
    scaler = SequenceScaler().fit(X)
    before = state_of(scaler)
    with pytest.raises(ValueError, match=match):
        getattr(scaler, method)(RAGGED, sample_weight=sample_weight)
    assert state_of(scaler) == before


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("fitted", [True, False])
def test_what_fails_late_changes_nothing(method, fitted, monkeypatch):
    scaler = SequenceScaler()
    if fitted:
        scaler.fit(FRAME)
    before = state_of(scaler)

    def fail(self, X, sample_weight=None):
        if hasattr(self, "mean_"):
            self.mean_ += 1
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(StandardScaler, "partial_fit", fail)
        with pytest.raises(MemoryError):
            getattr(scaler, method)(FRAME)
    assert state_of(scaler) == before


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("name", "value"),
    [("with_mean", "yes"), ("with_std", None), ("n_features_per_step", 0)],
)
def test_errors_for_parameters(method, name, value):
    scaler = SequenceScaler(**{name: value})
    match = f"The '{name}' parameter of SequenceScaler must be .* Got {value!r} instead"
    with pytest.raises(InvalidParameterError, match=match):
        getattr(scaler, method)(X)


@pytest.mark.parametrize("method", ["transform", "inverse_transform"])
def test_it_must_be_fitted(method):
    with pytest.raises(NotFittedError, match="This SequenceScaler instance is not"):
        getattr(SequenceScaler(), method)(RAGGED)
    with pytest.raises(NotFittedError):
        SequenceScaler().get_feature_names_out()


@pytest.mark.parametrize("method", ["transform", "inverse_transform"])
def test_a_fit_to_other_features_meanwhile_changes_no_result(method):
    scaler = SequenceScaler().fit(X)
    expected = getattr(scaler, method)(X)
    during = During(X, lambda: scaler.fit(np.tile(X, (1, 1, 3)) + 1))
    assert_array_equal(getattr(scaler, method)(during), expected)
    assert scaler.n_features_in_ == 6
