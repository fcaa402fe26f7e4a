"""What an optimizer is: one small function over the flat parameter vector."""

from collections.abc import Callable
from typing import NamedTuple


class Optimizer(NamedTuple):
    """An optimizer as the training loop sees it.

    ``step(parameters, gradient, state, learning_rate, t, *hyperparameters)`` changes
    the parameters and the state in place; `t` counts the steps from 1 on, and `state`
    has one row per vector that the optimizer remembers.
    """

    name: str
    n_state_rows: int
    hyperparameters: tuple  # names of the estimator's parameters
    step: Callable
    decays: bool = False  # whether weights shrink before each step, by `shrink`
