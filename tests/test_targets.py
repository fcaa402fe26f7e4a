"""What fit and score are given beside X: checked first, and called by its name."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.metrics import r2_score
from small import INDICATOR, LABELS, RAGGED, WEIGHTS, X, Y, make, output_of
from small_steps import TWO as TWO_OF_STEPS
from small_steps import WEIGHTS as WEIGHTS_OF_STEPS
from small_steps import make_steps, weights_of

from skrnn import RNNClassifier, RNNRegressor
from skrnn.backends import CPUBackend

TARGETS = {RNNClassifier: LABELS, RNNRegressor: Y}
both = pytest.mark.parametrize("estimator_class", TARGETS)
TWO = np.c_[Y, 100 - 7 * Y]
WORDS = np.array(["low", "middle", "very high"])
DAYS = np.arange(24).astype("M8[D]")


@pytest.fixture
def no_training(monkeypatch):
    """Training is an error: what is wrong is found before."""

    def loss_gradient(*args, **kwargs):
        raise AssertionError("Training began.")

    monkeypatch.setattr(CPUBackend, "loss_gradient", loss_gradient)


# Validation data

V = X[:9]
STOPPING = {"early_stopping": True, "max_iter": 2}
BAD_VALIDATION = {
    "features": ({"X_val": V[:, :, :1]}, "X_val has 1 features, but .* expecting 2"),
    "NaN": ({"X_val": V * np.nan}, "Input X_val contains NaN"),
    "length": (
        {"X_val": V[1:]},
        r"Found X_val and y_val with inconsistent numbers of samples: \[8, 9\]",
    ),
    "3D": ({"y_val": V}, "y_val has 3 dimensions, as targets for every time step"),
    "weights": (
        {"sample_weight_val": [1.0]},
        r"sample_weight_val.shape == \(1,\), expected \(9,\)",
    ),
    "no weights": (
        {"sample_weight_val": -WEIGHTS[:9]},
        "passed to `sample_weight_val`",
    ),
    "weights alone": (
        {"X_val": None, "y_val": None, "sample_weight_val": WEIGHTS},
        "sample_weight_val is provided, but X_val and y_val were not",
    ),
}
BAD_VALUES = {
    "columns": (TWO[:9], "y_val has 2 outputs, but RNNRegressor is expecting 1"),
    "NaN": (Y[:9] * np.nan, "nothing to score in a column of y_val: every value"),
    "dates": (DAYS[:9], "y_val has no numbers. Data of dtype datetime64.D. is not num"),
    "infinite": (Y[:9] + np.inf, "Input y_val contains infinity"),
}
BAD_LABELS = {
    "words": (
        WORDS[LABELS[:9]],
        "y_val has labels such as '.*', but those of fit were",
    ),
    "columns": (INDICATOR[:9], "y_val must have 1 labels per target"),
    "NaN": (LABELS[:9] * np.nan, "Input y_val contains NaN"),
    "values": (Y[:9], "Unknown label type: continuous"),
    "mixed": (
        [0, "a"] * 4 + [1],
        r"in y_val must have one type, found int, str. Conve",
    ),
}


@both
@pytest.mark.parametrize(("bad", "match"), BAD_VALIDATION.values(), ids=BAD_VALIDATION)
def test_validation_data_are_checked_first(no_training, estimator_class, bad, match):
    y = TARGETS[estimator_class]
    estimator = make(estimator_class, **STOPPING)
    with pytest.raises(ValueError, match=match):
        estimator.fit(X, y, **{"X_val": V, "y_val": y[:9]} | bad)
    assert vars(estimator) == vars(make(estimator_class, **STOPPING))


@pytest.mark.parametrize(
    ("estimator_class", "y_val", "match"),
    [(RNNRegressor, *bad) for bad in BAD_VALUES.values()]
    + [(RNNClassifier, *bad) for bad in BAD_LABELS.values()],
    ids=[*BAD_VALUES, *(f"{name} as labels" for name in BAD_LABELS)],
)
def test_validation_targets_are_checked_first(
    no_training, estimator_class, y_val, match
):
    estimator = make(estimator_class, **STOPPING)
    with pytest.raises(ValueError, match=match):
        estimator.fit(X, TARGETS[estimator_class], X_val=V, y_val=y_val)


@both
def test_validation_data_of_steps_are_checked_first(no_training, estimator_class):
    y = [part[:, 0] > 0 for part in RAGGED]
    estimator = make_steps(estimator_class, **STOPPING)
    for y_val, weights, match in (
        (
            y[1:10],
            None,
            r"sequence 0 of X_val has 1 steps, y_val\[0\] has shape \(2,\)",
        ),
        (
            y[:9],
            [np.ones(1)] * 9,
            r"of X_val has 2 steps, sample_weight_val\[1\] has sh",
        ),
    ):
        with pytest.raises(ValueError, match=match):
            estimator.fit(
                RAGGED, y, X_val=RAGGED[:9], y_val=y_val, sample_weight_val=weights
            )


# Data set aside


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("ignore_label", [-1, np.nan, "?"])
def test_missing_labels_are_not_set_aside(n_classes, ignore_label):
    names = WORDS if ignore_label == "?" else np.arange(3)
    y = names[LABELS % n_classes].astype(object)
    y[:4] = ignore_label  # of the first four, one more than a fold would have
    y = y.tolist()
    classifier = make(
        RNNClassifier, ignore_label=ignore_label, validation_fraction=0.3, **STOPPING
    ).fit(X, y)
    # The others are set aside as they are without those that have no label.
    expected = make(RNNClassifier, validation_fraction=0.3, **STOPPING)
    expected.fit(X[4:], y[4:])
    assert len(classifier.validation_scores_) == 2
    assert_allclose(output_of(classifier, X), output_of(expected, X), rtol=1e-5)
    assert classifier.validation_scores_ == expected.validation_scores_


def test_one_missing_label_is_no_class():
    y = LABELS.copy()
    y[5] = -1
    classifier = make(
        RNNClassifier, ignore_label=-1, validation_fraction=0.25, **STOPPING
    )
    assert len(classifier.fit(X, y).validation_scores_) == 2


def test_steps_without_a_label_are_not_set_aside():
    y = [np.digitize(part[:, 0], [0.0]) for part in RAGGED]
    y[1][:] = -1
    classifier = make_steps(RNNClassifier, ignore_label=-1, **STOPPING).fit(RAGGED, y)
    rest = [i for i in range(24) if i != 1]
    expected = make_steps(RNNClassifier, **STOPPING)
    expected.fit([RAGGED[i] for i in rest], [y[i] for i in rest])
    assert classifier.validation_scores_ == expected.validation_scores_


@pytest.mark.parametrize(
    ("estimator_class", "n", "fraction", "match"),
    [
        (
            RNNRegressor,
            1,
            0.1,
            "validation_fraction=0.1 sets 1 of 1 samples aside: the",
        ),
        (RNNClassifier, 24, 0.1, "sets 3 of 24 samples aside"),
        (RNNClassifier, 24, 0.04, "sets 1 of 24 samples aside: with 3 classes, both p"),
        (RNNClassifier, 24, 0.95, "sets 23 of 24 samples aside: with 3 classes, both"),
        (RNNClassifier, 3, 0.5, "least populated class, 'low', has 1 sample: 2 are"),
    ],
)
def test_what_cannot_be_set_aside(estimator_class, n, fraction, match):
    y = WORDS[[0, 1, 2] * 8] if estimator_class is RNNClassifier else Y
    estimator = make(estimator_class, **STOPPING, validation_fraction=fraction)
    if (n, fraction) == (24, 0.1):
        assert len(estimator.fit(X, y).validation_scores_) == 2  # it can
        return
    with pytest.raises(ValueError, match=match) as info:
        estimator.fit(X[:n], y[:n])
    assert "validation data (X_val)" in str(info.value)
    assert "test_size" not in str(info.value)


@pytest.mark.parametrize(
    "form", [sparse.coo_array, sparse.csr_matrix, sparse.csc_array]
)
def test_sparse_indicators_with_early_stopping(form):
    expected = make(RNNClassifier, **STOPPING).fit(X, INDICATOR)
    classifier = make(RNNClassifier, **STOPPING).fit(X, form(INDICATOR))
    assert_array_equal(weights_of(classifier), weights_of(expected))
    assert classifier.validation_scores_ == expected.validation_scores_
    assert classifier.score(X, form(INDICATOR)) == expected.score(X, INDICATOR)


# Scores


@pytest.mark.parametrize(
    ("estimator_class", "y", "match"),
    [
        (RNNRegressor, DAYS, "y has no numbers. Data of dtype datetime64"),
        (RNNRegressor, Y.astype(str), "y has no numbers. Data of dtype <U"),
        (RNNRegressor, [10**400] * 24, "Input y contains infinity"),
        (RNNRegressor, Y + 1j, "Complex data not supported"),
        (RNNRegressor, TWO, "y has 2 outputs, but RNNRegressor is expecting 1"),
        (RNNRegressor, X, "y has 3 dimensions, as targets for every time step"),
        (
            RNNClassifier,
            [0, "a"] * 12,
            "must have one type, found int, str. Convert each",
        ),
        (RNNClassifier, [None] * 24, "must have one type, found NoneType"),
        (RNNClassifier, [pd.NA] * 24, "Input y contains NaN"),
        (RNNClassifier, INDICATOR, "y must have 1 labels per target"),
        (
            RNNClassifier,
            WORDS[LABELS],
            "y has labels such as .* those of fit were such",
        ),
        (RNNRegressor, None, "the target y is None"),
        (RNNClassifier, None, "the target y is None"),
    ],
)
def test_score_takes_what_fit_takes(estimator_class, y, match):
    estimator = make(estimator_class).fit(X, TARGETS[estimator_class])
    with pytest.raises(ValueError, match=match):
        estimator.score(X, y)


@both
def test_score_of_steps_needs_targets(estimator_class):
    y = [part[:, 0] > 0 for part in RAGGED]
    with pytest.raises(ValueError, match="the target y is None"):
        make_steps(estimator_class).fit(RAGGED, y).score(RAGGED, None)


# Missing values


@pytest.mark.parametrize("y", [Y, TWO], ids=["one", "two"])
def test_missing_values_of_sequences(y):
    there = np.random.default_rng(8).random(y.shape) < 0.7
    there.reshape(24, -1)[0] = False  # of one sequence, none
    gaps = np.where(there, y, np.nan)
    regressor = make(RNNRegressor).fit(X, gaps)
    predicted = regressor.predict(X).reshape(24, -1)
    expected = np.mean(
        [
            r2_score(column[is_there], of_column[is_there])
            for column, of_column, is_there in zip(
                y.reshape(24, -1).T, predicted.T, there.reshape(24, -1).T, strict=True
            )
        ]
    )
    assert regressor.score(X, gaps) == expected
    objects = np.where(there, y.astype(object), pd.NA)
    for form in (objects, objects.tolist(), pd.DataFrame(objects, dtype="Float64")):
        form = form if y.ndim == 2 or not hasattr(form, "columns") else form[0]
        other = make(RNNRegressor).fit(X, form)
        assert_array_equal(weights_of(other), weights_of(regressor))
        assert other.score(X, form) == expected
    if y.ndim == 1:
        without = make(RNNRegressor, batch_size=24).fit(X, Y, sample_weight=there)
        assert_array_equal(weights_of(without), weights_of(regressor))


def test_na_among_labels():
    labels = WORDS[LABELS].astype(object)
    labels[3] = pd.NA
    for y in (
        labels,
        pd.Series(labels, dtype="string"),
        pd.Series(labels, dtype="category"),
    ):
        with pytest.raises(ValueError, match="Input y contains NaN"):
            make(RNNClassifier).fit(X, y)
        classifier = make(RNNClassifier, ignore_label=np.nan).fit(X, y)
        assert_array_equal(classifier.classes_, WORDS)
    numbers = pd.Series(np.where(np.arange(24) == 3, pd.NA, LABELS), dtype="Int64")
    with pytest.raises(ValueError, match="Input y contains NaN"):
        make(RNNClassifier).fit(X, numbers)
    classifier = make(RNNClassifier, ignore_label=np.nan).fit(X, numbers)
    assert classifier.classes_.tolist() == [0, 1, 2]


# Weights


@pytest.mark.parametrize("weight", [np.nan, np.inf, 1e308, 5e-324, 1e-300])
@both
def test_weights_that_are_none(no_training, estimator_class, weight):
    y = TARGETS[estimator_class]
    match = "sample_weight (contains|is out of range: the largest weight is)"
    for weights in (weight, np.full(24, weight)):
        with pytest.raises(ValueError, match=match):
            make(estimator_class).fit(X, y, weights)


@both
def test_weights_too_small_to_count(estimator_class):
    y = TARGETS[estimator_class]
    weights = np.where(np.arange(24) % 2, WEIGHTS, 1e-300)
    # Batches of which some have no other weights.
    options = {"batch_size": 1, "shuffle": False}
    estimator = make(estimator_class, **options).fit(X, y, weights)
    expected = make(estimator_class, **options).fit(X, y, WEIGHTS * (np.arange(24) % 2))
    assert_array_equal(weights_of(estimator), weights_of(expected))
    assert estimator.score(X, y, weights) == expected.score(X, y, weights)
    with pytest.raises(ValueError, match="sample_weight is out of range"):
        estimator.score(X, y, np.full(24, 1e308))


@pytest.mark.parametrize("weight", [-1, np.nan, None, np.inf, "2"])
def test_weights_of_classes_that_are_none(no_training, weight):
    match = (
        "class_weight must have finite numbers of 0 or more, found .* for the class 1"
    )
    for y, weights in (
        (LABELS, {0: 3.0, 1: weight}),
        (np.c_[LABELS, LABELS % 2], [{0: 2.0}, {1: weight}]),
    ):
        with pytest.raises(ValueError, match=match):
            make(RNNClassifier, class_weight=weights).fit(X, y)


def test_weights_of_classes_out_of_range(no_training):
    with pytest.raises(
        ValueError, match="sample_weight times class_weight is out of r"
    ):
        make(RNNClassifier, class_weight={0: 1e200, 1: 1.0}).fit(X, LABELS)


def test_all_targets_of_a_step_have_one_weight(no_training):
    regressor = make_steps(RNNRegressor)
    two = [np.c_[part, part] for part in WEIGHTS_OF_STEPS]
    match = (
        "sample_weight has 2 weights for each step, but all targets of a step have one"
    )
    with pytest.raises(ValueError, match=match):
        regressor.fit(RAGGED, TWO_OF_STEPS, two)
    flat = np.concatenate(WEIGHTS_OF_STEPS)
    match = (
        r"shape == \(70,\), expected \(24,\). Pass one weight for each sequence, or a"
    )
    with pytest.raises(ValueError, match=match):
        regressor.fit(RAGGED, TWO_OF_STEPS, flat)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.float16, bool])
@both
def test_small_types(estimator_class, dtype):
    """Nothing is computed in them, where it would overflow."""
    y = (100 * (LABELS > 0)).astype(dtype)
    weights = (100 + LABELS).astype(dtype)
    estimator = make(estimator_class).fit(X, y, weights)
    wide = [array.astype(float) for array in (y, weights)]
    expected = make(estimator_class).fit(X, *wide)
    assert_array_equal(weights_of(estimator), weights_of(expected))
    assert estimator.score(X, y, weights) == expected.score(X, *wide)


# Labels


@pytest.mark.parametrize("values", [(3, 5), (-1, 1), (0, 2)])
def test_two_numbers_in_columns_are_labels(values):
    """Those of an indicator matrix are 0 and 1. fit and partial_fit have one rule."""
    y = np.array(values)[INDICATOR]
    classifier = make(RNNClassifier).fit(X, y)
    partial = make(RNNClassifier).partial_fit(X, y, classes=[values] * 3)
    for fitted in (classifier, partial):
        assert [list(classes) for classes in fitted.classes_] == [list(values)] * 3
        assert np.isin(fitted.predict(X), values).all()


# Units of a stream


@pytest.mark.parametrize(
    "y",
    [Y[:1], np.full(24, 7.0), Y[:9], np.where(np.arange(24) < 9, Y, np.nan)],
    ids=["one", "equal", "few", "missing"],
)
def test_first_values_of_a_stream_that_are_no_unit(y):
    regressor = make(RNNRegressor)
    with pytest.warns(
        UserWarning, match="Pass 10 or more typical ones at first"
    ) as record:
        regressor.partial_fit(X[: len(y)], y)
    assert record[0].filename == __file__
    regressor.partial_fit(X[:1], Y[:1])  # not again
    make(RNNRegressor, normalize_y=False).partial_fit(X[: len(y)], y)


# Errors


MANY = [f"label number {i}" for i in range(900)]
LONG_ERRORS = {
    "other classes": lambda classifier: classifier.partial_fit(
        X, WORDS[LABELS], classes=[*MANY, *WORDS, "more"]
    ),
    "unknown labels": lambda classifier: classifier.partial_fit(X, [*WORDS, "new"] * 6),
    "label": lambda classifier: (
        make(RNNClassifier).fit(X, LABELS).score(X, ["a" * 9999] * 24)
    ),
    "class_weight": lambda classifier: make(
        RNNClassifier, class_weight=[dict.fromkeys(MANY, 1.0)] * 30
    ).fit(X, LABELS),
    "trainable": lambda classifier: make(RNNClassifier, trainable=MANY * 99).fit(
        X, LABELS
    ),
    "weights": lambda classifier: classifier.set_weights(dict.fromkeys(MANY, 0)),
    "columns": lambda classifier: classifier.fit(
        [pd.DataFrame(x, columns=[i * "a" * 9999, "b"]) for i, x in enumerate(X)],
        LABELS,
    ),
}


@pytest.mark.parametrize("call", LONG_ERRORS.values(), ids=LONG_ERRORS)
def test_errors_have_few_of_the_values(call):
    classifier = make(RNNClassifier)
    classifier.partial_fit(X, WORDS[LABELS], classes=[*MANY, *WORDS])
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        call(classifier)
    assert len(str(caught.value)) < 600


def test_a_series_of_arrays_is_several_outputs():
    expected = make(RNNRegressor).fit(X, TWO).predict(X)
    assert_array_equal(
        make(RNNRegressor).fit(X, pd.Series([*TWO])).predict(X), expected
    )


# What is no list and no array

NO_TARGETS = {
    "dict": (dict(enumerate(range(24))), r"type dict. Pass list\(y.values\(\)\)"),
    "values": (dict(enumerate(range(24))).values(), r"dict_values. Pass list\(y\)"),
    "generator": ((i for i in range(24)), r"type generator. Pass list\(y\)"),
    "text": ("word" * 6, "type str"),
}


@both
@pytest.mark.parametrize(("y", "match"), NO_TARGETS.values(), ids=NO_TARGETS)
def test_y_is_a_list_or_an_array(estimator_class, y, match):
    for more in ({}, {"return_sequences": True}):
        with pytest.raises(ValueError, match=f"y must be a list or an array.*{match}"):
            make(estimator_class, **more).fit(X, y)


def test_masked_labels_are_missing_ones():
    masked = np.ma.masked_array(np.where(LABELS == 0, 7, LABELS), LABELS == 0)
    with pytest.raises(ValueError, match="Input y contains NaN"):
        make(RNNClassifier).fit(X, masked)
    classifier = make(RNNClassifier, ignore_label=np.nan).fit(X, masked)
    assert classifier.classes_.tolist() == [1, 2]
    there = LABELS > 0
    expected = classifier.score(X[there], LABELS[there])
    assert classifier.score(X, masked) == expected
    strict = make(RNNClassifier).fit(X, LABELS)
    with pytest.raises(ValueError, match="Input y contains NaN"):
        strict.score(X, masked)
