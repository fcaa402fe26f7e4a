"""The same loss of transcripts as PyTorch, and the same gradients."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import all_rows, loss_gradient
from test_ctc import STACKS, loss_and_gradient, transcript_problem
from test_torch import TOLERANCES, TorchNetwork

torch = pytest.importorskip("torch")

SHAPES = [(1, 2, 0), (1, 3, 1), (7, 4, 3), (50, 3, 20), (200, 40, 90)]


def torch_loss(outputs, labels):
    """Of the outputs of one sequence, the sum over its labels."""
    labels = torch.as_tensor(labels).reshape(1, -1)
    sizes = [len(outputs)], [labels.shape[1]]
    log_p = outputs.log_softmax(1)[:, None]
    return torch.nn.functional.ctc_loss(log_p, labels, *sizes, reduction="sum")


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_loss_and_gradient(shape, dtype):
    n_steps, n_outputs, n_labels = shape
    rng = np.random.default_rng(0)
    logits = (3 * rng.normal(size=(n_steps, n_outputs))).astype(dtype)
    labels = rng.integers(1, n_outputs, n_labels)
    # PyTorch's sums are in the type of the outputs: as good as ours in float64 only.
    outputs = torch.tensor(logits.astype(np.float64), requires_grad=True)
    expected = torch_loss(outputs, labels)
    expected.backward()
    loss, gradient = loss_and_gradient(logits, labels)
    tolerance = TOLERANCES[dtype]
    assert_allclose(loss, expected.item(), rtol=tolerance)
    assert_allclose(gradient, outputs.grad.numpy(), rtol=0, atol=tolerance)


@pytest.mark.parametrize("stack", STACKS, ids=str)
def test_a_network_that_learns_transcripts(stack):
    problem = transcript_problem(**stack)
    scales = np.random.default_rng(1).uniform(0.1, 1, len(problem.X))
    loss, gradient = loss_gradient(problem, all_rows(problem), scales)
    module, total = TorchNetwork(problem), 0.0
    for i, states in enumerate(module.states(problem.X)):
        labels = problem.targets.values[slice(*problem.targets.offsets[i : i + 2]), 0]
        one = torch_loss(module.head(states), labels.copy())
        total = total + scales[i] * one / max(1, len(labels))
    total.backward()
    assert_allclose(loss, total.item(), rtol=1e-10)
    ours = problem.network.export_weights(gradient)
    theirs = module.named_weights()
    for name, array in ours.items():
        if name.startswith("bias_hh"):
            continue  # PyTorch has both biases where the cell needs one
        expected = theirs[name].grad.numpy()
        assert_allclose(array, expected, rtol=0, atol=1e-10, err_msg=name)
