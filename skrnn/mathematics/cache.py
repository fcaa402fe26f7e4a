"""Compiled functions that are kept on disk, where that is possible.

With Numba's own ``cache=True``, a function cannot even be defined where no folder can
be written, a damaged file or a full disk is an error in every call, and a function is
loaded although others that it calls have changed. Here a cache saves time or does
nothing.
"""

from contextlib import suppress

from numba import config, njit

from skrnn.mathematics.compilation import ENTRY, UNIT
from skrnn.mathematics.internals import CACHE, has

if has(CACHE):
    from skrnn.mathematics.kept import Cache, UnitCache


def _decorator(options, *, is_unit):
    def decorate(function):
        compiled = njit(**options)(function)
        if not config.DISABLE_JIT and has(CACHE):
            with suppress(RuntimeError):  # nothing can be written: not kept
                compiled._cache = (UnitCache if is_unit else Cache)(function)
        return compiled

    return decorate


def cached_njit(**options):
    """As `numba.njit` with ``cache=True``, but no failure of the cache is an error."""
    return _decorator({**options, **ENTRY}, is_unit=False)


def cached_unit(**options):
    """The same for a unit."""
    return _decorator({**options, **UNIT}, is_unit=True)
