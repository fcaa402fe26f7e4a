"""Learning rates over the course of a fit, as factors of the initial one.

Each takes the part of all steps that are done, from 0 to 1.
"""

from math import cos, pi


def constant(progress):
    return 1.0


def cosine(progress):
    """From 1 down to 0 (Loshchilov and Hutter, SGDR, ICLR 2017, without restarts)."""
    return 0.5 * (1 + cos(pi * progress))


SCHEDULES = {"constant": constant, "cosine": cosine}
