"""What `transform` returns: tables as the user's configuration asks for them."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrnn.compat import get_container_adapter


class SetOutputMixin:
    """`set_output` for a transformer of tables and of sequences.

    In the place of scikit-learn's own wrapping of what `transform` returns, which
    would make a DataFrame of anything, also of a list of sequences.
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(auto_wrap_output_keys=None, **kwargs)

    def set_output(
        self, *, transform: Literal["default", "pandas", "polars"] | None = None
    ) -> Self:
        """Set the container that `transform` returns for a table.

        Lists of sequences and 3D arrays stay what they are.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            "default" is an array. None changes nothing.

        Returns
        -------
        self : object
            The estimator.
        """
        if transform is not None:
            self._sklearn_output_config = {"transform": transform}
        return self

    def get_feature_names_out(
        self, input_features: ArrayLike | None = None
    ) -> NDArray[np.object_]:
        """Get names of the columns that `transform` returns.

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
        if input_features is not None and self._is_of_column(input_features):
            input_features = None
        return super().get_feature_names_out(input_features)

    def _is_of_column(self, input_features):
        """Whether a name can be none of a feature, but of a column of sequences."""
        n_features = getattr(self, "n_features_in_", None)
        is_on_sequences = n_features == getattr(self, "n_features_per_step_", 0)
        has_names = n_features != 1 or hasattr(self, "feature_names_in_")
        return is_on_sequences and has_names and len(input_features) == 1

    def _in_container(self, results, X, columns):
        """Results for X, of which 2D arrays become what `set_output` set."""
        adapter = get_container_adapter("transform", self)
        if adapter is None or getattr(results, "ndim", None) != 2:
            return results
        return adapter.create_container(results, X, columns=columns)
