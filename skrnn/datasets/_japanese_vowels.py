"""The Japanese vowels data set: short utterances of unequal length."""

from __future__ import annotations

from importlib import resources
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from skrnn.compat import StrOptions, validate_params

_DATA = resources.files("skrnn.datasets") / "data"

# The file holds the training utterances first.
_SUBSETS = {"train": slice(0, 270), "test": slice(270, 640), "all": slice(0, 640)}


Subset = Literal["train", "test", "all"]
Pair = tuple[list[NDArray[np.float64]], NDArray[np.int64]]


@overload
def load_japanese_vowels(
    *, subset: Subset = "train", return_X_y: Literal[False] = False
) -> Bunch: ...
@overload
def load_japanese_vowels(
    *, subset: Subset = "train", return_X_y: Literal[True]
) -> Pair: ...
@validate_params(
    {"subset": [StrOptions(set(_SUBSETS))], "return_X_y": ["boolean"]},
    prefer_skip_nested_validation=True,
)
def load_japanese_vowels(
    *, subset: Subset = "train", return_X_y: bool = False
) -> Bunch | Pair:
    """Load the Japanese vowels data set (classification).

    Nine male speakers uttered two Japanese vowels; the task is to tell who
    speaks. Each utterance is a sequence of 7 to 29 frames of 12 LPC cepstrum
    coefficients.

    =================   ============================
    Classes                                        9
    Sequences            270 (train), 370 (test)
    Time steps           7 to 29 a sequence
    Features                                      12
    =================   ============================

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The part of the data to load, by the split its authors made: the test
        utterances were recorded on other occasions than the training ones.
        With "all", the training utterances come first.
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes:

        data : list of n_sequences ndarrays of shape (n_timesteps_i, 12)
            The utterances, in float64.
        target : ndarray of shape (n_sequences,)
            The speaker of each utterance, an integer from 1 to 9.
        target_names : ndarray of shape (9,)
            The names of the classes, in the sorted order of their labels:
            ``target_names[k]`` names the speaker labelled ``k + 1``.
        feature_names : list of 12 str
            The names of the coefficients.
        DESCR : str
            The full description of the data set, with source and licence.

    (data, target) : tuple if ``return_X_y`` is True
        The `data` and `target` described above.

    Notes
    -----
    The data come from the UCI Machine Learning Repository [1]_ under the
    licence CC BY 4.0 and were first used in [2]_.

    References
    ----------
    .. [1] M. Kudo, J. Toyama and M. Shimbo (1999). "Japanese Vowels". UCI
       Machine Learning Repository. :doi:`10.24432/C5NS47`.
    .. [2] M. Kudo, J. Toyama and M. Shimbo (1999). "Multidimensional curve
       classification using passing-through regions". Pattern Recognition
       Letters 20(11-13), 1103-1111.

    Examples
    --------
    >>> from skrnn.datasets import load_japanese_vowels
    >>> vowels = load_japanese_vowels()
    >>> len(vowels.data)
    270
    >>> [utterance.shape for utterance in vowels.data[:3]]
    [(20, 12), (26, 12), (22, 12)]
    >>> X_test, y_test = load_japanese_vowels(subset="test", return_X_y=True)
    >>> len(X_test), y_test.min(), y_test.max()
    (370, np.int64(1), np.int64(9))
    """
    with (_DATA / "japanese_vowels.npz").open("rb") as file, np.load(file) as arrays:
        # The original has six decimals, so whole millionths hold it exactly in
        # half the bytes, and one correctly rounded division gives it back.
        values = arrays["values"] / 1e6
        ends = np.cumsum(arrays["lengths"])
        speakers = arrays["speaker"]

    X = np.split(values, ends[:-1])[_SUBSETS[subset]]
    y = speakers[_SUBSETS[subset]]
    if return_X_y:
        return X, y
    return Bunch(
        data=X,
        target=y,
        target_names=np.array([f"speaker {i}" for i in range(1, 10)]),
        feature_names=[f"cepstrum {i}" for i in range(1, 13)],
        DESCR=(_DATA / "japanese_vowels.rst").read_text(encoding="utf-8"),
    )
