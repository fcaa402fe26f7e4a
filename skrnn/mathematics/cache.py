"""Compiled functions that are kept on disk, where that is possible.

With Numba's own ``cache=True``, a function cannot even be defined where no folder can
be written, a damaged file or a full disk is an error in every call, and a function is
loaded although others that it calls have changed. Here a cache saves time or does
nothing.
"""

from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from numba import config, njit
from numba.core.caching import CompileResultCacheImpl, FunctionCache

from skrnn.mathematics.compilation import EntryCompiler

_PACKAGE = Path(__file__).parents[1]


def _hash_of_sources():
    """Of all files that have compiled code: one may call any other."""
    total = sha256()
    for folder in ("backends", "mathematics"):
        for file in sorted((_PACKAGE / folder).rglob("*.py")):
            total.update(file.read_bytes())
    return total.hexdigest()


_SOURCES = _hash_of_sources()


class _ReadOnly(CompileResultCacheImpl._locator_classes[0]):
    """NUMBA_CACHE_DIR where it can only be read, as in a container's image."""

    def ensure_cache_path(self):
        if not Path(self.get_cache_path()).is_dir():
            raise FileNotFoundError(self.get_cache_path())


class _Place(CompileResultCacheImpl):
    """Where a function is kept; Numba takes the first place that will do."""

    _locator_classes = list(CompileResultCacheImpl._locator_classes)
    _locator_classes.insert(1, _ReadOnly)


class _Cache(FunctionCache):
    """What cannot be loaded is compiled, what cannot be saved is let be."""

    _impl_class = _Place

    def load_overload(self, sig, target_context):
        try:
            found = super().load_overload(sig, target_context)
        except OSError:
            return None
        except Exception:  # whatever comes of reading a damaged file
            self._forget()
            return None
        # Two processes that save at once may give the same name to two files.
        if found is not None and tuple(found.signature.args) != tuple(sig):
            self._forget()
            return None
        return found

    def save_overload(self, sig, data):
        with suppress(OSError):
            super().save_overload(sig, data)

    def _forget(self):
        """Start anew: to save, Numba would first read what is there."""
        with suppress(OSError):
            self.flush()

    def _index_key(self, sig, codegen):
        return *super()._index_key(sig, codegen), _SOURCES


def cached_njit(**options):
    """As `numba.njit` with ``cache=True``, but no failure of the cache is an error."""

    def decorate(function):
        compiled = njit(pipeline_class=EntryCompiler, **options)(function)
        if not config.DISABLE_JIT:
            with suppress(RuntimeError):  # nothing can be written: not kept
                compiled._cache = _Cache(function)
        return compiled

    return decorate
