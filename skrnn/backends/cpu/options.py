"""Options of the compiled functions, chosen for the time that compiling takes.

Entry points are called from Python, and kept on disk (`cached_njit`). The others are
only parts of entry points: no Python wrapper, no file and no machine code of their own.
"""

from skrnn.backends.cpu.parts import PartCompiler

ENTRY = {"nogil": True, "error_model": "numpy"}
INNER = {
    "nogil": True,
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "pipeline_class": PartCompiler,
}
