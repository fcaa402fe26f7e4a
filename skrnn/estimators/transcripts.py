"""A transcriber's targets: texts or sequences of labels, and what outputs say of them.

Label number k has the code k + 1; code 0 is the blank of the loss (`losses/ctc.py`).
"""

from dataclasses import dataclass
from itertools import pairwise
from numbers import Number
from reprlib import repr as short
from typing import NamedTuple

import numpy as np
import pandas as pd

from skrnn.estimators.inputs import check_is_targets, n_dimensions
from skrnn.estimators.inputs.forms import is_vector, way_out
from skrnn.mathematics.losses import CTC
from skrnn.mathematics.losses.ctc import steps_needed
from skrnn.mathematics.transcripts import beam_search, best_paths
from skrnn.sequences import Sequences


@dataclass(frozen=True)
class OfLabels:
    """Labels of which targets consist, and whether these are texts."""

    labels: tuple
    is_text: bool

    @classmethod
    def from_state(cls, state):
        """The one that `state` describes."""
        values = {name: value for name, value in state.items() if name != "kind"}
        return cls(**values | {"labels": tuple(state["labels"])})

    def state(self):
        """Plain values, of which `from_state` makes an equal one."""
        return {"kind": self.kind, **vars(self), "labels": list(self.labels)}

    def attributes(self):
        """What a fitted estimator shows of it."""
        return {"classes_": as_labels(self.labels)}

    def check_form(self, read, name):
        """Refuse what no target of these labels could be equal to."""
        kinds = ["sequences of labels", "texts"]
        if read.is_text != self.is_text:
            raise ValueError(
                f"{name} has {kinds[read.is_text]}, but the first fit had "
                f"{kinds[self.is_text]}. Pass {kinds[self.is_text]}."
            )
        found = next((part[0] for part in read.transcripts if part), None)
        known = next(iter(self.labels), None)
        if None in (found, known):
            return
        if isinstance(found, str) != isinstance(known, str):
            raise ValueError(
                f"{name} has labels such as {short(found)}, but the classes are such "
                f"as {short(known)}. Pass labels of the same type."
            )

    def said(self, places):
        """What the labels at these places say, in the form that targets had."""
        labels = [self.labels[place] for place in places]
        return "".join(labels) if self.is_text else labels


@dataclass(frozen=True)
class Transcripts(OfLabels):
    """Labels of which transcripts consist, and whether these are texts."""

    kind = "transcripts"
    must_be_finite = True  # outputs; those that are not stand for no label
    loss = CTC()

    @property
    def output_sizes(self):
        """Outputs of the network: the blank, and the labels."""
        return (1 + len(self.labels),)

    def encode(self, read, name="y"):
        """The codes of transcripts, as `read_transcripts` gives them."""
        self.check_form(read, name)
        codes = {label: k + 1 for k, label in enumerate(self.labels)}
        for i, transcript in enumerate(read.transcripts):
            unknown = [label for label in transcript if label not in codes]
            if unknown:
                raise ValueError(
                    f"{name}[{i}] has the label {short(unknown[0])}, which is not "
                    f"among the classes: {short(list(self.labels))}."
                )
        parts = [
            np.array([codes[label] for label in transcript], np.int64)[:, None]
            for transcript in read.transcripts
        ]
        return Sequences.from_list(parts, np.int64)

    def probabilities(self, outputs, link):
        """What this link makes of the outputs: of the blank, and of each label."""
        return getattr(self.loss, link)(outputs)

    def log_p(self, outputs, offsets):
        """Log-probabilities of each sequence in turn: of all they take much memory."""
        for part in np.split(outputs, offsets[1:-1]):
            yield self.loss.log_link(part.astype(np.float64))

    def decode(self, outputs, offsets, width):
        """Transcripts of outputs, by the best path or a beam of some width."""
        if width == 1:
            codes, bounds, _ = best_paths(outputs, offsets)
            parts = np.split(codes, bounds[1:-1])
        else:
            parts = [beam_search(p, width) for p in self.log_p(outputs, offsets)]
        return [self.transcript(codes) for codes in parts]

    def transcript(self, codes):
        """The text, or the list of labels, that codes stand for."""
        return self.said(code - 1 for code in codes)


def as_labels(labels):
    """An array of labels, of objects where NumPy's types would change them.

    That is where they end with a null character, or are numbers of many digits.
    """
    array = np.array(labels, dtype=None if labels else object)
    values = array.tolist()
    is_same = values == list(labels) and set(map(type, values)) == set(
        map(type, labels)
    )
    return array if is_same else np.array(labels, object)


class Read(NamedTuple):
    """Transcripts as lists of labels, and whether they were texts."""

    transcripts: list
    is_text: bool

    def labels(self):
        """Those that occur, sorted."""
        return tuple(sorted({k for part in self.transcripts for k in part}))


def read_transcripts(y, name="y"):
    """What y, a list of texts or of sequences of labels, has of each sequence."""
    check_is_targets(y, name)
    what = f"{name} must have a text, or a sequence of labels, for each sequence of X"
    if hasattr(y, "columns"):
        raise ValueError(
            f"{what}, but it is a {type(y).__name__}. Pass its column of these, as in "
            f"{name}['text']."
        )
    parts = list(y)
    are_texts = [isinstance(part, str) for part in parts]
    for i, (part, is_text) in enumerate(zip(parts, are_texts, strict=True)):
        if not (is_text or (is_vector(part) and n_dimensions(part) < 2)):
            raise ValueError(
                f"{what}, but {name}[{i}] is {short(part)}.{_advice(part, name)}"
            )
    if any(are_texts) and not all(are_texts):
        raise ValueError(f"{what}, but it has texts beside sequences. Pass one kind.")
    is_text = bool(are_texts) and all(are_texts)
    transcripts = [_labels_of(part) for part in parts]
    _check_types(transcripts, name)
    return Read(transcripts, is_text)


def read_classes(classes, y):
    """The labels that partial_fit is told, sorted; `y` are the transcripts as read."""
    if not isinstance(classes, str):
        check_is_targets(classes, "classes")
    read = Read([[label] for label in _labels_of(classes)], is_text=False)
    _check_types(read.transcripts, "classes")
    labels = read.labels()
    longer = [k for k in labels if y.is_text and isinstance(k, str) and len(k) != 1]
    if longer:
        raise ValueError(
            f"The labels of texts are characters, but classes has {short(longer[0])}. "
            "Pass all characters that will come, as in ''.join(texts)."
        )
    return labels


def _advice(part, name):
    """What to pass in the place of a part that is no transcript."""
    if n_dimensions(part) > 0:
        return ""
    way = "X.decode()" if isinstance(part, bytes | bytearray) else way_out(part)
    if way is not None:
        return f" Pass [{way.replace('X', 'part')} for part in {name}]."
    if part is None or part is pd.NA or part is np.ma.masked or part != part:
        return " Leave out what is missing, with its sequence."
    if isinstance(part, Number):
        return f" One label is passed as [label]: [[label] for label in {name}]."
    return ""


def _labels_of(part):
    if isinstance(part, str):
        return list(str.__str__(part))
    values = part.to_numpy() if hasattr(part, "to_numpy") else part
    return [_plain(label) for label in values]


def _plain(label):
    """A label as Python's own: NumPy's numbers and enumerations are made of these."""
    if isinstance(label, np.generic):
        return label.item()
    if isinstance(label, str):
        return str.__str__(label)
    if isinstance(label, int) and not isinstance(label, bool):
        return int(label)
    return float(label) if isinstance(label, float) else label


def _check_types(transcripts, name):
    """Refuse labels that are missing, that are no labels, or of several types."""
    found = {}
    for i, transcript in enumerate(transcripts):
        for label in transcript:
            if not isinstance(label, str | int | float) or label != label:
                raise ValueError(
                    f"{name}[{i}] has {short(label)} in the place of a label: labels "
                    "are strings, numbers or booleans. Leave out what is missing."
                )
            found.setdefault(type(label).__name__, label)
    if len(found) > 1:
        some = " and ".join(f"{short(k)} ({kind})" for kind, k in sorted(found.items()))
        raise ValueError(
            f"All labels in {name} must have one type, found {some}. Convert each of "
            f"them with str, as in [[str(k) for k in part] for part in {name}]."
        )


def check_long_enough(transcripts, counts, lengths, hop):
    """Refuse transcripts that cannot be said in as many frames as the network has."""
    needed = np.array(
        [
            steps_needed(transcripts.values[a:b, 0])
            for a, b in pairwise(transcripts.offsets)
        ],
        int,
    )
    bad = np.flatnonzero(needed > counts)
    if bad.size == 0:
        return
    i = bad[0]
    n_labels = transcripts.lengths[i]
    frames = f" that are {counts[i]} frames (hop_length={hop})" if hop > 1 else ""
    blanks = f", of which {needed[i] - n_labels} are like the one before"
    raise ValueError(
        f"y[{i}] has {n_labels} {'label' if n_labels == 1 else 'labels'}"
        f"{blanks if needed[i] > n_labels else ''}: they need {needed[i]} steps at "
        f"least, one for each, and one between two that are alike. But sequence {i} "
        f"of X has {lengths[i]} steps{frames} (so for {bad.size} of {counts.size} "
        "sequences). Leave these out, or give X more steps: by a smaller hop_length, "
        "or by repeating each step, as in [np.repeat(x, 2, axis=0) for x in X] (of "
        "texts or tokens [[k for k in x for _ in range(2)] for x in X])."
    )
