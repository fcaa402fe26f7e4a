"""Options of the compiled functions.

Entry points are called from Python, and kept on disk (`cached_njit`). The others are
only parts of entry points: no Python wrapper, no file and no machine code of their own,
which saves time to compile.

A part counts no references, unless it makes arrays or returns them (`OWNING`): Numba
counts those of each array at each call and slice, which took two thirds of the time of
a single sequence.
"""

from skrnn.mathematics.compilation import PART
from skrnn.mathematics.internals import COMPILER, LLVM, has

ENTRY = {"nogil": True, "error_model": "numpy"}
OWNING = INNER = {**ENTRY, **PART}
if has(COMPILER):
    OWNING = {**OWNING, "_nrt": True}  # else what a part without calls would have none
    INNER = {**OWNING, "_nrt": not has(LLVM)}  # without it, the tile makes arrays
