"""Long frames to sequences and back: rows of any order, times of any kind, errors.

And the containers of other packages, as arrays and frames laid out by hand.
"""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from small import RAGGED, X, make

from skrnn import RNNClassifier
from skrnn.preprocessing import (
    SequenceScaler,
    frame_from_sequences,
    sequences_from_frame,
)

_rng = np.random.default_rng(0)
#: Ids in the order in which they first appear, and rows in any order of time.
ROWS = {
    "id": ["b", "a", "b", "a", "b", "b"],
    "t": [3, 1, 1, 2, 2, 7],
    "heat": [21.0, 30.0, 19.0, 31.0, 20.0, 22.0],
    "page": ["x", "y", "y", "y", "x", "x"],
    "worn": [False, True, False, True, False, False],
    "year": [2019, 2021, 2019, 2021, 2019, 2019],
}
LOG = pd.DataFrame(ROWS, index=range(10, 16))
ORDER = [[2, 4, 0, 5], [1, 3]]


def as_polars(frame):
    pl = pytest.importorskip("polars")
    return pl.DataFrame({name: frame[name].to_list() for name in frame})


both = pytest.mark.parametrize("library", [lambda df: df, as_polars])


def column(name, order=ORDER):
    values = np.array(ROWS[name])
    return [values[rows] for rows in order]


def check_lists(found, expected):
    for x, x_expected in zip(found, expected, strict=True):
        assert_array_equal(x, x_expected)


# There


@both
def test_sequences_are_the_sorted_rows_of_each_id(library):
    df = library(LOG)
    frames = sequences_from_frame(df, features=["heat", "page"])
    assert frames.ids.tolist() == ["b", "a"]
    assert {type(x) for x in frames.X} == {type(df)}
    for name in ("heat", "page"):
        check_lists([x[name].to_numpy() for x in frames.X], column(name))
    assert [list(x.columns) for x in frames.X] == [["heat", "page"]] * 2
    assert frames.y is frames.static is None


def test_rows_of_pandas_keep_their_labels_and_dtypes():
    log = LOG.astype({"page": pd.CategoricalDtype(["z", "y", "x"])})
    frames = sequences_from_frame(log)
    assert [x.index.tolist() for x in frames.X] == [[12, 14, 10, 15], [11, 13]]
    assert [list(x.columns) for x in frames.X] == [["heat", "page", "worn", "year"]] * 2
    assert all(x["page"].dtype == log["page"].dtype for x in frames.X)


@both
def test_targets(library):
    df = library(LOG)
    assert_array_equal(sequences_from_frame(df, target="worn").y, [False, True])
    of_steps = sequences_from_frame(df, target="worn", target_per="step").y
    check_lists(of_steps, column("worn"))
    frames = sequences_from_frame(df, target="heat", static="year")
    check_lists(frames.y, column("heat"))
    assert list(frames.X[0].columns) == ["page", "worn"]
    both_targets = sequences_from_frame(df, target=["worn", "year"]).y
    assert_array_equal(both_targets, [[False, 2019], [True, 2021]])
    steps = sequences_from_frame(df, target=["year", "heat"]).y
    assert [part.shape for part in steps] == [(4, 2), (2, 2)]
    kinds = sequences_from_frame(df, target=["year", "worn"], target_per="sequence").y
    assert_array_equal(kinds, [[2019, False], [2021, True]])


def test_dates_beside_numbers_stay_dates():
    days = pd.to_datetime(["2024-01-01"] * 6).astype("datetime64[ns]")
    y = sequences_from_frame(LOG.assign(day=days), target=["year", "day"]).y
    assert y.tolist() == [[2019, days[0]], [2021, days[0]]]


def test_missing_targets_are_alike():
    log = LOG.assign(y=np.where(LOG["id"] == "a", np.nan, 2.0))
    assert_array_equal(sequences_from_frame(log, target="y").y, [2.0, np.nan])
    log.loc[10, "y"] = np.nan
    y = sequences_from_frame(log, target="y").y
    check_lists(y, [[2.0, 2.0, np.nan, 2.0], [np.nan, np.nan]])


@both
def test_static(library):
    static = sequences_from_frame(library(LOG), static=["year", "worn"]).static
    assert list(static.columns) == ["year", "worn"]
    assert static["year"].to_list() == [2019, 2021]
    if isinstance(static, pd.DataFrame):
        assert static.index.tolist() == ["b", "a"]
        assert static.index.name == "id"


@both
def test_gaps(library):
    frames = sequences_from_frame(library(LOG))
    assert frames.step == 1
    expected = pd.DataFrame({"id": ["b"], "start": [3], "end": [7], "missing": [3]})
    assert frames.gaps.to_dict("list") == expected.to_dict("list")
    single = sequences_from_frame(library(LOG[:2]))
    assert single.step is None
    assert len(single.gaps) == 0


def test_gaps_of_small_integers():
    log = LOG.assign(id="a", t=np.array([0, 50, 127, -128, 100, 75], np.int8))
    frames = sequences_from_frame(log)
    assert frames.step == 27
    assert frames.gaps["start"].tolist() == [-128, 0]


def test_gaps_keep_ids_of_any_name():
    gaps = sequences_from_frame(LOG.rename(columns={"id": "start"}), "start").gaps
    assert gaps.to_dict("list") == {
        "id": ["b"],
        "start": [3],
        "end": [7],
        "missing": [3],
    }


def test_gaps_of_dates():
    days = pd.to_datetime("2024-03-29") + pd.to_timedelta(LOG["t"], "D")
    frames = sequences_from_frame(LOG.assign(t=days.dt.tz_localize("Europe/Berlin")))
    # A day of 23 hours is none.
    assert frames.step == pd.Timedelta("1D")
    assert frames.gaps["missing"].tolist() == [3]
    assert str(frames.gaps["start"][0]) == "2024-04-01 00:00:00+02:00"


_DAYS = [dt.datetime(2024, 1, t) for t in ROWS["t"]]
_ZONES = [dt.UTC, dt.timezone(dt.timedelta(hours=9))]
TIMES = {
    "floats": [t / 4 for t in ROWS["t"]],
    "unsigned": np.array(ROWS["t"], np.uint8),
    "nullable": pd.array(ROWS["t"], "Int64"),
    "decimals": [Decimal(t) for t in ROWS["t"]],
    "dates": [day.date() for day in _DAYS],
    "datetimes": pd.to_datetime(_DAYS),
    "time zone": pd.to_datetime(_DAYS).tz_localize("Asia/Tokyo"),
    # As instants: ten o'clock in Tokyo is before two o'clock in Greenwich.
    "time zones": pd.Series(
        [day.replace(tzinfo=_ZONES[i % 2]) for i, day in enumerate(_DAYS)], dtype=object
    ).to_numpy(),
    "periods": pd.PeriodIndex(_DAYS, freq="D"),
    "durations": pd.to_timedelta(ROWS["t"], "h"),
    "ordered categories": pd.Categorical.from_codes(
        np.array(ROWS["t"]) - 1, list("gfedcba"), ordered=True
    ),
}


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES)
def test_times(times):
    frames = sequences_from_frame(LOG.assign(t=times))
    check_lists([x["heat"] for x in frames.X], column("heat"))
    if not isinstance(times, pd.Categorical):
        assert frames.gaps["missing"].tolist() == [3]
    else:
        assert frames.gaps is frames.step is None


def test_times_of_polars():
    pl = pytest.importorskip("polars")
    log = as_polars(LOG)
    days = pl.Series(_DAYS)
    ordered = pl.Series([" gfedcba"[t] for t in ROWS["t"]], dtype=pl.Enum([*"gfedcba"]))
    frames = sequences_from_frame(log.with_columns(t=ordered))
    check_lists([x["heat"] for x in frames.X], column("heat"))
    for times in (days, days.cast(pl.Date), days.dt.replace_time_zone("Asia/Tokyo")):
        frames = sequences_from_frame(log.with_columns(t=times))
        check_lists([x["heat"] for x in frames.X], column("heat"))
        assert frames.gaps["missing"].tolist() == [3]


@both
def test_without_times_rows_are_in_their_order(library):
    frames = sequences_from_frame(library(LOG), time=None, features="heat")
    expected = column("heat", [[0, 2, 4, 5], [1, 3]])
    check_lists([x["heat"].to_numpy() for x in frames.X], expected)
    assert frames.gaps is None


@pytest.mark.parametrize("names", [["id", "t"], ["machine", "hour"], [None, None]])
def test_index_of_two_levels(names):
    log = LOG.set_index(["id", "t"]).rename_axis(names)
    frames = sequences_from_frame(log)
    check_lists([x["heat"] for x in frames.X], column("heat"))
    assert frames.X[0].index.nlevels == 2
    assert frames.ids.tolist() == ["b", "a"]
    assert list(frames.gaps.columns)[0] == (names[0] or "id")
    if names[0]:
        named = sequences_from_frame(log, *names)
        assert_array_equal(named.ids, frames.ids)
    predicted = frame_from_sequences([x["heat"] for x in frames.X], log)
    assert_array_equal(predicted["prediction"], log["heat"])
    assert predicted.index.equals(log.index)


def test_time_in_the_index_and_as_a_feature():
    log = LOG.set_index("t")
    frames = sequences_from_frame(log)
    check_lists([x["heat"] for x in frames.X], column("heat"))
    timed = sequences_from_frame(LOG, features=["t", "heat"])
    check_lists([x["t"] for x in timed.X], column("t"))


def test_ids_of_unused_categories():
    ids = pd.Categorical(LOG["id"], categories=["z", "a", "b"])
    frames = sequences_from_frame(LOG.assign(id=ids), static="year")
    assert frames.ids.tolist() == ["b", "a"]
    assert frames.static["year"].tolist() == [2019, 2021]


def test_ids_of_several_types_are_different():
    frames = sequences_from_frame(LOG.assign(id=[1, "1", 1, "1", 1, 1]))
    assert frames.ids.tolist() == [1, "1"]


# And back


@both
def test_values_of_steps_stand_beside_their_rows(library):
    df = library(LOG)
    shuffled = df[_rng.permutation(6)] if library is as_polars else df.sample(frac=1)
    X_log = sequences_from_frame(shuffled, features="heat").X
    values = [x["heat"].to_numpy() for x in X_log]
    back = frame_from_sequences(values, shuffled, names="copy")
    assert type(back) is type(df)
    assert list(back.columns) == [*ROWS, "copy"]
    for name in ROWS:
        assert back[name].to_list() == shuffled[name].to_list()
    assert back["copy"].to_list() == shuffled["heat"].to_list()
    if library is not as_polars:
        assert back.index.equals(shuffled.index)


def test_values_of_steps_in_a_column_of_polars():
    pl = pytest.importorskip("polars")
    lists = pl.Series([part.tolist() for part in column("heat")])
    back = frame_from_sequences(lists, LOG)
    assert back["prediction"].tolist() == ROWS["heat"]


@both
def test_values_of_sequences_stand_beside_all_their_rows(library):
    for values in (np.array(["B", "A"]), ["B", "A"], pd.Series(["B", "A"])):
        back = frame_from_sequences(values, library(LOG))
        assert back["prediction"].to_list() == [name.upper() for name in ROWS["id"]]


def test_values_with_ids_are_found_by_these():
    expected = [name.upper() for name in ROWS["id"]]
    for values in (
        pd.Series(["A", "B"], ["a", "b"]),
        pd.DataFrame({"z": ["C", "A", "B"]}, ["c", "a", "b"]),
        pd.Series(["B", "A"], ["x", "y"]),
    ):
        back = frame_from_sequences(values, LOG, names="z")
        assert back["z"].tolist() == expected
    steps = pd.Series(column("heat"), ["b", "a"])
    back = frame_from_sequences(steps[::-1], LOG)
    assert back["prediction"].tolist() == ROWS["heat"]
    numbered = LOG.assign(id=(LOG["id"] == "b").astype(int))  # the first is 1
    back = frame_from_sequences(pd.Series(["B", "A"]), numbered)
    assert back["prediction"].tolist() == expected
    back = frame_from_sequences(pd.Series(["A", "B"], pd.Index([0, 1])), numbered)
    assert back["prediction"].tolist() == expected
    match = "ids of some sequences of df, but not 'b'. Pass a value for each, or"
    with pytest.raises(ValueError, match=match):
        frame_from_sequences(pd.Series(["A", "B"], ["a", "c"]), LOG)


@both
def test_names_of_columns(library):
    df = library(LOG)
    probabilities = [np.tile([0.25, 0.75], (len(rows), 1)) for rows in ORDER]
    assert list(frame_from_sequences(probabilities, df).columns)[6:] == [
        *("prediction_0", "prediction_1")
    ]
    back = frame_from_sequences(probabilities, df, names=["no", "yes"])
    assert list(back.columns)[6:] == ["no", "yes"]
    assert back["yes"].to_list() == [0.75] * 6
    static = sequences_from_frame(df, static="year").static
    static = static.rename(
        **{"mapping" if library is as_polars else "columns": {"year": "since"}}
    )
    assert frame_from_sequences(static, df)["since"].to_list() == ROWS["year"]
    frames = [x[["heat"]] for x in sequences_from_frame(LOG).X]
    frames = [x.rename(columns={"heat": "degrees"}) for x in frames]
    assert frame_from_sequences(frames, df)["degrees"].to_list() == ROWS["heat"]


def test_labels_and_numbers_stay_what_they_are():
    values = [np.array(["u", None, "v", "w"], object), np.array([1.5, 2.5])]
    back = frame_from_sequences(values, LOG)
    assert back["prediction"].tolist() == ["v", 1.5, "u", 2.5, None, "w"]
    numbered = frame_from_sequences(pd.DataFrame({0: [1, 2], 1: [3, 4]}), LOG)
    assert numbered[1].tolist() == [3, 4, 3, 4, 3, 3]
    assert frame_from_sequences([1, 2], LOG, names=5)[5].tolist() == [1, 2, 1, 2, 1, 1]
    three = np.arange(8).reshape(2, 2, 2)
    equal = LOG[LOG["t"] < 3]
    assert frame_from_sequences(three, equal)["prediction_1"].tolist() == [1, 5, 3, 7]


@pytest.mark.nojit
def test_from_a_frame_to_predictions_in_it():
    log = pd.concat(
        [
            pd.DataFrame(x, columns=["u", "v"]).assign(id=i, t=range(len(x)), y=i % 2)
            for i, x in enumerate(RAGGED)
        ]
    ).sample(frac=1, random_state=0)
    frames = sequences_from_frame(log, target="y")
    classifier = make(RNNClassifier).fit(frames.X, frames.y)
    assert classifier.feature_names_in_.tolist() == ["u", "v"]
    back = frame_from_sequences(classifier.predict(frames.X), log)
    names = ["u", "v"]
    expected = classifier.predict([pd.DataFrame(x, columns=names) for x in RAGGED])
    assert_array_equal(back["prediction"], expected[back["id"]])


# Errors

_TWICE = pd.concat([LOG, LOG[["heat"]]], axis=1)
_LEVELS = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_product([["a"], [1, 2]]))
_AWARE = pd.Series([pd.Timestamp(day, tz="UTC") for day in _DAYS], dtype=object)
ERRORS = {
    "list": ([[1, 2]], {}, "df must be a DataFrame of pandas or polars .* type list"),
    "dict": (ROWS, {}, "got an object of type dict"),
    "empty": (LOG[:0], {}, "df has no rows"),
    "names twice": (_TWICE, {}, "different names, but 'heat' is that of several"),
    "levels of columns": (_LEVELS, {}, "columns have several levels"),
    "no sequence": (LOG, {"sequence": "idd"}, "sequence='idd'.* Did you mean 'id'"),
    "no time": (LOG.drop(columns="t"), {}, r"no column .* 't' \(time='t'\); it has \["),
    "no feature": (LOG, {"features": ["hat"]}, "features has 'hat'.* mean 'heat'"),
    "feature twice": (LOG, {"features": ["heat"] * 2}, "'heat' more than once"),
    "no target": (LOG, {"target": "z"}, "target has 'z', which is no column of df"),
    "nothing left": (LOG[["id", "t"]], {}, "No column of df is left for X"),
    "target changes": (
        LOG,
        {"target": "heat", "target_per": "sequence"},
        r"'heat' changes within sequence b: it has \['19.0', .* Set target_per='step'",
    ),
    "static changes": (LOG, {"static": "page"}, "'page' changes within sequence b: it"),
    "target_per": (LOG, {"target_per": "steps"}, "The 'target_per' parameter of seq"),
    "double": (
        LOG.assign(t=[1, 1, 1, 2, 2, 7]),
        {},
        r"same sequence and time \(1 more than one\): first rows 0 and 2, of sequence "
        "b at 1. Keep",
    ),
    "no id": (LOG.replace({"id": {"a": None}}), {}, "'id' is missing in 2 row.* row 1"),
    "no time in a row": (
        LOG.assign(t=[3, 1, None, 2, 2, 7]),
        {},
        "'t' is missing in 1 row.* first in row 2: such a row has no place",
    ),
    "texts": (
        LOG.assign(t=list("312345")),
        {},
        "'t' has string values such as '3'",
    ),
    "lists as ids": (
        LOG.assign(id=[[1], [2]] * 3),
        {},
        r"'id' has values of type list, such as \[1\], but one number, text or date",
    ),
    "lists as targets": (
        LOG.assign(y=[[1], [2]] * 3),
        {"target": "y"},
        "'y' has values of type list",
    ),
    "sequence": (
        LOG,
        {"sequence": LOG["id"]},
        "no column or level of its index with the",
    ),
    "no name of sequence": (LOG, {"sequence": None}, "name None .sequence=None"),
    "large": (LOG.assign(t=[2**70 + t for t in ROWS["t"]]), {}, "beyond those of int6"),
    "texts and numbers": (LOG.assign(t=[1, "2", 3, 4, 5, 6]), {}, "mixed-integer val"),
    "categories": (LOG.assign(t=pd.Categorical(ROWS["page"])), {}, "categorical val"),
    "complex": (LOG.assign(t=LOG["t"] * 1j), {}, "'t' has complex values such as"),
    "infinite": (LOG.assign(t=[3, 1, np.inf, 2, 2, 7]), {}, "infinite, first in row 2"),
    "time zones": (
        LOG.assign(t=[_DAYS[0], *_AWARE[1:]]),
        {},
        "'t' has times with a time zone and others without one",
    ),
}


@pytest.mark.parametrize(("df", "arguments", "match"), ERRORS.values(), ids=ERRORS)
def test_errors(df, arguments, match):
    with pytest.raises((TypeError, ValueError), match=match) as info:
        sequences_from_frame(df, **arguments)
    assert len(str(info.value)) < 400


def test_errors_of_polars():
    pl = pytest.importorskip("polars")
    log = as_polars(LOG)
    assert frame_from_sequences([1, 2], log, names=[5])["5"].to_list()[:2] == [1, 2]
    for name in ("id", "t"):
        missing = log.with_columns(
            pl.when(pl.col("heat") == 19).then(None).otherwise(pl.col(name)).alias(name)
        )
        with pytest.raises(ValueError, match=f"'{name}' is missing in 1 row.* row 2"):
            sequences_from_frame(missing)
    for ids in ([[1], [2]] * 3, [{"a": 1}, {"a": 2}] * 3):
        with pytest.raises(TypeError, match="'id' has values of type"):
            sequences_from_frame(log.with_columns(id=pl.Series(ids)))
    with pytest.raises(TypeError, match=r"type LazyFrame\. Pass df\.collect\(\)\."):
        sequences_from_frame(log.lazy())
    with pytest.raises(ValueError, match="same sequence and time"):
        sequences_from_frame(log.with_columns(t=pl.lit(1)))


BACK_ERRORS = {
    "sequences": ([[1, 2]], {}, "an entry for each of 1 sequences, but df has 2"),
    "steps": ([np.ones(4), np.ones(3)], {}, r"Sequence a of df has 2 rows, .* \(3,\)"),
    "columns": ([np.ones((4, 1)), np.ones((2, 2))], {}, "the same number of columns"),
    "dimensions": (np.ones((2, 1, 1, 1)), {}, "values has 4 dimensions"),
    "text": ("ab", {}, "values must be a list .* type str"),
    "generator": ((i for i in range(2)), {}, "values must be a list .* type generator"),
    "existing": ([1, 2], {"names": "heat"}, "df has a column 'heat' already"),
    "names": ([1, 2], {"names": ["a", "b"]}, "expected 1 different name"),
    "columns of frames": (
        [pd.DataFrame({"p": [1] * 4, "q": 2}), pd.DataFrame({"q": [1, 2], "p": 2})],
        {},
        r"has \['p', 'q'\] in sequence b and \['q', 'p'\] in sequence a",
    ),
    "no columns": (np.ones((2, 0)), {}, "values has no columns"),
    "dates and numbers": (
        [np.array(["2024"] * 4, "M8[s]"), np.ones(2)],
        {},
        "dates of some sequences and other values of others",
    ),
    "equal names": (
        np.ones((2, 2)),
        {"names": ["a", "a"]},
        "expected 2 different",
    ),
}


@pytest.mark.parametrize(
    ("values", "arguments", "match"), BACK_ERRORS.values(), ids=BACK_ERRORS
)
def test_errors_on_the_way_back(values, arguments, match):
    with pytest.raises((TypeError, ValueError), match=match):
        frame_from_sequences(values, LOG, **arguments)


# Containers of sktime and aeon: what the user guide says of each

_CHANNELS = X.transpose(0, 2, 1)
_TIDY = pd.concat(
    {i: pd.DataFrame(x, columns=["a", "b"]) for i, x in enumerate(RAGGED)}
)


def _nested():
    """A column for each channel, and in each cell a Series."""
    cells = [[pd.Series(x[:, j]) for x in RAGGED] for j in range(2)]
    return pd.DataFrame({"a": cells[0], "b": cells[1]})


def _long():
    """A row for each value."""
    long = _TIDY.rename_axis(["case_id", "reading_id"]).reset_index()
    return long.melt(["case_id", "reading_id"], var_name="dim_id")


CONTAINERS = {
    "numpy3D": (_CHANNELS, lambda X: X.transpose(0, 2, 1), list(X)),
    "np-list": ([x.T for x in RAGGED], lambda X: [x.T for x in X], RAGGED),
    "df-list": (
        [pd.DataFrame(x) for x in RAGGED],
        lambda X: X,
        RAGGED,
    ),
    "df-list of aeon": (
        [pd.DataFrame(x.T) for x in RAGGED],
        lambda X: [x.T for x in X],
        RAGGED,
    ),
    "nested_univ": (
        _nested(),
        lambda X: [pd.DataFrame(dict(row)) for _, row in X.iterrows()],
        RAGGED,
    ),
    "pd-multiindex": (
        _TIDY.rename_axis(["instances", "timepoints"]),
        lambda X: sequences_from_frame(X).X,
        RAGGED,
    ),
    "pd-long": (
        _long(),
        lambda X: (
            sequences_from_frame(
                X.pivot(
                    index=["case_id", "reading_id"], columns="dim_id", values="value"
                )
            ).X
        ),
        RAGGED,
    ),
}


@pytest.mark.parametrize(
    ("container", "way", "expected"), CONTAINERS.values(), ids=CONTAINERS
)
def test_containers_of_other_packages(container, way, expected):
    check_lists(way(container), expected)


def test_names_of_a_container():
    container, way, _ = CONTAINERS["pd-multiindex"]
    scaler = SequenceScaler().fit(way(container))
    assert scaler.feature_names_in_.tolist() == ["a", "b"]
