"""SequenceFeatures: the numbers of its channels, the forms of X, names and errors.

The forms and errors of X themselves are those of SequenceScaler, with which it shares
the code (test_scaler.py, test_forms.py), and scikit-learn's checks are run beside its.
"""

import copy
import pickle
import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from small import LABELS, RAGGED, WEIGHTS, During, X, Y, make
from small_forms import ARRAYS, LISTS

from skrnn import RNNClassifier, RNNRegressor
from skrnn.preprocessing import SequenceFeatures, SequenceScaler

CHANNELS = ("time", "difference", "standardized")
ROWS = X.reshape(24, 10)
NAMES = [f"{name}_{t}" for t in range(5) for name in "ab"]
FRAME = pd.DataFrame(ROWS, columns=NAMES, index=range(100, 124))


def two(*args):
    """For tables of two features a step; for other X it is as any."""
    return SequenceFeatures(*args, n_features_per_step=2)


def expected_of(x, mean=2.0, std=2.0**0.5):
    """All channels of one sequence, by loops; mean and deviation of times 0 to 4."""
    rows = []
    for t, row in enumerate(x):
        own = [(row[j] - x[:, j].mean()) / (x[:, j].std() or 1) for j in range(2)]
        rows.append([*row, (t - mean) / std, *(row - x[max(t - 1, 0)]), *own])
    return np.array(rows)


def state_of(features):
    return pickle.dumps(copy.deepcopy(features))


# Numbers


def test_each_channel_by_hand():
    x = [[[1.0, 8.0], [4.0, 8.0], [1.0, 8.0]], [[7.0, 0.0]]]
    features = SequenceFeatures().fit(x)
    long, short = features.transform(x)
    # The times are 0, 1, 2 and 0.
    assert features.time_mean_ == 0.75
    assert features.time_scale_ == pytest.approx(np.sqrt(0.6875))
    assert features.n_samples_seen_ == 4
    times = (np.arange(3) - 0.75) / np.sqrt(0.6875)
    assert_allclose(
        long.T,
        [
            [1, 4, 1],
            [8, 8, 8],
            times,
            [0, 3, -3],
            [0, 0, 0],
            [-np.sqrt(0.5), np.sqrt(2), -np.sqrt(0.5)],
            [0, 0, 0],
        ],
    )
    assert_allclose(short, [[7, 0, times[0], 0, 0, 0, 0]])
    # Later sequences go on in the same scale.
    longer = features.transform([np.zeros((9, 2))])[0][:, 2]
    assert_allclose(longer, (np.arange(9) - 0.75) / np.sqrt(0.6875))


@pytest.mark.parametrize(
    ("add", "places"),
    [
        ((), []),
        ("time", [2]),
        (["difference"], [3, 4]),
        (("standardized", "time"), [5, 6, 2]),
        (("difference", "standardized", "time"), [3, 4, 5, 6, 2]),
    ],
)
def test_raw_features_come_first_and_then_the_channels_in_their_order(add, places):
    whole = SequenceFeatures(CHANNELS).fit_transform(RAGGED)
    some = SequenceFeatures(add).fit_transform(RAGGED)
    for x, x_whole, raw in zip(some, whole, RAGGED, strict=True):
        assert_array_equal(x, x_whole[:, [0, 1, *places]])
        assert_array_equal(x[:, :2], raw)


def test_all_channels_of_many_sequences():
    # Their times have another mean than those of X.
    times = np.concatenate([np.arange(len(x)) for x in RAGGED])
    features = SequenceFeatures().fit(RAGGED)
    for x, result in zip(RAGGED, features.transform(RAGGED), strict=True):
        expected = expected_of(x, times.mean(), times.std())
        assert_allclose(result, expected, rtol=1e-12, atol=1e-12)


def test_a_sequence_has_the_same_bits_in_any_company():
    features = SequenceFeatures().fit(RAGGED)
    for x, result in zip(RAGGED, features.transform(RAGGED), strict=True):
        assert_array_equal(features.transform([x])[0], result)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_constant_sequences_are_zero(dtype):
    # 0.1 has no exact mean in floating point, and the others differ in the last digit.
    nearly = np.tile(np.nextafter(0.1, [0, 1], dtype=dtype), 500)
    constants = [np.full(1000, 0.1, dtype), nearly, np.full(3, -1e30, dtype)]
    results = SequenceFeatures("standardized").fit_transform(constants)
    for x in results:
        assert np.abs(x[:, 1]).max() <= np.finfo(dtype).eps


@pytest.mark.parametrize("shift", [1e9, -1e9])
def test_large_means_do_no_harm(shift):
    x = np.arange(1000.0)[:, None] % 7
    x_shifted = [x + shift, x]
    (far, near) = SequenceFeatures(("difference", "standardized")).fit_transform(
        x_shifted
    )
    assert_allclose(far[:, 1:], near[:, 1:], rtol=1e-12, atol=1e-12)


def test_single_steps():
    single = [x[:1] for x in RAGGED]
    features = SequenceFeatures().fit(single)
    assert (features.time_mean_, features.time_scale_) == (0, 1)
    result = np.concatenate(features.transform(single))
    assert_array_equal(result, np.hstack([np.concatenate(single), np.zeros((24, 5))]))


def test_missing_values_stay_missing_and_no_statistics_have_them():
    nan = np.nan
    x = [[[nan, 1.0], [2.0, nan], [4.0, 3.0]], [[nan, 5.0]]]
    first, second = SequenceFeatures().fit_transform(x)
    times = np.array([-0.75, 0.25, 1.25]) / np.sqrt(0.6875)
    assert_allclose(
        first.T,
        [
            [nan, 2, 4],
            [1, nan, 3],
            times,
            [nan, nan, 2],
            [0, nan, nan],
            [nan, -1, 1],
            [-1, nan, 1],
        ],
    )
    assert_allclose(second, [[nan, 5, times[0], nan, 0, nan, 0]])


# Weights and parts


def test_a_weight_of_two_is_the_sequence_twice():
    weights = np.arange(len(RAGGED)) % 3
    repeated = [x for x, w in zip(RAGGED, weights, strict=True) for _ in range(w)]
    weighted = SequenceFeatures().fit(RAGGED, sample_weight=weights)
    expected = SequenceFeatures().fit(repeated)
    assert weighted.time_mean_ == pytest.approx(expected.time_mean_)
    assert weighted.time_scale_ == pytest.approx(expected.time_scale_)
    assert weighted.n_samples_seen_ == expected.n_samples_seen_


def test_parts_of_any_form_add_up():
    whole = SequenceFeatures().fit(RAGGED + list(X))
    parts = two().partial_fit(RAGGED[:9]).partial_fit(RAGGED[9:])
    parts.partial_fit(X[:8]).partial_fit(ROWS[8:])
    assert parts.time_mean_ == pytest.approx(whole.time_mean_)
    assert parts.time_scale_ == pytest.approx(whole.time_scale_)
    assert parts.n_samples_seen_ == whole.n_samples_seen_ == 190


def test_weights_are_routed():
    with config_context(enable_metadata_routing=True):
        features = SequenceFeatures("time").set_fit_request(sample_weight=True)
        network = make(RNNRegressor).set_fit_request(sample_weight=False)
        pipeline = make_pipeline(features, network)
        pipeline.fit(RAGGED, Y, sample_weight=WEIGHTS)
    expected = SequenceFeatures().fit(RAGGED, sample_weight=WEIGHTS)
    assert pipeline[0].time_mean_ == expected.time_mean_
    assert expected.time_mean_ != SequenceFeatures().fit(RAGGED).time_mean_


# Forms of X


@pytest.mark.parametrize("form", LISTS.values(), ids=LISTS)
@pytest.mark.parametrize("sequences", [RAGGED, list(X)], ids=["ragged", "equal"])
def test_a_list_comes_back_as_a_list(form, sequences):
    expected = SequenceFeatures().fit_transform(sequences)
    result = SequenceFeatures().fit_transform(form(sequences))
    assert type(result) is list
    for x, x_expected in zip(result, expected, strict=True):
        assert_array_equal(x, x_expected, strict=True)


@pytest.mark.parametrize("form", ARRAYS.values(), ids=ARRAYS)
def test_an_array_comes_back_as_one(form):
    X_form = form(X)
    features = two().fit(X_form)
    result = features.transform(X_form)
    expected = np.stack([expected_of(x) for x in X])
    assert type(result) is np.ndarray
    assert result.ndim == np.ndim(X_form)
    assert result.dtype == np.float64
    assert_allclose(result.reshape(24, 5, 7), expected, rtol=1e-12, atol=1e-12)
    assert features.n_features_per_step_ == 2
    assert len(features.get_feature_names_out()) == result.shape[-1]


def test_fitted_on_one_form_it_takes_the_others():
    expected = SequenceFeatures().fit_transform(X)
    for X_fit in (X, list(X), ROWS, FRAME.to_numpy()):
        features = two().fit(X_fit)
        for X_form in (X, list(X), ROWS):
            result = features.transform(X_form)
            assert_array_equal(np.reshape(result, expected.shape), expected)


@pytest.mark.parametrize("form", [np.asarray, np.ndarray.tolist, pd.Series])
def test_sequences_of_single_values(form):
    univariate = [form(x[:, 0]) for x in RAGGED]
    columns = SequenceFeatures().fit_transform([x[:, :1] for x in RAGGED])
    result = SequenceFeatures().fit_transform(univariate)
    for x, column in zip(result, columns, strict=True):
        assert_array_equal(x, column, strict=True)
    # With nothing added, there is no need of a second axis.
    same = SequenceFeatures(()).fit_transform(univariate)
    assert [x.shape for x in same] == [(len(x),) for x in RAGGED]


def test_polars():
    pl = pytest.importorskip("polars")
    expected = SequenceFeatures().fit_transform(RAGGED)
    features = SequenceFeatures().fit([pl.DataFrame(x, ["a", "b"]) for x in RAGGED])
    names = ["a", "b", "time", "a_difference", "b_difference"]
    names += ["a_standardized", "b_standardized"]
    assert features.get_feature_names_out().tolist() == names
    result = features.transform([pl.DataFrame(x, ["a", "b"]) for x in RAGGED])
    for x, x_expected in zip(result, expected, strict=True):
        assert_array_equal(x, x_expected)
    table = two().set_output(transform="polars").fit_transform(FRAME)
    assert type(table) is pl.DataFrame
    assert table.columns == two().fit(FRAME).get_feature_names_out().tolist()


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("float32", "float32"), ("uint8", "float64"), ("bool", "float64")],
)
def test_dtypes(dtype, expected):
    numbers = np.abs(100 * X).astype(dtype)
    for X_form in (numbers, list(numbers)):
        result = np.array(SequenceFeatures().fit_transform(X_form))
        assert result.dtype == expected
        # Differences of what has no sign, or a few digits, included.
        exact = np.stack([expected_of(x.astype(float)) for x in numbers])
        tolerance = 10 * np.finfo(expected).eps
        assert_allclose(result, exact, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("X_form", [X, ROWS, RAGGED], ids=["3D", "rows", "list"])
def test_inputs_are_not_changed(X_form):
    given = copy.deepcopy(X_form)
    result = two().fit(given).partial_fit(given).transform(given)
    for x, ours, original in zip(result, given, X_form, strict=True):
        assert_array_equal(ours, original)
        assert x.flags.writeable
        assert not np.shares_memory(x, ours)


@pytest.mark.parametrize("array", [X, ROWS], ids=["3D", "rows"])
def test_read_only_memmap(array, tmp_path):
    np.save(tmp_path / "X.npy", array)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    result = two().fit_transform(mapped)
    assert type(result) is np.ndarray
    assert_array_equal(result, two().fit_transform(array))


# Names and containers


def test_names():
    names = SequenceFeatures().fit(RAGGED).get_feature_names_out()
    assert names.dtype == object
    assert names.tolist() == [
        *("x0", "x1", "time", "x0_difference", "x1_difference"),
        *("x0_standardized", "x1_standardized"),
    ]
    rows = two(("difference", "time")).fit(FRAME.iloc[:, :4])
    assert rows.get_feature_names_out().tolist() == [
        *("a_0", "b_0", "a_0_difference", "b_0_difference", "time_0"),
        *("a_1", "b_1", "a_1_difference", "b_1_difference", "time_1"),
    ]
    single = SequenceFeatures("time").fit([x[:, 0] for x in RAGGED])
    assert single.get_feature_names_out(["signal"]).tolist() == ["signal", "time"]


def test_names_that_are_not_unique():
    frames = [pd.DataFrame(x, columns=["time", "b"]) for x in RAGGED]
    features = SequenceFeatures().fit(frames)
    with pytest.raises(ValueError, match=r"not be unique: X has \['time'\] as well"):
        features.get_feature_names_out()
    assert len(features.set_params(add="difference").get_feature_names_out()) == 4


def test_tables_as_pandas():
    features = two().set_output(transform="pandas")
    for frame in (features.fit_transform(FRAME), features.fit(FRAME).transform(FRAME)):
        assert frame.columns.tolist() == features.get_feature_names_out().tolist()
        assert frame.index.equals(FRAME.index)
        assert_array_equal(frame, two().fit_transform(ROWS))
    assert_array_equal(frame["time_3"], np.full(24, (3 - 2) / np.sqrt(2)))
    assert_array_equal(frame["b_4_difference"], FRAME["b_4"] - FRAME["b_3"])
    # Sequences never do.
    assert type(features.fit_transform(X)) is np.ndarray
    assert type(features.fit_transform(RAGGED)) is list


# Pipelines


@pytest.mark.parametrize("X_form", [X, RAGGED, ROWS], ids=["3D", "list", "rows"])
def test_before_a_scaler_and_a_network(X_form):
    features = two()
    scaler = SequenceScaler(n_features_per_step=7)
    network = make(RNNClassifier, n_features_per_step=7)
    pipeline = make_pipeline(features, scaler, network).fit(X_form, LABELS)
    assert pipeline[-1].n_features_per_step_ == 7
    scaled = clone(scaler).fit_transform(two().fit_transform(X_form))
    expected = clone(network).fit(scaled, LABELS).predict_proba(scaled)
    assert_array_equal(pipeline.predict_proba(X_form), expected)


def test_a_search_of_what_to_add():
    pipeline = make_pipeline(SequenceFeatures(), make(RNNRegressor))
    grid = {"sequencefeatures__add": [(), "time", ["time", "difference"]]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(RAGGED, Y)
    assert search.best_estimator_[-1].n_features_in_ in (2, 3, 5)


def test_copies_and_text():
    features = SequenceFeatures("time").fit(RAGGED)
    for other in (copy.deepcopy(features), pickle.loads(pickle.dumps(features))):
        for x, x_other in zip(
            *(f.transform(X) for f in (features, other)), strict=True
        ):
            assert_array_equal(x, x_other)
        other.partial_fit(np.zeros((1, 99, 2)))
        assert other.time_mean_ > features.time_mean_
    assert repr(clone(features)) == "SequenceFeatures(add='time')"
    assert repr(SequenceFeatures()) == "SequenceFeatures()"


def test_a_fit_to_other_features_meanwhile_changes_no_result():
    features = SequenceFeatures().fit(X)
    expected = features.transform(X)
    during = During(X, lambda: features.fit(np.zeros((2, 9, 3))))
    assert_array_equal(features.transform(during), expected)
    assert features.n_features_in_ == 3


# Errors


@pytest.mark.parametrize(
    ("add", "advice"),
    [
        ("tim", " Did you mean 'time'?"),
        ("diff", " Did you mean 'difference'?"),
        (["time", "standardised"], " Did you mean 'standardized'?"),
        (("position",), " Did you mean 'time'?"),
        ("zzz", ""),
        (("time", "time"), ""),
        (("time", 3), ""),
        ([["time"]], ""),
        (None, ""),
        (True, ""),
        ({"time"}, ""),
    ],
)
@pytest.mark.parametrize(
    "method", ["fit", "partial_fit", "transform", "get_feature_names_out"]
)
def test_errors_for_add(add, advice, method):
    features = SequenceFeatures().fit(RAGGED).set_params(add=add)
    before = state_of(features)
    message = (
        "The 'add' parameter of SequenceFeatures must be a str among {'time', "
        "'difference', 'standardized'}, or a list or tuple of these, each once. Got "
        f"{add!r} instead.{advice}"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        getattr(features, method)(*([] if "names" in method else [RAGGED]))
    assert state_of(features) == before


def test_errors_show_a_few_names_only():
    with pytest.raises(ValueError, match=r"Got \['a', 'a', .*, \.\.\.\] instead\.$"):
        SequenceFeatures(["a"] * 99).fit(X)


@pytest.mark.parametrize("method", ["fit", "partial_fit", "transform"])
@pytest.mark.parametrize(
    ("X_bad", "match"),
    [
        ([], "0 sample.* required by SequenceFeatures"),
        ([*RAGGED, X[0, :0]], "sequence 24 of X with 0 time step"),
        (np.where(X > 2, np.inf, X), "Input X contains infinity"),
        (X[0, :, 0], r"one series .* passed as \[x\]"),
    ],
)
def test_errors_for_x(method, X_bad, match):
    features = two().fit(ROWS)
    before = state_of(features)
    with pytest.raises(ValueError, match=match):
        getattr(features, method)(X_bad)
    assert state_of(features) == before


def test_it_must_be_fitted():
    with pytest.raises(NotFittedError, match="This SequenceFeatures instance is not"):
        SequenceFeatures().transform(RAGGED)
    with pytest.raises(NotFittedError):
        SequenceFeatures().get_feature_names_out()


def test_other_features_than_those_of_fit():
    features = SequenceFeatures().fit(RAGGED)
    with pytest.raises(ValueError, match="X has 1 features, but SequenceFeatures is"):
        features.transform(X[:, :, :1])
