"""Training: what `fit` and `partial_fit` of both estimators do."""

import warnings
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skrnn.backends import make_backend
from skrnn.compat import CallbackSupportMixin
from skrnn.estimators.callbacks import FitTasks, NoTasks
from skrnn.estimators.inputs import check_sequences
from skrnn.estimators.runs import (
    FIT_LEVEL,
    PARTIAL_FIT_LEVEL,
    Run,
    Watch,
    check_pair,
    check_scored,
    settings_of,
    settings_of_stream,
    split,
    warn_at_max_iter,
    warn_of_idle_dropout,
    with_given_weights,
)
from skrnn.estimators.steps import check_one_target
from skrnn.network import Network
from skrnn.training import (
    Data,
    Problem,
    State,
    Trainable,
    restore_random_state,
    train,
)


class TrainingMixin(CallbackSupportMixin):
    """Trains a network; the estimators know the targets and the scores."""

    def _fit(self, X, y, sample_weight, init_weights, **validation):
        metadata = {"sample_weight": sample_weight} | validation
        metadata = {name: data for name, data in metadata.items() if data is not None}
        tasks = FitTasks(self, self.max_iter, X=X, y=y, metadata=metadata or None)
        warn_of_idle_dropout(self, FIT_LEVEL)
        with self._unchanged_on_error():
            goes_on = self.warm_start and hasattr(self, "_network")
            data, scored = self._check_data(X, y, sample_weight, reset=not goes_on)
            random_state = check_random_state(self.random_state)
            if goes_on and self._may_resume("fit"):
                run = self._run
                random_state = restore_random_state(run.state.random_state)
            else:
                run = self._start("fit", random_state, goes_on, init_weights)
            data, validate = self._validation(
                data, scored, run.state.split_seed, **validation
            )
            settings = settings_of(self, data.rows.size)
            attributes = partial(self._fitted_attributes, run)
            watch = Watch(tasks, self.verbose, attributes, run.state)
            self._train(run, data, settings, validate, random_state, watch)
            state = run.state if watch.last is None else watch.last
            self._take(attributes(state, is_whole=watch.is_done))
        tasks.end({})
        return self

    def _partial_fit(self, X, y, sample_weight, **target_options):
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        warn_of_idle_dropout(self, PARTIAL_FIT_LEVEL)
        with self._unchanged_on_error():
            goes_on = hasattr(self, "_network")
            data, _ = self._check_data(
                X, y, sample_weight, reset=not goes_on, **target_options
            )
            if goes_on and self._may_resume("partial_fit"):
                run = self._run
                # What fails leaves the old one as it was.
                random_state = restore_random_state(run.state.random_state)
            else:
                random_state = check_random_state(self.random_state)
                run = self._start("partial_fit", random_state, goes_on)
            settings = settings_of_stream(self, data.rows.size)
            run = run._replace(
                state=replace(run.state, n_epochs=0, has_converged=False)
            )
            attributes = partial(self._fitted_attributes, run)
            watch = Watch(NoTasks(), self.verbose, attributes, run.state)
            self._train(run, data, settings, None, random_state, watch)
            self._take(attributes(watch.last))
        return self

    def _train(self, run, data, settings, validate, random_state, watch):
        """Train until done, stopped or interrupted."""
        trainable = run.trainable
        needed = None if trainable.is_whole else trainable.needed
        backend = make_backend(self.device, self._network, needed)
        if validate is not None:
            validate = partial(validate, backend)
        problem = Problem(backend, self._network, trainable, data, settings, validate)
        try:
            converged = train(problem, run.state, random_state, watch)
        except KeyboardInterrupt:
            if watch.last is None or run.kind != "fit":
                raise
            warnings.warn("Training interrupted by user.", stacklevel=FIT_LEVEL + 1)
            return
        watch.is_done = True
        if run.kind == "fit" and not (converged or watch.is_stopped):
            warn_at_max_iter(self, FIT_LEVEL + 1)

    def _check_data(self, X, y, sample_weight, *, reset, **target_options):
        """Validate all that fit was given; sets the attributes that describe it."""
        sequences = check_sequences(self, X, self.dtype, reset=reset)
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                "the target y is None."
            )
        scored = check_scored(X, y, sample_weight, sequences, self.return_sequences)
        if not self.return_sequences:
            check_one_target(y)
        targets, weights, loss_name, output_sizes = self._check_targets(
            scored.y, reset=reset, weights=scored.weights, **target_options
        )
        if not weights.any():
            raise ValueError(
                "There is nothing to learn: every target is missing or has weight 0."
            )
        self._check_network(self._make_network(loss_name, output_sizes), reset)
        rows = np.arange(sequences.n_sequences)
        return Data(sequences, targets, weights, rows), scored

    def _validation(self, data, scored, seed, X_val, y_val, sample_weight_val):
        """What is left to learn from, and a function that scores the validation data.

        That takes a backend and parameters; there is none without early stopping.
        """
        if check_pair(X_val, y_val, self.early_stopping):
            sequences = check_sequences(self, X_val, self.dtype, reset=False)
            scored = check_scored(
                X_val, y_val, sample_weight_val, sequences, self.return_sequences
            )
        elif self.early_stopping:
            n, strata = data.sequences.n_sequences, self._strata(data)
            rows, rows_val = split(n, self.validation_fraction, seed, strata)
            places = data.sequences.places(rows) if self.return_sequences else rows
            if not data.weights[places].any():
                raise ValueError(
                    "There is nothing to learn: all targets that are not set aside for "
                    "validation are missing or have weight 0."
                )
            data = data._replace(rows=rows)
            scored = scored.take(rows_val, self.return_sequences)
        else:
            return data, None

        def validate(backend, parameters):
            outputs = backend.outputs(parameters, scored.sequences)
            score = self._score_outputs(outputs, scored.y, scored.weights)
            if np.isnan(score):
                raise ValueError(
                    f"The score of the validation data ({scored.sequences.n_sequences} "
                    "samples) is NaN. Use more of them, or early_stopping=False."
                )
            return score

        return data, validate

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

    def _may_resume(self, kind):
        """Whether there is a training to go on with, and the parameters allow it."""
        run = self._run
        if run is None or (run.kind, run.solver) != (kind, self.solver):
            return False
        parts, rank = run.trainable.parts, run.trainable.rank
        return (parts, rank) == (self._trainable(run.trainable.base).parts, self._rank)

    @property
    def _rank(self):
        return int(self.adapter_rank)

    def _trainable(self, base):
        """What `trainable` and `adapter_rank` say, over these parameters."""
        chosen = self.trainable
        if isinstance(chosen, str):
            chosen = [{"all": "*", "head": "head.*"}.get(chosen, chosen)]
        parts = self._network.parts(chosen)
        trainable = Trainable(self._network, base, parts, self._rank)
        if not trainable.needed:
            raise ValueError(
                "There is nothing to train: trainable names no weights and "
                "adapter_rank=0."
            )
        return trainable

    def _start(self, kind, random_state, goes_on, init_weights=None):
        """The run before its first epoch."""
        if goes_on and init_weights is not None:
            raise ValueError(
                "init_weights are for a new fit, but warm_start=True goes on with the "
                "last one. Set warm_start=False."
            )
        values = {}
        if not goes_on:
            parameters = self._network.initial_parameters(random_state)
            if init_weights is not None:
                parameters = self._given_parameters(parameters, init_weights)
        else:
            parameters = self._parameters
            # The best loss starts anew: one on other data is no measure for this fit.
            values["loss_curve"] = self.loss_curve_
            values["grad_norm_curve"] = self.grad_norm_curve_
            if self.early_stopping:
                values["validation_scores"] = self.validation_scores_ or []
        trainable, vector = self._trainable(parameters), None
        if goes_on and self._adapted is not None:
            old, old_vector = self._adapted
            if (old.parts, old.rank) == (trainable.parts, trainable.rank):
                trainable, vector = old, old_vector
        if vector is None:
            vector = trainable.start(parameters, random_state)
        if kind == "fit" and self.early_stopping:
            values["split_seed"] = random_state.randint(2**31 - 1)
        state = State.start(vector, self.solver, **values)
        return Run(kind, self.solver, trainable, state)

    def _given_parameters(self, parameters, init_weights):
        head_fits = True
        if isinstance(init_weights, TrainingMixin):
            check_is_fitted(init_weights)
            head_fits = self._predicts_the_same(init_weights)
            init_weights = init_weights.get_weights()
        return with_given_weights(self._network, parameters, init_weights, head_fits)

    def _predicts_the_same(self, other):
        """Whether the head of another estimator means the same as ours."""
        return (
            other._network.loss_name == self._network.loss_name
            and other._network.output_sizes == self._network.output_sizes
        )

    def _strata(self, data):
        """Values of which the validation data have the same shares; None: of none."""
        return None

    def _fitted_attributes(self, run, state, is_whole=False):
        """What a fit leaves that has come to this state."""
        trainable, is_validated = run.trainable, state.best_vector is not None
        return {
            "_parameters": trainable.parameters(state.result),
            "_adapted": (trainable, state.result) if trainable.rank else None,
            # What partial_fit, or fit with warm_start, would go on with.
            "_run": None if is_whole else run._replace(state=state),
            "n_iter_": len(state.loss_curve),
            "loss_": state.loss_curve[-1],
            "best_loss_": min(state.loss_curve),
            "loss_curve_": state.loss_curve,
            "grad_norm_curve_": state.grad_norm_curve,
            "validation_scores_": state.validation_scores if is_validated else None,
            "best_validation_score_": state.best_score if is_validated else None,
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
