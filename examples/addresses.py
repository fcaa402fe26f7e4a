"""What is each word of an address? A recurrent network labels every one of them.

An address is a sequence of words, and a word is described by several categories: how it
is spelt, without capitals and punctuation; its last and first letters, which words that
are new share with known ones; its shape, such as "Xx" or "d", its length, and how it
ends. The network learns an embedding of each, and reads an address from both ends,
since "Paris" may be a street or a place.

Beside it stands what one would take in scikit-learn: the same categories of a word and
of its two neighbours, with a logistic regression. Each word is a sample there, and
nothing makes the labels of an address fit together.

    python examples/addresses.py --output output
"""

import argparse
import re
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skrnn import RNNClassifier
from skrnn.datasets import load_addresses
from skrnn.metrics import exact_match

#: Addresses that nobody has labelled.
NEW = [
    "350 Fifth Avenue, Floor 21, New York, NY 10118",
    "Green Valley Bakery, 12 N Paris Road, Salem OR",
    "PO Box 77 Lake Placid New York 12946",
    "Corner of Elm St. and Washington Blvd, Boise, ID",
    "4 West 3rd Street Apt. 5B",
]


def describe(word):
    """The categories of a word."""
    spelt = word.lower().strip(".,;:()#") or word
    # Capitals, small letters and digits, each run of them as one.
    shape = re.sub(r"[A-Z]+", "X", re.sub(r"[a-z]+", "x", re.sub(r"\d+", "d", word)))
    is_digit = [character.isdigit() for character in word]
    return [
        spelt,
        spelt[-2:],
        spelt[-3:],
        spelt[:2],
        shape,
        str(sum(is_digit)),
        str(min(len(word), 10)),
        "" if word[-1].isalnum() else word[-1],
    ]


def describe_all(addresses):
    """An array (words, categories) of each address."""
    return [np.array([describe(word) for word in words], object) for words in addresses]


def with_neighbours(X):
    """A row for each word of all addresses: its categories and its neighbours'."""
    rows = []
    for x in X:
        edge = np.full((1, x.shape[1]), "<edge>", object)
        padded = np.concatenate([edge, x, edge])
        rows.append(np.hstack([padded[:-2], x, padded[2:]]))
    return np.concatenate(rows)


def make_network(max_iter):
    return RNNClassifier(
        return_sequences=True,
        bidirectional=True,
        n_layers=2,
        # Few addresses have many rare words, which are soon learned by heart.
        dropout=0.5,
        unknown_fraction=0.2,
        categorical_features="all",
        embedding_size=8,
        max_iter=max_iter,
        random_state=0,
    )


def report(name, y, predicted):
    """Print how many words, and how many whole addresses, are right."""
    words = (np.concatenate(y) == np.concatenate(predicted)).mean()
    print(f"{name:<40}{words:>10.3f}{exact_match(y, predicted):>18.3f}")


def save_plot(addresses, labels, path):
    """Draw addresses, each word in the colour of its label."""
    found = list(dict.fromkeys(np.concatenate(labels)))
    colors = dict(zip(found, colormaps["tab20"].colors, strict=False))  # 20 at most
    figure = Figure(figsize=(11, 0.9 * len(addresses)))  # needs no display
    ax = figure.add_axes((0, 0, 1, 1))
    for row, (words, of_words) in enumerate(zip(addresses, labels, strict=True)):
        x = 0.0
        for word, label in zip(words, of_words, strict=True):
            width = max(len(word), 0.62 * len(label)) + 1.5
            ax.barh(
                -row, width - 0.4, left=x, height=0.75, color=colors[label], alpha=0.6
            )
            middle = x + width / 2 - 0.2
            ax.text(middle, 0.12 - row, word, ha="center", va="center", size=13)
            ax.text(middle, -0.2 - row, label, ha="center", va="center", size=7)
            x += width
    ax.axis("off")
    ax.margins(0.02)
    figure.savefig(path, dpi=120)


def main(output, n_addresses, max_iter):
    output.mkdir(parents=True, exist_ok=True)
    addresses, y = (data[:n_addresses] for data in load_addresses(return_X_y=True))
    test, y_test = load_addresses(subset="test", return_X_y=True)
    X, X_test = describe_all(addresses), describe_all(test)
    print(f"{len(X)} addresses to train on, {len(X_test)} to test.")
    print(f"\n{'':<40}{'words':>10}{'whole addresses':>18}")

    regression = make_pipeline(
        OneHotEncoder(handle_unknown="ignore"), LogisticRegression(max_iter=500)
    )
    regression.fit(with_neighbours(X), np.concatenate(y))
    of_words = [regression.predict(with_neighbours([x])) for x in X_test]
    report("neighbouring words, logistic regression", y_test, of_words)

    network = make_network(max_iter).fit(X, y)
    report("whole addresses, network", y_test, network.predict(X_test))

    new = [address.split() for address in NEW]
    labels = network.predict(describe_all(new))
    print()
    for word, label in zip(new[0], labels[0], strict=True):
        print(f"{word:<10} {label}")
    save_plot(new, labels, output / "addresses.png")
    print(f"\nWrote addresses.png to {output.resolve()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default="output", help="for the picture")
    parser.add_argument("--addresses", type=int, default=None, help="to train on")
    parser.add_argument("--epochs", type=int, default=50, help="of the network")
    args = parser.parse_args()
    main(args.output, args.addresses, args.epochs)
