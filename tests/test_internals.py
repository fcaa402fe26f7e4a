"""Where Numba's inside is not as the package knows it: Numba's plain way, one warning.

Tests that fit run a new Python process, in which something of Numba is different before
the package is imported.
"""

import json
import operator
import os
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skrnn.mathematics import internals

EACH = [
    pytest.param(group, internal, id=f"{internal.path}-{internal.sets}")
    for group, (_, members) in internals.GROUPS.items()
    for internal in members
]
NAMED = [one for one in EACH if one.values[1].sets is None]
CALLED = [one for one in EACH if one.values[1][2:] != (None, None)]


def owners_of(path):
    """Where it is defined, and its name there."""
    module, _, name = path.partition(":")
    *outer, name = name.split(".")
    owners = [import_module(module)]
    if outer:
        owners = operator.attrgetter(".".join(outer))(owners[0]).__mro__
    return [(owner, name) for owner in owners if name in vars(owner)]


@pytest.mark.parametrize(("group", "internal"), NAMED)
def test_what_is_gone_is_seen(group, internal, monkeypatch):
    assert internals.is_there(internal)
    for place in owners_of(internal.path):
        monkeypatch.delattr(*place)
    assert not internals.is_there(internal)
    assert internals.missing(group)


@pytest.mark.parametrize(("group", "internal"), CALLED)
def test_what_is_different_is_seen(group, internal, monkeypatch):
    monkeypatch.setattr(*owners_of(internal.path)[0], lambda: None)
    assert not internals.is_there(internal)


def test_nothing_is_missing():
    assert [internals.missing(group) for group in internals.GROUPS] == [[]] * 5


@pytest.mark.parametrize(
    ("group", "path"),
    [
        (internals.LLVM, "llvmlite.ir:IRBuilder.gep"),
        (internals.LLVM, "llvmlite.ir:Type.as_pointer"),
        (internals.LLVM, "llvmlite.ir:IRBuilder.shuffle_vector"),
        (internals.CALLS, "numba.core.callconv:BaseCallConv.__init__"),
    ],
)
def test_what_fails_when_it_is_tried_is_seen(group, path, monkeypatch):
    def fail(*arguments, **options):
        raise NotImplementedError("expected")

    monkeypatch.setattr(*owners_of(path)[0], fail)
    assert internals.missing(group) == ["NotImplementedError: expected"]


FIT = """
import inspect, json, sys, warnings
from importlib import import_module
from operator import attrgetter
import numpy as np

for path in json.loads(sys.argv[1]):
    module, _, name = path.partition(":")
    found = attrgetter(name)(import_module(module))
    if callable(found):  # Numba itself goes on with it
        found.__signature__ = inspect.Signature()
    else:
        delattr(import_module(module), name)

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from skrnn import RNNRegressor
    X = np.random.default_rng(0).standard_normal((64, 5, 2), np.float32)
    estimator = RNNRegressor(cell="rnn", hidden_size=3, max_iter=2, random_state=0)
    estimator.set_params(early_stopping=False).fit(X, X[:, :, 0].sum(axis=1))
    found = [array.tolist() for array in estimator.get_weights().values()]
    if sys.argv[2:] == ["predict"]:
        found.append(estimator.predict(X).tolist())
messages = [str(one.message) for one in caught if one.category is RuntimeWarning]
print(json.dumps([found, messages]))
"""


def fit(*different, predict, **environment):
    """Weights, predictions and warnings of a process in which these are different."""
    result = subprocess.run(
        [sys.executable, "-c", FIT, json.dumps(different), *["predict"] * predict],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


#: One of each group; the tests above look for each member.
DIFFERENT = {
    internals.COMPILER: "numba.core.typed_passes:NativeLowering.run_pass",
    internals.CACHE: "numba.core.caching:IndexDataCacheFile._load_index",
    internals.LLVM: "numba.core.cgutils:unpack_tuple",
    internals.CALLS: "numba.core.cgutils:for_range",
    internals.LIMIT: "numba.np.ufunc.parallel:_is_initialized",
}


@pytest.fixture(scope="module")
def expected():
    """What each fit must give."""
    found, messages = fit(predict=True)
    assert messages == []
    return found


@pytest.mark.parametrize("groups", [*zip(DIFFERENT), tuple(DIFFERENT)], ids="-".join)
def test_fit_and_predict_without(groups, expected, tmp_path):
    # Not optimised, code is made in half the time; nobody else may load it.
    plain = {"NUMBA_OPT": "0", "NUMBA_CACHE_DIR": str(tmp_path)}
    if groups == (internals.LIMIT,):  # of which no code depends
        plain = {}
    # What trains has all that predicts has, and that takes a third of the time.
    predict = len(groups) > 1
    different = [DIFFERENT[group] for group in groups]
    found, messages = fit(*different, predict=predict, **plain)
    for array, other in zip(found, expected, strict=predict):
        assert_allclose(array, other, rtol=1e-4, atol=1e-5)
    (message,) = messages
    for group in groups:
        assert DIFFERENT[group] in message
        assert internals.GROUPS[group][0] in message


IMPORT = """
import sys
import warnings
from importlib import import_module
import numba.core.registry
import numba.extending

for path in sys.argv[1:]:
    import_module(path)
for path in sys.argv[1:]:
    package, _, name = path.rpartition(".")
    delattr(sys.modules[package], name)
    sys.modules[path] = None
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import skrnn
    from skrnn.mathematics import internals
print(len(caught), *(internals.has(group) for group in internals.GROUPS))
"""
#: Without these Numba itself defines no function.
NUMBAS_OWN = {"numba.core.dispatcher"}


def test_the_package_can_be_imported_without_their_modules():
    paths = {one.values[1].path.partition(":")[0] for one in EACH} - NUMBAS_OWN
    result = subprocess.run(
        [sys.executable, "-c", IMPORT, *sorted(paths)], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["1", *["False"] * len(internals.GROUPS)]


def test_what_fails_only_while_it_compiles():
    script = """
import warnings
import numpy as np
from numba import njit

from skrnn.mathematics import activations, compilation, pipelines


def fail(library):
    raise AttributeError("expected")


@njit(**compilation.ENTRY)
def apply(x):
    return activations.tanh(x)

pipelines._PartLibrary._finalize_final_module = fail
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    print(apply(0.5))
print(*(one.message for one in caught))
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    value, message = result.stdout.splitlines()
    assert float(value) == pytest.approx(np.tanh(0.5))
    assert "AttributeError: expected" in message
