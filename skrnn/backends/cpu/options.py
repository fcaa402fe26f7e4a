"""Options of the compiled functions.

Entry points are called from Python. The others are only called by compiled code, so no
Python wrapper is compiled for them, a third of their compile time.
"""

ENTRY = {"nogil": True, "cache": True, "error_model": "numpy"}
INNER = {**ENTRY, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
# Every level of calls is optimised again as a part of its caller; a function with one
# caller can be merged into it instead.
INLINE = {**INNER, "inline": "always"}
