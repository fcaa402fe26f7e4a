"""The forms of X: what each one is read as, and what the error for the others says."""

import re
from array import array
from collections import deque

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.compose import make_column_transformer
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from small import RAGGED, X, Y, make

from skrnn import RNNRegressor
from skrnn.estimators.inputs import check_sequences
from skrnn.preprocessing import SequenceFeatures, SequenceScaler

pytestmark = pytest.mark.quick

NAMES = ["signal", "noise"]
SINGLES = [x[:, 0] for x in RAGGED]
LENGTHS = [len(x) for x in RAGGED]
FRAMES = [pd.DataFrame(x, columns=NAMES) for x in RAGGED]
LONG = pd.concat(dict(enumerate(FRAMES)), names=["id", "t"])
PANEL = pd.concat({i: pd.DataFrame(x, columns=["a", "b"]) for i, x in enumerate(X)})
WIDE = PANEL.unstack()
#: With NaN at their ends.
PADDED = np.full(X.shape, np.nan)
for _padded, _x in zip(PADDED, RAGGED, strict=True):
    _padded[: len(_x)] = _x


def read(X, n_features_per_step=1, form=None, **options):
    """Sequences, and the form that a regressor would remember."""
    regressor = RNNRegressor(n_features_per_step=n_features_per_step)
    return check_sequences(regressor, X, "float64", form=form, **options)


def error_of(X, *arguments, **options):
    """The message of the one error, which must be short and free of the data."""
    with pytest.raises((TypeError, ValueError)) as info:
        read(X, *arguments, **options)
    message = str(info.value)
    assert len(message) < 500
    return message


def objects(values, shape):
    """An object array of arrays."""
    result = np.empty(len(values), object)
    result[:] = values
    return result.reshape(shape)


class NotAnArray:
    """What can be made an array, and no more."""

    def __init__(self, values):
        self.values = np.asarray(values)

    def __array__(self, dtype=None, copy=None):
        return self.values


# Lists of sequences

SEQUENCES = {
    "deque": (deque, RAGGED),
    "Series": (pd.Series, RAGGED),
    "objects": (lambda X: objects(X, -1), RAGGED),
    "frames": (lambda X: FRAMES, RAGGED),
    "groups": (lambda X: [g for _, g in LONG.groupby(level=0)], RAGGED),
    "Series of Series of arrays": (
        lambda X: pd.Series([pd.Series(list(x)) for x in X]),
        RAGGED,
    ),
    "lists": (lambda X: [x.tolist() for x in X], RAGGED),
    "masked arrays without a mask": (lambda X: list(map(np.ma.asarray, X)), RAGGED),
    "single values": (list, SINGLES),
    "lists of single values": (lambda X: [x.tolist() for x in X], SINGLES),
    "Series of lists": (lambda X: pd.Series([x.tolist() for x in X]), SINGLES),
    "tuples": (lambda X: [tuple(x) for x in X], SINGLES),
    "deques": (lambda X: [deque(x) for x in X], SINGLES),
    "array.array": (lambda X: [array("d", x) for x in X], SINGLES),
    "ranges": (lambda X: [range(len(x)) for x in X], [np.arange(n) for n in LENGTHS]),
}


def check_like(X_form, sequences):
    """A form is read as an equal list of arrays, and the scaler returns a list."""
    values = [np.reshape(x, (len(x), -1)) for x in sequences]
    found, form = read(X_form)
    assert_array_equal(found.values, np.concatenate(values))
    assert_array_equal(found.lengths, [len(x) for x in sequences])
    assert form.n_features_in == form.n_features_per_step == values[0].shape[1]
    assert not form.is_on_rows
    scaled = SequenceScaler().fit_transform(X_form)
    expected = SequenceScaler().fit_transform(list(sequences))
    assert type(scaled) is list
    for x, x_expected in zip(scaled, expected, strict=True):
        assert_array_equal(x, x_expected, strict=True)


@pytest.mark.parametrize(("form", "sequences"), SEQUENCES.values(), ids=SEQUENCES)
def test_each_form_is_read_as_the_list_of_arrays(form, sequences):
    check_like(form(sequences), sequences)


POLARS = {
    "frames": (lambda pl: [pl.DataFrame(x, NAMES) for x in RAGGED], RAGGED),
    "frames of one length": (lambda pl: [pl.DataFrame(x, NAMES) for x in X], X),
    "Series": (lambda pl: [pl.Series(x) for x in SINGLES], SINGLES),
    "column of lists": (lambda pl: pl.Series([x.tolist() for x in SINGLES]), SINGLES),
    "column of lists of one length": (
        lambda pl: pl.Series(X[:, :, 0].tolist()),
        X[:, :, 0],
    ),
    "column of arrays": (
        lambda pl: pl.Series(X[:, :, 0].tolist(), dtype=pl.Array(pl.Float64, 5)),
        X[:, :, 0],
    ),
    "column of lists of lists": (
        lambda pl: pl.Series([x.tolist() for x in RAGGED]),
        RAGGED,
    ),
}


@pytest.mark.parametrize(("form", "sequences"), POLARS.values(), ids=POLARS)
def test_polars(form, sequences):
    check_like(form(pytest.importorskip("polars")), sequences)


def test_tables_of_polars():
    pl = pytest.importorskip("polars")
    values = X[:, :, 0]
    table = pl.DataFrame(values, [f"t{t}" for t in range(5)])
    found, form = read(table)
    assert_array_equal(found.values, values.reshape(-1, 1))
    assert form.feature_names == ("t0", "t1", "t2", "t3", "t4")
    assert form.is_on_rows
    missing = table.with_columns(pl.when(pl.col("t2") > 0).then("t2").alias("t2"))
    assert "NaN, first at step 2 of sequence" in error_of(missing)


def test_polars_forms_that_are_refused():
    pl = pytest.importorskip("polars")
    lists = pl.DataFrame({"a": [[1.0, 2.0], [3.0]], "b": [[1.0, 2.0], [3.0]]})
    assert "Pass X['a']." in error_of(lists[["a"]])
    message = error_of(lists)
    assert "Pass [pl.DataFrame(row) for row in X.iter_rows(named=True)]." in message
    found, form = read([pl.DataFrame(row) for row in lists.iter_rows(named=True)])
    assert_array_equal(found.values, [[1, 1], [2, 2], [3, 3]])
    assert form.feature_names == ("a", "b")
    groups = lists.group_by("a")
    assert "type GroupBy. Pass [group for _, group in X]." in error_of(groups)
    assert "type LazyFrame. Pass X.collect()." in error_of(lists.lazy())
    assert "one series" in error_of(pl.Series([1.0, 2.0]))
    assert "sequence 1 of X with dim 0 (NoneType)" in error_of(pl.Series([[1.0], None]))


# Forms that are refused, each with the expression that works

NESTED = pd.DataFrame({n: [pd.Series(f[n]) for f in FRAMES] for n in NAMES})
DICT = dict(enumerate(RAGGED))
REFUSED = {
    "dict": (DICT, "type dict", "list(X.values())"),
    "values of a dict": (DICT.values(), "type dict_values", "list(X)"),
    "generator": ((x for x in RAGGED), "type generator", "list(X)"),
    "iterator": (map(np.asarray, RAGGED), "type map", "list(X)"),
    "groupby": (
        LONG.groupby(level=0),
        "type DataFrameGroupBy",
        "[group for _, group in X]",
    ),
    "groupby of a frame's column": (
        LONG.reset_index(level=0).groupby(LONG.index.names[0]),
        "type DataFrameGroupBy",
        "[group.drop(columns=['id']) for _, group in X]",
    ),
    "groupby of a column": (
        LONG["noise"].groupby(level=0),
        "type SeriesGroupBy",
        "[group for _, group in X]",
    ),
    "long frame": (
        LONG,
        "an index of 2 levels",
        "[group for _, group in X.groupby(level=0)]",
    ),
    "column of arrays": (pd.DataFrame({"seq": RAGGED}), "in its cells", "X['seq']"),
    "nested frame": (
        NESTED,
        "in its cells",
        "[pd.DataFrame(dict(row)) for _, row in X.iterrows()]",
    ),
    "column of objects": (objects(RAGGED, (-1, 1)), "in its cells", "X[:, 0]"),
    "columns of objects": (
        objects([x[:, i] for x in RAGGED for i in (0, 1)], (-1, 2)),
        "in its cells",
        "[np.column_stack(list(row)) for row in X]",
    ),
}


@pytest.mark.parametrize(("X_bad", "found", "advice"), REFUSED.values(), ids=REFUSED)
def test_a_form_that_is_refused_is_named_and_the_advice_works(X_bad, found, advice):
    message = error_of(X_bad)
    assert found in message
    assert f"Pass {advice}" in message
    sequences, _ = read(eval(advice, {"X": X_bad, "np": np, "pd": pd}))
    assert sequences.n_sequences == len(RAGGED)
    assert_array_equal(sequences.lengths, LENGTHS)
    columns = sequences.values.shape[1]
    assert_array_equal(sequences.values, np.concatenate(RAGGED)[:, -columns:])


@pytest.mark.parametrize(
    ("element", "kind"), [(None, "NoneType"), ({}, "dict"), ({1}, "set"), (3, "int")]
)
def test_an_element_that_is_no_sequence(element, kind):
    assert f"sequence 1 of X with dim 0 ({kind})" in error_of([RAGGED[4], element])


def test_errors_hold_no_data():
    word = "a" * 10_000
    for bad in (
        {i: np.zeros((50, 10)) for i in range(300)}.values(),
        [{"a": word}] * 300,
        [[word]],
        [np.array([word], object)],
        np.array([[word]], object),
        word,
    ):
        assert word not in error_of(bad)


def test_a_table_may_have_an_index_of_two_levels():
    index = pd.MultiIndex.from_product([range(3), range(8)])
    table = pd.DataFrame(X[:, :, 0], index=index)
    assert "X.reset_index(drop=True)" in error_of(table)
    values = X[:, :, 0]
    found = read(table.reset_index(drop=True))[0].values
    assert_array_equal(found, values.reshape(-1, 1))
    # No row for each time step: each is another sequence.
    assert_array_equal(read(table[::8])[0].values, values[::8].reshape(-1, 1))


# Columns of two levels


@pytest.mark.parametrize(
    "frame",
    [
        WIDE,
        WIDE.swaplevel(axis=1),
        PANEL[PANEL.index.get_level_values(1) < 2].unstack(),
        WIDE.rename(columns={0: "t9", 1: "t10"}, level=1),
    ],
    ids=["(feature, time)", "(time, feature)", "as many times as features", "text"],
)
def test_a_frame_that_stands_feature_by_feature_is_refused(frame):
    n = frame.shape[1]
    advice = f"X.iloc[:, np.arange({n}).reshape(2, -1).T.ravel()]"
    for n_features_per_step in (1, 2):
        message = error_of(frame, n_features_per_step)
        assert f"pass {advice} and set n_features_per_step=2" in message
    by_time = eval(advice, {"X": frame, "np": np})
    assert "n_features_per_step=2" in error_of(by_time, 1)
    sequences, form = read(by_time, 2)
    n_steps = frame.shape[1] // 2
    assert_array_equal(sequences.values, X[:, :n_steps].reshape(-1, 2))
    assert form.n_features_in == 2 * n_steps


def test_a_frame_in_another_order_is_sorted():
    order = np.random.default_rng(0).permutation(WIDE.shape[1])
    advice = "X.sort_index(axis=1, level=[1, 0])"
    assert f"pass {advice} and set" in error_of(WIDE.iloc[:, order], 2)


def test_columns_of_two_levels_with_one_feature():
    assert_array_equal(read(WIDE[["a"]])[0].values, X[:, :, 0].reshape(-1, 1))
    dates = pd.MultiIndex.from_product([range(2020, 2025), range(2)])
    table = pd.DataFrame(X.reshape(24, 10), columns=dates)
    assert "X.to_numpy()" in error_of(table)
    assert_array_equal(read(table.to_numpy())[0].values, X.reshape(-1, 1))


# Lists of lists

EQUAL = [x[:3, 0].tolist() for x in X]
UNEQUAL = [x[: 2 + i % 3, 0].tolist() for i, x in enumerate(X)]


def test_the_meaning_of_lists_of_lists_does_not_depend_on_their_lengths():
    for lists in (EQUAL, UNEQUAL, EQUAL[:1]):
        sequences, form = read(lists)
        assert_array_equal(sequences.values[:, 0], np.concatenate(lists))
        assert_array_equal(sequences.lengths, [len(x) for x in lists])
        assert form.n_features_per_step == 1
        for others in (EQUAL, UNEQUAL, SINGLES, X[:, :, :1]):
            assert read(others, form=form)[0].n_sequences == 24
    for lists in (EQUAL, UNEQUAL):
        scaled = SequenceScaler().fit_transform(lists)
        assert type(scaled) is list
        assert [x.shape for x in scaled] == [(len(x),) for x in lists]


def test_a_model_of_lists_takes_lists_of_any_lengths():
    regressor = make(RNNRegressor).fit(EQUAL, Y)
    assert regressor.n_features_per_step_ == 1
    # An array is compared with that of the lists, as scikit-learn's checks want it.
    assert regressor.n_features_in_ == 3
    assert_array_equal(regressor.predict(np.array(EQUAL)), regressor.predict(EQUAL))
    with pytest.raises(ValueError, match="X has 2 features, but .* is expecting 3"):
        regressor.predict(X[0])
    arrays = list(map(np.asarray, UNEQUAL))
    for lists in (UNEQUAL, UNEQUAL[:2], [[1.0], [1.0, 2.0]], [[2.0, 1.0], [1.0, 2.0]]):
        assert_array_equal(
            regressor.predict(lists), regressor.predict(list(map(np.asarray, lists)))
        )
    for n in (3, 8):  # which cut the lists into parts of equal and of unequal lengths
        assert_array_equal(
            cross_val_score(regressor, EQUAL[:n] + UNEQUAL[n:], Y, cv=KFold(n)),
            cross_val_score(
                regressor, list(map(np.asarray, EQUAL[:n])) + arrays[n:], Y, cv=KFold(n)
            ),
        )


def test_predictions_for_steps_of_lists_are_lists():
    regressor = make(RNNRegressor, return_sequences=True).fit(UNEQUAL, UNEQUAL)
    for lists in (UNEQUAL, EQUAL, EQUAL[:1]):
        predicted = regressor.predict(lists)
        assert type(predicted) is list
        assert [part.shape for part in predicted] == [(len(x),) for x in lists]
    again = make(RNNRegressor, return_sequences=True).fit(EQUAL, EQUAL)
    assert type(again.predict(EQUAL)) is list


def test_with_several_features_a_step_lists_of_lists_are_a_table():
    table = X.reshape(24, 10)
    for X_form in (table.tolist(), pd.Series(table.tolist())):
        sequences, form = read(X_form, 2)
        assert_array_equal(sequences.values, X.reshape(-1, 2))
        assert form.is_on_rows
        scaled = SequenceScaler(n_features_per_step=2).fit_transform(X_form)
        assert scaled.shape == (24, 10)
        # So it is for a model of sequences with as many features.
        model = read(RAGGED)[1]
        assert_array_equal(read(X_form, 2, model)[0].values, X.reshape(-1, 2))
    message = error_of([[1.0, 2.0], [1.0, 2.0, 3.0, 4.0]], 2)
    assert "row 0 has 2 values and row 1 has 4" in message


def test_what_becomes_an_array_is_one():
    """The half of scikit-learn's check of transformers that holds for the scaler."""
    table = X.reshape(24, 10)
    expected = SequenceScaler().fit_transform(table)
    scaled = SequenceScaler().fit_transform(NotAnArray(table))
    assert_array_equal(scaled, expected, strict=True)
    # The other half: a list, with the same numbers.
    assert_array_equal(SequenceScaler().fit_transform(table.tolist()), expected)


# Names of features


def renamed(frames, **names):
    return [frame.rename(columns=names) for frame in frames]


@pytest.mark.parametrize(
    "estimator",
    [make(RNNRegressor), SequenceScaler(), SequenceFeatures()],
    ids=["regressor", "scaler", "features"],
)
def test_names_of_the_columns_of_frames(estimator):
    estimator.fit(FRAMES, Y)
    assert_array_equal(estimator.feature_names_in_, np.array(NAMES, object))
    use = getattr(estimator, "predict", getattr(estimator, "transform", None))
    for bad in ([frame[NAMES[::-1]] for frame in FRAMES], renamed(FRAMES, noise="x")):
        with pytest.raises(ValueError, match="feature names should match"):
            use(bad)
        with pytest.raises(ValueError, match="feature names should match"):
            estimator.partial_fit(bad, Y)
    for nameless in (RAGGED, X):
        with pytest.warns(UserWarning, match="X does not have valid feature names"):
            use(nameless)
    mixed = [f if i % 2 else f[NAMES[::-1]] for i, f in enumerate(FRAMES)]
    match = r"\['noise', 'signal'\] in sequence 0 and \['signal', 'noise'\] in seque"
    for method in (estimator.fit, estimator.partial_fit):
        with pytest.raises(ValueError, match=match):
            method(mixed, Y)
    estimator.fit(RAGGED, Y)
    assert not hasattr(estimator, "feature_names_in_")
    with pytest.warns(UserWarning, match="was fitted without feature names"):
        use(FRAMES)


def test_names_of_polars_and_pandas_are_the_same():
    pl = pytest.importorskip("polars")
    form = read(FRAMES)[1]
    frames = [pl.DataFrame(x, NAMES) for x in RAGGED]
    assert read(frames)[1] == form
    with pytest.raises(ValueError, match="feature names should match"):
        read([frame[NAMES[::-1]] for frame in frames], form=form)


def test_numbered_columns_are_no_names():
    shifted = [pd.DataFrame(x, columns=[1 + i % 2, 5]) for i, x in enumerate(RAGGED)]
    assert read(shifted)[1] == read(RAGGED)[1]


def test_many_names_are_cut_short():
    wide = pd.DataFrame(np.zeros((2, 200)), columns=[f"c{i}" for i in range(200)])
    assert "'c5', ...] in sequence 0" in error_of([wide, wide[wide.columns[::-1]]])


def test_names_of_tables_are_not_those_of_lists():
    form = read(WIDE.set_axis(list("abcdefghij"), axis=1), 2)[1]
    assert_array_equal(read(FRAMES, 2, form)[0].values, np.concatenate(RAGGED))


def test_the_way_back_needs_no_names():
    scaler = SequenceScaler().fit(FRAMES)
    back = scaler.inverse_transform(scaler.transform(FRAMES))
    for x, original in zip(back, RAGGED, strict=True):
        np.testing.assert_allclose(x, original)
    with pytest.raises(ValueError, match="feature names should match"):
        scaler.inverse_transform(renamed(FRAMES, noise="x"))


@pytest.mark.parametrize("sequences", [FRAMES, RAGGED, SINGLES])
def test_names_in_a_column_transformer(sequences):
    table = pd.DataFrame({"age": np.arange(24.0), "seq": pd.Series(sequences)})
    network = make_pipeline(SequenceScaler(), make(RNNRegressor))
    for transformer in (make(RNNRegressor), network):
        columns = make_column_transformer(
            (transformer, "seq"),
            ("passthrough", ["age"]),
            verbose_feature_names_out=False,
        )
        columns.set_output(transform="pandas")
        result = columns.fit_transform(table, Y)
        names = ["rnnregressor0", "rnnregressor1", "rnnregressor2", "age"]
        assert list(result.columns) == names
        assert_array_equal(columns.get_feature_names_out(), names)
        expected = transformer.fit(sequences, Y).transform(sequences)
        assert_array_equal(result[names[:3]], expected)


def test_wrong_names_are_still_refused():
    scaler = SequenceScaler().fit(FRAMES)
    assert_array_equal(scaler.get_feature_names_out(["seq"]), NAMES)
    with pytest.raises(ValueError, match="not equal to feature_names_in_"):
        scaler.get_feature_names_out(["a", "b"])
    with pytest.raises(ValueError, match="length equal to number of features"):
        SequenceScaler().fit(RAGGED).get_feature_names_out(["a", "b", "c"])
    with pytest.raises(ValueError, match="length equal to number of features"):
        SequenceScaler().fit(X.reshape(24, 10)).get_feature_names_out(["a"])


# Missing values: padding, masks, NA

MASKED = np.ma.masked_invalid(PADDED)
MASKED.data[MASKED.mask] = 99.0
UNIVARIATE = PADDED[:, :, 0]
PADDINGS = {
    "3D": (PADDED, 1),
    "list": (list(PADDED), 1),
    "frames": ([pd.DataFrame(x) for x in PADDED], 1),
    "nullable frames": ([pd.DataFrame(x, dtype="Float64") for x in PADDED], 1),
    "nullable Series": ([pd.Series(x, dtype="Float64") for x in UNIVARIATE], 1),
    "lists": (PADDED.tolist(), 1),
    "rows": (PADDED.reshape(24, -1), 2),
    "frame": (pd.DataFrame(PADDED.reshape(24, -1)), 2),
    "nullable frame": (pd.DataFrame(PADDED.reshape(24, -1), dtype="Float64"), 2),
    "single values": (UNIVARIATE, 1),
    "list of single values": (list(UNIVARIATE), 1),
    "lists of single values": (UNIVARIATE.tolist(), 1),
    "masked": (MASKED, 1),
    "masked rows": (MASKED.reshape(24, -1), 2),
    "list of masked": (list(MASKED), 1),
    "some masked": ([m if m.mask.any() else m.data for m in MASKED], 1),
    "lists of masked rows": ([list(m) for m in MASKED], 1),
    "masked single values": (list(MASKED[:, :, 0]), 1),
}


@pytest.mark.parametrize(
    ("X_bad", "n_features_per_step"), PADDINGS.values(), ids=PADDINGS
)
def test_padding_is_recognised_and_the_advice_works(X_bad, n_features_per_step):
    message = error_of(X_bad, n_features_per_step)
    assert "Input X contains NaN: sequence 0 ends with 4 step(s)" in message
    assert "(so do 20 of 24)" in message
    advice = re.search(r"pass (\[.*\])\.$", message)[1]
    sequences, _ = read(eval(advice, {"X": X_bad, "np": np}))
    columns = sequences.values.shape[1]
    assert_array_equal(sequences.values, np.concatenate(RAGGED)[:, :columns])
    assert_array_equal(sequences.lengths, LENGTHS)


def test_nan_elsewhere_says_where():
    inside = PADDED.copy()
    inside[9, 1, 1] = np.nan
    assert "Input X contains NaN, first at step 1 of sequence 9." in error_of(inside)
    whole = [*RAGGED[:13], RAGGED[13] * np.nan, *RAGGED[14:]]
    assert "Input X contains NaN, first at step 0 of sequence 13." in error_of(whole)
    partly = [*RAGGED[:13], RAGGED[13] * [1, np.nan], *RAGGED[14:]]
    assert "first at step 0 of sequence 13." in error_of(partly)
    infinite = [*RAGGED[:13], RAGGED[13] * np.inf]
    message = error_of(infinite)
    assert "infinity or a value too large" in message
    assert "first at step 0 of sequence 13." in message


def test_pieces_of_streams_without_steps_are_no_padding():
    pieces = [RAGGED[2][:0], RAGGED[2], RAGGED[3][:0]]
    sequences, form = read(pieces, allow_empty=True)
    assert_array_equal(sequences.lengths, [0, len(RAGGED[2]), 0])
    nothing, _ = read(X[:, :0], form=form, allow_empty=True)
    assert_array_equal(nothing.lengths, np.zeros(24))
    assert "minimum of 1 time step" in error_of(X[:, :, :0], allow_empty=True)
    pieces[1] = np.vstack([RAGGED[2], [[np.nan, np.nan]]])
    message = error_of(pieces, form=form, allow_empty=True)
    assert "sequence 1 ends with 1 step(s)" in message


def test_a_mask_is_a_missing_value():
    masked = np.ma.array(X, mask=False)
    assert_array_equal(read(masked)[0].values, X.reshape(-1, 2))
    masked[3, 2, 1] = np.ma.masked
    for X_form in (masked, list(masked), masked.astype(object)):
        assert "first at step 2 of sequence 3." in error_of(X_form)
        scaled = SequenceScaler().fit_transform(X_form)
        assert_array_equal(np.isnan(scaled), masked.mask)
    counts = np.ma.array([[1, 2], [3, 4]], mask=[[True, False], [False, False]])
    assert "first at step 0 of sequence 0." in error_of(counts)


@pytest.mark.parametrize(
    "X_bad",
    [
        [[1.0, 2.0], [pd.NA, 1.0]],
        [np.ones(2), np.array([pd.NA, 1.0], object)],
        [pd.Series([1.0, 2.0]), pd.Series([pd.NA, 1], dtype="Int64")],
        [pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [pd.NA, 2]}, dtype="Int8")],
        np.array([[1.0, 2.0], [pd.NA, 1.0]], object),
        np.array([[[1.0]], [[pd.NA]]], object),
        pd.DataFrame([[1, 2], [pd.NA, 2]], dtype="Int64"),
        pd.DataFrame([[1, 2], [pd.NA, 2]], dtype=object),
        pd.DataFrame([[True, False], [pd.NA, True]], dtype="boolean"),
    ],
)
def test_na_of_pandas_is_a_missing_value(X_bad):
    message = error_of(X_bad)
    assert "Input X contains NaN, first at step 0 of sequence 1." in message


# Objects that are no real numbers


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (1 + 2j, "Complex data not supported"),
        (np.complex64(1), "Complex data not supported"),
        (np.datetime64("2020-01-01"), "Data of type datetime64 is not numeric"),
        (np.timedelta64(3, "D"), "Data of type timedelta64 is not numeric"),
        (pd.Timestamp(0), "Data of type Timestamp is not numeric"),
        (pd.Timedelta(3), "Data of type Timedelta is not numeric"),
        (pd.NaT, "Data of type NaTType is not numeric"),
        (10**400, "infinity or a value too large"),
        ("word", "could not convert string to float: 'word'"),
    ],
)
def test_objects_that_are_no_real_numbers(value, match):
    rows = np.array([[1.0, 2.0], [value, 1.0]], object)
    for X_bad in (rows, rows[:, :, None], list(rows), pd.DataFrame(rows, dtype=object)):
        assert match in error_of(X_bad)
        assert match in error_of(X_bad, allow_nan=True)


def test_objects_that_are_numbers():
    rows = np.array([[1, 2.5], [np.float32(0.5), True]], object)
    for X_form in (rows, list(rows), rows.tolist(), pd.DataFrame(rows)):
        assert_array_equal(read(X_form)[0].values, [[1], [2.5], [0.5], [1]])
