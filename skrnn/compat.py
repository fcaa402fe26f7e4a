"""What skrnn takes of scikit-learn that has no public name, each with what it is for.

Nothing else of the package imports a private name of scikit-learn: where a later
version moves one, this file is the place to mend. What has a public way takes that.
"""

import warnings

# Estimators and the data sets' functions say which parameters they take, and
# scikit-learn words the errors.
# `_fit_context` checks the parameters of an estimator before its fit.
from sklearn.base import _fit_context as fit_context

# A part of any kind of y: lists, arrays, frames, sparse matrices.
from sklearn.utils import _safe_indexing as safe_indexing

# How many threads scikit-learn's own loops would take: heeds OMP_NUM_THREADS and
# threadpoolctl.
from sklearn.utils._openmp_helpers import (
    _openmp_effective_n_threads as openmp_effective_n_threads,
)
from sklearn.utils._openmp_helpers import (
    _openmp_parallelism_enabled as openmp_parallelism_enabled,
)
from sklearn.utils._param_validation import (
    Interval,
    StrOptions,
    validate_parameter_constraints,
    validate_params,
)

# Makes the container that `set_output` asks for.
from sklearn.utils._set_output import _get_container_adapter as get_container_adapter

# Names of columns, labels and weights, checked with scikit-learn's errors.
from sklearn.utils.validation import _check_feature_names as check_feature_names
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import _check_y as check_y

# Callbacks are experimental in scikit-learn 1.9, and may be other or gone in a later
# version: estimators then work without them, and say so.
try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
    from sklearn.callback._callback_context import get_context_path

    CallbackSupportMixin._init_callback_context  # noqa: B018
    HAS_CALLBACKS = True
except (ImportError, AttributeError):
    HAS_CALLBACKS = False
    warnings.warn(
        "This version of scikit-learn has no callbacks, or others than skrnn knows: "
        "its estimators work without them.",
        stacklevel=2,
    )

    class CallbackSupportMixin:
        """In the place of scikit-learn's: there is nothing to set."""

    def with_callbacks(method):
        """Leave the method as it is."""
        return method

    def get_context_path(context):
        """Fail: nobody calls a callback."""
        raise NotImplementedError("scikit-learn has no callbacks that skrnn knows.")


__all__ = [
    "HAS_CALLBACKS",
    "CallbackSupportMixin",
    "Interval",
    "StrOptions",
    "check_feature_names",
    "check_sample_weight",
    "check_y",
    "fit_context",
    "get_container_adapter",
    "get_context_path",
    "openmp_effective_n_threads",
    "openmp_parallelism_enabled",
    "safe_indexing",
    "validate_parameter_constraints",
    "validate_params",
    "with_callbacks",
]
