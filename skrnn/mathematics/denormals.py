"""Numbers too small for the usual exponents (denormal ones) are taken as 0.

A gradient that vanishes over hundreds of steps is made of them, and so are Adam's means
where there is none any more. A processor takes some 100 cycles for each operation on
one: steps of training took 20 times as long, those of Adam 2.3 times.
"""

from llvmlite import ir
from numba import types

from skrnn.mathematics.internals import LLVM, has
from skrnn.mathematics.intrinsics import intrinsic_with_twin

if has(LLVM):
    from numba.core import cgutils

# Bits of the registers that say so: of x86's MXCSR for results and operands, of
# AArch64's FPCR for both.
_X86_FLUSH, _AARCH64_FLUSH = 0x8040, 1 << 24
_CONTROL = ir.IntType(64)


class _X86:
    """MXCSR, which goes through memory."""

    flush = _X86_FLUSH

    @staticmethod
    def _access(builder, name, place):
        byte = ir.IntType(8).as_pointer()
        _call(
            builder, f"llvm.x86.sse.{name}", ir.VoidType(), builder.bitcast(place, byte)
        )

    def read(self, builder):
        place = cgutils.alloca_once(builder, ir.IntType(32))
        self._access(builder, "stmxcsr", place)
        return builder.zext(builder.load(place), _CONTROL)

    def write(self, builder, control):
        place = cgutils.alloca_once(builder, ir.IntType(32))
        builder.store(builder.trunc(control, ir.IntType(32)), place)
        self._access(builder, "ldmxcsr", place)


class _AArch64:
    """FPCR."""

    flush = _AARCH64_FLUSH

    def read(self, builder):
        return _call(builder, "llvm.aarch64.get.fpcr", _CONTROL)

    def write(self, builder, control):
        _call(builder, "llvm.aarch64.set.fpcr", ir.VoidType(), control)


def _call(builder, name, result, *args):
    kind = ir.FunctionType(result, [arg.type for arg in args])
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    return builder.call(function, args)


_REGISTERS = {"x86_64": _X86(), "aarch64": _AArch64(), "arm64": _AArch64()}


def register_of(builder):
    """Of the processor that is compiled for; None for others, such as GPUs."""
    return _REGISTERS.get(builder.module.triple.partition("-")[0])


def emit_flush(builder):
    """Write the instructions of `flush_denormals`."""
    register = register_of(builder)
    if register is None:
        return _CONTROL(0)
    before = register.read(builder)
    register.write(builder, builder.or_(before, _CONTROL(register.flush)))
    return before


def emit_restore(builder, before):
    """Write those of `restore`."""
    register = register_of(builder)
    if register is not None:
        register.write(builder, before)


@intrinsic_with_twin(lambda: 0)
def flush_denormals(typingctx):
    """Take them as 0 in this thread from now on; returns what `restore` needs."""

    def codegen(context, builder, signature, args):
        return emit_flush(builder)

    return types.int64(), codegen


@intrinsic_with_twin(lambda before: None)
def restore(typingctx, before):
    """Take them as they were taken before `flush_denormals`."""

    def codegen(context, builder, signature, args):
        emit_restore(builder, args[0])
        return context.get_dummy_value()

    return types.void(before), codegen
