"""A recurrent network: layers of a cell, what pools their states, and a head."""

from dataclasses import dataclass, fields

from skrnn.lazy import cached_property
from skrnn.mathematics.cells import get_cell
from skrnn.mathematics.losses import Loss, loss_of
from skrnn.network.embedding import Embedding
from skrnn.network.flat import Flat
from skrnn.network.layers import LayerNorm, RecurrentLayer
from skrnn.network.linear import Head
from skrnn.network.poolings import POOLINGS
from skrnn.sequences import Frames


@dataclass(frozen=True, kw_only=True)
class Network(Flat):
    """Layers of a cell, a pooling and a linear head with its loss.

    Without outputs there is no head: then the states are what another network reads.
    """

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
    n_ngrams: int = 0  # so many codes, the last ones, are those of n-grams
    n_static: int = 0  # numbers of a sequence, which are inputs of all of its frames

    is_pair = False  # an `EncoderDecoder` is

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

    @property
    def n_columns(self):
        """Columns of the targets, of a loss that reads one row."""
        return self.loss.n_columns(self.output_sizes)

    @cached_property
    def kind(self):
        """The loss as compiled code receives it."""
        return self.loss.kind(self.output_sizes)

    @cached_property
    def frames(self):
        """Which steps are one input; where each has a target, it ends a frame."""
        first = 0 if self.has_step_targets else self.frame_length - 1
        return Frames(self.frame_length, self.hop_length, first)

    @property
    def n_inputs(self):
        """Inputs of a frame: its steps, one after the other, and the static ones.

        A step's are its numbers, and then a row of each embedding.
        """
        sizes = [size for _, size in self.embeddings]
        return self.frame_length * (self.n_features + sum(sizes)) + self.n_static

    @property
    def n_channels(self):
        """Values of a step as sequences have them: its numbers, and then its codes."""
        return self.n_features + len(self.embeddings)

    @property
    def has_step_targets(self):
        """Whether each step has a target of its own."""
        return self.pooling is None and not self.loss.reads_sequences

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
        n = len(self.embeddings) - self.n_ngrams
        return [Embedding(k, n, *sizes) for k, sizes in enumerate(self.embeddings)]

    @property
    def first_of_ngrams(self):
        """Where the embeddings of n-grams begin among the inputs of a step."""
        n = len(self.embeddings) - self.n_ngrams
        return self.n_features + sum(size for _, size in self.embeddings[:n])

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
        heads = [self.head] if self.output_sizes else []
        return [*self.embedded, *self.layers, *self.norms, *pools, *heads]
