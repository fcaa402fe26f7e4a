"""A list of parts, whose arrays are views of ONE flat vector."""

import fnmatch
from reprlib import repr as short

import numpy as np

from skrnn.lazy import cached_property


class Flat:
    """What has `parts` and a `dtype`; it asks the parts, and knows none by name."""

    @cached_property
    def shapes(self):
        """Name of each array of the flat vector, in order, and its shape."""
        return {k: shape for part in self.parts for k, shape in part.shapes.items()}

    @property
    def levels(self):
        """Of each array the level of its part."""
        return {name: part.level for part in self.parts for name in part.shapes}

    @property
    def matrices(self):
        """Names of the arrays that may have adapters."""
        return [name for part in self.parts for name in part.matrices]

    @cached_property
    def starts(self):
        """Where each array starts in the flat vector."""
        ends = np.cumsum([np.prod(shape) for shape in self.shapes.values()])
        return dict(zip(self.shapes, [0, *ends[:-1].tolist()], strict=True))

    @cached_property
    def n_parameters(self):
        return sum(int(np.prod(shape)) for shape in self.shapes.values())

    def views(self, flat):
        """The arrays of a flat vector, as views."""
        return {
            name: flat[start:][: np.prod(shape)].reshape(shape)
            for (name, shape), start in zip(
                self.shapes.items(), self.starts.values(), strict=True
            )
        }

    def weight_mask(self):
        """1 where the flat vector holds a weight of a matrix product, otherwise 0."""
        mask = np.zeros(self.n_parameters, self.dtype)
        views = self.views(mask)
        for part in self.parts:
            for name in part.weights:
                views[name][:] = 1
        return mask

    def initial_parameters(self, random_state):
        """Where training starts: each part's own first values."""
        flat = np.zeros(self.n_parameters, self.dtype)
        views = self.views(flat)
        for part in self.parts:
            part.initialize(views, random_state)
        return flat

    def export_weights(self, flat):
        """A dict of arrays with PyTorch's names, shapes and gate order."""
        views, weights = self.views(flat), {}
        for part in self.parts:
            weights |= part.export(views)
        return weights

    @property
    def names(self):
        """Each name of `export_weights`, and the array that it shows."""
        return {k: name for part in self.parts for k, name in part.names.items()}

    def arrays_of(self, patterns):
        """Names of the arrays that some of the exported names or patterns mean."""
        chosen = set()
        for pattern in patterns:
            if not isinstance(pattern, str):
                raise TypeError(
                    "trainable must be 'all', 'head', or a list of names or patterns "
                    f"of weights, found {short(pattern)} in it."
                )
            found = {self.names[name] for name in fnmatch.filter(self.names, pattern)}
            if not found:
                raise ValueError(
                    f"trainable has {short(pattern)}, which is no name or pattern of a "
                    f"weight of this network; it has {list(self.names)}."
                )
            chosen |= found
        return frozenset(chosen)

    def export_adapter(self, matrix, a, b):
        """The thin matrices that are added to one of `matrices`, for users."""
        (part,) = (part for part in self.parts if matrix in part.matrices)
        return part.export_adapter(matrix, a, b)

    def import_adapter(self, matrix, weights):
        """The thin matrices of which `export_adapter` made these."""
        (part,) = (part for part in self.parts if matrix in part.matrices)
        return part.import_adapter(matrix, weights)

    def import_weights(self, weights):
        """The flat vector of `weights`, a dict as `export_weights` makes it.

        `take_weights` is for those that users give.
        """
        flat = np.zeros(self.n_parameters, self.dtype)
        views = self.views(flat)
        for part in self.parts:
            part.take(views, weights)
        return flat
