"""The pieces of a fit: settings, validation data, and what sees the epochs."""

import re
import warnings
from collections.abc import Mapping
from contextlib import contextmanager
from functools import partial
from numbers import Integral
from reprlib import repr as short
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import check_consistent_length

from skrnn.estimators.inputs import check_is_targets, check_sequences, with_static
from skrnn.estimators.steps import check_one_target, check_weights, flatten_steps
from skrnn.mathematics.optimizers import OPTIMIZERS
from skrnn.mathematics.schedules import SCHEDULES
from skrnn.network import take_weights
from skrnn.sequences import Sequences
from skrnn.training import LBFGS, Settings

# Levels of the stack from `_fit` and `_partial_fit` to the user's line, for warnings:
# decorators stand between.
FIT_LEVEL = 5


class Names(NamedTuple):
    """What the user calls the data, for errors."""

    X: str
    y: str
    weight: str
    static: str


TRAINING = Names("X", "y", "sample_weight", "static")
VALIDATION = Names("X_val", "y_val", "sample_weight_val", "static_val")


class Given(NamedTuple):
    """Sequences with their targets and weights, those of steps below each other."""

    sequences: Sequences
    y: Any
    weights: np.ndarray


class Scored(NamedTuple):
    """What predictions are compared with: a row for each target."""

    sequences: Sequences
    y: np.ndarray  # with a column for each label or value
    missing: np.ndarray  # of the same shape
    weights: np.ndarray
    name: str  # what the user calls y

    def take(self, rows, for_steps):
        """Those of some sequences."""
        places = self.sequences.places(rows) if for_steps else rows
        targets = (array[places] for array in self[1:4])
        return Scored(self.sequences.take(rows), *targets, self.name)


def check_given(
    estimator,
    X,
    y,
    weight,
    *,
    form,
    for_steps,
    dtype,
    names=TRAINING,
    static=None,
    like=None,
):
    """Validate X and the weights, and that targets and static features are as many.

    `like` is the form of static features whose units a first fit keeps, or None.
    Returns all that was given, and the form of X.
    """
    known = form
    with called(names.X):
        sequences, form = check_sequences(estimator, X, dtype, form=form)
    of_static = {"is_first": known is None, "like": like, "name": names.static}
    sequences, form = with_static(estimator, sequences, static, form, **of_static)
    with called(names.X):
        sequences = form.channels(sequences)
        if y is None:
            raise ValueError(
                f"This {type(estimator).__name__} estimator requires y to be passed, "
                f"but the target {names.y} is None."
            )
        check_is_targets(y, names.y)
        check_same_length(X, y, names)
        if for_steps:
            y = flatten_steps(y, sequences.lengths, names.y)
        else:
            check_one_target(y, names.y)
        weights = check_weights(weight, sequences.lengths, for_steps, names.weight)
    return Given(sequences, y, weights), form


def check_same_length(X, y, names):
    """Refuse other numbers of targets than of sequences."""
    try:
        check_consistent_length(X, y)
    except ValueError as error:
        message = str(error).replace("input variables", f"{names.X} and {names.y}")
        raise ValueError(message) from error


@contextmanager
def called(name):
    """Errors about X call it by this name."""
    try:
        yield
    except (TypeError, ValueError) as error:
        if name == "X":
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(re.sub(r"\bX\b", name, str(error))) from error


def is_stochastic(estimator):
    """Whether the solver can go on with a part of the data, for `available_if`."""
    if estimator.solver == LBFGS:
        raise AttributeError(
            "partial_fit is only available for stochastic solvers. 'lbfgs' is not "
            "stochastic."
        )
    return True


def settings_of(estimator, lengths, **changes):
    """The parameters that the training loop needs, as Python's own numbers.

    `lengths` are those of the sequences to learn from.
    """
    convert = {float: as_float, int: as_int, int | None: as_int}
    settings = {
        name: convert.get(kind, getattr)(estimator, name)
        for name, kind in Settings.__annotations__.items()
        if name != "hyperparameters"
    }
    optimizer, limit = OPTIMIZERS.get(settings["solver"]), settings["max_grad_norm"]
    names, dtype = optimizer.hyperparameters if optimizer else (), estimator.dtype
    settings |= {
        "hyperparameters": tuple(as_float(estimator, name, dtype) for name in names),
        "batch_size": min(batch_size_of(estimator, lengths), lengths.size),
        "max_grad_norm": np.inf if limit is None else limit,
        "dropout": settings["dropout"] if _drops_outputs(estimator) else 0.0,
    }
    settings = Settings(**settings | changes)
    if settings.solver == LBFGS:
        _check_lbfgs(settings)
    return settings


# Numbers that are not Python's own: integers of few bits wrap around, and compiled code
# knows no half or extended precision and no integers beyond 64 bits.


def as_int(estimator, name):
    """A parameter as an int, unless it is a name or None."""
    value = getattr(estimator, name)
    # Larger ones mean the same: all samples, all steps, more epochs than anyone awaits.
    return min(int(value), 2**31 - 1) if isinstance(value, Integral) else value


def as_float(estimator, name, dtype=np.float64):
    """A parameter as a float, unless a name or None; refuses what the dtype lacks."""
    value = getattr(estimator, name)
    if value is None or isinstance(value, str):
        return value
    try:
        number = float(value)
    except OverflowError:  # of a large int
        number = np.inf
    limits = np.finfo(dtype)
    least, most = float(limits.tiny), float(limits.max)
    fits = value == number if number in (0, np.inf) else least <= number <= most
    if not fits:
        owner = type(estimator).__name__
        raise ValueError(
            f"The {name!r} parameter of {owner} must fit {limits.dtype}: it must be 0, "
            f"or between {least:.3g} and {most:.3g}."
        )
    return number


def batch_size_of(estimator, lengths):
    """How many sequences a batch has, if there are as many."""
    batch_size = as_int(estimator, "batch_size")
    if batch_size != "auto":
        return batch_size
    # Small data need small batches for enough steps of the solver.
    return max(8, min(32, estimator._automatic_batch_size(lengths)))


def _check_lbfgs(settings):
    for name in ("dropout", "recurrent_dropout", "bptt_steps"):
        value = getattr(settings, name)
        if value:
            raise ValueError(
                f"solver='lbfgs' needs the exact gradient of one function, but {name}="
                f"{value}. Use another solver, or leave {name} at its default."
            )


def settings_of_stream(estimator, lengths):
    """Those of one call of partial_fit: a stream has no end to work towards."""
    schedule = estimator.learning_rate
    if SCHEDULES[schedule].needs_end:
        schedule = "constant"
    return settings_of(
        estimator, lengths, max_iter=1, learning_rate=schedule, warmup_fraction=0.0
    )


def split(rows, fraction, seed, classes):
    """Rows to validate with; of each class, if they have one, the same share."""
    n = int(np.ceil(fraction * rows.size))
    _check_split(rows.size, n, fraction, classes)
    _, rows_val = train_test_split(
        rows, test_size=fraction, random_state=seed, stratify=classes
    )
    return np.sort(rows_val)


def _check_split(n, n_val, fraction, classes):
    """Say what scikit-learn would, in terms of the estimator's parameters."""
    shares = f"validation_fraction={fraction} sets {n_val} of {n} samples aside"
    problem = None
    if n_val == n:
        problem = f"{shares}: there is none to learn from"
    elif classes is not None:
        labels, counts = np.unique(classes, return_counts=True)
        if counts.min() < 2:
            rare = labels[counts.argmin()].item()
            problem = (
                f"the least populated class, {short(rare)}, has 1 sample: 2 are needed"
            )
        elif min(n_val, n - n_val) < labels.size:
            problem = f"{shares}: with {labels.size} classes, both parts need as many"
    if problem:
        raise ValueError(
            f"early_stopping cannot set validation data aside: {problem}. Pass more "
            "samples, another validation_fraction, or validation data (X_val); or set "
            "early_stopping=False."
        )


def check_pair(X_val, y_val, sample_weight_val, early_stopping, static_val=None):
    """Whether validation data are given; refuses parts of them."""
    if (X_val is None) != (y_val is None):
        given, missing = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
        raise ValueError(f"{given} is provided, but {missing} was not provided.")
    others = {"sample_weight_val": sample_weight_val, "static_val": static_val}
    for name, value in others.items():
        if X_val is None and value is not None:
            raise ValueError(
                f"{name} is provided, but X_val and y_val were not provided."
            )
    if X_val is not None and not early_stopping:
        raise ValueError(
            "X_val and y_val are passed to fit while at the same time early_stopping "
            "is False. When passing X_val and y_val to fit, early_stopping should be "
            "set to True."
        )
    return X_val is not None


def with_given_weights(network, parameters, weights, head_fits):
    """Initial parameters, replaced by given weights; the head only where it fits."""
    if not isinstance(weights, Mapping):
        raise TypeError(
            "init_weights must be a fitted estimator of this package or a dict as "
            f"get_weights returns it, got {type(weights).__name__}."
        )
    own, given = network.export_weights(parameters), dict(weights)
    heads = [name for name in own if name.startswith("head.")]
    is_other = any(n not in given or _is_other(given[n], own[n]) for n in heads)
    if is_other or not head_fits:
        given |= {name: own[name] for name in heads}
    try:
        return take_weights(network, given, "init_weights")
    except ValueError as error:
        raise ValueError(f"init_weights do not fit this network: {error}") from error


def _is_other(values, own):
    """Whether values are an array of another size; what is none is refused later."""
    try:
        shape = np.shape(values)
    except ValueError:  # rows of several lengths
        return False
    return len(shape) == own.ndim and shape != own.shape


class Watch:
    """Sees the epochs of a fit: prints them, and tells the callbacks.

    Parameters
    ----------
    tasks : FitTasks
    verbose : bool
    model_at : callable
        Makes the model of a state.
    state : State
        Before the first epoch.
    """

    def __init__(self, tasks, verbose, model_at, state):
        self.tasks, self.verbose, self.model_at = tasks, verbose, model_at
        self.last, self._n_steps = None, state.n_steps
        self.is_stopped = False  # by a callback
        self.is_done = False  # set when training ended, rather than was interrupted

    def begin_epoch(self):
        """As `train` calls it."""
        self.tasks.begin_epoch()
        self._start = perf_counter()

    def end_epoch(self, state, converged):
        """As `train` calls it; returns whether a callback wants training to stop."""
        self.last = state
        if self.verbose:
            self._print(state)
        self.is_stopped = bool(self.tasks.end_epoch(partial(self._attributes, state)))
        return self.is_stopped

    def _attributes(self, state):
        """What an estimator needs to be fitted as at this state."""
        return {"_model": self.model_at(state)}

    def _print(self, state):
        seconds = perf_counter() - self._start
        parts = [
            f"Iteration {len(state.loss_curve)}",
            f"loss = {state.loss_curve[-1]:.8f}",
        ]
        if state.best_vector is not None:
            parts.append(f"validation score = {state.validation_scores[-1]:.6f}")
        parts.append(f"{seconds:.2f} s")
        n_steps, self._n_steps = state.n_steps - self._n_steps, state.n_steps
        if n_steps:
            parts.append(f"{n_steps / seconds:.0f} steps/s")
        print(", ".join(parts))


def _drops_outputs(estimator):
    return estimator.n_layers > 1 or estimator._drops_attended


def warn_of_idle_dropout(estimator, stacklevel):
    """Say that dropout between layers needs several."""
    if estimator.dropout > 0 and not _drops_outputs(estimator):
        warnings.warn(
            f"dropout={estimator.dropout} has no effect with n_layers=1: it is applied "
            "to the outputs of all layers but the last.",
            stacklevel=stacklevel + 1,
        )


def warn_at_max_iter(settings, stacklevel):
    """Say that training ended before it converged, unless that was the plan."""
    if settings.solver == LBFGS:
        message = (
            f"lbfgs failed to converge after {settings.max_iter} iteration(s) or in "
            "its line search. Increase max_iter, or scale the data."
        )
    elif SCHEDULES[settings.learning_rate].needs_end:
        return
    else:
        message = (
            f"Stochastic Optimizer: Maximum iterations ({settings.max_iter}) reached "
            "and the optimization hasn't converged yet."
        )
    warnings.warn(message, ConvergenceWarning, stacklevel=stacklevel + 1)
