"""Any transformer of tables, applied to the steps of sequences."""

from __future__ import annotations

import copy
from reprlib import repr as short
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from sklearn.base import clone
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from skrnn.compat import HasMethods, available_if, fit_context
from skrnn.estimators.inputs import (
    as_array,
    is_list_of_sequences,
    is_ragged,
    n_dimensions,
    read_steps,
)
from skrnn.estimators.inputs.forms import is_list, is_vector, width_of_lists
from skrnn.estimators.names import suggests_names
from skrnn.estimators.steps import flatten_steps, slices
from skrnn.estimators.types import Results
from skrnn.preprocessing._rows import cut
from skrnn.preprocessing._transformer import OfSequences, in_form_of


def _inner_has(name):
    def check(estimator):
        # Raises AttributeError as the transformer itself would.
        getattr(getattr(estimator, "transformer_", estimator.transformer), name)
        return True

    return check


class StepTransformer(OfSequences):
    """Apply a transformer of tables to every time step of sequences.

    The steps of all sequences, one below the other, are a table with a row for each
    step: the transformer is fitted to that of the training sequences, and what it makes
    of a step does not depend on other steps. So scikit-learn's scalers, encoders,
    imputers, PCA and `ColumnTransformer` take every form of X that `RNNClassifier` and
    `RNNRegressor` take, and go before them in a pipeline.

    Parameters
    ----------
    transformer : object
        A transformer with `fit` and `transform` that makes one row of each row. It is
        cloned.
    n_features_per_step : int, default=1
        For 2D X, whose rows are flattened sequences: how many neighbouring columns make
        one time step. With 1, a row is a series of single values. A list of lists of
        numbers is 2D if it is above 1, otherwise sequences of single values. Other X
        say so by their shape.

    Attributes
    ----------
    transformer_ : object
        The fitted transformer.
    n_features_in_ : int
        Number of columns of the 2D X seen during fit, or the number of features per
        step of the sequences.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of X, if X was a DataFrame, or a list with DataFrames, whose names
        are all strings.
    n_features_per_step_ : int
        Number of features of a time step.

    See Also
    --------
    SequenceScaler : StandardScaler for sequences, with weights and `partial_fit`.
    SequenceImputer : Fills in by what was seen last in the same sequence.

    Notes
    -----
    Of a list of DataFrames the transformer gets a DataFrame, with its columns' names,
    dtypes and categories; of all else an array, which is one of objects if X holds
    anything but numbers.

    A list comes back as a list of arrays, or of DataFrames if the transformer makes
    these: ``set_output(transform="pandas")`` sets it to, and then names reach what
    comes next. What is sparse becomes dense.

    y is for transformers that need it, such as `SelectKBest` or `TargetEncoder`: they
    get a target for each step, or, if y has one for each sequence, that for all of its
    steps. What y else may hold, as transcripts, is ignored by transformers that do not
    require y, and an error of others. `TargetEncoder` cross-fits over steps, not
    over sequences: with one target a sequence, the folds share sequences, and its
    codes tell more of the training targets than they should.

    Examples
    --------
    >>> from sklearn.decomposition import PCA
    >>> from skrnn.datasets import load_japanese_vowels
    >>> from skrnn.preprocessing import StepTransformer
    >>> X, y = load_japanese_vowels(return_X_y=True)
    >>> pca = StepTransformer(PCA(6, whiten=True)).fit(X)
    >>> [x.shape for x in X[:3]], [x.shape for x in pca.transform(X[:3])]
    ([(20, 12), (26, 12), (22, 12)], [(20, 6), (26, 6), (22, 6)])

    Columns of several kinds, by their names:

    >>> import pandas as pd
    >>> from sklearn.compose import make_column_transformer
    >>> from sklearn.preprocessing import OneHotEncoder, StandardScaler
    >>> X = [
    ...     pd.DataFrame({"page": ["home", "item"], "minutes": [2.0, 6.0]}),
    ...     pd.DataFrame({"page": ["home"], "minutes": [1.0]}),
    ... ]
    >>> columns = make_column_transformer(
    ...     (OneHotEncoder(), ["page"]), (StandardScaler(), ["minutes"])
    ... )
    >>> steps = StepTransformer(columns).fit(X)
    >>> steps.get_feature_names_out().tolist()
    ['onehotencoder__page_home', 'onehotencoder__page_item', 'standardscaler__minutes']
    >>> steps.transform(X)[0].round(2)
    array([[ 1.  ,  0.  , -0.46],
           [ 0.  ,  1.  ,  1.39]])
    """

    transformer_: Any

    _parameter_constraints = {
        **OfSequences._parameter_constraints,
        "transformer": [HasMethods(["fit", "transform"])],
    }

    @suggests_names
    def __init__(self, transformer: Any, *, n_features_per_step: int = 1) -> None:
        self.transformer = transformer
        self.n_features_per_step = n_features_per_step

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Fit the transformer to all steps.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.
        y : array-like of shape (n_samples,) or list of array-like, default=None
            For transformers that need it: a target for each sequence, which each of its
            steps has; or for each step, as a list with an array (n_timesteps_i,) for
            each sequence, or an array (n_samples, n_timesteps).

        Returns
        -------
        self : object
            The fitted transformer.
        """
        steps, offsets, form = read_steps(self, X)
        self._learn(steps, self._targets(y, np.diff(offsets)), form)
        return self

    @fit_context(prefer_skip_nested_validation=False)
    def fit_transform(self, X: ArrayLike, y: object = None) -> Results:
        """Fit the transformer to all steps, and transform them.

        Some transformers make other values here than `transform` does of the same X,
        such as `TargetEncoder`.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.
        y : array-like of shape (n_samples,) or list of array-like, default=None
            For transformers that need it: a target for each sequence, which each of its
            steps has; or for each step, as a list with an array (n_timesteps_i,) for
            each sequence, or an array (n_samples, n_timesteps).

        Returns
        -------
        X_out : ndarray or list of ndarray or of DataFrame
            As `transform` returns it.
        """
        steps, offsets, form = read_steps(self, X)
        y = self._targets(y, np.diff(offsets))
        values = self._learn(steps, y, form, transforms=True)
        return self._results(values, X, offsets, form, self._columns)

    def transform(self, X: ArrayLike) -> Results:
        """Transform all steps.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.

        Returns
        -------
        X_out : ndarray or list of ndarray or of DataFrame
            An array with as many dimensions as X; or, if X is a list of sequences, a
            list of arrays (n_timesteps_i, n_channels), or of DataFrames if the
            transformer makes them. `set_output` turns 2D arrays into DataFrames.
        """
        check_is_fitted(self)
        fitted = copy.copy(self)  # one state, whatever other threads do
        steps, offsets, form = read_steps(fitted, X, form=fitted._form)
        values = fitted.transformer_.transform(steps)
        return fitted._results(values, X, offsets, form, fitted._columns)

    @available_if(_inner_has("inverse_transform"))
    def inverse_transform(self, X: ArrayLike) -> Results:
        """Undo `transform`, as far as the transformer does.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences as `transform` returns them.

        Returns
        -------
        X_original : ndarray or list of ndarray or of DataFrame
            As `transform` returns it, with the features of `fit`.
        """
        check_is_fitted(self)
        transformed = copy.copy(self)
        if transformed._is_fitted_on_rows:
            transformed.n_features_per_step = transformed._n_channels(X)
        steps, offsets, form = read_steps(transformed, X)
        back = transformed.transformer_.inverse_transform(steps)
        return transformed._results(back, X, offsets, form, None)

    def _n_channels(self, X):
        """Columns of each step of a transformed table; of other X no one asks."""
        n_features, width = self.n_features_per_step_, None
        if n_dimensions(X) == 2:
            width = X.shape[1]
        elif is_list(X) and n_features > 1:
            width = width_of_lists(X)
        if not width:
            return n_features
        n_steps = self.n_features_in_ // n_features
        if width % n_steps:
            raise ValueError(
                f"X has {width} columns, but {type(self).__name__} was fitted on rows "
                f"of {n_steps} time steps: as many columns are expected for each."
            )
        return width // n_steps

    @available_if(_inner_has("get_feature_names_out"))
    def get_feature_names_out(
        self, input_features: ArrayLike | None = None
    ) -> NDArray[np.object_]:
        """Get the transformer's names of the channels, or of the columns of a table.

        Of a table each time step has names of its own: the transformer's for the
        columns of that step; or, where these are the same for all steps, with the
        number of the step behind: "pca0_0", ...

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the features of X, which are checked. After a fit on sequences,
            a single name may also be that of the column of a table in which they
            stand, as `ColumnTransformer` passes it.

        Returns
        -------
        feature_names_out : ndarray of str objects
            Names of the columns.
        """
        check_is_fitted(self)
        names = super().get_feature_names_out(input_features)
        inner = self.transformer_.get_feature_names_out
        if not self._is_fitted_on_rows:
            has_names = hasattr(self, "feature_names_in_") or input_features is not None
            return inner(names if has_names else None)
        steps = [inner(step) for step in names.reshape(-1, self.n_features_per_step_)]
        out = np.concatenate(steps)
        if len(set(out)) < len(out):
            steps = [[f"{name}_{t}" for name in step] for t, step in enumerate(steps)]
            out = np.concatenate(steps)
        return out.astype(object)

    def set_output(
        self, *, transform: Literal["default", "pandas", "polars"] | None = None
    ) -> Self:
        """Set the container that `transform` returns.

        It is set for the transformer as well: for a list of sequences each is a
        DataFrame then. 3D arrays stay arrays.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            "default" is that of the transformer, an array. None changes nothing.

        Returns
        -------
        self : object
            The estimator.
        """
        super().set_output(transform=transform)
        inners: list[Any] = [self.transformer, getattr(self, "transformer_", None)]
        for inner in inners:
            if hasattr(inner, "set_output"):
                inner.set_output(transform=transform)
        return self

    @property
    def _columns(self):
        return getattr(self, "get_feature_names_out", None)

    def _learn(self, steps, y, form, *, transforms=False):
        """Fit a clone; what fails leaves the old one."""
        transformer, y = clone(self.transformer), () if y is None else (y,)
        result = None
        if transforms and hasattr(transformer, "fit_transform"):
            result = transformer.fit_transform(steps, *y)
        else:
            transformer.fit(steps, *y)
            if transforms:
                result = transformer.transform(steps)
        self.transformer_ = transformer
        self._remember(form)
        return result

    def _targets(self, y, lengths):
        """Targets of all steps, or None if y has none."""
        if y is None:
            return None
        if hasattr(y, "__array__") and not is_vector(y):
            y = np.asarray(y)
        if _has_steps(y, lengths):
            return flatten_steps(y, lengths, "y")
        if is_vector(y) and len(y) == len(lengths) and not is_ragged(y):
            return np.repeat(as_array(slices(y)), lengths, axis=0)
        if not get_tags(self.transformer).target_tags.required:
            return None
        raise ValueError(
            f"{type(self.transformer).__name__} requires a target for each of "
            f"{len(lengths)} sequences, or for each of their steps, but y is "
            f"{short(y)}. Pass an array (n_samples,), or a list of arrays "
            "(n_timesteps_i,)."
        )

    def _results(self, values, X, offsets, form, columns):
        """What the transformer made of all steps, in the form of X."""
        if sparse.issparse(values):
            values = values.toarray()
        shape = np.shape(values)
        if len(shape) != 2 or shape[0] != offsets[-1]:
            raise ValueError(
                f"{type(self.transformer).__name__} made {shape} of {offsets[-1]} "
                "steps, expected a row for each of them. Take a transformer that keeps "
                "the number of rows."
            )
        _check_order(values, self.transformer)
        is_list = is_list_of_sequences(X, form.n_features_per_step)
        if is_list and hasattr(values, "columns"):
            return _frames(values, X, offsets)
        results = in_form_of(X, np.asarray(values), offsets, form)
        return self._in_container(results, X, columns if form.is_on_rows else None)

    def __sklearn_tags__(self) -> Any:
        tags, inner = super().__sklearn_tags__(), get_tags(self.transformer)
        for name in ("allow_nan", "categorical", "string", "positive_only"):
            setattr(tags.input_tags, name, getattr(inner.input_tags, name))
        tags.target_tags.required = inner.target_tags.required
        tags.non_deterministic = inner.non_deterministic
        if inner.transformer_tags is not None:
            tags.transformer_tags = inner.transformer_tags
        return tags


def _has_steps(y, lengths):
    """Whether y has as many targets for each sequence as that has steps."""
    parts = slices(y) if is_vector(y) and len(y) == len(lengths) else ()
    sizes = [len(part) if is_vector(part) else -1 for part in parts]
    return np.array_equal(sizes, lengths)


def _check_order(values, transformer):
    """Refuse a frame whose rows are those of other steps, as far as its index says."""
    index = getattr(values, "index", None)
    is_order = isinstance(index, pd.Index) and index.isin(range(len(index))).all()
    if is_order and not index.is_monotonic_increasing:
        raise ValueError(
            f"{type(transformer).__name__} made rows in another order than that of the "
            "steps. Take a transformer that keeps it."
        )


def _frames(values, X, offsets):
    """A frame of each sequence, with the index that it had."""
    frames = cut(values, offsets)
    if not isinstance(values, pd.DataFrame):
        return frames
    return [
        frame.set_axis(x.index) if isinstance(x, pd.DataFrame) else frame
        for frame, x in zip(frames, X, strict=True)
    ]
