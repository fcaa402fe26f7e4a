"""Two networks and attention: one reads a sequence, the other writes another one."""

from dataclasses import dataclass

import numpy as np

from skrnn.lazy import cached_property
from skrnn.network.attention import SCORES, GlobalAttention
from skrnn.network.flat import Flat
from skrnn.network.network import Network
from skrnn.network.part import Inner, inner_name


@dataclass(frozen=True, kw_only=True)
class EncoderDecoder(Flat):
    """An encoder without a head, and a decoder that starts from its last states.

    The states of both directions of a layer, one behind the other, are where the same
    layer of the decoder starts, so there is nothing between them to be learned. The
    head reads, at each step, what attention makes of the decoder's state.
    """

    encoder: Network
    decoder: Network
    score: str  # of attention: one of `SCORES`

    is_pair = True
    pooling = None  # there is a target for every step of the decoder
    has_step_targets = True
    first_of_ngrams = 2**31  # neither reads any

    def __post_init__(self):
        if self.score not in SCORES:
            raise ValueError(f"score must be one of {SCORES}, got {self.score!r}.")
        ends, starts = (
            (n.cell_name, n.activation, n.n_layers, n.n_states_out, n.dtype)
            for n in self.networks
        )
        if ends != starts or self.decoder.bidirectional:
            raise ValueError(
                f"The decoder's states {starts} must be those of the encoder {ends}, "
                "and of one direction."
            )

    def description(self):
        """The networks as plain values, as `Network.description` gives them."""
        return {
            "encoder": self.encoder.description(),
            "decoder": self.decoder.description(),
            "score": self.score,
        }

    @classmethod
    def from_description(cls, description):
        """What gave this description."""
        networks = {
            name: Network.from_description(description[name])
            for name in ("encoder", "decoder")
        }
        return cls(**networks, score=description["score"])

    def __reduce__(self):
        # All else is made anew.
        return EncoderDecoder.from_description, (self.description(),)

    @property
    def networks(self):
        """Both, in the order in which they run."""
        return self.encoder, self.decoder

    @property
    def dtype(self):
        return self.decoder.dtype

    @property
    def frame_length(self):
        return self.encoder.frame_length

    @property
    def hop_length(self):
        return self.encoder.hop_length

    @property
    def n_states_out(self):
        return self.decoder.n_states_out

    @property
    def loss(self):
        return self.decoder.loss

    @property
    def kind(self):
        """The loss as compiled code receives it."""
        return self.decoder.kind

    @property
    def output_sizes(self):
        return self.decoder.output_sizes

    @property
    def n_columns(self):
        return self.decoder.n_columns

    @property
    def n_outputs(self):
        return self.decoder.n_outputs

    @property
    def embeddings(self):
        """Rows and sizes of the encoder's embeddings, then of the decoder's."""
        return self.encoder.embeddings + self.decoder.embeddings

    @cached_property
    def embedded(self):
        """The embedding of each code of both, with the names that they have here."""
        return [
            Inner(part, prefix)
            for prefix, network in self._prefixed
            for part in network.embedded
        ]

    @property
    def _prefixed(self):
        return ("encoder", self.encoder), ("decoder", self.decoder)

    @cached_property
    def attention(self):
        decoder = self.decoder
        return GlobalAttention(decoder.n_layers, decoder.hidden_size, self.score)

    @cached_property
    def parts(self):
        """All parts, in the order of the flat vector: embeddings first."""
        inner = [
            Inner(part, prefix)
            for prefix, network in self._prefixed
            for part in [*network.layers, *network.norms]
        ]
        return [*self.embedded, *inner, self.attention, self.decoder.head]

    @cached_property
    def names_here(self):
        """For each of the networks, its arrays' names, and those that they have here.

        The head's keep their names.
        """
        return [
            {
                name: inner_name(prefix, name) if part is not network.head else name
                for part in network.parts
                for name in part.shapes
            }
            for prefix, network in self._prefixed
        ]

    def split(self, flat):
        """The flat vectors of both networks, of that of the whole."""
        views = self.views(flat)
        return [
            np.concatenate([views[name].ravel() for name in names.values()])
            for names in self.names_here
        ]
