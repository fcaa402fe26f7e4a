"""Scores for model selection with labels or values for every step."""

from skrnn.metrics._sequences import exact_match, token_error_rate
from skrnn.metrics._steps import step_scorer

__all__ = ["exact_match", "step_scorer", "token_error_rate"]
