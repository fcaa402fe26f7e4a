"""Tables that are laid out in another way than a row for each sequence.

Each would be read as numbers without a word, so each is refused, with the expression
that makes the right layout of it. And frames of a list, one below the other.
"""

import narwhals.stable.v2 as nw


def below(frames):
    """One frame of several of the same library and with the same columns."""
    first = nw.from_native(frames[0], eager_only=True)
    concat = first.__native_namespace__().concat
    if first.implementation.is_polars():
        # Types may differ, as of a column of whole numbers in some of them.
        return concat(frames, how="vertical_relaxed")
    # By their places: columns that are merely numbered may have other labels.
    columns = frames[0].columns
    return concat([x.set_axis(columns, axis=1) for x in frames], ignore_index=True)


def check_layout(X, n_features_per_step):
    """Refuse frames of pandas whose index or columns say that rows are no sequences."""
    n_levels = getattr(getattr(X, "columns", None), "nlevels", 1)
    if n_levels == 2:
        _check_two_levels(X, n_features_per_step)
    elif n_levels == 1:
        _check_index(X)


def _check_index(X):
    """A frame with a row for each time step has an index (sequence, time)."""
    index = getattr(X, "index", None)
    if getattr(index, "nlevels", 1) < 2 or index.get_level_values(0).is_unique:
        return
    raise ValueError(
        f"X is a frame with an index of {index.nlevels} levels, of which the first "
        "repeats, as with a row for each time step. Pass "
        "[group for _, group in X.groupby(level=0)]; if each row is a whole sequence, "
        "X.reset_index(drop=True)."
    )


def _check_two_levels(X, n_features_per_step):
    """Columns (feature, time), such as `unstack` makes, stand feature by feature."""
    levels = [list(X.columns.get_level_values(i)) for i in (0, 1)]
    of_features = _level_of_features(levels)
    n_features = len(set(levels[of_features]))
    times, features = levels[1 - of_features], levels[of_features]
    if n_features == 1 == n_features_per_step:
        return
    steps = range(0, len(times), n_features)
    is_by_time = (
        n_features == n_features_per_step
        and all(len(set(times[i : i + n_features])) == 1 for i in steps)
        and all(features[i : i + n_features] == features[:n_features] for i in steps)
    )
    if not is_by_time:
        raise ValueError(
            f"X has columns of two levels, {X.columns[0]} to {X.columns[-1]}, which "
            f"seem to be {n_features} features of each time step. A row must have all "
            "features of the first step, then those of the second: pass "
            f"{_step_by_step(times, features, of_features)} and set "
            f"n_features_per_step={n_features}. If the order is right, pass "
            "X.to_numpy()."
        )


def _step_by_step(times, features, of_features):
    """The expression that puts the columns in order of time."""
    n_features = len(set(features))
    n_steps = len(times) // n_features
    starts = range(0, len(times), n_steps)
    if len(times) == n_features * n_steps and all(
        len(set(features[i : i + n_steps])) == 1
        and times[i : i + n_steps] == times[:n_steps]
        for i in starts
    ):
        # To sort would put "t10" before "t2".
        return f"X.iloc[:, np.arange({len(times)}).reshape({n_features}, -1).T.ravel()]"
    return f"X.sort_index(axis=1, level=[{1 - of_features}, {of_features}])"


def _level_of_features(levels):
    """Features have names, and times are numbers or dates; or there are fewer."""
    are_text = [all(isinstance(v, str) for v in level) for level in levels]
    if are_text[0] != are_text[1]:
        return are_text.index(True)
    return int(len(set(levels[1])) < len(set(levels[0])))


def cells_advice(X):
    """What to pass in the place of a table with arrays in its cells."""
    n_columns = X.shape[1]
    if not hasattr(X, "columns"):
        if n_columns == 1:
            return "X[:, 0]"
        return "[np.column_stack(list(row)) for row in X]"
    if n_columns == 1:
        return f"X[{X.columns[0]!r}]"
    if hasattr(X, "iterrows"):
        return "[pd.DataFrame(dict(row)) for _, row in X.iterrows()]"
    return "[pl.DataFrame(row) for row in X.iter_rows(named=True)]"
