"""Single machine operations that Numba has no Python spelling for.

Each stands beside a plain Python twin, which takes its place where nothing is compiled
(NUMBA_DISABLE_JIT=1: coverage, the CUDA simulator), and is compiled where Numba's
inside is not as `internals` expects it.
"""

from inspect import unwrap

import numpy as np
from llvmlite import ir
from numba import config, float32, int32, int64, types
from numba.extending import intrinsic, overload, register_jitable

from skrnn.mathematics.compilation import PART
from skrnn.mathematics.internals import COMPILER, LLVM, has
from skrnn.mathematics.target import HAS_FMA

if has(LLVM):
    from numba.core import cgutils
    from numba.core.cpu import CPUContext


def intrinsic_with_twin(twin, *, needs=(LLVM,)):
    """Decorate a Numba intrinsic; its name means `twin` where it cannot be had."""

    def decorate(definition):
        if config.DISABLE_JIT:
            return twin
        if has(*needs):
            return intrinsic(definition)
        return register_jitable(unwrap(twin))

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

    options = {"error_model": "numpy"}
    if has(COMPILER):
        options["forceinline"] = inline
    for target, more in (("cpu", PART), ("generic", {})):
        decorate = overload(
            call, strict=False, jit_options={**options, **more}, target=target
        )
        decorate(pick)
    return call


def multiply_add(builder, a, b, c, name, *, is_fused=HAS_FMA):
    """LLVM's ``a * b + c`` of numbers, or of vectors, of the type of this name.

    With one rounding where the processor has that: elsewhere LLVM would call the C
    library for each number, and predictions took 69 times as long. LLVM fuses nothing
    by itself, so two roundings are the same everywhere, too.
    """
    if not is_fused:
        return builder.fadd(builder.fmul(a, b), c)
    kind = ir.FunctionType(a.type, [a.type] * 3)
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.{name}")
    return builder.call(function, [a, b, c])


def _fma_twin(a, b, c):
    return a * b + c


@intrinsic_with_twin(_fma_twin)
def fma(typingctx, a, b, c):
    """``a * b + c`` of one float type, with one rounding where the target can."""

    def codegen(context, builder, signature, args):
        name = f"f{signature.return_type.bitwidth}"
        is_fused = HAS_FMA or not isinstance(context, CPUContext)
        return multiply_add(builder, *args, name, is_fused=is_fused)

    return (a(a, a, a), codegen) if a == b == c else None


def _power_in(kind):
    two, magic = kind(2), kind(1.5 * 2.0 ** (23 if kind is np.float32 else 52))
    return lambda shifted: two ** (shifted - magic)


_power_by_type = by_type(_power_in)


def _shifted_power_twin(shifted):
    return _power_by_type(shifted)


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
