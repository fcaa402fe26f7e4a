"""A fit and its epochs as scikit-learn's callbacks see them."""

from skrnn.compat import HAS_CALLBACKS


def announce_fit(estimator, max_epochs, **data):
    """What tells the estimator's callbacks of a fit; arguments as of `FitTasks`."""
    return FitTasks(estimator, max_epochs, **data) if HAS_CALLBACKS else NoTasks()


class FitTasks:
    """A fit and its epochs, announced to the estimator's callbacks.

    Parameters
    ----------
    estimator : estimator
        Has `CallbackSupportMixin`; its fit is decorated by `with_callbacks`.
    max_epochs : int
        At most so many epochs will come.
    data : dict
        X, y and metadata as the user gave them.
    """

    def __init__(self, estimator, max_epochs, **data):
        self._arguments = {"estimator": estimator, **data}
        self._fit = estimator._init_callback_context(max_subtasks=max_epochs)
        self._fit.call_on_fit_task_begin(**self._arguments)

    def begin_epoch(self):
        """To be called before each epoch."""
        self._epoch = self._fit.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._arguments)

    def end_epoch(self, attributes):
        """To be called after it; returns whether a callback wants training to stop.

        `attributes` is called when a callback asks for the fitted estimator.
        """
        return self._epoch.call_on_fit_task_end(
            **self._arguments, reconstruction_attributes=attributes
        )

    def end(self, attributes):
        """To be called at the end of the fit."""
        self._fit.call_on_fit_task_end(
            **self._arguments, reconstruction_attributes=attributes
        )


class NoTasks:
    """In the place of `FitTasks`, where callbacks are told nothing."""

    def begin_epoch(self):
        """To be called before each epoch."""

    def end_epoch(self, attributes):
        """To be called after it; training goes on."""
        return False

    def end(self, attributes):
        """To be called at the end of the fit."""
