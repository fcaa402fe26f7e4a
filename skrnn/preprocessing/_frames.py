"""Long frames, with a row for each sequence and time, to sequences and back."""

from __future__ import annotations

from reprlib import repr as short
from typing import Any, Literal

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from skrnn.compat import StrOptions, validate_params
from skrnn.estimators.inputs import as_array
from skrnn.estimators.inputs.forms import is_list, is_vector, n_dimensions
from skrnn.estimators.names import suggestion
from skrnn.preprocessing._rows import Rows, checked_frame


@validate_params(
    {"target_per": [StrOptions({"auto", "sequence", "step"})]},
    prefer_skip_nested_validation=True,
)
def sequences_from_frame(
    df: Any,
    sequence: Any = "id",
    time: Any = "t",
    features: Any = None,
    target: Any = None,
    static: Any = None,
    *,
    target_per: Literal["auto", "sequence", "step"] = "auto",
) -> Bunch:
    """Make sequences of a long frame, which has a row for each sequence and time.

    Each sequence is the rows of one id, sorted by time. The sequences come in the order
    in which their ids first appear.

    Parameters
    ----------
    df : DataFrame of pandas or polars
        In any order of rows.
    sequence : str, default="id"
        The column, or the level of the index, that says to which sequence a row
        belongs.
    time : str or None, default="t"
        The column, or the level of the index, with the times: numbers, dates,
        durations, periods or ordered categories. None: the rows of each sequence are
        in their order. An index of two levels, (sequence, time), is taken as these if
        `sequence` and `time` are left at their defaults, whatever its names are.
    features : str or list of str, default=None
        The columns that X has; `time` may be one of them. None: all that nothing else
        is said of.
    target : str or list of str, default=None
        The column or columns that y has.
    static : str or list of str, default=None
        Columns with one value a sequence, such as the age of a patient.
    target_per : {"auto", "sequence", "step"}, default="auto"
        Whether y has a target for each sequence, which must be the same in all of its
        rows, or one for each step. "auto": for each sequence if the target never
        changes within one, otherwise for each step. Say it where data to come may
        differ from these.

    Returns
    -------
    frames : :class:`~sklearn.utils.Bunch`
        With the entries

        X : list of DataFrame
            A frame (n_timesteps_i, n_features) of each sequence, of the library of
            `df`, with its dtypes; of pandas, with its index.
        y : ndarray of shape (n_sequences,) or (n_sequences, n_targets), or list of such
            The targets of sequences, or a list with those of the steps of each. None
            without `target`.
        static : DataFrame or None
            A row for each sequence, of the library of `df`; of pandas, the ids are its
            index. None without `static`.
        ids : ndarray of shape (n_sequences,)
            The id of each sequence.
        step : number or timedelta or None
            The usual time from one row of a sequence to the next: the median. None if
            no sequence has two rows, or times cannot be subtracted.
        gaps : DataFrame of pandas or None
            A row for each two neighbouring rows of a sequence that are more than 1.5
            usual steps apart: the id, the times before (`start`) and after (`end`),
            and how many steps are `missing` between them. Nothing is filled in. None
            without times that can be subtracted.

    See Also
    --------
    frame_from_sequences : Puts predictions beside the rows that they belong to.
    SequenceImputer : Takes the time between steps as a feature.

    Notes
    -----
    Rows without an id or a time, and two rows of one sequence at one time, are errors.
    Times with time zones are compared as instants; some with and some without one are
    an error. Texts are no times: "10" would come before "9".

    Gaps are no error and no warning, since recorded data have them: the table says
    where, and can be filtered, counted and plotted.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrnn.preprocessing import sequences_from_frame
    >>> log = pd.DataFrame(
    ...     {
    ...         "id": ["b", "a", "b", "a", "b", "b"],
    ...         "t": [3, 1, 1, 2, 2, 7],
    ...         "heat": [21.0, 30.0, 19.0, 31.0, 20.0, 22.0],
    ...         "worn": [False, True, False, True, False, False],
    ...         "year": [2019, 2021, 2019, 2021, 2019, 2019],
    ...     }
    ... )
    >>> frames = sequences_from_frame(log, target="worn", static="year")
    >>> frames.X[0]
       heat
    2  19.0
    4  20.0
    0  21.0
    5  22.0
    >>> frames.ids, frames.y
    (array(['b', 'a'], dtype=object), array([False,  True]))
    >>> frames.static
        year
    id
    b   2019
    a   2021
    >>> frames.gaps
      id  start  end  missing
    0  b      3    7        3
    """
    frame = checked_frame(df)
    rows = Rows.of(frame, sequence, time)
    target = _chosen(target, frame, "target")
    static = _chosen(static, frame, "static")
    if features is None:
        used = {sequence, time, *target, *static}
        features = [name for name in frame.columns if name not in used]
    features = _chosen(features, frame, "features")
    if not features:
        raise ValueError(
            f"No column of df is left for X, of {short(frame.columns)}. Pass features."
        )
    ordered = frame[rows.order]
    step, gaps = rows.step_and_gaps()
    return Bunch(
        X=rows.parts(_columns(ordered, features)),
        y=_targets(ordered, target, rows, target_per) if target else None,
        static=_static(ordered, static, rows) if static else None,
        ids=np.asarray(rows.ids),
        step=step,
        gaps=gaps,
    )


def frame_from_sequences(
    values: Any,
    df: Any,
    sequence: Any = "id",
    time: Any = "t",
    *,
    names: Any = None,
) -> Any:
    """Put predictions beside the rows of a long frame that they belong to.

    Parameters
    ----------
    values : list of array-like, or array-like
        What an estimator made of ``sequences_from_frame(df, sequence, time).X``: a list
        with an array (n_timesteps_i,) or (n_timesteps_i, n_columns) or a DataFrame for
        each sequence, or a 3D array, has values of steps. An array (n_sequences,) or
        (n_sequences, n_columns), a Series or a DataFrame has values of sequences, which
        all of their rows get. They are in the order of the sequences; those of a Series
        or DataFrame of pandas whose index has the ids may have any.
    df : DataFrame of pandas or polars
        The frame, in any order of rows.
    sequence : str, default="id"
        As in `sequences_from_frame`.
    time : str or None, default="t"
        As in `sequences_from_frame`.
    names : str or list of str, default=None
        What to call the new columns; a single name for several columns gets their
        numbers behind. None: the columns' names of DataFrames, otherwise "prediction".

    Returns
    -------
    frame : DataFrame
        A new frame of the library of `df`, which has its rows in their order and
        its columns, and the new ones behind.

    See Also
    --------
    sequences_from_frame : The way there.

    Examples
    --------
    >>> import pandas as pd
    >>> from skrnn.preprocessing import frame_from_sequences, sequences_from_frame
    >>> log = pd.DataFrame({"id": [7, 3, 7], "t": [2, 1, 1], "heat": [20.0, 9.0, 19.0]})
    >>> X = sequences_from_frame(log).X
    >>> rising = [x["heat"].diff().fillna(0).to_numpy() for x in X]
    >>> frame_from_sequences(rising, log, names="rise")
       id  t  heat  rise
    0   7  2  20.0   1.0
    1   3  1   9.0   0.0
    2   7  1  19.0   0.0
    """
    frame = checked_frame(df)
    rows = Rows.of(frame, sequence, time)
    flat, found = _flat(_by_id(values, rows), rows)
    columns = np.empty_like(flat)
    columns[rows.order] = flat
    columns = columns.reshape(len(flat), -1).T
    names = _new_names(names, found, len(columns))
    if frame.implementation.is_polars():
        names = [str(name) for name in names]
    for name in names:
        if name in frame.columns:
            raise ValueError(
                f"df has a column {short(name)} already. Pass another name by names."
            )
    new = (
        nw.new_series(name, _native(column), backend=frame.implementation)
        for name, column in zip(names, columns, strict=True)
    )
    return frame.with_columns(*new).to_native()


# Columns


def _chosen(names, frame, parameter):
    """A list of columns that the frame has, each once."""
    names = [] if names is None else names
    is_one = isinstance(names, str) or not hasattr(names, "__iter__")
    names = [names] if is_one else list(names)
    for name in names:
        if name not in frame.columns:
            known = [str(column) for column in frame.columns]
            raise ValueError(
                f"{parameter} has {short(name)}, which is no column of df; it has "
                f"{short(known)}.{suggestion(str(name), known, {})}"
            )
        if names.count(name) > 1:
            raise ValueError(f"{parameter} has {short(name)} more than once.")
    return names


def _columns(frame, names):
    """The frame with these columns only."""
    return frame[:, [frame.columns.index(name) for name in names]]


def _targets(ordered, names, rows, per):
    """y, as an array for sequences or as a list for steps."""
    columns = [as_array(_columns(ordered, [name])[:, 0].to_numpy()) for name in names]
    for name, column in zip(names, columns, strict=True):
        i = rows.changing(column, name)
        if i is None:
            continue
        if per == "sequence":
            _raise_changing(name, column, i, rows, "Set target_per='step'")
        per = "step"
    kinds = {column.dtype.kind for column in columns}
    if len(kinds) > 1 and not kinds <= set("iufb"):
        # NumPy would make numbers of dates.
        columns = [pd.Series(column).astype(object).to_numpy() for column in columns]
    y = np.column_stack(columns) if len(columns) > 1 else columns[0]
    return np.split(y, rows.offsets[1:-1]) if per == "step" else y[rows.starts]


def _static(ordered, names, rows):
    """A frame with a row for each sequence."""
    table = _columns(ordered, names)
    for j, name in enumerate(names):
        column = table[:, j].to_numpy()
        i = rows.changing(column, name)
        if i is not None:
            _raise_changing(name, column, i, rows, "Take it as one of the features")
    table = table[rows.starts].to_native()
    if isinstance(table, pd.DataFrame):
        table = table.set_axis(rows.ids.rename(rows.id_name))
    return table


def _raise_changing(name, column, i, rows, advice):
    values = column[rows.offsets[i] : rows.offsets[i + 1]]
    found = list(dict.fromkeys(map(str, values)))
    raise ValueError(
        f"{short(name)} changes within sequence {rows.ids[i]}: it has {short(found)} "
        f"there, expected one value. {advice}, or make it one value before."
    )


# Values of sequences or steps


def _by_id(values, rows):
    """The values in the order of sequences, if their labels are ids."""
    index = getattr(values, "index", None)
    is_numbered = isinstance(index, pd.RangeIndex) and index.name is None
    if not isinstance(index, pd.Index) or is_numbered or not index.is_unique:
        return values
    places = index.get_indexer(rows.ids)
    lacking = rows.ids[places < 0]
    if len(lacking) == len(places):
        return values
    if len(lacking):
        raise ValueError(
            f"The index of values has the ids of some sequences of df, but not "
            f"{short(lacking[0])}. Pass a value for each, or values.to_numpy() if they "
            "are in the order of the sequences."
        )
    return values.iloc[places]


def _flat(values, rows):
    """An array with a row for each row in order; and the names of its columns."""
    n = len(rows.ids)
    parts = _parts_of_steps(values)
    n_found = len(values if parts is None else parts)
    if n_found != n:
        raise ValueError(
            f"values has an entry for each of {n_found} sequences, but df has {n} "
            "sequences. Pass the frame that the sequences were made of."
        )
    if parts is None:
        array = as_array(values)
        if array.ndim > 2:
            raise ValueError(f"values has {array.ndim} dimensions, expected 1 to 3.")
        return array.repeat(rows.lengths, axis=0), _names_of(values)
    _check_columns(parts, rows.ids)
    arrays = [as_array(part) for part in parts]
    for array, length, name in zip(arrays, rows.lengths, rows.ids, strict=True):
        if array.ndim not in (1, 2) or len(array) != length:
            raise ValueError(
                f"Sequence {name} of df has {length} rows, but its values have shape "
                f"{array.shape}. Pass an array ({length},) or ({length}, n_columns)."
            )
    shapes = {array.shape[1:] for array in arrays}
    if len(shapes) > 1:
        raise ValueError(
            "All sequences must have the same number of columns in values."
        )
    if len({array.dtype.kind in "mM" for array in arrays}) > 1:
        raise ValueError(
            "values has dates of some sequences and other values of others. Make all "
            "of them dates, missing ones np.datetime64('NaT')."
        )
    if len({array.dtype.kind in "OUS" for array in arrays}) > 1:
        arrays = [array.astype(object) for array in arrays]
    return np.concatenate(arrays), _names_of(parts[0])


def _parts_of_steps(values):
    """The values of each sequence's steps; or None if they are of sequences."""
    if n_dimensions(values) == 3:
        return list(values)
    if is_list(values) or n_dimensions(values) == 1:
        parts = list(values)
        return parts if any(map(is_vector, parts)) else None
    if n_dimensions(values) == 0:
        raise TypeError(
            "values must be a list with an array for each sequence, or an array, got "
            f"an object of type {type(values).__name__}."
        )
    return None


def _check_columns(parts, ids):
    """Refuse frames with unlike columns, which would be joined by their places."""
    names = [_names_of(part) for part in parts]
    for i, found in enumerate(names):
        if found is not None and names[0] is not None and found != names[0]:
            raise ValueError(
                "All frames of values must have the same columns in the same order, "
                f"but one has {short(names[0])} in sequence {ids[0]} and "
                f"{short(found)} in sequence {ids[i]}."
            )


def _names_of(values):
    return list(values.columns) if hasattr(values, "columns") else None


def _new_names(names, found, n_columns):
    """As many names as there are columns."""
    if n_columns == 0:
        raise ValueError("values has no columns, expected one or more.")
    if names is None:
        names = found or "prediction"
    if isinstance(names, str) or not hasattr(names, "__iter__"):
        numbered = [f"{names}_{j}" for j in range(n_columns)]
        names = [names] if n_columns == 1 else numbered
    names = list(names)
    if len(set(names)) < len(names) or len(names) != n_columns:
        raise ValueError(
            f"names has {short(names)}, expected {n_columns} different name(s), one "
            "for each column of values."
        )
    return names


def _native(column):
    """What every library makes a column of."""
    return column.tolist() if column.dtype.kind in "OUS" else column
