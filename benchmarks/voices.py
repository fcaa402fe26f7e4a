"""Which of five voices says a prompt? RNNClassifier, beside means of MFCC.

The prompts are those of the telephone exchange Asterisk in five languages, each said by
another person, at 8 kHz. No name of a prompt is in both parts, whatever the language.
With `--transcribe`: what do those in English say? RNNTranscriber learns to write it
from twenty minutes of speech.
"""

import argparse
import gzip
import re
import sys
import wave
from pathlib import Path
from time import perf_counter
from zlib import crc32

import numpy as np
from report.tables import Table
from scipy.fft import dct
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrnn import RNNClassifier, RNNTranscriber
from skrnn.metrics import token_error_rate
from skrnn.preprocessing import SequenceScaler

sys.path.append(str(Path(__file__).resolve().parents[1] / "examples"))
from speech_to_text import log_mel

LANGUAGES = ("en", "es", "fr", "it", "ru")
SR = 8000
FRAMES = {"sr": SR, "n_fft": 256, "hop_length": 256}
#: Of the longest prompt, which has more than a minute.
SECONDS = 8
N_MFCC = 20


def read_prompts(folder, language):
    """The sound wave and the text of each prompt that has words, by name."""
    name = f"core-sounds-{language}.txt.gz"
    path = folder / "usr/share/doc" / f"asterisk-core-sounds-{language}" / name
    (sounds,) = (folder / "usr/share/asterisk/sounds").glob(f"{language}_*")
    lines = gzip.decompress(path.read_bytes()).decode("utf-8", errors="replace")
    found = {}
    for line in lines.splitlines():
        name, _, text = (part.strip() for part in line.partition(":"))
        # What is no speech is described in brackets.
        if text and "[" not in text and (sounds / f"{name}.wav").exists():
            found[name] = read_wave(sounds / f"{name}.wav"), text
    return found


def read_wave(path):
    with wave.open(str(path)) as file:
        assert file.getparams()[:3] == (1, 2, SR)  # channels, bytes, Hz
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return samples.astype(np.float32) / 2**15


def load_voices(folder):
    """Features of all prompts, whose voices they are, and their names."""
    X, y, names = [], [], []
    for language in LANGUAGES:
        for name, (samples, _) in read_prompts(folder, language).items():
            X.append(log_mel(samples[: SECONDS * SR], **FRAMES))
            y.append(language)
            names.append(name)
    return X, np.array(y), np.array(names)


def load_texts(folder):
    """Features of prompts in English, their words in small letters, and their names."""
    prompts = read_prompts(folder, "en")
    names = np.array([name for name in prompts if not name.startswith("silence/")])
    texts = [prompts[name][1].lower() for name in names]
    y = [" ".join(re.findall(r"[a-z0-9']+", text)) for text in texts]
    frames = FRAMES | {"hop_length": 128}
    return [log_mel(prompts[name][0], **frames) for name in names], y, names


def mfcc_moments(X):
    """Mean and deviation of the cepstral coefficients, a row for each prompt."""
    cepstra = [dct(x, norm="ortho", axis=1)[:, :N_MFCC] for x in X]
    return np.array([np.concatenate([c.mean(axis=0), c.std(axis=0)]) for c in cepstra])


def network(seed):
    rnn = RNNClassifier(max_iter=20, random_state=seed)
    return make_pipeline(SequenceScaler(), rnn)


def linear():
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))


def splits(names, n_folds):
    """What to fit and what to score: both parts, or folds of the training part."""
    numbers = np.array([crc32(name.encode()) for name in names])
    is_test = numbers >= 0.8 * 2**32
    train = np.flatnonzero(~is_test)
    if not n_folds:
        return [(train, np.flatnonzero(is_test))]
    folds = GroupKFold(n_folds, shuffle=True, random_state=0)
    return [
        (train[fitted], train[scored])
        for fitted, scored in folds.split(train, groups=names[train])
    ]


def score(model, X, y, split):
    """Accuracy, and seconds of the fit."""
    fitted, scored = split
    start = perf_counter()
    model.fit([X[i] for i in fitted], y[fitted])
    seconds = perf_counter() - start
    return model.score([X[i] for i in scored], y[scored]), seconds


def transcribe(folder, seed):
    X, y, names = load_texts(folder)
    ((fitted, scored),) = splits(names, None)
    rnn = RNNTranscriber(
        n_layers=2, dropout=0.3, recurrent_dropout=0.3, random_state=seed
    )
    model = make_pipeline(SequenceScaler(), rnn)
    start = perf_counter()
    model.fit([X[i] for i in fitted], [y[i] for i in fitted])
    print(f"{len(fitted)} prompts learned in {perf_counter() - start:.0f} s.")
    texts, found = [y[i] for i in scored], model.predict([X[i] for i in scored])
    words = [[text.split() for text in part] for part in (texts, found)]
    print(
        f"Character error rate of {len(scored)}: {token_error_rate(texts, found):.3f}"
    )
    print(f"Word error rate: {token_error_rate(*words):.3f}")
    for pair in zip(texts[:8], found, strict=False):
        print(*pair, sep=" | ")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="with the unpacked packages' usr/")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--cv", type=int, metavar="K", help="K folds, without test")
    parser.add_argument("--csv", type=Path, help="write the table to this file as well")
    parser.add_argument("--transcribe", action="store_true", help="English texts")
    args = parser.parse_args()
    if args.transcribe:
        transcribe(args.folder, args.seeds[0])
        return
    X, y, names = load_voices(args.folder)
    found, rows = splits(names, args.cv), mfcc_moments(X)
    print(f"Prompts to train on and to score: {[tuple(map(len, s)) for s in found]}\n")
    table = Table(("model", "seed", "accuracy", "seconds"), args.csv)
    models = [("linear", "", linear(), rows)]
    models += [("network", seed, network(seed), X) for seed in args.seeds]
    for name, seed, model, x in models:
        accuracy, seconds = np.mean([score(model, x, y, s) for s in found], axis=0)
        table.add(name, seed, accuracy, seconds)
    scores = [row["accuracy"] for row in table.rows if row["model"] == "network"]
    print(f"\nMean of the networks: {np.mean(scores):.4f}")


if __name__ == "__main__":
    main()
