"""The regressor: real values in and out, in their own units."""

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils.validation import check_array, column_or_1d

from skrnn.estimators.base import BaseRNN
from skrnn.estimators.callbacks import with_callbacks
from skrnn.estimators.docs import with_common_sections
from skrnn.estimators.inputs import check_finite, check_numbers


@with_common_sections
class RNNRegressor(RegressorMixin, BaseRNN):
    """Recurrent neural network that predicts real values from sequences.

    It minimises half the squared error.

    {parameters}

    normalize_y : bool, default=True
        Standardise the targets inside, so that training does not depend on their unit;
        predictions come back in it. The mean and the standard deviation are those of
        the first call of `fit` or `partial_fit`. Losses and weights are those of the
        standardised targets.

    Attributes
    ----------
    {attributes}

    See Also
    --------
    RNNClassifier : Recurrent neural network that classifies sequences.
    sklearn.neural_network.MLPRegressor : For inputs without an order.

    Notes
    -----
    {notes}

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn import RNNRegressor
    >>> X = np.random.default_rng(0).standard_normal((100, 10))
    >>> y = 300 + 5 * X.sum(axis=1)
    >>> regressor = RNNRegressor(random_state=0).fit(X[:80], y[:80])
    >>> bool(regressor.score(X[80:], y[80:]) > 0.9)
    True
    """

    _parameter_constraints = {
        **BaseRNN._parameter_constraints,
        "normalize_y": ["boolean"],
    }

    def __init__(
        self,
        cell="gru",
        hidden_size=64,
        *,
        activation="tanh",
        pooling="last",
        n_features_per_step=1,
        solver="adam",
        alpha=1e-4,
        batch_size="auto",
        learning_rate="cosine",
        learning_rate_init=1e-2,
        max_iter=100,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        n_iter_no_change=10,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        max_grad_norm=1.0,
        dtype="float32",
        device="auto",
        normalize_y=True,
    ):
        super().__init__(
            cell,
            hidden_size,
            activation=activation,
            pooling=pooling,
            n_features_per_step=n_features_per_step,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            max_grad_norm=max_grad_norm,
            dtype=dtype,
            device=device,
        )
        self.normalize_y = normalize_y

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train the network.

        Parameters
        ----------
        {X}
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.
        {sample_weight}

        Returns
        -------
        self : object
            The fitted estimator.
        """
        return self._fit(X, y, sample_weight)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch, going on from where the network is.

        Parameters
        ----------
        {X}
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.
        {sample_weight}

        Returns
        -------
        self : object
            The estimator.
        """
        return self._partial_fit(X, y, sample_weight)

    def _check_targets(self, y, *, reset, weights):
        y = check_array(
            y, ensure_2d=False, dtype="numeric", input_name="y", estimator=self
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        columns = check_numbers(y).reshape(len(y), -1).astype(np.float64)
        if reset:
            self._y_ndim, self.n_outputs_ = y.ndim, columns.shape[1]
            self._y_mean, self._y_scale = self._units(columns, weights)
        elif columns.shape[1] != self.n_outputs_:
            raise ValueError(
                f"y has {columns.shape[1]} outputs, but {type(self).__name__} is "
                f"expecting {self.n_outputs_} as at the first fit."
            )
        with np.errstate(over="ignore"):
            targets = ((columns - self._y_mean) / self._y_scale).astype(self.dtype)
        check_finite(targets, "y", type(self).__name__)
        return targets, "squared"

    def _units(self, columns, weights):
        """Mean and scale of the targets; a constant target has the scale 1."""
        if not self.normalize_y:
            return np.zeros(self.n_outputs_), np.ones(self.n_outputs_)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = np.average(columns, axis=0, weights=weights)
            scale = np.sqrt(np.average((columns - mean) ** 2, axis=0, weights=weights))
        check_finite(scale, "y", type(self).__name__)
        # Rounding leaves a constant a little scale of its own.
        scale[np.ptp(columns[weights > 0], axis=0) == 0] = 1
        scale[scale == 0] = 1
        return mean, scale

    def predict(self, X):
        """Predict target values.

        Parameters
        ----------
        {X}

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the unit of the targets.
        """
        y = self._outputs(X) * self._y_scale + self._y_mean
        return y[:, 0] if self._y_ndim == 1 else y

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
