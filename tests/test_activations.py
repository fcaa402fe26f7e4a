"""tanh, sigmoid and relu against 60 digits."""

from decimal import Decimal, localcontext

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


tanh, sigmoid, relu = (
    over_arrays(function)
    for function in (activations.tanh, activations.sigmoid, activations.relu)
)
functions = pytest.mark.parametrize(
    "function", [tanh, sigmoid, relu], ids=["tanh", "sigmoid", "relu"]
)
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def exact_tanh(x):
    if abs(x) < 1e-20:  # where 1 is lost beside 2 x
        return x - x**3 / 3
    return 1 - 2 / (1 + (2 * x).exp())


def exact_sigmoid(x):
    return 1 / (1 + (-x).exp())


def errors_in_last_place(function, exact, x):
    """Distance of each value from the exact one, in steps of its type."""
    y = function(x)
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
    assert errors_in_last_place(function, exact, wide_range(dtype)).max() < 3


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
