"""The language model: which token comes next, and so how likely a sequence is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from numbers import Integral, Real
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state, check_scalar

from skrnn.backends import make_predictor
from skrnn.compat import check_parameters, fit_context, with_callbacks
from skrnn.estimators.base import BaseRNN
from skrnn.estimators.inputs import n_dimensions
from skrnn.estimators.inputs.forms import is_vector
from skrnn.estimators.language.reading import Reader, sums
from skrnn.estimators.language.sampling import continuations, draw
from skrnn.estimators.language.stream import LanguageModelStream
from skrnn.estimators.language.tokens import (
    NextToken,
    Steps,
    Tokens,
    cut,
    known_tokens,
    n_known,
    read_tokens,
    steps_of,
)
from skrnn.estimators.names import suggests_names
from skrnn.estimators.parameters import LANGUAGE_MODEL, constraints_of
from skrnn.estimators.runs import (
    TRAINING,
    VALIDATION,
    Given,
    Scored,
    as_int,
    batch_size_of,
    called,
)


class RNNLanguageModel(BaseRNN):
    """Recurrent neural network that learns which token follows those before it.

    Tokens are words, characters, events, codes. The model says how likely a sequence
    is, what comes next, and draws new sequences.

    Parameters
    ----------
    cell : {"gru", "lstm", "rnn"}, default="gru"
        Gated recurrent unit, long short-term memory, or Elman's network.
    hidden_size : int, default=256
        Number of units of a layer in one direction, the size of a state.
    n_layers : int, default=1
        Number of layers; each takes the states of the one below for every step.
    activation : {"tanh", "relu"}, default="tanh"
        Of Elman's network; the other cells have activations of their own.
    dropout : float, default=0.0
        Probability of leaving out, while training, a unit of the output of every layer
        but the last, at each step anew.
    recurrent_dropout : float, default=0.3
        Probability of leaving out, while training, a unit of the state that a layer
        feeds back to itself; the same units at all steps of a sequence (Gal and
        Ghahramani, A theoretically grounded application of dropout in recurrent neural
        networks, NeurIPS 2016).
    layer_norm : bool, default=True
        Whether the output of each layer is normalised at every step to mean 0 and
        variance 1, then scaled and shifted by learned weights (Ba, Kiros and Hinton,
        Layer normalization, 2016). The states that a layer feeds back to itself stay as
        they are.
    embedding_size : int or "auto", default="auto"
        How many numbers stand for a token. "auto": twice the square root of the number
        of tokens, rounded up, and at most 50.
    embedding_dropout : float, default=0.0
        Probability of leaving out, while training, a number of the embeddings that a
        step reads, at each step anew. The solver "lbfgs" leaves out none.
    unknown_fraction : float, default=0.1
        Part of all tokens that the network reads as the unknown, at random: so it
        learns what to do without one, and to learn the text by heart becomes harder.
    solver : {"adam", "adamw", "sgd", "rmsprop"}, default="adam"
        Adam; Adam with decoupled `weight_decay`; stochastic gradient descent with
        momentum; or RMSprop.
    alpha : float, default=0.0001
        Strength of the L2 penalty on weights, divided by the number of targets of the
        batch as in scikit-learn's MLP. Biases are not penalised.
    batch_size : int or "auto", default="auto"
        Sequences per step of the solver. One that is longer than the share of each in
        all tokens, as one long text is, is cut into pieces of that length, but none
        shorter than `bptt_steps`, which begin without a memory of the one before.
        "auto": so many that an epoch has about 128 steps of the solver, but at least 8
        and at most 32.
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
    max_iter : int, default=60
        Largest number of epochs.
    bptt_steps : int or None, default=64
        Gradients reach back over chunks of so many tokens only, while states go on from
        chunk to chunk (truncated backpropagation through time); each chunk of a batch
        is a step of the solver. None: nothing is cut, and gradients reach back to the
        first token.
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
    early_stopping : bool, default=False
        Whether to watch the score (mean log-likelihood of a token) of validation data,
        not the loss, and to keep the weights of the epoch where it was best.
    validation_fraction : float, default=0.1
        Part of the sequences, or of the pieces of long ones, that is set aside for
        early stopping. Not used with `X_val`.
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

    Attributes
    ----------
    classes_ : ndarray of shape (n_tokens + 1,)
        The tokens that the first fit saw, sorted; and None, the last one, which stands
        for the end of a sequence, as for its begin.
    unknown_probability_ : float
        What each step gives to all tokens together that fit did not see: the share of
        those in X that occur once (Good, Biometrika, 1953), and at most 0.1. The loss
        does not count it.
    n_features_in_ : int
        Number of columns of the 2D X seen during fit, or the number of features per
        step of the sequences.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Column names of X, if X was a DataFrame, or a list with DataFrames, whose names
        are all strings.
    n_features_per_step_ : int
        Number of features of a time step.
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
    skrnn.preprocessing.TextSequencer : Make sequences of words of texts.

    Notes
    -----
    Nothing is padded: the cost follows the sum of the lengths. A prediction has the
    same bits whatever other samples are predicted with it.

    Recurrent weights start orthogonal, input weights as Glorot and Bengio proposed,
    biases at 0 (LSTM forget gates at 1). The equations are those of PyTorch and cuDNN.

    Examples
    --------
    >>> from skrnn import RNNLanguageModel
    >>> model = RNNLanguageModel(hidden_size=16, batch_size=4, random_state=0)
    >>> model = model.fit(["one two three"] * 20)
    >>> model.sample(prefix="one t", temperature=0)
    ['one two three']
    >>> usual, strange = model.score_samples(["one two three", "one ttt three"])
    >>> bool(usual > strange)
    True
    """

    _parameter_constraints = constraints_of(LANGUAGE_MODEL)

    unknown_probability_: float

    # What a network that predicts its own next input must be.
    bidirectional, return_sequences, add_time = False, True, False
    n_features_per_step = frame_length = hop_length = ngram_length = 1
    categorical_features = "all"

    @suggests_names
    def __init__(
        self,
        cell: Literal["gru", "lstm", "rnn"] = "gru",
        hidden_size: int = 256,
        *,
        n_layers: int = 1,
        activation: Literal["tanh", "relu"] = "tanh",
        dropout: float = 0.0,
        recurrent_dropout: float = 0.3,
        layer_norm: bool = True,
        embedding_size: int | Literal["auto"] = "auto",
        embedding_dropout: float = 0.0,
        unknown_fraction: float = 0.1,
        solver: Literal["adam", "adamw", "sgd", "rmsprop"] = "adam",
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: Literal[
            "cosine", "one-cycle", "constant", "invscaling", "adaptive"
        ] = "cosine",
        learning_rate_init: float = 0.005,
        power_t: float = 0.5,
        warmup_fraction: float = 0.0,
        max_iter: int = 60,
        bptt_steps: int | None = 64,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 0.0001,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
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
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.activation = activation
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.layer_norm = layer_norm
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

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: ArrayLike,
        y: None = None,
        *,
        X_val: ArrayLike | None = None,
        init_weights: BaseRNN | Mapping[str, ArrayLike] | None = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : list of str, or list of array-like
            Sequences of tokens: texts, of which each character is a token; or lists or
            arrays (n_timesteps_i,) of strings, whole numbers or booleans, of any
            lengths, also none.
        y : None
            Not used; there as scikit-learn wants it.
        X_val : as X, default=None
            Validation data for early stopping; None: a part of X is set aside.
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
        return self._fit(X, None, None, init_weights, X_val=X_val)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: ArrayLike, y: None = None) -> Self:
        """Train for one epoch, going on from where the network is.

        Tokens that the first call did not see stay unknown: it should have all that
        matter.

        Parameters
        ----------
        X : list of str, or list of array-like
            Sequences of tokens: texts, of which each character is a token; or lists or
            arrays (n_timesteps_i,) of strings, whole numbers or booleans, of any
            lengths, also none.
        y : None
            Not used; there as scikit-learn wants it.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        skrnn.exceptions.DivergenceError
            If the loss, a gradient or the weights become infinite or NaN.
        """
        return self._partial_fit(X, None, None)

    def _given(self, X, y, weight, form, names=TRAINING):
        known = None if form is None or self._model is None else self._model
        known = known.targets if known is not None and form is known.inputs else None
        with called(names.X):
            sequences, form, are_texts = read_tokens(self, X, self.dtype, form, known)
        n_tokens = n_known(form)
        steps, inputs = steps_of(sequences, n_tokens), None
        if names is TRAINING:
            inputs = self._cut(steps.inputs)
        codes = sequences.values[:, 0].astype(np.int64)
        y = Tokens(steps.targets, codes, n_tokens, are_texts)
        return Given(inputs or steps.inputs, y, np.ones(steps.targets.size)), form

    def _cut(self, inputs):
        """Pieces of what is long, so that there are as many as a batch has."""
        lengths, least = inputs.lengths, as_int(self, "bptt_steps")
        if least is None:
            return inputs
        return cut(inputs, max(least, lengths.sum() // batch_size_of(self, lengths)))

    def _automatic_batch_size(self, lengths):
        # An epoch of some 128 steps of the solver, each of one chunk of so many pieces:
        # on a text of 119,000 characters 8 or 16 of 64 or 128 steps each reached 1.99
        # bits, 32 of 128 steps 2.04.
        size = as_int(self, "bptt_steps") or lengths.max()
        return int((-(-lengths // size)).sum()) // 128

    def _check_targets(self, y, weights, known, partial=False):
        targets = known or NextToken.of(y.codes, y.n_tokens, y.are_texts)
        is_known = y.following <= y.n_tokens
        following = np.where(is_known, y.following, -1)[:, None]
        return targets, following, np.where(is_known, weights, 0.0)

    def _has_validation_data(self, X_val):
        if X_val is not None and not self.early_stopping:
            raise ValueError(
                "X_val is passed to fit, but early_stopping is False. Set "
                "early_stopping=True."
            )
        return X_val is not None

    def _scored(self, targets, given, name=VALIDATION.X):
        with called(VALIDATION.X):
            targets.check_texts(given.y.are_texts)
        y = given.y.following[:, None]
        return Scored(given.sequences, y, np.zeros(y.shape, bool), given.weights, name)

    def _score_of_nothing(self, draft, scored):
        return -np.log(draft.network.n_outputs)

    def _validation_score(self, draft, scored, backend, parameters):
        reader = Reader(backend, parameters, draft.targets)
        steps = Steps(scored.sequences, scored.y[:, 0])
        return float(reader.log_likelihoods(steps).mean())

    def _predicts_the_same(self, draft, other):
        return (
            super()._predicts_the_same(draft, other)
            and draft.inputs.categories == other.inputs.categories
        )

    @property
    def classes_(self) -> NDArray[np.object_]:
        """The tokens that the first fit saw, sorted; and None, for the end."""
        if self._model is None:
            raise AttributeError(f"This {type(self).__name__} is not fitted yet.")
        return np.array(self._model.inputs.categories.values[0], object)

    def _reader_of(self, model):
        check_parameters(self, "device")
        backend = make_predictor(self.device, model.network)
        return Reader(backend, model.parameters, model.targets)

    def _steps(self, X, model):
        return steps_of(known_tokens(self, X, model), model.targets.n_tokens)

    def _log_likelihoods(self, X):
        """Of each step of X; and the steps, of each sequence."""
        model = self._fitted()
        steps = self._steps(X, model)
        return self._reader_of(model).log_likelihoods(steps), steps.inputs

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Get the log-likelihood of each sequence.

        Parameters
        ----------
        X : list of str, or list of array-like
            Sequences of tokens: texts, of which each character is a token; or lists or
            arrays (n_timesteps_i,) of strings, whole numbers or booleans, of any
            lengths, also none.

        Returns
        -------
        log_likelihoods : ndarray of shape (n_samples,)
            Natural logarithms of the probabilities of all tokens of a sequence
            together, and of its end.

        Raises
        ------
        ValueError
            If what the network computes is infinite or NaN.
        """
        return sums(*self._log_likelihoods(X))

    def score(self, X: ArrayLike, y: None = None) -> float:
        """Get the mean log-likelihood of a token.

        Parameters
        ----------
        X : list of str, or list of array-like
            Sequences of tokens: texts, of which each character is a token; or lists or
            arrays (n_timesteps_i,) of strings, whole numbers or booleans, of any
            lengths, also none.
        y : None
            Not used; there as scikit-learn wants it.

        Returns
        -------
        log_likelihood : float
            Over the tokens of all sequences, and the ends of these, each of which
            counts as one token.
        """
        return float(self._log_likelihoods(X)[0].mean())

    def perplexity(self, X: ArrayLike) -> float:
        """Get the perplexity: as hard as to guess one of so many tokens.

        Parameters
        ----------
        X : list of str, or list of array-like
            Sequences of tokens: texts, of which each character is a token; or lists or
            arrays (n_timesteps_i,) of strings, whole numbers or booleans, of any
            lengths, also none.

        Returns
        -------
        perplexity : float
            The exponential of the negative `score`.
        """
        return float(np.exp(-self.score(X)))

    def bits_per_token(self, X: ArrayLike) -> float:
        """Get the cross-entropy in bits: to so many a token X can be compressed.

        Parameters
        ----------
        X : list of str, or list of array-like
            Sequences of tokens: texts, of which each character is a token; or lists or
            arrays (n_timesteps_i,) of strings, whole numbers or booleans, of any
            lengths, also none.

        Returns
        -------
        bits : float
            The negative `score`, divided by the logarithm of 2.
        """
        return float(-self.score(X) / np.log(2))

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Predict which token follows each sequence.

        Parameters
        ----------
        X : list of str, or list of array-like
            Sequences of tokens: texts, of which each character is a token; or lists or
            arrays (n_timesteps_i,) of strings, whole numbers or booleans, of any
            lengths, also none.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_tokens + 1)
            Of each token to be the next one, in the order of `classes_`, of which the
            last stands for the end; given that it is one that fit saw.
        """
        model = self._fitted()
        steps = self._steps(X, model)
        return self._reader_of(model).probabilities(steps.inputs)

    def transform(self, X: ArrayLike) -> NDArray[np.floating[Any]]:
        """Get the states after each sequence, as features for another estimator.

        Parameters
        ----------
        X : list of str, or list of array-like
            Sequences of tokens: texts, of which each character is a token; or lists or
            arrays (n_timesteps_i,) of strings, whole numbers or booleans, of any
            lengths, also none.

        Returns
        -------
        states : ndarray of shape (n_samples, hidden_size)
            Of the last layer, after the last token. `set_output` turns them into a
            DataFrame.
        """
        model = self._fitted()
        steps = self._steps(X, model)
        states = self._reader_of(model).states(steps.inputs)
        return self._states_in_container(states, X)

    def sample(
        self,
        n_samples: int = 1,
        *,
        max_length: int = 200,
        prefix: str | ArrayLike | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> list[str] | list[list[Any]]:
        """Draw sequences, a token at a time.

        Parameters
        ----------
        n_samples : int, default=1
            How many sequences.
        max_length : int, default=200
            Largest number of tokens that are drawn; a sequence may end before.
        prefix : str or array-like, default=None
            What each of them begins with: a text, or a sequence of tokens. None: with
            nothing.
        temperature : float, default=1.0
            Logarithms of probabilities are divided by it: below 1 more probable tokens
            are drawn more often than the network says. 0: always the most probable one.
        top_k : int or None, default=None
            Draw from so many of the most probable tokens only.
        top_p : float or None, default=None
            Draw from the most probable tokens only, as few as have this probability
            together (nucleus sampling: Holtzman et al., The curious case of neural
            text degeneration, ICLR 2020).
        random_state : int, RandomState instance or None, default=None
            Determines what is drawn.

        Returns
        -------
        samples : list of str, or list of list
            The sequences, with the prefix: texts if `fit` was given texts, otherwise
            lists of tokens.

        Raises
        ------
        ValueError
            If what the network computes is infinite or NaN.
        """
        _check_sampling(n_samples, max_length, temperature, top_k, top_p)
        model, random_state = self._fitted(), check_random_state(random_state)
        is_text = model.targets.is_text
        begin, codes = self._begin(prefix, model)
        results = continuations(
            self._reader_of(model),
            codes,
            int(n_samples),
            int(max_length),
            partial(
                draw,
                random_state=random_state,
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
            ),
        )
        (tokens,) = model.inputs.categories.values
        results = [[tokens[code] for code in new] for new in results]
        if is_text:
            return ["".join([*begin, *new]) for new in results]
        return [[*begin, *new] for new in results]

    def _begin(self, prefix, model):
        """The tokens of a prefix, and their codes."""
        if prefix is None:
            return [], np.empty(0, np.int64)
        is_one = isinstance(prefix, str) or (
            is_vector(prefix)
            and n_dimensions(prefix) < 2
            and not any(map(is_vector, prefix))
        )
        if not is_one:
            raise ValueError(
                "prefix must be a text, or one sequence of tokens, got an object of "
                f"type {type(prefix).__name__}."
            )
        with called("prefix"):
            read = known_tokens(self, [prefix], model)
        tokens = prefix.tolist() if hasattr(prefix, "tolist") else [*prefix]
        return tokens, read.values[:, 0].astype(np.int64)

    def stream(self, n_sequences: int = 1) -> LanguageModelStream:
        """Read sequences that come a piece at a time.

        Parameters
        ----------
        n_sequences : int, default=1
            How many sequences come side by side.

        Returns
        -------
        stream : LanguageModelStream
            Its method `score_samples` takes the next tokens of each sequence, and
            `predict_proba` says what may follow.
        """
        return LanguageModelStream(self, n_sequences)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = tags.input_tags.three_d_array = False
        return tags


def _check_sampling(n_samples, max_length, temperature, top_k, top_p):
    check_scalar(n_samples, "n_samples", Integral, min_val=1)
    check_scalar(max_length, "max_length", Integral, min_val=0)
    check_scalar(temperature, "temperature", Real)
    if not 0 <= temperature < np.inf:
        raise ValueError(f"temperature == {temperature}, must be >= 0 and finite.")
    if top_k is not None:
        check_scalar(top_k, "top_k", Integral, min_val=1)
    if top_p is not None:
        check_scalar(top_p, "top_p", Real)
        if not 0 < top_p <= 1:
            raise ValueError(f"top_p == {top_p}, must be > 0 and <= 1.")
