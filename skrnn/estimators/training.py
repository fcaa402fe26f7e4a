"""Training: what `fit` and `partial_fit` of both estimators do."""

import warnings
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skrnn.backends import make_backend
from skrnn.compat import CallbackSupportMixin
from skrnn.estimators.callbacks import NoTasks, announce_fit
from skrnn.estimators.embedding import (
    EPOCHS,
    check_categorical,
    check_ngrams,
    embedding_dropout_of,
    embeddings_of,
    n_epochs_of,
    weights_by_category,
    weights_of_static,
    with_ngrams,
    with_vectors,
)
from skrnn.estimators.framing import AUTO, frames_of
from skrnn.estimators.model import Model, Run, trained
from skrnn.estimators.runs import (
    FIT_LEVEL,
    VALIDATION,
    Watch,
    as_float,
    as_int,
    settings_of,
    settings_of_stream,
    split,
    warn_at_max_iter,
    warn_of_idle_dropout,
    with_given_weights,
)
from skrnn.estimators.timing import check_timed, timed
from skrnn.mathematics.schedules import SCHEDULES
from skrnn.network import Network
from skrnn.training import (
    LBFGS,
    Data,
    Problem,
    State,
    Trainable,
    restore_random_state,
    train,
)

#: Whole targets from which on "auto" sets some aside: two, as a score needs.
ENOUGH_TO_VALIDATE = 20


class TrainingMixin(CallbackSupportMixin):
    """Trains a network; the subclasses know the targets and the scores.

    They have `_given(X, y, weight, form, names)`, which validates what fit was given,
    and `_check_targets(y, weights, known)`, which makes of that y a kind of targets,
    the targets as the loss takes them, and their weights; for validation data
    `_has_validation_data`, `_scored(targets, given, name)`, `_score_of_nothing(draft,
    scored)` and `_validation_score(draft, scored, backend, parameters)`.

    A fit changes nothing of the estimator before its end, where it sets `_model`.
    """

    #: Whether dropout is also of what attention gives to the head.
    _drops_attended = False

    @property
    def _model(self):
        """What the last fit left, or None; setting it makes the estimator fitted."""
        return vars(self).get("_model")

    @_model.setter
    def _model(self, model):
        stale = () if self._model is None else self._model.attributes()
        kept = {name: value for name, value in vars(self).items() if name not in stale}
        # In one assignment, since other threads may be reading.
        self.__dict__ = {**kept, "_model": model, **model.attributes()}

    def _fitted(self):
        """The model, or scikit-learn's error: to be taken once in each call."""
        if self._model is None:
            check_is_fitted(self)  # raises
        return self._model

    def _fit(self, X, y, sample_weight, init_weights, static=None, **validation):
        metadata = {"sample_weight": sample_weight, "static": static} | validation
        metadata = {name: data for name, data in metadata.items() if data is not None}
        max_iter = as_int(self, "max_iter")
        tasks = announce_fit(
            self, max_iter or EPOCHS, X=X, y=y, metadata=metadata or None
        )
        warn_of_idle_dropout(self, FIT_LEVEL)
        old = self._model if self.warm_start else None
        if old is not None and init_weights is not None:
            raise ValueError(
                "init_weights are for a new fit, but warm_start=True goes on with the "
                "last one. Set warm_start=False."
            )
        other = None
        if isinstance(init_weights, TrainingMixin):
            other = init_weights._fitted()
        draft, data, given = self._check_data(X, y, sample_weight, old, other, static)
        validates = self._validates(draft, data, **validation)
        random_state = check_random_state(self.random_state)
        if old is not None and self._may_resume("fit", old, validates):
            run = old.run
            if run.state.random_state is not None:  # L-BFGS draws nothing
                random_state = restore_random_state(run.state.random_state)
        else:
            start = other or init_weights
            run = self._start("fit", draft, random_state, old, start, validates)
        validate = None
        if validates:
            data, validate = self._validation(
                draft, data, given, run.state.split_seed, **validation
            )
        settings = self._settings(draft, data, validates)
        watch = Watch(tasks, self.verbose, partial(trained, draft, run), run.state)
        self._train(draft, run, data, settings, validate, random_state, watch)
        state = run.state if watch.last is None else watch.last
        self._model = trained(draft, run, state, is_whole=watch.is_done)
        tasks.end({})
        return self

    def _partial_fit(self, X, y, sample_weight, static=None, **target_options):
        if self.early_stopping not in (AUTO, False):
            raise ValueError("partial_fit does not support early_stopping=True")
        warn_of_idle_dropout(self, FIT_LEVEL)
        old = self._model
        draft, data, _ = self._check_data(
            X, y, sample_weight, old, static=static, partial=True, **target_options
        )
        if old is not None and self._may_resume("partial_fit", old):
            run = old.run
            # What fails leaves the old one as it was.
            random_state = restore_random_state(run.state.random_state)
        else:
            random_state = check_random_state(self.random_state)
            run = self._start("partial_fit", draft, random_state, old)
        settings = settings_of_stream(self, _lengths(data))
        run = run._replace(state=replace(run.state, n_epochs=0, has_converged=False))
        watch = Watch(NoTasks(), self.verbose, partial(trained, draft, run), run.state)
        self._train(draft, run, data, settings, None, random_state, watch)
        self._model = trained(draft, run, watch.last)
        return self

    def _train(self, draft, run, data, settings, validate, random_state, watch):
        """Train until done, stopped or interrupted."""
        trainable, network = run.trainable, draft.network
        needed = None if trainable.is_whole else trainable.needed
        backend = make_backend(self.device, network, needed)
        if validate is not None:
            validate = partial(validate, backend)
        rate = settings.embedding_dropout, draft.inputs, draft.is_for_steps
        settings = replace(settings, embedding_dropout=embedding_dropout_of(*rate))
        problem = Problem(backend, network, trainable, data, settings, validate)
        try:
            converged = train(problem, run.state, random_state, watch)
        except KeyboardInterrupt:
            if watch.last is None or run.kind != "fit":
                raise
            warnings.warn("Training interrupted by user.", stacklevel=FIT_LEVEL + 1)
            return
        watch.is_done = True
        if run.kind == "fit" and not (converged or watch.is_stopped):
            warn_at_max_iter(settings, FIT_LEVEL + 1)

    def _check_data(
        self, X, y, sample_weight, old, other=None, static=None, **target_options
    ):
        """Validate all that fit was given; `old` is the model to go on with, or None.

        `other` is one whose weights training starts with, or None. Returns a draft of
        the model, the data to learn from, and what was given.
        """
        form, beside = None if old is None else old.inputs, {}
        if static is not None:  # which not all estimators have
            like = None if other is None else other.inputs.static
            beside = {"static": static, "like": like}
        given, form = self._given(X, y, sample_weight, form, **beside)
        if old is None:
            form = timed(self, form, given.sequences.lengths, other)
            form = with_ngrams(
                self, form, given.sequences, other, bool(self.return_sequences)
            )
            given = given._replace(sequences=form.channels(given.sequences))
        else:
            check_timed(self, form)
            check_categorical(self, form)
            check_ngrams(self, form)
        sequences = given.sequences
        known = None if old is None else old.targets
        targets, encoded, weights = self._check_targets(
            given.y, given.weights, known, **target_options
        )
        if not weights.any():
            raise ValueError(
                "There is nothing to learn: every target is missing or has weight 0."
            )
        like = other if old is None else old
        like = like and like.network
        frames = frames_of(self, form, sequences.lengths, like)
        network = self._make_network(form, targets, frames, like)
        if old is not None and network != old.network:
            raise ValueError(
                "Training cannot go on with another network: now it has "
                f"{_differences(network, old.network)}. Use a new estimator, or "
                "warm_start=False."
            )
        data = Data(sequences, encoded, weights, np.arange(sequences.n_sequences))
        self._check_learnable(network, data)
        return Model(network, form, targets), data, given

    def _check_learnable(self, network, data):
        """Refuse targets that no output of the network could mean."""

    def _validates(self, draft, data, **validation):
        """Whether this fit watches the score of validation data."""
        is_given = self._has_validation_data(**validation)
        if self.early_stopping != AUTO:
            return bool(self.early_stopping)
        if is_given or draft.is_for_steps or self.solver == LBFGS:
            return is_given
        return np.count_nonzero(_are_whole(data)) >= ENOUGH_TO_VALIDATE

    def _settings(self, draft, data, validates):
        """Those of a fit; all epochs of "auto" are trained, if they have an end."""
        max_iter = as_int(self, "max_iter"), draft.inputs, draft.is_for_steps
        changes = {"max_iter": n_epochs_of(*max_iter)}
        is_whole = SCHEDULES[self.learning_rate].needs_end
        if validates and self.early_stopping == AUTO and is_whole:
            changes["n_iter_no_change"] = changes["max_iter"]
        return settings_of(self, _lengths(data), **changes)

    def _automatic_batch_size(self, lengths):
        """What "auto" means for sequences of these lengths, within bounds."""
        return lengths.size // 8

    def _validation(self, draft, data, given, seed, X_val, **validation):
        """What is left to learn from, and a function that scores the validation data.

        That takes a backend and parameters.
        """
        if X_val is not None:
            scored = self._validation_data(draft, X_val, **validation)
        else:
            rows_val = self._rows_to_validate(draft, data, seed)
            scored = self._scored(draft.targets, given)
            scored = scored.take(rows_val, draft.is_for_steps)
            scored = scored._replace(name="the part of y that is set aside")
            data = data._replace(rows=np.setdiff1d(data.rows, rows_val))

        def checked(score):
            if np.isnan(score):
                raise ValueError(
                    f"The score of the validation data ({scored.sequences.n_sequences} "
                    "samples) is NaN. Use more of them, by validation_fraction or "
                    "X_val; or set early_stopping=False."
                )
            return score

        # What has no score is found before the first epoch.
        checked(self._score_of_nothing(draft, scored))
        return data, lambda *fitted: checked(
            self._validation_score(draft, scored, *fitted)
        )

    def _validation_data(
        self, draft, X_val, y_val=None, sample_weight_val=None, static_val=None
    ):
        beside = {} if static_val is None else {"static": static_val}
        given, _ = self._given(
            X_val, y_val, sample_weight_val, draft.inputs, VALIDATION, **beside
        )
        return self._scored(draft.targets, given, VALIDATION.y)

    def _rows_to_validate(self, draft, data, seed):
        """Those that are set aside: of the sequences that have a target.

        With "auto" of those that have all, since a score needs some of each column.
        """
        are_there = data.weights > 0
        if self.early_stopping == AUTO:
            are_there = _are_whole(data)
        elif draft.is_for_steps:
            are_there = np.logical_or.reduceat(are_there, data.sequences.offsets[:-1])
        rows = data.rows[are_there]
        classes = self._strata(draft, data, rows)
        return split(rows, as_float(self, "validation_fraction"), seed, classes)

    def _make_network(self, form, targets, frames, known):
        """The network; what is "auto" is that of the known one, if there is one."""
        is_bidirectional = self.bidirectional
        if is_bidirectional == AUTO:
            is_bidirectional = not self.return_sequences and self.bptt_steps is None
            is_bidirectional &= known is None or known.bidirectional
        if is_bidirectional and self.bptt_steps is not None:
            raise ValueError(
                f"bptt_steps={self.bptt_steps} needs a network that reads forward, but "
                "bidirectional=True. Set bptt_steps=None or bidirectional=False."
            )
        return Network(
            cell_name=self.cell,
            activation=self.activation,
            n_features=form.n_numbers,
            hidden_size=int(self.hidden_size),
            n_layers=int(self.n_layers),
            bidirectional=bool(is_bidirectional),
            layer_norm=bool(self.layer_norm),
            pooling=None if self.return_sequences else self.pooling,
            output_sizes=targets.output_sizes,
            loss=self._loss_of(targets),
            dtype=self.dtype,
            frame_length=frames[0],
            hop_length=frames[1],
            embeddings=embeddings_of(self, form, known),
            n_ngrams=form.ngram_length - 1,
            n_static=form.n_static,
        )

    def _loss_of(self, targets):
        """What training minimises, for a kind of targets."""
        return targets.loss

    def _may_resume(self, kind, old, validates=False):
        """Whether there is a training to go on with, and the parameters allow it."""
        run = old.run
        if run is None or (run.kind, run.solver) != (kind, self.solver):
            return False
        if validates != (run.state.best_vector is not None):
            return False
        known, now = run.trainable, self._trainable(old.network, run.trainable.base)
        return (known.arrays, known.rank) == (now.arrays, now.rank)

    def _trainable(self, network, base):
        """What `trainable` and `adapter_rank` say, over these parameters."""
        chosen = self.trainable
        if isinstance(chosen, str):
            chosen = [{"all": "*", "head": "head.*"}.get(chosen, chosen)]
        rank = as_int(self, "adapter_rank")
        trainable = Trainable(network, base, network.arrays_of(chosen), rank)
        if not trainable.needed:
            raise ValueError(
                "There is nothing to train: trainable names no weights and "
                "adapter_rank=0."
            )
        return trainable

    def _start(
        self, kind, draft, random_state, old, init_weights=None, validates=False
    ):
        """The run before its first epoch; `old` is the model to go on with, or None."""
        network, values = draft.network, {}
        if old is None:
            parameters = network.initial_parameters(random_state)
            if init_weights is not None:
                parameters = self._given_parameters(draft, parameters, init_weights)
        else:
            parameters = old.parameters
            # The best loss starts anew: one on other data is no measure for this fit.
            values["loss_curve"] = list(old.history.loss_curve)
            values["grad_norm_curve"] = list(old.history.grad_norm_curve)
            if validates:
                values["validation_scores"] = list(old.history.validation_scores or ())
        trainable, vector = self._trainable(network, parameters), None
        if old is not None and old.adapted is not None:
            known, known_vector = old.adapted
            if (known.arrays, known.rank) == (trainable.arrays, trainable.rank):
                trainable, vector = known, known_vector
        if vector is None:
            vector = trainable.start(parameters, random_state)
        if validates:
            values["split_seed"] = random_state.randint(2**31 - 1)
        return Run(
            kind, self.solver, trainable, State.start(vector, self.solver, **values)
        )

    def _given_parameters(self, draft, parameters, init_weights):
        head_fits = True
        if isinstance(init_weights, Model):
            other = init_weights
            head_fits = self._predicts_the_same(draft, other)
            init_weights = weights_by_category(draft, parameters, other)
            known = other.inputs.static
            init_weights = weights_of_static(draft, init_weights, known)
        elif isinstance(init_weights, Mapping):
            init_weights = with_vectors(draft, parameters, init_weights)
            init_weights = weights_of_static(draft, init_weights, None)
        return with_given_weights(draft.network, parameters, init_weights, head_fits)

    def _predicts_the_same(self, draft, other):
        """Whether the head of another model means the same as ours."""
        return (
            other.network.loss == draft.network.loss
            and other.network.output_sizes == draft.network.output_sizes
        )

    def _strata(self, draft, data, rows):
        """Classes of which the validation data have the same shares; None: of none."""
        return None


def _differences(network, old):
    """In what a network is another one."""
    now, was = (dict(_values(n.description())) for n in (network, old))
    return ", ".join(
        f"{k}={now.get(k)!r} (was {was.get(k)!r})"
        for k in now | was
        if now.get(k) != was.get(k)
    )


def _values(description, prefix=""):
    """Names and values of a description, those of networks in it as well."""
    for name, value in description.items():
        if isinstance(value, dict) and name != "loss":
            yield from _values(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _are_whole(data):
    """Which of the sequences have weight and miss no value of their one target."""
    return (data.weights > 0) & ~np.isnan(data.targets).any(axis=1)


def _lengths(data):
    """Of the sequences that are learned from."""
    return data.sequences.lengths[data.rows]
