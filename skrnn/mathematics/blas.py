"""BLAS with one thread, where the bits of a result may depend on how many there are."""

import os
import threading
from functools import lru_cache, wraps

import scipy.linalg  # noqa: F401 - it may have a BLAS of its own, beside NumPy's
from threadpoolctl import ThreadpoolController

# The number of threads is mostly the whole process's. Who needs one, in any thread; and
# each library with the number that it had before the first of them.
_users, _before = set(), []
_lock = threading.RLock()  # garbage that is found meanwhile may leave as well


@lru_cache
def _libraries():
    """Those with a number of the process, and those where each thread has its own."""
    # To look for them takes 10 ms.
    libraries = ThreadpoolController().select(user_api="blas").lib_controllers
    kinds = [], []
    for blas in libraries:
        kinds[getattr(blas, "threading_layer", None) == "openmp"].append(blas)
    return kinds


def _numbers(libraries):
    return [(blas, blas.get_num_threads()) for blas in libraries]


def _set(blas, n_threads):
    # From threadpoolctl 3.8 on, one thread alone may set OpenBLAS's number; the others'
    # calls do nothing. Here one is as good as the other, since the last gives it back.
    release = getattr(blas, "clear_controlling_thread", lambda force: None)
    release(force=True)
    blas.set_num_threads(n_threads)
    release(force=True)


class OneBlasThread:
    """A block in which BLAS has one thread; the last to leave gives all back.

    A limit of each one's own would not do: of two threads, the second would take the
    first one's limit for the caller's, and leave it.
    """

    def __init__(self):
        self.before = []  # of the libraries where each thread has its own number

    def __enter__(self):
        try:
            self._enter()
            return self
        except BaseException:  # Ctrl-C
            self._leave()
            raise

    def __exit__(self, *_):
        try:
            self._leave()
        except BaseException:
            self._leave()
            raise

    def __del__(self):
        # Where Ctrl-C struck before the exit began.
        if id(self) in _users:
            self._leave()

    def lifted(self, function):
        """A function that the block may call, but which runs as if outside of it."""

        @wraps(function)
        def run(*arguments, **options):
            self._leave()
            try:
                return function(*arguments, **options)
            finally:
                self._enter()

        return run

    def _enter(self):
        shared, own = _libraries()
        with _lock:
            if not _users:
                _before[:] = _numbers(shared)
            _users.add(id(self))
            self.before = _numbers(own)
            for blas in (*shared, *own):
                _set(blas, 1)

    def _leave(self):
        with _lock:
            _users.discard(id(self))
            _give_back(self.before)
            if not _users:
                _give_back(_before)


def _give_back(numbers):
    for blas, n_threads in numbers:
        _set(blas, n_threads)
    numbers.clear()


def _give_back_in_child():
    # The other threads, and what they needed, are gone.
    _users.clear()
    _give_back(_before)
    _lock.release()


if hasattr(os, "register_at_fork"):
    # No child starts with the lock taken, or with the limit.
    os.register_at_fork(
        before=_lock.acquire,
        after_in_parent=_lock.release,
        after_in_child=_give_back_in_child,
    )
