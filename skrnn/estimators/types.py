"""Types that several of the estimators' methods return."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: One array; or what it says in words: a list with ``return_sequences=True`` or several
#: label columns, a DataFrame by `set_output`. "Any" stands for these, as in typeshed,
#: so that the usual case needs no check of its type at every use.
Results = NDArray[Any] | Any

#: As `get_weights` returns them.
Weights = dict[str, NDArray[np.floating[Any]]]
