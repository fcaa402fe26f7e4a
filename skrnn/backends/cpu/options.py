"""Options of the compiled functions, chosen for the time that compiling takes.

Entry points are called from Python, and kept on disk (`cached_njit`). The others are
only parts of entry points: no Python wrapper and no file of their own. Each level of
calls would be compiled once by itself and again as a part of its caller, so a function
with one caller is merged into it. Measured on the first fit of a GRU: 9.7 s with
everything an entry point, 7.4 s so (with one more process busy).
"""

ENTRY = {"nogil": True, "error_model": "numpy"}
INNER = {
    "nogil": True,
    "error_model": "numpy",
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}
MERGED = {**INNER, "inline": "always"}
