"""How functions are compiled: entry points, which Python calls, units and parts.

Numba optimises every compiled function and translates it to machine code as if it
were called from Python, and then once more as a part of each function that calls it.
A *part* has its types inferred, is lowered to LLVM's language and simplified, no more:
optimised and translated is the entry point, as a whole.

A *unit* is a large part of several entry points. It is optimised and translated by
itself, once for each types of arguments, and kept on disk as an entry point is; its
callers call its machine code. Where one entry point is compiled already, the next takes
half the time or less. A call takes some nanoseconds, and nothing of it is inlined.

Where Numba's inside is not as `internals` expects it, all are plain `njit`.
"""

from numba import njit

from skrnn.mathematics.internals import COMPILER, has

#: Options of an entry point.
ENTRY = {}
#: Options of a unit.
UNIT = {}
#: Options of a part; a target other than the CPU compiles it in its own way.
PART = {}
_INLINE = {}

if has(COMPILER):
    from skrnn.mathematics.pipelines import EntryCompiler, PartCompiler, UnitCompiler

    ENTRY = {"no_cfunc_wrapper": True, "pipeline_class": EntryCompiler}
    PART = {
        "no_cpython_wrapper": True,
        "no_cfunc_wrapper": True,
        "pipeline_class": PartCompiler,
    }
    UNIT = {**PART, "pipeline_class": UnitCompiler}
    _INLINE = {"forceinline": True}

#: Decorates the formula of one number, or of a few, in a loop of its caller: only where
#: it is inlined is that loop vectorised.
formula = njit(**_INLINE, **PART)
