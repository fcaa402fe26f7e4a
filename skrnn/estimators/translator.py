"""The translator: sequences in, other sequences out, in any order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrnn.backends import make_backend
from skrnn.compat import available_if, check_parameters, fit_context, with_callbacks
from skrnn.estimators.base import BaseRNN
from skrnn.estimators.embedding import embeddings_of, size_of
from skrnn.estimators.language.tokens import Steps
from skrnn.estimators.names import suggests_names
from skrnn.estimators.parameters import TRANSLATOR, constraints_of
from skrnn.estimators.runs import (
    as_float,
    as_int,
    check_pair,
    is_stochastic,
)
from skrnn.estimators.translation.reading import PairReader
from skrnn.estimators.translation.targets import Translations
from skrnn.estimators.writing import (
    WritesSequences,
    check_classes,
    score_of,
    score_of_some,
)
from skrnn.network import EncoderDecoder, Network
from skrnn.sequences import SequencePairs


class RNNTranslator(WritesSequences, BaseRNN):
    """Recurrent neural network that writes a sequence when it has read another one.

    Words become sounds, sentences those of another language, dates one form of them.
    One network, the encoder, reads the whole sequence; another one, the decoder,
    writes the translation a token at a time, and looks at each back at all that was
    read (attention).

    Parameters
    ----------
    cell : {"gru", "lstm", "rnn"}, default="gru"
        Gated recurrent unit, long short-term memory, or Elman's network.
    hidden_size : int, default=128
        Number of units of a layer of the decoder, the size of a state. A layer of the
        encoder has as many, half of them in each direction if there are two.
    n_layers : int, default=1
        Number of layers, of the encoder and of the decoder; each takes the states of
        the one below for every step.
    bidirectional : bool, default=True
        Whether each layer of the encoder reads a sequence in both directions. Then
        `hidden_size` must be even.
    activation : {"tanh", "relu"}, default="tanh"
        Of Elman's network; the other cells have activations of their own.
    dropout : float, default=0.0
        Probability of leaving out, while training, a unit of the output of every layer
        but the last, and of what attention gives to the output layer, at each step
        anew.
    recurrent_dropout : float, default=0.0
        Probability of leaving out, while training, a unit of the state that a layer
        feeds back to itself; the same units at all steps of a sequence (Gal and
        Ghahramani, A theoretically grounded application of dropout in recurrent neural
        networks, NeurIPS 2016).
    layer_norm : bool, default=True
        Whether the output of each layer is normalised at every step to mean 0 and
        variance 1, then scaled and shifted by learned weights (Ba, Kiros and Hinton,
        Layer normalization, 2016). The states that a layer feeds back to itself stay as
        they are.
    n_features_per_step : int, default=1
        For 2D X, whose rows are flattened sequences: how many neighbouring columns make
        one time step. A list of lists of numbers is 2D if it is above 1, otherwise
        sequences of single values. Other X say so by their shape.
    categorical_features : array-like, str or None, default="auto"
        Features of a step whose values are categories (strings, whole numbers or
        booleans), of each of which the network learns an embedding: indices or names of
        them, or a mask; "all", for sequences of tokens; "from_dtype": columns of
        DataFrames that hold strings, objects or categories. "auto": "all" where X has
        texts or sequences of strings, otherwise None. What is missing (None, NaN) is a
        category of its own. All that the first fit did not see is one more, the
        *unknown*.
    embedding_size : int or "auto", default="auto"
        How many numbers an embedding has: those of features of X with categories, and
        that of the tokens in y. "auto": twice the square root of the number of
        categories or tokens, rounded up, and at most 50. Training that starts with
        another network keeps its sizes.
    embedding_dropout : float, default=0.0
        Probability of leaving out, while training, a number of the embeddings that a
        step reads, at each step anew. The solver "lbfgs" leaves out none.
    unknown_fraction : float, default=0.01
        Part of all categories, and of the tokens that the decoder reads, that an epoch
        replaces by the unknown, at random, so that its embedding learns what to do
        without one. The solver "lbfgs" replaces none.
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
    max_iter : int, default=60
        Largest number of epochs.
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
        Whether to watch the score (1 less the error rate) of validation data, not the
        loss, and to keep the weights of the epoch where it was best.
    validation_fraction : float, default=0.1
        Part of the sequences that is set aside for early stopping. Not used with
        `X_val`.
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
    beam_width : int, default=1
        How many beginnings of a translation a prediction follows from token to token.
        1: it takes the most probable token each time (*greedy* search); with more the
        translation is more probable, in so many times the time (beam search).
    attention : {"dot", "general"}, default="dot"
        How a state of the decoder is compared with one of the encoder: by their
        product, or with a learned matrix between them (Luong, Pham and Manning, 2015).
        With 16,000 words and their sounds "dot" had fewer errors, and learned sooner.
    length_penalty : float, default=1.0
        Of translations that end, a beam finds the one whose log-likelihood, divided by
        its number of tokens to the power of `length_penalty`, is the highest. 1: the
        mean of a token; 0: the sum, which short ones win.
    max_length : int or None, default=None
        Most tokens of a prediction. None: twice as many as the longest in y had at the
        first fit.

    Attributes
    ----------
    classes_ : ndarray of shape (n_tokens,)
        The tokens that translations have, sorted.
    unknown_probability_ : float
        What each step gives to all tokens together that y did not have at the first
        fit: the share of those in it that occur once (Good, Biometrika, 1953), and at
        most 0.1. The loss does not count it.
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
        Of each of these features the embedding of each category, which its index names,
        and then that of the tokens in y, with None for the begin of a translation. The
        last row of each, ``"<unknown>"``, is that of what fit did not see.
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
    RNNTranscriber : What a sequence says in its order, faster to train and to predict.
    skrnn.metrics.token_error_rate : The rate of errors that `score` takes off 1.

    Notes
    -----
    Nothing is padded: the cost follows the sum of the lengths. A prediction has the
    same bits whatever other samples are predicted with it.

    Recurrent weights start orthogonal, input weights as Glorot and Bengio proposed,
    biases at 0 (LSTM forget gates at 1). The equations are those of PyTorch and cuDNN.

    Examples
    --------
    >>> from skrnn import RNNTranslator
    >>> X = ["abc", "cab", "bca", "acb", "cba", "bac"] * 10
    >>> y = [text[::-1] for text in X]
    >>> translator = RNNTranslator(hidden_size=32, random_state=0).fit(X, y)
    >>> translator.predict(["abc", "acb"])
    ['cba', 'bca']
    """

    _parameter_constraints = constraints_of(TRANSLATOR)

    classes_: NDArray[Any]
    unknown_probability_: float

    # What networks are that read and write each step as it is.
    pooling, return_sequences, add_time, bptt_steps = None, True, False, None
    frame_length = hop_length = ngram_length = 1
    _drops_attended = True

    @suggests_names
    def __init__(
        self,
        cell: Literal["gru", "lstm", "rnn"] = "gru",
        hidden_size: int = 128,
        *,
        n_layers: int = 1,
        bidirectional: bool = True,
        activation: Literal["tanh", "relu"] = "tanh",
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        layer_norm: bool = True,
        n_features_per_step: int = 1,
        categorical_features: Literal["auto", "all", "from_dtype"]
        | ArrayLike
        | None = "auto",
        embedding_size: int | Literal["auto"] = "auto",
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
        max_iter: int = 60,
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
        beam_width: int = 1,
        attention: Literal["dot", "general"] = "dot",
        length_penalty: float = 1.0,
        max_length: int | None = None,
    ) -> None:
        self.cell = cell
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.bidirectional = bidirectional
        self.activation = activation
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.layer_norm = layer_norm
        self.n_features_per_step = n_features_per_step
        self.categorical_features = categorical_features
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
        self.beam_width = beam_width
        self.attention = attention
        self.length_penalty = length_penalty
        self.max_length = max_length

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
        init_weights: BaseRNN | Mapping[str, ArrayLike] | None = None,
    ) -> Self:
        """Train the networks.

        Parameters
        ----------
        X : list of array-like or of str, or array-like
            Sequences: a list of arrays or DataFrames (n_timesteps_i, n_features), or of
            arrays or lists (n_timesteps_i,), of any lengths; or a 3D array (n_samples,
            n_timesteps, n_features); or a 2D array of flattened sequences. Of texts
            each character is a step; lists of strings are sequences of tokens.
        y : list of str, or list of array-like
            The translation of each sequence: texts, of which each character is a token;
            or sequences of tokens, which are strings, numbers or booleans. It may be
            empty.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample. None: all weights are 1.
        X_val, y_val : as X and y, default=None
            Validation data for early stopping; None: a part of the samples is set
            aside. A `Pipeline` with ``transform_input=["X_val"]`` transforms them as X.
        sample_weight_val : as sample_weight, default=None
            Weights of the validation data.
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
            X_val=X_val,
            y_val=y_val,
            sample_weight_val=sample_weight_val,
        )

    @available_if(is_stochastic)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Train for one epoch, going on from where the networks are.

        Parameters
        ----------
        X : list of array-like or of str, or array-like
            Sequences: a list of arrays or DataFrames (n_timesteps_i, n_features), or of
            arrays or lists (n_timesteps_i,), of any lengths; or a 3D array (n_samples,
            n_timesteps, n_features); or a 2D array of flattened sequences. Of texts
            each character is a step; lists of strings are sequences of tokens.
        y : list of str, or list of array-like
            The translation of each sequence: texts, of which each character is a token;
            or sequences of tokens, which are strings, numbers or booleans. It may be
            empty.
        classes : array-like of shape (n_tokens,) or str, default=None
            All tokens that translations may have, for the first call. None: those that
            y has there. Others stay unknown.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample. None: all weights are 1.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        skrnn.exceptions.DivergenceError
            If the loss, a gradient or the weights become infinite or NaN.
        """
        return self._partial_fit(X, y, sample_weight, classes=classes)

    def _check_data(self, *given, **options):
        draft, data, given = super()._check_data(*given, **options)
        inputs, targets = data.targets
        pairs = SequencePairs(data.sequences, inputs)
        return draft, data._replace(sequences=pairs, targets=targets[:, None]), given

    def _check_targets(self, y, weights, known, classes=None, partial=False):
        labels = None if classes is None else check_classes(classes, y, known)
        targets = known or Translations.of(y, labels)
        steps = targets.encode(y, self.dtype)
        weights = np.repeat(weights, steps.inputs.lengths)
        is_known = steps.targets <= targets.n_tokens
        following = np.where(is_known, steps.targets, -1)
        return targets, Steps(steps.inputs, following), np.where(is_known, weights, 0.0)

    def _make_network(self, form, targets, frames, known):
        known = known if known is not None and known.is_pair else None
        of_encoder, of_decoder = (None, None) if known is None else known.networks
        size, n_directions = int(self.hidden_size), 1 + bool(self.bidirectional)
        if size % n_directions:
            raise ValueError(
                f"hidden_size={size} must be even, since each of both directions of "
                "the encoder has half of the units. Or set bidirectional=False."
            )
        options = {
            "cell_name": self.cell,
            "activation": self.activation,
            "n_layers": int(self.n_layers),
            "layer_norm": bool(self.layer_norm),
            "pooling": None,
            "loss": targets.loss,
            "dtype": self.dtype,
        }
        encoder = Network(
            **options,
            n_features=form.n_numbers,
            hidden_size=size // n_directions,
            bidirectional=bool(self.bidirectional),
            output_sizes=(),
            embeddings=embeddings_of(self, form, of_encoder),
        )
        decoder = Network(
            **options,
            n_features=0,
            hidden_size=size,
            output_sizes=targets.output_sizes,
            embeddings=(_embedding_of(self, targets, of_decoder),),
        )
        return EncoderDecoder(encoder=encoder, decoder=decoder, score=self.attention)

    def _has_validation_data(self, **validation):
        return check_pair(**validation, early_stopping=self.early_stopping)

    def _validation_score(self, draft, scored, backend, parameters):
        reader = PairReader(backend.predictor(parameters), draft.targets)
        return score_of(scored, self._search(reader, scored.sequences))

    def _reader_of(self, model):
        check_parameters(self, "device")
        predictor = make_backend(self.device, model.network)
        return PairReader(predictor.predictor(model.parameters), model.targets)

    def _search(self, reader, sequences):
        """The best translations, as lists of tokens."""
        check_parameters(self, "beam_width", "length_penalty", "max_length")
        max_length = as_int(self, "max_length")
        if max_length is None:
            max_length = max(1, 2 * reader.targets.longest)
        how = as_int(self, "beam_width"), as_float(self, "length_penalty")
        labels = reader.targets.labels
        found = reader.best(sequences, max_length, *how)
        return [[labels[code] for code in codes] for codes in found]

    def _sequences(self, X, model):
        return self._read(X, model.inputs, model.network.dtype)[0]

    def predict(self, X: ArrayLike) -> list[str] | list[list[Any]]:
        """Predict translations.

        Parameters
        ----------
        X : list of array-like or of str, or array-like
            Sequences: a list of arrays or DataFrames (n_timesteps_i, n_features), or of
            arrays or lists (n_timesteps_i,), of any lengths; or a 3D array (n_samples,
            n_timesteps, n_features); or a 2D array of flattened sequences. Of texts
            each character is a step; lists of strings are sequences of tokens.

        Returns
        -------
        y : list of str, or list of array-like
            The translation of each sequence: texts, of which each character is a token;
            or sequences of tokens, which are strings, numbers or booleans. It may be
            empty.

        Raises
        ------
        ValueError
            If what the network computes for a sequence is infinite or NaN.
        """
        model = self._fitted()
        found = self._search(self._reader_of(model), self._sequences(X, model))
        return ["".join(part) for part in found] if model.targets.is_text else found

    def score(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Get 1 less the error rate: the edits that predictions need, a token.

        Parameters
        ----------
        X : list of array-like or of str, or array-like
            Sequences: a list of arrays or DataFrames (n_timesteps_i, n_features), or of
            arrays or lists (n_timesteps_i,), of any lengths; or a 3D array (n_samples,
            n_timesteps, n_features); or a 2D array of flattened sequences. Of texts
            each character is a step; lists of strings are sequences of tokens.
        y : list of str, or list of array-like
            The translation of each sequence: texts, of which each character is a token;
            or sequences of tokens, which are strings, numbers or booleans. It may be
            empty.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample. None: all weights are 1.

        Returns
        -------
        score : float
            1 less `skrnn.metrics.token_error_rate` of the predictions: 1 is the best,
            and it is negative where there are more errors than tokens.
        """
        model = self._fitted()
        given, _ = self._given(X, y, sample_weight, model.inputs)
        scored = self._scored(model.targets, given)
        written = self._search(self._reader_of(model), given.sequences)
        return score_of_some(scored, written)

    def score_samples(self, X: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
        """Get the log-likelihood of each translation.

        Parameters
        ----------
        X : list of array-like or of str, or array-like
            Sequences: a list of arrays or DataFrames (n_timesteps_i, n_features), or of
            arrays or lists (n_timesteps_i,), of any lengths; or a 3D array (n_samples,
            n_timesteps, n_features); or a 2D array of flattened sequences. Of texts
            each character is a step; lists of strings are sequences of tokens.
        y : list of str, or list of array-like
            The translation of each sequence: texts, of which each character is a token;
            or sequences of tokens, which are strings, numbers or booleans. It may be
            empty.

        Returns
        -------
        log_likelihoods : ndarray of shape (n_samples,)
            Natural logarithms of the probabilities of all tokens of a translation
            together, and of its end.

        Raises
        ------
        ValueError
            If what the network computes is infinite or NaN.
        """
        model = self._fitted()
        given, _ = self._given(X, y, None, model.inputs)
        steps = model.targets.encode(given.y, model.network.dtype)
        return self._reader_of(model).log_likelihoods(given.sequences, steps)

    def attention_matrix(
        self, X: ArrayLike, y: ArrayLike | None = None
    ) -> list[NDArray[np.floating[Any]]]:
        """Get how much each token of a translation looks at each step that was read.

        Parameters
        ----------
        X : list of array-like or of str, or array-like
            Sequences: a list of arrays or DataFrames (n_timesteps_i, n_features), or of
            arrays or lists (n_timesteps_i,), of any lengths; or a 3D array (n_samples,
            n_timesteps, n_features); or a 2D array of flattened sequences. Of texts
            each character is a step; lists of strings are sequences of tokens.
        y : list of str, or list of array-like, default=None
            The translations, as `fit` takes them. None: those that `predict` finds.

        Returns
        -------
        matrices : list of ndarray of shape (n_tokens_i, n_timesteps_i)
            For each sequence; each row sums to 1.

        Raises
        ------
        ValueError
            If what the network computes is infinite or NaN.
        """
        model = self._fitted()
        y = self.predict(X) if y is None else y
        given, _ = self._given(X, y, None, model.inputs)
        steps = model.targets.encode(given.y, model.network.dtype)
        shares = self._reader_of(model).shares(given.sequences, steps)
        return [matrix[:-1] for matrix in shares]

    def transform(self, X: ArrayLike) -> NDArray[np.floating[Any]]:
        """Get what the decoder starts from, as features for another estimator.

        Parameters
        ----------
        X : list of array-like or of str, or array-like
            Sequences: a list of arrays or DataFrames (n_timesteps_i, n_features), or of
            arrays or lists (n_timesteps_i,), of any lengths; or a 3D array (n_samples,
            n_timesteps, n_features); or a 2D array of flattened sequences. Of texts
            each character is a step; lists of strings are sequences of tokens.

        Returns
        -------
        states : ndarray of shape (n_samples, hidden_size)
            The last states of the encoder's last layer, those of both directions one
            behind the other. `set_output` turns them into a DataFrame.
        """
        model = self._fitted()
        states = self._reader_of(model).states(self._sequences(X, model))
        return self._states_in_container(states, X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _embedding_of(estimator, targets, known):
    """How many rows the decoder's embedding has, and their size."""
    if known is not None and isinstance(estimator.embedding_size, str):
        return targets.n_codes, known.embeddings[0][1]
    return targets.n_codes, size_of(estimator, targets.n_codes - 1)
