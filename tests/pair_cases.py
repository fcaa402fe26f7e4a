"""Small seeded pairs of sequences, and a network for them."""

import numpy as np

from skrnn.backends import make_backend
from skrnn.mathematics.dropout import NO_DROPOUT
from skrnn.mathematics.losses import Softmax
from skrnn.network import EncoderDecoder, Network
from skrnn.sequences import SequencePairs, Sequences

#: More than one shard of pairs, of which the longest source has not the longest target;
#: sources of one step and of none, and targets that end at once.
LENGTHS = (3, 1, 7, 2, 0, 5, 1, 4, 2, 6, 1, 3, 2, 8, 1, 2, 5, 1, 3)
TARGET_LENGTHS = (2, 6, 1, 3, 2, 1, 1, 9, 1, 2, 4, 1, 5, 2, 1, 3, 1, 1, 2)


class PairCase:
    """An encoder and a decoder, weights, and pairs of which each step has a target."""

    def __init__(
        self,
        cell="gru",
        activation="tanh",
        dtype="float64",
        *,
        n_layers=1,
        bidirectional=False,
        layer_norm=False,
        score="dot",
        hidden_size=6,
        n_features=0,
        n_codes=7,
        n_outputs=5,
        lengths=LENGTHS,
        target_lengths=TARGET_LENGTHS,
    ):
        rng = np.random.default_rng(0)
        options = {"cell_name": cell, "activation": activation, "dtype": dtype}
        options |= {"n_layers": n_layers, "layer_norm": layer_norm, "pooling": None}
        options |= {"loss": Softmax()}
        self.network = EncoderDecoder(
            encoder=Network(
                **options,
                n_features=n_features,
                embeddings=() if n_features else ((n_codes, 4),),
                hidden_size=hidden_size // (2 if bidirectional else 1),
                bidirectional=bidirectional,
                output_sizes=(),
            ),
            decoder=Network(
                **options,
                n_features=0,
                embeddings=((n_outputs + 1, 3),),
                hidden_size=hidden_size,
                output_sizes=(n_outputs,),
            ),
            score=score,
        )
        self.cell = cell, activation
        parameters = self.network.initial_parameters(np.random.RandomState(0))
        self.weights = {
            name: rng.normal(scale=0.5, size=array.shape).astype(dtype)
            for name, array in self.network.export_weights(parameters).items()
        }
        self.sources = [
            rng.normal(size=(n, n_features)).astype(dtype)
            if n_features
            else rng.integers(n_codes, size=n)
            for n in lengths
        ]
        self.inputs = [rng.integers(n_outputs + 1, size=n) for n in target_lengths]
        self.targets = [rng.integers(n_outputs, size=n) for n in target_lengths]
        self.scales = [rng.uniform(0.1, 1, n) for n in target_lengths]
        self.pairs = SequencePairs(
            sequences_of(self.sources, dtype), sequences_of(self.inputs, dtype)
        )

    @property
    def parameters(self):
        return self.network.import_weights(self.weights)

    def loss_gradient(self, rows=None, backend=None, dropout=NO_DROPOUT, trained=None):
        """The backend's loss, and its gradient as a flat vector."""
        backend = backend or make_backend("cpu", self.network, trained)
        rows = np.arange(len(self.sources)) if rows is None else rows
        gradient = np.full_like(self.parameters, np.nan)
        loss = backend.loss_gradient(
            self.parameters,
            self.pairs,
            rows,
            np.concatenate(self.targets)[:, None],
            np.concatenate(self.scales),
            gradient,
            dropout=dropout,
        )
        return loss, gradient


def sequences_of(arrays, dtype):
    """Sequences of numbers, or of codes."""
    columns = [a.reshape(len(a), -1 if a.size else a.ndim) for a in arrays]
    n = max(column.shape[1] for column in columns)
    columns = [column.reshape(-1, n) for column in columns]
    return Sequences.from_list(columns, dtype)
