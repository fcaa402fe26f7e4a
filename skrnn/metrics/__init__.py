"""Scores of labels or values for every step, of transcripts, and of forecasts."""

from skrnn.metrics._forecasts import coverage, mase, rmsse
from skrnn.metrics._sequences import exact_match, token_error_rate
from skrnn.metrics._steps import step_scorer

__all__ = [
    "coverage",
    "exact_match",
    "mase",
    "rmsse",
    "step_scorer",
    "token_error_rate",
]
