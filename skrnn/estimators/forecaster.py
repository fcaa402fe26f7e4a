"""The forecaster: series in, their future out, by one network for all of them."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from pandas.tseries.offsets import BaseOffset
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state, check_scalar
from sklearn.utils.validation import check_is_fitted

from skrnn.compat import check_parameters, fit_context
from skrnn.estimators.forecasting.attributes import Covariates, Statics, units_of
from skrnn.estimators.forecasting.backtest import Backtest, backtest_of, origins_of
from skrnn.estimators.forecasting.frames import forecasts_as_frame
from skrnn.estimators.forecasting.panel import read_panel
from skrnn.estimators.forecasting.paths import paths_of
from skrnn.estimators.forecasting.saving import from_plain, to_plain
from skrnn.estimators.forecasting.times import calendar_of, seasons_of
from skrnn.estimators.forecasting.windows import (
    WindowForm,
    future_of,
    origins_to_learn,
    windows_of,
)
from skrnn.estimators.names import suggests_names
from skrnn.estimators.parameters import FORECASTER, REGRESSOR, constraints_of
from skrnn.estimators.regressor import RNNRegressor

#: What forecasts go on from, besides the network, as it is saved.
_KEPT = ("_form", "_covariates", "_statics", "_panel")
#: So many windows at a time are forecast, for the sake of memory.
_AT_ONCE = 2000


def _check_count(value, name, least=1):
    """A whole number of any kind, as an int: one of 8 bits has no room for products."""
    return int(check_scalar(value, name, Integral, min_val=least))


class RNNForecaster(BaseEstimator):
    """Recurrent neural network that forecasts series, one or many.

    One network learns from all series, each in units of its own, and forecasts any.

    Parameters
    ----------
    horizon : int, default=1
        How many times a forecast has, at most.
    context : int or "auto", default="auto"
        How many of the last values the network reads one by one; it knows those of one
        and of two seasons before as well. "auto": the shortest season, or the horizon
        if that is longer, but at least 8 and at most 48.
    quantiles : array-like of float or None, default=None
        Which quantiles to forecast, between 0 and 1 and rising, such as ``[0.1, 0.5,
        0.9]``. None: one value.
    loss : {"absolute_error", "squared_error"}, default="absolute_error"
        What training minimises, in units of each window: "absolute_error" learns
        medians, "squared_error" means. With `quantiles` it is the pinball loss.
    season_length : int, array-like of int, "auto" or None, default="auto"
        After how many times a series comes again, or several such numbers. "auto": what
        the calendar says of the distance of times, if it was seen twice: a day and a
        week of hours or minutes, a week of days (and a year, if there are three), a
        year of months, quarters or weeks. None, and "auto" for times that are whole
        numbers: there is none.
    calendar : array-like of str, "auto" or None, default="auto"
        Features of times, each as a point on a circle: "hour", "dayofweek", "day" (of
        the month), "month", "dayofyear". "auto": the first for times closer than a day,
        the second for those and for days, and the last one where there are two years.
    known : array-like of str or None, default=None
        Columns of X that are known in advance, such as prices or holidays: their values
        at the times of a forecast are its `X_future`. Of all others the network reads
        the past only.
    series_ids : bool, default=False
        Whether the network learns an embedding of each series. It then knows which one
        it forecasts, and knows less of one that fit did not see.
    freq : str, int, offset of pandas or None, default=None
        Distance of the times, as pandas names it, or a number of whole ones. None: that
        of the index, or what its times say.
    series : str or None, default=None
        Column of long frames that names the series of a row. None: frames are wide, or
        have a MultiIndex of series and time.
    time : str or None, default=None
        Column of frames that has the time of a row. None: the index has it.
    target : str or None, default=None
        Column of a long y that has its values. None: the only one that is left.
    max_windows : int, default=10000
        Training takes so many windows of the series, drawn at random, if there are
        more. Each is one sequence, of `context` known steps and `horizon` others.
    cell : {"gru", "lstm", "rnn"}, default="gru"
        Gated recurrent unit, long short-term memory, or Elman's network.
    hidden_size : int, default=64
        Number of units of a layer in one direction, the size of a state.
    n_layers : int, default=1
        Number of layers; each takes the states of the one below for every step.
    bidirectional : bool, default=False
        Whether each layer reads a window in both directions. No value of a series is
        read before its time in either.
    activation : {"tanh", "relu"}, default="tanh"
        Of Elman's network; the other cells have activations of their own.
    dropout : float, default=0.0
        Probability of leaving out, while training, a unit of the output of every layer
        but the last, at each step anew.
    recurrent_dropout : float, default=0.0
        Probability of leaving out, while training, a unit of the state that a layer
        feeds back to itself; the same units at all steps of a sequence (Gal and
        Ghahramani, A theoretically grounded application of dropout in recurrent neural
        networks, NeurIPS 2016).
    layer_norm : bool, default=False
        Whether the output of each layer is normalised at every step to mean 0 and
        variance 1, then scaled and shifted by learned weights (Ba, Kiros and Hinton,
        Layer normalization, 2016). The states that a layer feeds back to itself stay as
        they are.
    solver : {"adam", "adamw", "sgd", "rmsprop", "lbfgs"}, default="adam"
        Adam; Adam with decoupled `weight_decay`; stochastic gradient descent with
        momentum; RMSprop; or SciPy's L-BFGS-B with all samples at once, for small data.
        "lbfgs" ignores `batch_size`, the learning rate and `max_grad_norm`, ends where
        the largest part of the gradient is below `tol`, and takes no dropout.
    alpha : float, default=10.0
        Strength of the L2 penalty on weights, divided by the number of all targets: it
        holds where there are few windows. Biases are not penalised.
    batch_size : int or "auto", default="auto"
        Windows per step of the solver. "auto" is an eighth of them, but at least 8 and
        at most 32.
    learning_rate : str, default="cosine"
        "cosine" falls from `learning_rate_init` to 0 over `max_iter` epochs;
        "one-cycle" rises to it in 30 % of them and falls again. "constant" keeps it,
        "invscaling" divides it by ``t ** power_t`` in step t of the solver, and
        "adaptive" by 5 whenever `n_iter_no_change` epochs improved nothing, until it is
        below 1e-6.
    learning_rate_init : float, default=0.005
        The first learning rate, or the highest one.
    power_t : float, default=0.5
        Exponent of the learning rate "invscaling".
    warmup_fraction : float, default=0.0
        Part of all epochs in which the learning rate first rises linearly from 0; the
        schedule takes the rest of them.
    max_iter : int, default=20
        Largest number of epochs. With more of them single series are soon learned by
        heart; many series can take more.
    shuffle : bool, default=True
        Whether each epoch takes samples in a new order.
    random_state : int, RandomState instance or None, default=None
        Determines the initial weights, the order of the samples and what is dropped.
        With an int, the result is the same in every bit on any number of threads.
    tol : float, default=0.0001
        An epoch improves the loss if it lowers the best one by at least so much, or,
        with early stopping, the score if it raises the best one by so much.
    n_iter_no_change : int, default=10
        Training ends when more than so many epochs in a row improve nothing.
    verbose : bool, default=False
        Print loss, score, seconds and the solver's steps per second of each epoch.
    momentum : float, default=0.9
        Of the solver "sgd".
    nesterovs_momentum : bool, default=True
        Whether that momentum is Nesterov's.
    beta_1 : float, default=0.9
        Of the solvers "adam" and "adamw": decay of the mean of gradients.
    beta_2 : float, default=0.999
        Of the solvers "adam" and "adamw": decay of the mean of their squares.
    rho : float, default=0.99
        Of the solver "rmsprop": decay of the mean of squares of gradients.
    epsilon : float, default=1e-08
        Of "adam", "adamw" and "rmsprop": added to the root of the mean of squares.
    weight_decay : float, default=0.01
        Of the solver "adamw": each step takes this part, times the learning rate, off
        each weight. Biases do not decay.
    max_grad_norm : float or None, default=1.0
        A gradient with a larger norm is scaled down to it. None: never.
    dtype : {"float32", "float64"}, default="float32"
        Precision of weights and states.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where to compute. "cuda" is an NVIDIA GPU, which needs the package numba-cuda
        (``pip install "skrnn[cuda13]"``); no GPU has run it yet. "auto" is the CPU
        until one has. Not part of what is learned: an estimator fitted on one device
        predicts on the other.

    Attributes
    ----------
    regressor_ : RNNRegressor
        The network: it predicts each step of a window, in units of that.
    context_ : int
        How many of the last values it reads one by one.
    season_lengths_ : tuple of int
        After how many times series come again.
    calendar_ : tuple of str
        The features of times.
    n_reads_ : int
        How many of the last values a forecast depends on; where all of them are
        missing, also on the last one before.

    See Also
    --------
    RNNRegressor : Real values for sequences of any kind.

    Notes
    -----
    Nothing is padded: the cost follows the sum of the lengths. A prediction has the
    same bits whatever other samples are predicted with it.

    Recurrent weights start orthogonal, input weights as Glorot and Bengio proposed,
    biases at 0 (LSTM forget gates at 1). The equations are those of PyTorch and cuDNN.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from skrnn import RNNForecaster
    >>> days = pd.date_range("2024-01-01", periods=140, freq="D")
    >>> y = pd.Series(np.arange(140) % 7 + 0.1 * np.arange(140), days)
    >>> forecaster = RNNForecaster(horizon=7, random_state=0).fit(y[:133])
    >>> error = (forecaster.predict() - y[133:]).abs()
    >>> bool(error.max() < 0.5)
    True
    """

    _parameter_constraints = constraints_of(FORECASTER)

    regressor_: RNNRegressor
    context_: int
    season_lengths_: tuple[int, ...]
    calendar_: tuple[str, ...]
    n_reads_: int
    _panel: Any  # what forecasts go on from

    @suggests_names
    def __init__(
        self,
        horizon: int = 1,
        context: int | Literal["auto"] = "auto",
        *,
        quantiles: ArrayLike | None = None,
        loss: Literal["absolute_error", "squared_error"] = "absolute_error",
        season_length: int | ArrayLike | Literal["auto"] | None = "auto",
        calendar: ArrayLike | Literal["auto"] | None = "auto",
        known: ArrayLike | None = None,
        series_ids: bool = False,
        freq: str | int | BaseOffset | None = None,
        series: str | None = None,
        time: str | None = None,
        target: str | None = None,
        max_windows: int = 10000,
        cell: Literal["gru", "lstm", "rnn"] = "gru",
        hidden_size: int = 64,
        n_layers: int = 1,
        bidirectional: bool = False,
        activation: Literal["tanh", "relu"] = "tanh",
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        layer_norm: bool = False,
        solver: Literal["adam", "adamw", "sgd", "rmsprop", "lbfgs"] = "adam",
        alpha: float = 10.0,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: Literal[
            "cosine", "one-cycle", "constant", "invscaling", "adaptive"
        ] = "cosine",
        learning_rate_init: float = 0.005,
        power_t: float = 0.5,
        warmup_fraction: float = 0.0,
        max_iter: int = 20,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 0.0001,
        n_iter_no_change: int = 10,
        verbose: bool | int = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        rho: float = 0.99,
        epsilon: float = 1e-08,
        weight_decay: float = 0.01,
        max_grad_norm: float | None = 1.0,
        dtype: Literal["float32", "float64"] = "float32",
        device: Literal["auto", "cpu", "cuda"] = "auto",
    ) -> None:
        self.horizon = horizon
        self.context = context
        self.quantiles = quantiles
        self.loss = loss
        self.season_length = season_length
        self.calendar = calendar
        self.known = known
        self.series_ids = series_ids
        self.freq = freq
        self.series = series
        self.time = time
        self.target = target
        self.max_windows = max_windows
        self.cell = cell
        self.hidden_size = hidden_size
        self.n_layers = n_layers
        self.bidirectional = bidirectional
        self.activation = activation
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.layer_norm = layer_norm
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.warmup_fraction = warmup_fraction
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.verbose = verbose
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.rho = rho
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        self.max_grad_norm = max_grad_norm
        self.dtype = dtype
        self.device = device

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, y: Any, X: pd.DataFrame | None = None, static: pd.DataFrame | None = None
    ) -> Self:
        """Learn from series.

        Parameters
        ----------
        y : Series, DataFrame or array-like
            A series; or several, a column each, or below each other with a MultiIndex
            (series, time), also as columns that `series` and `time` name. Times are at
            equal distances, in their order; what is missing is NaN, or has no row. In
            a long frame a series ends with its last row, in a wide one all end with
            the frame.
        X : DataFrame, default=None
            Covariates, a column each, indexed by time if all series have the same, or
            as a long y. Those in `known` are known in advance.
        static : DataFrame, default=None
            What stays as it is: a row for each series, indexed by their names, or with
            these in the column that `series` names. Columns of numbers are
            standardised, of others the network learns an embedding.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        skrnn.exceptions.DivergenceError
            If the loss, a gradient or the weights become infinite or NaN.
        """
        return self._fit_panel(*self._read_first(y, X, static))

    def __getstate__(self):
        state = dict(super().__getstate__())
        if "_panel" not in state:
            return state
        kept = to_plain(*(state.pop(name) for name in _KEPT))
        return state | {"_kept": kept}

    def __setstate__(self, state):
        state = dict(state)
        kept = state.pop("_kept", None)
        super().__setstate__(state)
        if kept is not None:
            vars(self).update(zip(_KEPT, from_plain(kept), strict=True))

    @property
    def _columns(self):
        return self.series, self.time, self.target

    def _read_first(self, y, X, static):
        """The panel of fit, and what its covariates and static features are."""
        panel = read_panel(y, self.freq, self._columns)
        covariates = Covariates.of(X, self.known, self._columns)
        if covariates is not None:
            panel = covariates.attach(X, panel, self._columns)
        statics = Statics.of(static, panel, self.series, self.series_ids)
        return statics.attach(static, panel, self.series), covariates, statics

    def _fit_panel(self, panel, covariates, statics):
        random_state = check_random_state(self.random_state)
        if (~np.isnan(panel.values)).sum(axis=0).max() < 2:
            raise ValueError(
                "There is nothing to learn: no series has two values, one to forecast "
                "and one before it."
            )
        form = self._window_form(panel)
        series, origins = origins_to_learn(
            panel, form, int(self.max_windows), random_state
        )
        future = future_of(panel, series, origins, form.horizon)
        windows = windows_of(panel, series, origins, form)
        form = form.fitted(windows, future)
        windows = windows_of(panel, series, origins, form)
        regressor = self._make_regressor(panel, windows, random_state)
        targets = np.full(windows.X.shape[:2], np.nan)
        targets[:, form.context :] = windows.targets(future)
        regressor.fit(windows.X, targets)
        fitted = {
            "regressor_": regressor,
            "context_": form.context,
            "season_lengths_": form.seasons,
            "calendar_": form.calendar,
            "n_reads_": form.reach,
            "_form": form,
            "_covariates": covariates,
            "_statics": statics,
            "_panel": panel.last(form.reach),
        }
        vars(self).update(fitted)
        return self

    def _window_form(self, panel):
        """What windows have, but for what is learned from them."""
        horizon, length = int(self.horizon), int((panel.ends - panel.firsts).max())
        seasons = seasons_of(self.season_length, panel.grid.step, length)
        context = self.context
        if context == "auto":
            context = max(8, min(48, max(horizon, *seasons[:1], 1)))
        units = ()
        if panel.covariates is not None:
            units = units_of(panel.covariates.reshape(-1, panel.covariates.shape[2]))
        return WindowForm(
            context=int(context),
            horizon=horizon,
            seasons=seasons,
            calendar=calendar_of(self.calendar, panel.grid, length),
            covariates=units,
        )

    def _make_regressor(self, panel, windows, random_state):
        shared = set(FORECASTER) & set(REGRESSOR) - {"quantiles"}
        parameters = {name: getattr(self, name) for name in shared}
        n, _, n_features = windows.X.shape
        n_codes = panel.codes.shape[1]
        size = self.batch_size
        size = max(8, min(32, n // 8)) if size == "auto" else int(size)
        parameters |= {
            "return_sequences": True,
            "random_state": random_state.randint(2**31 - 1),
            "categorical_features": [*range(n_features - n_codes, n_features)] or None,
            # The regressor divides it by the targets of a batch, which may be all.
            "alpha": self.alpha * (1 if self.solver == "lbfgs" else min(size, n) / n),
        }
        if self.quantiles is not None:
            parameters |= {"loss": "quantile", "quantiles": self.quantiles}
        return RNNRegressor(**parameters)

    def predict(
        self,
        horizon: int | None = None,
        X_future: pd.DataFrame | None = None,
        *,
        y: Any = None,
        X: pd.DataFrame | None = None,
        static: pd.DataFrame | None = None,
    ) -> Any:
        """Forecast what follows the last observation of each series.

        Parameters
        ----------
        horizon : int, default=None
            How many times; None: as many as the parameter `horizon` says, which are the
            most.
        X_future : DataFrame, default=None
            Covariates that are known in advance, at the times of the forecast.
        y : as in `fit`, default=None
            The history of series to forecast, which fit need not have seen. None: of
            those of `fit`, and what `update` has added.
        X, static : as in `fit`, default=None
            Of y, where fit had them.

        Returns
        -------
        forecast : Series or DataFrame
            In the form of y: a Series, a column for each series, or a Series with a
            MultiIndex (series, time). With `quantiles` they are columns, of a wide
            frame below each series. Where `update` told a wide one of some series only,
            each goes on from its own end, and has NaN at the other times. A series
            without any value has NaN.
        """
        horizon = self._check_horizon(horizon, self._fitted_form())
        panel = self._read_to_forecast(horizon, X_future, y, X, static)
        series = np.arange(len(panel.names))
        values = self._forecast(panel, series, panel.ends - 1)[:, :horizon]
        levels = self._levels
        if levels is not None:
            levels = pd.Index(levels, name="quantile")
        return forecasts_as_frame(values, panel, levels)

    def sample(
        self,
        n_samples: int = 100,
        horizon: int | None = None,
        X_future: pd.DataFrame | None = None,
        *,
        y: Any = None,
        X: pd.DataFrame | None = None,
        static: pd.DataFrame | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> pd.DataFrame:
        """Draw futures of each series: paths, of which each goes on from itself.

        What is forecast for the next time, by the quantiles, is drawn and stands behind
        the series as if it had been observed, and so on (as in Salinas et al., DeepAR,
        International Journal of Forecasting 36, 2020). Between two quantiles, and
        beyond the outer ones, the distribution is the normal one that has both. So
        there are answers for sums, extremes, or the first time that something happens,
        which the quantiles of single times do not have; sums vary too little where
        errors of the network last. It takes a forecast for each time of each path.

        Parameters
        ----------
        n_samples : int, default=100
            How many paths of each series.
        horizon : int, default=None
            How many times, also more than the parameter `horizon`; None: as many as
            that.
        X_future, y, X, static : as in `predict`, default=None
            What to go on from. Covariates that are not known in advance are at their
            means in what was drawn.
        random_state : int, RandomState instance or None, default=None
            Of the draws; None: others in each call.

        Returns
        -------
        paths : DataFrame
            In the form of the forecasts of quantiles, with a column for each path:
            "sample", from 0 on.

        Raises
        ------
        ValueError
            If the parameter `quantiles` has fewer than two.
        """
        form, levels = self._fitted_form(), self._levels
        if levels is None or len(levels) < 2:
            raise ValueError(
                "Paths are drawn by two quantiles or more, but the forecaster was "
                f"fitted with {'none' if levels is None else 'one'}. Set "
                "quantiles=[0.1, 0.5, 0.9], say, and fit."
            )
        n_samples = _check_count(n_samples, "n_samples")
        if horizon is None:
            horizon = form.horizon
        horizon = _check_count(horizon, "horizon")
        panel = self._read_to_forecast(horizon, X_future, y, X, static)
        paths = paths_of(
            panel,
            n_samples,
            horizon,
            self._forecast,
            levels,
            check_random_state(random_state),
        )
        names = pd.RangeIndex(n_samples, name="sample")
        return forecasts_as_frame(paths, panel, names)

    def _read_to_forecast(self, horizon, X_future, y, X, static):
        """The panel with what is known of the times behind its ends."""
        panel = self._panel
        if y is not None:
            panel = self._read(y, X).last(self._form.reach)
            panel = self._statics.attach(static, panel, self.series)
        elif X is not None or static is not None:
            raise ValueError("X and static belong to y, which is None.")
        if self._covariates is not None:
            return self._covariates.attach_future(
                X_future, panel, horizon, self._columns
            )
        if X_future is not None:
            raise ValueError("X_future is passed, but fit was given no X.")
        return panel

    def _fitted_form(self):
        check_is_fitted(self)
        return self._form

    def _check_horizon(self, horizon, form):
        if horizon is None:
            return form.horizon
        horizon = _check_count(horizon, "horizon")
        if horizon > form.horizon:
            raise ValueError(
                f"horizon={horizon}, but the network was fitted for {form.horizon} "
                "times at most. Fit with the parameter horizon set to as many."
            )
        return horizon

    def _read(self, y, X):
        """The panel of other observations than those of fit."""
        panel = read_panel(y, self.freq, self._columns, known=self._panel)
        if self._covariates is not None:
            return self._covariates.attach(X, panel, self._columns)
        if X is not None:
            raise ValueError("X is passed, but fit was given none.")
        return panel

    @property
    def _levels(self):
        """The quantiles of forecasts, or None."""
        if self.regressor_.loss != "quantile":
            return None
        return np.atleast_1d(self.regressor_.quantiles)

    def _forecast(self, panel, series, origins):
        """Values behind each origin, (n, horizon) or (n, horizon, n_quantiles)."""
        form = self._form
        parts = []
        for start in range(0, len(series), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            windows = windows_of(panel, series[part], origins[part], form)
            outputs = self.regressor_.predict(windows.X)[:, form.context :]
            parts.append(windows.values(outputs.astype(np.float64)))
        return np.concatenate(parts)

    def update(self, y: Any, X: pd.DataFrame | None = None) -> Self:
        """Add new observations, from which forecasts go on; nothing is learned.

        Parameters
        ----------
        y : as in `fit`
            What came after the last observations, of all series or of some. An array
            has the times that follow, of all series in their order.
        X : DataFrame, default=None
            Covariates at the times of y, if fit had any.

        Returns
        -------
        self : object
            The estimator.
        """
        form, panel = self._fitted_form(), self._panel
        new = self._read(panel.table_behind(y, "y"), X)
        if new.form == panel.form == "series":
            new = replace(new, names=panel.names)
        self._panel = panel.with_more(new, "y").last(form.reach)
        return self

    def backtest(
        self,
        y: Any,
        X: pd.DataFrame | None = None,
        static: pd.DataFrame | None = None,
        *,
        n_origins: int = 5,
        step: int | None = None,
        window: int | None = None,
        refit: bool = False,
    ) -> Backtest:
        """Forecast the end of series from rolling origins, and score the forecasts.

        A copy of the estimator is fitted to what comes before the first origin, or to
        what comes before each of them; the estimator stays as it is.

        Parameters
        ----------
        y : as in `fit`
            The series, of all times.
        X, static : as in `fit`, default=None
            Of y.
        n_origins : int, default=5
            How many times a forecast begins; the last one ends with the last time of
            y. Series of a long y that end before have NaN behind their end, and no part
            in the scores there.
        step : int, default=None
            Times from one origin to the next; None: the horizon.
        window : int, default=None
            How many of the times before the origin a fit sees, at least 2; None: all.
        refit : bool, default=False
            Whether there is a fit for each origin, or one for all.

        Returns
        -------
        backtest : Backtest
            A named tuple of two DataFrames. `forecasts` has a row for each origin (the
            last time that is known), series and time, with what came ("y_true") and
            what was forecast ("y_pred", or the quantiles). `scores` has a row for each
            series: "mase" and "rmsse" of what was forecast (or of the quantile next to
            the median), in units of the first training part and of the shortest
            season; with quantiles also "pinball", their mean loss, and "coverage", the
            share of values between the outer ones.
        """
        check_parameters(self)
        n_origins = _check_count(n_origins, "n_origins")
        step = None if step is None else _check_count(step, "step")
        window = None if window is None else _check_count(window, "window", 2)
        panel, covariates, statics = self._read_first(y, X, static)
        origins = origins_of(panel, int(self.horizon), n_origins, step, window)
        forecaster: Any = None
        parts = []
        for origin in origins:
            if refit or forecaster is None:
                start = 0 if window is None else origin + 1 - window
                known = panel.until(origin + 1, start)
                forecaster = clone(self)._fit_panel(known, covariates, statics)
            series = np.arange(len(panel.names))
            places = np.full(series.size, origin)
            parts.append(forecaster._forecast(panel, series, places))
        season_length = forecaster.season_lengths_[:1] or (1,)
        return backtest_of(
            np.array(parts), panel, origins, forecaster._levels, *season_length
        )
