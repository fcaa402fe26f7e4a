"""The format of saved estimators: plain values, which later versions read."""

import copy
import pickle
import pickletools

import numpy as np
import pytest
from golden_estimators import KINDS, files, goes_on, make_golden, predictions_of
from numpy.testing import assert_allclose, assert_array_equal
from small import RAGGED, TARGETS, X, make, output_of

from skrnn import RNNRegressor, RNNTranslator
from skrnn.estimators import saving
from skrnn.network import Network

kinds = pytest.mark.parametrize("kind", KINDS)
PLAIN = str, int, float, bool, type(None)


def plain_of(estimator):
    return estimator.__getstate__()["_model"]


def assert_plain(value):
    if isinstance(value, dict):
        assert all(type(key) is str for key in value)
        value = list(value.values())
    if type(value) is list:
        for item in value:
            assert_plain(item)
    elif isinstance(value, np.ndarray):
        assert type(value) is np.ndarray
    else:
        assert type(value) in PLAIN, type(value)


def assert_same(value, expected):
    assert type(value) is type(expected)
    if isinstance(value, dict):
        assert list(value) == list(expected)
        value, expected = list(value.values()), list(expected.values())
    if isinstance(value, list):
        for pair in zip(value, expected, strict=True):
            assert_same(*pair)
    elif isinstance(value, np.ndarray):
        assert value.dtype == expected.dtype
        assert_array_equal(value, expected)
    else:
        assert value == expected


def globals_of(data):
    """What a pickle imports."""
    strings, found = [], set()
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name in ("SHORT_BINUNICODE", "BINUNICODE"):
            strings.append(argument)
        if opcode.name == "STACK_GLOBAL":
            found.add(".".join(strings[-2:]))
    return found


@kinds
def test_it_is_made_of_plain_values(kind):
    estimator = make_golden(kind)
    assert_plain(plain_of(estimator))
    of_package = {n for n in globals_of(pickle.dumps(estimator)) if "skrnn" in n}
    kind_of_estimator = type(estimator)
    assert of_package == {
        f"{kind_of_estimator.__module__}.{kind_of_estimator.__name__}"
    }


@kinds
def test_what_is_read_is_what_was_written(kind):
    estimator = make_golden(kind)
    for other in (pickle.loads(pickle.dumps(estimator)), copy.copy(estimator)):
        assert vars(other).keys() == vars(estimator).keys()
        assert_same(plain_of(other), plain_of(estimator))
        assert_array_equal(predictions_of(other), predictions_of(estimator))
        if KINDS[kind].goes_on:
            expected = predictions_of(goes_on(kind, make_golden(kind)))
            assert_array_equal(predictions_of(goes_on(kind, other)), expected)


@kinds
def test_golden_files(kind):
    found = [saved[kind] for saved in files().values() if kind in saved]
    assert len(found) == saving.FORMAT - KINDS[kind].since + 1
    for estimator, expected, expected_later in found:
        # Other machines may round otherwise.
        assert_allclose(predictions_of(estimator), expected, rtol=1e-5, atol=1e-6)
        if KINDS[kind].goes_on:
            later = predictions_of(goes_on(kind, estimator))
            assert_allclose(later, expected_later, rtol=1e-4, atol=1e-5)


def test_there_is_a_golden_file_of_each_format():
    numbers = {int(name.split("_")[1]) for name in files()}
    assert numbers == set(range(1, saving.FORMAT + 1))


@pytest.mark.parametrize(
    "kind",
    # Its network is a pair of others, not a Network.
    [kind for kind in KINDS if KINDS[kind].estimator_class is not RNNTranslator],
)
def test_the_order_of_the_flat_vector_is_not_part_of_it(kind, monkeypatch):
    estimator = make_golden(kind)
    expected, data = predictions_of(estimator), pickle.dumps(estimator)
    parts = Network.parts.function

    class Reversed(Network):
        """A later version, whose parts stand in another order."""

    def reverse(network):
        # Embeddings stay first: steps of a solver find the rows that they move there.
        n, found = len(network.embeddings), parts(network)
        return found[:n] + found[n:][::-1]

    monkeypatch.setattr(Reversed, "parts", property(reverse), raising=False)
    monkeypatch.setattr(saving, "network_of", Reversed.from_description)
    other = pickle.loads(data)
    assert not np.array_equal(other._model.parameters, estimator._model.parameters)
    assert_array_equal(predictions_of(other), expected)


def test_a_later_format_is_refused():
    state = make(RNNRegressor).fit(X, TARGETS[RNNRegressor]).__getstate__()
    state["_model"] |= {"format": saving.FORMAT + 1, "skrnn": "99.0"}
    match = r"saved in format \d by skrnn 99.0, but skrnn .* reads formats up to \d. In"
    with pytest.raises(ValueError, match=match):
        RNNRegressor().__setstate__(state)


def test_an_earlier_format_is_upgraded(monkeypatch):
    regressor = make(RNNRegressor).fit(X, TARGETS[RNNRegressor])
    state = regressor.__getstate__()
    before, number = state["_model"], saving.FORMAT

    def rename(plain):
        return {**plain, "targets": plain["goals"], "format": number + 1}

    before["goals"] = before.pop("targets")
    monkeypatch.setattr(saving, "FORMAT", number + 1)
    monkeypatch.setitem(saving._UPGRADES, number, rename)
    other = RNNRegressor()
    other.__setstate__(state)
    assert_array_equal(other.predict(X), regressor.predict(X))


@pytest.mark.parametrize("estimator_class", TARGETS)
def test_skops(estimator_class):
    sio = pytest.importorskip("skops.io")
    y = TARGETS[estimator_class]
    estimator = make(estimator_class).fit(RAGGED, y)
    data = sio.dumps(estimator)
    trusted = sio.get_untrusted_types(data=data)
    assert all(name.endswith(estimator_class.__name__) for name in trusted)
    other = sio.loads(data, trusted=trusted)
    assert_array_equal(output_of(other, X), output_of(estimator, X))
    other.partial_fit(RAGGED, y)
    estimator.partial_fit(RAGGED, y)
    assert_array_equal(output_of(other, X), output_of(estimator, X))
