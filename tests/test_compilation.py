"""How functions are compiled: what a compilation leaves behind in the process."""

import gc
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from numba import njit
from numba.core import event

from skrnn.mathematics.compilation import EntryCompiler


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
    return njit(pipeline_class=EntryCompiler)(lambda x: x + 1)(1)


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
