"""Threads that run compiled code side by side with the caller's.

Plain Python threads, since compiled code runs without the interpreter lock: they work
from several threads at once and after a fork, where Numba's own thread layers abort.
All callers share one budget of threads: what runs never exceeds the cores.
"""

import os
import threading
from functools import lru_cache
from multiprocessing import current_process
from queue import Empty, SimpleQueue

import joblib
import numba
import numpy as np
from numba.np.ufunc import parallel
from sklearn.utils._openmp_helpers import (
    _openmp_effective_n_threads,
    _openmp_parallelism_enabled,
)

from skrnn.backends.cpu.atomics import exchange, exchange_add, pause
from skrnn.backends.cpu.options import ENTRY
from skrnn.mathematics.cache import cached_njit

_AWAKE, _POSTED, _ASLEEP = range(3)
# About 1 ms: longer than what is not shared between two steps of training.
SPINS = 50_000


def thread_limit():
    """How many threads may run at once.

    NUMBA_NUM_THREADS (which joblib sets for its workers), ``numba.set_num_threads``,
    OMP_NUM_THREADS and threadpoolctl, as far as scikit-learn's own loops heed these,
    and the cores that this process may use.
    """
    # One of several workers, as multiprocessing.Pool starts them; it sets no limit.
    if current_process().daemon:
        return 1
    limit = numba.config.NUMBA_NUM_THREADS
    # Asking Numba for the current limit would start its own threads.
    if parallel._is_initialized:
        limit = min(limit, numba.get_num_threads())
    if _openmp_parallelism_enabled():
        limit = min(limit, _openmp_effective_n_threads())
    return max(1, min(limit, count_cores()))


def count_cores():
    """The cores that this process may use."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    return _ask_joblib(len(cores), os.environ.get("LOKY_MAX_CPU_COUNT"))


@lru_cache
def _ask_joblib(n_cores, limit):
    # It reads files of the system: 50 us, as much as a small prediction takes.
    return joblib.cpu_count()


@cached_njit(**ENTRY)
def _spin(cell, value):
    """Wait until ``cell[0] == value``, though not for long; returns whether it is."""
    for _ in range(SPINS):
        if exchange_add(cell, 0) == value:
            return True
        pause()
    return False


class _Worker(threading.Thread):
    """Takes part in one round of work after the other.

    To wake a sleeping thread takes longer (70 us) than the work of a small batch, so a
    worker first waits awake for the next round, and only then goes to sleep.
    """

    def __init__(self):
        super().__init__(name="skrnn", daemon=True)
        self.state = np.zeros(1, np.int64)
        self.job = None
        self.bell = SimpleQueue()
        self.start()

    def post(self, job):
        """Hand over ``(function, arguments, round)``."""
        self.job = job
        if exchange(self.state, _POSTED) == _ASLEEP:
            self.bell.put(None)

    def run(self):
        while True:
            self._await_job()
            function, arguments, this_round = self.job
            self.job = error = None
            try:
                function(*arguments)
            except BaseException as caught:  # handed to the caller
                error = caught
            del function, arguments
            this_round.finish(self, error)

    def _await_job(self):
        if not _spin(self.state, _POSTED) and exchange(self.state, _ASLEEP) != _POSTED:
            self.bell.get()
        exchange(self.state, _AWAKE)


class _Round:
    """One call of `run_threads`: who works, and who is done."""

    def __init__(self, crew, n_workers):
        self.crew = crew
        self.n_finished = np.zeros(1, np.int64)
        self.errors = SimpleQueue()
        self.workers = crew.hire(n_workers)

    def finish(self, worker, error):
        """Called by a worker when it is done."""
        self.crew.idle.append(worker)
        self.crew.budget.put(None)
        self.errors.put(error)
        exchange_add(self.n_finished, 1)

    def wait(self):
        """Wait for all workers; raise what one of them raised."""
        _spin(self.n_finished, len(self.workers))
        for error in [self.errors.get() for _ in self.workers]:
            if error is not None:
                raise error


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
    crew = _crew
    try:
        crew.budget.get()
        _run_round(crew, n_threads, function, arguments)
        crew.budget.put(None)
    except BaseException:
        # Ctrl-C may strike anywhere, even while a permit changes hands, which is then
        # lost for ever. Who waits for one of the old crew gets this caller's.
        _new_crew(crew.idle)
        crew.budget.put(None)
        raise


def _run_round(crew, n_threads, function, arguments):
    if n_threads == 1:
        function(*arguments)
        return
    this_round = _Round(crew, n_threads - 1)
    for worker in this_round.workers:
        worker.post((function, arguments, this_round))
    try:
        function(*arguments)
    finally:
        this_round.wait()
