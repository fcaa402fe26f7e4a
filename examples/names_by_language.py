"""From which language is a surname? A recurrent network reads it letter by letter.

A name is a sequence of characters, of each of which the network learns an embedding.
Beside it stands what one would take in scikit-learn: counts of one to four neighbouring
characters (TF-IDF) with a logistic regression. Some names belong to several languages,
so nobody can be right about all of them.

    python examples/names_by_language.py --output output
"""

import argparse
from pathlib import Path

from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline

from skrnn import RNNClassifier
from skrnn.datasets import load_surnames
from skrnn.preprocessing import TextSequencer


def make_counts():
    """Counts of neighbouring characters, with a linear model."""
    return make_pipeline(
        TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True),
        LogisticRegression(C=10, max_iter=2000),
    )


def make_network(max_iter):
    """Characters in their order, with a recurrent network."""
    return make_pipeline(
        TextSequencer(analyzer="char", min_df=2),
        RNNClassifier(categorical_features="all", max_iter=max_iter, random_state=0),
    )


def report(name, model, names, languages):
    """Print how good predictions are."""
    predicted = model.predict(names)
    accuracy = (predicted == languages).mean()
    f1 = f1_score(languages, predicted, average="macro")
    print(f"{name:<42}{accuracy:>10.3f}{f1:>10.3f}")


def save_plot(network, path):
    """Draw where the network has put the letters."""
    (letters,) = network[-1].embeddings_
    letters = letters.loc[[letter for letter in letters.index if letter.isalpha()]]
    places = PCA(2).fit_transform(letters)
    figure = Figure(figsize=(7, 6), layout="constrained")  # needs no display
    ax = figure.subplots()
    ax.scatter(*places.T, s=0)
    for letter, place in zip(letters.index, places, strict=True):
        color = "tab:red" if letter in "aeiouy" else "black"
        ax.text(*place, letter, ha="center", va="center", color=color)
    ax.set(
        title="Embeddings of letters, two principal components", xticks=[], yticks=[]
    )
    figure.savefig(path, dpi=120)


def main(output, n_names, max_iter):
    output.mkdir(parents=True, exist_ok=True)
    names, languages = (data[:n_names] for data in load_surnames(return_X_y=True))
    names_test, languages_test = load_surnames(subset="test", return_X_y=True)
    print(f"{len(names)} names to train on, {len(names_test)} to test.")
    print(f"\n{'':<42}{'accuracy':>10}{'macro F1':>10}")
    counts = make_counts().fit(names, languages)
    report(
        "counts of characters, logistic regression", counts, names_test, languages_test
    )
    network = make_network(max_iter).fit(names, languages)
    report("characters in order, network", network, names_test, languages_test)

    shown = ["Nowakowska", "Bianchetti", "Sørensen", "Villanueva", "Kovačić"]
    print()
    for name, language in zip(shown, network.predict(shown), strict=True):
        print(f"{name:<12} {language}")
    save_plot(network, output / "letters.png")
    print(f"\nWrote letters.png to {output.resolve()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default="output", help="for the picture")
    parser.add_argument("--names", type=int, default=None, help="how many to train on")
    parser.add_argument("--epochs", type=int, default=100, help="of the network")
    args = parser.parse_args()
    main(args.output, args.names, args.epochs)
