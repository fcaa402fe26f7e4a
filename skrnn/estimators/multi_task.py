"""Several tasks with one network: columns of classes and of numbers in and out."""

from __future__ import annotations

from collections.abc import Mapping
from reprlib import repr as short
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import accuracy_score, r2_score

from skrnn.compat import available_if, fit_context, with_callbacks
from skrnn.estimators.base import BaseRNN
from skrnn.estimators.names import suggests_names
from skrnn.estimators.parameters import MULTI_TASK, constraints_of
from skrnn.estimators.real_values import nothing_to_score, warn_of_poor_units
from skrnn.estimators.runs import FIT_LEVEL, TRAINING, is_stochastic
from skrnn.estimators.supervised import SupervisedRNN
from skrnn.estimators.tasks import (
    REGRESSION,
    Table,
    Tasks,
    by_column,
    check_goes_on,
    weights_of,
)
from skrnn.estimators.types import Results


def has_classes(estimator):
    """Whether some task has classes, for `available_if`."""
    model = estimator._model
    if model is not None and not model.targets.classes:
        raise AttributeError(
            "There are probabilities of classes only, and all tasks are regressions."
        )
    return True


class RNNMultiTask(SupervisedRNN):
    """Recurrent neural network that predicts classes and values at once.

    y has a column for each task: labels, or real values. All read the states of one
    network, each by an output layer of its own, and the loss is the weighted mean of
    their losses: log loss of labels, half the squared error of standardised values.

    Parameters
    ----------
    cell : {"gru", "lstm", "rnn"}, default="gru"
        Gated recurrent unit, long short-term memory, or Elman's network.
    hidden_size : int, default=64
        Number of units of a layer in one direction, the size of a state.
    n_layers : int, default=1
        Number of layers; each takes the states of the one below for every step.
    bidirectional : bool or "auto", default="auto"
        Whether each layer reads a sequence in both directions, with units of their own.
        The layer's output is both states, one after the other. "auto": yes, but not
        with `bptt_steps`. Training that starts with a network of one direction keeps
        that. What is to `stream` needs False.
    activation : {"tanh", "relu"}, default="tanh"
        Of Elman's network; the other cells have activations of their own.
    dropout : float, default=0.0
        Probability of leaving out, while training, a unit of the output of every layer
        but the last, at each step anew.
    recurrent_dropout : float, default=0.0
        Probability of leaving out, while training, a unit of the state that a layer
        feeds back to itself; the same units at all steps of a sequence (Gal and
        Ghahramani, A theoretically grounded application of dropout in recurrent neural
        networks, NeurIPS 2016).
    layer_norm : bool, default=False
        Whether the output of each layer, both directions together, is normalised at
        every step to mean 0 and variance 1, then scaled and shifted by learned weights
        (Ba, Kiros and Hinton, Layer normalization, 2016). The states that a layer feeds
        back to itself stay as they are.
    pooling : {"max", "last", "mean", "attention"}, default="last"
        How the last layer's states become one vector for the output layer: their
        maximum over the steps; the state after the last step (of the other direction,
        that after its last, at the first step); their mean; or a mean weighted by
        attention, the softmax over the steps of ``query . tanh(weight @ h + bias)``
        with a learned query (after Bahdanau, Cho and Bengio, ICLR 2015).
    n_features_per_step : int, default=1
        For 2D X, whose rows are flattened sequences: how many neighbouring columns make
        one time step. A list of lists of numbers is 2D if it is above 1, otherwise
        sequences of single values. Other X say so by their shape.
    frame_length : int or "auto", default="auto"
        How many neighbouring steps the network takes as one, a *frame*, whose inputs
        are those of its steps one after the other. The first frame has the first
        `frame_length` steps, each other one begins `hop_length` steps later, and the
        last one ends with the sequence, of which it may share more with the one before.
        A sequence that is shorter than a frame has zeros before its first step. "auto":
        twice the `hop_length` if that is above 1, otherwise 1, so that frames are
        steps.
    hop_length : int or "auto", default="auto"
        Steps from one frame to the next, not more than `frame_length`: the network has
        so many times fewer steps to compute. "auto" is half of a given `frame_length`,
        rounded down, and 1 at least. With both "auto", the first fit chooses: where the
        median length is 48 or more, so that about 32 frames remain, but at most 16 with
        ``pooling="last"`` and at most 8 with another, which then has more of them; with
        categories it is 1.
    add_time : bool or "auto", default="auto"
        Whether the number of a step in its sequence is one more feature of it,
        standardised by the lengths that the first fit sees; later steps than those have
        the number of the last. "auto": where states are pooled such that it is lost
        when they were, by another `pooling` than "last", and the median length is below
        128. It tells apart what differs by when something happens.
    categorical_features : array-like, {"all", "from_dtype"} or None, default=None
        Features of a step whose values are categories (strings, whole numbers or
        booleans), of each of which the network learns an embedding: indices or names of
        them, or a mask; "all", for sequences of tokens; "from_dtype": columns of
        DataFrames that hold strings, objects or categories. What is missing (None, NaN)
        is a category of its own. All that the first fit did not see is one more, the
        *unknown*.
    ngram_length : int, default=1
        Up to how many neighbouring categories are one more category, an *n-gram*, with
        an embedding of its own: each step reads those that end there. It knows the ones
        that two sequences of the first fit have; all others are unknown. 1: none. Above
        1 there must be one feature with categories; at most 16.
    embedding_size : int, array-like of int or "auto", default="auto"
        How many numbers an embedding has: that of each feature with categories; or one
        for each of them, in the order of their columns. "auto": twice the square root
        of the number of categories, rounded up, and at most 50. Training that starts
        with another network keeps its sizes. N-grams have those of "auto", but none
        above what is given.
    embedding_dropout : float, default=0.0
        Probability of leaving out, while training, a number of the embeddings that a
        step reads, at each step anew. The solver "lbfgs" leaves out none.
    unknown_fraction : float, default=0.01
        Part of all categories that an epoch replaces by the unknown, at random, so that
        its embedding learns what to do without one. The solver "lbfgs" replaces none.
    solver : {"adam", "adamw", "sgd", "rmsprop", "lbfgs"}, default="adam"
        Adam; Adam with decoupled `weight_decay`; stochastic gradient descent with
        momentum; RMSprop; or SciPy's L-BFGS-B with all samples at once, for small data.
        "lbfgs" ignores `batch_size`, the learning rate and `max_grad_norm`, ends where
        the largest part of the gradient is below `tol`, and takes no dropout.
    alpha : float, default=0.0001
        Strength of the L2 penalty on weights, divided by the number of targets of the
        batch as in scikit-learn's MLP. Biases are not penalised.
    batch_size : int or "auto", default="auto"
        Sequences per step of the solver. "auto" is an eighth of the samples, but at
        least 8 and at most 32.
    learning_rate : str, default="cosine"
        "cosine" falls from `learning_rate_init` to 0 over `max_iter` epochs;
        "one-cycle" rises to it in 30 % of them and falls again. "constant" keeps it,
        "invscaling" divides it by ``t ** power_t`` in step t of the solver, and
        "adaptive" by 5 whenever `n_iter_no_change` epochs improved nothing, until it is
        below 1e-6. `partial_fit`, which knows no last epoch, takes "constant" for the
        first two.
    learning_rate_init : float, default=0.005
        The first learning rate, or the highest one.
    power_t : float, default=0.5
        Exponent of the learning rate "invscaling".
    warmup_fraction : float, default=0.0
        Part of all epochs in which the learning rate first rises linearly from 0; the
        schedule takes the rest of them.
    max_iter : int or None, default=None
        Largest number of epochs. None: 100; but 30 where steps are tokens, without
        numbers, and each sequence has one target, since words are soon learned by
        heart.
    bptt_steps : int or None, default=None
        For long sequences: gradients reach back over chunks of so many steps (or
        frames, see `frame_length`) only, while states go on from chunk to chunk
        (truncated backpropagation through time), and memory is that of a chunk. None:
        gradients reach back to the first step. Not for bidirectional networks.
    shuffle : bool, default=True
        Whether each epoch takes samples in a new order.
    random_state : int, RandomState instance or None, default=None
        Determines the initial weights, the order of the samples and what is dropped.
        With an int, the result is the same in every bit on any number of threads.
    tol : float, default=0.0001
        An epoch improves the loss if it lowers the best one by at least so much, or,
        with early stopping, the score if it raises the best one by so much.
    n_iter_no_change : int, default=10
        Training ends when more than so many epochs in a row improve nothing.
    early_stopping : bool or "auto", default="auto"
        Whether to watch the score of validation data, not the loss of training, and to
        keep the weights of the epoch where it was best: the mean of the scores of all
        tasks, weighted by `loss_weights`. "auto": if `X_val` is passed, or if there are
        20 samples or more that have all of their targets, unless the solver is "lbfgs";
        with the learning rates "cosine" and "one-cycle" training then goes on to the
        last epoch. `partial_fit` has none.
    validation_fraction : float, default=0.1
        Part of the samples that is set aside for early stopping. Not used with `X_val`.
    verbose : bool, default=False
        Print loss, score, seconds and the solver's steps per second of each epoch.
    warm_start : bool, default=False
        Let `fit` go on from the weights of the last fit, for `max_iter` more epochs;
        or, if that was interrupted or comes from a checkpoint, to its end as planned.
    trainable : str or list of str, default="all"
        What training changes: "all"; "head", the output layer; or names of weights as
        in `get_weights`, or patterns of them such as ``"*_l1"``. The others keep every
        bit, and no gradient is computed below the lowest layer that has one of them.
        Both biases of a gate count as one.
    adapter_rank : int, default=0
        If above 0, each input and recurrent matrix stays as it is, and a product of two
        matrices of this rank is trained and added to it (LoRA: Hu et al., ICLR 2022).
        `trainable` says which other weights are trained; ``[]`` for none.
    momentum : float, default=0.9
        Of the solver "sgd".
    nesterovs_momentum : bool, default=True
        Whether that momentum is Nesterov's.
    beta_1 : float, default=0.9
        Of the solvers "adam" and "adamw": decay of the mean of gradients.
    beta_2 : float, default=0.999
        Of the solvers "adam" and "adamw": decay of the mean of their squares.
    rho : float, default=0.99
        Of the solver "rmsprop": decay of the mean of squares of gradients.
    epsilon : float, default=1e-08
        Of "adam", "adamw" and "rmsprop": added to the root of the mean of squares.
    weight_decay : float, default=0.01
        Of the solver "adamw": each step takes this part, times the learning rate, off
        each weight. Biases do not decay.
    max_grad_norm : float or None, default=1.0
        A gradient with a larger norm is scaled down to it. None: never.
    dtype : {"float32", "float64"}, default="float32"
        Precision of weights and states.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where to compute. "cuda" is an NVIDIA GPU, which needs the package numba-cuda
        (``pip install "skrnn[cuda13]"``); no GPU has run it yet. "auto" is the CPU
        until one has. Not part of what is learned: an estimator fitted on one device
        predicts on the other.
    tasks : str, dict of str or array-like of str, default="auto"
        Which columns of y have classes and which have values: "classification" or
        "regression", for all columns; or a dict with one of these for some columns, by
        name or place; or a list with one for each. "auto", also of what a dict leaves
        out: floats are values; strings, booleans, categories and whole numbers are
        classes. More than 20 different whole numbers may be either, and must be named.
    loss_weights : dict, array-like or None, default=None
        Weights of the tasks in the loss, by name or place, or in the order of the
        columns: the loss is their weighted mean. A column that a dict does not name has
        weight 1. None: all weights are 1.
    normalize_y : bool, default=True
        Standardise columns of values inside, so that training does not depend on their
        units; predictions come back in them. The means and the standard deviations are
        those of the first call of `fit` or `partial_fit`.

    Attributes
    ----------
    tasks_ : dict of str
        "classification" or "regression", by the names of the columns of y, or by their
        places if it has no names.
    classes_ : dict of ndarray
        The classes of each task that has some.
    n_features_in_ : int
        Number of columns of the 2D X seen during fit, or the number of features per
        step of the sequences.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of X, if X was a DataFrame, or a list with DataFrames, whose names
        are all strings.
    n_features_per_step_ : int
        Number of features of a time step.
    n_static_features_in_ : int
        Number of columns of `static`. Only if it was passed.
    static_feature_names_in_ : ndarray of shape (n_static_features_in_,)
        Their names, if it was a DataFrame whose names are all strings.
    frame_length_ : int
        Steps of a frame.
    hop_length_ : int
        Steps from one frame to the next.
    add_time_ : bool
        Whether the number of a step is one of its features.
    ngram_length_ : int
        Categories of the longest n-gram.
    categories_ : list of ndarray
        Of each feature with categories those that the first fit saw, sorted; what is
        missing is None, and the last. Only if there is such a feature.
    embeddings_ : list of DataFrame
        Of each of these features the embedding of each category, which its index names.
        The last row, ``"<unknown>"``, is that of what fit did not see.
    n_outputs_ : int
        Number of outputs of the network.
    out_activation_ : str
        "mixed".
    n_iter_ : int
        Number of epochs trained.
    loss_ : float
        Loss of the last epoch, the penalty included.
    best_loss_ : float
        Lowest loss of an epoch.
    loss_curve_ : list of float
        Loss of each epoch.
    grad_norm_curve_ : list of float
        Norm of the gradient before clipping, mean over the steps of each epoch.
    validation_scores_ : list of float or None
        Score of the validation data after each epoch; None without early stopping.
    best_validation_score_ : float or None
        The highest of them, that of the weights that the estimator has.

    See Also
    --------
    RNNClassifier : One label for each sequence or step, or several columns of labels.
    RNNRegressor : One value or several, by any of its losses.

    Notes
    -----
    Nothing is padded: the cost follows the sum of the lengths. A prediction has the
    same bits whatever other samples are predicted with it.

    Recurrent weights start orthogonal, input weights as Glorot and Bengio proposed,
    biases at 0 (LSTM forget gates at 1). The equations are those of PyTorch and cuDNN.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skrnn import RNNMultiTask
    >>> X = np.random.default_rng(0).standard_normal((100, 10))
    >>> total = X.sum(axis=1)
    >>> y = pd.DataFrame({"total": total, "sign": np.where(total > 0, "+", "-")})
    >>> estimator = RNNMultiTask(random_state=0).fit(X[:80], y[:80])
    >>> estimator.tasks_
    {'total': 'regression', 'sign': 'classification'}
    >>> predicted = estimator.predict(X[80:])
    >>> list(predicted.columns)
    ['total', 'sign']
    >>> bool(estimator.score(X[80:], y[80:]) > 0.9)
    True
    """

    _parameter_constraints = constraints_of(MULTI_TASK)

    tasks_: dict[Any, str]
    classes_: dict[Any, NDArray[Any]]

    # There is one target of each task for a sequence.
    return_sequences = False

    @suggests_names
    def __init__(
        self,
        cell: Literal["gru", "lstm", "rnn"] = "gru",
        hidden_size: int = 64,
        *,
        n_layers: int = 1,
        bidirectional: bool | Literal["auto"] = "auto",
        activation: Literal["tanh", "relu"] = "tanh",
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        layer_norm: bool = False,
        pooling: Literal["max", "last", "mean", "attention"] = "last",
        n_features_per_step: int = 1,
        frame_length: int | Literal["auto"] = "auto",
        hop_length: int | Literal["auto"] = "auto",
        add_time: bool | Literal["auto"] = "auto",
        categorical_features: ArrayLike | Literal["all", "from_dtype"] | None = None,
        ngram_length: int = 1,
        embedding_size: int | ArrayLike | Literal["auto"] = "auto",
        embedding_dropout: float = 0.0,
        unknown_fraction: float = 0.01,
        solver: Literal["adam", "adamw", "sgd", "rmsprop", "lbfgs"] = "adam",
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: Literal[
            "cosine", "one-cycle", "constant", "invscaling", "adaptive"
        ] = "cosine",
        learning_rate_init: float = 0.005,
        power_t: float = 0.5,
        warmup_fraction: float = 0.0,
        max_iter: int | None = None,
        bptt_steps: int | None = None,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 0.0001,
        n_iter_no_change: int = 10,
        early_stopping: bool | Literal["auto"] = "auto",
        validation_fraction: float = 0.1,
        verbose: bool | int = False,
        warm_start: bool = False,
        trainable: str | list[str] | tuple[str, ...] = "all",
        adapter_rank: int = 0,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        rho: float = 0.99,
        epsilon: float = 1e-08,
        weight_decay: float = 0.01,
        max_grad_norm: float | None = 1.0,
        dtype: Literal["float32", "float64"] = "float32",
        device: Literal["auto", "cpu", "cuda"] = "auto",
        tasks: Literal["auto", "classification", "regression"]
        | dict[Any, str]
        | ArrayLike = "auto",
        loss_weights: dict[Any, float] | ArrayLike | None = None,
        normalize_y: bool = True,
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.bidirectional = bidirectional
        self.activation = activation
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.layer_norm = layer_norm
        self.pooling = pooling
        self.n_features_per_step = n_features_per_step
        self.frame_length = frame_length
        self.hop_length = hop_length
        self.add_time = add_time
        self.categorical_features = categorical_features
        self.ngram_length = ngram_length
        self.embedding_size = embedding_size
        self.embedding_dropout = embedding_dropout
        self.unknown_fraction = unknown_fraction
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.warmup_fraction = warmup_fraction
        self.max_iter = max_iter
        self.bptt_steps = bptt_steps
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.verbose = verbose
        self.warm_start = warm_start
        self.trainable = trainable
        self.adapter_rank = adapter_rank
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.rho = rho
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        self.max_grad_norm = max_grad_norm
        self.dtype = dtype
        self.device = device
        self.tasks = tasks
        self.loss_weights = loss_weights
        self.normalize_y = normalize_y

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        static: ArrayLike | None = None,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
        static_val: ArrayLike | None = None,
        init_weights: BaseRNN | Mapping[str, ArrayLike] | None = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.
        y : DataFrame, array-like of shape (n_samples, n_tasks) or (n_samples,)
            A column for each task: a DataFrame of pandas or polars; or an array or a
            list of rows. What is missing (NaN, None) adds nothing to the loss of its
            task or the score, and the other targets of the sample count as before. One
            of a single task may be 1D.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample. None: all weights are 1.
        static : array-like of shape (n_samples, n_static_features), default=None
            What is known of each sequence as a whole, in a row of an array or
            DataFrame: inputs of all of its steps. Columns of numbers are standardised
            inside, by what the first fit sees. Columns of strings, or of a DataFrame's
            type for categories, have categories; what is missing is one more, and what
            the first fit did not see counts as the mean of all. None: there are no
            static features.
        X_val, y_val : as X and y, default=None
            Validation data for early stopping; None: a part of the samples is set
            aside. A `Pipeline` with ``transform_input=["X_val"]`` transforms them as X.
        sample_weight_val : as sample_weight, default=None
            Weights of the validation data.
        static_val : as static, default=None
            Static features of the validation data.
        init_weights : estimator or dict of str to ndarray, default=None
            Where training starts: a fitted estimator, or what its `get_weights`
            returned. The output layer may differ: it starts anew if its shape, or the
            estimator's classes, are others. A dict may have embeddings alone, each also
            as a DataFrame with the names of categories. None: at random weights.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        skrnn.exceptions.DivergenceError
            If the loss, a gradient or the weights become infinite or NaN.
        """
        return self._fit(
            X,
            y,
            sample_weight,
            init_weights,
            static,
            X_val=X_val,
            y_val=y_val,
            sample_weight_val=sample_weight_val,
            static_val=static_val,
        )

    @available_if(is_stochastic)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: Mapping[Any, ArrayLike] | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        static: ArrayLike | None = None,
    ) -> Self:
        """Train for one epoch, going on from where the network is.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.
        y : DataFrame, array-like of shape (n_samples, n_tasks) or (n_samples,)
            A column for each task: a DataFrame of pandas or polars; or an array or a
            list of rows. What is missing (NaN, None) adds nothing to the loss of its
            task or the score, and the other targets of the sample count as before. One
            of a single task may be 1D.
        classes : dict of array-like, default=None
            All classes that will ever come, of each task that has some, by the names
            or places of the columns. None: those in y of the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample. None: all weights are 1.
        static : array-like of shape (n_samples, n_static_features), default=None
            What is known of each sequence as a whole, in a row of an array or
            DataFrame: inputs of all of its steps. Columns of numbers are standardised
            inside, by what the first fit sees. Columns of strings, or of a DataFrame's
            type for categories, have categories; what is missing is one more, and what
            the first fit did not see counts as the mean of all. None: there are no
            static features.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        skrnn.exceptions.DivergenceError
            If the loss, a gradient or the weights become infinite or NaN.
        """
        return self._partial_fit(X, y, sample_weight, static, classes=classes)

    def _given(self, X, y, weight, form, names=TRAINING, **beside):
        if y is not None:
            Table.read(y, names.y)  # for its errors first
        return super()._given(X, y, weight, form, names, **beside)

    def _check_targets(self, y, weights, known, classes=None, partial=False):
        table = Table.read(y, "y")
        if known is None:
            targets = self._first_targets(table, weights, classes, partial)
        else:
            table = table.like(known.names, known.form)
            check_goes_on(self.tasks, known)
            _check_known(classes, known)
            targets = known
        targets = targets.with_weights(weights_of(targets.names, self.loss_weights))
        encoded = targets.encode(table, self.dtype, self)
        weights = np.where(np.isnan(encoded).all(axis=1), 0, weights)
        return targets, encoded, weights

    def _first_targets(self, table, weights, classes, partial):
        classes = _classes_of(list(table.columns), classes)
        options = {
            "normalize": self.normalize_y,
            "estimator_name": type(self).__name__,
        }
        targets = Tasks.of(table, self.tasks, classes, weights, self, **options)
        numbers = [name for name, kind in targets.tasks.items() if kind == REGRESSION]
        for name in numbers:
            if name in classes:
                raise ValueError(f"classes names {name!r}, but that is a regression.")
        if partial and numbers and self.normalize_y:
            columns = [table.values(name, self) for name in numbers]
            warn_of_poor_units(np.column_stack(columns)[weights > 0], FIT_LEVEL + 3)
        return targets

    def _check_truth(self, y, targets, name):
        table = Table.read(y, name).like(targets.names, targets.form)
        truth = targets.truth(table, self)
        return truth, np.isnan(truth)

    def _predicts_the_same(self, draft, other):
        return draft.targets.predicts_as(other.targets)

    def predict(self, X: ArrayLike, *, static: ArrayLike | None = None) -> Results:
        """Predict classes and values.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.
        static : array-like of shape (n_samples, n_static_features), default=None
            What is known of each sequence as a whole, in a row of an array or
            DataFrame: inputs of all of its steps. Columns of numbers are standardised
            inside, by what the first fit sees. Columns of strings, or of a DataFrame's
            type for categories, have categories; what is missing is one more, and what
            the first fit did not see counts as the mean of all. None: there are no
            static features.

        Returns
        -------
        y : DataFrame, or ndarray of shape (n_samples, n_tasks) or (n_samples,)
            As y of `fit` was: the most probable class, or the value in its own unit. A
            DataFrame has the index of X, if this is one. An array with columns of
            several types is one of objects.

        Raises
        ------
        ValueError
            If what the network computes for a sequence is infinite or NaN.
        """
        predicted = self._compute(X, "outputs", static=static).decoded()
        if hasattr(predicted, "iloc") and hasattr(X, "iloc"):
            predicted.index = X.index
        return predicted

    @available_if(has_classes)
    def predict_proba(
        self, X: ArrayLike, *, static: ArrayLike | None = None
    ) -> Results:
        """Predict probabilities of the tasks that have classes.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.
        static : array-like of shape (n_samples, n_static_features), default=None
            What is known of each sequence as a whole, in a row of an array or
            DataFrame: inputs of all of its steps. Columns of numbers are standardised
            inside, by what the first fit sees. Columns of strings, or of a DataFrame's
            type for categories, have categories; what is missing is one more, and what
            the first fit did not see counts as the mean of all. None: there are no
            static features.

        Returns
        -------
        probabilities : dict of ndarray of shape (n_samples, n_classes)
            By the names or places of the columns, in the order of `classes_`. After a
            fit with a 1D y the array itself.

        Raises
        ------
        ValueError
            If what the network computes for a sequence is infinite or NaN.
        """
        return self._compute(X, "outputs", static=static).linked("link")

    @available_if(has_classes)
    def predict_log_proba(
        self, X: ArrayLike, *, static: ArrayLike | None = None
    ) -> Results:
        """Predict logarithms of probabilities of the tasks that have classes.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.
        static : array-like of shape (n_samples, n_static_features), default=None
            What is known of each sequence as a whole, in a row of an array or
            DataFrame: inputs of all of its steps. Columns of numbers are standardised
            inside, by what the first fit sees. Columns of strings, or of a DataFrame's
            type for categories, have categories; what is missing is one more, and what
            the first fit did not see counts as the mean of all. None: there are no
            static features.

        Returns
        -------
        log_probabilities : dict of ndarray of shape (n_samples, n_classes)
            As `predict_proba` returns them; finite also where the probability is too
            small for a number.

        Raises
        ------
        ValueError
            If what the network computes for a sequence is infinite or NaN.
        """
        return self._compute(X, "outputs", static=static).linked("log_link")

    def score(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        static: ArrayLike | None = None,
    ) -> float:
        """Get the mean of the tasks' scores: accuracy of classes, R^2 of values.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.
        y : DataFrame or array-like
            True classes and values, as in `fit`; those that are missing do not count.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample. None: all weights are 1.
        static : array-like of shape (n_samples, n_static_features), default=None
            What is known of each sequence as a whole, in a row of an array or
            DataFrame: inputs of all of its steps. Columns of numbers are standardised
            inside, by what the first fit sees. Columns of strings, or of a DataFrame's
            type for categories, have categories; what is missing is one more, and what
            the first fit did not see counts as the mean of all. None: there are no
            static features.

        Returns
        -------
        score : float
            `loss_weights` do not count.
        """
        Table.read(y, "y")  # for its errors first
        return self._score(X, y, sample_weight, static)

    def _score_outputs(self, targets, outputs, scored):
        return float(np.mean(self._scores(targets, outputs, scored)))

    def _watched(self, targets, outputs, scored):
        scores = self._scores(targets, outputs, scored)
        return float(np.average(scores, weights=targets.weights))

    def _scores(self, targets, outputs, scored):
        compared, scores = targets.compared(outputs), []
        for j, kind in enumerate(targets.tasks.values()):
            there = ~scored.missing[:, j] & (scored.weights > 0)
            if not there.any():
                raise nothing_to_score(scored.name)
            score = r2_score if kind == REGRESSION else accuracy_score
            pair = scored.y[there, j], compared[there, j]
            scores.append(score(*pair, sample_weight=scored.weights[there]))
        return scores

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        return tags


def _classes_of(names, classes):
    """All classes of some tasks, as partial_fit gets them."""
    if not isinstance(classes, Mapping | None):
        raise ValueError(
            "classes must be a dict with the classes of each task that has some, such "
            f"as {{{names[0]!r}: [...]}}, got a {type(classes).__name__}."
        )
    classes = by_column(names, classes or {}, "classes")
    for name, given in classes.items():
        if np.ndim(given) != 1:
            raise ValueError(
                f"classes of {name!r} must be a list of labels, got {short(given)}."
            )
    return classes


def _check_known(classes, known):
    """Classes that are given again must be the same."""
    for name, given in _classes_of(list(known.names), classes).items():
        was = known.classes.get(name, ())
        if not np.array_equal(np.unique(given), was):
            raise ValueError(
                f"`classes` of {name!r} are not the same as on last call to "
                f"partial_fit, was: {list(was)!s:.80}"
            )
