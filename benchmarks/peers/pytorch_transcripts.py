"""The loss of transcripts in PyTorch, and a network that learns by it."""

import torch
from torch import nn
from torch.nn.functional import ctc_loss

from peers.pytorch_text import LEARNING_RATE, move


def loss(outputs, codes):
    """A call that computes the loss and the gradient of the outputs."""
    n, n_steps, _ = outputs.shape
    outputs = torch.from_numpy(outputs.transpose(1, 0, 2).copy()).requires_grad_()
    codes = torch.from_numpy(codes)
    sizes = torch.full((n,), n_steps), torch.full((n,), codes.shape[1])

    def compute():
        outputs.grad = None
        result = ctc_loss(outputs.log_softmax(2), codes, *sizes)
        result.backward()
        return result.item()

    return compute


class Transcriber(nn.Module):
    """A recurrent layer, its normalisation and a head."""

    def __init__(self, cell, n_features, hidden_size, n_outputs):
        super().__init__()
        self.rnn = getattr(nn, cell.upper())(n_features, hidden_size)
        self.norm = nn.LayerNorm(hidden_size)
        self.head = nn.Linear(hidden_size, n_outputs)

    def forward(self, X):
        return self.head(self.norm(self.rnn(X)[0])).log_softmax(2)


def training(cell, X, codes, sizes):
    """A call that makes one step of training; all sequences have one length."""
    n, n_steps, n_features = X.shape
    module = Transcriber(cell, n_features, *sizes)
    adam = torch.optim.Adam(module.parameters(), lr=LEARNING_RATE)
    X = torch.from_numpy(X.transpose(1, 0, 2).copy())
    codes = torch.from_numpy(codes)
    lengths = torch.full((n,), n_steps), torch.full((n,), codes.shape[1])
    return lambda: move(module, adam, ctc_loss(module(X), codes, *lengths))
