"""What sequences say that come a piece at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from skrnn.estimators.inputs.forms import characters_of
from skrnn.estimators.results import of_frames
from skrnn.estimators.stream import Stream
from skrnn.estimators.types import Results
from skrnn.mathematics.losses.ctc import BLANK
from skrnn.mathematics.transcripts import best_paths

if TYPE_CHECKING:
    from skrnn.estimators.base import BaseRNN


class TranscriberStream(Stream):
    """What sequences say, that go on from one call to the next.

    Made by the method `stream` of a fitted `RNNTranscriber`. Each call takes the next
    steps of the sequences, goes on from the states that the last call left, and gives
    what is new: put together, the same as of whole sequences by the best path. A frame
    of several steps is read when its last one has come; the end of a sequence, that may
    cut the last frame short, is not known here. A call that fails changes nothing. The
    stream stays what it is when the estimator is trained again.

    Parameters
    ----------
    estimator : RNNTranscriber
        A fitted one, whose network is not bidirectional.
    n_sequences : int
        How many sequences come side by side.

    Attributes
    ----------
    n_steps : ndarray of shape (n_sequences,)
        Steps seen so far of each sequence.

    Examples
    --------
    >>> import numpy as np
    >>> from skrnn import RNNTranscriber
    >>> y = ["ab", "ba", "aa", "bb"] * 10
    >>> X = [np.repeat(np.eye(2)[[ord(k) - 97 for k in text]], 4, axis=0) for text in y]
    >>> transcriber = RNNTranscriber(bidirectional=False, random_state=0).fit(X, y)
    >>> stream = transcriber.stream()
    >>> text = ""
    >>> for step in X[0]:
    ...     text += stream.predict([step[None]])[0]
    >>> text == transcriber.predict(X[:1])[0]
    True
    """

    def __init__(self, estimator: BaseRNN, n_sequences: int = 1) -> None:
        super().__init__(estimator, n_sequences)

    def _start(self, n):
        # Beside the past stands what each sequence said last.
        memory, n_steps, past, read = super()._start(n)
        return memory, n_steps, (past, np.full(n, BLANK)), read

    def predict(self, X: ArrayLike) -> list[str] | list[list[Any]]:
        """Predict what the next steps say.

        Parameters
        ----------
        X : list of array-like or of str, or array
            The next steps of each sequence; a piece of none, of shape (0, n_features),
            for one that pauses.

        Returns
        -------
        y : list of str, or list of list
            The labels that are new, by the best path: texts if `fit` was given texts,
            otherwise lists of labels.
        """
        return self._feed(X, "outputs", self._said)

    def predict_proba(self, X: ArrayLike) -> Results:
        """Predict the probabilities of all labels at the next steps.

        Parameters
        ----------
        X : list of array-like or of str, or array
            The next steps of each sequence; a piece of none, of shape (0, n_features),
            for one that pauses.

        Returns
        -------
        probabilities : list of ndarray of shape (n_frames_i, 1 + n_labels)
            As the estimator's `predict_proba` returns them, of the frames that these
            steps complete.
        """
        return self._feed(X, "outputs", lambda computed: computed.linked("link"))

    def transform(self, X: ArrayLike) -> Results:
        """Get the states at the next steps.

        Parameters
        ----------
        X : list of array-like or of str, or array
            The next steps of each sequence; a piece of none, of shape (0, n_features),
            for one that pauses.

        Returns
        -------
        states : list of ndarray of shape (n_frames_i, hidden_size)
            As the estimator's `transform` returns them, of the frames that these steps
            complete.
        """
        return super().transform(X)

    def _feed(self, X, what, finish):
        return super()._feed(characters_of(X), what, finish)

    def _compute(self, what, sequences, n_steps, past, memory):
        (past, last), network = past, self._model.network
        frames, start = network.frames, memory.copy()
        pieces = past.followed_by(sequences) if frames.n_kept else sequences
        spans, _ = frames.spans_of_piece(n_steps, sequences.lengths)

        def compute(what, memory):
            arguments = self._model.parameters, pieces
            values = getattr(self._backend, what)(
                *arguments, memory=memory, spans=spans
            )
            return of_frames(frames, values, pieces, spans)

        results = outputs = compute(what, memory)
        if what != "outputs":  # what they say is needed to go on
            outputs = compute("outputs", start)
        *_, last = best_paths(outputs[0], outputs[1].offsets, last)
        past = pieces.newest(frames.n_kept) if frames.n_kept else past
        return *results, (past, last)

    def _said(self, computed):
        """The labels that are new."""
        _, last = self._state[2]
        offsets = computed.sequences.offsets
        codes, bounds, _ = best_paths(computed.values, offsets, last)
        parts = np.split(codes, bounds[1:-1])
        return list(map(self._model.targets.transcript, parts))
