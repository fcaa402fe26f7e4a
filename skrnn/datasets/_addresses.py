"""The addresses data set: sequences of words, a label for every word."""

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

_SUBSETS = {"train": slice(0, 1201), "test": slice(1201, None), "all": slice(None)}


Subset = Literal["train", "test", "all"]
Pair = tuple[list[NDArray[np.object_]], list[NDArray[np.str_]]]


@overload
def load_addresses(
    *, subset: Subset = "train", return_X_y: Literal[False] = False
) -> Bunch: ...
@overload
def load_addresses(*, subset: Subset = "train", return_X_y: Literal[True]) -> Pair: ...
@validate_params(
    {"subset": [StrOptions(set(_SUBSETS))], "return_X_y": ["boolean"]},
    prefer_skip_nested_validation=True,
)
def load_addresses(
    *, subset: Subset = "train", return_X_y: bool = False
) -> Bunch | Pair:
    """Load the addresses data set (classification of every word).

    The task is to tell for each word of an address of the United States what it is:
    the number of the house, the name of the street, the place, and so on.

    =================   ==========================
    Classes                                     29
    Sequences            1,201 (train), 287 (test)
    Words                8,475 (train), 2,079 (test)
    Words a sequence                       1 to 19
    =================   ==========================

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The part of the data to load. No address of the one part is in the other. With
        "all", the training addresses come first.
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes:

        data : list of ndarray of shape (n_words_i,)
            The words of each address, str objects, with their punctuation, in an order
            of addresses without meaning.
        target : list of ndarray of shape (n_words_i,)
            The label of each word, such as "StreetName".
        target_names : ndarray of shape (29,)
            The labels, sorted.
        DESCR : str
            The full description of the data set, with source and licence.

    (data, target) : tuple if ``return_X_y`` is True
        The `data` and `target` described above.

    Notes
    -----
    The addresses are training data of usaddress, a package that takes addresses apart,
    under the MIT licence; DESCR has its text.

    Examples
    --------
    >>> from skrnn.datasets import load_addresses
    >>> X, y = load_addresses(return_X_y=True)
    >>> len(X)
    1201
    >>> for word, label in zip(X[0], y[0]):
    ...     print(word, label)
    department SubaddressType
    1480 SubaddressIdentifier
    po USPSBoxType
    box USPSBoxType
    4110 USPSBoxID
    woburn PlaceName
    ma StateName
    01888 ZipCode
    """
    # A line has the words of an address, and behind a tab as many labels.
    text = gzip.decompress((_DATA / "addresses.tsv.gz").read_bytes()).decode("utf-8")
    lines = [line.split("\t") for line in text.splitlines()]
    # An order that any computer finds again, and that mixes the kinds of addresses.
    lines.sort(key=lambda line: crc32(line[0].encode("utf-8")))
    X = [np.array(words.split(" "), object) for words, _ in lines]
    y = [np.array(labels.split(" ")) for _, labels in lines]
    names = np.unique(np.concatenate(y))
    X, y = X[_SUBSETS[subset]], y[_SUBSETS[subset]]
    if return_X_y:
        return X, y
    return Bunch(
        data=X,
        target=y,
        target_names=names,
        DESCR=(_DATA / "addresses.rst").read_text(encoding="utf-8"),
    )
