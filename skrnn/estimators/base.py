"""What both estimators share: fitting, states, weights."""

import copy
import warnings
from contextlib import contextmanager
from functools import partial

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skrnn.backends import make_backend
from skrnn.estimators.callbacks import CallbackSupportMixin, FitTasks
from skrnn.estimators.containers import SetOutputMixin
from skrnn.estimators.docs import with_common_sections
from skrnn.estimators.inputs import check_sequences
from skrnn.estimators.steps import (
    check_one_target,
    check_weights,
    flatten_steps,
    like_input,
)
from skrnn.estimators.stream import Stream
from skrnn.mathematics.optimizers import OPTIMIZERS
from skrnn.network import Network
from skrnn.training import Data, Settings, State, train


@with_common_sections
class BaseRNN(
    CallbackSupportMixin,
    SetOutputMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Training and states; the subclasses know the targets."""

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
        self._warn_of_idle_dropout(stacklevel=6)
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
        self._warn_of_idle_dropout(stacklevel=5)
        with self._unchanged_on_error():
            goes_on = hasattr(self, "_network")
            data = self._check_data(
                X, y, sample_weight, reset=not goes_on, **target_options
            )
            if goes_on and self._resume is not None and self._resume[0] == self.solver:
                _, state, random_state = self._resume
                # What fails leaves the old one as it was.
                random_state = copy.deepcopy(random_state)
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
        if self.return_sequences:
            y = flatten_steps(y, sequences, "y")
        else:
            check_one_target(y)
        weights = check_weights(sample_weight, sequences, self.return_sequences)
        targets, missing, loss_name, output_sizes = self._check_targets(
            y, reset=reset, weights=weights, **target_options
        )
        weights = np.where(missing, 0, weights)
        if not weights.any():
            raise ValueError(
                "There is nothing to learn: every target is missing or has weight 0."
            )
        self._check_network(self._make_network(loss_name, output_sizes), reset)
        return Data(sequences, targets, weights)

    def _make_network(self, loss_name, output_sizes):
        if self.bidirectional and self.bptt_steps is not None:
            raise ValueError(
                f"bptt_steps={self.bptt_steps} needs a network that reads forward, but "
                "bidirectional=True. Set bptt_steps=None or bidirectional=False."
            )
        return Network(
            cell_name=self.cell,
            activation=self.activation,
            n_features=self.n_features_per_step_,
            hidden_size=int(self.hidden_size),
            n_layers=int(self.n_layers),
            bidirectional=bool(self.bidirectional),
            layer_norm=bool(self.layer_norm),
            pooling=None if self.return_sequences else self.pooling,
            output_sizes=output_sizes,
            loss_name=loss_name,
            dtype=self.dtype,
        )

    def _check_network(self, network, reset):
        if reset:
            self._network = network
            self.n_outputs_ = network.n_outputs
            self.out_activation_ = network.loss.out_activation
        elif network != self._network:
            raise ValueError(
                f"Training cannot go on with another network: it was {self._network}, "
                f"now it is {network}. Use a new estimator, or warm_start=False."
            )

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
            "batch_size": min(n, self._used_batch_size(n)),
            "learning_rate": self.learning_rate,
            "learning_rate_init": self.learning_rate_init,
            "max_iter": self.max_iter,
            "shuffle": self.shuffle,
            "tol": self.tol,
            "n_iter_no_change": self.n_iter_no_change,
            "max_grad_norm": np.inf if limit is None else limit,
            "dropout": self.dropout if self.n_layers > 1 else 0.0,
            "recurrent_dropout": self.recurrent_dropout,
            "bptt_steps": self.bptt_steps,
        }
        return Settings(**settings | changes)

    def _used_batch_size(self, n):
        if self.batch_size != "auto":
            return self.batch_size
        # Small data need small batches for enough steps of the solver.
        return max(8, min(32, n // 8))

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

    def _warn_of_idle_dropout(self, stacklevel):
        if self.dropout > 0 and self.n_layers == 1:
            warnings.warn(
                f"dropout={self.dropout} has no effect with n_layers=1: it is applied "
                "to the outputs of all layers but the last.",
                stacklevel=stacklevel,
            )

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

    def _sequences_to_predict(self, X):
        """Sequences, and a function that gives results for them the form of X."""
        check_is_fitted(self)
        sequences = check_sequences(self, X, self._network.dtype, reset=False)
        if self._network.pooling is not None:
            return sequences, lambda results: results
        return sequences, partial(like_input, X=X, sequences=sequences)

    def _compute(self, X, what):
        """Results of one of the backend's methods, and how to give them X's form."""
        sequences, shape = self._sequences_to_predict(X)
        backend = make_backend(self.device, self._network)
        return getattr(backend, what)(self._parameters, sequences), shape

    def _to_score(self, X, y, sample_weight):
        """Outputs, true targets and weights, of sequences or of their steps."""
        sequences, _ = self._sequences_to_predict(X)
        check_consistent_length(X, y)
        for_steps = self._network.pooling is None
        if for_steps:
            y = flatten_steps(y, sequences, "y")
        weights = check_weights(sample_weight, sequences, for_steps)
        backend = make_backend(self.device, self._network)
        return backend.outputs(self._parameters, sequences), y, weights

    def transform(self, X):
        """Get the states of the last layer, as features for another estimator.

        Parameters
        ----------
        {X}

        Returns
        -------
        states : ndarray of shape (n_samples, n_directions * hidden_size)
            The pooled states. With ``return_sequences=True`` those of every step: a
            list of arrays (n_timesteps_i, n_directions * hidden_size), or one array
            (n_samples, n_timesteps, n_directions * hidden_size) if X is no list.
            `set_output` turns pooled states into a DataFrame.
        """
        states, shape = self._compute(X, "features")
        return self._in_container(shape(states), X, self.get_feature_names_out)

    @property
    def _n_features_out(self):
        return self._network.n_states_out

    def attention_weights(self, X):
        """Get the share that each step has in what attention pools.

        Parameters
        ----------
        {X}

        Returns
        -------
        weights : list of ndarray of shape (n_timesteps_i,)
            For each sequence; they sum to 1.

        Raises
        ------
        ValueError
            If the estimator was fitted with another pooling.
        """
        sequences, _ = self._sequences_to_predict(X)
        pooling = self._network.pooling
        if pooling != "attention":
            raise ValueError(
                "There are attention weights with pooling='attention' only, the "
                f"network was fitted with {pooling!r}."
            )
        backend = make_backend(self.device, self._network)
        weights = backend.attention_weights(self._parameters, sequences)
        return np.split(weights, sequences.offsets[1:-1])

    def stream(self, n_sequences=1):
        """Predict for sequences that come a piece at a time.

        Parameters
        ----------
        n_sequences : int, default=1
            How many sequences come side by side.

        Returns
        -------
        stream : Stream
            Its methods `predict`, `predict_proba` (of a classifier) and `transform`
            take the next steps of each sequence.

        Raises
        ------
        ValueError
            If the network is bidirectional: it would need the last step first.
        """
        check_is_fitted(self)
        if self._network.bidirectional:
            raise ValueError(
                "A bidirectional network needs whole sequences: it has no stream. Fit "
                "an estimator with bidirectional=False."
            )
        return Stream(self, n_sequences)

    def get_weights(self):
        """Get the weights under PyTorch's names and in its shapes.

        Returns
        -------
        weights : dict of str to ndarray
            For each layer k from 0 on ``weight_ih_l{k}`` (n_gates * hidden_size,
            n_inputs), ``weight_hh_l{k}`` (n_gates * hidden_size, hidden_size),
            ``bias_ih_l{k}`` and ``bias_hh_l{k}`` (n_gates * hidden_size,), and the
            same with ``_reverse`` for the other direction; ``head.weight``
            (n_outputs, n_directions * hidden_size) and ``head.bias`` (n_outputs,);
            with ``pooling="attention"`` also ``attention.weight`` (hidden_size,
            n_directions * hidden_size), ``attention.bias`` and ``attention.query``
            (hidden_size,). The gates stand in PyTorch's order: i, f, g, o (LSTM);
            r, z, n (GRU). Where a gate needs one bias only, ``bias_ih_l{k}`` has it
            and ``bias_hh_l{k}`` has 0.
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
        # States have the dtype of the network, whatever that of X.
        tags.transformer_tags.preserves_dtype = []
        return tags
