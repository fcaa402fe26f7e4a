"""Atomic operations on the first element of an int64 array, shared by threads."""

import platform

from llvmlite import ir
from numba import types

from skrnn.backends.cpu.options import ENTRY
from skrnn.mathematics.cache import cached_njit
from skrnn.mathematics.internals import LLVM, has
from skrnn.mathematics.intrinsics import intrinsic_with_twin

if has(LLVM):
    from numba.core import cgutils


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


def _exchange_if_twin(cell, expected, value):
    if is_expected := cell[0] == expected:
        cell[0] = value
    return is_expected


@intrinsic_with_twin(_exchange_if_twin)
def _exchange_if(typingctx, cell, expected, value):
    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        result = builder.cmpxchg(data, *args[1:], "seq_cst", "seq_cst")
        return builder.extract_value(result, 1)

    return types.boolean(cell, types.int64, types.int64), codegen


@intrinsic_with_twin(lambda cell: cell[0])
def _load(typingctx, cell):
    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.load_atomic(data, "acquire", 8)

    return types.int64(cell), codegen


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


@cached_njit(**ENTRY)
def exchange_if(cell, expected, value):
    """``cell[0] = value`` if it was `expected`; returns whether it was."""
    return _exchange_if(cell, expected, value)


@cached_njit(**ENTRY)
def load(cell):
    """``cell[0]``, as it is by now."""
    return _load(cell)
