"""What skrnn takes of scikit-learn that has no public name, each with what it is for.

Nothing else of the package imports a private name of scikit-learn: where a later
version moves one, this file is the place to mend. What has a public way takes that.
"""

import warnings
from collections.abc import Callable, Mapping
from functools import cache, wraps
from inspect import signature
from typing import Any, TypeVar

from sklearn import get_config

# Estimators and the data sets' functions say which parameters they take, and
# scikit-learn words the errors.
# `_fit_context` checks the parameters of an estimator before its fit.
from sklearn.base import _fit_context

# How many threads scikit-learn's own loops would take: heeds OMP_NUM_THREADS and
# threadpoolctl.
from sklearn.utils._openmp_helpers import (
    _openmp_effective_n_threads as openmp_effective_n_threads,
)
from sklearn.utils._openmp_helpers import (
    _openmp_parallelism_enabled as openmp_parallelism_enabled,
)
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    RealNotInt,
    StrOptions,
    validate_parameter_constraints,
)
from sklearn.utils._param_validation import validate_params as _validate_params

# Makes the container that `set_output` asks for.
from sklearn.utils._set_output import _get_container_adapter as get_container_adapter
from sklearn.utils.metaestimators import available_if as _available_if

# Names of columns, checked with scikit-learn's errors.
from sklearn.utils.validation import _check_feature_names as check_feature_names
from sklearn.utils.validation import _get_feature_names as get_feature_names


def _check_callbacks(context_class):
    """Raise an error unless the protocol has what `estimators.callbacks` calls."""
    begin = CallbackSupportMixin._init_callback_context
    signature(begin).bind(None, max_subtasks=1)
    arguments = {"estimator": None, "X": None, "y": None, "metadata": None}
    signature(context_class.subcontext).bind(None, task_name="epoch")
    signature(context_class.call_on_fit_task_begin).bind(None, **arguments)
    arguments["reconstruction_attributes"] = {}
    signature(context_class.call_on_fit_task_end).bind(None, **arguments)


# Callbacks are experimental in scikit-learn 1.9, and may be other or gone in a later
# version: estimators then work without them, and say so.
try:
    from sklearn.callback import CallbackSupportMixin
    from sklearn.callback import with_callbacks as _with_callbacks
    from sklearn.callback._callback_context import CallbackContext, get_context_path

    _check_callbacks(CallbackContext)
    HAS_CALLBACKS = True
except (ImportError, AttributeError, TypeError):
    HAS_CALLBACKS = False
    warnings.warn(
        "This version of scikit-learn has no callbacks, or others than skrnn knows: "
        "its estimators work without them.",
        stacklevel=2,
    )

    class CallbackSupportMixin:
        """In the place of scikit-learn's: there is nothing to set."""

    def _with_callbacks(method):
        return method

    def get_context_path(context):
        """Fail: nobody calls a callback."""
        raise NotImplementedError("scikit-learn has no callbacks that skrnn knows.")


# scikit-learn's decorators have no types: for editors and type checkers a method would
# lose its signature to them. These keep it.
F = TypeVar("F", bound=Callable[..., Any])


def fit_context(*, prefer_skip_nested_validation: bool) -> Callable[[F], F]:
    """Let a method check the estimator's parameters first, and run as a fit.

    scikit-learn's own leaves out the check when partial_fit is called on a fitted
    estimator, whose parameters may since have been set to anything.
    """

    def decorate(method):
        in_context = _fit_context(
            prefer_skip_nested_validation=prefer_skip_nested_validation
        )(method)
        if method.__name__ != "partial_fit":
            return in_context

        @wraps(method)
        def check_first(estimator, *args, **kwargs):
            check_parameters(estimator)
            return in_context(estimator, *args, **kwargs)

        return check_first

    return decorate


def check_parameters(estimator: Any, *names: str) -> None:
    """Raise scikit-learn's error if one of these, or of all, is not allowed."""
    if get_config()["skip_parameter_validation"]:
        return
    constraints, defaults = estimator._parameter_constraints, _defaults(type(estimator))
    # Checking all takes as long as a step of a small network; most are as they were.
    values = {
        name: value
        for name in names or constraints
        if (value := getattr(estimator, name)) is not defaults.get(name, constraints)
    }
    validate_parameter_constraints(constraints, values, type(estimator).__name__)


@cache
def _defaults(estimator_class):
    parameters = signature(estimator_class.__init__).parameters
    return {name: parameter.default for name, parameter in parameters.items()}


def available_if(check: Callable[[Any], bool]) -> Callable[[F], F]:
    """Hide a method while a check of its estimator fails."""
    return _available_if(check)


def validate_params(
    constraints: Mapping[str, list[Any]], *, prefer_skip_nested_validation: bool
) -> Callable[[F], F]:
    """Let a function check its arguments first."""
    return _validate_params(
        constraints, prefer_skip_nested_validation=prefer_skip_nested_validation
    )


def with_callbacks(method: F) -> F:
    """Let a fit set up and tear down the estimator's callbacks."""
    return _with_callbacks(method)


__all__ = [
    "HAS_CALLBACKS",
    "CallbackSupportMixin",
    "HasMethods",
    "Interval",
    "RealNotInt",
    "StrOptions",
    "available_if",
    "check_feature_names",
    "check_parameters",
    "fit_context",
    "get_container_adapter",
    "get_context_path",
    "get_feature_names",
    "openmp_effective_n_threads",
    "openmp_parallelism_enabled",
    "validate_params",
    "with_callbacks",
]
