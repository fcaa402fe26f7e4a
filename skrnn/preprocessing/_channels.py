"""What adds channels to the features of sequences: which ones, and their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from reprlib import repr as short
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skrnn.estimators.names import suggestion
from skrnn.preprocessing._transformer import SequenceTransformer, as_floats


class ChannelTransformer(SequenceTransformer):
    """One whose parameter `add` names channels, which stand behind the features.

    A subclass has a function for each (`_CHANNELS`), which takes the sequences and the
    fitted transformer; says which of them are one channel for all features, or else
    for some of them one each (`_SINGLE`, `_featured`); what the raw features become
    (`_raw`); and what others call the channels (`_ELSEWHERE`).
    """

    _CHANNELS: Mapping[str, Callable[..., Any]]
    _SINGLE: str
    _ELSEWHERE: Mapping[str, tuple[str, ...]]

    _parameter_constraints = {
        **SequenceTransformer._parameter_constraints,
        "add": "no_validation",  # `_channels` does, also after `set_params`
    }

    def get_feature_names_out(
        self, input_features: ArrayLike | None = None
    ) -> NDArray[np.object_]:
        """Get names of the channels, or of the columns of a table.

        They are those of X, and behind them the channels that `add` names: for each
        feature its name and the channel's, or the latter alone where there is one for
        all of them. Of a table each time step has one of these: "time_0", ...

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the features of X, which are checked. After a fit on sequences,
            a single name may also be that of the column of a table in which they
            stand, as `ColumnTransformer` passes it.

        Returns
        -------
        feature_names_out : ndarray of str objects
            Names of the columns.
        """
        names = super().get_feature_names_out(input_features)
        steps = names.reshape(-1, self.n_features_per_step_).tolist()
        out = []
        for t, raw in enumerate(steps):
            out += raw
            for channel in self._channels():
                if channel == self._SINGLE:
                    out.append(f"{channel}_{t}" if self._is_fitted_on_rows else channel)
                else:
                    out += [f"{raw[j]}_{channel}" for j in self._featured()]
        _check_are_unique(out)
        return np.array(out, object)

    def _featured(self):
        """The features that have channels of their own."""
        return range(self.n_features_per_step_)

    def _channels(self):
        """The names in `add`."""
        names = [self.add] if isinstance(self.add, str) else self.add
        if not isinstance(names, list | tuple):
            self._refuse("")
        for name in names:
            if not isinstance(name, str):
                self._refuse("")
            if name not in self._CHANNELS:
                self._refuse(suggestion(name, self._CHANNELS, self._ELSEWHERE))
        if len(set(names)) < len(names):
            self._refuse("")
        return names

    def _refuse(self, advice):
        names = ", ".join(map(repr, self._CHANNELS))
        raise ValueError(
            f"The 'add' parameter of {type(self).__name__} must be a str among "
            f"{{{names}}}, or a list or tuple of these, each once. Got "
            f"{short(self.add)} instead.{advice}"
        )

    def _learn(self, X, sample_weight, *, reset):
        self._channels()
        return super()._learn(X, sample_weight, reset=reset)

    def _of_steps(self, sequences):
        raw = as_floats(sequences.values)
        sequences = sequences._replace(values=raw)
        added = [self._CHANNELS[name](sequences, self) for name in self._channels()]
        return np.hstack([self._raw(sequences), *added], dtype=raw.dtype)

    def _raw(self, sequences):
        """What becomes of the features."""
        return sequences.values


def _check_are_unique(names):
    double = [name for name, n in Counter(names).items() if n > 1]
    if double:
        raise ValueError(
            f"The names of channels would not be unique: X has {short(double)} as "
            "well. Rename these columns of X."
        )


def positions(sequences):
    """The number of each step in its sequence, as a column."""
    starts = sequences.offsets[:-1].repeat(sequences.lengths)
    return (np.arange(len(starts)) - starts)[:, None].astype(np.float64)
