"""Alice's Adventures in Wonderland: one long text."""

from __future__ import annotations

import gzip
from importlib import resources
from typing import Literal

from sklearn.utils import Bunch

from skrnn.compat import StrOptions, validate_params

_DATA = resources.files("skrnn.datasets") / "data"

# Characters. The last tenth is the test part.
_SUBSETS = {"train": slice(0, 133632), "test": slice(133632, None), "all": slice(None)}

Subset = Literal["train", "test", "all"]


@validate_params(
    {"subset": [StrOptions(set(_SUBSETS))]}, prefer_skip_nested_validation=True
)
def load_alice(*, subset: Subset = "train") -> Bunch:
    """Load Alice's Adventures in Wonderland (language modelling).

    The whole book as one text, in plain ASCII, with its line breaks and the spaces
    that lines are indented by. There is no target: the task is to predict each
    character, or word, from those before it.

    =================   ==============================
    Texts                                            1
    Characters          133,632 (train), 14,848 (test)
    Different ones                                  72
    =================   ==============================

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The part of the text to load. "test" is the last tenth of its characters;
        "train" and "test" put together are "all".

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes:

        data : list of 1 str
            The text, in a list as transformers and estimators take it.
        DESCR : str
            The full description of the data set, with source and licence.

    Notes
    -----
    The book is by Lewis Carroll (1865) and in the public domain. The text is that of
    the Canterbury corpus [1]_, with which programs for compression are compared.

    References
    ----------
    .. [1] R. Arnold and T. Bell (1997). "A corpus for the evaluation of lossless
       compression algorithms". Proceedings of the Data Compression Conference,
       201-210. :doi:`10.1109/DCC.1997.582019`.

    Examples
    --------
    >>> from skrnn.datasets import load_alice
    >>> (text,) = load_alice().data
    >>> len(text)
    133632
    >>> print(text[235:362])
    Alice was beginning to get very tired of sitting by her sister
    on the bank, and of having nothing to do:  once or twice she had
    """
    compressed = (_DATA / "alice.txt.gz").read_bytes()
    text = gzip.decompress(compressed).decode("ascii")
    return Bunch(
        data=[text[_SUBSETS[subset]]],
        DESCR=(_DATA / "alice.rst").read_text(encoding="utf-8"),
    )
