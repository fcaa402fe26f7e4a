"""Scorers for model selection with a target for every step."""

from skrnn.metrics._steps import step_scorer

__all__ = ["step_scorer"]
