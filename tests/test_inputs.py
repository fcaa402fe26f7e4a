"""What X, y, sample_weight and the parameters may be, and the errors for the rest."""

import numpy as np
import pandas as pd
import pytest
import scipy
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.utils._param_validation import InvalidParameterError
from small import LABELS, RAGGED, TARGETS, WEIGHTS, X, Y, make, state_of

from skrnn import RNNClassifier, RNNRegressor

# Whole numbers, which are the same in every dtype.
INTEGERS = (X > 0).astype(np.int64)
N_FEATURES = X.shape[2]


def object_array(X):
    return np.fromiter(X, dtype=object)


def memmap(X, path):
    np.save(path / "X.npy", X)
    return np.load(path / "X.npy", mmap_mode="r")


def flat(X):
    return X.reshape(len(X), -1)


FORMS = {
    "Fortran order": np.asfortranarray,
    "list": list,
    "tuple": tuple,
    "object array": object_array,
    "3D object array": lambda X: X.astype(object),
    "list of lists": lambda X: X.tolist(),
    "list of lists of arrays": lambda X: [list(x) for x in X],
    "list of DataFrames": lambda X: [pd.DataFrame(x) for x in X],
    "Series": lambda X: pd.Series(list(X)),
    "list of views": lambda X: [np.repeat(x, 2, axis=1)[:, ::2] for x in X],
    "list of Fortran order": lambda X: [np.asfortranarray(x) for x in X],
    "list of mixed dtypes": lambda X: [x.astype("fi"[i % 2]) for i, x in enumerate(X)],
    "view": lambda X: np.repeat(X, 3, axis=1)[:, ::3],
    "backwards view": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "float32": lambda X: X.astype(np.float32),
    "float64": lambda X: X.astype(np.float64),
    "float16": lambda X: X.astype(np.float16),
    "uint8": lambda X: X.astype(np.uint8),
    "bool": lambda X: X.astype(bool),
    "big-endian": lambda X: X.astype(">f8"),
    "rows": flat,
    "rows in Fortran order": lambda X: np.asfortranarray(flat(X)),
    "rows as lists": lambda X: flat(X).tolist(),
    "rows as tuples": lambda X: tuple(map(tuple, flat(X).tolist())),
    "rows as bool": lambda X: flat(X).astype(bool),
    "rows as objects": lambda X: flat(X).astype(object),
    "DataFrame": lambda X: pd.DataFrame(flat(X)),
    "DataFrame of mixed dtypes": lambda X: pd.DataFrame(flat(X)).astype({0: bool}),
    "DataFrame of nullable dtype": lambda X: pd.DataFrame(flat(X), dtype="Int64"),
}


@pytest.fixture(scope="module")
def expected():
    regressor = make(RNNRegressor, n_features_per_step=N_FEATURES).fit(INTEGERS, Y)
    return regressor.predict(INTEGERS)


@pytest.mark.quick
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_forms_of_x_are_equivalent(form, expected):
    X_form = form(INTEGERS)
    regressor = make(RNNRegressor, n_features_per_step=N_FEATURES).fit(X_form, Y)
    assert_array_equal(regressor.predict(X_form), expected)
    assert_array_equal(regressor.predict(INTEGERS), expected)


@pytest.mark.parametrize("reshape", [np.asarray, flat], ids=["3D", "rows"])
def test_read_only_memmap(reshape, expected, tmp_path):
    X_form = memmap(reshape(INTEGERS.astype(np.float32)), tmp_path)
    regressor = make(RNNRegressor, n_features_per_step=N_FEATURES).fit(X_form, Y)
    assert_array_equal(regressor.predict(X_form), expected)
    assert not X_form.flags.writeable


@pytest.mark.parametrize(
    "form",
    [
        flat,
        lambda X: [x[:, 0] for x in X],
        lambda X: [x[:, 0].tolist() for x in X],
        lambda X: [pd.Series(x[:, 0]) for x in X],
        lambda X: [x[:, 0] if i % 2 else x for i, x in enumerate(X)],
    ],
    ids=["rows", "list of 1D", "list of lists", "list of Series", "1D and 2D"],
)
def test_forms_of_univariate_x_are_equivalent(form):
    univariate = X[:, :, :1]
    expected = make(RNNRegressor).fit(univariate, Y).predict(univariate)
    X_form = form(univariate)
    assert_array_equal(make(RNNRegressor).fit(X_form, Y).predict(X_form), expected)


@pytest.mark.parametrize(
    "form",
    [
        tuple,
        object_array,
        pd.Series,
        lambda X: [x.tolist() for x in X],
        lambda X: [pd.DataFrame(x) for x in X],
        lambda X: [np.asfortranarray(x) for x in X],
        lambda X: [x.astype(np.float32) for x in X],
    ],
    ids=["tuple", "objects", "Series", "lists", "DataFrames", "Fortran", "float32"],
)
def test_forms_of_ragged_x_are_equivalent(form):
    expected = make(RNNRegressor).fit(RAGGED, Y).predict(RAGGED)
    X_form = form(RAGGED)
    assert_array_equal(make(RNNRegressor).fit(X_form, Y).predict(X_form), expected)


@pytest.mark.skipif(
    np.lib.NumpyVersion(scipy.__version__) < "1.14.0",
    reason="scikit-learn dispatches with SciPy 1.14 or newer only",
)
@pytest.mark.parametrize("form", [tuple, object_array, pd.Series])
def test_array_api_dispatch_does_no_harm(form):
    expected = make(RNNRegressor).fit(RAGGED, Y, WEIGHTS).predict(RAGGED)
    with config_context(array_api_dispatch=True):
        regressor = make(RNNRegressor).fit(form(RAGGED), Y, WEIGHTS)
        assert_array_equal(regressor.predict(form(RAGGED)), expected)


def test_ragged_lists_of_numbers_are_univariate_sequences():
    lists = [x[:, 0].tolist() for x in RAGGED]
    regressor = make(RNNRegressor).fit(lists, Y)
    assert regressor.n_features_per_step_ == 1
    columns = [x[:, :1] for x in RAGGED]
    assert_array_equal(regressor.predict(lists), regressor.predict(columns))


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_prediction_is_the_same_bits_in_any_company(cell, dtype):
    regressor = make(RNNRegressor, cell=cell, dtype=dtype).fit(RAGGED, Y)
    together = regressor.predict(RAGGED)
    alone = [regressor.predict([x])[0] for x in RAGGED]
    assert_array_equal(together, alone)
    assert_array_equal(together[::-1], regressor.predict(RAGGED[::-1]))


def test_lengths_never_seen_in_fit():
    regressor = make(RNNRegressor).fit(RAGGED, Y)
    longer = [np.concatenate([x, x, x]) for x in X]
    assert np.isfinite(regressor.predict(longer)).all()
    assert_array_equal(regressor.predict(longer), regressor.predict(np.stack(longer)))


@pytest.mark.parametrize(
    ("X_form", "n_features_in"),
    [(X, 2), (RAGGED, 2), (flat(X), 10)],
    ids=["3D", "list", "rows"],
)
def test_numbers_of_features(X_form, n_features_in):
    regressor = make(RNNRegressor, n_features_per_step=np.int32(N_FEATURES))
    regressor.fit(X_form, Y)
    assert regressor.n_features_in_ == n_features_in
    assert regressor.n_features_per_step_ == N_FEATURES
    assert type(regressor.n_features_per_step_) is int


def test_names_of_columns():
    frame = pd.DataFrame(flat(X), columns=list("abcdefghij"))
    regressor = make(RNNRegressor).fit(frame, Y)
    assert_array_equal(regressor.feature_names_in_, list("abcdefghij"))
    with pytest.raises(ValueError, match="feature names should match"):
        regressor.predict(frame[frame.columns[::-1]])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        regressor.predict(flat(X))
    assert not hasattr(regressor.fit(X, Y), "feature_names_in_")


def replaced(value, dtype=np.float64):
    X_bad = X.astype(dtype)
    X_bad[3, 2, 1] = value
    return X_bad


TOO_LARGE = r"infinity or a value too large for dtype\('float32'\)"
BAD_X = {
    "sparse": (sparse.csr_array(flat(X)), TypeError, "Sparse data was passed for X"),
    "sparse sequences": (
        [sparse.csr_array(x) for x in X],
        TypeError,
        "Sparse data was passed as sequence 0 of X",
    ),
    "complex": (X + 1j, ValueError, "Complex data not supported"),
    "complex rows": (flat(X) + 1j, ValueError, "Complex data not supported"),
    "complex sequence": (
        [*X[:-1], X[-1] + 1j],
        ValueError,
        "In sequence 23 of X: Complex data not supported",
    ),
    "NaN": (replaced(np.nan), ValueError, "Input X contains NaN"),
    "infinity": (replaced(np.inf), ValueError, TOO_LARGE),
    "too large for float32": (replaced(1e39), ValueError, TOO_LARGE),
    "both infinities": (INTEGERS * 2e39 - 1e39, ValueError, TOO_LARGE),
    "NaN in rows": (flat(replaced(np.nan)), ValueError, "Input X contains NaN"),
    "infinity in rows": (flat(replaced(-np.inf)), ValueError, TOO_LARGE),
    "too large in rows": (flat(replaced(-1e39)), ValueError, TOO_LARGE),
    "NaN in a list": (list(replaced(np.nan)), ValueError, "Input X contains NaN"),
    "infinity in a list": (list(replaced(np.inf)), ValueError, TOO_LARGE),
    "too large in a list": (list(replaced(1e39)), ValueError, TOO_LARGE),
    "missing": (
        [pd.DataFrame(x, dtype="Float64").mask(x > 2) for x in X],
        ValueError,
        "Input X contains NaN, first at step . of sequence 7",
    ),
    "None in rows": (
        flat(replaced(None, object)).tolist(),
        ValueError,
        "Input X contains NaN",
    ),
    "no sequences": ([], ValueError, r"0 sample\(s\) .* minimum of 1 is required"),
    "no sequences in 3D": (X[:0], ValueError, r"0 sample\(s\) .* minimum of 1 is"),
    "no rows": (flat(X)[:0], ValueError, r"0 sample\(s\) .* minimum of 1 is required"),
    "no columns": (flat(X)[:, :0], ValueError, r"0 feature\(s\) .* minimum of 1 is"),
    "no steps": (
        [*X[:-1], X[-1, :0]],
        ValueError,
        r"sequence 23 of X with 0 time step\(s\)",
    ),
    "no steps in a list of numbers": (
        [[1.0, 2.0], []],
        ValueError,
        "is a table, but row 0 has 2 values and row 1 has 0",
    ),
    "no steps in 3D": (X[:, :0], ValueError, "a minimum of 1 time step"),
    "no features": (
        [x[:, :0] for x in X],
        ValueError,
        r"sequence 0 of X with 0 feature\(s\)",
    ),
    "no features in 3D": (X[:, :, :0], ValueError, "minimum of 1 time step and 1 feat"),
    "other numbers of features": (
        [*X[:-1], X[-1, :, :1]],
        ValueError,
        "same number of features, found 2 in sequence 0 and 1 in sequence 23",
    ),
    "rows of other lengths in a sequence": (
        [[[1.0, 2.0], [3.0]]],
        ValueError,
        "In sequence 0 of X: .*inhomogeneous",
    ),
    "4D": (X[None], ValueError, "Found array with dim 4, .*dim <= 3 is required"),
    "list of 3D": ([X], ValueError, "Found sequence 0 of X with dim 3"),
    "1D": (X[0, 0], ValueError, r"shape=\(2,\)\), as one series .* passed as \[x\]"),
    "list of numbers": ([1.0, 2.0], ValueError, r"one series .* passed as \[x\]"),
    "Series of numbers": (pd.Series([1.0]), ValueError, r"one series .* as \[x\]"),
    "no numbers": (np.empty(0), ValueError, r"one series .* passed as \[x\]"),
    "number": (1.0, ValueError, "as X, got an object of type float"),
    "number as an array": (np.array(1.0), ValueError, "dim 0, while dim >= 2 and"),
    "None": (None, ValueError, "as X, got an object of type NoneType"),
    "None as a sequence": ([X[0], None], ValueError, "sequence 1 of X with dim 0"),
    "text": ("abc", ValueError, "as X, got an object of type str"),
    "list of text": (["a", "b"], ValueError, "a list with elements of type str"),
    "text in rows": (flat(X).astype(str), ValueError, "arrays of bytes/strings"),
    "text in a sequence": (
        [X[0].astype(str)],
        ValueError,
        "In sequence 0 of X: Data of dtype <U.* is not numeric",
    ),
    "word in rows": (
        flat(replaced("a", object)),
        ValueError,
        "could not convert string",
    ),
    "word in a sequence": (
        list(replaced("a", object)),
        ValueError,
        "In sequence 3 of X: could not convert string",
    ),
    "dictionary in rows": (
        flat(replaced({}, object)),
        TypeError,
        "argument must be .* string.* number",
    ),
    "dates in rows": (
        pd.DataFrame(np.zeros((24, 10), "M8[s]")),
        ValueError,
        "Data of dtype datetime64.* is not numeric",
    ),
    "dates in 3D": (np.zeros(X.shape, "M8[s]"), ValueError, "dtype datetime64"),
    "dates in a sequence": (
        list(np.zeros(X.shape, "M8[s]")),
        ValueError,
        "In sequence 0 of X: Data of dtype datetime64",
    ),
}

if np.lib.NumpyVersion(scipy.__version__) >= "1.15.0":  # others have no such array
    BAD_X["3D sparse"] = (sparse.coo_array(X), *BAD_X["sparse"][1:])


@pytest.mark.quick
@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict"])
@pytest.mark.parametrize(("X_bad", "error", "match"), BAD_X.values(), ids=BAD_X)
def test_errors_for_x(method, X_bad, error, match):
    regressor = make(RNNRegressor, n_features_per_step=N_FEATURES).fit(flat(X), Y)
    before = state_of(regressor)
    targets = () if method == "predict" else (Y,)
    with pytest.raises(error, match=match):
        getattr(regressor, method)(X_bad, *targets)
    assert state_of(regressor) == before


BAD_PREDICT_X = [
    (RAGGED, X[:, :, :1], "X has 1 features, but RNNRegressor is expecting 2 features"),
    (RAGGED, [x[:, :1] for x in X], "X has 1 features, but RNNRegressor is expecting"),
    (RAGGED, [X[0, :, 0]], "X has 1 features, but RNNRegressor is expecting 2"),
    (RAGGED, X[0], r"sequences with 2 features per step.*one sequence: \[x\]"),
    (X[:, :, :1], X[0, :, :1], r"5 rows of one time step each.*one sequence: \[x\]"),
    (X[:, :, :1], X[0, :, 0], r"one series .* passed as \[x\]"),
    (flat(X), flat(X)[:, :4], "X has 4 features, but RNNRegressor is expecting 10"),
    (flat(X), X, "X has 2 features, but RNNRegressor is expecting 1 features"),
]


@pytest.mark.parametrize(("X_fit", "X_bad", "match"), BAD_PREDICT_X)
def test_predict_wants_the_features_of_fit(X_fit, X_bad, match):
    regressor = make(RNNRegressor).fit(X_fit, Y)
    with pytest.raises(ValueError, match=match):
        regressor.predict(X_bad)


def test_columns_must_be_a_multiple_of_the_features_per_step():
    with pytest.raises(ValueError, match="10 columns.*not a multiple of .*step=3"):
        make(RNNRegressor, n_features_per_step=3).fit(flat(X), Y)


def test_a_single_sequence_is_a_list_of_one():
    regressor = make(RNNRegressor).fit(X, Y)
    assert_array_equal(regressor.predict([X[0]]), regressor.predict(X)[:1])


REAL, LABEL = RNNRegressor, RNNClassifier
BAD_Y = [
    (REAL, None, ValueError, "requires y to be passed, but the target y is None"),
    (LABEL, None, ValueError, "requires y to be passed, but the target y is None"),
    (REAL, Y[1:], ValueError, r"inconsistent numbers of samples: \[24, 23\]"),
    (LABEL, LABELS[1:], ValueError, r"inconsistent numbers of samples: \[24, 23\]"),
    (REAL, np.full(24, np.nan), ValueError, "y has a column without any value"),
    (LABEL, np.full(24, np.nan), ValueError, "Input y contains NaN"),
    (REAL, np.full(24, np.inf), ValueError, "Input y contains infinity"),
    (LABEL, np.full(24, np.inf), ValueError, "Input y contains infinity"),
    (REAL, Y * 1e200, ValueError, "Input y contains infinity or a value too large"),
    (REAL, Y + 1j, ValueError, "Complex data not supported"),
    (LABEL, Y + 1j, ValueError, "Complex data not supported"),
    (REAL, Y.astype(str), ValueError, "y has no numbers. Data of dtype <U"),
    (REAL, np.zeros(24, "M8[s]"), ValueError, "dtype datetime64.* is not numeric"),
    (REAL, sparse.csr_array(Y[:, None]), TypeError, "Sparse data was passed for y"),
    (REAL, np.zeros((24, 2, 2)), ValueError, "y has 3 dimensions, as targets for eve"),
    (LABEL, np.zeros((24, 2, 2)), ValueError, "y has 3 dimensions, as targets for e"),
    (REAL, np.zeros((24, 0)), ValueError, r"0 feature\(s\)"),
    (LABEL, Y, ValueError, "Unknown label type: continuous"),
]


@pytest.mark.parametrize(("estimator_class", "y", "error", "match"), BAD_Y)
def test_errors_for_y(estimator_class, y, error, match):
    with pytest.raises(error, match=match):
        make(estimator_class).fit(X, y)


def test_y_too_large_for_float32():
    with pytest.raises(ValueError, match="Input y contains infinity"):
        make(RNNRegressor, normalize_y=False).fit(X, Y * 1e39)


@pytest.mark.parametrize("estimator_class", TARGETS)
def test_column_y_warns(estimator_class):
    y = TARGETS[estimator_class]
    expected = make(estimator_class).fit(X, y).predict(X)
    estimator = make(estimator_class)
    with pytest.warns(UserWarning, match="column-vector y was passed"):
        estimator.fit(X, y[:, None])
    assert_array_equal(estimator.predict(X), expected)


BAD_WEIGHTS = [
    (-WEIGHTS, "Negative values in data passed to `sample_weight`"),
    (0 * WEIGHTS, "must contain at least one non-zero number"),
    (np.where(WEIGHTS > 1, np.nan, 1), "Input sample_weight contains NaN"),
    (WEIGHTS[1:], r"sample_weight.shape == \(23,\), expected \(24,\)"),
    (WEIGHTS[:, None], r"sample_weight.shape == \(24, 1\), expected \(24,\)"),
    (["heavy"] * 24, "sample_weight is no array of numbers"),
]


@pytest.mark.parametrize("estimator_class", TARGETS)
@pytest.mark.parametrize(("sample_weight", "match"), BAD_WEIGHTS)
def test_errors_for_sample_weight(estimator_class, sample_weight, match):
    with pytest.raises(ValueError, match=match):
        make(estimator_class).fit(RAGGED, TARGETS[estimator_class], sample_weight)


BAD_PARAMETERS = [
    ("cell", "transformer"),
    ("hidden_size", 0),
    ("hidden_size", 2.5),
    ("activation", "sigmoid"),
    ("n_layers", 0),
    ("bidirectional", "yes"),
    ("add_time", 1.5),
    ("ngram_length", 17),
    ("categorical_features", "color"),
    ("embedding_size", 0),
    ("unknown_fraction", 1.0),
    ("embedding_dropout", 1.0),
    ("dropout", 1),
    ("recurrent_dropout", -0.1),
    ("layer_norm", "yes"),
    ("pooling", "median"),
    ("return_sequences", "yes"),
    ("bptt_steps", 0),
    ("n_features_per_step", 0),
    ("frame_length", 0),
    ("hop_length", "half"),
    ("solver", "newton-cg"),
    ("alpha", -1),
    ("batch_size", 0),
    ("batch_size", "all"),
    ("learning_rate", "linear"),
    ("learning_rate_init", 0),
    ("power_t", -1),
    ("warmup_fraction", 1),
    ("max_iter", 0),
    ("shuffle", "yes"),
    ("random_state", "a"),
    ("tol", -1),
    ("n_iter_no_change", 0),
    ("early_stopping", "yes"),
    ("validation_fraction", 1),
    ("verbose", "yes"),
    ("warm_start", "yes"),
    ("trainable", None),
    ("adapter_rank", -1),
    ("momentum", 1.1),
    ("nesterovs_momentum", "yes"),
    ("beta_1", 1),
    ("beta_2", 1),
    ("rho", 1),
    ("epsilon", 0),
    ("weight_decay", -1),
    ("max_grad_norm", 0),
    ("dtype", "float16"),
    ("device", "tpu"),
    ("loss", "squared"),
    ("delta", 0),
    ("quantiles", "median"),
    ("normalize_y", "yes"),
]


def test_every_parameter_is_tried():
    assert {name for name, _ in BAD_PARAMETERS} == set(RNNRegressor().get_params())


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(("name", "value"), BAD_PARAMETERS)
def test_errors_for_parameters(method, name, value):
    regressor = make(RNNRegressor, **{name: value})
    match = f"The '{name}' parameter of RNNRegressor must be .* Got {value!r} instead"
    with pytest.raises(InvalidParameterError, match=match):
        getattr(regressor, method)(X, Y)


@pytest.mark.parametrize("estimator_class", TARGETS)
def test_inputs_are_not_changed(estimator_class):
    originals = X, TARGETS[estimator_class], WEIGHTS
    X_given, y, sample_weight = (array.copy() for array in originals)
    estimator = make(estimator_class)
    parameters = estimator.get_params()
    estimator.fit(X_given, y, sample_weight)
    estimator.partial_fit(X_given, y, sample_weight=sample_weight).predict(X_given)
    for given, original in zip((X_given, y, sample_weight), originals, strict=True):
        assert_array_equal(given, original)
        assert given.flags.writeable
    assert estimator.get_params() == parameters
