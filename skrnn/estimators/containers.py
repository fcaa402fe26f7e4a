"""What `transform` returns: tables as the user's configuration asks for them."""

from __future__ import annotations

from typing import Literal, Self

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

    def _in_container(self, results, X, columns):
        """Results for X, of which 2D arrays become what `set_output` set."""
        adapter = get_container_adapter("transform", self)
        if adapter is None or getattr(results, "ndim", None) != 2:
            return results
        return adapter.create_container(results, X, columns=columns)
