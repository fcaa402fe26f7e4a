"""What a fit leaves: one immutable value.

`fit` builds it aside and assigns it last. A prediction takes it once, so it sees one
state whatever other threads do; what fails or is interrupted leaves the old one.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from skrnn.estimators.inputs import InputForm
from skrnn.network import Network
from skrnn.training import State, Trainable


class Run(NamedTuple):
    """A training that may go on: an unfinished fit, or calls of partial_fit."""

    kind: str  # "fit" or "partial_fit"
    solver: str
    trainable: Trainable
    state: State


class Adapted(NamedTuple):
    """Weights with adapters, before these are merged into the matrices."""

    trainable: Trainable
    vector: np.ndarray


class History(NamedTuple):
    """How the epochs went."""

    loss_curve: tuple
    grad_norm_curve: tuple
    validation_scores: tuple | None = None
    best_validation_score: float | None = None


@dataclass(frozen=True)
class Model:
    """A network, its weights, and what X and y were.

    A *draft*, which `fit` trains, has the first three only.
    """

    network: Network
    inputs: InputForm
    targets: Any  # a kind of `estimators.labels`, `RealValues` or `NextToken`
    parameters: np.ndarray | None = None  # the network's flat vector
    history: History | None = None
    adapted: Adapted | None = None
    run: Run | None = None  # what training would go on with

    @property
    def is_for_steps(self):
        """Whether there is a target for each time step."""
        return self.network.has_step_targets

    @property
    def has_step_outputs(self):
        """Whether there is an output for each time step, or frame."""
        return self.network.pooling is None

    def attributes(self):
        """What a fitted estimator shows of it: names and values."""
        history, network = self.history, self.network
        scores = history.validation_scores
        return {
            **self.inputs.attributes(),
            **self.targets.attributes(),
            "frame_length_": network.frame_length,
            "hop_length_": network.hop_length,
            "n_outputs_": network.n_outputs,
            "out_activation_": network.loss.out_activation,
            "n_iter_": len(history.loss_curve),
            "loss_": history.loss_curve[-1],
            "best_loss_": min(history.loss_curve),
            "loss_curve_": list(history.loss_curve),
            "grad_norm_curve_": list(history.grad_norm_curve),
            "validation_scores_": None if scores is None else list(scores),
            "best_validation_score_": history.best_validation_score,
        }

    def with_parameters(self, parameters, **changes):
        """A model with other weights, which nobody can change."""
        parameters = parameters.view()
        parameters.flags.writeable = False
        return replace(self, parameters=parameters, **changes)


def trained(draft, run, state, is_whole=False):
    """The model of a fit that has come to this state; a whole one does not go on."""
    trainable, is_validated = run.trainable, state.best_vector is not None
    history = History(
        tuple(state.loss_curve),
        tuple(state.grad_norm_curve),
        tuple(state.validation_scores) if is_validated else None,
        state.best_score if is_validated else None,
    )
    return draft.with_parameters(
        trainable.parameters(state.result),
        history=history,
        adapted=Adapted(trainable, state.result) if trainable.rank else None,
        run=None if is_whole else run._replace(state=state),
    )
