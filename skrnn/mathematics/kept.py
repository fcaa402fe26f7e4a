"""Where compiled code is kept on disk, and what of it is loaded.

That is Numba's own cache, but nothing is an error, all sources are part of the key, and
only what is this user's or root's is loaded.
"""

import os
import stat
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from numba.core import caching

from skrnn.mathematics.internals import CALLS, COMPILER, LLVM, has
from skrnn.mathematics.process import interrupts_held

if has(COMPILER):
    from skrnn.mathematics.pipelines import call_by_name

_PACKAGE = Path(__file__).parents[1]


def _hash_of_sources():
    """Of all files that have compiled code: one may call any other.

    None if they cannot be read, as in a zip: what is kept could be that of others. A
    frozen program keeps code under the hash of itself.
    """
    total, n_files = sha256(), 0
    for folder in ("backends", "mathematics"):
        for file in sorted((_PACKAGE / folder).rglob("*.py")):
            total.update(file.read_bytes())
            n_files += 1
    return total.hexdigest() if n_files or hasattr(sys, "frozen") else None


_SOURCES = _hash_of_sources()
#: How code is compiled, if not as usual.
_WAYS = tuple(has(group) for group in (COMPILER, LLVM, CALLS))
_FOR_OTHERS_TO_WRITE = stat.S_IWGRP | stat.S_IWOTH


def _is_own(status):
    """Whether a file or folder is this user's or root's; Windows does not tell."""
    return os.name == "nt" or status.st_uid in (0, os.geteuid())


def _is_closed(status):
    """Whether others may not write to it."""
    return os.name == "nt" or not status.st_mode & _FOR_OTHERS_TO_WRITE


def _is_safe_file(status):
    """Whether what is in it is this user's or root's: to load it runs its code."""
    return _is_own(status) and _is_closed(status)


def _is_safe_folder(path):
    """Whether no other user can replace a safe file in it."""
    status = os.stat(path)
    # In a sticky folder, such as /tmp, nobody replaces what is another's.
    is_sticky = status.st_mode & stat.S_ISVTX
    return _is_own(status) and (_is_closed(status) or bool(is_sticky))


def _safe(locator, *, can_write=True):
    """One of Numba's places for compiled code, unless others can write there."""

    class Safe(locator):
        def ensure_cache_path(self):
            path = self.get_cache_path()
            if can_write:
                # Numba would let others write to it where the user's files are such.
                os.makedirs(path, mode=0o755, exist_ok=True)
                super().ensure_cache_path()
            if not _is_safe_folder(path):
                raise PermissionError(path)

    return Safe


class _Place(caching.CompileResultCacheImpl):
    """Where a function is kept; Numba takes the first place that will do."""

    _locator_classes = (
        _safe(caching.UserProvidedCacheLocator),
        # Where it can only be read, as in a container's image.
        _safe(caching.UserProvidedCacheLocator, can_write=False),
        _safe(caching.InTreeCacheLocator),
        _safe(caching.UserWideCacheLocator),
    )


class Cache(caching.FunctionCache):
    """What cannot be loaded is compiled, what cannot be saved is let be."""

    _impl_class = _Place

    def __init__(self, function):
        if _SOURCES is None:
            raise RuntimeError("compiled code could not be told from that of others")
        super().__init__(function)

    def load_overload(self, sig, target_context):
        try:
            with interrupts_held():
                if not self._is_safe():
                    return None
                found = super().load_overload(sig, target_context)
        except Exception:
            # A damaged file is replaced when that is saved which is compiled instead;
            # and where there was no memory to load it, nothing is wrong with it.
            return None
        # Two processes that save at once may give the same name to two files.
        if found is not None and tuple(found.signature.args) != tuple(sig):
            return None
        return found

    def save_overload(self, sig, data):
        with suppress(Exception), interrupts_held():
            self._impl.locator.ensure_cache_path()
            if self._is_safe():
                self._mend_index()
                super().save_overload(sig, data)
                self._close_files()

    def _files(self):
        """What is kept of this function; no links are followed."""
        with os.scandir(self.cache_path) as entries:
            name = f"{self._impl.filename_base}."
            files = [entry.path for entry in entries if entry.name.startswith(name)]
        return [(file, os.lstat(file)) for file in files]

    def _is_safe(self):
        """Whether all that would be read is this user's or root's alone."""
        files = self._files()
        return _is_safe_folder(self.cache_path) and all(
            _is_safe_file(status) for _, status in files
        )

    def _mend_index(self):
        """Start anew if the index is damaged: to save, Numba reads it first."""
        try:
            self._cache_file._load_index()
        except (OSError, MemoryError):
            raise
        except Exception:
            self.flush()

    def _close_files(self):
        """Let others not write to them, where the user's new files are such."""
        for file, status in self._files():
            if not _is_safe_file(status):
                os.chmod(file, status.st_mode & ~_FOR_OTHERS_TO_WRITE & 0o777)

    def _index_key(self, sig, codegen):
        return *super()._index_key(sig, codegen), _SOURCES, _WAYS


class UnitCache(Cache):
    """Of a unit, whose machine code is called by its name."""

    def load_overload(self, sig, target_context):
        found = super().load_overload(sig, target_context)
        if found is not None and has(COMPILER):
            call_by_name(found.library, found.fndesc, self._py_func, tuple(sig))
        return found
