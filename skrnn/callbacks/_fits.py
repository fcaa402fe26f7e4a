"""Which fit of an estimator it is, in the tree of tasks that scikit-learn keeps."""

import re

from skrnn.compat import get_context_path
from skrnn.estimators.base import BaseRNN


def check_supported(callback, estimator):
    """Refuse estimators that have no epochs; others would be silently ignored."""
    if not isinstance(estimator, BaseRNN):
        name = type(callback).__name__
        raise TypeError(
            f"{name} follows the epochs of skrnn's estimators, but was set on "
            f"{type(estimator).__name__}. Call set_callbacks of the estimator "
            "inside it."
        )


def tasks_of_fit(context):
    """Names of the tasks of meta-estimators that lead to a fit; none if it is alone.

    They are unique in the fit of the outermost estimator.

    Parameters
    ----------
    context : CallbackContext
        Of the fit.
    """
    names = []
    for task in get_context_path(context)[1:]:
        # A fit inside another estimator is a task of that one, which names it better.
        name = task.source_task_name or task.task_name
        names.append(re.sub(r"[^\w.-]", "_", f"{name}-{task.task_id}"))
    return names


def outermost_fit(context):
    """A unique name for the fit of the outermost estimator, in order of time."""
    root = get_context_path(context)[0]
    time = root.init_time.strftime("%Y%m%d-%H%M%S")
    return f"{root.estimator_name}-{time}-{root.root_uuid.hex[:8]}"


def name_of_fit(context):
    """A unique name of a fit, with a slash after each task it is part of."""
    return "/".join([outermost_fit(context), *tasks_of_fit(context)])
