"""Atomic operations on the first element of an int64 array, shared by threads."""

import platform

from llvmlite import ir
from numba import types
from numba.core import cgutils

from skrnn.backends.cpu.options import ENTRY
from skrnn.mathematics.cache import cached_njit
from skrnn.mathematics.intrinsics import intrinsic_with_twin


def _read_modify_write(operation):
    def definition(typingctx, cell, value):
        def codegen(context, builder, signature, args):
            data = context.make_array(signature.args[0])(context, builder, args[0]).data
            return builder.atomic_rmw(operation, data, args[1], "seq_cst")

        return types.int64(cell, types.int64), codegen

    return definition


def _add_twin(cell, value):
    cell[0] += value
    return cell[0] - value


def _exchange_twin(cell, value):
    before, cell[0] = cell[0], value
    return before


_add = intrinsic_with_twin(_add_twin)(_read_modify_write("add"))
_exchange = intrinsic_with_twin(_exchange_twin)(_read_modify_write("xchg"))


@intrinsic_with_twin(lambda: None)
def pause(typingctx):
    """Tell the core that this thread waits in a loop."""

    def codegen(context, builder, signature, args):
        if platform.machine() in ("x86_64", "AMD64"):
            kind = ir.FunctionType(ir.VoidType(), [])
            name = "llvm.x86.sse2.pause"
            builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [])
        return context.get_dummy_value()

    return types.void(), codegen


@cached_njit(**ENTRY)
def exchange_add(cell, value):
    """``cell[0] += value``; returns the value before."""
    return _add(cell, value)


@cached_njit(**ENTRY)
def exchange(cell, value):
    """``cell[0] = value``; returns the value before."""
    return _exchange(cell, value)
