"""The data sets are whole, exact and shaped like scikit-learn's."""

import re
from itertools import pairwise
from zlib import crc32

import numpy as np
import pandas as pd
import pytest
from sklearn.utils._param_validation import InvalidParameterError

from skrnn.datasets import (
    load_addresses,
    load_alice,
    load_departures,
    load_glucose,
    load_japanese_vowels,
    load_pronunciations,
    load_seattle_weather,
    load_spoken_characters,
    load_surnames,
    load_verses,
)

pytestmark = pytest.mark.quick

LOADERS = [
    load_addresses,
    load_japanese_vowels,
    load_pronunciations,
    load_seattle_weather,
    load_spoken_characters,
    load_surnames,
    load_verses,
]
#: The MIT licence must come with the data.
MIT = "The above copyright notice and this permission notice shall"
#: And so must the BSD licences, whose last clause the shorter one lacks.
BSD = "Redistributions in binary form must reproduce the above copyright"
BSD_3 = "may be used to endorse or promote"
TRAIN_COUNTS = [30] * 9
TEST_COUNTS = [31, 35, 88, 44, 29, 24, 40, 50, 29]


def assert_nearest_to_decimals(values, n_decimals):
    """Check that the values are the float64 nearest to their decimal text."""
    values = values.ravel().tolist()
    assert values == [float(f"{value:.{n_decimals}f}") for value in values]


@pytest.mark.parametrize(
    ("subset", "n_frames", "longest", "counts"),
    [
        ("train", 4274, 26, TRAIN_COUNTS),
        ("test", 5687, 29, TEST_COUNTS),
        ("all", 4274 + 5687, 29, np.add(TRAIN_COUNTS, TEST_COUNTS)),
    ],
)
def test_japanese_vowels_subsets(subset, n_frames, longest, counts):
    vowels = load_japanese_vowels(subset=subset)
    lengths = [len(utterance) for utterance in vowels.data]

    assert all(utterance.dtype == np.float64 for utterance in vowels.data)
    assert all(utterance.shape[1] == 12 for utterance in vowels.data)
    assert (sum(lengths), min(lengths), max(lengths)) == (n_frames, 7, longest)
    assert len(vowels.data) == len(vowels.target) == np.sum(counts)
    assert np.issubdtype(vowels.target.dtype, np.integer)
    np.testing.assert_array_equal(np.unique(vowels.target), np.arange(1, 10))
    np.testing.assert_array_equal(np.bincount(vowels.target)[1:], counts)
    assert len(vowels.target_names) == 9
    assert len(vowels.feature_names) == 12


def test_japanese_vowels_are_exact():
    X, _ = load_japanese_vowels(return_X_y=True)
    assert X[0][0, :3].tolist() == [1.860936, -0.207383, 0.261557]
    assert_nearest_to_decimals(np.concatenate(X), 6)


def test_japanese_vowels_all_is_train_then_test():
    parts = [load_japanese_vowels(subset=subset) for subset in ("train", "test")]
    X, y = load_japanese_vowels(subset="all", return_X_y=True)
    np.testing.assert_array_equal(
        np.concatenate(X), np.concatenate(parts[0].data + parts[1].data)
    )
    np.testing.assert_array_equal(y, np.concatenate([part.target for part in parts]))


def test_seattle_weather_arrays():
    weather = load_seattle_weather()
    assert weather.frame is None
    assert weather.data.shape == (1461, 4)
    assert weather.data.dtype == np.float64
    assert weather.feature_names == ["precipitation", "temp_max", "temp_min", "wind"]
    assert weather.data[1].tolist() == [10.9, 10.6, 2.8, 4.5]
    assert weather.data[-1].tolist() == [0.0, 5.6, -2.1, 3.5]
    assert_nearest_to_decimals(weather.data, 1)

    assert weather.target.dtype.kind == "U"
    names, counts = np.unique(weather.target, return_counts=True)
    assert names.tolist() == ["drizzle", "fog", "rain", "snow", "sun"]
    assert counts.tolist() == [54, 411, 259, 23, 714]
    np.testing.assert_array_equal(names, weather.target_names)


def test_seattle_weather_has_every_day_once():
    dates = load_seattle_weather().dates
    every_day = np.arange("2012-01-01", "2016-01-01", dtype="datetime64[D]")
    np.testing.assert_array_equal(dates, every_day)


def test_seattle_weather_as_frame():
    arrays = load_seattle_weather()
    weather = load_seattle_weather(as_frame=True)
    assert isinstance(weather.frame.index, pd.DatetimeIndex)
    assert list(weather.frame) == [*weather.feature_names, "weather"]
    pd.testing.assert_frame_equal(weather.data, weather.frame[weather.feature_names])
    pd.testing.assert_series_equal(weather.target, weather.frame["weather"])
    np.testing.assert_array_equal(weather.data, arrays.data)
    np.testing.assert_array_equal(weather.target, arrays.target)
    np.testing.assert_array_equal(weather.frame.index, arrays.dates)


def test_departures():
    departures = load_departures()
    assert departures.data.shape == (8755, 26)
    assert departures.data.dtype == np.float64
    assert departures.data.flags.c_contiguous
    assert (departures.data.sum(), departures.data.max()) == (330160, 18)
    np.testing.assert_array_equal(departures.data, departures.data.round())
    every_hour = np.arange("2013-01-01T05", "2014-01-01T00", dtype="datetime64[h]")
    np.testing.assert_array_equal(departures.times, every_hour)
    assert sorted(departures.feature_names) == departures.feature_names
    sums = dict(zip(departures.feature_names, departures.data.sum(0), strict=True))
    assert (sums["EWR UA"], sums["JFK B6"], sums["LGA 9E"]) == (46087, 42076, 2541)
    assert departures.static.loc["LGA 9E"].tolist() == ["LGA", "9E"]


def test_departures_as_frame():
    arrays, frame = load_departures(), load_departures(as_frame=True).data
    assert frame.index.freq == pd.offsets.Hour()
    np.testing.assert_array_equal(frame.index, arrays.times)
    np.testing.assert_array_equal(frame, arrays.data)
    assert list(frame) == arrays.static.index.tolist() == arrays.feature_names


def test_glucose():
    glucose = load_glucose()
    assert (glucose.data.shape, glucose.data.dtype) == ((57770,), np.float64)
    there = glucose.data[~np.isnan(glucose.data)]
    assert (there.size, there.sum()) == (52083, 7139848.5)
    assert (there.min(), there.max()) == (40, 400)
    every_5 = np.arange("2010-03-24T09:50", "2010-10-11T00:00", 5, "datetime64[m]")
    np.testing.assert_array_equal(glucose.times, every_5)
    series = load_glucose(as_frame=True).data
    assert (series.name, series.index.freq) == ("glucose", pd.offsets.Minute(5))
    np.testing.assert_array_equal(series.index, glucose.times)
    np.testing.assert_array_equal(series, glucose.data)


@pytest.mark.parametrize(
    ("subset", "n_pairs", "n_names"),
    [("train", 13679, 13369), ("test", 3392, 3318), ("all", 17071, 16687)],
)
def test_surnames_subsets(subset, n_pairs, n_names):
    surnames = load_surnames(subset=subset)
    assert surnames.data.shape == surnames.target.shape == (n_pairs,)
    assert {type(name) for name in surnames.data} == {str}
    assert surnames.target.dtype.kind == "U"
    assert len({*surnames.data}) == n_names
    assert len({*zip(surnames.data, surnames.target, strict=True)}) == n_pairs
    assert len(surnames.target_names) == 21
    np.testing.assert_array_equal(np.unique(surnames.target), surnames.target_names)


def test_surnames_are_split_by_name():
    (X, y), (X_test, y_test) = (
        load_surnames(subset=subset, return_X_y=True) for subset in ("train", "test")
    )
    assert not {*X} & {*X_test}
    # By a number of the name, which needs no generator of random numbers.
    limit = 0.8 * 2**32
    assert max(crc32(name.encode()) for name in X) < limit
    assert min(crc32(name.encode()) for name in X_test) >= limit
    X_all, y_all = load_surnames(subset="all", return_X_y=True)
    np.testing.assert_array_equal(X_all, [*X, *X_test])
    np.testing.assert_array_equal(y_all, [*y, *y_test])


def test_surnames_are_whole():
    X, y = load_surnames(subset="all", return_X_y=True)
    lengths = [len(name) for name in X]
    assert (min(lengths), max(lengths), sum(lengths)) == (2, 40, 126547)
    assert all(re.fullmatch(r"[A-Za-zÀ-ɏ' -]+", name) for name in X)
    names, counts = np.unique(y, return_counts=True)
    described = load_surnames().DESCR.replace("\n   ", "")
    for name, count in zip(names, counts, strict=True):
        assert f"{name} ({count}" in described
    assert y[X == "Novák"].tolist() == ["Czech", "Hungarian", "Slovak"]


@pytest.mark.parametrize(
    ("subset", "n", "n_words"),
    [("train", 1201, 8475), ("test", 287, 2079), ("all", 1488, 10554)],
)
def test_addresses_subsets(subset, n, n_words):
    addresses = load_addresses(subset=subset)
    assert len(addresses.data) == len(addresses.target) == n
    for words, labels in zip(addresses.data, addresses.target, strict=True):
        assert words.shape == labels.shape
        assert {type(word) for word in words} == {str}
        assert labels.dtype.kind == "U"
    assert sum(map(len, addresses.data)) == n_words
    assert len(addresses.target_names) == 29
    # Rare labels are not in both parts.
    assert {*np.concatenate(addresses.target)} <= {*addresses.target_names}


def test_addresses_are_split_by_address():
    train, test, whole = (
        [" ".join(words) for words in load_addresses(subset=subset).data]
        for subset in ("train", "test", "all")
    )
    assert not {*train} & {*test}
    assert whole == train + test
    limit = 0.8 * 2**32
    assert max(crc32(address.encode()) for address in train) < limit
    assert min(crc32(address.encode()) for address in test) >= limit


def test_addresses_are_whole():
    X, y = load_addresses(subset="all", return_X_y=True)
    assert len({tuple(words) for words in X}) == len(X)
    assert (min(map(len, X)), max(map(len, X))) == (1, 19)
    assert all(re.fullmatch(r"\S+", word) for words in X for word in words)
    counts = np.unique(np.concatenate(y), return_counts=True)
    np.testing.assert_array_equal(counts[0], load_addresses().target_names)
    described = " ".join(load_addresses().DESCR.split())
    for label, count in zip(*counts, strict=True):
        assert f"{label} ({count}" in described
    (i,) = (
        i for i, words in enumerate(X) if [*words[:3]] == ["123", "Maple", "Rochester,"]
    )
    assert y[i].tolist() == [
        "AddressNumber",
        "StreetName",
        "PlaceName",
        *["StateName"] * 2,
    ]


@pytest.mark.parametrize(
    ("subset", "n", "n_letters", "n_phonemes"),
    [
        ("train", 16009, 119684, 101625),
        ("test", 3991, 29822, 25304),
        ("all", 20000, 149506, 126929),
    ],
)
def test_pronunciations_subsets(subset, n, n_letters, n_phonemes):
    pronunciations = load_pronunciations(subset=subset)
    words, sounds = pronunciations.data, pronunciations.target
    assert words.shape == (n,)
    assert len(sounds) == len({*words}) == n
    assert {type(word) for word in words} == {str}
    assert {type(sound) for sound in sounds} == {list}
    assert (sum(map(len, words)), sum(map(len, sounds))) == (n_letters, n_phonemes)
    phonemes = np.unique(np.concatenate(sounds))
    np.testing.assert_array_equal(phonemes, pronunciations.target_names)
    assert len(phonemes) == 39


def test_pronunciations_are_split_by_the_first_five_letters():
    (X, y), (X_test, y_test), (X_all, y_all) = (
        load_pronunciations(subset=subset, return_X_y=True)
        for subset in ("train", "test", "all")
    )
    assert X_all.tolist() == [*X, *X_test]
    assert y_all == y + y_test
    beginnings = [word[:5] for word in X_all]
    assert not {*beginnings[: len(X)]} & {*beginnings[len(X) :]}
    limit = 0.8 * 2**32
    assert max(crc32(word[:5].encode()) for word in X) < limit
    assert min(crc32(word[:5].encode()) for word in X_test) >= limit
    # Those with the same beginning are neighbours.
    n_runs = 1 + sum(a != b for a, b in pairwise(beginnings))
    assert n_runs == len({*beginnings}) == 15040


def test_pronunciations_are_whole():
    X, y = load_pronunciations(subset="all", return_X_y=True)
    assert (min(map(len, X)), max(map(len, X))) == (1, 20)
    assert (min(map(len, y)), max(map(len, y))) == (1, 17)
    assert all(re.fullmatch("[a-z']+", word) for word in X)
    described = " ".join(load_pronunciations().DESCR.split())
    counts = np.unique(np.concatenate(y), return_counts=True)
    for phoneme, n in zip(*counts, strict=True):
        assert f"{phoneme} ({n}" in described
    sounds = dict(zip(X, map(" ".join, y), strict=True))
    assert sounds["knocked"] == "N AA K T"
    assert sounds["route"] == "R UW T"  # the first of two


def test_spoken_characters():
    spoken = load_spoken_characters()
    assert spoken.sample_rate == 8000
    assert "".join(spoken.target) == "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert {(clip.dtype.name, clip.ndim) for clip in spoken.data} == {("float32", 1)}
    lengths = [len(clip) for clip in spoken.data]
    assert (min(lengths), max(lengths), sum(lengths)) == (1807, 6421, 155950)
    assert lengths[:2] + lengths[-2:] == [2747, 1974, 5185, 4982]


def test_spoken_characters_are_exact():
    """Whole bytes, of which none is lost, and with silence at zero."""
    X, _ = load_spoken_characters(return_X_y=True)
    samples = np.concatenate(X) * 128
    np.testing.assert_array_equal(samples, samples.round())
    assert (samples.min(), samples.max()) == (-105, 127)
    assert crc32((samples + 128).astype(np.uint8)) == 67167482  # of the recordings


def test_verses():
    train, test, every = (load_verses(subset=s) for s in ("train", "test", "all"))
    assert [len(part.data) for part in (train, test, every)] == [17271, 845, 18116]
    for name in ("data", "target", "groups"):
        assert [*train[name], *test[name]] == every[name].tolist()
        assert {*map(type, every[name])} == {str}
    assert (len({*train.groups}), len({*test.groups})) == (1125, 60)
    assert not {*train.groups} & {*test.groups}
    for texts in (every.data, every.target):
        lengths = [len(text.split()) for text in texts]
        assert (min(lengths), max(lengths)) == (2, 25)
        assert not any({*"<>\n"} & {*text} or "  " in text for text in texts)


def test_alice():
    train, test, whole = (load_alice(subset=s).data for s in ("train", "test", "all"))
    assert [len(data) for data in (train, test, whole)] == [1, 1, 1]
    assert train[0] + test[0] == whole[0]
    assert len(train[0]) == len(whole[0]) * 9 // 10 == 133632
    assert len({*whole[0]}) == 72
    assert whole[0].isascii()
    assert whole[0].count("\n") == 3608
    assert whole[0].count("CHAPTER") == 12
    assert whole[0].rstrip().endswith("THE END")


@pytest.mark.parametrize("load", LOADERS)
def test_return_X_y(load):
    bunch = load()
    X, y = load(return_X_y=True)
    for found, of_bunch in ((X, bunch.data), (y, bunch.target)):
        for x, x_of_bunch in zip(found, of_bunch, strict=True):
            np.testing.assert_array_equal(x, x_of_bunch)


def test_seattle_weather_return_X_y_as_frame():
    bunch = load_seattle_weather(as_frame=True)
    X, y = load_seattle_weather(return_X_y=True, as_frame=True)
    pd.testing.assert_frame_equal(X, bunch.data)
    pd.testing.assert_series_equal(y, bunch.target)


@pytest.mark.parametrize(
    ("load", "licence"),
    [
        (load_addresses, MIT),
        (load_alice, "Public domain"),
        (load_departures, "CC0 1.0"),
        (load_glucose, "Public domain"),
        (load_japanese_vowels, "CC BY 4.0"),
        (load_pronunciations, BSD),
        (load_seattle_weather, "Public domain"),
        (load_spoken_characters, BSD),
        (load_spoken_characters, BSD_3),
        (load_surnames, MIT),
        (load_verses, "Public domain"),
    ],
)
def test_description_states_the_licence(load, licence):
    assert licence in " ".join(load().DESCR.split())


@pytest.mark.parametrize(
    ("load", "arguments"),
    [
        (load_japanese_vowels, {"subset": "validation"}),
        (load_japanese_vowels, {"return_X_y": "yes"}),
        (load_seattle_weather, {"return_X_y": "yes"}),
        (load_seattle_weather, {"as_frame": "pandas"}),
        (load_surnames, {"subset": "validation"}),
        (load_surnames, {"return_X_y": "yes"}),
        (load_addresses, {"subset": "validation"}),
        (load_addresses, {"return_X_y": "yes"}),
        (load_alice, {"subset": "validation"}),
        (load_departures, {"as_frame": "pandas"}),
        (load_glucose, {"as_frame": "pandas"}),
        (load_pronunciations, {"subset": "validation"}),
        (load_pronunciations, {"return_X_y": "yes"}),
        (load_spoken_characters, {"return_X_y": "yes"}),
        (load_verses, {"subset": "validation"}),
        (load_verses, {"return_X_y": "yes"}),
    ],
)
def test_bad_arguments(load, arguments):
    (name,) = arguments
    with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter"):
        load(**arguments)
