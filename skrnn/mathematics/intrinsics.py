"""Single machine operations that Numba has no Python spelling for.

Each stands beside a plain Python twin, which takes its place where nothing is compiled
(NUMBA_DISABLE_JIT=1: coverage, the CUDA simulator).
"""

import numpy as np
from llvmlite import ir
from numba import config, float32, int32, int64, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from skrnn.mathematics.compilation import PART


def intrinsic_with_twin(twin):
    """Decorate a Numba intrinsic; without compilation its name means `twin`."""

    def decorate(definition):
        return twin if config.DISABLE_JIT else intrinsic(definition)

    return decorate


def by_type(choose, *, inline=False):
    """Make a function whose body `choose` gives for the class of the first argument.

    That is a NumPy float type or the class of a named tuple. Numba compiles and caches
    that body like any callee, at no cost at run time.
    """

    def call(first, *others):
        return choose(type(first))(first, *others)

    def pick(first, *others):
        if isinstance(first, types.BaseNamedTuple):
            return choose(first.instance_class)
        return choose(np.float32 if first == float32 else np.float64)

    options = {"error_model": "numpy", "forceinline": inline}
    for target, more in (("cpu", PART), ("generic", {})):
        decorate = overload(
            call, strict=False, jit_options={**options, **more}, target=target
        )
        decorate(pick)
    return call


def _fma_twin(a, b, c):
    return a * b + c


@intrinsic_with_twin(_fma_twin)
def fma(typingctx, a, b, c):
    """``a * b + c`` with one rounding, for one float type."""

    def codegen(context, builder, signature, args):
        kind = args[0].type
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(kind, [kind] * 3),
            f"llvm.fma.f{signature.return_type.bitwidth}",
        )
        return builder.call(function, args)

    return (a(a, a, a), codegen) if a == b == c else None


def _shifted_power_twin(shifted):
    kind = type(shifted)
    magic = kind(1.5 * 2.0 ** (23 if kind is np.float32 else 52))
    return kind(2) ** kind(shifted - magic)


@intrinsic_with_twin(_shifted_power_twin)
def shifted_power_of_two(typingctx, shifted):
    """``2 ** k`` from ``shifted = k + 1.5 * 2 ** mantissa_bits``.

    The sum holds k in its lowest bits; they are moved to the exponent's place.
    """
    bits, mantissa, one = (
        (int32, 23, 0x3F800000)
        if shifted == float32
        else (int64, 52, 0x3FF0000000000000)
    )

    def codegen(context, builder, signature, args):
        integer = ir.IntType(bits.bitwidth)
        k = builder.shl(builder.bitcast(args[0], integer), integer(mantissa))
        return builder.bitcast(builder.add(k, integer(one)), args[0].type)

    return shifted(shifted), codegen
