"""A language model that reads sequences as they come."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_scalar

from skrnn.backends import make_backend
from skrnn.compat import check_parameters
from skrnn.estimators.language.reading import Reader, shares, sums
from skrnn.estimators.language.tokens import Steps, known_tokens
from skrnn.estimators.saving import from_plain, to_plain
from skrnn.sequences import Sequences, read_only

if TYPE_CHECKING:
    from skrnn.estimators.language_model import RNNLanguageModel


class LanguageModelStream:
    """Sequences of tokens that go on from one call to the next.

    Made by the method `stream` of a fitted language model. Each call takes the next
    tokens of the sequences: of a log, say, what has been written since. A call that
    fails changes nothing. The stream stays what it is when the model is trained again.

    Parameters
    ----------
    estimator : RNNLanguageModel
        A fitted one.
    n_sequences : int, default=1
        How many sequences come side by side.

    Attributes
    ----------
    n_steps : ndarray of shape (n_sequences,)
        Tokens seen so far of each sequence.

    Examples
    --------
    >>> from skrnn import RNNLanguageModel
    >>> model = RNNLanguageModel(hidden_size=8, max_iter=40, random_state=0)
    >>> model = model.fit(["open read close"] * 20)
    >>> stream = model.stream()
    >>> usual, strange = stream.score_samples(["ope"]), stream.score_samples(["x"])
    >>> bool(usual > strange)
    True
    """

    def __init__(self, estimator: RNNLanguageModel, n_sequences: int = 1) -> None:
        check_scalar(n_sequences, "n_sequences", Integral, min_val=1)
        # Without what training goes on with.
        model = replace(estimator._fitted(), run=None, adapted=None)
        check_parameters(estimator, "device")
        self._model = model
        # For its name and parameters alone.
        self._estimator = type(estimator)(**estimator.get_params(deep=False))
        self._backend = make_backend(estimator.device, model.network)
        n = int(n_sequences)
        begin = np.full(n, model.targets.n_tokens)
        self._state = self._backend.new_memory(n), np.zeros(n, np.int64), begin

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_model": to_plain(self._model)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _model=from_plain(state["_model"]))

    @property
    def _reader(self):
        model = self._model
        return Reader(self._backend, model.parameters, model.targets)

    @property
    def n_steps(self) -> NDArray[np.int64]:
        """Tokens seen so far of each sequence."""
        return self._state[1].copy()

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Get the log-likelihood of the next tokens of each sequence.

        Parameters
        ----------
        X : list of str, or list of array-like
            The next tokens of each sequence, none (``""`` or ``[]``) for one that
            pauses.

        Returns
        -------
        log_likelihoods : ndarray of shape (n_sequences,)
            Of these tokens together, given all that came before; natural logarithms.
            The end of a sequence is no token here.
        """
        model, (memory, n_steps, last) = self._model, self._state
        sequences = known_tokens(self._estimator, X, model)
        if sequences.n_sequences != n_steps.size:
            raise ValueError(
                f"X has {sequences.n_sequences} sequences, but the stream has "
                f"{n_steps.size}. Pass a piece for each of them, an empty one for one "
                "that pauses; or make another stream, with "
                f"stream(n_sequences={sequences.n_sequences})."
            )
        steps, last = _shifted(sequences, last)
        memory = memory.copy()
        results = sums(self._reader.log_likelihoods(steps, memory), sequences)
        self._state = memory, n_steps + sequences.lengths, last
        return results

    def predict_proba(self) -> NDArray[np.float64]:
        """Get the probability of each token to be the next one, of each sequence.

        Returns
        -------
        probabilities : ndarray of shape (n_sequences, n_tokens + 1)
            As `predict_proba` of the model returns them.
        """
        memory, _, last = self._state
        return shares(self._reader.outputs(last, memory.copy()))


def _shifted(sequences, last):
    """Steps that read the token before each one; and the last of each sequence."""
    values, offsets = sequences.values, sequences.offsets
    starts, ends = offsets[:-1], offsets[1:]
    has_some = ends > starts
    inputs = np.roll(values, 1, axis=0)
    inputs[starts[has_some], 0] = last[has_some]
    last = last.copy()
    last[has_some] = values[ends[has_some] - 1, 0]
    inputs = Sequences(read_only(inputs), sequences.offsets)
    return Steps(inputs, values[:, 0].astype(np.int64)), last
