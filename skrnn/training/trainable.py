"""Which numbers training changes, and how they make the network's parameters.

Usually they are the parameters themselves. With frozen arrays they are the others; with
adapters, a product of two thin matrices is trained and added to each recurrent and
input matrix, which stays as it is (E. J. Hu et al., LoRA: low-rank adaptation of large
language models, ICLR 2022, with a scale of 1).
"""

import numpy as np

from skrnn.lazy import cached_property
from skrnn.mathematics.blas import OneBlasThread


def _quiet():
    """What overflows is found later."""
    return np.errstate(over="ignore", invalid="ignore")


class Trainable:
    """The trained vector: the trained arrays one after the other, then the adapters.

    Parameters
    ----------
    network : Network
    base : ndarray of shape (n_parameters,)
        What the arrays that are not trained keep.
    arrays : frozenset of str
        Names of the network's arrays that are trained.
    rank : int
        Of the adapters; 0 for none. With adapters the matrices that have them are not
        trained, even if they are named.
    """

    def __init__(self, network, base, arrays, rank=0):
        self.network, self.rank = network, rank
        self.adapted = network.matrices if rank else ()
        self.arrays = frozenset(arrays) - set(self.adapted)
        self.base = None if self.is_whole else base

    @cached_property
    def is_whole(self):
        """Whether the vector is the network's own."""
        return self.arrays == set(self.network.shapes)

    @property
    def needed(self):
        """Names of the arrays whose gradient the backend must compute."""
        return self.arrays | set(self.adapted)

    @cached_property
    def _index(self):
        """Where the entries of the trained arrays stand among the parameters."""
        chosen = np.zeros(self.base.size, bool)
        for name, view in self.network.views(chosen).items():
            view[...] = name in self.arrays
        return np.flatnonzero(chosen)

    def start(self, parameters, random_state):
        """The vector of these parameters: adapters change nothing yet."""
        if self.is_whole:
            return parameters
        # One factor is random and one 0: their product is 0, but has a gradient.
        adapters = [
            piece
            for a, b in self._adapter_shapes.values()
            for piece in (random_state.normal(0, a[1] ** -0.5, a).ravel(), np.zeros(b))
        ]
        vector = [parameters[self._index], *map(np.ravel, adapters)]
        return np.concatenate(vector).astype(parameters.dtype)

    @cached_property
    def _adapter_shapes(self):
        """Of the thin matrices (rank, inputs) and (rank, blocks * units)."""
        shapes = {}
        for name in self.adapted:
            n_blocks, n_inputs, hidden = self.network.shapes[name]
            shapes[name] = (self.rank, n_inputs), (self.rank, n_blocks * hidden)
        return shapes

    def adapters(self, vector):
        """Both thin matrices of each adapted array, as views."""
        at, views = self._index.size if self.adapted else 0, {}
        for name, shapes in self._adapter_shapes.items():
            views[name] = []
            for rows, columns in shapes:
                size = rows * columns
                views[name].append(vector[at : at + size].reshape(rows, columns))
                at += size
        return views

    def parameters(self, vector):
        """The parameters of the network that the vector makes."""
        if self.is_whole:
            return vector
        parameters = self._without_adapters(vector)
        if self.adapted:
            self._add_adapters(vector, self.network.views(parameters))
        return parameters

    def _add_adapters(self, vector, views):
        with _quiet(), OneBlasThread():
            for name, (a, b) in self.adapters(vector).items():
                n_blocks, n_inputs, hidden = views[name].shape
                product = (a.T @ b).reshape(n_inputs, n_blocks, hidden)
                views[name] += product.transpose(1, 0, 2)

    def _without_adapters(self, vector):
        parameters = self.base.copy()
        parameters[self._index] = vector[: self._index.size]
        return parameters

    def export(self, vector):
        """Weights under their exported names, with the adapters beside the matrices."""
        weights = self.network.export_weights(self._without_adapters(vector))
        for name, pair in self.adapters(vector).items():
            weights |= self.network.export_adapter(name, *pair)
        return weights

    def to_weights(self, vector):
        """The vector's numbers under the exported names; also for a solver's memory."""
        network = self.network
        if self.is_whole:
            return network.export_weights(vector)
        flat = np.zeros(network.n_parameters, vector.dtype)
        flat[self._index] = vector[: self._index.size]
        exported = network.export_weights(flat)
        weights = {
            name: exported[name]
            for name, array in network.names.items()
            if array in self.arrays
        }
        for name, pair in self.adapters(vector).items():
            weights |= network.export_adapter(name, *pair)
        return weights

    def from_weights(self, weights):
        """The vector of which `to_weights` made these."""
        network = self.network
        if self.is_whole:
            return network.import_weights(weights)
        zeros = network.export_weights(np.zeros(network.n_parameters, network.dtype))
        known = {name: weights.get(name, zero) for name, zero in zeros.items()}
        pieces = [network.import_weights(known)[self._index]]
        for name in self.adapted:
            pieces += map(np.ravel, network.import_adapter(name, weights))
        return np.concatenate(pieces)

    def gradient(self, vector, gradient):
        """The vector's gradient, of that of the parameters."""
        if self.is_whole:
            return gradient
        result = np.empty_like(vector)
        result[: self._index.size] = gradient[self._index]
        if self.adapted:
            views = self.network.views(gradient)
            self._write_gradient(vector, views, self.adapters(result))
        return result

    def _write_gradient(self, vector, views, targets):
        with _quiet(), OneBlasThread():
            for name, (a, b) in self.adapters(vector).items():
                view = views[name].transpose(1, 0, 2).reshape(a.shape[1], -1)
                targets[name][0][:] = b @ view.T
                targets[name][1][:] = a @ view

    def entries(self, rows_read):
        """Where the vector has what a step changes: some entries, and all from one on.

        Of embeddings the first are the rows that the batch read, as with PyTorch's
        SparseAdam: a solver that moved the others by what it remembers of them would
        take the longer the more there are.
        """
        pieces, at = [np.empty(0, np.int64)], 0
        for part, rows in zip(self.network.embedded, rows_read, strict=True):
            if part.name in self.arrays:
                n_rows, size = self.network.shapes[part.name]
                pieces.append((at + rows[:, None] * size + np.arange(size)).ravel())
                at += n_rows * size
        return np.concatenate(pieces), at

    @cached_property
    def weight_mask(self):
        """1 where the vector holds a weight of a matrix product, otherwise 0."""
        mask = self.network.weight_mask()
        if self.is_whole:
            return mask
        n_adapters = sum(
            rows * columns
            for pair in self._adapter_shapes.values()
            for rows, columns in pair
        )
        return np.concatenate([mask[self._index], np.ones(n_adapters, mask.dtype)])
