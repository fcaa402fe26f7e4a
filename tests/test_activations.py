"""tanh, sigmoid and relu, alone and in pairs, against 60 digits."""

from decimal import Decimal, localcontext
from itertools import product

import numpy as np
import pytest
from numba import njit
from numpy.testing import assert_array_equal

from skrnn.mathematics import activations


def over_arrays(function):
    """The compiled function can only be called from compiled code."""

    @njit
    def apply(x):
        y = np.empty_like(x)
        for i in range(x.size):
            y[i] = function(x[i])
        return y

    return apply


def over_pairs(function):
    """The same for a function of two numbers, which gives two."""

    @njit
    def apply(x, y):
        results = np.empty((2, x.size), x.dtype)
        for i in range(x.size):
            results[0, i], results[1, i] = function(x[i], y[i])
        return results

    return apply


tanh, sigmoid, relu = (
    over_arrays(function)
    for function in (activations.tanh, activations.sigmoid, activations.relu)
)
functions = pytest.mark.parametrize(
    "function", [tanh, sigmoid, relu], ids=["tanh", "sigmoid", "relu"]
)
sigmoids, sigmoid_and_tanh = (
    over_pairs(function)
    for function in (activations.sigmoids, activations.sigmoid_and_tanh)
)
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def exact_tanh(x):
    if abs(x) < 1e-20:  # where 1 is lost beside 2 x
        return x - x**3 / 3
    return 1 - 2 / (1 + (2 * x).exp())


def exact_sigmoid(x):
    return 1 / (1 + (-x).exp())


pairs = pytest.mark.parametrize(
    ("pair", "exacts"),
    [
        (sigmoids, (exact_sigmoid, exact_sigmoid)),
        (sigmoid_and_tanh, (exact_sigmoid, exact_tanh)),
    ],
    ids=["sigmoids", "sigmoid_and_tanh"],
)


def errors_in_last_place(y, exact, x):
    """Distance of each value from the exact one, in steps of its type."""
    with localcontext(prec=60):
        values = [exact(number) for number in map(Decimal, x.tolist())]
        differences = map(Decimal.__sub__, map(Decimal, y.tolist()), values)
        errors = np.abs([float(difference) for difference in differences])
    return errors / np.spacing(np.abs(values).astype(y.dtype))


def wide_range(dtype):
    """Magnitudes from the smallest normal number to where the functions are flat."""
    rng = np.random.default_rng(0)
    limit = 39.0 if dtype == np.float32 else 79.0
    exponents = rng.uniform(np.log(np.finfo(dtype).tiny), np.log(limit), 2000)
    signs = rng.choice([-1, 1], 2000)
    near, far = rng.uniform(-3, 3, 2000), rng.uniform(-limit, limit, 2000)
    return np.concatenate([signs * np.exp(exponents), near, far, [0]]).astype(dtype)


@dtypes
@pytest.mark.parametrize(
    ("function", "exact"),
    [(tanh, exact_tanh), (sigmoid, exact_sigmoid)],
    ids=["tanh", "sigmoid"],
)
def test_error_is_below_3_units_in_the_last_place(function, exact, dtype):
    x = wide_range(dtype)
    assert errors_in_last_place(function(x), exact, x).max() < 3


def wide_pairs(dtype):
    """Each range of one argument with each of the other."""
    x = wide_range(dtype)
    return x, np.random.default_rng(1).permutation(x)


@dtypes
@pairs
def test_error_of_pairs(pair, exacts, dtype):
    """A shared division costs two or three roundings more."""
    arguments = wide_pairs(dtype)
    for result, exact, x in zip(pair(*arguments), exacts, arguments, strict=True):
        assert errors_in_last_place(result, exact, x).max() < 4


@dtypes
@pairs
def test_extreme_pairs(pair, exacts, dtype):
    """What one result saturates at costs the other one nothing."""
    tiny = np.finfo(dtype).tiny
    single = [-np.inf, -1000, -1, -tiny, 0, tiny, 1, 1000, np.inf]
    arguments = np.array(list(product(single, repeat=2)), dtype).T
    for result, exact, x in zip(pair(*arguments), exacts, arguments, strict=True):
        is_flat = (exact is exact_sigmoid) & (x < -100)
        assert (result[is_flat] >= 0).all()
        assert (result[is_flat] < np.finfo(dtype).eps ** 2).all()
        errors = errors_in_last_place(result[~is_flat], exact, x[~is_flat])
        assert errors.max() < 4


@pytest.mark.nojit
@dtypes
@np.errstate(over="ignore")  # without compilation, NumPy tells that 2 x overflows
def test_saturation(dtype):
    for large in (dtype(100), np.finfo(dtype).max, dtype(np.inf)):
        x = np.array([-large, large])
        assert_array_equal(tanh(x), [-1, 1])
        low, high = sigmoid(x)
        assert 0 <= low < np.finfo(dtype).eps ** 2
        assert high == 1


@pytest.mark.nojit
@dtypes
@functions
def test_nan_passes(function, dtype):
    assert np.isnan(function(np.array([np.nan], dtype))).all()


@pytest.mark.nojit
@dtypes
@pairs
def test_nan_passes_in_pairs(pair, exacts, dtype):
    numbers = np.array([-1000, -1, 0, 1, 1000], dtype)
    nan = np.full_like(numbers, np.nan)
    first, _ = pair(nan, numbers)
    _, second = pair(numbers, nan)
    assert np.isnan([first, second, *pair(nan, nan)]).all()


@pytest.mark.nojit
@dtypes
def test_relu(dtype):
    x = np.array([-np.inf, -2, 0, 3, np.inf], dtype)
    assert_array_equal(relu(x), [0, 0, 0, 3, np.inf])


@dtypes
@functions
def test_a_value_has_the_same_bits_at_any_place_of_a_loop(function, dtype):
    x = wide_range(dtype)[-50:]
    alone = np.concatenate([function(x[i : i + 1]) for i in range(x.size)])
    for first in range(x.size):
        assert function(x[first:]).tobytes() == alone[first:].tobytes()


@dtypes
@pairs
def test_a_pair_has_the_same_bits_at_any_place_of_a_loop(pair, exacts, dtype):
    x, y = (argument[-50:] for argument in wide_pairs(dtype))
    alone = [pair(x[i : i + 1], y[i : i + 1]) for i in range(x.size)]
    alone = np.concatenate(alone, axis=1)
    for first in range(x.size):
        assert pair(x[first:], y[first:]).tobytes() == alone[:, first:].tobytes()
