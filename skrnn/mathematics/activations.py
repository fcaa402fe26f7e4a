"""exp, tanh, sigmoid and relu of one number, in a form that LLVM can vectorise.

``math.exp`` is a call into the C library, which keeps the loop around it scalar:
20 ns a value. What follows is arithmetic only, so that a loop over it runs 8 or 16
values at a time (about 0.5 ns a value). Every product that is summed is an explicit
multiply-add, fused where the machine has that: the compiler is left no choice of
rounding, so a value has the same bits in a vector lane and in a left-over loop.

Source of the method: exp(y) = 2**k * exp(r) with k = round(y / ln 2), r in
[-ln(2)/2, ln(2)/2], and the Taylor series of exp(r) - 1, whose first omitted term is
below half a unit in the last place (W. J. Cody and W. Waite, Software Manual for the
Elementary Functions, 1980).
"""

from math import factorial

import numpy as np

from skrnn.mathematics.compilation import formula
from skrnn.mathematics.intrinsics import by_type, fma, shifted_power_of_two

_LN2 = 0.6931471805599453
_LN2_REST = 2.3190468138462996e-17  # ln 2 = _LN2 + _LN2_REST


def _exp_parts_in(kind):
    single = kind is np.float32
    # tanh and sigmoid are flat in this precision long before the limit.
    limit = kind(40 if single else 80)
    magic = kind(1.5 * 2.0 ** (23 if single else 52))
    per_ln2 = kind(1 / _LN2)
    # The first bits of ln 2, so few that its product with any k is exact; and the rest.
    unit = 2.0 ** (17 if single else 44)
    ln2 = round(_LN2 * unit) / unit
    minus_ln2, minus_rest = -kind(ln2), kind(ln2 - _LN2 - _LN2_REST)
    degree = 7 if single else 13
    first = kind(1 / factorial(degree))
    others = tuple(kind(1 / factorial(n)) for n in range(degree - 1, 1, -1))

    def exp_parts(y):
        # Written so that a NaN passes.
        y = limit if y > limit else y
        y = -limit if y < -limit else y
        shifted = fma(y, per_ln2, magic)
        k = shifted - magic
        r = fma(k, minus_rest, fma(k, minus_ln2, y))
        series = first
        for coefficient in others:
            series = fma(series, r, coefficient)
        return shifted_power_of_two(shifted), fma(r * r, series, r)

    return exp_parts


def _one_in(kind):
    one = kind(1)
    return lambda x: one


#: ``(s, p)`` with ``exp(y) = s * (1 + p)``, s a power of two.
_exp_parts = by_type(_exp_parts_in, inline=True)

#: 1 in the type of x; a plain 1 would turn float32 arithmetic into float64.
one_like = by_type(_one_in, inline=True)


@formula
def exp(x):
    """exp, or that of -40 (in float64 -80) where it is less: of shares, say."""
    s, p = _exp_parts(x)
    return fma(s, p, s)


@formula
def tanh_parts(x):
    """Numerator and denominator of tanh."""
    s, p = _exp_parts(x + x)
    one = one_like(x)
    # exp(2 x) - 1 without cancellation near 0
    e = fma(s, p, s - one)
    return e, e + one + one


@formula
def sigmoid_denominator(x):
    s, p = _exp_parts(-x)
    return fma(s, p, s) + one_like(x)


@formula
def tanh(x):
    numerator, denominator = tanh_parts(x)
    return numerator / denominator


@formula
def sigmoid(x):
    return one_like(x) / sigmoid_denominator(x)


@formula
def sigmoids(x, y):
    """sigmoid(x) and sigmoid(y) by one division, which takes longer than all else."""
    a, b = sigmoid_denominator(x), sigmoid_denominator(y)
    both = one_like(x) / (a * b)
    return both * b, both * a


@formula
def sigmoid_and_tanh(x, y):
    """sigmoid(x) and tanh(y) by one division."""
    a, (numerator, b) = sigmoid_denominator(x), tanh_parts(y)
    both = one_like(x) / (a * b)
    return both * b, numerator * (both * a)


@formula
def relu(x):
    one = one_like(x)
    zero = one - one
    # Written so that a NaN passes.
    return zero if x < zero else x
