"""What of skrnn is timed."""

import warnings
from functools import partial

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skrnn import RNNClassifier, training
from skrnn.backends import make_backend

MAX_NORM = 1.0
# Steps on one and the same batch would soon fit it, and gradients would sink to
# denormal numbers, which are slow. At this rate the weights hardly move.
LEARNING_RATE = 1e-8
# As many as by default in an epoch of fit, which has some work of its own.
STEPS_AN_EPOCH = 8


def training_epoch(problem, batch_size=None, repeats=1, device="cpu"):
    """Return a callable that trains for one epoch, as in fit, and gives its loss.

    The epoch takes the sequences `repeats` times, all in one batch or in batches of
    this size. The checks of the input, which fit makes once, are left out.
    """
    network, labels = problem.network(), problem.labels()
    settings = training.Settings(
        solver="adam",
        hyperparameters=(0.9, 0.999, 1e-8),
        weight_decay=0.0,
        alpha=0.0,
        batch_size=batch_size or problem.N,
        learning_rate="constant",
        learning_rate_init=LEARNING_RATE,
        power_t=0.5,
        warmup_fraction=0.0,
        max_iter=10**9,
        shuffle=False,
        tol=0.0,
        n_iter_no_change=10**9,
        max_grad_norm=MAX_NORM,
        dropout=0.0,
        recurrent_dropout=0.0,
        bptt_steps=None,
        unknown_fraction=0.0,
        embedding_dropout=(0.0, 0.0),
    )
    rows = np.tile(np.arange(problem.N), repeats)
    data = training.Data(
        problem.sequences(), labels[:, None], np.ones(labels.size), rows
    )
    random_state, parameters = np.random.RandomState(0), problem.parameters()
    pattern = {"all": "*", "head": "head.*"}[problem.trainable]
    trainable = training.Trainable(network, parameters, network.arrays_of([pattern]))
    backend = make_backend(device, network, trainable.needed)
    given = training.Problem(backend, network, trainable, data, settings)
    state = training.State.start(trainable.start(parameters, random_state), "adam")

    def epoch():
        nonlocal state
        # The curves are copied each epoch; no fit has as many epochs as are timed.
        state.loss_curve, state.grad_norm_curve = [], []
        state, _ = training.train_epoch(given, state, random_state)
        return state.loss_curve[-1]

    return epoch


def fitted(problem):
    """An estimator that has seen as many classes, and hardly learned."""
    first = problem._replace(N=8, ragged=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return RNNClassifier(
            cell=problem.cell,
            hidden_size=problem.H,
            n_layers=problem.n_layers,
            bidirectional=problem.bidirectional,
            layer_norm=False,  # the others have none
            pooling="last",
            max_iter=1,
            random_state=0,
        ).fit(first.arrays(), first.labels())


def user_input(problem):
    """X as a user has it: a list if lengths differ, else one array."""
    arrays = problem.arrays()
    return arrays if problem.ragged else np.stack(arrays)


def predict_call(problem):
    """The estimator's predict: validation, outputs and labels."""
    return partial(fitted(problem).predict, user_input(problem))


def backend_call(problem, parameters, what="outputs"):
    """What predict calls once the input is checked; `what` is the method's name."""
    backend = make_backend("cpu", problem.network())
    return partial(getattr(backend, what), parameters, problem.sequences())
