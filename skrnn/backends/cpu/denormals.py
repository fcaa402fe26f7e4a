"""Numbers too small for the usual exponents (denormal ones) are taken as 0.

A gradient that vanishes over hundreds of steps is made of them, and a processor takes
some 100 cycles for each operation: steps of training took 20 times as long.
"""

import platform

from llvmlite import ir
from numba import types
from numba.core import cgutils

from skrnn.mathematics.intrinsics import intrinsic_with_twin

IS_X86 = platform.machine() in ("x86_64", "AMD64")
# Bits of x86's control register: denormal results, and operands, are 0.
FLUSH = 0x8040


def _access(builder, name, place):
    byte = ir.IntType(8).as_pointer()
    kind = ir.FunctionType(ir.VoidType(), [byte])
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    builder.call(function, [builder.bitcast(place, byte)])


@intrinsic_with_twin(lambda: 0)
def flush_denormals(typingctx):
    """Take them as 0 in this thread from now on; returns what `restore` needs."""

    def codegen(context, builder, signature, args):
        control = ir.IntType(32)
        if not IS_X86:
            return control(0)
        place = cgutils.alloca_once(builder, control)
        _access(builder, "llvm.x86.sse.stmxcsr", place)
        before = builder.load(place)
        builder.store(builder.or_(before, control(FLUSH)), place)
        _access(builder, "llvm.x86.sse.ldmxcsr", place)
        return before

    return types.int32(), codegen


@intrinsic_with_twin(lambda before: None)
def restore(typingctx, before):
    """Take them as they were taken before `flush_denormals`."""

    def codegen(context, builder, signature, args):
        if IS_X86:
            place = cgutils.alloca_once_value(builder, args[0])
            _access(builder, "llvm.x86.sse.ldmxcsr", place)
        return context.get_dummy_value()

    return types.void(before), codegen
