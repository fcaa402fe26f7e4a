"""The surnames data set: short texts, one label each."""

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

_SUBSETS = {"train": slice(0, 13679), "test": slice(13679, None), "all": slice(None)}


Subset = Literal["train", "test", "all"]
Pair = tuple[NDArray[np.object_], NDArray[np.str_]]


@overload
def load_surnames(
    *, subset: Subset = "train", return_X_y: Literal[False] = False
) -> Bunch: ...
@overload
def load_surnames(*, subset: Subset = "train", return_X_y: Literal[True]) -> Pair: ...
@validate_params(
    {"subset": [StrOptions(set(_SUBSETS))], "return_X_y": ["boolean"]},
    prefer_skip_nested_validation=True,
)
def load_surnames(
    *, subset: Subset = "train", return_X_y: bool = False
) -> Bunch | Pair:
    """Load the surnames data set (classification).

    The task is to tell from a surname, character by character, the language that it
    comes from. Some names belong to several languages.

    =================   =============================
    Classes                                        21
    Sequences            13,679 (train), 3,392 (test)
    Characters                       2 to 40 a name
    =================   =============================

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The part of the data to load. No name of the one part is in the other. With
        "all", the training names come first.
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes:

        data : ndarray of shape (n_sequences,)
            The names, str objects, in an order without meaning.
        target : ndarray of shape (n_sequences,)
            The language of each name, such as "Czech".
        target_names : ndarray of shape (21,)
            The languages, sorted.
        DESCR : str
            The full description of the data set, with source and licence.

    (data, target) : tuple if ``return_X_y`` is True
        The `data` and `target` described above.

    Notes
    -----
    The names are those of Faker, a package that makes data for tests, under the MIT
    licence; DESCR has its text.

    Examples
    --------
    >>> from skrnn.datasets import load_surnames
    >>> X, y = load_surnames(return_X_y=True)
    >>> X.shape
    (13679,)
    >>> for name, language in zip(X[:3], y[:3]):
    ...     print(name, language)
    Étienne French
    Armstrong English
    Ó Somacháin Irish
    """
    # A line has a language and its names.
    text = gzip.decompress((_DATA / "surnames.tsv.gz").read_bytes()).decode("utf-8")
    lines = [line.split("\t") for line in text.splitlines()]
    pairs = [(name, language) for language, *names in lines for name in names]
    # An order that any computer finds again, and that mixes names and languages. All
    # that have one name stand together, and so does each part.
    pairs.sort(key=lambda pair: (crc32(pair[0].encode("utf-8")), pair))
    X, y = (np.array(column, object) for column in zip(*pairs, strict=True))
    X, y = X[_SUBSETS[subset]], y[_SUBSETS[subset]].astype(str)
    if return_X_y:
        return X, y
    return Bunch(
        data=X,
        target=y,
        target_names=np.array([language for language, *_ in lines]),
        DESCR=(_DATA / "surnames.rst").read_text(encoding="utf-8"),
    )
