"""Who is speaking? Recurrent networks on utterances of unequal length.

Nine men say two Japanese vowels; an utterance is a sequence of 7 to 29 frames of 12
numbers. A grid search with cross-validation on the training utterances picks the cell
and its size. The test utterances, recorded on other occasions, are used once, at the
end.

    python examples/japanese_vowels.py --output output
"""

import argparse
from pathlib import Path

import joblib
import numpy as np
from matplotlib.figure import Figure
from sklearn.metrics import ConfusionMatrixDisplay, accuracy_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline

from skrnn import RNNClassifier
from skrnn.datasets import load_japanese_vowels
from skrnn.preprocessing import SequenceScaler

GRID = {"network__cell": ["rnn", "lstm", "gru"], "network__hidden_size": [32, 64]}


def search_networks(X, y):
    """Cross-validate each network of the grid, then fit the best one to all data."""
    # The 12 numbers of a frame differ in spread, and a network likes them alike.
    model = Pipeline(
        [("scaler", SequenceScaler()), ("network", RNNClassifier(random_state=0))]
    )
    # Shuffled, since utterances that are neighbours in the data are alike.
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return GridSearchCV(model, GRID, cv=folds, n_jobs=2).fit(X, y)


def print_table(results):
    print("\ncell   hidden_size   accuracy in 5-fold cross-validation")
    for params, mean, deviation in zip(
        results["params"],
        results["mean_test_score"],
        results["std_test_score"],
        strict=True,
    ):
        cell, hidden_size = (params[name] for name in GRID)
        print(f"{cell:<7}{hidden_size:>11}   {mean:.3f} +/- {deviation:.3f}")


def save_confusion_matrix(y_true, y_predicted, path):
    figure = Figure(figsize=(6, 6), layout="constrained")  # needs no display
    ax = figure.subplots()
    ConfusionMatrixDisplay.from_predictions(
        y_true, y_predicted, ax=ax, cmap="Blues", colorbar=False
    )
    accuracy = accuracy_score(y_true, y_predicted)
    ax.set(
        title=f"Japanese vowels, test utterances (accuracy {accuracy:.3f})",
        xlabel="predicted speaker",
        ylabel="true speaker",
    )
    figure.savefig(path, dpi=120)


def main(output):
    output.mkdir(parents=True, exist_ok=True)
    X_train, y_train = load_japanese_vowels(subset="train", return_X_y=True)
    X_test, y_test = load_japanese_vowels(subset="test", return_X_y=True)
    print(f"{len(X_train)} utterances to train on, {len(X_test)} to test.")

    search = search_networks(X_train, y_train)
    print_table(search.cv_results_)
    print(f"Best: {search.best_params_}")

    y_predicted = search.predict(X_test)
    print(f"\nTest accuracy: {accuracy_score(y_test, y_predicted):.3f}")
    save_confusion_matrix(y_test, y_predicted, output / "confusion_matrix.png")

    joblib.dump(search.best_estimator_, output / "speakers.joblib")
    y_reopened = joblib.load(output / "speakers.joblib").predict(X_test)
    same = np.array_equal(y_reopened, y_predicted)
    print(f"The reopened model predicts the same: {same}")
    print(f"Wrote confusion_matrix.png and speakers.joblib to {output.resolve()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output",
        type=Path,
        default="output",
        help="folder for the picture and the model (default: %(default)s)",
    )
    main(parser.parse_args().output)
