"""The spoken characters data set: sound waves of digits and letters."""

from __future__ import annotations

from importlib import resources
from string import ascii_uppercase, digits
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from skrnn.compat import validate_params

_DATA = resources.files("skrnn.datasets") / "data"

Pair = tuple[list[NDArray[np.float32]], NDArray[np.str_]]


@overload
def load_spoken_characters(*, return_X_y: Literal[False] = False) -> Bunch: ...
@overload
def load_spoken_characters(*, return_X_y: Literal[True]) -> Pair: ...
@validate_params({"return_X_y": ["boolean"]}, prefer_skip_nested_validation=True)
def load_spoken_characters(*, return_X_y: bool = False) -> Bunch | Pair:
    """Load the spoken characters data set (speech to text).

    Recordings of somebody who says the digits and the letters in English, one clip for
    each. Joined into strings, with pauses and noise of one's own, they are speech
    whose text is known.

    =================   ====================================
    Clips                                                 36
    Samples             1,807 to 6,421 a clip, 8,000 a second
    =================   ====================================

    Parameters
    ----------
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes:

        data : list of 36 ndarrays of shape (n_samples_i,)
            The sound wave of each clip, between -1 and 1, in float32.
        target : ndarray of shape (36,)
            The character of each clip, "0" to "9" and then "A" to "Z".
        sample_rate : int
            The number of samples in a second: 8000.
        DESCR : str
            The full description of the data set, with source and licence.

    (data, target) : tuple if ``return_X_y`` is True
        The `data` and `target` described above.

    Notes
    -----
    The clips are those that captcha, a package that asks whether somebody is human,
    reads out, under the BSD 3-clause licence; DESCR has its text. Their 8 bits a
    sample are kept, so nothing is lost.

    Examples
    --------
    >>> from skrnn.datasets import load_spoken_characters
    >>> spoken = load_spoken_characters()
    >>> for character, clip in zip(spoken.target[8:12], spoken.data[8:12]):
    ...     print(character, f"{len(clip) / spoken.sample_rate:.2f} s")
    8 0.23 s
    9 0.29 s
    A 0.57 s
    B 0.62 s
    """
    with (_DATA / "spoken_characters.npz").open("rb") as file, np.load(file) as arrays:
        # The recordings' bytes, of which 128 is silence.
        waves = (arrays["samples"].astype(np.float32) - 128) / 128
        ends = np.cumsum(arrays["lengths"], dtype=np.int64)
    X = np.split(waves, ends[:-1])
    y = np.array(list(digits + ascii_uppercase))
    if return_X_y:
        return X, y
    return Bunch(
        data=X,
        target=y,
        sample_rate=8000,
        DESCR=(_DATA / "spoken_characters.rst").read_text(encoding="utf-8"),
    )
