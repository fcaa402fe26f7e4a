"""How is a word said? From the letters of English words to their phonemes.

There are neither as many phonemes as letters, nor is one said for each: "through" has
seven letters and three phonemes, "x" has two by itself. Nobody says which letter is
said how; the network learns that from pairs of words and phonemes alone (connectionist
temporal classification). Each letter stands three times, so that there are enough steps
for "etc" as well.

The words to test begin with other letters than all words to train on, since
"translate" would say how "translates" is said.

    python examples/letters_to_sounds.py --output output
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from skrnn import RNNTranscriber
from skrnn.datasets import load_pronunciations
from skrnn.metrics import exact_match, token_error_rate

#: Steps for each letter.
TIMES = 3
#: Words to draw, of which no dictionary has the last two.
WORDS = ["through", "exactly", "gnomewise", "brillig"]


def letters_of(words):
    """Each word as a list of its letters, every one as often as it has steps."""
    return [[letter for letter in word for _ in range(TIMES)] for word in words]


def make_network(max_iter):
    return RNNTranscriber(
        hidden_size=128,
        n_layers=2,
        dropout=0.2,
        batch_size=64,
        max_iter=max_iter,
        random_state=0,
    )


def report(name, y, predicted):
    """Print the rates of wrong phonemes, and of words that are not all right."""
    rate, words = token_error_rate(y, predicted), 1 - exact_match(y, predicted)
    print(f"{name:<24}{rate:>10.3f}{words:>10.3f}")


def save_plot(network, words, path):
    """Draw which phonemes are how probable at each letter, and which are said."""
    X = letters_of(words)
    said, shares = network.predict(X), network.predict_proba(X)
    spans = network.align(X, said)
    phonemes = network.classes_.tolist()
    figure = Figure(figsize=(10, 7), layout="constrained")  # needs no display
    for ax, word, labels, p, places in zip(
        figure.subplots(2, 2).flat, words, said, shares, spans, strict=True
    ):
        rows = list(dict.fromkeys(labels))
        columns = [1 + phonemes.index(label) for label in rows]
        ax.imshow(p[:, columns].T, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        ax.set_yticks(range(len(rows)), rows)
        ax.set_xticks(TIMES * np.arange(len(word)) + (TIMES - 1) / 2, list(word))
        for label, (first, end) in zip(labels, places, strict=True):
            middle = (first + end - 1) / 2
            ax.plot(middle, rows.index(label), "o", mfc="none", mec="tab:red", ms=12)
        for border in TIMES * np.arange(1, len(word)) - 0.5:
            ax.axvline(border, color="0.9", lw=0.8)
        ax.set_title(f"{word}: {' '.join(labels)}", size=11)
    figure.supxlabel("letters")
    figure.supylabel("phonemes: how probable (blue), and which are said (red)")
    figure.savefig(path, dpi=120)


def main(output, n_words, n_test, max_iter):
    output.mkdir(parents=True, exist_ok=True)
    words, y = (data[:n_words] for data in load_pronunciations(return_X_y=True))
    of_test = load_pronunciations(subset="test", return_X_y=True)
    test, y_test = (data[:n_test] for data in of_test)
    print(f"{len(words)} words to train on, {len(test)} to test.")
    network = make_network(max_iter).fit(letters_of(words), y)
    print(f"\n{'rates of errors':<24}{'phonemes':>10}{'words':>10}")
    for width, name in (1, "best path"), (10, "beam of 10 beginnings"):
        network.set_params(beam_width=width)
        report(name, y_test, network.predict(letters_of(test)))
    print()
    for word, said, true in zip(
        test[:5], network.predict(letters_of(test[:5])), y_test, strict=False
    ):
        print(f"{word:<14} {' '.join(said):<28} {' '.join(true)}")
    save_plot(network, WORDS, output / "letters_to_sounds.png")
    print(f"\nWrote letters_to_sounds.png to {output.resolve()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default="output", help="for the picture")
    parser.add_argument("--words", type=int, default=None, help="to train on")
    parser.add_argument("--test", type=int, default=None, help="words to test")
    parser.add_argument("--epochs", type=int, default=12, help="of the network")
    args = parser.parse_args()
    main(args.output, args.words, args.test, args.epochs)
