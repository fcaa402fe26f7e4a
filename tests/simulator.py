"""What the tests change of Numba's CUDA simulator.

The threads of a block take turns: each runs until it waits for the others or has ended,
then the next one does; from the first on in one block, from the last on in the next. So
a barrier that is missing fails in one of two blocks, and not only where two threads
happen to run at once. The simulator itself asks all threads over and over
whether they wait: that was six sevenths of the time of all tests.
"""

import sys
import threading
from collections import deque

import numpy as np
from numba.cuda.simulator import kernel, kernelapi

_one_at_a_time = threading.Lock()
_idle = []


def install():
    """Make these changes."""
    # It gives two threads that ask at once an array of shared memory each, and all
    # blocks the same one.
    kernelapi.FakeCUDAShared.array = give_shared_array
    kernel.BlockManager = Turns


def give_shared_array(shared, shape, dtype):
    """The same array to all threads of a block that ask on the same line.

    Filled with NaN, so that nobody can rely on what is in it.
    """
    frame = sys._getframe(1)
    block = tuple(threading.current_thread().blockIdx)
    dtype = np.dtype(dtype.name)
    if shape == 0:  # all memory that the launch asked for
        shape = shared._dynshared_size // dtype.itemsize
    with _one_at_a_time:
        key = block, frame.f_code, frame.f_lineno
        return shared._allocations.setdefault(key, np.full(shape, np.nan, dtype))


class Aborted(Exception):
    """Another thread of the block has failed."""


class Worker(threading.Thread):
    """Is one thread of a block after the other, for all blocks that there will be."""

    def __init__(self):
        super().__init__(daemon=True)
        self.turn = threading.Lock()
        self.turn.acquire()
        self.start()

    def run(self):
        while True:
            self.turn.acquire()
            self.manager.work(self)

    def syncthreads(self):
        self.manager.wait(self)


class Turns(kernel.BlockManager):
    """Runs a block."""

    n_runs = 0

    def run(self, grid_point, *args):
        self.grid_point, self.args, self.error = grid_point, args, None
        points = list(np.ndindex(*self._block_dim))
        Turns.n_runs += 1
        self.to_start = deque(points if Turns.n_runs % 2 else reversed(points))
        self.now, self.waiting = deque(), deque()  # of this round, and of the next one
        self.ended = threading.Lock()
        self.ended.acquire()
        self.pass_on()
        self.ended.acquire()
        if self.error is not None:
            raise self.error

    def pass_on(self):
        """Let the next one run."""
        if not self.now and not self.to_start:
            self.now, self.waiting = self.waiting, self.now
        if self.to_start:
            worker = _idle.pop() if _idle else Worker()
            worker.manager = self
            worker.turn.release()
        elif self.now:
            self.now.popleft().turn.release()
        else:
            self.ended.release()

    def work(self, worker):
        """Be threads that have not started, as long as none of them waits."""
        while self.to_start:
            point = self.to_start.popleft()
            worker.blockIdx = kernel.Dim3(*self.grid_point)
            worker.threadIdx = x, y, z = kernel.Dim3(*point)
            n_x, n_y, _ = self._block_dim
            worker.thread_id = x + n_x * (y + n_y * z)
            try:
                self._f(*self.args)
            except Aborted:
                pass
            except BaseException as error:
                self.error = error
                self.to_start.clear()
        _idle.append(worker)
        self.pass_on()

    def wait(self, worker):
        """Until all threads that have not ended wait."""
        self.waiting.append(worker)
        self.pass_on()
        worker.turn.acquire()
        if self.error is not None:
            raise Aborted
