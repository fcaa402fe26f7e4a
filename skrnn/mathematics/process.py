"""What compiling leaves alone in its process: Ctrl-C, forks, search for garbage."""

import gc
import os
import signal
import threading
from contextlib import contextmanager

from skrnn.mathematics.internals import COMPILER, has


@contextmanager
def interrupts_held():
    """Let Ctrl-C wait until the end.

    LLVM calls Python to hand over what it has compiled. An exception there is lost, and
    so is the compiled code, which later calls look for.
    """
    handler = signal.getsignal(signal.SIGINT)
    in_main = threading.current_thread() is threading.main_thread()
    if not (in_main and callable(handler)):
        yield
        return
    held = []
    try:
        signal.signal(signal.SIGINT, lambda *call: held.append(call))
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if held:
            handler(*held[0])


@contextmanager
def garbage_left():
    """Do not search for garbage in this time."""
    # Numba lets one thread compile at a time, and a fork waits for it.
    if not gc.isenabled():
        yield
        return
    try:
        gc.disable()
        yield
    finally:
        gc.enable()


if hasattr(os, "register_at_fork") and has(COMPILER):
    from numba.core.compiler_lock import global_compiler_lock

    # The thread that compiles does not survive a fork: its child would wait for Numba's
    # lock for ever, and never search for garbage.
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )
