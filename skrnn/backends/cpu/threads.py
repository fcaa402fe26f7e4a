"""Threads that run compiled code side by side with the caller's.

Plain Python threads, since compiled code runs without the interpreter lock: they work
from several threads at once and after a fork, where Numba's own thread layers abort.
All callers share one budget of threads: what runs never exceeds the cores.
"""

import os
import sys
import threading
import time
from functools import lru_cache
from multiprocessing import current_process
from queue import Empty, SimpleQueue

import joblib
import numba
import numpy as np

from skrnn.backends.cpu.atomics import exchange, exchange_if
from skrnn.backends.cpu.calls import (
    ASLEEP,
    AWAKE,
    FINE,
    NEEDED,
    POSTED,
    SPINS,
    SPINS_AFTER_BELL,
    STATUS,
    end_work,
    new_slot,
    serve,
)
from skrnn.compat import openmp_effective_n_threads, openmp_parallelism_enabled
from skrnn.mathematics.internals import LLVM, has

# What a thread finds when it was woken: there may be work, or it is no longer needed.
RUNG, DISMISSED = range(2)
# Between two looks at a thread that works for longer than its caller.
POLL_SECONDS = 2e-4
OUT_OF_MEMORY = "a thread got no memory for its part of a batch; use a smaller batch"


def thread_limit():
    """How many threads may run at once.

    NUMBA_NUM_THREADS (which joblib sets for its workers), ``numba.set_num_threads``,
    OMP_NUM_THREADS and threadpoolctl, as far as scikit-learn's own loops heed these,
    and the cores that this process may use.
    """
    # One of several workers, as multiprocessing.Pool starts them; it sets no limit.
    if current_process().daemon or not has(LLVM):  # which also counts in one step
        return 1
    limit = numba.config.NUMBA_NUM_THREADS
    # Asking Numba for the current limit would start its own threads.
    parallel = sys.modules.get("numba.np.ufunc.parallel")
    if getattr(parallel, "_is_initialized", False):
        limit = min(limit, numba.get_num_threads())
    if openmp_parallelism_enabled():
        limit = min(limit, openmp_effective_n_threads())
    return max(1, min(limit, count_cores()))


def count_cores():
    """The cores that this process may use."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    return _ask_joblib(len(cores), os.environ.get("LOKY_MAX_CPU_COUNT"))


@lru_cache
def _ask_joblib(n_cores, limit):
    # It reads files of the system: 50 us, as much as a small prediction takes.
    return joblib.cpu_count()


class _Thread(threading.Thread):
    """Takes part in one round of work after the other.

    To wake a sleeping thread takes longer (70 us) than the work of a small batch, so it
    first waits awake for the next round, and only then goes to sleep.
    """

    def __init__(self):
        super().__init__(name="skrnn", daemon=True)
        self.slot = new_slot()
        self.job = self.error = None
        self.bell = SimpleQueue()

    def run(self):
        spins = SPINS
        while True:
            if serve(self.slot, spins):
                self._do_job()
            elif exchange_if(self.slot, AWAKE, ASLEEP):
                if self.bell.get() == DISMISSED:
                    break
                exchange_if(self.slot, ASLEEP, AWAKE)  # where it was rung in vain
                spins = SPINS_AFTER_BELL
                continue
            spins = SPINS

    def _do_job(self):
        function, arguments = self.job
        try:
            function(*arguments)
        except BaseException as caught:  # handed to the caller
            self.error = caught
        del function, arguments
        exchange(self.slot, AWAKE)


class _Worker:
    """A thread and the right to give it work; the thread ends with that right.

    Ctrl-C may strike anywhere, even while a worker changes hands. Nobody has it then,
    so it goes, with the memory of its last work.
    """

    thread = None

    def __init__(self):
        self.thread = _Thread()
        self.slot, self.bell = self.thread.slot, self.thread.bell
        self.address = self.slot.ctypes.data
        self.thread.start()

    def __del__(self):
        if self.thread is not None:  # else Ctrl-C struck before there was one
            self.thread.bell.put(DISMISSED)

    def post(self, function, arguments):
        """Hand over a call of a Python function."""
        self.thread.job = function, arguments
        if exchange(self.slot, POSTED) == ASLEEP:
            self.bell.put(RUNG)

    def prepare(self, arguments):
        """Be awake for a compiled call with these arguments, and keep them alive."""
        self.thread.job, self.slot[STATUS] = (None, arguments), FINE
        if exchange_if(self.slot, ASLEEP, AWAKE):
            self.bell.put(RUNG)

    def end(self):
        """Wait until the work is done; returns what went wrong, or None."""
        thread = self.thread
        if not end_work(self.slot):
            self.bell.put(RUNG)  # in case that Ctrl-C struck before it was rung
        while not end_work(self.slot):
            time.sleep(POLL_SECONDS)
        error, thread.job, thread.error = thread.error, None, None
        if self.slot[STATUS] != FINE:
            self.slot[STATUS] = FINE
            return MemoryError(OUT_OF_MEMORY)
        return error


class _Crew:
    """The idle workers, and a permit for each thread more that may run."""

    def __init__(self, idle=None):
        self.idle = [] if idle is None else idle
        # No semaphore: an interrupt could leave the lock taken that it has inside.
        self.budget = SimpleQueue()
        for _ in range(max(1, count_cores())):
            self.budget.put(None)

    def hire(self, n):
        """Up to n workers, as the budget allows."""
        workers = []
        try:
            while len(workers) < n:
                self.budget.get_nowait()
                workers.append(self._idle_or_new())
        except Empty:
            pass
        except RuntimeError:  # no thread to be had: fewer will do
            self.budget.put(None)
        return workers

    def end(self, worker):
        """Wait for a worker; returns what went wrong."""
        error = worker.end()
        self.idle.append(worker)
        self.budget.put(None)
        return error

    def _idle_or_new(self):
        try:
            return self.idle.pop()
        except IndexError:
            return _Worker()


def _new_crew(idle=None):
    """Start with a whole budget; `idle` are workers to go on with."""
    global _crew
    _crew = _Crew(idle)


_new_crew()
if hasattr(os, "register_at_fork"):
    # Threads do not survive a fork, nor do they give their permits back.
    os.register_at_fork(after_in_child=_new_crew)


def run_threads(n_threads, function, *arguments):
    """Call ``function(*arguments)`` in up to `n_threads` threads at once, this one too.

    The function must share out its work itself, and must get all of it done with
    however many threads there are.
    """
    _run_round(n_threads, _call_function, function, arguments)


def run_shared(n_threads, entry, *arguments):
    """The same for compiled code that begins with `share_call`.

    It is called with the number and the addresses of its helpers, and the arguments. A
    helper that wakes too late does nothing.
    """
    if not has(*NEEDED):
        run_threads(n_threads, entry, 0, np.empty(0, np.int64), *arguments)
        return
    _run_round(n_threads, _call_entry, entry, arguments)


def _call_function(workers, function, arguments):
    for worker in workers:
        worker.post(function, arguments)
    function(*arguments)


def _call_entry(workers, entry, arguments):
    for worker in workers:
        worker.prepare(arguments)
    addresses = np.array([worker.address for worker in workers], np.int64)
    entry(len(workers), addresses, *arguments)


def _run_round(n_threads, call, function, arguments):
    crew = _crew
    try:
        crew.budget.get()
        errors = _work_together(crew, n_threads, call, function, arguments)
        crew.budget.put(None)
    except BaseException:
        # Ctrl-C may strike anywhere, even while a permit changes hands, which is then
        # lost for ever. Who waits for one of the old crew gets this caller's. Workers
        # may have been told to wake, but not rung.
        for worker in crew.idle:
            worker.bell.put(RUNG)
        _new_crew(crew.idle)
        crew.budget.put(None)
        raise
    for error in errors:
        if error is not None:
            raise error


def _work_together(crew, n_threads, call, function, arguments):
    # A function of its own: at the line of a second `try` the first would not hold.
    workers = crew.hire(n_threads - 1)
    try:
        call(workers, function, arguments)
    finally:
        errors = [crew.end(worker) for worker in workers]
    return errors
