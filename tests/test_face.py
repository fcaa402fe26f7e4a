"""What users, editors and type checkers see: signatures, docstrings, types."""

import importlib.util
import inspect
import re
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from numpy.typing import ArrayLike
from sklearn.base import clone

import skrnn
from skrnn import (
    RNNClassifier,
    RNNForecaster,
    RNNLanguageModel,
    RNNMultiTask,
    RNNRegressor,
    RNNTranscriber,
    RNNTranslator,
    callbacks,
    datasets,
    exceptions,
    metrics,
    preprocessing,
)
from skrnn.compat import Interval, StrOptions
from skrnn.estimators.language.stream import LanguageModelStream
from skrnn.estimators.names import ELSEWHERE
from skrnn.estimators.parameters import (
    CLASSIFIER,
    FORECASTER,
    LANGUAGE_MODEL,
    MULTI_TASK,
    N_POSITIONAL,
    REGRESSOR,
    TRANSCRIBER,
    TRANSLATOR,
)
from skrnn.estimators.stream import Stream
from skrnn.estimators.transcriber_stream import TranscriberStream
from skrnn.preprocessing import SequenceScaler

TABLES = {
    RNNClassifier: CLASSIFIER,
    RNNRegressor: REGRESSOR,
    RNNForecaster: FORECASTER,
    RNNLanguageModel: LANGUAGE_MODEL,
    RNNMultiTask: MULTI_TASK,
    RNNTranscriber: TRANSCRIBER,
    RNNTranslator: TRANSLATOR,
}
both = pytest.mark.parametrize("estimator_class", TABLES)


# Of the table of parameters are made signatures, docstrings and constraints


def test_sources_are_what_the_tables_say():
    file = Path(__file__).parents[1] / ".ci" / "docstrings.py"
    spec = importlib.util.spec_from_file_location("docstrings", file)
    docstrings = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(docstrings)
    stale = [path.name for path in docstrings.rewritten()]
    assert not stale, f"run: python .ci/docstrings.py (these are not current: {stale})"


@both
def test_signature(estimator_class):
    table = TABLES[estimator_class]
    parameters = inspect.signature(estimator_class).parameters.values()
    assert [p.name for p in parameters] == list(table)
    assert [p.default for p in parameters] == [p.default for p in table.values()]
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    first = ["horizon", "context"] if estimator_class is RNNForecaster else None
    first = first or ["cell", "hidden_size"]
    assert positional == first == list(table)[:N_POSITIONAL]
    values = {name: object() for name in table}
    estimator = estimator_class(**values)
    assert vars(estimator) == values == estimator.get_params(deep=False)
    estimator = estimator_class(cell="lstm", alpha=0.5)
    assert clone(estimator).get_params() == estimator.get_params()


@both
def test_defaults_satisfy_the_constraints(estimator_class):
    constraints = estimator_class._parameter_constraints
    assert constraints == {n: p.constraints for n, p in TABLES[estimator_class].items()}
    estimator_class()._validate_params()


def allowed(constraint):
    """What an annotation has for one of scikit-learn's constraints."""
    if isinstance(constraint, StrOptions):
        return constraint.options
    if isinstance(constraint, Interval):
        return {int if constraint.type.__name__ == "Integral" else float}
    named = {
        "boolean": {bool},
        "verbose": {bool, int},
        "random_state": {int, np.random.RandomState, None},
        "Real": {float},
        "array-like": annotated(ArrayLike),
    }
    return named.get(getattr(constraint, "__name__", constraint), {constraint})


def annotated(hint):
    """The literals and classes of an annotation."""
    if get_origin(hint) is Literal:
        return set(get_args(hint))
    if isinstance(hint, type) and get_origin(hint) is None:
        return {None if hint is type(None) else hint}
    if get_origin(hint) in (list, tuple, dict):
        return {get_origin(hint)}
    return set().union(*map(annotated, get_args(hint)))


@both
def test_annotations_say_what_the_constraints_do(estimator_class):
    hints = get_type_hints(estimator_class.__init__)
    assert hints.pop("return") is type(None)
    assert {name: annotated(hint) for name, hint in hints.items()} == {
        name: set().union(*map(allowed, constraints))
        for name, constraints in estimator_class._parameter_constraints.items()
    }


@both
def test_docstring_has_every_parameter_and_its_default(estimator_class):
    entries = sections_of(estimator_class.__doc__)["Parameters"]
    defaults = {
        name: repr(parameter.default).replace("'", '"')
        for name, parameter in TABLES[estimator_class].items()
    }
    assert {n: t.partition(", default=")[2] for n, t in entries.items()} == defaults


# Docstrings are numpydoc, with nothing left to fill in

ORDER = [
    "Parameters",
    "Attributes",
    "Returns",
    "Raises",
    "Warns",
    "See_Also",
    "Notes",
    "References",
    "Examples",
]


def sections_of(docstring):
    """Sections of a docstring, and the types of the entries of those that have any."""
    lines, sections = inspect.cleandoc(docstring).splitlines(), {"": {}}
    title = ""
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if below and not below.strip("-"):
            title = line.replace(" ", "_")
            assert len(below) == len(line), line
            assert title not in sections, line
            sections[title] = {}
        elif line.strip("-") and not line.startswith(" "):
            name, _, numpydoc_type = line.partition(" : ")
            sections[title][name] = numpydoc_type
    return sections


def function_of(member):
    """The function that a method, or one that is there under a condition, holds."""
    member = getattr(member, "fn", member)
    return member if inspect.isfunction(member) else None


CLASSES = [
    *TABLES,
    Stream,
    LanguageModelStream,
    TranscriberStream,
    *filter(inspect.isclass, vars(preprocessing).values()),
    *(getattr(callbacks, name) for name in callbacks.__all__),
    *(getattr(exceptions, name) for name in exceptions.__all__),
]
METHODS = {
    f"{cls.__name__}.{name}": function
    for cls in CLASSES
    for name in dir(cls)
    if not name.startswith("_")
    and (function := function_of(inspect.getattr_static(cls, name)))
    and function.__module__.startswith("skrnn")
}
FUNCTIONS = METHODS | {
    name: function
    for module in (datasets, metrics, preprocessing)
    for name in module.__all__
    if inspect.isfunction(function := getattr(module, name))
}
functions = pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)


def check_form(docstring):
    summary, _, rest = inspect.cleandoc(docstring).partition("\n")
    assert summary.endswith(".")
    assert not rest or rest.startswith("\n")
    assert not re.search(r"\{\w+\}$", docstring, flags=re.M), "a place to fill in"
    titles = [title for title in sections_of(docstring) if title]
    assert titles == sorted(titles, key=ORDER.index)


def test_all_that_is_public_is_found():
    assert len(METHODS) >= 40
    assert {"RNNClassifier.partial_fit", "Stream.predict_proba"} <= METHODS.keys()
    public = {*skrnn.__all__} - {"__version__"}
    assert public == {cls.__name__ for cls in TABLES}
    assert all(getattr(skrnn, name) for name in skrnn.__all__)


@pytest.mark.parametrize("cls", CLASSES)
def test_docstring_of_class(cls):
    check_form(cls.__doc__)
    if issubclass(cls, Exception):
        return
    sections = sections_of(cls.__doc__)
    arguments = inspect.signature(cls).parameters.values()
    assert list(sections["Parameters"]) == [str(a).split(":")[0] for a in arguments]
    assert "Examples" in sections
    attributes = [name for c in cls.mro() for name in inspect.get_annotations(c)]
    attributes = {name for name in attributes if not name.startswith("_")}
    for c in cls.mro():
        if c.__module__.startswith("skrnn"):
            attributes |= {n for n, v in vars(c).items() if isinstance(v, property)}
    assert {n for n in attributes if n[0] != "_"} == {*sections.get("Attributes", {})}


@functions
def test_docstring_of_function(function):
    check_form(function.__doc__)
    sections = sections_of(function.__doc__)
    arguments = inspect.signature(function).parameters.values()
    arguments = {str(a).split(":")[0].split("=")[0]: a for a in arguments}
    arguments.pop("self", None)
    if "Parameters" not in sections:  # what scikit-learn calls, not users
        assert arguments.keys() <= {"estimator", "context", "fitted_estimator"}
        return
    types = {
        name: numpydoc_type
        for names, numpydoc_type in sections["Parameters"].items()
        for name in names.split(", ")
    }
    assert list(types) == list(arguments)
    for name, argument in arguments.items():
        assert types[name]
        if argument.default is not argument.empty and types[name] != "None":
            default = repr(argument.default).replace("'", '"')
            assert types[name].endswith(f", default={default}")
    assert sections["Returns"]
    assert all(" " not in name or ", " in name for name in sections["Returns"])


# Types


def test_the_package_says_that_it_has_types():
    assert (Path(skrnn.__file__).parent / "py.typed").is_file()


CONSTRUCTORS = {
    f"{cls.__name__}.__init__": cls.__init__
    for cls in CLASSES
    if not issubclass(cls, Exception)
}
annotated_ones = FUNCTIONS | CONSTRUCTORS


@pytest.mark.parametrize("function", annotated_ones.values(), ids=annotated_ones)
def test_what_is_public_is_annotated(function):
    arguments = inspect.signature(function).parameters.keys() - {"self"}
    assert inspect.get_annotations(function).keys() == arguments | {"return"}


# Names that a constructor does not have


@pytest.mark.parametrize(
    ("name", "meant"),
    {
        "hidden_units": "hidden_size",
        "units": "hidden_size",
        "n_hidden": "hidden_size",
        "num_layers": "n_layers",
        "n_layer": "n_layers",
        "lr": "learning_rate_init",
        "epochs": "max_iter",
        "n_epochs": "max_iter",
        "optimizer": "solver",
        "seed": "random_state",
        "recurent_dropout": "recurrent_dropout",
        "patience": "n_iter_no_change",
    }.items(),
)
@both
def test_unknown_name(estimator_class, name, meant):
    message = (
        f"{estimator_class.__name__}.__init__() got an unexpected keyword argument "
        f"{name!r}. Did you mean {meant!r}?"
    )
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        estimator_class(**{name: 3})


def test_unknown_name_that_is_like_no_other():
    message = r"__init__\(\) got an unexpected keyword argument 'zzz'\.$"
    with pytest.raises(TypeError, match=f"^RNNClassifier\\.{message}"):
        RNNClassifier(zzz=1)
    with pytest.raises(TypeError, match=r"Did you mean 'n_features_per_step'\?$"):
        SequenceScaler(n_features=2)


def test_names_of_other_packages_are_none_of_ours():
    others = {name for names in ELSEWHERE.values() for name in names}
    own = CLASSIFIER.keys() | REGRESSOR.keys()
    assert ELSEWHERE.keys() <= own
    assert not others & own


def test_a_subclass_with_a_constructor_of_its_own():
    class Own(RNNClassifier):
        def __init__(self, depth=2, **parameters):
            super().__init__(n_layers=depth, **parameters)

    assert Own(3, cell="lstm").n_layers == 3
    with pytest.raises(TypeError, match="Did you mean 'hidden_size'"):
        Own(units=3)
