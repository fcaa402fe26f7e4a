"""Checkpoints that training goes on from."""

from __future__ import annotations

import copy
import os
from contextlib import contextmanager
from numbers import Integral
from pathlib import Path
from typing import Any
from uuid import uuid4

import joblib

from skrnn.callbacks._fits import check_supported, tasks_of_fit
from skrnn.compat import Interval, validate_params

#: What scikit-learn keeps on an estimator during a fit, beside its callbacks.
_OF_THE_FIT = (
    "_callback_fit_ctx",
    "_parent_callback_ctx",
    "_skl_callbacks_to_teardown",
)


class Checkpoint:
    """Save the estimator while it is trained, so that training can go on from there.

    Parameters
    ----------
    path : str or path-like
        The file that the estimator is saved to, in the place of the one before. Inside
        a meta-estimator each fit has a file of its own, whose name has the tasks of the
        meta-estimator before its suffix: ``model.joblib`` becomes
        ``model-search-0-candidate-split-evaluation-3.joblib`` for one split of a
        candidate of a grid search, ``model-refit-with-best-params-1.joblib`` for the
        last fit of that, and ``model-fit-final-estimator-1.joblib`` in a pipeline of
        two steps. Folders that are missing are made.
    every : int, default=1
        Save after so many epochs, and at the end of the fit.

    Notes
    -----
    ``joblib.load(path)`` gives a fitted estimator without callbacks. If its fit was not
    at its end, ``joblib.load(path).set_params(warm_start=True).fit(X, y)`` with the
    same data goes on to the end as planned, and the result has the same bits as that of
    an unbroken fit. The exception is ``solver="lbfgs"``, which starts anew from the
    saved weights, since SciPy does not tell what it remembers of earlier iterations.

    The file is replaced as a whole: if the process is killed at any moment, what is
    there is the last whole checkpoint. A kill may leave a file ``.NAME.*.tmp`` in the
    same folder, which may be deleted.

    scikit-learn tells callbacks of meta-estimators only if these support callbacks: in
    version 1.9 pipelines and searches do. Others, and functions as ``cross_val_score``,
    look like one fit after the other, all with the same file.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import joblib
    >>> from skrnn import RNNClassifier
    >>> from skrnn.callbacks import Checkpoint
    >>> from skrnn.datasets import load_japanese_vowels
    >>> X, y = load_japanese_vowels(return_X_y=True)
    >>> folder = TemporaryDirectory()
    >>> path = Path(folder.name) / "model.joblib"
    >>> classifier = RNNClassifier(random_state=0, max_iter=5)
    >>> classifier = classifier.set_callbacks(Checkpoint(path)).fit(X, y)
    >>> joblib.load(path).n_iter_
    5
    >>> folder.cleanup()
    """

    @validate_params(
        {
            "path": [str, os.PathLike],
            "every": [Interval(Integral, 1, None, closed="left")],
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(self, path: str | os.PathLike[str], every: int = 1) -> None:
        # Workers may have another working folder.
        self.path, self.every = Path(path).absolute(), int(every)

    def setup(self, estimator: Any, context: Any) -> None:
        """Check the estimator and the path, as scikit-learn calls it before a fit.

        Raises
        ------
        OSError
            If no file can be written there.
        """
        check_supported(self, estimator)
        path = self._path_of(context)
        try:
            if path.is_dir():
                raise IsADirectoryError(f"{path} is a folder")
            with _unfinished(path) as unfinished:
                unfinished.touch()
        except OSError as error:
            raise OSError(
                f"No checkpoint can be written to path={str(path)!r}: {error}. Pass "
                "the name of a file in a folder that can be written."
            ) from error

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing, where scikit-learn calls it after a fit."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing, where scikit-learn calls it before a fit and its epochs."""

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any
    ) -> None:
        """Save the estimator, as scikit-learn calls it after a fit and its epochs."""
        fit = context
        if context.task_name == "epoch":
            if fitted_estimator.n_iter_ % self.every:
                return
            fit = context.parent
        _save(_without_callbacks(fitted_estimator), self._path_of(fit))

    def _path_of(self, fit):
        name = "-".join([self.path.stem, *tasks_of_fit(fit)])
        return self.path.with_name(name + self.path.suffix)


def _without_callbacks(estimator):
    estimator = copy.copy(estimator)  # other callbacks may be given the same one
    estimator.set_callbacks()
    for name in _OF_THE_FIT:
        vars(estimator).pop(name, None)
    return estimator


def _save(estimator, path):
    """Replace a file as a whole, or leave it as it is."""
    with _unfinished(path) as unfinished:
        with open(unfinished, "xb") as file:
            joblib.dump(estimator, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)


@contextmanager
def _unfinished(path):
    """The path of a file beside it, which is gone in the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own, since others may write the same file at the same time.
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        yield unfinished
    finally:
        unfinished.unlink(missing_ok=True)
