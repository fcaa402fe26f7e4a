"""The transcriber: sequences in, texts or labels in their order out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrnn.compat import (
    available_if,
    check_parameters,
    fit_context,
    with_callbacks,
)
from skrnn.estimators.base import BaseRNN
from skrnn.estimators.inputs.forms import characters_of
from skrnn.estimators.names import suggests_names
from skrnn.estimators.parameters import TRANSCRIBER, constraints_of
from skrnn.estimators.results import of_frames
from skrnn.estimators.runs import (
    as_int,
    is_stochastic,
)
from skrnn.estimators.supervised import PredictingRNN
from skrnn.estimators.transcriber_stream import TranscriberStream
from skrnn.estimators.transcripts import (
    Transcripts,
    check_long_enough,
)
from skrnn.estimators.types import Results
from skrnn.estimators.writing import (
    WritesSequences,
    check_classes,
    score_of,
    score_of_some,
)
from skrnn.mathematics.transcripts import alignment


class RNNTranscriber(WritesSequences, PredictingRNN):
    """Recurrent neural network that writes down what a sequence says, in its order.

    Speech becomes text, letters become sounds, pen strokes become words. Targets are
    shorter than the sequences, and nobody says at which steps their labels are: the
    loss sums over all ways to say them (connectionist temporal classification).

    Parameters
    ----------
    cell : {"gru", "lstm", "rnn"}, default="gru"
        Gated recurrent unit, long short-term memory, or Elman's network.
    hidden_size : int, default=64
        Number of units of a layer in one direction, the size of a state.
    n_layers : int, default=1
        Number of layers; each takes the states of the one below for every step.
    bidirectional : bool, default=True
        Whether each layer reads a sequence in both directions, with units of their own.
        The layer's output is both states, one after the other. What is to `stream`
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
    layer_norm : bool, default=True
        Whether the output of each layer is normalised at every step to mean 0 and
        variance 1, then scaled and shifted by learned weights (Ba, Kiros and Hinton,
        Layer normalization, 2016). The states that a layer feeds back to itself stay as
        they are.
    n_features_per_step : int, default=1
        For 2D X, whose rows are flattened sequences: how many neighbouring columns make
        one time step. A list of lists of numbers is 2D if it is above 1, otherwise
        sequences of single values. Other X say so by their shape.
    frame_length : int, default=1
        How many neighbouring steps the network takes as one, a *frame*, whose inputs
        are those of its steps one after the other. The first frame has the first
        `frame_length` steps, each other one begins `hop_length` steps later, and the
        last one ends with the sequence, of which it may share more with the one before.
        A sequence that is shorter than a frame has zeros before its first step.
    hop_length : int or "auto", default="auto"
        Steps from one frame to the next, not more than `frame_length`: the network has
        so many times fewer steps to compute, and as many fewer in which to say the
        labels. "auto" is half of the `frame_length`, rounded down, and 1 at least.
    categorical_features : array-like, str or None, default="auto"
        Features of a step whose values are categories (strings, whole numbers or
        booleans), of each of which the network learns an embedding: indices or names of
        them, or a mask; "all", for sequences of tokens; "from_dtype": columns of
        DataFrames that hold strings, objects or categories. "auto": "all" where X has
        texts or sequences of strings, otherwise None. What is missing (None, NaN) is a
        category of its own. All that the first fit did not see is one more, the
        *unknown*.
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
        How many beginnings of a transcript a prediction follows from step to step. 1:
        it takes the most probable label of each step (the *best path*), whichever
        transcript that makes. More of them add up all ways to say a transcript, and so
        usually find a more probable one (prefix beam search: Hannun et al., 2014), in
        so many times the time. Streams take the best path.

    Attributes
    ----------
    classes_ : ndarray of shape (n_labels,)
        The labels that transcripts have, sorted.
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
    RNNClassifier : One label for each sequence, or for each step.
    skrnn.metrics.token_error_rate : The rate of errors that `score` takes off 1.

    Notes
    -----
    Nothing is padded: the cost follows the sum of the lengths. A prediction has the
    same bits whatever other samples are predicted with it.

    Recurrent weights start orthogonal, input weights as Glorot and Bengio proposed,
    biases at 0 (LSTM forget gates at 1). The equations are those of PyTorch and cuDNN.

    References
    ----------
    A. Graves, S. Fernandez, F. Gomez and J. Schmidhuber, Connectionist temporal
    classification: labelling unsegmented sequence data with recurrent neural networks,
    ICML 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn import RNNTranscriber
    >>> tones = {"a": [1.0, 0.0], "b": [0.0, 1.0], " ": [0.0, 0.0]}
    >>> y = ["ab", "ba", "a b", "b a", "aba", "bab"] * 10
    >>> X = [np.repeat([tones[k] for k in text], 3, axis=0) for text in y]
    >>> transcriber = RNNTranscriber(hidden_size=16, random_state=0).fit(X, y)
    >>> transcriber.predict(X[:3])
    ['ab', 'ba', 'a b']
    """

    _parameter_constraints = constraints_of(TRANSCRIBER)

    classes_: NDArray[Any]

    # What a network that says something at each frame must be.
    pooling, return_sequences, add_time, bptt_steps = None, False, False, None
    ngram_length = 1

    @suggests_names
    def __init__(
        self,
        cell: Literal["gru", "lstm", "rnn"] = "gru",
        hidden_size: int = 64,
        *,
        n_layers: int = 1,
        bidirectional: bool = True,
        activation: Literal["tanh", "relu"] = "tanh",
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        layer_norm: bool = True,
        n_features_per_step: int = 1,
        frame_length: int = 1,
        hop_length: int | Literal["auto"] = "auto",
        categorical_features: Literal["auto", "all", "from_dtype"]
        | ArrayLike
        | None = "auto",
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
        self.frame_length = frame_length
        self.hop_length = hop_length
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
        """Train the network.

        Parameters
        ----------
        X : list of array-like or of str, or array-like
            Sequences: a list of arrays or DataFrames (n_timesteps_i, n_features), or of
            arrays or lists (n_timesteps_i,), of any lengths; or a 3D array (n_samples,
            n_timesteps, n_features); or a 2D array of flattened sequences. Of texts
            each character is a step; lists of strings are sequences of tokens.
        y : list of str, or list of array-like
            What each sequence says: texts, of which each character is a label; or
            sequences of labels, which are strings, numbers or booleans. A transcript
            may be empty.
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
        ValueError
            If a sequence has fewer steps, or frames, than its target needs: one for
            each label, and one more between two that are alike.
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
        """Train for one epoch, going on from where the network is.

        Parameters
        ----------
        X : list of array-like or of str, or array-like
            Sequences: a list of arrays or DataFrames (n_timesteps_i, n_features), or of
            arrays or lists (n_timesteps_i,), of any lengths; or a 3D array (n_samples,
            n_timesteps, n_features); or a 2D array of flattened sequences. Of texts
            each character is a step; lists of strings are sequences of tokens.
        y : list of str, or list of array-like
            What each sequence says: texts, of which each character is a label; or
            sequences of labels, which are strings, numbers or booleans. A transcript
            may be empty.
        classes : array-like of shape (n_labels,) or str, default=None
            All labels that will ever come; needed in the first call.
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

    def _check_targets(self, y, weights, known, classes=None, partial=False):
        if partial:
            known = _check_classes(y, classes, known)
        targets = known or Transcripts(y.labels(), y.is_text)
        return targets, targets.encode(y), weights

    def _check_learnable(self, network, data):
        lengths = data.sequences.lengths
        counts = network.frames.counts(lengths)
        check_long_enough(data.targets, counts, lengths, network.hop_length)

    def _validation_score(self, draft, scored, backend, parameters):
        outputs = backend.outputs(parameters, scored.sequences)
        frames = draft.network.frames
        outputs, sequences = of_frames(frames, outputs, scored.sequences)
        said = self._decode(draft, outputs, sequences)
        return score_of(scored, [list(transcript) for transcript in said])

    def _decode(self, model, outputs, sequences):
        check_parameters(self, "beam_width")
        width = as_int(self, "beam_width")
        return model.targets.decode(outputs, sequences.offsets, width)

    def predict(self, X: ArrayLike) -> list[str] | list[list[Any]]:
        """Predict transcripts.

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
            What each sequence says: texts, of which each character is a label; or
            sequences of labels, which are strings, numbers or booleans. A transcript
            may be empty.

        Raises
        ------
        ValueError
            If what the network computes for a sequence is infinite or NaN.
        """
        computed = self._compute(characters_of(X), "outputs")
        return self._decode(computed.model, computed.values, computed.sequences)

    def predict_proba(self, X: ArrayLike) -> Results:
        """Predict the probabilities of all labels at each step.

        Parameters
        ----------
        X : list of array-like or of str, or array-like
            Sequences: a list of arrays or DataFrames (n_timesteps_i, n_features), or of
            arrays or lists (n_timesteps_i,), of any lengths; or a 3D array (n_samples,
            n_timesteps, n_features); or a 2D array of flattened sequences. Of texts
            each character is a step; lists of strings are sequences of tokens.

        Returns
        -------
        probabilities : list of ndarray of shape (n_frames_i, 1 + n_labels)
            Of the blank, which stands for no label, and of the labels in the order of
            `classes_`, at each frame; frames are steps if ``hop_length=1``. One array
            (n_samples, n_frames, 1 + n_labels) if X is no list.

        Raises
        ------
        ValueError
            If what the network computes for a sequence is infinite or NaN.
        """
        return self._compute(characters_of(X), "outputs").linked("link")

    def predict_log_proba(self, X: ArrayLike) -> Results:
        """Predict logarithms of the probabilities of all labels at each step.

        Parameters
        ----------
        X : list of array-like or of str, or array-like
            Sequences: a list of arrays or DataFrames (n_timesteps_i, n_features), or of
            arrays or lists (n_timesteps_i,), of any lengths; or a 3D array (n_samples,
            n_timesteps, n_features); or a 2D array of flattened sequences. Of texts
            each character is a step; lists of strings are sequences of tokens.

        Returns
        -------
        log_probabilities : list of ndarray of shape (n_frames_i, 1 + n_labels)
            As `predict_proba` returns them; finite also where the probability is too
            small for a number.

        Raises
        ------
        ValueError
            If what the network computes for a sequence is infinite or NaN.
        """
        return self._compute(characters_of(X), "outputs").linked("log_link")

    def transform(self, X: ArrayLike) -> Results:
        """Get the states of the last layer, as features for another estimator.

        Parameters
        ----------
        X : list of array-like or of str, or array-like
            Sequences: a list of arrays or DataFrames (n_timesteps_i, n_features), or of
            arrays or lists (n_timesteps_i,), of any lengths; or a 3D array (n_samples,
            n_timesteps, n_features); or a 2D array of flattened sequences. Of texts
            each character is a step; lists of strings are sequences of tokens.

        Returns
        -------
        states : list of ndarray of shape (n_frames_i, n_directions * hidden_size)
            At each frame; or one array (n_samples, n_frames, n_directions *
            hidden_size) if X is no list.

        Warns
        -----
        RuntimeWarning
            If what the network computes for a sequence is infinite or NaN.
        """
        X = characters_of(X)
        computed = self._compute(X, "features")
        return self._states_in_container(computed.shaped(computed.values), X)

    def align(self, X: ArrayLike, y: ArrayLike) -> list[NDArray[np.int64]]:
        """Find the steps that say each label of given transcripts.

        Parameters
        ----------
        X : list of array-like or of str, or array-like
            Sequences: a list of arrays or DataFrames (n_timesteps_i, n_features), or of
            arrays or lists (n_timesteps_i,), of any lengths; or a 3D array (n_samples,
            n_timesteps, n_features); or a 2D array of flattened sequences. Of texts
            each character is a step; lists of strings are sequences of tokens.
        y : list of str, or list of array-like
            What each sequence says: texts, of which each character is a label; or
            sequences of labels, which are strings, numbers or booleans. A transcript
            may be empty.

        Returns
        -------
        spans : list of ndarray of shape (n_labels_i, 2)
            Of each label the first step of X that says it, and the one behind its last,
            in the most probable way to say the whole transcript; labels are said at
            few steps, blanks at the others. A frame counts as the `hop_length` steps
            from its first one on, the last frame as all that are left.

        Raises
        ------
        ValueError
            If a transcript has labels that fit did not see, or more than the sequence
            has steps for; or if what the network computes is infinite or NaN.
        """
        model = self._fitted()
        given, _ = self._given(X, y, None, model.inputs)
        network, sequences = model.network, given.sequences
        codes = model.targets.encode(given.y)
        counts = network.frames.counts(sequences.lengths)
        check_long_enough(codes, counts, sequences.lengths, network.hop_length)
        computed = self._compute_of(model, sequences, X, "outputs")
        log_p = model.targets.log_p(computed.values, computed.sequences.offsets)
        labels = np.split(codes.values[:, 0], codes.offsets[1:-1])
        return [
            _steps_of(alignment(p, own), len(p), network.hop_length, length)
            for p, own, length in zip(log_p, labels, sequences.lengths, strict=True)
        ]

    def stream(self, n_sequences: int = 1) -> TranscriberStream:
        """Write down sequences that come a piece at a time.

        Parameters
        ----------
        n_sequences : int, default=1
            How many sequences come side by side.

        Returns
        -------
        stream : TranscriberStream
            Its methods `predict`, `predict_proba` and `transform` take the next steps
            of each sequence.

        Raises
        ------
        ValueError
            If the network is bidirectional: it would need the last step first.
        """
        return TranscriberStream(self, n_sequences)

    def score(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Get 1 less the error rate: the edits that predictions need, a label.

        Parameters
        ----------
        X : list of array-like or of str, or array-like
            Sequences: a list of arrays or DataFrames (n_timesteps_i, n_features), or of
            arrays or lists (n_timesteps_i,), of any lengths; or a 3D array (n_samples,
            n_timesteps, n_features); or a 2D array of flattened sequences. Of texts
            each character is a step; lists of strings are sequences of tokens.
        y : list of str, or list of array-like
            What each sequence says: texts, of which each character is a label; or
            sequences of labels, which are strings, numbers or booleans. A transcript
            may be empty.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each sample. None: all weights are 1.

        Returns
        -------
        score : float
            1 less `skrnn.metrics.token_error_rate` of the predictions: 1 is the best,
            and it is negative where there are more errors than labels.
        """
        model = self._fitted()
        given, _ = self._given(X, y, sample_weight, model.inputs)
        scored = self._scored(model.targets, given)
        computed = self._compute_of(model, given.sequences, X, "outputs")
        said = self._decode(model, computed.values, computed.sequences)
        return score_of_some(scored, [list(transcript) for transcript in said])


def _steps_of(spans, n_frames, hop, n_steps):
    """From frames to steps: a frame is the `hop` ones from its first on."""
    steps = np.minimum(spans * hop, n_steps)
    steps[spans == n_frames] = n_steps
    return steps


def _check_classes(y, classes, known):
    """The labels of the first call of partial_fit; later ones must be the same."""
    if classes is None:
        if known is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        return known
    labels = check_classes(classes, y, known)
    return known or Transcripts(labels, y.is_text)
