"""Learning rates over the course of a fit, as factors of the initial one."""

from collections.abc import Callable
from math import cos, pi
from typing import NamedTuple


class Schedule(NamedTuple):
    """A schedule as the training loop sees it.

    ``factor(progress, t, power_t)`` takes the part of the fit that is done, from 0 to
    1; the number of this step of the solver, from 1 on; and the estimator's parameter.
    """

    factor: Callable
    needs_end: bool = False  # whether it works towards the last epoch
    reacts: bool = False  # whether the rate falls where training no longer improves


def _constant(progress, t, power_t):
    return 1.0


def _invscaling(progress, t, power_t):
    return t**-power_t


def _cosine(progress, t, power_t):
    """From 1 down to 0 (Loshchilov and Hutter, SGDR, ICLR 2017, without restarts)."""
    return 0.5 * (1 + cos(pi * progress))


def _one_cycle(progress, t, power_t):
    """Up from 1/25 to 1 in 30 % of the time, then down to 1/250,000, by half cosines.

    L. N. Smith and N. Topin, Super-convergence: very fast training of neural networks
    using large learning rates, 2018, with the numbers of PyTorch's OneCycleLR.
    """
    first, peak, last, rise = 1 / 25, 1.0, 1 / 250_000, 0.3
    if progress < rise:
        return peak + (first - peak) * _cosine(progress / rise, t, power_t)
    return last + (peak - last) * _cosine((progress - rise) / (1 - rise), t, power_t)


SCHEDULES = {
    "constant": Schedule(_constant),
    "invscaling": Schedule(_invscaling),
    "adaptive": Schedule(_constant, reacts=True),
    "cosine": Schedule(_cosine, needs_end=True),
    "one-cycle": Schedule(_one_cycle, needs_end=True),
}


def warmed_up(schedule, warmup_fraction, progress, share, t, power_t):
    """The schedule's factor, after a linear rise from 0 in the first part of the fit.

    `share` is that of this step in the whole fit.
    """
    if progress < warmup_fraction:
        return min(1.0, (progress + share) / warmup_fraction)
    rest = (progress - warmup_fraction) / (1 - warmup_fraction)
    return schedule.factor(rest, t, power_t)
