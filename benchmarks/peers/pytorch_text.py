"""The same networks over tokens in PyTorch, as its users write them."""

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence, unpack_sequence

LEARNING_RATE, MAX_NORM = 5e-3, 1.0


class Layers(nn.Module):
    """Embedding, recurrent layer, normalisation and head."""

    def __init__(self, cell, n_tokens, embedding_size, hidden_size, n_outputs):
        super().__init__()
        self.embedding = nn.Embedding(n_tokens, embedding_size)
        nn.init.normal_(self.embedding.weight, std=0.1)
        layer = getattr(nn, cell.upper())
        self.rnn = layer(embedding_size, hidden_size, batch_first=True)
        self.norm = nn.LayerNorm(hidden_size)
        self.head = nn.Linear(hidden_size, n_outputs)

    def adam(self):
        """The optimizer, which looks at all rows of the embedding."""
        return torch.optim.Adam(self.parameters(), lr=LEARNING_RATE)


def move(module, adam, loss):
    adam.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(module.parameters(), MAX_NORM)
    adam.step()
    return loss.item()


class Documents(Layers):
    """A label for each document of codes; batches are packed, maxima pooled."""

    def forward(self, documents):
        packed = pack_sequence(documents, enforce_sorted=False)
        embedded = self.embedding(packed.data)
        packed = PackedSequence(embedded, *packed[1:])
        states = unpack_sequence(self.rnn(packed)[0])
        pooled = torch.stack([self.norm(state).max(dim=0).values for state in states])
        return self.head(pooled)


def document_calls(cell, documents, labels, n_tokens, sizes, batch_size):
    """An epoch of training, and a prediction of all documents."""
    module = Documents(cell, n_tokens, *sizes, len(set(labels)))
    documents = [torch.from_numpy(document) for document in documents]
    labels, adam = torch.from_numpy(labels), module.adam()
    firsts = range(0, len(documents), batch_size)
    rng = np.random.default_rng(0)

    def train():
        for i in rng.permutation(firsts):
            outputs = module(documents[i : i + batch_size])
            loss = nn.functional.cross_entropy(outputs, labels[i : i + batch_size])
            move(module, adam, loss)

    def predict():
        with torch.inference_mode():
            for i in firsts:
                module(documents[i : i + batch_size])

    return train, predict


class Language(Layers):
    """The next of the tokens at each step; the state goes on from call to call."""

    def forward(self, codes, state=None):
        states, state = self.rnn(self.embedding(codes), state)
        if isinstance(state, tuple):
            state = tuple(part.detach() for part in state)
        else:
            state = state.detach()
        return self.head(self.norm(states)), state


def language_model(cell, codes, n_tokens, sizes, batch_size, n_steps):
    """A module, and an epoch of truncated backpropagation on a text of these codes."""
    module = Language(cell, n_tokens, *sizes, n_tokens)
    adam = module.adam()
    length = (len(codes) - 1) // batch_size
    inputs, targets = (
        torch.from_numpy(part[: batch_size * length]).view(batch_size, length)
        for part in (codes[:-1], codes[1:])
    )

    def train(rate=LEARNING_RATE):
        adam.param_groups[0]["lr"] = rate
        state = None
        for first in range(0, length, n_steps):
            some = slice(first, first + n_steps)
            outputs, state = module(inputs[:, some], state)
            loss = nn.functional.cross_entropy(
                outputs.flatten(0, 1), targets[:, some].flatten()
            )
            move(module, adam, loss)

    return module, train


def bits(module, codes):
    """Bits of each token of a text, from its second one on."""
    codes = torch.from_numpy(codes)
    with torch.inference_mode():
        outputs, _ = module(codes[None, :-1])
        return nn.functional.cross_entropy(outputs[0], codes[1:]).item() / np.log(2)
