"""What the callbacks that log training have in common."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from time import perf_counter
from typing import Any

import numpy as np

from skrnn.callbacks._fits import check_supported


@dataclass
class _Fit:
    """A fit that is going on."""

    log: Any  # what `_open` of the callback returned
    epoch_start: float = 0.0
    is_whole: bool = False  # whether it came to its end, rather than to an error


class Logger:
    """Opens a log for each fit, writes the values of each epoch, and closes it.

    Subclasses say how, and name the library in `_library` and the extra of this package
    in `_extra`. One instance may serve several fits at once, since clones share it.
    """

    def __init__(self) -> None:
        self._import()
        self._fits: dict[Any, _Fit] = {}

    def setup(self, estimator: Any, context: Any) -> None:
        """Open a log, as scikit-learn calls it before a fit."""
        check_supported(self, estimator)
        self._fits[context] = _Fit(self._open(estimator, context))

    def teardown(self, estimator: Any, context: Any) -> None:
        """Close the log, as scikit-learn calls it after a fit."""
        fit = self._fits.pop(context, None)
        if fit is not None:  # None: `setup` failed
            self._close(fit.log, fit.is_whole)

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Note the time, as scikit-learn calls it before an epoch."""
        if context.task_name == "epoch":
            self._fits[context.parent].epoch_start = perf_counter()

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any
    ) -> None:
        """Log an epoch, as scikit-learn calls it after one."""
        if context.task_name != "epoch":
            self._fits[context].is_whole = True
            return
        fit = self._fits[context.parent]
        seconds = perf_counter() - fit.epoch_start
        values = values_of_epoch(fitted_estimator, seconds)
        self._write(fit.log, fitted_estimator.n_iter_, values)

    def __getstate__(self):
        # Logs stay with the process that opened them.
        return self.__dict__ | {"_fits": {}}

    def _import(self):
        """The library, imported only when it is needed."""
        try:
            return import_module(self._library)
        except ImportError as error:
            raise ImportError(
                f"{type(self).__name__} needs {self._library}, which cannot be "
                f'imported: pip install "skrnn[{self._extra}]"'
            ) from error

    def _open(self, estimator, context):
        """The log of a fit: what the other two methods need."""
        raise NotImplementedError

    def _write(self, log, n_epochs, values):
        """Write the values of the last of so many epochs."""
        raise NotImplementedError

    def _close(self, log, is_whole):
        """Close the log of a fit; it is not whole if there was an error."""
        raise NotImplementedError


def values_of_epoch(estimator, seconds):
    """What is logged of the last epoch of a fitted estimator."""
    values = {
        "train/loss": estimator.loss_curve_[-1],
        "train/grad_norm": estimator.grad_norm_curve_[-1],
        "train/epoch_seconds": seconds,
    }
    # Without early stopping there may still be scores of an earlier fit.
    if estimator.early_stopping:
        values["validation/score"] = estimator.validation_scores_[-1]
    return {name: float(value) for name, value in values.items()}


def parameters_of(estimator):
    """The estimator's parameters, as values that any library can store."""
    return {name: _plain(value) for name, value in estimator.get_params().items()}


def _plain(value):
    if isinstance(value, np.generic):
        value = value.item()
    is_plain = value is None or isinstance(value, bool | int | float | str)
    return value if is_plain else repr(value)
