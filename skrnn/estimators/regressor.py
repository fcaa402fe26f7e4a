"""The regressor: real values in and out, in their own units."""

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_array, column_or_1d

from skrnn.compat import fit_context, with_callbacks
from skrnn.estimators.base import BaseRNN
from skrnn.estimators.docs import with_common_sections
from skrnn.estimators.inputs import check_finite, check_numbers
from skrnn.estimators.parameters import Parameter, with_parameters
from skrnn.estimators.runs import is_stochastic

_NORMALIZE_Y = Parameter(
    True,
    ["boolean"],
    "bool",
    """Standardise the targets inside, so that training does not depend on their unit;
predictions come back in it. The mean and the standard deviation are those of
the first call of `fit` or `partial_fit`. Losses and weights are those of the
standardised targets.""",
)


@with_common_sections
@with_parameters(
    defaults={"pooling": "last", "layer_norm": False}, normalize_y=_NORMALIZE_Y
)
class RNNRegressor(RegressorMixin, BaseRNN):
    """Recurrent neural network that predicts real values from sequences.

    One value a sequence or several, or as many for each of its steps.

    It minimises half the squared error.

    {parameters}

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

    @with_callbacks
    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        init_weights=None,
    ):
        """Train the network.

        Parameters
        ----------
        {X}
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), or list of such
            Target values. With ``return_sequences=True`` a list with an array
            (n_timesteps_i,) or (n_timesteps_i, n_outputs) for each sequence, or one
            array of shape (n_samples, n_timesteps[, n_outputs]); a value that is NaN is
            missing, and adds nothing to the loss or the score.
        {sample_weight}
        {validation}
        {init_weights}

        {fitted}
        """
        return self._fit(
            X,
            y,
            sample_weight,
            init_weights,
            X_val=X_val,
            y_val=y_val,
            sample_weight_val=sample_weight_val,
        )

    @available_if(is_stochastic)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch, going on from where the network is.

        Parameters
        ----------
        {X}
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), or list of such
            Target values. With ``return_sequences=True`` a list with an array
            (n_timesteps_i,) or (n_timesteps_i, n_outputs) for each sequence, or one
            array of shape (n_samples, n_timesteps[, n_outputs]); a value that is NaN is
            missing, and adds nothing to the loss or the score.
        {sample_weight}

        Returns
        -------
        self : object
            The estimator.
        """
        return self._partial_fit(X, y, sample_weight)

    def _check_targets(self, y, *, reset, weights):
        y = self._check_values(y, allow_nan=self.return_sequences)
        columns = y.reshape(len(y), -1)
        missing = np.isnan(columns)
        if reset:
            self._y_ndim, self._n_columns = y.ndim, columns.shape[1]
            self._y_mean, self._y_scale = self._units(columns, missing, weights)
        else:
            self._check_n_columns(columns)
        with np.errstate(over="ignore"):
            targets = ((columns - self._y_mean) / self._y_scale).astype(self.dtype)
        check_finite(targets, "y", type(self).__name__, allow_nan=True)
        weights = np.where(missing.all(axis=1), 0, weights)
        return targets, weights, "squared", (self._n_columns,)

    def _check_n_columns(self, columns):
        if columns.shape[1] != self._n_columns:
            raise ValueError(
                f"y has {columns.shape[1]} outputs, but {type(self).__name__} is "
                f"expecting {self._n_columns} as at the first fit."
            )

    def _check_values(self, y, allow_nan):
        """The values of y in float64; those of steps may be missing."""
        y = check_array(
            y,
            ensure_2d=False,
            dtype="numeric",
            ensure_all_finite="allow-nan" if allow_nan else True,
            input_name="y",
            estimator=self,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return check_numbers(y).astype(np.float64)

    def _units(self, columns, missing, weights):
        """Mean and scale of the targets; a constant target has the scale 1."""
        if not self.normalize_y:
            return np.zeros(self._n_columns), np.ones(self._n_columns)
        there = ~missing & (weights > 0)[:, None]
        weights, filled = weights[:, None] * there, np.where(there, columns, 0)
        if not there.any(axis=0).all():
            raise ValueError(
                "y has a column without any value: all are missing or have weight 0."
            )
        with np.errstate(over="ignore", invalid="ignore"):
            mean = np.average(filled, axis=0, weights=weights)
            scale = np.sqrt(np.average((filled - mean) ** 2, axis=0, weights=weights))
        check_finite(scale, "y", type(self).__name__)
        # Rounding leaves a constant a little scale of its own.
        low = np.where(there, columns, np.inf).min(axis=0)
        scale[low == np.where(there, columns, -np.inf).max(axis=0)] = 1
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
            In the unit of the targets. With ``return_sequences=True`` a list of arrays
            (n_timesteps_i[, n_outputs]), or one array (n_samples, n_timesteps[,
            n_outputs]) if X is no list.
        """
        return self._predict(self._compute(X, "outputs"))

    def _predict(self, computed):
        outputs, shape = computed
        return shape(self._in_units(outputs))

    def _in_units(self, outputs):
        y = outputs * self._y_scale + self._y_mean
        return y[:, 0] if self._y_ndim == 1 else y

    def score(self, X, y, sample_weight=None):
        """Get R^2, the coefficient of determination, its mean over the outputs.

        Parameters
        ----------
        {X}
        y : array-like
            True values, as in `fit`; those that are missing do not count.
        {sample_weight}

        Returns
        -------
        r2 : float
            Over samples, or over steps with ``return_sequences=True``.
        """
        return self._score_outputs(*self._to_score(X, y, sample_weight))

    def _score_outputs(self, outputs, y, weights):
        predicted = self._in_units(outputs)
        if self._network.pooling is not None:
            return r2_score(y, predicted, sample_weight=weights)
        y = self._check_values(y, allow_nan=True)
        y, predicted = (values.reshape(len(weights), -1) for values in (y, predicted))
        self._check_n_columns(y)
        scores = []
        for column, column_predicted in zip(y.T, predicted.T, strict=True):
            there = ~np.isnan(column) & (weights > 0)
            if not there.any():
                raise ValueError(
                    "There is nothing to score in a column of y: every value is "
                    "missing or has weight 0."
                )
            scores.append(
                r2_score(
                    column[there], column_predicted[there], sample_weight=weights[there]
                )
            )
        return float(np.mean(scores))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
