"""An encoder, a decoder and attention in PyTorch, which learn translations."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import rnn

from peers.pytorch_text import LEARNING_RATE, move


class Side(nn.Module):
    """An embedding, a layer over packed sequences, and its normalisation."""

    def __init__(self, cell, n_tokens, size, hidden_size, bidirectional=False):
        super().__init__()
        n_directions = 2 if bidirectional else 1
        self.embedding = nn.Embedding(n_tokens, size)
        self.rnn = getattr(nn, cell.upper())(
            size,
            hidden_size // n_directions,
            bidirectional=bidirectional,
            batch_first=True,
        )
        self.norm = nn.LayerNorm(hidden_size)

    def forward(self, tokens, lengths, state=None):
        packed = rnn.pack_padded_sequence(
            self.embedding(tokens), lengths, batch_first=True, enforce_sorted=False
        )
        states, last = self.rnn(packed, state)
        return self.norm(rnn.pad_packed_sequence(states, batch_first=True)[0]), last


class Translator(nn.Module):
    """Global attention of the decoder's states to the encoder's, and a head."""

    def __init__(self, cell, n_tokens, size, hidden_size):
        super().__init__()
        sizes = n_tokens, size, hidden_size
        self.encoder = Side(cell, *sizes, bidirectional=True)
        self.decoder = Side(cell, *sizes)
        self.combine = nn.Linear(2 * hidden_size, hidden_size, bias=False)
        self.head = nn.Linear(hidden_size, n_tokens)

    def forward(self, source, n_read, inputs, n_written):
        read, last = self.encoder(source, n_read)
        states, _ = self.decoder(inputs, n_written, _side_by_side(last))
        missing = torch.arange(read.shape[1]) >= n_read[:, None]
        scores = (states @ read.mT).masked_fill(missing[:, None], -torch.inf)
        both = torch.cat([scores.softmax(2) @ read, states], 2)
        written = torch.arange(states.shape[1]) < n_written[:, None]
        return self.head(torch.tanh(self.combine(both[written])))


def _side_by_side(state):
    """The last states of both directions as one."""
    if isinstance(state, tuple):
        return tuple(map(_side_by_side, state))
    return torch.cat([*state], 1)[None].contiguous()


def training(cell, sources, inputs, targets, sizes):
    """A call that makes one step of training, of lists of arrays of codes."""
    module = Translator(cell, *sizes)
    adam = torch.optim.Adam(module.parameters(), lr=LEARNING_RATE)
    batch = []
    for codes in (sources, inputs):
        parts = [torch.from_numpy(c) for c in codes]
        lengths = torch.tensor([len(c) for c in codes])
        batch += [rnn.pad_sequence(parts, batch_first=True), lengths]
    targets = torch.cat([torch.from_numpy(c) for c in targets])
    return lambda: move(module, adam, cross_entropy(module(*batch), targets))
