"""Threads: all the work is done, errors arrive, and no core is asked for too much."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import NamedTuple

import numpy as np
import pytest
from numba import njit
from problems import DEEP, FRAMED, kinds_with, loss_gradient, make_problem, stacks_of
from threadpoolctl import threadpool_limits

from skrnn.backends import make_backend, make_predictor
from skrnn.backends.cpu import threads
from skrnn.backends.cpu.atomics import exchange_add, load
from skrnn.backends.cpu.calls import share_call
from skrnn.backends.cpu.options import ENTRY
from skrnn.backends.cpu.threads import run_shared, run_threads, thread_limit
from skrnn.mathematics.cache import cached_njit


@pytest.fixture
def four_cores(monkeypatch):
    """A new crew that believes in four cores, whatever the machine has."""
    monkeypatch.setattr(threads, "count_cores", lambda: 4)
    monkeypatch.setattr(threads, "_crew", threads._Crew())


def take_numbers(counter, taken, n):
    """Take the numbers below n until none is left."""
    while (number := exchange_add(counter, 1)) < n:
        taken.append(number)


@njit(nogil=True)
def count_numbers(counter, times):
    """`take_numbers` without Python's lock around it."""
    number = exchange_add(counter, 1)
    while number < times.size:
        times[number] += 1
        number = exchange_add(counter, 1)


def run_script(script, **environment):
    return subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.nojit
@pytest.mark.parametrize("n_threads", [1, 2, 3, 4, 9])
@pytest.mark.usefixtures("four_cores")
def test_all_work_is_done_once(n_threads):
    taken = []
    run_threads(n_threads, take_numbers, np.zeros(1, np.int64), taken, 1000)
    assert sorted(taken) == list(range(1000))


@pytest.mark.usefixtures("four_cores")
def test_compiled_work_is_done_once():
    counter, times = np.zeros(1, np.int64), np.zeros(3_000_000, np.int64)
    count_numbers(counter, times[:0])  # compiles
    counter[0] = 0
    barrier = threading.Barrier(4, timeout=60)

    def count_together():
        barrier.wait()
        count_numbers(counter, times)

    run_threads(4, count_together)
    assert (times == 1).all()


@pytest.mark.parametrize("n_threads", [1, 2, 3, 4])
@pytest.mark.usefixtures("four_cores")
def test_threads_run_at_once(n_threads):
    barrier = threading.Barrier(n_threads, timeout=60)  # passed only together
    for _ in range(3):
        run_threads(n_threads, barrier.wait)


@cached_njit(**ENTRY)
def meet(n_helpers, helpers, counter, n):
    """Wait until n threads are here, but not for ever; count those that met n."""
    share_call(n_helpers, helpers)
    exchange_add(counter[:1], 1)
    for _ in range(2_000_000_000):
        if load(counter) >= n:
            exchange_add(counter[1:], 1)
            return


@cached_njit(**ENTRY)
def fill(n_helpers, helpers, counter, memory):
    """Helpers ask for more memory than there is; the caller waits for one of them."""
    share_call(n_helpers, helpers)
    if n_helpers == 0:
        exchange_add(counter, 1)
        memory[0] += np.empty(2**50)[0]
    for _ in range(2_000_000_000):
        if load(counter) > 0:
            return


@pytest.mark.parametrize("n_threads", [1, 2, 3, 4])
@pytest.mark.usefixtures("four_cores")
def test_compiled_calls_have_helpers(n_threads):
    met = {0: set(), 0.1: set()}
    for _ in range(10):
        for pause in met:  # after the longer one, threads are asleep
            time.sleep(pause)
            counter = np.zeros(2, np.int64)
            run_shared(n_threads, meet, counter, n_threads)
            met[pause].add(counter[1])
    # One that just falls asleep, or is kept from its core, may miss a call.
    assert all(max(numbers) == n_threads for numbers in met.values())


@cached_njit(**ENTRY)
def add_up(n_helpers, helpers, counter, values, totals):
    """Sums of rows, in as many threads as come."""
    share_call(n_helpers, helpers)
    row = exchange_add(counter, 1)
    while row < totals.size:
        totals[row] = values[row].sum()
        row = exchange_add(counter, 1)


@pytest.mark.usefixtures("four_cores")
def test_helpers_that_come_late_find_their_arguments():
    for n in list(range(1, 9)) * 5000:  # about as long as a helper takes to begin
        values, totals = np.ones((n, 3)), np.zeros(n)
        run_shared(2, add_up, np.zeros(1, np.int64), values, totals)
        assert (totals == 3).all()


class Bytes(NamedTuple):
    """Arrays whose data LLVM knows as bytes, as it knows what counts references."""

    signed: np.ndarray
    others: tuple


@cached_njit(**ENTRY)
def add_bytes(n_helpers, helpers, counter, flags, arrays, nothing, total):
    """A helper adds all up; the caller waits for it, but not for ever."""
    share_call(n_helpers, helpers)
    if n_helpers == 0:
        total[0] = flags.sum() + arrays.signed.sum()
        for array in arrays.others[0]:
            total[0] += array.sum()
        exchange_add(counter, 1)
    for _ in range(2_000_000_000):
        if load(counter) > 0:
            return


@pytest.mark.usefixtures("four_cores")
def test_helpers_get_arrays_of_bytes():
    ones = [np.ones(9, dtype) for dtype in (bool, np.int8, np.uint8, np.uint8)]
    arguments = ones[0], Bytes(ones[1], ((ones[2], ones[3]), 1.5)), ()
    run_shared(1, add_bytes, np.ones(1, np.int64), *arguments, np.zeros(1))  # compiles
    totals = []
    for _ in range(20):  # a helper that just falls asleep misses a call
        counter, total = np.zeros(1, np.int64), np.zeros(1)
        totals.append(total)
        run_shared(2, add_bytes, counter, *arguments, total)
    assert 36 in [total[0] for total in totals]


@pytest.mark.usefixtures("four_cores")
def test_memory_that_a_helper_does_not_get():
    arguments = fill, np.ones(1, np.int64), np.zeros(1)
    with pytest.raises(MemoryError):
        run_shared(1, *arguments)  # compiles
    arguments[1][0] = 0
    with pytest.raises(MemoryError, match="use a smaller batch"):
        run_shared(2, *arguments)
    counter = np.zeros(2, np.int64)
    run_shared(4, meet, counter, 1)  # all work on
    assert counter[0] > 0


@pytest.mark.nojit
@pytest.mark.usefixtures("four_cores")
def test_not_more_threads_than_cores():
    calls = []
    run_threads(9, calls.append, None)
    assert len(calls) == 4


@pytest.mark.usefixtures("four_cores")
def test_all_callers_share_the_cores():
    lock, running, peaks = threading.Lock(), [], []

    def work():
        with lock:
            running.append(None)
            peaks.append(len(running))
        time.sleep(0.001)
        with lock:
            running.pop()

    def call(_):
        run_threads(4, work)

    with ThreadPoolExecutor(7) as callers:
        list(callers.map(call, range(50)))
    assert len(peaks) >= 50
    assert max(peaks) <= 4


@pytest.fixture
def always_worth_a_thread(monkeypatch):
    """Small work is shared out too."""
    monkeypatch.setattr("skrnn.backends.cpu.packing.WORTH_A_THREAD", 1)


def compute_bits(problem, n_threads):
    """All that the backend computes, as bytes."""
    backend = make_backend("cpu", problem.network)
    backend.n_threads = n_threads
    n = len(problem.X)
    rows, scales = np.arange(n)[::-1].copy(), np.linspace(0.1, 1, n)
    loss, gradient = loss_gradient(problem, rows, scales, backend)
    outputs = backend.outputs(problem.parameters, problem.sequences)
    return loss, gradient.tobytes(), outputs.tobytes()


@kinds_with("last")
@stacks_of(DEEP, FRAMED)
@pytest.mark.usefixtures("four_cores", "always_worth_a_thread")
def test_any_number_of_threads_gives_the_same_bits(kind, stack):
    lengths = (5, 2, 9, 1, 7) * 20
    problem = make_problem(*kind, lengths=lengths, hidden_size=19, **stack)
    results = {compute_bits(problem, n_threads) for n_threads in (1, 2, 3, 4) * 5}
    assert len(results) == 1


@pytest.mark.usefixtures("four_cores", "always_worth_a_thread")
def test_gradients_do_not_grow_with_the_batch(monkeypatch):
    """Nor do their bits depend on how many are kept."""
    problem = make_problem(lengths=(1, 2) * 800, hidden_size=64)  # 100 shards
    row = make_backend("cpu", problem.network).plan.n_packed * 8
    rows, results = {}, set()
    for round_bytes, n_threads in product([2**40, 30 * row, 1], [1, 3]):
        monkeypatch.setattr("skrnn.backends.cpu.packing.ROUND_BYTES", round_bytes)
        backend = make_backend("cpu", problem.network)
        backend.n_threads = n_threads
        order, scales = np.arange(1600), np.linspace(0.1, 1, 1600)
        loss, gradient = loss_gradient(problem, order, scales, backend)
        results.add((loss, gradient.tobytes()))
        rows[round_bytes // row, n_threads] = backend.gradients.nbytes // row
    (all_rows,) = {rows.pop(key) for key in list(rows) if key[0] > 30}
    assert all_rows == 100
    assert rows == {(30, 1): 30, (30, 3): 30, (0, 1): 2, (0, 3): 6}
    assert len(results) == 1


@pytest.mark.usefixtures("four_cores", "always_worth_a_thread")
def test_callers_at_once_get_the_same_bits_as_alone():
    problem = make_problem(lengths=(5, 2, 9, 1) * 20)
    with ThreadPoolExecutor(5) as callers:
        results = set(callers.map(lambda _: compute_bits(problem, 2), range(40)))
    assert results == {compute_bits(problem, 1)}


@pytest.mark.nojit
@pytest.mark.parametrize("where", ["caller", "worker", "both"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.usefixtures("four_cores")
def test_an_error_reaches_the_caller_and_the_crew_works_on(where, error):
    caller = threading.current_thread()

    def fail():
        here = "caller" if threading.current_thread() is caller else "worker"
        if where in (here, "both"):
            raise error("expected")

    with pytest.raises(error, match="expected"):
        run_threads(4, fail)
    run_threads(4, threading.Barrier(4, timeout=60).wait)


def test_thread_limit(monkeypatch):
    monkeypatch.setattr(threads, "count_cores", lambda: 6)
    monkeypatch.setattr(threads.numba.config, "NUMBA_NUM_THREADS", 8)
    monkeypatch.setattr(threads, "openmp_effective_n_threads", lambda: 7)
    assert thread_limit() == 6
    monkeypatch.setattr(threads, "openmp_effective_n_threads", lambda: 4)
    assert thread_limit() == 4
    monkeypatch.setattr(threads, "openmp_parallelism_enabled", lambda: False)
    assert thread_limit() == 6
    monkeypatch.setattr(threads.numba.config, "NUMBA_NUM_THREADS", 3)
    assert thread_limit() == 3


def test_what_is_kept_for_predictions():
    network = make_problem().network
    backend = make_predictor("cpu", network)
    assert make_predictor("cpu", network) is backend  # in this thread
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(make_predictor, "cpu", network).result() is not backend
    limit = backend.n_threads
    with threadpool_limits(1, user_api="openmp"):
        assert make_predictor("cpu", network).n_threads == 1
    assert make_predictor("cpu", network).n_threads == limit


def test_thread_limit_heeds_threadpoolctl():
    before = thread_limit()
    with threadpool_limits(1):
        assert thread_limit() == 1
    assert thread_limit() == before


def test_thread_limit_heeds_set_num_threads():
    script = """
import numba
numba.set_num_threads(1)
from skrnn.backends.cpu.threads import thread_limit
print(thread_limit())
"""
    result = run_script(script, NUMBA_NUM_THREADS="2")
    assert result.stdout == "1\n", result.stderr


FORK = """
import os, signal, threading, time
import numpy as np
from skrnn import RNNClassifier
from skrnn.backends.cpu.threads import run_threads

X, y = np.random.default_rng(0).normal(size=(64, 50)), np.arange(64) % 3


def probabilities():
    classifier = RNNClassifier("rnn", hidden_size=64, max_iter=2, random_state=0)
    return classifier.fit(X, y).predict_proba(X)


def keep_busy():
    while True:
        run_threads(2, time.sleep, 0.01)


expected = probabilities()
threading.Thread(target=keep_busy, daemon=True).start()
time.sleep(0.1)
child = os.fork()
if child == 0:
    signal.alarm(100)  # rather than hang
    os._exit(0 if np.array_equal(probabilities(), expected) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_can_fit():
    result = run_script(FORK)
    assert result.stdout == "0\n", result.stderr
    assert result.returncode == 0
