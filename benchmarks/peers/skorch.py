"""skrnn's network in PyTorch, trained by skorch."""

import numba
import numpy as np
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import GradientNormClipping
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import Dataset

torch.set_num_threads(numba.config.NUMBA_NUM_THREADS)


class Pairs(Dataset):
    """Sequences and codes of their labels."""

    def __init__(self, X, codes):
        self.X = [torch.from_numpy(x.astype(np.float32)) for x in X]
        self.codes = codes.tolist()

    def __len__(self):
        return len(self.X)

    def __getitem__(self, i):
        return self.X[i], self.codes[i]


class LastState(nn.Module):
    """A GRU, and a layer on its last state."""

    def __init__(self, n_features, hidden_size, n_classes):
        super().__init__()
        self.rnn = nn.GRU(n_features, hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, n_classes)

    def forward(self, X, lengths):
        packed = pack_padded_sequence(
            X, lengths, batch_first=True, enforce_sorted=False
        )
        return self.head(self.rnn(packed)[1][0])


def collate(pairs):
    """A batch of (sequence, label) pairs, padded."""
    X, y = zip(*pairs, strict=True)
    lengths = torch.tensor([len(x) for x in X])
    return {"X": pad_sequence(X, batch_first=True), "lengths": lengths}, torch.tensor(y)


class Contestant:
    """What `fits.py` times."""

    title = "skorch"

    def __init__(self, dataset, settings):
        X, y, X_test, y_test = dataset
        self.settings, self.sizes = settings, (X[0].shape[1], settings.hidden_size)
        self.classes, codes = np.unique(y, return_inverse=True)
        self.test_codes = np.searchsorted(self.classes, y_test)
        self.train, self.test = Pairs(X, codes), Pairs(X_test, self.test_codes)

    def fit(self, seed, n_epochs):
        torch.manual_seed(seed)
        n_features, hidden_size = self.sizes
        self.net = NeuralNetClassifier(
            LastState,
            module__n_features=n_features,
            module__hidden_size=hidden_size,
            module__n_classes=len(self.classes),
            criterion=nn.CrossEntropyLoss,
            optimizer=torch.optim.Adam,
            lr=self.settings.learning_rate,
            batch_size=self.settings.batch_size,
            max_epochs=n_epochs,
            iterator_train__shuffle=True,
            iterator_train__collate_fn=collate,
            iterator_valid__collate_fn=collate,
            train_split=None,
            callbacks=[GradientNormClipping(self.settings.max_norm)],
            classes=np.arange(len(self.classes)),
            verbose=0,
        ).fit(self.train, y=None)

    def losses(self):
        return self.net.history[:, "train_loss"]

    def score(self):
        return float(np.mean(self.net.predict(self.test) == self.test_codes))
