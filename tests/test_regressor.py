"""The regressor's targets, their units and its outputs."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from small import RAGGED, WEIGHTS, X, Y, make

from skrnn import RNNRegressor
from skrnn.mathematics.cells import CELLS

# Enough to learn the small data by heart.
LEARNING = {"hidden_size": 16, "max_iter": 200}
TWO = np.c_[Y, 1000 - 50 * Y]


def zero_weights(regressor, bias):
    """Let the network put out the bias, whatever the sequence."""
    zero = {name: 0 * array for name, array in regressor.get_weights().items()}
    return regressor.set_weights(zero | {"head.bias": bias})


@pytest.mark.quick
@pytest.mark.parametrize("cell", dict.fromkeys(name for name, _ in CELLS))
def test_learns(cell):
    assert make(RNNRegressor, cell=cell, **LEARNING).fit(X, Y).score(X, Y) > 0.99


def test_learns_from_unequal_lengths():
    assert make(RNNRegressor, **LEARNING).fit(RAGGED, Y).score(RAGGED, Y) > 0.9


@pytest.mark.parametrize(("scale", "shift"), [(1e6, 0), (1e-6, 1), (3, 273.15)])
def test_predictions_come_back_in_their_units(scale, shift):
    expected = make(RNNRegressor, dtype="float64").fit(X, Y).predict(X)
    regressor = make(RNNRegressor, dtype="float64").fit(X, scale * Y + shift)
    assert_allclose(regressor.predict(X), scale * expected + shift, rtol=1e-9)


def test_large_units_are_learned_in_float32():
    y = 1e6 * Y + 1e7
    assert make(RNNRegressor, **LEARNING).fit(X, y).score(X, y) > 0.99


def test_without_normalize_y():
    plain = make(RNNRegressor, normalize_y=False).fit(X, Y)
    assert_array_equal(zero_weights(plain, [7.0]).predict(X), np.full(24, 7.0))
    normalized = make(RNNRegressor).fit(X, Y)
    expected = np.full(24, Y.mean() + 7 * Y.std())
    assert_allclose(zero_weights(normalized, [7.0]).predict(X), expected, rtol=1e-12)


def test_units_are_those_of_the_weighted_targets():
    regressor = make(RNNRegressor).fit(X, Y, WEIGHTS)
    mean = np.average(Y, weights=WEIGHTS)
    variance = np.average((Y - mean) ** 2, weights=WEIGHTS)
    assert_allclose(zero_weights(regressor, [0.0]).predict(X), mean, rtol=1e-12)
    expected = mean + np.sqrt(variance)
    assert_allclose(zero_weights(regressor, [1.0]).predict(X), expected, rtol=1e-12)


@pytest.mark.parametrize("value", [0, 0.1, -273.15, 1e9])
def test_a_constant_target_has_the_scale_1(value):
    # Many samples, whose mean rounding moves away from the constant.
    y = np.c_[np.tile(Y, 50), np.full(1200, value)]
    # What has no weight does not count.
    y[-1], weights = 5, np.append(np.ones(1199), 0)
    regressor = make(RNNRegressor).fit(np.tile(X, (50, 1, 1)), y, weights)
    predicted = zero_weights(regressor, [1.0, 1.0]).predict(X)
    assert_allclose(predicted[:, 1], value + 1.0, rtol=1e-12)


def test_targets_too_small_to_be_squared():
    regressor = make(RNNRegressor).fit(X, 1e-200 * Y)
    assert np.isfinite(regressor.predict(X)).all()


def test_outputs_of_different_units():
    regressor = make(RNNRegressor, **LEARNING).fit(X, TWO)
    predicted = regressor.predict(X)
    assert predicted.shape == (24, 2)
    assert regressor.n_outputs_ == 2
    assert ((predicted - TWO).std(axis=0) < 0.1 * TWO.std(axis=0)).all()


@pytest.mark.parametrize("y", [Y, TWO], ids=["one output", "two outputs"])
def test_predictions_have_the_shape_of_y(y):
    predicted = make(RNNRegressor).fit(RAGGED, y).predict(RAGGED[:7])
    assert predicted.shape == y[:7].shape
    assert predicted.dtype == np.float64


def test_attributes():
    regressor = make(RNNRegressor).fit(X, Y)
    assert regressor.out_activation_ == "identity"
    assert regressor.n_outputs_ == 1


def test_loss_is_half_the_squared_error():
    regressor = make(RNNRegressor, max_iter=1, alpha=0, batch_size=24).fit(X, TWO)
    standardized = (TWO - TWO.mean(axis=0)) / TWO.std(axis=0)
    # The loss is taken before the only step: the same seed gives the first outputs.
    frozen = make(RNNRegressor, max_iter=1, learning_rate_init=1e-30).fit(X, TWO)
    outputs = (frozen.predict(X) - TWO.mean(axis=0)) / TWO.std(axis=0)
    expected = 0.5 * np.mean((outputs - standardized) ** 2)
    assert regressor.loss_ == pytest.approx(expected, rel=1e-5)


def test_partial_fit_keeps_the_first_units():
    regressor = make(RNNRegressor, **LEARNING).partial_fit(X, Y)
    for _ in range(60):
        regressor.partial_fit(X, 3 * Y + 1)
    assert regressor.score(X, 3 * Y + 1) > 0.95


@pytest.mark.parametrize("y_later", [TWO[:, :1].ravel(), np.c_[TWO, Y]])
def test_number_of_outputs_is_that_of_the_first_fit(y_later):
    regressor = make(RNNRegressor).partial_fit(X, TWO)
    with pytest.raises(ValueError, match="expecting 2 as at the first fit"):
        regressor.partial_fit(X, y_later)


def test_score_takes_sample_weight():
    regressor = make(RNNRegressor).fit(X, Y)
    residual = np.average((Y - regressor.predict(X)) ** 2, weights=WEIGHTS)
    total = np.average((Y - np.average(Y, weights=WEIGHTS)) ** 2, weights=WEIGHTS)
    assert regressor.score(X, Y, WEIGHTS) == pytest.approx(1 - residual / total)
