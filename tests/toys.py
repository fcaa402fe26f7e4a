"""A pooling and a loss that the package lacks, as one file of each floor would have it.

`register` is what the lines in the registries would do.
"""

from dataclasses import dataclass
from functools import partial
from math import exp
from typing import NamedTuple

import naive
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import check_loss_gradient, check_outputs, make_problem
from sklearn.base import clone
from sklearn.utils._param_validation import StrOptions

from skrnn import RNNRegressor
from skrnn.backends.cpu import poolings as on_cpu
from skrnn.backends.cpu.poolings.base import PoolingPlan, make_pooling
from skrnn.backends.cpu.window import OWNER
from skrnn.mathematics.losses import LOSSES, Loss
from skrnn.mathematics.losses.base import register_formula
from skrnn.network import POOLINGS
from skrnn.network.poolings import Pooling

# The sum of the states of all steps, on the CPU.


class SumPooling(PoolingPlan):
    __slots__ = ()


def _add(pooling, sizes, packed, window, shard, work):
    for r in range(window.rows.shape[0]):
        kept = work.m[work.kept + window.rows[r, OWNER] * pooling.n_kept :]
        state = work.m[work.last + r * sizes.out_row :]
        for j in range(sizes.n_out):
            kept[j] += state[j]


def _finish(pooling, sizes, kept, n_steps, row):
    for j in range(sizes.n_out):
        row[j] = kept[j]


def _spread(pooling, sizes, packed, window, shard, work, gradient):
    for r in range(window.rows.shape[0]):
        d = work.m[work.d_pooled + window.rows[r, OWNER] * sizes.out_row :]
        state = work.m[work.last + r * sizes.out_row :]
        for j in range(sizes.n_out):
            state[j] = d[j]


SUM = make_pooling(
    SumPooling,
    lay_out=lambda network, forward, backward: SumPooling(network.n_states_out),
    add=_add,
    finish=_finish,
    spread=_spread,
)

# Tweedie's deviance, up to what does not depend on the outputs, with a log link.


class TweedieKind(NamedTuple):
    n_outputs: int
    bounds: np.ndarray
    power: float


@dataclass(frozen=True)
class Tweedie(Loss):
    power: float = 1.5

    name = "tweedie"
    kind_class = TweedieKind
    out_activation = "exponential"
    regresses = True
    domain = "[0, infinity)"

    def link(self, outputs):
        return np.exp(outputs)

    def units(self, mean, deviation):
        return np.zeros_like(mean), np.ones_like(deviation)

    def accepts(self, targets):
        return targets >= 0


def _loss_gradient(kind, outputs, target, scale):
    share, p, loss = scale / kind.n_outputs, kind.power, 0.0
    for o in range(kind.n_outputs):
        if target[o] != target[o]:
            outputs[o] = 0
            continue
        x = np.float64(outputs[o])
        rising, falling = exp((2 - p) * x), target[o] * exp((1 - p) * x)
        loss += share * (rising / (2 - p) - falling / (1 - p))
        outputs[o] = share * (rising - falling)
    return loss


register_formula(Tweedie, _loss_gradient)

# The references.


def naive_tweedie(logits, y, output_sizes, power):
    known = ~np.isnan(y)
    y = np.where(known, y, 0)
    rising, falling = np.exp((2 - power) * logits), y * np.exp((1 - power) * logits)
    losses = known * (rising / (2 - power) - falling / (1 - power))
    return losses.mean(), known * (rising - falling) / len(logits)


def naive_shares(weights, outputs, pooling, known=naive.shares):
    return (
        np.ones_like(outputs) if pooling == "sum" else known(weights, outputs, pooling)
    )


def register(patch, power=1.5):
    """Add both; with `patch` (pytest's MonkeyPatch) they can be taken out again."""
    patch.setitem(POOLINGS, "sum", Pooling)
    patch.setitem(on_cpu.POOLINGS, "sum", SUM)
    patch.setitem(LOSSES, "tweedie", partial(Tweedie, power=power))
    patch.setitem(naive.HEADS, "tweedie", partial(naive_tweedie, power=power))
    patch.setattr(naive, "shares", naive_shares)
    of_loss = [StrOptions({"squared_error", "tweedie"})]
    patch.setitem(RNNRegressor._parameter_constraints, "loss", of_loss)


# What holds for them on any device.

TOYS = {"pooling": "sum", "loss": "tweedie", "dtype": "float64"}


def check_kernels(new_backend):
    """Outputs, loss and gradient are the references', in one window and in several."""
    problem = make_problem(**TOYS, lengths=(3, 1, 2, 4), hidden_size=3, missing=0.2)
    backend = new_backend(problem.network)
    check_outputs(problem, backend)
    check_loss_gradient(problem, backend=backend)
    check_loss_gradient(problem, backend=backend, bptt_steps=2)


def counts(n):
    """Sequences of 1 to 5 steps, and numbers that grow with the sum of their steps."""
    rng = np.random.default_rng(0)
    X = [rng.uniform(-1, 1, (1 + i % 5, 1)) for i in range(n)]
    return X, np.exp([x.sum() for x in X])


def check_regressor(n=60, **parameters):
    """It trains, predicts by the link, in pieces as well, and refuses other targets."""
    X, y = counts(n)
    parameters = {"hidden_size": 4, "bidirectional": False} | TOYS | parameters
    regressor = RNNRegressor(random_state=0, **parameters)
    predicted = regressor.fit(X, y).predict(X)
    weights = regressor.get_weights()
    outputs = regressor.transform(X) @ weights["head.weight"].T + weights["head.bias"]
    assert_allclose(predicted, np.exp(outputs[:, 0]))
    stream = regressor.stream(n)
    stream.predict([x[:1] for x in X])
    assert_array_equal(stream.predict([x[1:] for x in X]), predicted)
    match = r"loss='tweedie' takes targets in \[0, infinity\) only, y has -1"
    with pytest.raises(ValueError, match=match):
        regressor.fit(X, np.where(y > 1, -1, y))
    other = clone(regressor).set_params(max_iter=1).fit(X, y)
    with pytest.raises(ValueError, match="cannot go on with another network"):
        other.set_params(loss="squared_error").partial_fit(X, y)
    return regressor, regressor.score(X, y)
