"""How many neighbouring steps of a sequence the network takes as one: its frames."""

import numpy as np

from skrnn.estimators.runs import as_int

AUTO = "auto"
#: About how many frames "auto" leaves of a long sequence. With 16 or 64, accuracy in
#: cross-validation over 17 sets was less, as it was with frames that share nothing, or
#: three quarters of their steps.
N_FRAMES = 32
#: Where the hop ends that "auto" takes. The last state must remember all frames, so
#: they stay few: GasolineNIR, 401 steps, had R^2 0.92 with a hop of 13, 0.82 with 8.
#: But a long frame is hard to read: of the adding problem over 1,000 steps (20,000
#: sequences, 15 epochs) a hop of 16 learned R^2 0.94, of 31 nothing.
MAX_HOP_LAST = 16
#: What is pooled otherwise finds small things in long sequences by short frames, and
#: those may be many: with 8, 16, 32 and 62 steps a hop PigCVP, 2,000 steps, had an
#: accuracy of 0.39, 0.31, 0.29 and 0.26, ACSF1, 1,460, of 0.67, 0.66, 0.65, 0.63.
MAX_HOP = 8


def automatic_frames(lengths, pooling):
    """What "auto" means where states are pooled: frame_length and hop_length.

    `lengths` are those of the sequences in the first fit. Sequences of
    ``1.5 * N_FRAMES`` steps and more become about `N_FRAMES` frames, or more where the
    hop would be too long, each of which shares half of its steps with the next one;
    shorter ones stay as they are.
    """
    most = MAX_HOP_LAST if pooling == "last" else MAX_HOP
    hop = min(round(float(np.median(lengths)) / N_FRAMES), most)
    return (min(2 * hop, int(lengths.max())), hop) if hop > 1 else (1, 1)


def frames_of(estimator, form, lengths, known):
    """The frame_length and hop_length of an estimator's network.

    `form` is that of X, with sequences of these lengths; `known` is a network whose
    frames "auto" takes over, or None.
    """
    length, hop = as_int(estimator, "frame_length"), as_int(estimator, "hop_length")
    for_steps = bool(estimator.return_sequences)
    if known is not None:
        # Weights fit frames of one length; where only one of both has a target for each
        # step, each step ends one.
        is_alike = for_steps == known.has_step_targets
        frames = known.frame_length, known.hop_length if is_alike else 1
        if length in (AUTO, frames[0]) and hop in (AUTO, frames[1]):
            return frames
    if for_steps:
        length, hop = 1 if length == AUTO else length, 1 if hop == AUTO else hop
    elif length == hop == AUTO:
        length, hop = 1, 1
        if form.categories is None:  # tokens are no samples of one signal
            length, hop = automatic_frames(lengths, estimator.pooling)
    elif length == AUTO:
        length = 2 * hop if hop > 1 else 1
    elif hop == AUTO:
        hop = max(1, length // 2)
    _check(length, hop, for_steps)
    return length, hop


def _check(length, hop, for_steps):
    if for_steps and hop != 1:
        raise ValueError(
            f"hop_length={hop} leaves no output for some of the steps, of which "
            "return_sequences=True wants one each. Set hop_length=1."
        )
    if hop > length:
        raise ValueError(
            f"hop_length={hop} is above frame_length={length}: the steps between two "
            f"frames would be in none. Set hop_length to {length} or less, or "
            f"frame_length to {hop} or more."
        )
