"""The format in which a fitted forecaster is saved, beside its network.

The network (`regressor_`) has a format of its own. This one is made of plain values,
and of what pandas has for a time and a distance of times, which later versions of
pandas read. No class of the package is part of it. A file says its format's number; a
later version reads all earlier ones.

Format 1::

    format      1
    skrnn       version that wrote it
    window      the fields of `WindowForm`; covariates are () or mean and scale
    covariates  None, or names and is_known
    statics     names, mean, scale, categories (features and values), series
    panel       the fields of `Panel`; grid has first (by UTC if it has a zone), zone,
                step and name; names are labels and the names of their levels (so a
                CategoricalIndex of names comes back as a plain Index)
"""

from datetime import timezone

import pandas as pd

import skrnn
from skrnn.estimators.forecasting.attributes import Covariates, Statics
from skrnn.estimators.forecasting.panel import Panel
from skrnn.estimators.forecasting.times import Grid
from skrnn.estimators.forecasting.windows import WindowForm
from skrnn.estimators.saving import categories_of, check_format, plain_categories

#: To be raised with every change of what is written; then `from_plain` makes the new
#: form of the old one, and tests/golden gets a file of the new one.
FORMAT = 1


def to_plain(form, covariates, statics, panel):
    """Plain values, of which `from_plain` makes the same."""
    categories, grid = plain_categories(statics.categories), _plain_grid(panel.grid)
    return {
        "format": FORMAT,
        "skrnn": skrnn.__version__,
        "window": dict(vars(form)),
        "covariates": None if covariates is None else dict(vars(covariates)),
        "statics": {**vars(statics), "categories": categories},
        "panel": {**vars(panel), "grid": grid, "names": _plain_names(panel.names)},
    }


def from_plain(plain):
    """What `to_plain` took, as it was written in this or an earlier version."""
    check_format(plain, "forecaster", FORMAT)
    covariates, statics, panel = (plain[k] for k in ("covariates", "statics", "panel"))
    statics = statics | {"categories": categories_of(statics["categories"])}
    grid, names = _grid(panel["grid"]), _names(panel["names"])
    return (
        WindowForm(**plain["window"]),
        None if covariates is None else Covariates(**covariates),
        Statics(**statics),
        Panel(**panel | {"grid": grid, "names": names}),
    )


def _plain_grid(grid):
    first, zone = grid.first, getattr(grid.first, "tz", None)
    if zone is not None:
        # Later versions of pandas have other classes for the zone of a name.
        first, zone = first.tz_convert(None), _name_of(zone, first)
    return {**vars(grid), "first": first, "zone": zone}


def _name_of(zone, time):
    """The name of a time zone; itself, if it may not be found by its name."""
    name = str(zone)
    if isinstance(zone, timezone) and name != str(timezone(zone.utcoffset(None))):
        return zone  # a name of the user's: "EST" may be any distance from UTC
    try:
        is_same = time.tz_convert(name).utcoffset() == time.tz_convert(zone).utcoffset()
    except (KeyError, ValueError):
        return zone
    return name if is_same else zone


def _grid(plain):
    first, zone = plain["first"], plain["zone"]
    if zone is not None:
        first = first.tz_localize("UTC").tz_convert(zone)
    return Grid(first, plain["step"], plain["name"])


def _plain_names(names):
    return {"labels": list(names), "levels": list(names.names)}


def _names(plain):
    labels, levels = plain["labels"], plain["levels"]
    if len(levels) > 1:
        return pd.MultiIndex.from_tuples(labels, names=levels)
    return pd.Index(labels, name=levels[0], tupleize_cols=False)
