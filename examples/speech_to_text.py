"""What was spelt? Spoken digits and letters to text, without saying where each one is.

A recurrent network reads the energies of an utterance in 40 bands of frequency, and
writes the characters that it hears. It learns from utterances and their texts alone:
connectionist temporal classification finds which frames belong to which character. The
utterances are made of one recording of each of the 36 characters, joined with pauses,
each at another tempo and level, and with noise. Strings and noise of the tests are new;
the voice is not, since there is only one.

The table says how many characters are wrong (left out and put in as well), from little
noise to noise as loud as the speech, which is more than in any training utterance. The
picture has an utterance in both, and below it the characters that were recognised.

    python examples/speech_to_text.py --output output
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import get_window, lfilter
from sklearn.pipeline import make_pipeline

from skrnn import RNNTranscriber
from skrnn.datasets import load_spoken_characters
from skrnn.metrics import exact_match, token_error_rate
from skrnn.preprocessing import SequenceScaler

#: Of the recordings, in Hz, and of frames, in samples: one begins every 32 ms.
SR = 8000
FRAMES = {"n_fft": 512, "hop_length": 256}
N_TEST = 300
#: Speech over noise in decibels, anything between two numbers; first as in training.
SNR = [(5, 25), (25, 25), (15, 15), (10, 10), (5, 5), (0, 0)]


def log_mel(samples, *, sr, n_fft, hop_length, n_mels=40):
    """The logarithm of the energy in mel bands, an array (frames, bands)."""
    mel = np.linspace(0, 2595 * np.log10(1 + sr / 2 / 700), n_mels + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)  # of overlapping triangles, in Hz
    frequencies = np.fft.rfftfreq(n_fft, 1 / sr)[:, None]
    rising = (frequencies - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - frequencies) / np.diff(edges)[1:]
    filters = np.maximum(0, np.minimum(rising, falling))
    frames = sliding_window_view(np.pad(samples, n_fft // 2), n_fft)[::hop_length]
    power = np.abs(np.fft.rfft(frames * get_window("hann", n_fft))) ** 2
    return np.log(power @ filters + 1e-6).astype(np.float32)


def make_strings(n, characters, rng):
    """Different strings of 3 to 8 characters."""
    strings = set()
    while len(strings) < n:
        strings.add("".join(rng.choice(characters, rng.integers(3, 9))))
    return rng.permutation(sorted(strings))


def make_noise(n, rng):
    """White noise, or one with less of the high frequencies."""
    noise = lfilter([1.0], [1.0, -rng.uniform(0, 0.9)], rng.normal(size=n))
    return noise / noise.std()


def join_characters(string, spoken, snr, random_state):
    """A sound wave of the string: clips, pauses, changes of tempo and level, noise."""
    rng = np.random.default_rng(random_state)
    clips = dict(zip(spoken.target, spoken.data, strict=True))
    tempo, parts = rng.uniform(0.85, 1.15), []
    for character in string:
        clip, speed = clips[character], tempo * rng.uniform(0.95, 1.05)
        # As a tape that runs faster: its sound is higher as well.
        clip = np.interp(np.arange(0, len(clip), speed), np.arange(len(clip)), clip)
        pause = np.zeros(int(SR * rng.uniform(0.02, 0.3)))
        parts += [pause, clip * amplitude(rng.uniform(-4, 4))]
    wave = np.concatenate([*parts, pause])
    noise = make_noise(len(wave), rng) * wave.std()
    return (wave + noise * amplitude(-rng.uniform(*snr))) * amplitude(rng.normal(0, 4))


def amplitude(decibels):
    return 10 ** (decibels / 20)


def utter(strings, spoken, snr, seed):
    """The features of an utterance of each string, none like another."""
    waves = [
        join_characters(string, spoken, snr, (seed, i))
        for i, string in enumerate(strings)
    ]
    return [log_mel(wave, sr=SR, **FRAMES) for wave in waves]


def draw_utterance(ax, x, text, spans, title):
    """Draw energies, and under them each character where it was recognised."""
    ax.imshow(x.T, aspect="auto", origin="lower", cmap="magma")
    for first, stop in spans:
        ax.axvspan(first - 0.5, stop - 0.5, ymax=0.04, color="tab:cyan")
    middle = spans.mean(axis=1) - 0.5
    ax.set_xticks(middle, labels=list(text), size=14, weight="bold")
    ax.set(title=title, ylabel="mel band")
    seconds = FRAMES["hop_length"] / SR
    top = ax.secondary_xaxis("top", (lambda t: t * seconds, lambda t: t / seconds))
    top.set_xlabel("seconds")


def save_plot(utterances, path):
    figure = Figure(figsize=(10, 6), layout="constrained")  # needs no display
    axes = figure.subplots(len(utterances))
    for ax, utterance in zip(axes, utterances, strict=True):
        draw_utterance(ax, *utterance)
    figure.savefig(path, dpi=120)


def make_model(max_iter):
    rnn = RNNTranscriber(max_iter=max_iter, random_state=0)
    return make_pipeline(SequenceScaler(), rnn)


def test_in_noise(model, strings, spoken, snr):
    """Print how many errors there are; returns one utterance to be drawn."""
    X = utter(strings, spoken, snr, seed=1)
    texts = model.predict(X)
    errors = token_error_rate(strings, texts)
    noise = " to ".join(str(decibels) for decibels in dict.fromkeys(snr)) + " dB"
    print(f"{noise:>17}{errors:>23.3f}{exact_match(strings, texts):>16.3f}")
    i = int(np.argmax([len(string) for string in strings]))
    (spans,) = model[-1].align(model[:-1].transform([X[i]]), [texts[i]])
    return X[i], texts[i], spans, f"said {strings[i]}, speech {noise} over noise"


def main(output, n_strings, max_iter):
    output.mkdir(parents=True, exist_ok=True)
    spoken = load_spoken_characters()
    rng = np.random.default_rng(0)
    strings = make_strings(n_strings + N_TEST, spoken.target, rng)
    train, test = strings[:n_strings], strings[n_strings:]

    X = utter(train, spoken, SNR[0], seed=0)
    minutes = sum(map(len, X)) * FRAMES["hop_length"] / SR / 60
    print(f"{len(X)} utterances to train on, {minutes:.0f} minutes.")
    model = make_model(max_iter).fit(X, train)

    print(f"\n{N_TEST} new strings in new noise")
    print("speech over noise   character error rate   whole strings")
    tested = [test_in_noise(model, test, spoken, snr) for snr in SNR]
    save_plot([tested[1], tested[-1]], output / "speech_to_text.png")
    print(f"\nWrote speech_to_text.png to {output.resolve()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default="output", help="for the picture")
    parser.add_argument("--strings", type=int, default=2000, help="to train on")
    parser.add_argument("--epochs", type=int, default=15, help="of the network")
    args = parser.parse_args()
    main(args.output, args.strings, args.epochs)
