"""Training among threads, processes and signals: the same bits as alone, and no hang.

Each test runs in a new Python process, which is ended if it hangs. It believes in two
cores at most, and each of its batches is worth two threads.
"""

import functools
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import joblib
import numba
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from small import AfterEpoch, output_of
from threadpoolctl import threadpool_info, threadpool_limits

from skrnn import RNNClassifier, RNNRegressor
from skrnn.backends.cpu import shard, threads
from skrnn.exceptions import DivergenceError
from skrnn.mathematics import blas

SECONDS = 120  # many times what any of these tests takes

needs_fork = pytest.mark.skipif(
    not hasattr(os, "fork"), reason="this system has no fork"
)
needs_signals = pytest.mark.skipif(
    os.name != "posix", reason="this system sends no SIGINT to a process"
)
needs_affinity = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"),
    reason="this system binds no process to some of the cores",
)


def in_new_process(test):
    """Let a test run in a new Python process."""

    @functools.wraps(test)
    def run(**arguments):
        run_in_new_process(f"{test.__name__}.__wrapped__", arguments)

    return run


def run_in_new_process(name, arguments, **environment):
    """Call a function of this file in a new process; fail if it fails or hangs."""
    here = Path(__file__)
    script = (
        f"import faulthandler, {here.stem} as here\n"
        f"faulthandler.dump_traceback_later({SECONDS - 10})\n"
        f"here.{name}(**{arguments!r})"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=here.parent,
        env=os.environ | {"LOKY_MAX_CPU_COUNT": "2"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        end_with_children(process)
        pytest.fail(f"It hangs.\n{process.communicate()[0]}")
    assert process.returncode == 0, output


def end_with_children(process):
    """End a process and, where the system can, those that it started."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


# What is trained, and who is at work


def make_data(n_classes, seed):
    """Sequences of 50 steps, and what to learn from them."""
    X = np.random.default_rng(seed).standard_normal((64, 50, 3))
    y = X[:, ::5, 0].sum(axis=1)
    bounds = np.quantile(y, np.arange(1, n_classes) / n_classes)
    return X, np.digitize(y, bounds), y


X, LABELS, Y = make_data(n_classes=3, seed=0)
ESTIMATORS = {
    "RNNClassifier": (RNNClassifier, LABELS),
    "RNNRegressor": (RNNRegressor, Y),
}
DEEP = {"n_layers": 2, "dropout": 0.3}


def make(estimator_class=RNNClassifier, **parameters):
    """An estimator with two batches an epoch."""
    defaults = {"hidden_size": 64, "max_iter": 3, "batch_size": 32, "random_state": 0}
    return estimator_class(**defaults | parameters)


def bits(estimator, X=X):
    """All weights and outputs, as bytes."""
    arrays = [*estimator.get_weights().values(), output_of(estimator, X)]
    return b"".join(array.tobytes() for array in arrays)


def fit_bits(X=X, y=LABELS, **parameters):
    """Those of a new classifier."""
    return bits(make(**parameters).fit(X, y), X)


class Workers:
    """Counts the threads that compute in this process while the block runs.

    A call of compiled code has its caller and its helpers, until it returns; `most` is
    how many a single one had, `peak` how many there were at once.
    """

    def __enter__(self):
        self.lock = threading.Lock()
        self.n_now = self.peak = self.most = 0
        self.real = shard.train_shards, shard.predict_shards
        shard.train_shards, shard.predict_shards = map(self._counted, self.real)
        return self

    def __exit__(self, *_):
        shard.train_shards, shard.predict_shards = self.real

    def _counted(self, function):
        def run(n_helpers, *arguments):
            with self.lock:
                self.n_now += 1 + n_helpers
                self.most = max(self.most, 1 + n_helpers)
                self.peak = max(self.peak, self.n_now)
            try:
                function(n_helpers, *arguments)
            finally:
                with self.lock:
                    self.n_now -= 1 + n_helpers

        return run


def n_threads_of_a_fit():
    """How many threads take part in a fit and a prediction."""
    with Workers() as workers:
        fit_bits()
    return workers.most


# The same bits


@in_new_process
def test_two_fits_at_once():
    X_other, labels_other, _ = make_data(n_classes=5, seed=1)
    jobs = [
        functools.partial(fit_bits, cell="lstm"),
        functools.partial(fit_bits, X_other, labels_other, cell="gru", **DEEP),
    ]
    alone = [job() for job in jobs]
    barrier = threading.Barrier(2, timeout=SECONDS)

    def start_together(job):
        barrier.wait()
        return job()

    with Workers() as workers, ThreadPoolExecutor(2) as callers:
        for _ in range(3):
            assert list(callers.map(start_together, jobs)) == alone
    assert workers.peak <= joblib.cpu_count()


BACKENDS = ["threading", "loky", pytest.param("multiprocessing", marks=needs_fork)]


def search(n_jobs):
    """All scores of a grid search, and the bits of its best estimator."""
    grid = {"cell": ["rnn", "lstm"], "hidden_size": [48, 64]}
    found = GridSearchCV(make(), grid, cv=2, n_jobs=n_jobs, error_score="raise")
    found.fit(X, LABELS)
    scores = {
        name: values.tolist()
        for name, values in found.cv_results_.items()
        if name.endswith("_score")
    }
    return scores, found.best_params_, bits(found.best_estimator_)


@pytest.mark.parametrize("backend", BACKENDS)
@in_new_process
def test_grid_search(backend):
    expected = search(n_jobs=1)
    with joblib.parallel_config(backend):
        assert search(n_jobs=2) == expected
    assert search(n_jobs=1) == expected


@needs_fork
@in_new_process
def test_parent_and_child_fit_at_once_after_a_fork():
    expected = fit_bits()
    child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)  # rather than hang
        os._exit(0 if all(fit_bits() == expected for _ in range(3)) else 1)
    assert all(fit_bits() == expected for _ in range(3))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@needs_fork
@in_new_process
def test_a_fork_while_another_thread_computes_a_cached_property():
    expected = fit_bits()
    is_inside, may_go_on = threading.Event(), threading.Event()

    def wait_inside(frame, event, argument):
        if frame.f_code.co_name == "n_parameters":
            is_inside.set()
            may_go_on.wait(SECONDS)

    def fit():
        sys.settrace(wait_inside)
        fit_bits()

    thread = threading.Thread(target=fit)
    thread.start()
    assert is_inside.wait(SECONDS)
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # rather than hang
        os._exit(0 if fit_bits() == expected else 1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    may_go_on.set()
    thread.join()
    assert status == 0


# The number of threads


@in_new_process
def test_one_fit_takes_all_cores():
    assert n_threads_of_a_fit() == joblib.cpu_count()


@in_new_process
def test_threads_of_joblib_share_the_cores():
    with Workers() as workers, joblib.parallel_config("threading"):
        search(n_jobs=3)
    assert workers.peak <= joblib.cpu_count()


@pytest.mark.parametrize("backend", BACKENDS[1:])
@in_new_process
def test_processes_of_joblib_share_the_cores(backend):
    n_threads_of_a_fit()
    n_jobs = joblib.cpu_count()
    with joblib.parallel_config(backend, n_jobs=n_jobs):
        counts = joblib.Parallel()([joblib.delayed(n_threads_of_a_fit)()] * n_jobs)
    assert n_jobs * max(counts) <= joblib.cpu_count()


@in_new_process
def test_inner_max_num_threads():
    for limit in (1, 2):
        with joblib.parallel_config("loky", n_jobs=2, inner_max_num_threads=limit):
            counts = joblib.Parallel()([joblib.delayed(n_threads_of_a_fit)()] * 2)
        assert counts == [min(limit, joblib.cpu_count())] * 2


def one_thread_works():
    assert n_threads_of_a_fit() == 1


@pytest.mark.parametrize("name", ["NUMBA_NUM_THREADS", "LOKY_MAX_CPU_COUNT"])
def test_limit_in_the_environment(name):
    run_in_new_process("one_thread_works", {}, **{name: "1"})


@needs_affinity
@in_new_process
def test_limit_set_while_running():
    fit_bits()
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, [min(cores)])
    one_thread_works()
    os.sched_setaffinity(0, cores)
    assert n_threads_of_a_fit() == joblib.cpu_count()
    numba.set_num_threads(1)
    one_thread_works()


# BLAS, whose bits may depend on its threads


@pytest.mark.parametrize(
    "parameters",
    [
        {"solver": "lbfgs", "dtype": "float64", "max_iter": 8},
        {"adapter_rank": 64, "trainable": [], "n_layers": 2},
    ],
    ids=["lbfgs", "adapters"],
)
@in_new_process
def test_the_same_bits_on_any_number_of_blas_threads(parameters):
    results = set()
    warnings.simplefilter("ignore", ConvergenceWarning)
    for limit in (1, 2, 3):
        with threadpool_limits(limit, user_api="blas"):
            regressor = make(RNNRegressor, **parameters).fit(X[:40, :10], Y[:40])
            results.add(bits(regressor, X[:, :10]))
    assert len(results) == 1


class SeeLimits:
    """A callback that notes the threads of BLAS after each epoch; one of tasks too."""

    def __init__(self):
        self.seen = set()

    def __call__(self, *_):
        pools = threadpool_info()
        self.seen |= {p["num_threads"] for p in pools if p["user_api"] == "blas"}


@in_new_process
def test_callbacks_have_the_threads_of_the_caller():
    warnings.simplefilter("ignore", ConvergenceWarning)
    see = SeeLimits()
    with threadpool_limits(2, user_api="blas"):
        make(solver="lbfgs").set_callbacks(AfterEpoch(see)).fit(X, LABELS)
    assert see.seen == {2}


def within_limit(number):
    """Within the limit, and out of it for a while, but for an interrupt there."""
    interrupt_at_place(number, PLACES_OF_LIMIT)
    try:
        with blas.OneBlasThread() as limit:
            limit.lifted(int)()
    finally:
        sys.settrace(None)


@in_new_process
def test_an_interrupt_anywhere_ends_the_limit():
    n_interrupts = 0
    with threadpool_limits(2, user_api="blas"):
        before = settings()
        for number in range(1, 60):
            try:
                within_limit(number)
            except KeyboardInterrupt:
                n_interrupts += 1
            assert settings() == before, number
    assert n_interrupts > 20


@needs_fork
@in_new_process
def test_a_child_has_no_limit():
    is_inside, may_go_on = threading.Event(), threading.Event()

    def stay():
        with blas.OneBlasThread():
            is_inside.set()
            may_go_on.wait(SECONDS)

    with threadpool_limits(2, user_api="blas"):
        before = settings()
        thread = threading.Thread(target=stay, daemon=True)
        thread.start()
        assert is_inside.wait(SECONDS)
        assert settings() != before
        child = os.fork()
        if child == 0:
            signal.alarm(20)  # rather than hang
            is_as_before = settings() == before
            with blas.OneBlasThread():
                os._exit(0 if is_as_before and settings() != before else 1)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        may_go_on.set()
        thread.join()
        assert status == 0
        assert settings() == before


# The caller's settings


def settings():
    """The caller's numbers of threads."""
    of_numba = numba.get_num_threads()  # may load a library
    return of_numba, {
        pool["filepath"]: pool["num_threads"] for pool in threadpool_info()
    }


def fit_with_nan():
    with pytest.raises(ValueError, match="Input X contains NaN"):
        make().fit(np.full_like(X, np.nan), LABELS)


def fit_and_diverge():
    diverging = make(solver="sgd", learning_rate_init=1e38, max_grad_norm=None)
    with np.errstate(all="ignore"), pytest.raises(DivergenceError):
        diverging.fit(X, LABELS)


def fit_and_interrupt():
    with pytest.warns(UserWarning, match="Training interrupted by user."):
        make(max_iter=40).set_callbacks(SendSignal(epoch=2)).fit(X, LABELS)


@needs_signals
@in_new_process
def test_settings_stay_as_they_are():
    works = (fit_bits, fit_with_nan, fit_and_diverge, fit_and_interrupt)
    for limit, work in itertools.product((1, 2), works):
        numba.set_num_threads(min(limit, numba.config.NUMBA_NUM_THREADS))
        with threadpool_limits(limit):
            before = settings()
            work()
            assert settings() == before, work.__name__


@in_new_process
def test_settings_stay_as_they_are_after_fits_at_once():
    barrier = threading.Barrier(2, timeout=SECONDS)

    def start_together(seed):
        barrier.wait()
        make(hidden_size=128, max_iter=1, random_state=seed).fit(X[:8], LABELS[:8])

    with threadpool_limits(2), ThreadPoolExecutor(2) as callers:
        before = settings()
        for _ in range(10):
            list(callers.map(start_together, range(2)))
            assert settings() == before


# Ctrl-C


class SendSignal(AfterEpoch):
    """Sends this process a SIGINT, once, some time after an epoch has ended."""

    def __init__(self, epoch, delay=0.0, last=40):
        signal.signal(signal.SIGINT, signal.default_int_handler)
        super().__init__(self._after_epoch)
        self.epoch, self.last = epoch, last
        self.sender = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
        self.is_sent = False

    def _after_epoch(self, n_epochs):
        if n_epochs == self.epoch and not self.is_sent:
            self.is_sent = True
            self.sender.start()
        if n_epochs == self.last:  # not before the signal has come
            self.sender.join()


@needs_signals
@pytest.mark.parametrize(
    ("name", "depth"),
    [("RNNClassifier", {}), ("RNNRegressor", {}), ("RNNClassifier", DEEP)],
    ids=["classifier", "regressor", "deep"],
)
@in_new_process
def test_interrupted_fit_goes_on_to_the_same_bits(name, depth):
    estimator_class, y = ESTIMATORS[name]
    parameters = {"max_iter": 40, "n_iter_no_change": 40, **depth}
    expected = make(estimator_class, **parameters).fit(X, y)
    for delay in (0.0, 0.003, 0.011):
        estimator = make(estimator_class, **parameters)
        estimator.set_callbacks(SendSignal(3, delay))
        with pytest.warns(UserWarning, match="Training interrupted by user.") as record:
            estimator.fit(X, y)
        assert len(record) == 1

        n = estimator.n_iter_
        assert 3 <= n < 40
        assert estimator.loss_curve_ == expected.loss_curve_[:n]
        stopped = make(estimator_class, **parameters)
        stopped.set_callbacks(AfterEpoch(functools.partial(int.__eq__, n)))
        assert bits(estimator) == bits(stopped.fit(X, y))

        estimator.set_params(warm_start=True).fit(X, y)
        assert estimator.loss_curve_ == expected.loss_curve_
        assert bits(estimator) == bits(expected)


#: Where to interrupt: a signal is handled where a function begins, and at most lines.
PLACES = {(threads.__file__, "line"), (threading.__file__, "call")}
PLACES_OF_LIMIT = {(blas.__file__, "line"), (blas.__file__, "call")}


def interrupt_at_place(number, places=PLACES):
    """Raise KeyboardInterrupt at one of the places that this thread runs through."""
    numbers = itertools.count(1)

    def trace(frame, event, _):
        if (frame.f_code.co_filename, event) in places and next(numbers) == number:
            raise KeyboardInterrupt
        return trace

    sys.settrace(trace)


class Work:
    """What the threads do: nothing. Its memory should not outlast them."""

    def __call__(self):
        pass


def wait_until(is_so):
    """Wait until something is so, but not for ever; returns whether it is."""
    end = time.monotonic() + 10
    while not (result := is_so()) and time.monotonic() < end:
        time.sleep(0.01)
    return result


@in_new_process
def test_after_an_interrupt_anywhere_all_threads_work_on():
    threads.count_cores = lambda: 2
    n_interrupts, works = 0, weakref.WeakSet()
    for number, is_new in itertools.product(range(1, 100), (True, False)):
        if is_new:  # must start its threads first
            threads._new_crew()
        interrupt_at_place(number)
        try:
            works.add(work := Work())
            threads.run_threads(2, work)
        except KeyboardInterrupt:
            n_interrupts += 1
        finally:
            sys.settrace(None)
        del work
        barrier = threading.Barrier(2, timeout=10)  # passed by two threads at once
        threads.run_threads(2, barrier.wait)
    assert n_interrupts > 50

    def is_all_gone():
        n_threads = sum(thread.name == "skrnn" for thread in threading.enumerate())
        return n_threads == 1 and not works

    assert wait_until(is_all_gone)
