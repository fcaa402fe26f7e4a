"""A recurrent network: a list of parts, whose arrays are views of ONE flat vector."""

import fnmatch
from dataclasses import dataclass, fields
from reprlib import repr as short

import numpy as np

from skrnn.lazy import cached_property
from skrnn.mathematics.cells import get_cell
from skrnn.mathematics.losses import Loss, loss_of
from skrnn.network.embedding import Embedding
from skrnn.network.layers import LayerNorm, RecurrentLayer
from skrnn.network.linear import Head
from skrnn.network.poolings import POOLINGS
from skrnn.sequences import Frames


@dataclass(frozen=True, kw_only=True)
class Network:
    """Layers of a cell, a pooling and a linear head with its loss."""

    cell_name: str
    activation: str
    n_features: int  # of a step: its numbers
    hidden_size: int
    n_layers: int = 1
    bidirectional: bool = False
    layer_norm: bool = False
    pooling: str | None  # None: outputs for every step
    output_sizes: tuple  # outputs of each target column that has a loss of its own
    loss: Loss
    dtype: str
    frame_length: int = 1  # steps that are one input
    hop_length: int = 1  # from one frame to the next
    embeddings: tuple = ()  # of each code of a step: how many rows, and their size

    def description(self):
        """The network as plain values: texts, whole numbers, yes or no, None, lists.

        `from_description` makes an equal network of it, in any later version as well:
        this is what files hold.
        """
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["output_sizes"] = [int(size) for size in self.output_sizes]
        values["embeddings"] = [[int(n) for n in sizes] for sizes in self.embeddings]
        values["loss"] = self.loss.description()
        return values

    @classmethod
    def from_description(cls, description):
        """The network that gave this description."""
        values = dict(description)
        values["output_sizes"] = tuple(values["output_sizes"])
        values["embeddings"] = tuple(map(tuple, values["embeddings"]))
        values["loss"] = loss_of(values["loss"])
        return cls(**values)

    def __reduce__(self):
        # All else is made anew.
        return Network.from_description, (self.description(),)

    @property
    def cell(self):
        return get_cell(self.cell_name, self.activation)

    @property
    def n_outputs(self):
        return sum(self.output_sizes)

    @cached_property
    def kind(self):
        """The loss as compiled code receives it."""
        return self.loss.kind(self.output_sizes)

    @cached_property
    def frames(self):
        """Which steps are one input; where none is pooled, each step ends a frame."""
        first = 0 if self.pooling is None else self.frame_length - 1
        return Frames(self.frame_length, self.hop_length, first)

    @property
    def n_inputs(self):
        """Inputs of a frame: its steps, one after the other.

        A step's are its numbers, and then a row of each embedding.
        """
        sizes = [size for _, size in self.embeddings]
        return self.frame_length * (self.n_features + sum(sizes))

    @property
    def n_channels(self):
        """Values of a step as sequences have them: its numbers, and then its codes."""
        return self.n_features + len(self.embeddings)

    @property
    def n_directions(self):
        return 2 if self.bidirectional else 1

    @property
    def n_states_out(self):
        """Features that the last layer gives for a step."""
        return self.n_directions * self.hidden_size

    @cached_property
    def embedded(self):
        """The embedding of each code."""
        n = len(self.embeddings)
        return [Embedding(k, n, *sizes) for k, sizes in enumerate(self.embeddings)]

    @cached_property
    def layers(self):
        """Each layer in each direction, in the order of computing."""
        return [
            RecurrentLayer(
                self.cell,
                level,
                suffix,
                self.n_states_out if level else self.n_inputs,
                self.hidden_size,
            )
            for level in range(self.n_layers)
            for suffix in ("", "_reverse")[: self.n_directions]
        ]

    @cached_property
    def norms(self):
        """The normalisation of each layer's outputs, if there is any."""
        n_norms = self.n_layers if self.layer_norm else 0
        return [LayerNorm(level, self.n_states_out) for level in range(n_norms)]

    @cached_property
    def pool(self):
        """The pooling; None: outputs for every step."""
        if self.pooling is None:
            return None
        sizes = self.n_states_out, self.hidden_size
        return POOLINGS[self.pooling](self.n_layers, *sizes)

    @cached_property
    def head(self):
        return Head(self.n_layers + 1, self.n_states_out, self.n_outputs)

    @cached_property
    def parts(self):
        """All parts, in the order of the flat vector."""
        pools = [] if self.pool is None else [self.pool]
        return [*self.embedded, *self.layers, *self.norms, *pools, self.head]

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
