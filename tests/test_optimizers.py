"""What is done to gradients and parameters, against plain NumPy."""

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skrnn.mathematics.gradients import add_l2, clip_norm, shrink
from skrnn.mathematics.optimizers import OPTIMIZERS
from skrnn.mathematics.schedules import SCHEDULES, warmed_up

pytestmark = pytest.mark.nojit

HYPERPARAMETERS = [
    ("sgd", (0.0, False)),
    ("sgd", (0.0, True)),
    ("sgd", (0.9, False)),
    ("sgd", (0.9, True)),
    ("adam", (0.9, 0.999, 1e-8)),
    ("adam", (0.5, 0.9, 1e-1)),
    ("adamw", (0.9, 0.999, 1e-8)),
    ("rmsprop", (0.99, 1e-8)),
    ("rmsprop", (0.5, 1e-1)),
]
WEIGHT_DECAY = 0.1
dtypes = pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float64", 1e-13), ("float32", 1e-5)]
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def naive_step(name, parameters, gradient, state, rate, t, *hyperparameters):
    if name == "sgd":
        return naive.sgd(parameters, gradient, *state, rate, *hyperparameters)
    if name == "rmsprop":
        return naive.rmsprop(parameters, gradient, *state, rate, *hyperparameters)
    if name == "adamw":
        arguments = parameters, gradient, *state, rate, t, *hyperparameters
        return naive.adamw(*arguments, weight_decay=WEIGHT_DECAY)
    return naive.adam(parameters, gradient, *state, rate, t, *hyperparameters)


@dtypes
@pytest.mark.parametrize(("name", "hyperparameters"), HYPERPARAMETERS)
def test_steps_equal_reference(rng, name, hyperparameters, dtype, tolerance):
    optimizer = OPTIMIZERS[name]
    parameters = rng.normal(size=37).astype(dtype)
    state = np.zeros((optimizer.n_state_rows, 37), dtype)
    expected, expected_state = parameters.astype(float), state.astype(float)
    for t in range(1, 51):
        gradient = rng.normal(size=37).astype(dtype)
        rate = 0.1 / t  # a schedule
        if optimizer.decays:
            shrink(parameters, np.ones(37, dtype), rate * WEIGHT_DECAY)
        optimizer.step(parameters, gradient, state, rate, t, *hyperparameters)
        expected, *expected_state = naive_step(
            name, expected, gradient, expected_state, rate, t, *hyperparameters
        )
    assert_allclose(parameters, expected, tolerance, tolerance)
    assert_allclose(state, expected_state, tolerance, tolerance)


def test_every_optimizer_is_compared():
    assert {name for name, _ in HYPERPARAMETERS} == set(OPTIMIZERS)


@dtypes
def test_add_l2(rng, dtype, tolerance):
    parameters, before = rng.normal(size=(2, 37)).astype(dtype)
    mask = rng.integers(2, size=37).astype(dtype)
    gradient = before.copy()
    penalty = add_l2(parameters, mask, 0.3, gradient)
    assert_allclose(penalty, 0.15 * np.sum(parameters[mask == 1] ** 2), tolerance)
    expected = before + 0.3 * parameters * mask
    assert_allclose(gradient, expected, tolerance, tolerance)


@dtypes
def test_shrink(rng, dtype, tolerance):
    before = rng.normal(size=37).astype(dtype)
    mask = rng.integers(2, size=37).astype(dtype)
    parameters = before.copy()
    shrink(parameters, mask, 0.3)
    assert_allclose(parameters, np.where(mask, 0.7, 1) * before, tolerance)


@dtypes
@pytest.mark.parametrize("limit", [1e-3, 1.0, 1e3, np.inf])
def test_clip_norm(rng, dtype, tolerance, limit):
    before = rng.normal(size=37).astype(dtype)
    gradient = before.copy()
    norm = clip_norm(gradient, limit)
    assert_allclose(norm, np.linalg.norm(before.astype(float)), tolerance)
    expected = naive.clip_by_norm(before.astype(float), limit)
    assert_allclose(gradient, expected, tolerance)


@dtypes
def test_clip_norm_leaves_a_short_gradient_alone(rng, dtype, tolerance):
    before = rng.normal(size=37).astype(dtype)
    gradient = before.copy()
    clip_norm(gradient, np.linalg.norm(before) * (1 + tolerance))
    assert_array_equal(gradient, before)


def test_clip_norm_of_large_float32():
    # Squared, these values do not fit their type.
    gradient = np.array([3e30, 4e30], np.float32)
    assert_allclose(clip_norm(gradient, 1.0), 5e30, 1e-6)
    assert_allclose(gradient, [0.6, 0.8], 1e-6)


@dtypes
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@np.errstate(invalid="ignore")  # NumPy, without compilation, tells of inf * 0
def test_clip_norm_reports_what_is_not_finite(dtype, tolerance, bad):
    gradient = np.array([1, bad, 2], dtype)
    assert not np.isfinite(clip_norm(gradient, 1.0))


def test_schedules():
    curves = {
        name: [schedule.factor(progress, 16, 0.5) for progress in (0, 0.25, 0.5, 1)]
        for name, schedule in SCHEDULES.items()
    }
    root = 0.5**0.5
    expected = {
        "constant": [1, 1, 1, 1],
        "invscaling": [1 / 4] * 4,
        "adaptive": [1, 1, 1, 1],
        "cosine": [1, 0.5 + root / 2, 0.5, 0],
        # Half a cosine from 0.04 up in the first 0.3, another one down to 4e-6.
        "one-cycle": [
            0.04,
            1 - 0.96 * np.cos(np.pi / 2 * 25 / 30) ** 2,
            4e-6 + (1 - 4e-6) * np.cos(np.pi / 2 * 2 / 7) ** 2,
            4e-6,
        ],
    }
    assert curves.keys() == expected.keys()
    for name, curve in curves.items():
        assert_allclose(curve, expected[name], rtol=1e-13, atol=1e-16, err_msg=name)


def test_warm_up():
    def factor(progress):
        return warmed_up(SCHEDULES["cosine"], 0.2, progress, 0.05, 1, 0.5)

    # The first step is not lost; the schedule has the rest of the fit.
    curve = [factor(progress) for progress in (0, 0.05, 0.15, 0.2, 0.6, 1)]
    assert_allclose(curve, [0.25, 0.5, 1, 1, 0.5, 0], rtol=1e-13, atol=1e-16)
