"""The same numbers as PyTorch for an encoder, a decoder and attention."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from pair_cases import LENGTHS, PairCase
from problems import assert_close, assert_gradients_close

from skrnn.backends import make_predictor

torch = pytest.importorskip("torch")
functional = torch.nn.functional
utils = torch.nn.utils.rnn
torch.set_num_threads(1)  # more of them wait for each other longer than they compute

TOLERANCES = {"float64": 1e-10, "float32": 1e-5}
DEEP = {"n_layers": 2, "bidirectional": True}
#: The arguments of cases, which compile what `test_pairs.py` does.
CASES = [
    {"cell": "lstm", "score": "dot"},
    {"cell": "lstm", "score": "general", "n_outputs": 40} | DEEP,
    {"cell": "gru", "n_features": 3, "score": "general"} | DEEP,
    {"cell": "gru", "dtype": "float32", "score": "general"} | DEEP,
]
cases = pytest.mark.parametrize("arguments", CASES, ids=str)


def make_case(arguments):
    """A case without an empty source, which PyTorch cannot pack."""
    return PairCase(**arguments, lengths=[max(n, 1) for n in LENGTHS])


class Side(torch.nn.Module):
    """The layers of one of the networks, and its embedding."""

    def __init__(self, network, dtype):
        super().__init__()
        self.layers = getattr(torch.nn, network.cell_name.upper())(
            network.n_inputs,
            network.hidden_size,
            network.n_layers,
            bidirectional=network.bidirectional,
            dtype=dtype,
        )
        if network.embeddings:
            self.embedding = torch.nn.Embedding(*network.embeddings[0], dtype=dtype)

    def forward(self, sequences, state=None):
        """States of all steps, padded; and the last ones."""
        sequences = [torch.from_numpy(sequence) for sequence in sequences]
        if hasattr(self, "embedding"):
            sequences = [self.embedding(codes) for codes in sequences]
        packed = utils.pack_sequence(sequences, enforce_sorted=False)
        states, state = self.layers(packed, state)
        return utils.pad_packed_sequence(states, batch_first=True)[0], state


class TorchPairs(torch.nn.Module):
    """The same network, over padded batches with masks."""

    def __init__(self, case):
        super().__init__()
        network, n = case.network, case.network.decoder.hidden_size
        options = {"bias": False, "dtype": getattr(torch, network.dtype)}
        dtype, self.n_layers = options["dtype"], network.decoder.n_layers
        self.encoder = Side(network.encoder, dtype)
        self.decoder = Side(network.decoder, dtype)
        self.weigh = torch.nn.Linear(n, n, **options)
        self.combine = torch.nn.Linear(2 * n, n, **options)
        self.head = torch.nn.Linear(n, network.n_outputs, dtype=dtype)
        self.is_general = network.score == "general"
        with torch.no_grad():
            for name, parameter in self.named_weights().items():
                parameter.copy_(torch.from_numpy(case.weights[name]))

    def named_weights(self):
        """Parameters under the names that the network gives them."""
        outside = {"layers.": "", "weigh.": "attention."}
        outside |= {"combine.": "attention.output."}
        named = {}
        for name, parameter in self.named_parameters():
            for ours, theirs in outside.items():
                name = name.replace(ours, theirs)
            named[name] = parameter
        if not self.is_general:
            del named["attention.weight"]
        return named

    def forward(self, sources, inputs):
        """Outputs of all steps, one pair after the other; and their shares."""
        read, state = self.encoder(sources)
        states, _ = self.decoder(inputs, self.starts(state))
        queries = self.weigh(states) if self.is_general else states
        lengths = torch.tensor([len(source) for source in sources])
        missing = torch.arange(read.shape[1]) >= lengths[:, None]
        scores = (queries @ read.mT).masked_fill(missing[:, None], -torch.inf)
        shares = scores.softmax(2)
        attended = torch.tanh(self.combine(torch.cat([shares @ read, states], 2)))
        rows = [rows[: len(x)] for rows, x in zip(attended, inputs, strict=True)]
        return self.head(torch.cat(rows)), shares

    def starts(self, state):
        """Both directions of each layer side by side."""
        if isinstance(state, tuple):
            return tuple(self.starts(part) for part in state)
        _, n, size = state.shape
        parts = state.reshape(self.n_layers, -1, n, size)
        return parts.transpose(1, 2).reshape(self.n_layers, n, -1).contiguous()


@cases
def test_loss_and_gradient_equal_pytorch(arguments):
    case = make_case(arguments)
    module, dtype = TorchPairs(case), case.network.dtype
    outputs, _ = module(case.sources, case.inputs)
    targets, scales = np.concatenate(case.targets), np.concatenate(case.scales)
    losses = functional.cross_entropy(
        outputs, torch.from_numpy(targets), reduction="none"
    )
    expected = torch.from_numpy(scales).to(losses.dtype) @ losses
    expected.backward()
    loss, gradient = case.loss_gradient()
    assert_allclose(loss, expected.item(), TOLERANCES[dtype])
    weights = module.named_weights().items()
    gradients = {name: weight.grad.numpy() for name, weight in weights}
    assert_gradients_close(case.network, gradient, gradients, TOLERANCES[dtype])


@cases
def test_outputs_and_shares_equal_pytorch(arguments):
    case = make_case(arguments)
    with torch.no_grad():
        expected, expected_shares = TorchPairs(case)(case.sources, case.inputs)
    predictor = make_predictor("cpu", case.network).predictor(case.parameters)
    encoded = predictor.encode(case.pairs.source)
    given = encoded, np.arange(len(case.sources)), case.pairs.target
    tolerance = TOLERANCES[case.network.dtype]
    outputs = predictor.outputs(*given, encoded.memory.copy())
    assert_close(outputs, expected.numpy(), tolerance)
    shares = predictor.shares(*given, encoded.memory.copy())
    for found, padded in zip(shares, expected_shares.numpy(), strict=True):
        rows, columns = found.shape
        assert_allclose(found, padded[:rows, :columns], rtol=0, atol=tolerance)
        assert not padded[:rows, columns:].any()
