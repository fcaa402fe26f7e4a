"""The regressor: real values in and out, in their own units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Literal, Self, overload

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import column_or_1d

from skrnn.compat import available_if, fit_context, with_callbacks
from skrnn.estimators.base import BaseRNN
from skrnn.estimators.names import suggests_names
from skrnn.estimators.parameters import REGRESSOR, constraints_of
from skrnn.estimators.real_values import (
    RealValues,
    check_values,
    nothing_to_score,
    warn_of_poor_units,
)
from skrnn.estimators.runs import FIT_LEVEL, is_stochastic
from skrnn.estimators.supervised import SupervisedRNN
from skrnn.estimators.types import Results
from skrnn.mathematics.losses import LOSSES


def has_intervals(regressor):
    """Whether its loss has intervals, for `available_if`."""
    model = regressor._model
    loss = LOSSES.get(str(regressor.loss)) if model is None else model.network.loss
    if not getattr(loss, "has_intervals", False):
        raise AttributeError(
            "predict_interval is only available with loss='gaussian' or 'quantile'."
        )
    return True


class RNNRegressor(RegressorMixin, SupervisedRNN):
    """Recurrent neural network that predicts real values from sequences.

    One value a sequence or several, or as many for each of its steps.

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
        The layer's output is both states, one after the other. "auto": with one target
        a sequence, where it raises the accuracy; but not with `bptt_steps`, nor with
        ``return_sequences=True``, where no output shall depend on later steps. Training
        that starts with a network of one direction keeps that. What is to `stream`
        needs False.
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
        back to itself stay as they are. The default is True for the classifier, whose
        accuracy it raises, and False for the regressor, where no gain was found.
    pooling : {"max", "last", "mean", "attention"}, default="last"
        How the last layer's states become one vector for the output layer: their
        maximum over the steps; the state after the last step (of the other direction,
        that after its last, at the first step); their mean; or a mean weighted by
        attention, the softmax over the steps of ``query . tanh(weight @ h + bias)``
        with a learned query (after Bahdanau, Cho and Bengio, ICLR 2015). The default is
        "max" for the classifier and "last" for the regressor, whose usual task is to
        forecast. Not used with ``return_sequences=True``.
    return_sequences : bool, default=False
        Whether there is a target for every time step, rather than one a sequence.
    n_features_per_step : int, default=1
        For 2D X, whose rows are flattened sequences: how many neighbouring columns make
        one time step. A list of lists of numbers is 2D if it is above 1, otherwise
        sequences of single values. Other X say so by their shape.
    frame_length : int or "auto", default="auto"
        How many neighbouring steps the network takes as one, a *frame*, whose inputs
        are those of its steps one after the other. The first frame has the first
        `frame_length` steps, each other one begins `hop_length` steps later, and the
        last one ends with the sequence, of which it may share more with the one before.
        A sequence that is shorter than a frame has zeros before its first step. With
        ``return_sequences=True`` each step ends a frame: of it and the steps before.
        "auto": twice the `hop_length` if that is above 1, otherwise 1, so that frames
        are steps.
    hop_length : int or "auto", default="auto"
        Steps from one frame to the next, not more than `frame_length`: the network has
        so many times fewer steps to compute. "auto" is half of a given `frame_length`,
        rounded down, and 1 at least. With both "auto", the first fit chooses: where the
        median length is 48 or more, so that about 32 frames remain, but at most 16 with
        ``pooling="last"`` and at most 8 with another, which then has more of them; with
        categories it is 1, and with ``return_sequences=True`` always.
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
        (truncated backpropagation through time), and memory is that of a chunk. With
        ``return_sequences=True`` each chunk of a batch is a step of the solver. None:
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
        keep the weights of the epoch where it was best: R^2, or with another `loss`
        than "squared_error" that loss, times -1. "auto": if `X_val` is passed, or if
        there are 20 samples or more that have all of their targets, one a sequence,
        unless the solver is "lbfgs"; with the learning rates "cosine" and "one-cycle"
        training then goes on to the last epoch. `partial_fit` has none.
    validation_fraction : float, default=0.1
        Part of the samples that is set aside for early stopping, with the same shares
        of classes if there is one label per sequence. Not used with `X_val`.
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
    loss : str, default="squared_error"
        What training minimises; of several outputs its mean. "squared_error" (half of
        it) learns means; "absolute_error" medians; "huber" is the former for errors up
        to `delta`, and grows as the latter from there on. "poisson" and "gamma" learn
        the logarithms of means, of targets from 0 on or of positive ones, by half the
        deviance. "quantile" learns `quantiles` by the pinball loss; "gaussian" mean and
        standard deviation, by the negative log-likelihood.
    quantiles : float or array-like of float, default=(0.1, 0.5, 0.9)
        Of the loss "quantile": which ones, between 0 and 1 and rising. Of several,
        predictions have a last dimension; a single number is predicted as other losses
        predict.
    delta : float, default=1.0
        Of the loss "huber": up to which error it is half the squared one; in standard
        deviations of y, unless ``normalize_y=False``.
    normalize_y : bool, default=True
        Standardise the targets inside, so that training does not depend on their unit
        (with "poisson" and "gamma" divide them by their mean); predictions come back in
        it. The mean and the standard deviation are those of the first call of `fit` or
        `partial_fit`. Losses and weights are those of the standardised targets.

    Attributes
    ----------
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
        "softmax", "logistic", "exponential" or "identity".
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
    RNNClassifier : Recurrent neural network that classifies sequences.
    sklearn.neural_network.MLPRegressor : For inputs without an order.

    Notes
    -----
    Nothing is padded: the cost follows the sum of the lengths. A prediction has the
    same bits whatever other samples are predicted with it.

    Recurrent weights start orthogonal, input weights as Glorot and Bengio proposed,
    biases at 0 (LSTM forget gates at 1). The equations are those of PyTorch and cuDNN.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn import RNNRegressor
    >>> X = np.random.default_rng(0).standard_normal((100, 10))
    >>> y = 300 + 5 * X.sum(axis=1)
    >>> regressor = RNNRegressor(random_state=0).fit(X[:80], y[:80])
    >>> bool(regressor.score(X[80:], y[80:]) > 0.9)
    True
    """

    _parameter_constraints = constraints_of(REGRESSOR)

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
        return_sequences: bool = False,
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
        loss: Literal[
            "squared_error",
            "absolute_error",
            "huber",
            "poisson",
            "gamma",
            "quantile",
            "gaussian",
        ] = "squared_error",
        quantiles: float | ArrayLike = (0.1, 0.5, 0.9),
        delta: float = 1.0,
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
        self.return_sequences = return_sequences
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
        self.loss = loss
        self.quantiles = quantiles
        self.delta = delta
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
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), or list of such
            Target values. With ``return_sequences=True`` a list with an array
            (n_timesteps_i,) or (n_timesteps_i, n_outputs) for each sequence, or one
            array of shape (n_samples, n_timesteps[, n_outputs]). A value that is NaN is
            missing, and adds nothing to the loss or the score.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample. None: all weights are 1. With
            ``return_sequences=True`` that of all of its steps; or one weight for each
            step, in the form of y.
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
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), or list of such
            Target values. With ``return_sequences=True`` a list with an array
            (n_timesteps_i,) or (n_timesteps_i, n_outputs) for each sequence, or one
            array of shape (n_samples, n_timesteps[, n_outputs]). A value that is NaN is
            missing, and adds nothing to the loss or the score.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample. None: all weights are 1. With
            ``return_sequences=True`` that of all of its steps; or one weight for each
            step, in the form of y.
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
        return self._partial_fit(X, y, sample_weight, static)

    def _check_targets(self, y, weights, known, partial=False):
        y, name = check_values(y, self, "y"), type(self).__name__
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        loss = self._loss()
        if known is None:
            units = {"normalize": self.normalize_y, "estimator_name": name}
            targets = RealValues.of(y, weights, loss, **units)
        else:
            targets = replace(known, loss=loss)
        columns = y.reshape(len(y), -1)
        if partial and known is None and self.normalize_y:
            warn_of_poor_units(columns[weights > 0], FIT_LEVEL + 2)
        self._check_n_columns(columns, targets, "y")
        # Those of another loss are refused later, whatever they are.
        encoded = (known or targets).encode(columns, self.dtype, name)
        weights = np.where(np.isnan(columns).all(axis=1), 0, weights)
        return targets, encoded, weights

    def _loss(self):
        """The loss; parameters with names of its hyperparameters have their values."""
        loss = LOSSES[self.loss]()
        names = {field.name for field in fields(loss)} & {*self._parameter_constraints}
        return replace(loss, **{name: getattr(self, name) for name in names})

    def _check_n_columns(self, columns, targets, name):
        n_columns = len(targets.mean)
        if columns.shape[1] != n_columns:
            raise ValueError(
                f"{name} has {columns.shape[1]} outputs, but {type(self).__name__} is "
                f"expecting {n_columns} as at the first fit."
            )

    def _check_truth(self, y, targets, name):
        values = check_values(y, self, name)
        columns = values.reshape(len(values), -1)
        self._check_n_columns(columns, targets, name)
        return columns, np.isnan(columns)

    @overload
    def predict(
        self,
        X: ArrayLike,
        return_std: Literal[False] = False,
        *,
        static: ArrayLike | None = None,
    ) -> Results: ...

    @overload
    def predict(
        self,
        X: ArrayLike,
        return_std: Literal[True],
        *,
        static: ArrayLike | None = None,
    ) -> tuple[Results, Results]: ...

    def predict(
        self,
        X: ArrayLike,
        return_std: bool = False,
        *,
        static: ArrayLike | None = None,
    ) -> Results | tuple[Results, Results]:
        """Predict target values: by the `loss` their means, medians or quantiles.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.
        return_std : bool, default=False
            Whether to return standard deviations, too; with ``loss="gaussian"`` only.
        static : array-like of shape (n_samples, n_static_features), default=None
            What is known of each sequence as a whole, in a row of an array or
            DataFrame: inputs of all of its steps. Columns of numbers are standardised
            inside, by what the first fit sees. Columns of strings, or of a DataFrame's
            type for categories, have categories; what is missing is one more, and what
            the first fit did not see counts as the mean of all. None: there are no
            static features.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the unit of the targets. With ``return_sequences=True`` a list of arrays
            (n_timesteps_i[, n_outputs]), or one array (n_samples, n_timesteps[,
            n_outputs]) if X is no list. With several `quantiles` a last dimension has
            a number for each of them: (n_samples[, n_outputs], n_quantiles).
        y_std : as y
            The standard deviations; only with ``return_std=True``.

        Raises
        ------
        ValueError
            With ``return_std=True``, if the estimator was fitted with another loss.

        Warns
        -----
        RuntimeWarning
            If what the network computes for a sequence is infinite or NaN.
        """
        return self._compute(X, "outputs", static=static).decoded(return_std)

    @available_if(has_intervals)
    def predict_interval(
        self,
        X: ArrayLike,
        coverage: float | None = None,
        *,
        static: ArrayLike | None = None,
    ) -> Results:
        """Predict an interval for each target; with "gaussian" and "quantile" only.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.
        coverage : float, default=None
            Which part of the targets is to lie in their intervals. Of quantiles it is
            the difference of two, the outer ones or others that are as many steps from
            either end. None: the outer ones; 0.9 with "gaussian".
        static : array-like of shape (n_samples, n_static_features), default=None
            What is known of each sequence as a whole, in a row of an array or
            DataFrame: inputs of all of its steps. Columns of numbers are standardised
            inside, by what the first fit sees. Columns of strings, or of a DataFrame's
            type for categories, have categories; what is missing is one more, and what
            the first fit did not see counts as the mean of all. None: there are no
            static features.

        Returns
        -------
        interval : ndarray of shape (n_samples, 2) or (n_samples, n_outputs, 2)
            Lower and upper end. With ``return_sequences=True`` for every step, in the
            form of what `predict` returns.

        Raises
        ------
        ValueError
            If there are no quantiles for this coverage.

        Warns
        -----
        RuntimeWarning
            If what the network computes for a sequence is infinite or NaN.

        Examples
        --------
        >>> import numpy as np
        >>> from skrnn import RNNRegressor
        >>> from skrnn.metrics import coverage
        >>> rng = np.random.default_rng(0)
        >>> X = rng.standard_normal((100, 10))
        >>> y = X.sum(axis=1) + rng.standard_normal(100)
        >>> regressor = RNNRegressor(loss="quantile", random_state=0).fit(X, y)
        >>> lower, upper = regressor.predict_interval(X, coverage=0.8).T
        >>> bool(coverage(y, lower, upper) > 0.5)
        True
        """
        return self._compute(X, "outputs", static=static).intervals(coverage)

    def score(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        static: ArrayLike | None = None,
    ) -> float:
        """Get R^2, the coefficient of determination, its mean over the outputs.

        It is that of the means or medians that are predicted; of `quantiles` that of
        the median, between its neighbours, or of the quantile that is nearest to it.

        Parameters
        ----------
        X : array-like or list of array-like
            Sequences: a 3D array (n_samples, n_timesteps, n_features); or a list of
            arrays or DataFrames (n_timesteps_i, n_features), or of arrays or lists
            (n_timesteps_i,), of any lengths; or a 2D array or DataFrame (n_samples,
            n_timesteps * n_features_per_step) of flattened sequences.
        y : array-like
            True values, as in `fit`; those that are missing do not count.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample. None: all weights are 1. With
            ``return_sequences=True`` that of all of its steps; or one weight for each
            step, in the form of y.
        static : array-like of shape (n_samples, n_static_features), default=None
            What is known of each sequence as a whole, in a row of an array or
            DataFrame: inputs of all of its steps. Columns of numbers are standardised
            inside, by what the first fit sees. Columns of strings, or of a DataFrame's
            type for categories, have categories; what is missing is one more, and what
            the first fit did not see counts as the mean of all. None: there are no
            static features.

        Returns
        -------
        r2 : float
            Over samples, or over steps with ``return_sequences=True``.
        """
        return self._score(X, y, sample_weight, static)

    def _watched(self, targets, outputs, scored):
        if targets.loss.name == "squared_error":
            return self._score_outputs(targets, outputs, scored)
        return -targets.mean_loss(outputs, scored, type(self).__name__)

    def _score_outputs(self, targets, outputs, scored):
        predicted = targets.centre(outputs)
        scores = []
        for y, of_y, missing in zip(
            scored.y.T, predicted.T, scored.missing.T, strict=True
        ):
            there = ~missing & (scored.weights > 0)
            if not there.any():
                raise nothing_to_score(scored.name)
            weights = scored.weights[there]
            scores.append(r2_score(y[there], of_y[there], sample_weight=weights))
        return float(np.mean(scores))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
