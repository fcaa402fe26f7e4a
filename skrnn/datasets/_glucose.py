"""The glucose data set: one long series with gaps."""

from __future__ import annotations

import bz2
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from skrnn.compat import validate_params

_DATA = resources.files("skrnn.datasets") / "data"


@validate_params({"as_frame": ["boolean"]}, prefer_skip_nested_validation=True)
def load_glucose(*, as_frame: bool = False) -> Bunch:
    """Load the glucose data set (forecasting of a series with gaps).

    What the glucose sensor of one person with diabetes measured every five minutes for
    200 days. The task is to forecast the next half hour or hour.

    =================   ============================
    Times                                      57770
    Missing values                              5687
    Values                      mg/dL, from 40 to 400
    =================   ============================

    Parameters
    ----------
    as_frame : bool, default=False
        If True, `data` is a Series, indexed by time.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes:

        data : {ndarray, Series} of shape (57770,)
            The glucose in mg/dL, in float64; NaN where there is no reading.
        times : ndarray of shape (57770,)
            Every five minutes, as ``datetime64[m]``, by the person's clock.
        DESCR : str
            The full description of the data set, with source and licence.

    Notes
    -----
    There are 187 gaps, from five minutes to more than a day, as the sensor was changed
    or lost. Nothing is known of meals and insulin, which matter most an hour ahead.

    The data come from bokeh_sampledata. They are in the public domain.

    Examples
    --------
    >>> from skrnn.datasets import load_glucose
    >>> glucose = load_glucose(as_frame=True).data
    >>> glucose["2010-03-24 10:00":"2010-03-24 10:10"].tolist()
    [258.0, 254.0, 246.0]
    >>> int(glucose.isna().sum())
    5687
    """
    # A line for each time, empty where there is no reading.
    text = bz2.decompress((_DATA / "glucose.txt.bz2").read_bytes()).decode("ascii")
    data: Any = np.array([float(line or "nan") for line in text.split("\n")])
    times = np.datetime64("2010-03-24T09:50", "m") + 5 * np.arange(len(data))
    if as_frame:
        index = pd.DatetimeIndex(times, freq=pd.offsets.Minute(5))
        data = pd.Series(data, index, name="glucose")
    return Bunch(
        data=data,
        times=times,
        DESCR=(_DATA / "glucose.rst").read_text(encoding="utf-8"),
    )
