"""Errors of forecasts, in the units of their series."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import mean_absolute_error, mean_pinball_loss

from skrnn.mathematics.forecast_errors import pinball
from skrnn.metrics import coverage, mase, rmsse

RNG = np.random.default_rng(0)
TRAIN, TRUE, PREDICTED = (RNG.normal(size=(n, 3)) for n in (20, 5, 5))


@pytest.mark.parametrize("season_length", [1, 4])
def test_scaled_errors_are_those_of_the_seasonal_naive_forecast(season_length):
    """Written out for one series; the mean over all."""
    of_series = []
    for true, predicted, train in zip(TRUE.T, PREDICTED.T, TRAIN.T, strict=True):
        naive = train[season_length:] - train[:-season_length]
        error = true - predicted
        expected = (
            np.abs(error).mean() / np.abs(naive).mean(),
            np.sqrt((error**2).mean() / (naive**2).mean()),
        )
        of_series.append(expected)
        for metric, value in zip((mase, rmsse), expected, strict=True):
            found = metric(true, predicted, train, season_length=season_length)
            assert_allclose(found, value, rtol=1e-12)
    for metric, values in zip((mase, rmsse), np.transpose(of_series), strict=True):
        arguments = (TRUE, PREDICTED, TRAIN)
        found = metric(
            *arguments, season_length=season_length, multioutput="raw_values"
        )
        assert_allclose(found, values, rtol=1e-12)
        found = metric(*arguments, season_length=season_length)
        assert_allclose(found, values.mean(), rtol=1e-12)


@pytest.mark.parametrize("metric", [mase, rmsse])
def test_what_is_missing_does_not_count(metric):
    true, train = TRUE.copy(), TRAIN.copy()
    true[2] = np.nan
    train[:4, 1] = np.nan
    whole = metric(np.delete(true, 2, 0), np.delete(PREDICTED, 2, 0), train)
    assert metric(true, PREDICTED, train) == pytest.approx(whole)
    one = metric(true[:, 1], PREDICTED[:, 1], train[4:, 1])
    found = metric(true, PREDICTED, train, multioutput="raw_values")[1]
    assert found == pytest.approx(one)


@pytest.mark.parametrize("metric", [mase, rmsse])
def test_a_series_without_a_unit_is_left_out(metric):
    train = TRAIN.copy()
    train[:, 0] = 7
    errors = metric(TRUE, PREDICTED, train, multioutput="raw_values")
    assert np.isnan(errors).tolist() == [True, False, False]
    assert metric(TRUE, PREDICTED, train) == pytest.approx(errors[1:].mean())
    assert np.isnan(metric(TRUE[:, 0], PREDICTED[:, 0], train[:, 0]))


def test_coverage():
    lower, upper = np.full(TRUE.shape, -0.5), np.full(TRUE.shape, 0.5)
    true = TRUE.copy()
    true[0] = np.nan
    true[1, 0] = 0.5  # on the bound
    expected = [np.mean(np.abs(column[1:]) <= 0.5) for column in true.T]
    found = coverage(true, lower, upper, multioutput="raw_values")
    assert_allclose(found, expected)
    assert coverage(true, lower, upper) == pytest.approx(np.mean(expected))
    assert coverage(true, np.full(TRUE.shape, -np.inf), np.maximum(true, 0)) == 1.0


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_pinball_is_scikit_learns(quantile):
    expected = mean_pinball_loss(
        TRUE, PREDICTED, alpha=quantile, multioutput="raw_values"
    )
    assert_allclose(pinball(TRUE, PREDICTED, quantile), expected)
    half = mean_absolute_error(TRUE, PREDICTED) / 2
    assert pinball(TRUE, PREDICTED, 0.5).mean() == pytest.approx(half)


def _frame(array, columns="abc"):
    return pd.DataFrame(array, columns=list(columns))


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((TRUE, PREDICTED[:4], TRAIN), {}, r"y_pred has the shape \(4, 3\)"),
        ((TRUE, PREDICTED, TRAIN[:, :2]), {}, "y_train has 2 series, but y_true has 3"),
        ((TRUE, PREDICTED, TRAIN), {"season_length": 20}, "a season is 20 of them"),
        ((TRUE, PREDICTED, TRAIN), {"multioutput": "sum"}, "multioutput must be"),
        ((TRUE[:0], PREDICTED[:0], TRAIN), {}, "y_true must have a value"),
        (
            (_frame(TRUE), _frame(PREDICTED, "bac"), TRAIN),
            {},
            "y_true and y_pred have not the same columns",
        ),
        (
            (_frame(TRUE), _frame(PREDICTED)[::-1], TRAIN),
            {},
            "have not the same index",
        ),
        (
            (_frame(TRUE)["a"], _frame(PREDICTED)["a"][::-1], TRAIN[:, 0]),
            {},
            "y_true and y_pred have not the same index",
        ),
        (
            (_frame(TRUE), _frame(PREDICTED), _frame(TRAIN, "bac")),
            {},
            "y_true and y_train have not the same columns",
        ),
        ((TRUE, np.full((5, 3), np.inf), TRAIN), {}, "y_pred has a value .* infinite"),
        ((TRUE, PREDICTED, TRAIN * -np.inf), {}, "y_train has a value .* infinite"),
    ],
)
def test_bad_arguments(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        mase(*arguments, **options)
