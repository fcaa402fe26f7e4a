"""The format in which a fitted estimator is saved, by pickle, joblib, copy or skops.

It is made of plain values: dicts, lists, numbers, texts and arrays. Weights have their
public names, so neither the order of the flat vector nor a class of the package is part
of the format. A file says its format's number; a later version reads all earlier ones.

Format 5::

    format    5
    skrnn     version that wrote it
    network   as `Network.description` gives it
    weights   as `get_weights` gives them
    inputs    n_features_in, feature_names, n_features_per_step, is_on_rows, clock,
              categories, ngrams, static
    targets   kind, and what that kind needs to know
    history   loss_curve, grad_norm_curve, validation_scores, best_validation_score
    adapted   None, or weights with adapters: trained, rank, base, vector
    run       None, or what training goes on with: the same, kind, solver and state

The clock is None, or mean, scale and last of the time as a channel; categories are
None, or features, their places in a step, and values, a list for each of them; n-grams
are None, or n_codes and keys, an array for each length; static features are None, or
n_columns, names, means, scales, features and values of categories, and shares. In
formats 1 to 4 there are no static features; in 1 to 3 no n-grams; in 1 and 2 there is
no clock and no category, and the network has no embeddings; in 1 it has no frame_length
and no hop_length: both are 1.
"""

import numpy as np

import skrnn
from skrnn.estimators.inputs import Categories, Clock, InputForm, NGrams, StaticForm
from skrnn.estimators.labels import Indicator, LabelColumns, SingleLabel
from skrnn.estimators.language.tokens import NextToken
from skrnn.estimators.model import Adapted, History, Model, Run
from skrnn.estimators.real_values import RealValues
from skrnn.estimators.tasks import Tasks
from skrnn.estimators.transcripts import Transcripts
from skrnn.estimators.translation.targets import Translations
from skrnn.network import network_of
from skrnn.training import State, Trainable

#: To be raised with every change of what is written; then `_UPGRADES` gets a function
#: that makes the new form of the old one, and tests/golden a file of the new one.
FORMAT = 5
#: Parameters of estimators that earlier versions had not, at what these did.
EARLIER = {
    "frame_length": 1,
    "hop_length": 1,
    "add_time": False,
    "ngram_length": 1,
    "categorical_features": None,
    "embedding_size": "auto",
    "unknown_fraction": 0.0,
    "embedding_dropout": 0.0,
    "quantiles": (0.1, 0.5, 0.9),
    "delta": 1.0,
    "label_smoothing": 0.0,
}

_TARGETS = {
    kind.kind: kind
    for kind in (
        *(SingleLabel, Indicator, LabelColumns, RealValues),
        *(NextToken, Transcripts, Translations, Tasks),
    )
}
#: Of a training's state: vectors, which are saved by the names of weights.
_VECTORS = ("vector", "best_vector", "good_vector")
#: What the history has as well.
_CURVES = ("loss_curve", "grad_norm_curve", "validation_scores")


def to_plain(model):
    """Plain values, of which `from_plain` makes an equal model."""
    return {
        "format": FORMAT,
        "skrnn": skrnn.__version__,
        "network": model.network.description(),
        "weights": model.network.export_weights(model.parameters),
        "inputs": _plain_inputs(model.inputs),
        "targets": model.targets.state(),
        "history": _plain_history(model.history),
        "adapted": None if model.adapted is None else _plain_adapted(model.adapted),
        "run": None if model.run is None else _plain_run(model.run),
    }


def from_plain(plain):
    """The model that `to_plain` wrote, in this or an earlier version.

    Raises
    ------
    ValueError
        If a later version wrote it, in a format that this one does not know.
    """
    plain = _upgraded(plain)
    network = network_of(plain["network"])
    targets = plain["targets"]
    targets = _TARGETS[targets["kind"]].from_state(targets)
    draft = Model(network, _inputs(plain["inputs"]), targets)
    adapted, run = plain["adapted"], plain["run"]
    history = _history(plain["history"])
    return draft.with_parameters(
        network.import_weights(plain["weights"]),
        history=history,
        adapted=None if adapted is None else _adapted(network, adapted),
        run=None if run is None else _run(network, run, history),
    )


def _upgraded(plain):
    check_format(plain, "estimator", FORMAT)
    for number in range(plain["format"], FORMAT):
        plain = _UPGRADES[number](plain)
    return plain


def check_format(plain, name, last):
    """Refuse a format that a later version wrote; `name` says of what."""
    found = plain["format"]
    if found > last:
        raise ValueError(
            f"This {name} was saved in format {found} by skrnn {plain['skrnn']}, "
            f"but skrnn {skrnn.__version__} reads formats up to {last}. Install that "
            "version of skrnn or a later one."
        )


def _with_frames(plain):
    """Format 2 of format 1."""
    network = plain["network"] | {"frame_length": 1, "hop_length": 1}
    return plain | {"network": network, "format": 2}


def _with_clock_and_categories(plain):
    """Format 3 of format 2."""
    return plain | {
        "inputs": plain["inputs"] | {"clock": None, "categories": None},
        "network": plain["network"] | {"embeddings": []},
        "format": 3,
    }


def _with_ngrams(plain):
    """Format 4 of format 3."""
    return plain | {
        "inputs": plain["inputs"] | {"ngrams": None},
        "network": plain["network"] | {"n_ngrams": 0},
        "format": 4,
    }


def _with_static(plain):
    """Format 5 of format 4."""
    # What describes a network, of which a translator has two, has none by default.
    return plain | {"inputs": plain["inputs"] | {"static": None}, "format": 5}


#: Format -> function that makes the next format of it.
_UPGRADES = {
    1: _with_frames,
    2: _with_clock_and_categories,
    3: _with_ngrams,
    4: _with_static,
}


def _plain_inputs(form):
    plain, categories, ngrams = dict(vars(form)), form.categories, form.ngrams
    for name in ("feature_names", "clock"):
        plain[name] = None if plain[name] is None else list(plain[name])
    if categories is not None:
        plain["categories"] = plain_categories(categories)
    if ngrams is not None:
        plain["ngrams"] = {"n_codes": ngrams.n_codes, "keys": list(ngrams.keys)}
    plain["static"] = None if form.static is None else _plain_static(form.static)
    return plain


def plain_categories(categories):
    """Plain values, of which `categories_of` makes the same."""
    return {
        "features": list(categories.features),
        "values": [list(values) for values in categories.values],
    }


def _plain_static(static):
    return {
        "n_columns": static.n_columns,
        "names": None if static.names is None else list(static.names),
        "means": list(static.means),
        "scales": list(static.scales),
        "categories": plain_categories(static.categories),
        "shares": [list(shares) for shares in static.shares],
    }


def categories_of(plain):
    """The `Categories` that `plain_categories` wrote."""
    values = tuple(map(tuple, plain["values"]))
    return Categories(tuple(plain["features"]), values)


def _static(plain):
    names = plain["names"]
    return StaticForm(
        plain["n_columns"],
        None if names is None else tuple(names),
        tuple(plain["means"]),
        tuple(plain["scales"]),
        categories_of(plain["categories"]),
        tuple(map(tuple, plain["shares"])),
    )


def _inputs(plain):
    names, clock, static = plain["feature_names"], plain["clock"], plain["static"]
    categories, ngrams = plain["categories"], plain["ngrams"]
    if categories is not None:
        categories = categories_of(categories)
    if ngrams is not None:
        ngrams = NGrams(ngrams["n_codes"], tuple(ngrams["keys"]))
    return InputForm(
        **plain
        | {
            "feature_names": None if names is None else tuple(names),
            "clock": None if clock is None else Clock(*clock),
            "categories": categories,
            "ngrams": ngrams,
            "static": None if static is None else _static(static),
        }
    )


def _plain_history(history):
    plain = history._asdict()
    return plain | {n: None if plain[n] is None else list(plain[n]) for n in _CURVES}


def _history(plain):
    curves = {n: None if plain[n] is None else tuple(plain[n]) for n in _CURVES}
    return History(**plain | curves)


def _plain_trainable(trainable):
    """Which weights are trained, and what the others are."""
    network = trainable.network
    return {
        "trained": [k for k, name in network.names.items() if name in trainable.arrays],
        "rank": trainable.rank,
        "base": None if trainable.is_whole else network.export_weights(trainable.base),
    }


def _trainable(network, plain):
    base = plain["base"]
    return Trainable(
        network,
        None if base is None else network.import_weights(base),
        frozenset(network.names[name] for name in plain["trained"]),
        plain["rank"],
    )


def _plain_adapted(adapted):
    trainable, vector = adapted
    return {**_plain_trainable(trainable), "vector": trainable.to_weights(vector)}


def _adapted(network, plain):
    trainable = _trainable(network, plain)
    return Adapted(trainable, trainable.from_weights(plain["vector"]))


def _plain_run(run):
    """The state's vectors by the names of weights, what the history has left out."""
    to_weights, state = run.trainable.to_weights, dict(vars(run.state))
    for name in _VECTORS:
        state[name] = None if state[name] is None else to_weights(state[name])
    state["optimizer"] = [to_weights(row) for row in state["optimizer"]]
    for name in _CURVES:
        del state[name]
    return {
        "kind": run.kind,
        "solver": run.solver,
        **_plain_trainable(run.trainable),
        "state": state,
    }


def _run(network, plain, history):
    trainable, state = _trainable(network, plain), dict(plain["state"])
    for name in _VECTORS:
        if state[name] is not None:
            state[name] = trainable.from_weights(state[name])
    rows = [trainable.from_weights(row) for row in state["optimizer"]]
    state["optimizer"] = np.array(rows).reshape(-1, state["vector"].size)
    state["optimizer"] = state["optimizer"].astype(state["vector"].dtype)
    curves = {name: list(getattr(history, name) or ()) for name in _CURVES}
    return Run(plain["kind"], plain["solver"], trainable, State(**state | curves))
