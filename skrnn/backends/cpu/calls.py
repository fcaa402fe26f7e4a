"""Handing a call of compiled code to threads that wait in compiled code.

A thread's *slot* is an int64 array: its state, the function to call, what that
returned, and from `ARGUMENTS` on a copy of the arguments. An entry point that shares
its work begins with `share_call`, and so hands its own call on; neither side needs the
interpreter's lock, for which a thread would sleep and be woken: 100 us a call.
"""

import numpy as np
from llvmlite import ir
from numba import types

from skrnn.backends.cpu.atomics import (
    exchange,
    exchange_if,
    load,
    pause,
)
from skrnn.backends.cpu.options import ENTRY
from skrnn.mathematics.cache import cached_njit
from skrnn.mathematics.internals import CALLS, COMPILER, LLVM, has
from skrnn.mathematics.intrinsics import intrinsic_with_twin

#: What is needed to share calls; else each thread is called from Python.
NEEDED = CALLS, COMPILER, LLVM
if has(*NEEDED):
    from numba.core import cgutils
    from numba.core.datamodel import models

#: States of a thread: free, with work in Python, asleep, with a call, within that call.
AWAKE, POSTED, ASLEEP, CALLED, RUNNING = range(5)
STATE, FUNCTION, STATUS, ARGUMENTS = 0, 1, 2, 8
SLOT_SIZE = 256
#: What a compiled function without a result returns if nothing went wrong.
FINE = 0
# About 1 ms: longer than what is not shared between two steps of training.
SPINS = 50_000
# Of one that was rung: its caller may yet have to get hold of a core.
SPINS_AFTER_BELL = 20 * SPINS


def new_slot():
    """A slot, alone in its lines of the cache."""
    slot = np.zeros(SLOT_SIZE + 8, np.int64)
    return slot[-slot.ctypes.data % 64 // 8 :][:SLOT_SIZE]


def _define_call(module, function, arguments):
    """Define a function of an address that calls `function` with what is there."""
    kind = ir.FunctionType(ir.IntType(64), [arguments.as_pointer()])
    caller = ir.Function(module, kind, function.name + ".shared")
    caller.linkage = "internal"
    builder = ir.IRBuilder(caller.append_basic_block())
    values = builder.load(caller.args[0], align=8)
    given = [builder.extract_value(values, i) for i in range(len(arguments.elements))]
    results = [builder.alloca(arg.type.pointee) for arg in function.args[:2]]
    status = builder.call(function, [*results, *given])
    builder.ret(builder.sext(status, ir.IntType(64)))
    return caller


def _counts_references(model):
    """Of each value by which an argument is passed: whether it is or has a counter."""
    kind = model.fe_type
    if isinstance(kind, types.MemInfoPointer) or kind == types.pyobject:
        return [True]
    if isinstance(model, models.UniTupleModel):
        return _counts_references(model.inner_models()[0]) * len(kind)
    if isinstance(model, models.StructModel):
        inner = model.inner_models()
        return [counts for part in inner for counts in _counts_references(part)]
    return [] if isinstance(kind, types.Omitted) else [False]


def _without_counts(context, function, kinds):
    """The arguments of an entry point, but nothing where there is a counter.

    The counts end with the caller's call, maybe before a helper begins. What keeps the
    arrays alive is that the caller's Python waits for its helpers.
    """
    values, flags = function.args[2:], []
    for kind in kinds:
        flags += _counts_references(context.data_model_manager[kind])
    return [
        ir.Constant(value.type, None) if counts else value
        for value, counts in zip(values, flags, strict=True)
    ]


@intrinsic_with_twin(lambda n_helpers, addresses: None, needs=NEEDED)
def share_call(typingctx, n_helpers, addresses):
    """Let others make the call in which this stands as well, but with n_helpers = 0.

    Parameters
    ----------
    n_helpers : int
        Also the first argument of the function in which this stands.
    addresses : int64 array
        Of the slots of so many free threads.
    """

    def codegen(context, builder, signature, args):
        function, integer = builder.function, ir.IntType(64)
        kinds = getattr(context.active_code_library, "argument_types", None)
        if kinds is None:  # compiled in Numba's plain way
            return context.get_dummy_value()
        given = [integer(0), *_without_counts(context, function, kinds)[1:]]
        kind = ir.LiteralStructType([value.type for value in given])
        if context.get_abi_sizeof(kind) > 8 * (SLOT_SIZE - ARGUMENTS):
            raise AssertionError(f"{function.name} has too many arguments for a slot")
        caller = _define_call(builder.module, function, kind)
        values = ir.Constant(kind, ir.Undefined)
        for i, value in enumerate(given):
            values = builder.insert_value(values, value, i)
        data = context.make_array(signature.args[1])(context, builder, args[1]).data
        with cgutils.for_range(builder, args[0]) as loop:
            address = builder.load(builder.gep(data, [loop.index]))
            slot = builder.inttoptr(address, integer.as_pointer())
            place = builder.gep(slot, [integer(ARGUMENTS)])
            place = builder.bitcast(place, kind.as_pointer())
            builder.store(values, place, align=8)
            function_at = builder.gep(slot, [integer(FUNCTION)])
            builder.store(builder.ptrtoint(caller, integer), function_at)
            # Who has fallen asleep again would not see it.
            states = integer(AWAKE), integer(CALLED)
            builder.cmpxchg(slot, *states, "seq_cst", "seq_cst")
        return context.get_dummy_value()

    return types.void(n_helpers, addresses), codegen


@intrinsic_with_twin(lambda slot: FINE, needs=NEEDED)
def _make_call(typingctx, slot):
    """Call the function of a slot; returns what it returns."""

    def codegen(context, builder, signature, args):
        integer = ir.IntType(64)
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        kind = ir.FunctionType(integer, [integer.as_pointer()])
        function = builder.load(builder.gep(data, [integer(FUNCTION)]))
        function = builder.inttoptr(function, kind.as_pointer())
        return builder.call(function, [builder.gep(data, [integer(ARGUMENTS)])])

    return types.int64(slot), codegen


@cached_njit(**ENTRY)
def serve(slot, limit):
    """Make the calls that come, until there is work in Python, which is told by True.

    Returns False when nothing has come for so many turns.
    """
    spins = 0
    while spins < limit:
        state = load(slot)
        if state == POSTED:
            return True
        if state == CALLED and exchange_if(slot, CALLED, RUNNING):
            slot[STATUS] = _make_call(slot)
            exchange(slot, AWAKE)
            spins = 0
        pause()
        spins += 1
    return False


@cached_njit(**ENTRY)
def end_work(slot):
    """Take a call back that nobody has begun; else wait for its end, but not for long.

    Returns whether nothing is under way.
    """
    exchange_if(slot, CALLED, AWAKE)
    for _ in range(SPINS):
        state = load(slot)
        if state != RUNNING and state != POSTED:
            return True
        pause()
    return False
