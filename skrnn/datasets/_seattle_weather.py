"""The Seattle weather data set: one long daily series."""

from __future__ import annotations

from importlib import resources
from typing import Any, Literal, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import Bunch

from skrnn.compat import validate_params

_DATA = resources.files("skrnn.datasets") / "data"


@overload
def load_seattle_weather(
    *, return_X_y: Literal[False] = False, as_frame: bool = False
) -> Bunch: ...
@overload
def load_seattle_weather(
    *, return_X_y: Literal[True], as_frame: Literal[False] = False
) -> tuple[NDArray[np.float64], NDArray[np.str_]]: ...
@overload
def load_seattle_weather(
    *, return_X_y: Literal[True], as_frame: Literal[True]
) -> tuple[pd.DataFrame, pd.Series]: ...
@validate_params(
    {"return_X_y": ["boolean"], "as_frame": ["boolean"]},
    prefer_skip_nested_validation=True,
)
def load_seattle_weather(*, return_X_y: bool = False, as_frame: bool = False) -> Any:
    """Load the Seattle weather data set (forecasting, classification).

    Four years of daily weather, in the order of time. Cut into windows, it
    serves for forecasting, say tomorrow's highest temperature, or for
    recognising the type of weather.

    =================   ============================
    Days                 1461, from 2012 to 2015
    Features                                       4
    Classes                                        5
    =================   ============================

    Parameters
    ----------
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        If True, `data` is a DataFrame and `target` a Series, both indexed by
        date.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        Dictionary-like object with the attributes:

        data : {ndarray, DataFrame} of shape (1461, 4)
            Precipitation (mm), highest and lowest temperature (degrees C) and
            wind speed (m/s) of each day, in float64.
        target : {ndarray, Series} of shape (1461,)
            The type of weather of each day: "drizzle", "fog", "rain", "snow" or
            "sun".
        dates : ndarray of shape (1461,)
            The days, as ``datetime64[D]``.
        frame : DataFrame of shape (1461, 5)
            `data` and `target`, indexed by date; None unless ``as_frame=True``.
        feature_names : list of 4 str
            The names of the columns of `data`.
        target_names : ndarray of shape (5,)
            The types of weather, sorted.
        DESCR : str
            The full description of the data set, with source and licence.

    (data, target) : tuple if ``return_X_y`` is True
        The `data` and `target` described above.

    Notes
    -----
    The data come from the National Oceanic and Atmospheric Administration
    (NOAA), as distributed in ``vega_datasets``, and are in the public domain.

    Examples
    --------
    >>> from skrnn.datasets import load_seattle_weather
    >>> frame = load_seattle_weather(as_frame=True).frame
    >>> frame.loc["2012-01-01":"2012-01-03", ["temp_max", "wind", "weather"]]
                temp_max  wind  weather
    date
    2012-01-01      12.8   4.7  drizzle
    2012-01-02      10.6   4.5     rain
    2012-01-03      11.7   2.3     rain

    Sequences of seven days, each with the next day's highest temperature:

    >>> from numpy.lib.stride_tricks import sliding_window_view
    >>> weather = load_seattle_weather()
    >>> X = sliding_window_view(weather.data[:-1], 7, axis=0).swapaxes(1, 2)
    >>> y = weather.data[7:, weather.feature_names.index("temp_max")]
    >>> X.shape, y.shape
    ((1454, 7, 4), (1454,))
    """
    with (_DATA / "seattle_weather.csv.gz").open("rb") as file:
        frame = pd.read_csv(
            file,
            compression="gzip",
            index_col="date",
            dtype={"weather": "category"},
        )
    # read_csv takes no date_format before pandas 2.
    frame.index = pd.to_datetime(frame.index, format="%Y/%m/%d")

    data: Any = frame.drop(columns="weather")
    target: Any = frame["weather"]
    feature_names = list(data.columns)
    if not as_frame:
        data, target = np.array(data, order="C"), np.array(target, dtype=str)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        dates=frame.index.to_numpy().astype("datetime64[D]"),
        frame=frame if as_frame else None,
        feature_names=feature_names,
        target_names=frame["weather"].cat.categories.to_numpy(dtype=str),
        DESCR=(_DATA / "seattle_weather.rst").read_text(encoding="utf-8"),
    )
