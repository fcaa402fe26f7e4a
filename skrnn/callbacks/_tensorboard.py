"""Logs for TensorBoard."""

from __future__ import annotations

import os
from pathlib import Path

from skrnn.callbacks._fits import name_of_fit
from skrnn.callbacks._logger import Logger


class TensorBoard(Logger):
    """Write the curves of training for TensorBoard.

    Needs tensorboardX: ``pip install "skrnn[tensorboard]"``. To look at the curves,
    install TensorBoard itself and run ``tensorboard --logdir LOG_DIR``.

    Parameters
    ----------
    log_dir : str or path-like
        Each fit writes into a new folder in this one. Its name has the estimator, the
        time (UTC) and a random part, for example
        ``RNNClassifier-20260131-120000-1b2c3d4e``. Inside a meta-estimator follows a
        folder for each task of that, for example
        ``GridSearchCV-20260131-120000-1b2c3d4e/search-0/candidate-split-evaluation-3``.

    Notes
    -----
    After each epoch are written "train/loss", "train/grad_norm", "train/epoch_seconds"
    and, with early stopping, "validation/score". Step n is the n-th epoch of the
    estimator, as in its ``loss_curve_``.

    Examples
    --------
    >>> from skrnn import RNNClassifier
    >>> from skrnn.callbacks import TensorBoard
    >>> board = TensorBoard("logs")  # doctest: +SKIP
    >>> RNNClassifier().set_callbacks(board).fit(X, y)  # doctest: +SKIP
    """

    _library, _extra = "tensorboardX", "tensorboard"

    def __init__(self, log_dir: str | os.PathLike[str]) -> None:
        super().__init__()
        # Workers may have another working folder.
        self.log_dir = Path(log_dir).absolute()

    def _open(self, estimator, context):
        folder = self.log_dir / name_of_fit(context)
        return self._import().SummaryWriter(logdir=str(folder))

    def _write(self, log, n_epochs, values):
        for name, value in values.items():
            log.add_scalar(name, value, n_epochs)
        log.flush()

    def _close(self, log, is_whole):
        log.close()
