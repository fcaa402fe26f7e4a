"""Runs for Weights & Biases."""

from __future__ import annotations

from typing import Any

from skrnn.callbacks._fits import name_of_fit, outermost_fit
from skrnn.callbacks._logger import Logger, parameters_of


class WandB(Logger):
    """Log each fit as a run of Weights & Biases.

    Needs wandb: ``pip install "skrnn[wandb]"``.

    Parameters
    ----------
    project : str or None, default=None
        The project that the runs belong to; None leaves it to wandb.
    **init_options
        More arguments of ``wandb.init``, for example ``mode="offline"``. They are the
        same for all runs and replace those of this callback. By default, ``config`` is
        the estimator's parameters; ``name`` has the estimator, the time (UTC) and a
        random part, and inside a meta-estimator the tasks of that, for example
        ``GridSearchCV-20260131-120000-1b2c3d4e/search-0/candidate-split-evaluation-3``;
        and ``group`` is the part of it that all fits of the meta-estimator share.

    Notes
    -----
    After each epoch are logged "train/loss", "train/grad_norm", "train/epoch_seconds"
    and, with early stopping, "validation/score". Step n is the n-th epoch of the
    estimator, as in its ``loss_curve_``. Runs of your own that are active stay so.

    Examples
    --------
    >>> from skrnn import RNNClassifier
    >>> from skrnn.callbacks import WandB
    >>> wandb = WandB(project="vowels", mode="offline")  # doctest: +SKIP
    >>> RNNClassifier().set_callbacks(wandb).fit(X, y)  # doctest: +SKIP
    """

    _library = _extra = "wandb"

    def __init__(self, project: str | None = None, **init_options: Any) -> None:
        super().__init__()
        self.project, self.init_options = project, init_options

    def _open(self, estimator, context):
        options = {
            "project": self.project,
            "name": name_of_fit(context),
            "group": outermost_fit(context),
            "config": parameters_of(estimator),
            "reinit": "create_new",
        }
        return self._import().init(**options | self.init_options)

    def _write(self, log, n_epochs, values):
        log.log(values, step=n_epochs)

    def _close(self, log, is_whole):
        log.finish(exit_code=0 if is_whole else 1)
