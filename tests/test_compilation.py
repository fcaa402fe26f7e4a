"""How functions are compiled: for which processor, and what that leaves behind."""

import gc
import os
import signal
import subprocess
import sys
import threading
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

import pytest
from numba import njit, types
from numba.core import event
from numba.core.registry import cpu_target

from skrnn.mathematics import pipelines
from skrnn.mathematics.cache import cached_unit
from skrnn.mathematics.compilation import ENTRY, PART
from skrnn.mathematics.kept import Cache


class Stopper(event.Listener):
    """Stops the first compilation within, until it may go on."""

    def __init__(self):
        self.is_within, self.may_go_on = threading.Event(), threading.Event()

    def on_start(self, event):
        self.is_within.set()
        self.may_go_on.wait(60)

    def on_end(self, event): ...


@pytest.fixture
def stopper():
    stopper = Stopper()
    event.register("numba:run_pass", stopper)
    yield stopper
    event.unregister("numba:run_pass", stopper)


def compile_new():
    return njit(**ENTRY)(lambda x: x + 1)(1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_waits_for_a_compilation(stopper):
    """The child could not compile, and would not search for garbage."""
    with ThreadPoolExecutor(1) as pool:
        compiled = pool.submit(compile_new)
        assert stopper.is_within.wait(60)
        assert not gc.isenabled()
        threading.Timer(0.2, stopper.may_go_on.set).start()
        child = os.fork()
        if child == 0:
            signal.alarm(20)  # rather than hang
            os._exit(0 if gc.isenabled() and compile_new() == 2 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert compiled.result() == 2
    assert gc.isenabled()


def test_two_threads_that_compile_search_for_garbage_later(stopper):
    with ThreadPoolExecutor(2) as pool:
        compiled = [pool.submit(compile_new) for _ in range(2)]
        assert stopper.is_within.wait(60)
        stopper.may_go_on.set()
        assert [one.result() for one in compiled] == [2, 2]
    assert gc.isenabled()


def test_no_search_for_garbage_where_there_was_none():
    gc.disable()
    try:
        compile_new()
        assert not gc.isenabled()
    finally:
        gc.enable()


@cached_unit()
def doubled(x):
    return 2 * x


@njit(**ENTRY)
def doubled_and_1_more(x):
    return doubled(x) + 1


@njit(**PART)
def doubled_and_1_less(x):
    return doubled(x) - 1


@njit(**ENTRY)
def both(x):
    return doubled_and_1_less(x), doubled_and_1_more(x)


def test_a_unit_is_compiled_once_for_all_its_callers():
    with event.install_recorder("numba:compile") as compiled:
        assert both(3) == (5, 7)
    names = [one.data["dispatcher"].py_func.__name__ for _, one in compiled.buffer]
    assert names.count("doubled") == 2  # its start and its end
    (doubling,) = doubled.overloads.values()
    name = doubling.fndesc.llvm_func_name
    for entry in (both, doubled_and_1_more):
        (code,) = entry.inspect_llvm().values()
        declared = [line for line in code.splitlines() if name in line]
        assert declared
        assert not any(line.startswith("define") for line in declared)


def test_a_class_of_others_makes_a_unit_a_part():
    """What is kept under its name might be that of another class."""
    pair = namedtuple("pair", "x y")

    @cached_unit()
    def total(pair):
        return pair.x + pair.y

    @njit(**ENTRY)
    def total_of(x):
        return total(pair(x, 1))

    assert total_of(2) == 3
    assert isinstance(total.overloads.popitem()[1].library, pipelines._PartLibrary)


WITHOUT_FMA = """
import warnings
import numpy as np
from numba import njit

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from skrnn.backends.cpu.tile import ONE, ZERO, row_product
    from skrnn.mathematics import activations, target
print(*(one.message for one in caught))
print(target.HAS_FMA, target.HAS_LONG_REGISTERS)


@njit
def apply(x, b):
    y = np.empty(16, x.dtype)
    row_product(1, y, x, b, (0, 0, 0), (0, 0, 0, 0, 1, 0, 0), (1, x.size), ZERO)
    for i in range(y.size):
        y[i] = activations.tanh(y[i])
    return y


for kind in (np.float32, np.float64):
    rng, width = np.random.default_rng(0), 64 // np.dtype(kind).itemsize
    x, b = rng.random(9).astype(kind), rng.normal(size=(9, width)).astype(kind)
    exact = np.tanh(x.astype(float) @ b.astype(float))
    error = np.abs(apply(x, b.ravel())[:width] - exact).max()
    assert error < 20 * np.finfo(kind).eps, error
print(any("fma" in code for code in apply.inspect_asm().values()))
"""


def test_processor_without_fused_multiply_add():
    """As NUMBA_CPU_NAME tells it: LLVM would call the C library for each number."""
    result = subprocess.run(
        [sys.executable, "-c", WITHOUT_FMA],
        env=os.environ | {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    message, found, has_calls = result.stdout.splitlines()
    assert "without fused multiply-add" in message
    assert (found, has_calls) == ("False False", "False")


def test_code_for_another_processor_is_told_apart(monkeypatch):
    codegen = cpu_target.target_context.codegen()
    cache, signature = Cache(compile_new), (types.int64,)
    key = cache._index_key(signature, codegen)
    assert cache._index_key(signature, codegen) == key
    monkeypatch.setattr(codegen, "_tm_features", "")
    assert cache._index_key(signature, codegen) != key
