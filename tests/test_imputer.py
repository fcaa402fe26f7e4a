"""SequenceImputer: what it fills in, its channels, times, names and errors.

scikit-learn's checks of it stand beside those of the other transformers
(test_scaler_sklearn.py), and what it shares with SequenceFeatures in test_features.py.
"""

import copy
import pickle
import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from small import LABELS, RAGGED, X, make
from small_forms import ARRAYS, LISTS

from skrnn import RNNClassifier
from skrnn.preprocessing import SequenceImputer

FORMS = LISTS | ARRAYS
nan = np.nan
_rng = np.random.default_rng(0)
#: Irregular times, and two features of which half is missing.
GAPS = [
    np.column_stack([_rng.exponential(1, len(x)).cumsum(), np.where(x > 0, x, np.nan)])
    for x in RAGGED
]


def expected_of(x, means, times):
    """All channels of one sequence, by loops, as Che et al. write them."""
    filled, masks, deltas = [], [], []
    delta, last = np.zeros(x.shape[1]), np.array(means)
    for t, row in enumerate(x):
        if t > 0:
            step = times[t] - times[t - 1]
            delta = np.where(np.isnan(x[t - 1]), step + delta, step)
        last = np.where(np.isnan(row), last, row)
        filled.append(last)
        masks.append(np.isnan(row))
        deltas.append(delta)
    return np.array(filled), np.array(masks), np.array(deltas)


# Numbers


def test_all_channels_are_those_of_the_formulas():
    imputer = SequenceImputer(time=0, features="all").fit(GAPS)
    means = np.nanmean(np.concatenate(GAPS), axis=0)
    assert_allclose(imputer.statistics_, means)
    assert_array_equal(imputer.features_, [0, 1, 2])
    for x, found in zip(GAPS, imputer.transform(GAPS), strict=True):
        filled, masks, deltas = expected_of(x, means, x[:, 0])
        intervals = np.diff(x[:, 0], prepend=x[0, 0])
        assert_allclose(found[:, :3], filled)
        assert_array_equal(found[:, 3:6], masks)
        assert_allclose(found[:, 6:9], deltas, atol=1e-12)
        assert_allclose(found[:, 9], intervals)


def test_without_times_steps_are_one_apart():
    imputer = SequenceImputer().fit(GAPS)
    assert_array_equal(imputer.features_, [1, 2])
    for x, found in zip(GAPS, imputer.transform(GAPS), strict=True):
        filled, masks, deltas = expected_of(x, imputer.statistics_, np.arange(len(x)))
        assert_allclose(found, np.hstack([filled, masks[:, 1:], deltas[:, 1:]]))


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("last", [[3, 5, 5, 9], [3, 3]]),
        ("mean", [[3, 5, 3, 9], [3, 3]]),
        ("constant", [[-1, 5, -1, 9], [-1, -1]]),
    ],
)
def test_strategies(strategy, expected):
    x = [[nan, 5.0, nan, 9.0], [nan, nan]]
    fit_on = [[nan, 1.0, 5.0]]
    imputer = SequenceImputer(strategy, add=(), fill_value=-1.0).fit(fit_on)
    for found, x_expected in zip(imputer.transform(x), expected, strict=True):
        assert_array_equal(found, x_expected)


def test_nothing_is_learned_but_of_fit():
    imputer = SequenceImputer(add=()).fit([[[1.0, nan], [3.0, nan]]])
    assert_array_equal(imputer.statistics_, [2, 0])  # of what was never there
    assert_array_equal(imputer.features_, [1])
    found = imputer.transform([[[nan, nan]], [[nan, 7.0], [nan, nan]]])
    assert_array_equal(found[0], [[2, 0]])
    assert_array_equal(found[1], [[2, 7], [2, 7]])
    # Missing now, which was not in fit: filled in, but without channels.
    added = imputer.set_params(add="missing").transform([[[nan, nan]]])
    assert_array_equal(added[0], [[2, 0, 1]])


def test_a_sequence_has_the_same_bits_in_any_company():
    imputer = SequenceImputer(time=0).fit(GAPS)
    for x, found in zip(GAPS, imputer.transform(GAPS), strict=True):
        assert_array_equal(imputer.transform([x])[0], found)


def test_weights_and_parts():
    weights = np.arange(24) % 3
    repeated = [x for x, w in zip(GAPS, weights, strict=True) for _ in range(w)]
    weighted = SequenceImputer().fit(GAPS, sample_weight=weights)
    assert_allclose(weighted.statistics_, SequenceImputer().fit(repeated).statistics_)
    parts = SequenceImputer().partial_fit(GAPS[:9]).partial_fit(GAPS[9:])
    assert_allclose(parts.statistics_, SequenceImputer().fit(GAPS).statistics_)
    later = SequenceImputer().partial_fit([[nan, nan]]).partial_fit([[3.0, nan]])
    assert_array_equal(later.statistics_, [3])
    # Which features have channels is that of the first call.
    whole = SequenceImputer().partial_fit(RAGGED).partial_fit([x[:, 1:] for x in GAPS])
    assert whole.features_.size == 0
    assert whole.fit([x[:, 1:] for x in GAPS]).features_.tolist() == [0, 1]


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_forms(form):
    missing = np.where(X > 1, nan, X)
    imputer = SequenceImputer(n_features_per_step=2)
    found = imputer.fit_transform(form(missing))
    expected = SequenceImputer().fit_transform(missing)
    assert_array_equal(np.reshape(found, expected.shape), expected)
    assert imputer.get_feature_names_out().shape == (np.shape(found[0])[-1],)


def test_what_is_missing():
    pl = pytest.importorskip("polars")
    expected = [[3.0, 1.0, 0.0], [2.0, 0.0, 1.0], [4.0, 0.0, 1.0]]
    for x in (
        [[None], [2.0], [4.0]],
        np.ma.array([[9.0], [2.0], [4.0]], mask=[[1], [0], [0]]),
        pd.DataFrame({"a": pd.array([None, 2, 4], "Int64")}),
        pl.DataFrame({"a": [None, 2.0, 4.0]}),
    ):
        assert_array_equal(SequenceImputer().fit_transform([x])[0], expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtypes(dtype):
    missing = np.where(X > 1, nan, X).astype(dtype)
    assert SequenceImputer().fit_transform(missing).dtype == dtype
    assert SequenceImputer().fit_transform(list(missing))[3].dtype == dtype


# Names and times


def test_names():
    frames = [pd.DataFrame(x, columns=["day", "bili", "chol"]) for x in GAPS]
    imputer = SequenceImputer(time="day").fit(frames)
    assert imputer.get_feature_names_out().tolist() == [
        *("day", "bili", "chol", "bili_missing", "chol_missing"),
        *("bili_time_since", "chol_time_since", "interval"),
    ]
    by_index = SequenceImputer(time=0).fit(GAPS)
    assert_array_equal(imputer.transform(frames)[4], by_index.transform(GAPS)[4])
    imputer.set_params(add=("interval", "missing"))
    assert imputer.get_feature_names_out().tolist()[3:] == [
        *("interval", "bili_missing", "chol_missing")
    ]
    table = SequenceImputer(add="missing").fit(np.where(X[:, :, 0] > 1, nan, 0.0))
    names = [name for t in range(5) for name in (f"x{t}", f"x{t}_missing")]
    assert table.get_feature_names_out().tolist() == names


@pytest.mark.parametrize(
    ("time", "x", "match"),
    [
        (0, [[1.0, 2.0], [nan, 3.0]], r"time=0\) is missing, first at step 1"),
        (
            1,
            [[1.0, 2.0], [2.0, 1.0]],
            "before that of the step before, first",
        ),
        (
            2,
            [[1.0, 2.0]],
            "time=2, but the steps of X have 2 features: indic",
        ),
        (
            "day",
            [[1.0, 2.0]],
            r"time is a name \('day'\), but the steps of X",
        ),
        (
            "day",
            pd.DataFrame({"dy": [1.0]}),
            "time='day' is no feature of X; it",
        ),
        (-1, [[1.0, 2.0]], "The 'time' parameter of SequenceImputer must be"),
        (1.5, [[1.0, 2.0]], "The 'time' parameter of SequenceImputer must be"),
        (True, [[1.0, 2.0]], "None or a feature: its index or its name. Got True"),
    ],
)
def test_errors_for_times(time, x, match):
    fine = pd.DataFrame({"dy": [0.0]}) if isinstance(x, pd.DataFrame) else [[0.0, 1.0]]
    with pytest.raises(ValueError, match=match):
        SequenceImputer(time=time).fit([fine, x])
    imputer = SequenceImputer().fit([fine])
    before = pickle.dumps(imputer)
    with pytest.raises(ValueError, match=match):
        imputer.set_params(time=time).fit([fine, x])
    assert pickle.dumps(imputer.set_params(time=None)) == before


# Errors


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        ({"strategy": "ffill"}, "The 'strategy' parameter of SequenceImputer must be"),
        ({"features": "some"}, "The 'features' parameter of SequenceImputer must be"),
        ({"fill_value": nan}, "The 'fill_value' parameter of SequenceImputer must be"),
        ({"add": "mask"}, "The 'add' parameter .* Did you mean 'missing'?"),
        ({"add": ("delta",)}, "The 'add' parameter .* Did you mean 'time_since'?"),
    ],
)
def test_errors_for_parameters(parameters, match):
    with pytest.raises(ValueError, match=match):
        SequenceImputer(**parameters).fit(GAPS)
    with pytest.raises(ValueError, match=match):
        SequenceImputer().fit(GAPS).set_params(**parameters).transform(GAPS)


def test_errors_for_what_x_cannot_hold():
    imputer = SequenceImputer("constant", fill_value=1e100).fit([[1e100, nan]])
    assert_array_equal(imputer.transform([[nan]])[0], [[1e100, 1, 0]])
    small = [np.array([nan], np.float32)]
    for strategy, name in (("constant", "fill_value"), ("mean", "statistics_")):
        match = rf"{name} has 1e\+100, which is too large for the float32 of X\. Pass"
        with pytest.raises(ValueError, match=match):
            imputer.set_params(strategy=strategy).transform(small)


def test_errors_for_x():
    with pytest.raises(ValueError, match="sequence 1 of X with 0 time step"):
        SequenceImputer().fit([GAPS[0], GAPS[0][:0]])
    with pytest.raises(ValueError, match="Input X contains infinity"):
        SequenceImputer().fit([GAPS[0], GAPS[0] + np.inf])
    with pytest.raises(ValueError, match=r"'a'\. SequenceImputer takes numbers only"):
        SequenceImputer().fit([["a", None]])
    with pytest.raises(ValueError, match=r"<U1 is not numeric\. SequenceImputer takes"):
        SequenceImputer().fit([["a", "b"]])
    with pytest.raises(ValueError, match="X has 2 features, but SequenceImputer is"):
        SequenceImputer().fit(GAPS).transform(RAGGED)


def test_the_error_for_missing_values_says_how_to_take_them():
    message = (
        "RNNClassifier takes no missing values: fill them in, for which "
        "skrnn.preprocessing.SequenceImputer stands before it in a pipeline, or leave "
        "such sequences out."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        make(RNNClassifier).fit(GAPS, LABELS)


# Inside scikit-learn's tools


def test_copies_and_text():
    imputer = SequenceImputer(time=0).fit(GAPS)
    for other in (copy.deepcopy(imputer), pickle.loads(pickle.dumps(imputer))):
        assert_array_equal(other.transform(GAPS)[4], imputer.transform(GAPS)[4])
    assert repr(clone(imputer)) == "SequenceImputer(time=0)"


def test_inputs_are_not_changed():
    given = [x.copy() for x in GAPS]
    for x in given:
        x.flags.writeable = False
    found = SequenceImputer(add=()).fit_transform(given)
    for x, x_given, original in zip(found, given, GAPS, strict=True):
        assert_array_equal(x_given, original)
        assert not np.shares_memory(x, x_given)
