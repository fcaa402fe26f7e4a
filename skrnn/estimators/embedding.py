"""The embeddings of features with categories: their sizes, and what they start with."""

from math import ceil
from numbers import Integral
from reprlib import repr as short

import numpy as np
import pandas as pd

from skrnn.estimators.framing import AUTO
from skrnn.estimators.inputs import NGrams, chosen_features
from skrnn.estimators.runs import as_int

#: The size that "auto" never exceeds.
MAX_SIZE = 50
#: Embeddings of more categories than these are dropped like those of words.
MANY = 1000
#: The probabilities of "auto"; docs/performance.md says why.
OF_WORDS, OF_CHARACTERS, OF_NGRAMS = 0.7, 0.2, 0.8
#: Epochs, if nobody says how many: of tokens more of them learn by heart. With 20 to 30
#: instead of 100, in cross-validation, questions had an accuracy of 0.845 instead of
#: 0.826, messages of 0.979 instead of 0.971.
EPOCHS, TOKEN_EPOCHS = 100, 30
#: Tokens of the longest n-gram, if nobody says how many.
TOKEN_NGRAMS = 3
#: What stands for categories that fit did not see, in frames for users.
UNKNOWN = "<unknown>"


def embeddings_of(estimator, form, known):
    """How many rows each embedding has and of which size, as `Network` takes it.

    `known` is a network whose sizes "auto" takes over, or None.
    """
    if form.categories is None:
        return ()
    n_codes, size, n = form.n_codes, estimator.embedding_size, form.n_categorical
    sizes = [_automatic(n_of - 1) for n_of in n_codes]
    if isinstance(size, str):
        if known is not None and len(known.embeddings) == len(n_codes):
            sizes = [size for _, size in known.embeddings]
    else:
        given = [size] * n if isinstance(size, Integral) else _given(size, n)
        sizes = given + [min(auto, given[0]) for auto in sizes[n:]]
    return tuple((n, int(size)) for n, size in zip(n_codes, sizes, strict=True))


def size_of(estimator, n_categories):
    """Numbers of an embedding of so many, where one parameter says it for all."""
    size = estimator.embedding_size
    return _automatic(n_categories) if isinstance(size, str) else int(size)


def _automatic(n_categories):
    return max(1, min(MAX_SIZE, ceil(2 * n_categories**0.5)))  # there may be no n-gram


def _given(sizes, n):
    sizes = list(sizes)
    if len(sizes) != n or not all(isinstance(s, Integral) and s > 0 for s in sizes):
        raise ValueError(
            f"embedding_size must be 'auto', a whole number above 0, or {n} of them, "
            f"one for each feature with categories, got {short(sizes)}."
        )
    return sizes


def embedding_dropout_of(rate, inputs, is_for_steps):
    """What the parameter means for these inputs: for categories, and for n-grams."""
    if rate != "auto":
        return rate, rate
    if not _are_tokens(inputs, is_for_steps):
        return 0.0, 0.0
    is_of_words = max(inputs.categories.n_codes) - 1 > MANY
    return OF_WORDS if is_of_words else OF_CHARACTERS, OF_NGRAMS


def with_ngrams(estimator, form, sequences, other, is_for_steps):
    """The form of X at a first fit, with n-grams as channels or without.

    `other` is a model whose weights training starts with, or None: "auto" does as it
    did.
    """
    length = as_int(estimator, "ngram_length")
    if length == AUTO:
        length = 1
        if form.n_categorical == 1 and other is not None:
            length = other.inputs.ngram_length
        elif form.n_categorical == 1 and _are_tokens(form, is_for_steps):
            length = TOKEN_NGRAMS
    if length == 1:
        return form
    if form.n_categorical != 1:
        raise ValueError(
            f"ngram_length={length} needs one feature with categories, but X has "
            f"{form.n_categorical}. Set ngram_length=1."
        )
    return form.with_ngrams(NGrams.of(sequences, form.n_codes[0], length))


def check_ngrams(estimator, form):
    """Whether training may go on with n-grams of the length that X had."""
    if estimator.ngram_length not in (AUTO, form.ngram_length):
        raise ValueError(
            "Training cannot go on with another network: now it has ngram_length="
            f"{estimator.ngram_length} (was {form.ngram_length}). Use a new estimator, "
            "or warm_start=False."
        )


def n_epochs_of(max_iter, inputs, is_for_steps):
    """The largest number of epochs that the parameter means for these inputs."""
    if max_iter is not None:
        return max_iter
    return TOKEN_EPOCHS if _are_tokens(inputs, is_for_steps) else EPOCHS


def _are_tokens(inputs, is_for_steps):
    """Whether steps have no numbers, the time aside, and sequences one target."""
    n_categorical = inputs.n_categorical
    return n_categorical == inputs.n_features_per_step and not is_for_steps


def check_categorical(estimator, form):
    """Whether training may go on with the features that had categories."""
    choice, categories = estimator.categorical_features, form.categories
    features = [] if categories is None else list(categories.features)
    if isinstance(choice, str) and choice in ("from_dtype", "auto"):
        return  # there are other frames or tokens now
    wanted = []
    if choice is not None:
        wanted = chosen_features(choice, form.n_features_per_step, form.names_of_steps)
    if wanted != features:
        raise ValueError(
            "Training cannot go on with another network: now features "
            f"{short(wanted)} have categories (were {short(features)}). Use a new "
            "estimator, or warm_start=False."
        )


def weights_by_category(draft, parameters, other):
    """The weights of another model; its embeddings' rows stand as our categories do.

    Those that it does not know keep the rows of `parameters`.
    """
    weights = other.network.export_weights(other.parameters)
    if len(draft.network.embeddings) != len(other.network.embeddings):
        return weights  # which do not fit
    own = draft.network.export_weights(parameters)
    for name, ours, theirs in zip(
        weight_names(draft.network), _known(draft), _known(other), strict=True
    ):
        rows, source = own[name], weights[name]
        if rows.shape[1] == source.shape[1]:
            shared = ours.keys() & theirs.keys()
            rows[[ours[c] for c in shared]] = source[[theirs[c] for c in shared]]
            rows[-1] = source[-1]
            weights[name] = rows
    return weights


def weights_of_static(draft, weights, known):
    """Weights, of which those of static features stand as ours do.

    `known` is the form of static features that they are for, or None. Those of what
    this does not have are 0, so that training starts with the network as it was.
    """
    if draft.inputs.static is None:
        return weights
    keys, theirs = draft.inputs.static.keys, [] if known is None else known.keys
    n_of_frame, weights = draft.network.n_inputs - len(keys), dict(weights)
    for name in ("weight_ih_l0", "weight_ih_l0_reverse"):
        source = weights.get(name)
        n_columns = source.shape[-1] if isinstance(source, np.ndarray) else 0
        if n_columns == n_of_frame + len(theirs):
            of_frame, of_static = np.split(source, [n_of_frame], axis=-1)
            known = dict(zip(theirs, np.moveaxis(of_static, -1, 0), strict=True))
            columns = [known.get(key, 0 * source[..., 0]) for key in keys]
            weights[name] = np.hstack([of_frame, np.stack(columns, axis=-1)])
    return weights


def with_vectors(draft, parameters, weights):
    """Weights, in which a frame with the names of categories gives their embeddings.

    Those that it does not name keep the rows of `parameters`; and so does all else, if
    there are embeddings only.
    """
    weights, names = dict(weights), weight_names(draft.network)
    own = draft.network.export_weights(parameters)
    for name, codes in zip(names, _known(draft), strict=True):
        if isinstance(weights.get(name), pd.DataFrame):
            weights[name] = _rows(weights[name], codes, own[name], name)
    return own | weights if weights.keys() <= set(names) else weights


def _rows(frame, codes, own, name):
    """The rows of an embedding, from a frame with some of the categories."""
    if frame.shape[1] != own.shape[1]:
        raise ValueError(
            f"init_weights[{name!r}] has vectors of {frame.shape[1]} numbers, but this "
            f"network's have {own.shape[1]}. Set embedding_size={frame.shape[1]}."
        )
    vectors = frame.to_numpy()
    if vectors.dtype.kind not in "fiub" or not frame.index.is_unique:
        raise ValueError(
            f"init_weights[{name!r}] must have numbers, and one row for each category."
        )
    codes, rows = {UNKNOWN: len(codes)} | codes, own.copy()
    named = [i for i, category in enumerate(frame.index) if category in codes]
    rows[[codes[frame.index[i]] for i in named]] = vectors[named]
    return rows


def _known(model):
    """Of each embedding the code of each category, n-gram of them, or target token."""
    inputs, of_targets = model.inputs, _of_targets(model)
    if inputs.categories is None:
        return of_targets
    codes = [*inputs.categories.codes, *of_targets]
    if inputs.ngrams is None:
        return codes
    names = inputs.ngrams.names(inputs.categories.values[0])
    return [*codes, *({n: i for i, n in enumerate(of)} for of in names)]


def _of_targets(model):
    """The codes of targets that a decoder reads; of no others."""
    return [model.targets.codes] if model.network.is_pair else []


def weight_names(network):
    """The names of the weights of embeddings, in the order of their codes."""
    return [name for part in network.embedded for name in part.names]


def frames_of_embeddings(model):
    """The rows of each feature's embedding as a frame, with the categories' names.

    The last one is that of the tokens that a decoder reads, if there is one.
    """
    inputs, weights = model.inputs, model.network.export_weights(model.parameters)
    features = [] if inputs.categories is None else inputs.names_of_categorical
    features = [*features, *(None for _ in _of_targets(model))]
    return [
        pd.DataFrame(
            weights[name],
            index=pd.Index([*codes, UNKNOWN], dtype=object, name=feature),
        )
        # N-grams, which come last, are none.
        for name, codes, feature in zip(
            weight_names(model.network), _known(model), features, strict=False
        )
    ]
