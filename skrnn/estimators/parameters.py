"""The parameters of both estimators: default, constraints, type and text of each, once.

scikit-learn validates by the constraints. The constructors and their docstrings stand
in the classes as users and editors read them: ``.ci/docstrings.py`` writes them there
from these tables, and a test says when they are not what the tables say.
"""

from numbers import Integral, Real
from typing import Any, NamedTuple

from pandas.tseries.offsets import BaseOffset

from skrnn.compat import Interval, StrOptions
from skrnn.mathematics.cells import CELLS
from skrnn.mathematics.losses import LOSSES
from skrnn.mathematics.optimizers import OPTIMIZERS
from skrnn.mathematics.schedules import SCHEDULES
from skrnn.network import POOLINGS
from skrnn.training import LBFGS

N_POSITIONAL = 2  # cell and hidden_size; the others are given by name


class Parameter(NamedTuple):
    """One parameter of an estimator."""

    default: object
    constraints: list[Any]  # as scikit-learn's parameter validation takes them
    type: str  # as numpydoc has it
    text: str  # for the docstring
    annotation: str | None = None  # where it does not follow from the type


def _at_least(number):
    return Interval(
        Integral if isinstance(number, int) else Real, number, None, closed="left"
    )


_POSITIVE = Interval(Real, 0, None, closed="neither")
_RATE = Interval(Real, 0, 1, closed="left")
_NGRAM_LENGTHS = Interval(Integral, 1, 16, closed="both")

COMMON = {
    "cell": Parameter(
        "gru",
        [StrOptions({name for name, _ in CELLS})],
        '{"gru", "lstm", "rnn"}',
        "Gated recurrent unit, long short-term memory, or Elman's network.",
    ),
    "hidden_size": Parameter(
        64,
        [_at_least(1)],
        "int",
        "Number of units of a layer in one direction, the size of a state.",
    ),
    "n_layers": Parameter(
        1,
        [_at_least(1)],
        "int",
        "Number of layers; each takes the states of the one below for every step.",
    ),
    "bidirectional": Parameter(
        "auto",
        ["boolean", StrOptions({"auto"})],
        'bool or "auto"',
        """Whether each layer reads a sequence in both directions, with units of their
own. The layer's output is both states, one after the other. "auto": with one target a
sequence, where it raises the accuracy; but not with `bptt_steps`, nor with
``return_sequences=True``, where no output shall depend on later steps. Training that
starts with a network of one direction keeps that. What is to `stream` needs False.""",
    ),
    "activation": Parameter(
        "tanh",
        [StrOptions({"tanh", "relu"})],
        '{"tanh", "relu"}',
        "Of Elman's network; the other cells have activations of their own.",
    ),
    "dropout": Parameter(
        0.0,
        [_RATE],
        "float",
        """Probability of leaving out, while training, a unit of the output of every
layer but the last, at each step anew.""",
    ),
    "recurrent_dropout": Parameter(
        0.0,
        [_RATE],
        "float",
        """Probability of leaving out, while training, a unit of the state that a layer
feeds back to itself; the same units at all steps of a sequence (Gal and
Ghahramani, A theoretically grounded application of dropout in recurrent
neural networks, NeurIPS 2016).""",
    ),
    "layer_norm": Parameter(
        True,
        ["boolean"],
        "bool",
        """Whether the output of each layer, both directions together, is normalised at
every step to mean 0 and variance 1, then scaled and shifted by learned weights
(Ba, Kiros and Hinton, Layer normalization, 2016). The states that a layer feeds
back to itself stay as they are. The default is True for the classifier, whose
accuracy it raises, and False for the regressor, where no gain was found.""",
    ),
    "pooling": Parameter(
        "max",
        [StrOptions(POOLINGS.keys())],
        '{"max", "last", "mean", "attention"}',
        """How the last layer's states become one vector for the output layer: their
maximum over the steps; the state after the last step (of the other direction,
that after its last, at the first step); their mean; or a mean weighted by
attention, the softmax over the steps of ``query . tanh(weight @ h + bias)``
with a learned query (after Bahdanau, Cho and Bengio, ICLR 2015). The default is
"max" for the classifier and "last" for the regressor, whose usual task is to
forecast. Not used with ``return_sequences=True``.""",
    ),
    "return_sequences": Parameter(
        False,
        ["boolean"],
        "bool",
        "Whether there is a target for every time step, rather than one a sequence.",
    ),
    "n_features_per_step": Parameter(
        1,
        [_at_least(1)],
        "int",
        """For 2D X, whose rows are flattened sequences: how many neighbouring columns
make one time step. A list of lists of numbers is 2D if it is above 1, otherwise
sequences of single values. Other X say so by their shape.""",
    ),
    "frame_length": Parameter(
        "auto",
        [StrOptions({"auto"}), _at_least(1)],
        'int or "auto"',
        """How many neighbouring steps the network takes as one, a *frame*, whose inputs
are those of its steps one after the other. The first frame has the first
`frame_length` steps, each other one begins `hop_length` steps later, and the last one
ends with the sequence, of which it may share more with the one before. A sequence
that is shorter than a frame has zeros before its first step. With
``return_sequences=True`` each step ends a frame: of it and the steps before. "auto":
twice the `hop_length` if that is above 1, otherwise 1, so that frames are steps.""",
    ),
    "hop_length": Parameter(
        "auto",
        [StrOptions({"auto"}), _at_least(1)],
        'int or "auto"',
        """Steps from one frame to the next, not more than `frame_length`: the network
has so many times fewer steps to compute. "auto" is half of a given `frame_length`,
rounded down, and 1 at least. With both "auto", the first fit chooses: where the
median length is 48 or more, so that about 32 frames remain, but at most 16 with
``pooling="last"`` and at most 8 with another, which then has more of them; with
categories it is 1, and with ``return_sequences=True`` always.""",
    ),
    "add_time": Parameter(
        "auto",
        ["boolean", StrOptions({"auto"})],
        'bool or "auto"',
        """Whether the number of a step in its sequence is one more feature of it,
standardised by the lengths that the first fit sees; later steps than those have the
number of the last. "auto": where states are pooled such that it is lost when they were,
by another `pooling` than "last", and the median length is below 128. It tells apart
what differs by when something happens.""",
    ),
    "categorical_features": Parameter(
        None,
        [StrOptions({"all", "from_dtype"}), "array-like", None],
        'array-like, {"all", "from_dtype"} or None',
        """Features of a step whose values are categories (strings, whole numbers or
booleans), of each of which the network learns an embedding: indices or names of them,
or a mask; "all", for sequences of tokens; "from_dtype": columns of DataFrames that hold
strings, objects or categories. What is missing (None, NaN) is a category of its own.
All that the first fit did not see is one more, the *unknown*.""",
        'ArrayLike | Literal["all", "from_dtype"] | None',
    ),
    "ngram_length": Parameter(
        1,
        [_NGRAM_LENGTHS],
        "int",
        """Up to how many neighbouring categories are one more category, an *n-gram*,
with an embedding of its own: each step reads those that end there. It knows the ones
that two sequences of the first fit have; all others are unknown. 1: none. Above 1 there
must be one feature with categories; at most 16.""",
    ),
    "embedding_size": Parameter(
        "auto",
        [StrOptions({"auto"}), _at_least(1), "array-like"],
        'int, array-like of int or "auto"',
        """How many numbers an embedding has: that of each feature with categories; or
one for each of them, in the order of their columns. "auto": twice the square root of
the number of categories, rounded up, and at most 50. Training that starts with another
network keeps its sizes. N-grams have those of "auto", but none above what is given.""",
        'int | ArrayLike | Literal["auto"]',
    ),
    "embedding_dropout": Parameter(
        0.0,
        [_RATE],
        "float",
        """Probability of leaving out, while training, a number of the embeddings that a
step reads, at each step anew. The solver "lbfgs" leaves out none.""",
    ),
    "unknown_fraction": Parameter(
        0.01,
        [_RATE],
        "float",
        """Part of all categories that an epoch replaces by the unknown, at random, so
that its embedding learns what to do without one. The solver "lbfgs" replaces none.""",
    ),
    "solver": Parameter(
        "adam",
        [StrOptions({*OPTIMIZERS, LBFGS})],
        '{"adam", "adamw", "sgd", "rmsprop", "lbfgs"}',
        """Adam; Adam with decoupled `weight_decay`; stochastic gradient descent with
momentum; RMSprop; or SciPy's L-BFGS-B with all samples at once, for small data.
"lbfgs" ignores `batch_size`, the learning rate and `max_grad_norm`, ends where the
largest part of the gradient is below `tol`, and takes no dropout.""",
    ),
    "alpha": Parameter(
        1e-4,
        [_at_least(0.0)],
        "float",
        """Strength of the L2 penalty on weights, divided by the number of targets of
the batch as in scikit-learn's MLP. Biases are not penalised.""",
    ),
    "batch_size": Parameter(
        "auto",
        [StrOptions({"auto"}), _at_least(1)],
        'int or "auto"',
        """Sequences per step of the solver. "auto" is an eighth of the samples, but at
least 8 and at most 32.""",
    ),
    "learning_rate": Parameter(
        "cosine",
        [StrOptions(set(SCHEDULES))],
        "str",
        """"cosine" falls from `learning_rate_init` to 0 over `max_iter` epochs;
"one-cycle" rises to it in 30 % of them and falls again. "constant" keeps it,
"invscaling" divides it by ``t ** power_t`` in step t of the solver, and "adaptive"
by 5 whenever `n_iter_no_change` epochs improved nothing, until it is below 1e-6.
`partial_fit`, which knows no last epoch, takes "constant" for the first two.""",
        'Literal["cosine", "one-cycle", "constant", "invscaling", "adaptive"]',
    ),
    "learning_rate_init": Parameter(
        5e-3, [_POSITIVE], "float", "The first learning rate, or the highest one."
    ),
    "power_t": Parameter(
        0.5, [_at_least(0.0)], "float", 'Exponent of the learning rate "invscaling".'
    ),
    "warmup_fraction": Parameter(
        0.0,
        [_RATE],
        "float",
        """Part of all epochs in which the learning rate first rises linearly from 0;
the schedule takes the rest of them.""",
    ),
    "max_iter": Parameter(
        None,
        [_at_least(1), None],
        "int or None",
        """Largest number of epochs. None: 100; but 30 where steps are tokens, without
numbers, and each sequence has one target, since words are soon learned by heart.""",
    ),
    "bptt_steps": Parameter(
        None,
        [_at_least(1), None],
        "int or None",
        """For long sequences: gradients reach back over chunks of so many steps (or
frames, see `frame_length`) only, while states go on from chunk to chunk (truncated
backpropagation through time), and memory is that of a chunk. With
``return_sequences=True`` each chunk of a batch is a step of the solver. None:
gradients reach back to the first step. Not for bidirectional networks.""",
    ),
    "shuffle": Parameter(
        True, ["boolean"], "bool", "Whether each epoch takes samples in a new order."
    ),
    "random_state": Parameter(
        None,
        ["random_state"],
        "int, RandomState instance or None",
        """Determines the initial weights, the order of the samples and what is dropped.
With an int, the result is the same in every bit on any number of threads.""",
        "int | np.random.RandomState | None",
    ),
    "tol": Parameter(
        1e-4,
        [_at_least(0.0)],
        "float",
        """An epoch improves the loss if it lowers the best one by at least so much, or,
with early stopping, the score if it raises the best one by so much.""",
    ),
    "n_iter_no_change": Parameter(
        10,
        [_at_least(1)],
        "int",
        "Training ends when more than so many epochs in a row improve nothing.",
    ),
    "early_stopping": Parameter(
        False,
        ["boolean"],
        "bool",
        """Whether to watch the score (accuracy or R^2) of validation data, not the
loss, and to keep the weights of the epoch where it was best.""",
    ),
    "validation_fraction": Parameter(
        0.1,
        [Interval(Real, 0, 1, closed="neither")],
        "float",
        """Part of the samples that is set aside for early stopping, with the same
shares of classes if there is one label per sequence. Not used with `X_val`.""",
    ),
    "verbose": Parameter(
        False,
        ["verbose"],
        "bool",
        "Print loss, score, seconds and the solver's steps per second of each epoch.",
        "bool | int",
    ),
    "warm_start": Parameter(
        False,
        ["boolean"],
        "bool",
        """Let `fit` go on from the weights of the last fit, for `max_iter` more epochs;
or, if that was interrupted or comes from a checkpoint, to its end as planned.""",
    ),
    "trainable": Parameter(
        "all",
        [str, list, tuple],
        "str or list of str",
        """What training changes: "all"; "head", the output layer; or names of weights
as in `get_weights`, or patterns of them such as ``"*_l1"``. The others keep every
bit, and no gradient is computed below the lowest layer that has one of them. Both
biases of a gate count as one.""",
        "str | list[str] | tuple[str, ...]",
    ),
    "adapter_rank": Parameter(
        0,
        [_at_least(0)],
        "int",
        """If above 0, each input and recurrent matrix stays as it is, and a product of
two matrices of this rank is trained and added to it (LoRA: Hu et al., ICLR 2022).
`trainable` says which other weights are trained; ``[]`` for none.""",
    ),
    "momentum": Parameter(
        0.9, [Interval(Real, 0, 1, closed="both")], "float", 'Of the solver "sgd".'
    ),
    "nesterovs_momentum": Parameter(
        True, ["boolean"], "bool", "Whether that momentum is Nesterov's."
    ),
    "beta_1": Parameter(
        0.9,
        [_RATE],
        "float",
        'Of the solvers "adam" and "adamw": decay of the mean of gradients.',
    ),
    "beta_2": Parameter(
        0.999,
        [_RATE],
        "float",
        'Of the solvers "adam" and "adamw": decay of the mean of their squares.',
    ),
    "rho": Parameter(
        0.99,
        [_RATE],
        "float",
        'Of the solver "rmsprop": decay of the mean of squares of gradients.',
    ),
    "epsilon": Parameter(
        1e-8,
        [_POSITIVE],
        "float",
        'Of "adam", "adamw" and "rmsprop": added to the root of the mean of squares.',
    ),
    "weight_decay": Parameter(
        0.01,
        [_at_least(0.0)],
        "float",
        """Of the solver "adamw": each step takes this part, times the learning rate,
off each weight. Biases do not decay.""",
    ),
    "max_grad_norm": Parameter(
        1.0,
        [_POSITIVE, None],
        "float or None",
        "A gradient with a larger norm is scaled down to it. None: never.",
    ),
    "dtype": Parameter(
        "float32",
        [StrOptions({"float32", "float64"})],
        '{"float32", "float64"}',
        "Precision of weights and states.",
    ),
    "device": Parameter(
        "auto",
        [StrOptions({"auto", "cpu", "cuda"})],
        '{"auto", "cpu", "cuda"}',
        """Where to compute. "cuda" is an NVIDIA GPU, which needs the package numba-cuda
(``pip install "skrnn[cuda13]"``); no GPU has run it yet. "auto" is the CPU until one
has. Not part of what is learned: an estimator fitted on one device predicts on the
other.""",
    ),
}

CLASSIFIER = COMMON | {
    "ngram_length": COMMON["ngram_length"]._replace(
        default="auto",
        constraints=[StrOptions({"auto"}), _NGRAM_LENGTHS],
        type='int or "auto"',
        text=COMMON["ngram_length"].text
        + """ "auto": 3 where
steps are tokens, one category without numbers, and each sequence has one label, since
small networks learn late what few texts say by pairs of words or letters; otherwise
1. Training that starts with another network keeps its length.""",
    ),
    "embedding_dropout": COMMON["embedding_dropout"]._replace(
        default="auto",
        constraints=[StrOptions({"auto"}), _RATE],
        type='float or "auto"',
        text="""Probability of leaving out, while training, a number of the embeddings
that a step reads, at each step anew. It keeps rare categories from being learned by
heart. "auto": where steps are tokens, without numbers, and each sequence has one label,
0.7 if a feature has more than 1,000 categories, as words have, and 0.2 otherwise, as
for characters, and 0.8 of n-grams; elsewhere 0. The solver "lbfgs" leaves out none.""",
    ),
    "label_smoothing": Parameter(
        0.0,
        [Interval(Real, 0, 1, closed="left")],
        "float",
        """Which share of each label is divided evenly among all classes (of several
labels a target: between there and not there), so that no probability is learned to be 1
(Szegedy et al., Rethinking the inception architecture for computer vision, 2016). Part
of the loss, not of scores.""",
    ),
    "class_weight": Parameter(
        None,
        [StrOptions({"balanced"}), dict, list, None],
        'dict, list of dict, "balanced" or None',
        """Weights of the classes in the loss, which multiply those of the samples.
"balanced": inversely proportional to how often a class occurs in y. A class that a
dict does not name has weight 1. A list has a dict for each of several label columns.
Scores are not weighted.""",
        'dict[Any, Any] | list[Any] | Literal["balanced"] | None',
    ),
    "ignore_label": Parameter(
        None,
        [str, Real, "boolean", None],
        "label or None",
        """What stands in y where a label is missing: such a target adds nothing to the
loss or the score. NaN can be it, too. None: no label is missing.""",
        "str | float | bool | None",
    ),
}

REGRESSOR = COMMON | {
    "pooling": COMMON["pooling"]._replace(default="last"),
    "early_stopping": COMMON["early_stopping"]._replace(
        default="auto",
        constraints=["boolean", StrOptions({"auto"})],
        type='bool or "auto"',
        text="""Whether to watch the score of validation data, not the loss of training,
and to keep the weights of the epoch where it was best: R^2, or with another `loss` than
"squared_error" that loss, times -1. "auto": if `X_val` is passed, or if
there are 20 samples or more that have all of their targets, one a sequence, unless
the solver is "lbfgs"; with the learning rates "cosine" and "one-cycle" training then
goes on to the last epoch. `partial_fit` has none.""",
    ),
    "layer_norm": COMMON["layer_norm"]._replace(default=False),
    "loss": Parameter(
        "squared_error",
        [StrOptions({name for name, loss in LOSSES.items() if loss.regresses})],
        "str",
        """What training minimises; of several outputs its mean. "squared_error" (half
of it) learns means; "absolute_error" medians; "huber" is the former for errors up to
`delta`, and grows as the latter from there on. "poisson" and "gamma" learn the
logarithms of means, of targets from 0 on or of positive ones, by half the deviance.
"quantile" learns `quantiles` by the pinball loss; "gaussian" mean and standard
deviation, by the negative log-likelihood.""",
        'Literal["squared_error", "absolute_error", "huber", "poisson", "gamma", '
        '"quantile", "gaussian"]',
    ),
    "quantiles": Parameter(
        (0.1, 0.5, 0.9),
        ["array-like", Interval(Real, 0, 1, closed="neither")],
        "float or array-like of float",
        """Of the loss "quantile": which ones, between 0 and 1 and rising. Of several,
predictions have a last dimension; a single number is predicted as other losses
predict.""",
        "float | ArrayLike",
    ),
    "delta": Parameter(
        1.0,
        [_POSITIVE],
        "float",
        """Of the loss "huber": up to which error it is half the squared one; in
standard deviations of y, unless ``normalize_y=False``.""",
    ),
    "normalize_y": Parameter(
        True,
        ["boolean"],
        "bool",
        """Standardise the targets inside, so that training does not depend on their
unit (with "poisson" and "gamma" divide them by their mean); predictions come back in
it. The mean and the standard deviation are those of the first call of `fit` or
`partial_fit`. Losses and weights are those of the standardised targets.""",
    ),
}

#: What a language model fixes: one token a step, of which it predicts the next one.
_FIXED = {
    "bidirectional",
    "pooling",
    "return_sequences",
    "n_features_per_step",
    "frame_length",
    "hop_length",
    "add_time",
    "categorical_features",
    "ngram_length",
}


def _without_steps(parameter):
    """A parameter whose text says nothing of targets for steps."""
    text = " ".join(parameter.text.split())
    for of_steps in (
        " With ``return_sequences=True`` each step ends a frame: of it and the steps "
        "before.",
        ", and with ``return_sequences=True`` always",
        " With ``return_sequences=True`` each chunk of a batch is a step of the "
        "solver.",
        " Not used with ``return_sequences=True``.",
    ):
        text = text.replace(of_steps, "")
    return parameter._replace(text=text)


_OF_TASKS = {k: _without_steps(p) for k, p in COMMON.items() if k != "return_sequences"}

MULTI_TASK = _OF_TASKS | {
    "bidirectional": COMMON["bidirectional"]._replace(
        text="""Whether each layer reads a sequence in both directions, with units of
their own. The layer's output is both states, one after the other. "auto": yes, but not
with `bptt_steps`. Training that starts with a network of one direction keeps that. What
is to `stream` needs False.""",
    ),
    "layer_norm": _OF_TASKS["layer_norm"]._replace(
        default=False, text=_OF_TASKS["layer_norm"].text.split(" The default is")[0]
    ),
    "pooling": _OF_TASKS["pooling"]._replace(
        default="last", text=_OF_TASKS["pooling"].text.split(" The default is")[0]
    ),
    "early_stopping": REGRESSOR["early_stopping"]._replace(
        text="""Whether to watch the score of validation data, not the loss of training,
and to keep the weights of the epoch where it was best: the mean of the scores of all
tasks, weighted by `loss_weights`. "auto": if `X_val` is passed, or if there are 20
samples or more that have all of their targets, unless the solver is "lbfgs"; with the
learning rates "cosine" and "one-cycle" training then goes on to the last epoch.
`partial_fit` has none.""",
    ),
    "validation_fraction": COMMON["validation_fraction"]._replace(
        text="""Part of the samples that is set aside for early stopping. Not used with
`X_val`.""",
    ),
    "tasks": Parameter(
        "auto",
        [StrOptions({"auto", "classification", "regression"}), dict, "array-like"],
        "str, dict of str or array-like of str",
        """Which columns of y have classes and which have values: "classification" or
"regression", for all columns; or a dict with one of these for some columns, by name or
place; or a list with one for each. "auto", also of what a dict leaves out: floats are
values; strings, booleans, categories and whole numbers are classes. More than 20
different whole numbers may be either, and must be named.""",
        'Literal["auto", "classification", "regression"] | dict[Any, str] | ArrayLike',
    ),
    "loss_weights": Parameter(
        None,
        [dict, "array-like", None],
        "dict, array-like or None",
        """Weights of the tasks in the loss, by name or place, or in the order of the
columns: the loss is their weighted mean. A column that a dict does not name has weight
1. None: all weights are 1.""",
        "dict[Any, float] | ArrayLike | None",
    ),
    "normalize_y": REGRESSOR["normalize_y"]._replace(
        text="""Standardise columns of values inside, so that training does not depend
on their units; predictions come back in them. The means and the standard deviations are
those of the first call of `fit` or `partial_fit`.""",
    ),
}

LANGUAGE_MODEL = {k: p for k, p in COMMON.items() if k not in _FIXED} | {
    "hidden_size": COMMON["hidden_size"]._replace(default=256),
    "recurrent_dropout": COMMON["recurrent_dropout"]._replace(default=0.3),
    "layer_norm": COMMON["layer_norm"]._replace(
        text="""Whether the output of each layer is normalised at every step to mean 0
and variance 1, then scaled and shifted by learned weights (Ba, Kiros and Hinton, Layer
normalization, 2016). The states that a layer feeds back to itself stay as they are."""
    ),
    "embedding_size": COMMON["embedding_size"]._replace(
        constraints=[StrOptions({"auto"}), _at_least(1)],
        type='int or "auto"',
        text="""How many numbers stand for a token. "auto": twice the square root of
the number of tokens, rounded up, and at most 50.""",
        annotation=None,
    ),
    "unknown_fraction": COMMON["unknown_fraction"]._replace(
        default=0.1,
        text="""Part of all tokens that the network reads as the unknown, at random: so
it learns what to do without one, and to learn the text by heart becomes harder.""",
    ),
    "solver": COMMON["solver"]._replace(
        constraints=[StrOptions(set(OPTIMIZERS))],
        type='{"adam", "adamw", "sgd", "rmsprop"}',
        text="""Adam; Adam with decoupled `weight_decay`; stochastic gradient descent
with momentum; or RMSprop.""",
    ),
    "batch_size": COMMON["batch_size"]._replace(
        text="""Sequences per step of the solver. One that is longer than the share of
each in all tokens, as one long text is, is cut into pieces of that length, but none
shorter than `bptt_steps`, which begin without a memory of the one before. "auto": so
many that an epoch has about 128 steps of the solver, but at least 8 and at most 32.""",
    ),
    "bptt_steps": COMMON["bptt_steps"]._replace(
        default=64,
        text="""Gradients reach back over chunks of so many tokens only, while states
go on from chunk to chunk (truncated backpropagation through time); each chunk of a
batch is a step of the solver. None: nothing is cut, and gradients reach back to the
first token.""",
    ),
    "max_iter": COMMON["max_iter"]._replace(
        default=60,
        constraints=[_at_least(1)],
        type="int",
        text="Largest number of epochs.",
    ),
    "early_stopping": COMMON["early_stopping"]._replace(
        text="""Whether to watch the score (mean log-likelihood of a token) of
validation data, not the loss, and to keep the weights of the epoch where it was
best."""
    ),
    "validation_fraction": COMMON["validation_fraction"]._replace(
        text="""Part of the sequences, or of the pieces of long ones, that is set aside
for early stopping. Not used with `X_val`."""
    ),
}


#: What a transcriber fixes: an output for each frame, of all of a sequence.
_OF_ONE_TARGET = {
    "pooling",
    "return_sequences",
    "add_time",
    "ngram_length",
    "bptt_steps",
}

TRANSCRIBER = {k: p for k, p in COMMON.items() if k not in _OF_ONE_TARGET} | {
    "bidirectional": COMMON["bidirectional"]._replace(
        default=True,
        constraints=["boolean"],
        type="bool",
        text="""Whether each layer reads a sequence in both directions, with units of
their own. The layer's output is both states, one after the other. What is to `stream`
needs False.""",
    ),
    "layer_norm": LANGUAGE_MODEL["layer_norm"],
    "frame_length": COMMON["frame_length"]._replace(
        default=1,
        constraints=[_at_least(1)],
        type="int",
        text="""How many neighbouring steps the network takes as one, a *frame*, whose
inputs are those of its steps one after the other. The first frame has the first
`frame_length` steps, each other one begins `hop_length` steps later, and the last one
ends with the sequence, of which it may share more with the one before. A sequence
that is shorter than a frame has zeros before its first step.""",
    ),
    "hop_length": COMMON["hop_length"]._replace(
        text="""Steps from one frame to the next, not more than `frame_length`: the
network has so many times fewer steps to compute, and as many fewer in which to say the
labels. "auto" is half of the `frame_length`, rounded down, and 1 at least.""",
    ),
    "categorical_features": COMMON["categorical_features"]._replace(
        default="auto",
        constraints=[
            StrOptions({"auto", "all", "from_dtype"}),
            "array-like",
            None,
        ],
        type="array-like, str or None",
        text="""Features of a step whose values are categories (strings, whole numbers
or booleans), of each of which the network learns an embedding: indices or names of
them, or a mask; "all", for sequences of tokens; "from_dtype": columns of DataFrames
that hold strings, objects or categories. "auto": "all" where X has texts or sequences
of strings, otherwise None. What is missing (None, NaN) is a category of its own. All
that the first fit did not see is one more, the *unknown*.""",
        annotation='Literal["auto", "all", "from_dtype"] | ArrayLike | None',
    ),
    "max_iter": LANGUAGE_MODEL["max_iter"],
    "early_stopping": COMMON["early_stopping"]._replace(
        text="""Whether to watch the score (1 less the error rate) of validation data,
not the loss, and to keep the weights of the epoch where it was best."""
    ),
    "validation_fraction": COMMON["validation_fraction"]._replace(
        text="""Part of the sequences that is set aside for early stopping. Not used
with `X_val`."""
    ),
    "beam_width": Parameter(
        1,
        [_at_least(1)],
        "int",
        """How many beginnings of a transcript a prediction follows from step to step.
1: it takes the most probable label of each step (the *best path*), whichever transcript
that makes. More of them add up all ways to say a transcript, and so usually find a more
probable one (prefix beam search: Hannun et al., 2014), in so many times the time.
Streams take the best path.""",
    ),
}


#: What a translator fixes as well: each step of a sequence is read as it is.
_OF_FRAMES = {"frame_length", "hop_length"}

TRANSLATOR = {k: p for k, p in TRANSCRIBER.items() if k not in _OF_FRAMES} | {
    "hidden_size": COMMON["hidden_size"]._replace(
        default=128,
        text="""Number of units of a layer of the decoder, the size of a state. A layer
of the encoder has as many, half of them in each direction if there are two.""",
    ),
    "n_layers": COMMON["n_layers"]._replace(
        text="""Number of layers, of the encoder and of the decoder; each takes the
states of the one below for every step.""",
    ),
    "bidirectional": TRANSCRIBER["bidirectional"]._replace(
        text="""Whether each layer of the encoder reads a sequence in both directions.
Then `hidden_size` must be even.""",
    ),
    "dropout": COMMON["dropout"]._replace(
        text="""Probability of leaving out, while training, a unit of the output of
every layer but the last, and of what attention gives to the output layer, at each step
anew.""",
    ),
    "embedding_size": COMMON["embedding_size"]._replace(
        constraints=[StrOptions({"auto"}), _at_least(1)],
        type='int or "auto"',
        text="""How many numbers an embedding has: those of features of X with
categories, and that of the tokens in y. "auto": twice the square root of the number of
categories or tokens, rounded up, and at most 50. Training that starts with another
network keeps its sizes.""",
        annotation=None,
    ),
    "unknown_fraction": COMMON["unknown_fraction"]._replace(
        text="""Part of all categories, and of the tokens that the decoder reads, that
an epoch replaces by the unknown, at random, so that its embedding learns what to do
without one. The solver "lbfgs" replaces none.""",
    ),
    "attention": Parameter(
        "dot",
        [StrOptions({"dot", "general"})],
        '{"dot", "general"}',
        """How a state of the decoder is compared with one of the encoder: by their
product, or with a learned matrix between them (Luong, Pham and Manning, 2015). With
16,000 words and their sounds "dot" had fewer errors, and learned sooner.""",
    ),
    "beam_width": TRANSCRIBER["beam_width"]._replace(
        text="""How many beginnings of a translation a prediction follows from token to
token. 1: it takes the most probable token each time (*greedy* search); with more the
translation is more probable, in so many times the time (beam search).""",
    ),
    "length_penalty": Parameter(
        1.0,
        [_at_least(0.0)],
        "float",
        """Of translations that end, a beam finds the one whose log-likelihood, divided
by its number of tokens to the power of `length_penalty`, is the highest. 1: the mean of
a token; 0: the sum, which short ones win.""",
    ),
    "max_length": Parameter(
        None,
        [_at_least(1), None],
        "int or None",
        """Most tokens of a prediction. None: twice as many as the longest in y had at
the first fit.""",
    ),
}


#: What a forecaster fixes: a sequence is a window of a series, with steps to forecast.
_OF_SEQUENCES = {
    *_OF_ONE_TARGET,
    *_OF_FRAMES,
    "n_features_per_step",
    "categorical_features",
    "embedding_size",
    "embedding_dropout",
    "unknown_fraction",
    "warm_start",
    "trainable",
    "adapter_rank",
    "early_stopping",
    "validation_fraction",
}

#: What a forecaster has by itself.
_OF_FORECASTS = {
    "horizon": Parameter(
        1, [_at_least(1)], "int", "How many times a forecast has, at most."
    ),
    "context": Parameter(
        "auto",
        [StrOptions({"auto"}), _at_least(1)],
        'int or "auto"',
        """How many of the last values the network reads one by one; it knows those of
one and of two seasons before as well. "auto": the shortest season, or the horizon if
that is longer, but at least 8 and at most 48.""",
    ),
    "quantiles": Parameter(
        None,
        ["array-like", None],
        "array-like of float or None",
        """Which quantiles to forecast, between 0 and 1 and rising, such as ``[0.1, 0.5,
0.9]``. None: one value.""",
        "ArrayLike | None",
    ),
    "loss": Parameter(
        "absolute_error",
        [StrOptions({"absolute_error", "squared_error"})],
        '{"absolute_error", "squared_error"}',
        """What training minimises, in units of each window: "absolute_error" learns
medians, "squared_error" means. With `quantiles` it is the pinball loss.""",
    ),
    "season_length": Parameter(
        "auto",
        [StrOptions({"auto"}), _at_least(1), "array-like", None],
        'int, array-like of int, "auto" or None',
        """After how many times a series comes again, or several such numbers. "auto":
what the calendar says of the distance of times, if it was seen twice: a day and a week
of hours or minutes, a week of days (and a year, if there are three), a year of months,
quarters or weeks. None, and "auto" for times that are whole numbers: there is none.""",
        'int | ArrayLike | Literal["auto"] | None',
    ),
    "calendar": Parameter(
        "auto",
        [StrOptions({"auto"}), "array-like", None],
        'array-like of str, "auto" or None',
        """Features of times, each as a point on a circle: "hour", "dayofweek", "day"
(of the month), "month", "dayofyear". "auto": the first for times closer than a day,
the second for those and for days, and the last one where there are two years.""",
        'ArrayLike | Literal["auto"] | None',
    ),
    "known": Parameter(
        None,
        ["array-like", None],
        "array-like of str or None",
        """Columns of X that are known in advance, such as prices or holidays: their
values at the times of a forecast are its `X_future`. Of all others the network reads
the past only.""",
        "ArrayLike | None",
    ),
    "series_ids": Parameter(
        False,
        ["boolean"],
        "bool",
        """Whether the network learns an embedding of each series. It then knows which
one it forecasts, and knows less of one that fit did not see.""",
    ),
    "freq": Parameter(
        None,
        [str, int, BaseOffset, None],
        "str, int, offset of pandas or None",
        """Distance of the times, as pandas names it, or a number of whole ones. None:
that of the index, or what its times say.""",
        "str | int | BaseOffset | None",
    ),
    "series": Parameter(
        None,
        [str, None],
        "str or None",
        """Column of long frames that names the series of a row. None: frames are wide,
or have a MultiIndex of series and time.""",
        "str | None",
    ),
    "time": Parameter(
        None,
        [str, None],
        "str or None",
        "Column of frames that has the time of a row. None: the index has it.",
        "str | None",
    ),
    "target": Parameter(
        None,
        [str, None],
        "str or None",
        "Column of a long y that has its values. None: the only one that is left.",
        "str | None",
    ),
    "max_windows": Parameter(
        10000,
        [_at_least(1)],
        "int",
        """Training takes so many windows of the series, drawn at random, if there are
more. Each is one sequence, of `context` known steps and `horizon` others.""",
    ),
}

_OF_TRAINING = {k: p for k, p in COMMON.items() if k not in _OF_SEQUENCES}

FORECASTER = (
    _OF_FORECASTS
    | _OF_TRAINING
    | {
        "bidirectional": COMMON["bidirectional"]._replace(
            default=False,
            constraints=["boolean"],
            type="bool",
            text="""Whether each layer reads a window in both directions. No value of a
series is read before its time in either.""",
        ),
        "layer_norm": LANGUAGE_MODEL["layer_norm"]._replace(default=False),
        "batch_size": COMMON["batch_size"]._replace(
            text="""Windows per step of the solver. "auto" is an eighth of them, but at
least 8 and at most 32."""
        ),
        "learning_rate": COMMON["learning_rate"]._replace(
            text=COMMON["learning_rate"].text.split("\n`partial_fit`")[0]
        ),
        "alpha": COMMON["alpha"]._replace(
            default=10.0,
            text="""Strength of the L2 penalty on weights, divided by the number of all
targets: it holds where there are few windows. Biases are not penalised.""",
        ),
        "max_iter": COMMON["max_iter"]._replace(
            default=20,
            constraints=[_at_least(1)],
            type="int",
            text="""Largest number of epochs. With more of them single series are soon
learned by heart; many series can take more.""",
        ),
    }
)


def constraints_of(parameters: dict[str, Parameter]) -> dict[str, list[Any]]:
    """What scikit-learn validates an estimator's parameters by."""
    return {name: parameter.constraints for name, parameter in parameters.items()}
