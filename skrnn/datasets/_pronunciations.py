"""The pronunciations data set: words, and the phonemes of each."""

from __future__ import annotations

import gzip
from importlib import resources
from typing import Literal, overload
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from skrnn.compat import StrOptions, validate_params

_DATA = resources.files("skrnn.datasets") / "data"

_SUBSETS = {"train": slice(0, 16009), "test": slice(16009, None), "all": slice(None)}


Subset = Literal["train", "test", "all"]
Pair = tuple[NDArray[np.object_], list[list[str]]]


@overload
def load_pronunciations(
    *, subset: Subset = "train", return_X_y: Literal[False] = False
) -> Bunch: ...
@overload
def load_pronunciations(
    *, subset: Subset = "train", return_X_y: Literal[True]
) -> Pair: ...
@validate_params(
    {"subset": [StrOptions(set(_SUBSETS))], "return_X_y": ["boolean"]},
    prefer_skip_nested_validation=True,
)
def load_pronunciations(
    *, subset: Subset = "train", return_X_y: bool = False
) -> Bunch | Pair:
    """Load the pronunciations data set (from letters to sounds).

    The task is to tell how an English word is said: its letters are one sequence, its
    phonemes another, with neither as many of them nor one for each.

    =================   =============================
    Words               16,009 (train), 3,991 (test)
    Letters                          1 to 20 a word
    Phonemes            1 to 17 a word, 39 different
    =================   =============================

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The part of the data to load. No word of the one part begins with the same five
        letters as one of the other. With "all", the training words come first.
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes:

        data : ndarray of shape (n_words,)
            The words, str objects of the letters a to z and apostrophes. Words with the
            same first five letters are neighbours; else their order has no meaning.
        target : list of n_words lists of str
            The phonemes of each word, such as ``["W", "ER", "D"]``, without stress.
        target_names : ndarray of shape (39,)
            The phonemes, sorted.
        DESCR : str
            The full description of the data set, with source and licence.

    (data, target) : tuple if ``return_X_y`` is True
        The `data` and `target` described above.

    Notes
    -----
    The words are a random sample, drawn with a seed, of the 124,926 words of the CMU
    Pronouncing Dictionary that have no other characters, so they stand for the whole
    of it, names included. Of several pronunciations the first one is kept. The
    dictionary is under the BSD 2-clause licence; DESCR has its text.

    Inflections of a word ("walk", "walked", "walking") are said alike. In a random
    split, a third of the test words would share their first five letters with a
    training word to copy from; hence the parts, which keep such words together. To do
    the same in cross-validation, take the first five letters as the groups of
    :class:`~sklearn.model_selection.GroupKFold`.

    Examples
    --------
    >>> from skrnn.datasets import load_pronunciations
    >>> X, y = load_pronunciations(return_X_y=True)
    >>> X.shape
    (16009,)
    >>> for word, phonemes in zip(X[:3], y[:3]):
    ...     print(word, *phonemes)
    describes D IH S K R AY B Z
    descriptions D IH S K R IH P SH AH N Z
    shinall SH IH N AH L
    """
    # Each word on a line, then, behind an empty line, the phonemes of each.
    text = gzip.decompress((_DATA / "pronunciations.txt.gz").read_bytes())
    words, sounds = (part.split("\n") for part in text.decode("ascii").split("\n\n"))
    # An order that any computer finds again, and that mixes all but words with the same
    # beginning, which stand together, and so does each part.
    pairs = sorted(
        zip(words, sounds, strict=True),
        key=lambda pair: (crc32(pair[0][:5].encode("ascii")), pair),
    )[_SUBSETS[subset]]
    X = np.array([word for word, _ in pairs], object)
    y = [sound.split(" ") for _, sound in pairs]
    if return_X_y:
        return X, y
    return Bunch(
        data=X,
        target=y,
        target_names=np.array(sorted({*" ".join(sounds).split(" ")})),
        DESCR=(_DATA / "pronunciations.rst").read_text(encoding="utf-8"),
    )
