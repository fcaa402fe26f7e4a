"""Which form X has: a list of sequences, an array or a table; errors for the rest.

The error for what is no form of X names it, and the expression that makes one of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from numbers import Number
from reprlib import repr as short

_SCALARS = {str, int, float, bool, type(None)}


def is_list(x):
    """Whether x is a list, or what is used as one: a tuple, a deque, a range."""
    if isinstance(x, list | tuple):
        return True
    return isinstance(x, Sequence) and not isinstance(x, str | bytes | bytearray)


def n_dimensions(x):
    """Dimensions of an array, a frame or a column of any library; 0 of other things."""
    shape = getattr(x, "shape", None)
    return len(shape) if isinstance(shape, tuple) else 0


def is_vector(x):
    """Whether x holds several values."""
    return is_list(x) or n_dimensions(x) > 0


def is_list_of_sequences(X, n_features_per_step=1):
    """Whether X is a list of sequences, rather than rows of numbers.

    A list of lists of numbers has one meaning whatever their lengths are: sequences
    with one feature a step, or the rows of a table with several.
    """
    parts = _parts(X)
    if parts is None or len(parts) == 0:
        return parts is not None
    if not any(map(is_vector, parts)):
        return False
    return n_features_per_step == 1 or not all(map(_is_flat_list, parts))


def is_ragged(y):
    """Whether y is a list of arrays of several lengths."""
    if not is_list_of_sequences(y):
        return False
    return len({len(part) if is_vector(part) else None for part in y}) > 1


def has_words(X):
    """Whether X is a list of sequences of strings, as far as their first steps say."""
    parts = (x for x in _parts(X) or () if is_list(x) or n_dimensions(x) == 1)
    return isinstance(next((x for part in parts for x in part), None), str)


def characters_of(X):
    """X; of texts, which its elements are, lists of their characters."""
    is_of_strings = getattr(getattr(X, "dtype", None), "kind", None) in ("U", "T")
    parts = list(X) if is_of_strings and n_dimensions(X) == 1 else _parts(X)
    are_texts = [isinstance(x, str) for x in parts or ()]
    if not any(are_texts):
        return X
    if all(are_texts):
        return [list(x) for x in parts]
    for i, x in enumerate(parts):
        if not isinstance(x, str) and not is_vector(x):
            raise ValueError(
                f"X has texts, but X[{i}] is {short(x)}. Pass a text for each "
                "sequence; leave out what is missing, with its target."
            )
    return X


def _parts(X):
    """The elements of a list or of a column of objects; None of anything else."""
    if is_list(X):
        return X
    if n_dimensions(X) != 1:
        return None
    # polars' types have no kind.
    kind = getattr(getattr(X, "dtype", None), "kind", "O")
    return list(X) if kind == "O" else None


def _is_flat_list(x):
    # Looking at their types takes a tenth of the time of looking at the values.
    return is_list(x) and (set(map(type, x)) <= _SCALARS or not any(map(is_vector, x)))


def width_of_lists(X):
    """How many columns the array of a list of lists of numbers has; None if ragged."""
    parts = _parts(X)
    lengths = {len(x) if is_list(x) else None for x in parts}
    return (
        lengths.pop() if len(lengths) == 1 and all(map(_is_flat_list, parts)) else None
    )


def rows_of_lists(X, n_features_per_step):
    """The table that a list of lists of numbers is, as a list."""
    rows = list(X)
    for i, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise ValueError(
                f"With n_features_per_step={n_features_per_step} a list of lists of "
                f"numbers is a table, but row 0 has {len(rows[0])} values and row {i} "
                f"has {len(row)}. For sequences of any length pass arrays "
                f"(n_timesteps_i, {n_features_per_step})."
            )
    return rows


def check_is_array(X, name):
    """Refuse what is neither a list nor an array."""
    if is_vector(X) or hasattr(X, "__array__"):
        return
    way = way_out(X)
    advice = "" if way is None else f" Pass {way}."
    raise ValueError(
        f"{name} takes a list of arrays, a 3D array or a table as X, got an object of "
        f"type {type(X).__name__}.{advice}"
    )


def check_is_targets(y, name):
    """Refuse targets that are no list and no array; `name` is the argument's."""
    if is_vector(y) or (hasattr(y, "__array__") and getattr(y, "shape", None) != ()):
        return
    way = way_out(y)
    advice = "" if way is None else f" Pass {way.replace('X', name)}."
    raise ValueError(
        f"{name} must be a list or an array, got an object of type "
        f"{type(y).__name__}.{advice}"
    )


def way_out(X):
    """The expression that makes a list of sequences of X; None if there is none."""
    kind = type(X).__name__
    if isinstance(X, Mapping):
        return "list(X.values())"
    if kind.endswith("GroupBy"):  # of pandas and polars
        columns = _columns_of_keys(X)
        group = f"group.drop(columns={columns!r})" if columns else "group"
        return f"[{group} for _, group in X]"
    if kind == "LazyFrame":
        return "X.collect()"
    is_scalar = isinstance(X, str | bytes) or getattr(X, "shape", None) == ()
    if isinstance(X, Iterable) and not is_scalar:
        return "list(X)"
    return None


def _columns_of_keys(groups):
    """Columns by which a frame of pandas was grouped: they are no features."""
    keys = getattr(groups, "keys", None)
    keys = [keys] if isinstance(keys, str) else keys
    columns = getattr(getattr(groups, "obj", None), "columns", ())
    return [key for key in keys if key in columns] if isinstance(keys, list) else []


def raise_one_series(X, name):
    """Refuse an array or a list with one dimension: what one series looks like."""
    first = next(iter(X), 0.0)
    if isinstance(first, Number):
        raise ValueError(
            f"X has one dimension (shape=({len(X)},)), as one series has. Reshape your "
            "data into a list of sequences: a single series x is passed as [x]."
        )
    found = f"a {type(X).__name__} with elements of type {type(first).__name__}"
    if isinstance(first, str):
        raise_text(f"X is {found}")
    raise ValueError(
        f"{name} takes a list of arrays, a 3D array or a table as X, found {found}."
    )


def raise_text(found):
    """Refuse text in the place of a sequence."""
    raise ValueError(
        f"Sequences are expected, but {found}. Make sequences of texts by "
        "skrnn.preprocessing.TextSequencer, or by [list(text) for text in X], of "
        "characters; one sequence x of tokens is passed as [x]."
    )
