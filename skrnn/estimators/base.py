"""What both estimators share: parameters, fitting, weights."""

import warnings
from contextlib import contextmanager
from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
)

from skrnn.backends import make_backend
from skrnn.estimators.callbacks import CallbackSupportMixin, FitTasks
from skrnn.estimators.inputs import check_sequences
from skrnn.mathematics.cells import CELLS
from skrnn.mathematics.optimizers import OPTIMIZERS
from skrnn.mathematics.poolings import POOLINGS
from skrnn.mathematics.schedules import SCHEDULES
from skrnn.network import Network
from skrnn.training import Data, Settings, State, train


class BaseRNN(CallbackSupportMixin, BaseEstimator):
    """Parameters and training; the subclasses know the targets."""

    _parameter_constraints = {
        "cell": [StrOptions({name for name, _ in CELLS})],
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions({"tanh", "relu"})],
        "pooling": [StrOptions(set(POOLINGS))],
        "n_features_per_step": [Interval(Integral, 1, None, closed="left")],
        "solver": [StrOptions(set(OPTIMIZERS))],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "learning_rate": [StrOptions(set(SCHEDULES))],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "max_grad_norm": [Interval(Real, 0, None, closed="neither"), None],
        "dtype": [StrOptions({"float32", "float64"})],
        "device": [StrOptions({"auto", "cpu", "cuda"})],
    }

    def __init__(
        self,
        cell="gru",
        hidden_size=64,
        *,
        activation="tanh",
        pooling="max",
        n_features_per_step=1,
        solver="adam",
        alpha=1e-4,
        batch_size="auto",
        learning_rate="cosine",
        learning_rate_init=1e-2,
        max_iter=100,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        n_iter_no_change=10,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        max_grad_norm=1.0,
        dtype="float32",
        device="auto",
    ):
        self.cell = cell
        self.hidden_size = hidden_size
        self.activation = activation
        self.pooling = pooling
        self.n_features_per_step = n_features_per_step
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.max_grad_norm = max_grad_norm
        self.dtype = dtype
        self.device = device

    def _fit(self, X, y, sample_weight):
        tasks = FitTasks(
            self,
            self.max_iter,
            X=X,
            y=y,
            metadata=None
            if sample_weight is None
            else {"sample_weight": sample_weight},
        )
        with self._unchanged_on_error():
            goes_on = self.warm_start and hasattr(self, "_network")
            data = self._check_data(X, y, sample_weight, reset=not goes_on)
            random_state = check_random_state(self.random_state)
            state = self._start(random_state, goes_on)
            state = self._run_epochs(data, state, random_state, tasks)
            self._take(self._fitted_attributes(state))
        tasks.end({})
        return self

    def _partial_fit(self, X, y, sample_weight, **target_options):
        with self._unchanged_on_error():
            goes_on = hasattr(self, "_network")
            data = self._check_data(
                X, y, sample_weight, reset=not goes_on, **target_options
            )
            if goes_on and self._resume is not None and self._resume[0] == self.solver:
                _, state, random_state = self._resume
            else:
                random_state = check_random_state(self.random_state)
                state = self._start(random_state, goes_on)
            # A stream has no end that a schedule could work towards.
            settings = self._settings(data, max_iter=1, learning_rate="constant")
            state, _ = next(self._epochs(data, settings, state, random_state))
            self._take(self._fitted_attributes(state))
            self._resume = self.solver, state, random_state
        return self

    def _check_data(self, X, y, sample_weight, *, reset, **target_options):
        """Validate all that fit was given; sets the attributes that describe it."""
        sequences = check_sequences(self, X, self.dtype, reset=reset)
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                "the target y is None."
            )
        check_consistent_length(X, y)
        weights = _check_sample_weight(
            sample_weight, sequences.lengths, dtype=np.float64, ensure_non_negative=True
        )
        targets, loss_name = self._check_targets(
            y, reset=reset, weights=weights, **target_options
        )
        network = Network(
            cell_name=self.cell,
            activation=self.activation,
            n_features=self.n_features_per_step_,
            hidden_size=int(self.hidden_size),
            pooling=self.pooling,
            n_outputs=self.n_outputs_,
            loss_name=loss_name,
            dtype=self.dtype,
        )
        if reset:
            self._network = network
            self.out_activation_ = network.loss.out_activation
        elif network != self._network:
            raise ValueError(
                f"Training cannot go on with another network: it was {self._network}, "
                f"now it is {network}. Use a new estimator, or warm_start=False."
            )
        return Data(sequences, targets, weights)

    def _start(self, random_state, goes_on):
        """The state before the first epoch."""
        if not goes_on:
            parameters = self._network.initial_parameters(random_state)
            return State.start(parameters, self.solver)
        # The best loss starts anew: one on other data is no measure for this fit.
        state = State.start(self._parameters, self.solver)
        state.loss_curve = self.loss_curve_
        return state

    def _settings(self, data, **changes):
        names = OPTIMIZERS[self.solver].hyperparameters
        n = data.sequences.n_sequences
        limit = self.max_grad_norm
        settings = {
            "solver": self.solver,
            "hyperparameters": tuple(getattr(self, name) for name in names),
            "alpha": self.alpha,
            "batch_size": min(32 if self.batch_size == "auto" else self.batch_size, n),
            "learning_rate": self.learning_rate,
            "learning_rate_init": self.learning_rate_init,
            "max_iter": self.max_iter,
            "shuffle": self.shuffle,
            "tol": self.tol,
            "n_iter_no_change": self.n_iter_no_change,
            "max_grad_norm": np.inf if limit is None else limit,
        }
        return Settings(**settings | changes)

    def _epochs(self, data, settings, state, random_state):
        backend = make_backend(self.device, self._network)
        return train(backend, self._network, data, settings, state, random_state)

    def _run_epochs(self, data, state, random_state, tasks):
        """Train until done, stopped or interrupted; returns the last whole state."""
        epochs = self._epochs(data, self._settings(data), state, random_state)
        last = None
        try:
            for _ in range(self.max_iter):
                tasks.begin_epoch()
                last, converged = next(epochs)
                n_iter, loss = len(last.loss_curve), last.loss_curve[-1]
                if self.verbose:
                    print(f"Iteration {n_iter}, loss = {loss:.8f}")
                stop = tasks.end_epoch(partial(self._fitted_attributes, last))
                if stop or converged:
                    break
            else:
                self._warn_at_max_iter()
        except KeyboardInterrupt:
            if last is None:
                raise
            warnings.warn("Training interrupted by user.", stacklevel=6)
        return last

    def _warn_at_max_iter(self):
        # The cosine schedule ends at max_iter by design.
        if self.learning_rate == "constant":
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached "
                "and the optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=7,
            )

    @staticmethod
    def _fitted_attributes(state):
        return {
            "_parameters": state.parameters,
            "_resume": None,  # what partial_fit would go on with
            "n_iter_": len(state.loss_curve),
            "loss_": state.loss_curve[-1],
            "best_loss_": min(state.loss_curve),
            "loss_curve_": state.loss_curve,
        }

    def _take(self, attributes):
        for name, value in attributes.items():
            setattr(self, name, value)

    @contextmanager
    def _unchanged_on_error(self):
        """If the block fails, the estimator is as it was before."""
        before = self.__dict__.copy()
        try:
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _outputs(self, X):
        """The head's outputs for X, in float64."""
        check_is_fitted(self)
        sequences = check_sequences(self, X, self._network.dtype, reset=False)
        backend = make_backend(self.device, self._network)
        return backend.outputs(self._parameters, sequences).astype(np.float64)

    def get_weights(self):
        """Get the weights under PyTorch's names and in its shapes.

        Returns
        -------
        weights : dict of str to ndarray
            ``weight_ih_l0`` (n_gates * hidden_size, n_features), ``weight_hh_l0``
            (n_gates * hidden_size, hidden_size), ``bias_ih_l0`` and ``bias_hh_l0``
            (n_gates * hidden_size,), ``head.weight`` (n_outputs, hidden_size) and
            ``head.bias`` (n_outputs,). The gates stand in PyTorch's order: i, f, g, o
            (LSTM); r, z, n (GRU). Where a gate needs one bias only, ``bias_ih_l0``
            has it and ``bias_hh_l0`` has 0.
        """
        check_is_fitted(self)
        return self._network.export_weights(self._parameters)

    def set_weights(self, weights):
        """Set the weights of a fitted estimator.

        Parameters
        ----------
        weights : dict of str to array-like
            As `get_weights` returns it, with both biases of a gate added up where the
            cell needs one only. What the solver remembers of earlier steps is dropped.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If a name is missing or unknown, or an array has another shape or a value
            that is not finite.
        """
        check_is_fitted(self)
        self._parameters = self._network.import_weights(weights)
        self._resume = None
        return self

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_parameters")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
