"""Compiled functions that are kept on disk, where that is possible.

With Numba's own ``cache=True``, a function cannot even be defined where no folder can
be written, a damaged file or a full disk is an error in every call, and a function is
loaded although others that it calls have changed. Here a cache saves time or does
nothing.
"""

from contextlib import suppress

from numba import config, njit

from skrnn.mathematics.compilation import ENTRY
from skrnn.mathematics.internals import CACHE, has

if has(CACHE):
    from skrnn.mathematics.kept import Cache


def cached_njit(**options):
    """As `numba.njit` with ``cache=True``, but no failure of the cache is an error."""

    def decorate(function):
        compiled = njit(**ENTRY, **options)(function)
        if not config.DISABLE_JIT and has(CACHE):
            with suppress(RuntimeError):  # nothing can be written: not kept
                compiled._cache = Cache(function)
        return compiled

    return decorate
