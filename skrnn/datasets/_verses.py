"""The verses data set: sentences in Spanish and in English."""

from __future__ import annotations

import bz2
from importlib import resources
from typing import Literal, overload

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from skrnn.compat import StrOptions, validate_params

_DATA = resources.files("skrnn.datasets") / "data"

_SUBSETS = {"train": slice(0, 17271), "test": slice(17271, None), "all": slice(None)}


Subset = Literal["train", "test", "all"]
Texts = NDArray[np.object_]


@overload
def load_verses(
    *, subset: Subset = "train", return_X_y: Literal[False] = False
) -> Bunch: ...
@overload
def load_verses(
    *, subset: Subset = "train", return_X_y: Literal[True]
) -> tuple[Texts, Texts]: ...
@validate_params(
    {"subset": [StrOptions(set(_SUBSETS))], "return_X_y": ["boolean"]},
    prefer_skip_nested_validation=True,
)
def load_verses(
    *, subset: Subset = "train", return_X_y: bool = False
) -> Bunch | tuple[Texts, Texts]:
    r"""Load the verses data set (translation).

    The task is to translate a verse of the Bible from Spanish into English.

    =================   =============================
    Verses              17,271 (train), 845 (test)
    Words                             2 to 25 a verse
    Chapters            1,125 (train), 60 (test)
    =================   =============================

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The part of the data to load. No chapter has verses in both. With "all", the
        training verses come first.
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes:

        data : ndarray of shape (n_verses,)
            The verses in Spanish, str objects.
        target : ndarray of shape (n_verses,)
            The same in English.
        groups : ndarray of shape (n_verses,)
            The chapter of each, such as "Genesis 1": the groups of
            :class:`~sklearn.model_selection.GroupKFold`.
        DESCR : str
            The full description of the data set, with source and licence.

    (data, target) : tuple if ``return_X_y`` is True
        The `data` and `target` described above.

    Notes
    -----
    All verses that have at most 25 words in both languages. Neighbours continue each
    other, and some books tell the same; ten short verses of the test part are in the
    training part word by word. The English is of today, the Spanish of 1909.

    Examples
    --------
    >>> from skrnn.datasets import load_verses
    >>> X, y = load_verses(subset="test", return_X_y=True)
    >>> X.shape
    (845,)
    >>> print(X[1], y[1], sep="\n")
    Y dijo Dios: Sea la luz: y fué la luz.
    God said, “Let there be light,” and there was light.
    """
    # A verse on a line: all chapters, then all Spanish, then all English.
    text = bz2.decompress((_DATA / "verses.txt.bz2").read_bytes()).decode("utf-8")
    groups, X, y = (
        np.array(part.split("\n"), object)[_SUBSETS[subset]]
        for part in text.split("\n\n")
    )
    if return_X_y:
        return X, y
    return Bunch(
        data=X,
        target=y,
        groups=groups,
        DESCR=(_DATA / "verses.rst").read_text(encoding="utf-8"),
    )
