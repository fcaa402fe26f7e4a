"""Denormal numbers are 0 while compiled code runs, and what they were elsewhere."""

import platform

import llvmlite.binding as llvm
import numpy as np
import pytest
from llvmlite import ir
from numba import njit
from numpy.testing import assert_array_equal

from skrnn.mathematics.denormals import (
    emit_flush,
    emit_restore,
    flush_denormals,
    restore,
)
from skrnn.mathematics.gradients import add_l2, clip_norm, shrink
from skrnn.mathematics.optimizers import OPTIMIZERS

can_flush = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64", "aarch64", "arm64"),
    reason="this processor is not told to take denormal numbers as 0",
)
dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@njit
def halves(x):
    """Half of x before, while and after denormal numbers are taken as 0."""
    y = np.empty((3, x.size), x.dtype)
    y[0] = x / 2
    before = flush_denormals()
    y[1] = x / 2
    restore(before)
    y[2] = x / 2
    return y


@can_flush
@dtypes
def test_denormal_numbers_are_zero_for_a_while(dtype):
    x = np.array([1, np.finfo(dtype).tiny], dtype)
    assert_array_equal(halves(x), [x / 2, [0.5, 0], x / 2])


def is_as_before(dtype):
    """Whether denormal numbers are numbers to this thread."""
    tiny = np.finfo(dtype).tiny
    return dtype(tiny) / dtype(2) > 0


@can_flush
@dtypes
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_an_optimizer_remembers_sinks_to_zero(name, dtype):
    """Not to numbers that take 100 cycles each."""
    optimizer, tiny = OPTIMIZERS[name], np.finfo(dtype).tiny
    hyperparameters = {"beta_1": 0.9, "beta_2": 0.999, "rho": 0.99, "epsilon": 1e-8}
    hyperparameters |= {"momentum": 0.9, "nesterovs_momentum": True}
    values = [hyperparameters[name] for name in optimizer.hyperparameters]
    parameters, gradient = np.ones(37, dtype), np.zeros(37, dtype)
    state = np.full((optimizer.n_state_rows, 37), tiny, dtype)
    optimizer.step(parameters, gradient, state, 0.1, 1, *values)
    assert_array_equal(state, 0)
    assert_array_equal(parameters, 1)
    assert is_as_before(dtype)


@can_flush
@dtypes
def test_what_is_done_to_gradients(dtype):
    tiny = np.finfo(dtype).tiny
    small, ones = np.full(37, tiny, dtype), np.ones(37, dtype)
    gradient = np.zeros(37, dtype)
    add_l2(small, ones, 0.5, gradient)
    assert_array_equal(gradient, 0)
    weights = 1.5 * small
    shrink(weights, ones, 0.8)
    assert_array_equal(weights, 0)
    gradient = np.append(small, dtype(2))
    assert clip_norm(gradient, 1.0) == 2
    assert_array_equal(gradient, np.append(0 * small, dtype(1)))
    assert is_as_before(dtype)


def assembly(triple):
    """A function that flushes and restores, translated for a machine."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    module = ir.Module()
    module.triple = triple
    kind = ir.FunctionType(ir.VoidType(), [])
    function = ir.Function(module, kind, "flush_and_restore")
    builder = ir.IRBuilder(function.append_basic_block())
    emit_restore(builder, emit_flush(builder))
    builder.ret_void()
    machine = llvm.Target.from_triple(triple).create_target_machine()
    parsed = llvm.parse_assembly(str(module))
    parsed.verify()
    if not triple.startswith("nvptx"):  # which has no assembler here
        assert machine.emit_object(parsed)
    lines = map(str.split, machine.emit_assembly(parsed).splitlines())
    return [line[0] for line in lines if line]


@pytest.mark.parametrize(
    ("triple", "instructions"),
    [
        ("aarch64-unknown-linux-gnu", ["mrs", "msr", "msr"]),
        ("arm64-apple-darwin", ["mrs", "msr", "msr"]),
        ("x86_64-unknown-linux-gnu", ["stmxcsr", "ldmxcsr", "ldmxcsr"]),
        ("nvptx64-nvidia-cuda", []),
    ],
)
def test_instructions_of_other_processors(triple, instructions):
    try:
        lines = assembly(triple)
    except RuntimeError as error:
        pytest.skip(f"this llvmlite has no such target: {error}")
    names = {"mrs", "msr", "stmxcsr", "ldmxcsr"}
    assert [line for line in lines if line in names] == instructions
