"""Runs for MLflow."""

from __future__ import annotations

from time import time

from skrnn.callbacks._fits import name_of_fit
from skrnn.callbacks._logger import Logger, parameters_of


class MLflow(Logger):
    """Log each fit as a run of MLflow.

    Needs MLflow; ``pip install "skrnn[mlflow]"`` installs what writes runs, without
    MLflow's web interface.

    Parameters
    ----------
    experiment_name : str
        The experiment that the runs belong to. It is created at once if it is missing.
    tracking_uri : str or None, default=None
        Where MLflow stores, for example ``"sqlite:///mlflow.db"`` or the address of a
        server. None: what MLflow is set to, which is a database ``mlflow.db`` in the
        working folder if you have set nothing.

    Notes
    -----
    The parameters of a run are those of the estimator. Its name has the estimator, the
    time (UTC) and a random part, and inside a meta-estimator the tasks of that, for
    example
    ``GridSearchCV-20260131-120000-1b2c3d4e/search-0/candidate-split-evaluation-3``.
    After each epoch are logged "train/loss", "train/grad_norm", "train/epoch_seconds"
    and, with early stopping, "validation/score". Step n is the n-th epoch of the
    estimator, as in its ``loss_curve_``. MLflow's own active run stays as it is.

    Examples
    --------
    >>> from skrnn import RNNClassifier
    >>> from skrnn.callbacks import MLflow
    >>> mlflow = MLflow("vowels", "sqlite:///mlflow.db")  # doctest: +SKIP
    >>> RNNClassifier().set_callbacks(mlflow).fit(X, y)  # doctest: +SKIP
    """

    _library = _extra = "mlflow"

    def __init__(self, experiment_name: str, tracking_uri: str | None = None) -> None:
        super().__init__()
        self.experiment_name = experiment_name
        # Workers may have another working folder or other settings.
        self.tracking_uri = tracking_uri or self._import().get_tracking_uri()
        # Not later, since workers that do so at the same time get in each other's way.
        self._experiment_id = self._find_or_create_experiment()

    def _client(self):
        return self._import().MlflowClient(tracking_uri=self.tracking_uri)

    def _find_or_create_experiment(self):
        client = self._client()
        experiment = client.get_experiment_by_name(self.experiment_name)
        if experiment is not None:
            return experiment.experiment_id
        return client.create_experiment(self.experiment_name)

    def _open(self, estimator, context):
        client, entities = self._client(), self._import().entities
        run = client.create_run(self._experiment_id, run_name=name_of_fit(context))
        parameters = parameters_of(estimator).items()
        parameters = [entities.Param(name, str(value)) for name, value in parameters]
        client.log_batch(run.info.run_id, params=parameters)
        return client, run.info.run_id

    def _write(self, log, n_epochs, values):
        client, run_id = log
        metric, now = self._import().entities.Metric, int(time() * 1000)
        metrics = [metric(*item, now, n_epochs) for item in values.items()]
        client.log_batch(run_id, metrics=metrics)

    def _close(self, log, is_whole):
        client, run_id = log
        client.set_terminated(run_id, status="FINISHED" if is_whole else "FAILED")
