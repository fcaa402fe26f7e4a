"""Does somebody speak, or does the book tell? Sentences of Alice in Wonderland.

The book has what is said in quotation marks. They and all other punctuation are taken
off here, and a recurrent network tells speech from narration by the words, in their
order. A grid search with cross-validation chooses how many words it knows and how much
dropout it gets; the last tenth of the book is for testing.

Beside it stands what one would take in scikit-learn: counts of words and of pairs of
words (TF-IDF) with a logistic regression. Most of these short sentences give themselves
away by a word or two, so that counts are as good here. What the network has learned of
words shows in its embeddings: some neighbours in them are printed.
"""

import argparse
import re

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline

from skrnn import RNNClassifier
from skrnn.datasets import load_alice
from skrnn.preprocessing import TextSequencer

WORDS = r"\w+(?:'\w+)?"
FOLDS = StratifiedKFold(3, shuffle=True, random_state=0)
GRID = {
    "textsequencer__min_df": [1, 2, 4],
    "rnnclassifier__recurrent_dropout": [0.0, 0.3],
}
#: Sentences that do not stand in the book.
NEW = [
    "I don't know what you mean",
    "She did not know what he meant",
    "Please give me your hat at once",
    "The Hatter looked at his watch and sighed",
]


def load_sentences(subset):
    """Sentences of four words or more, and whether somebody says them."""
    (text,) = load_alice(subset=subset).data
    # Speech begins with a grave accent and ends with an apostrophe; what is between
    # stands at the odd places.
    parts = re.split(r"`([^`]*?[^\w`])'(?!\w)", text)
    sentences, is_speech = [], []
    for i, part in enumerate(parts):
        for sentence in re.split(r"[.!?;]\s+|\n\s*\n", part):
            words = re.findall(WORDS, sentence)
            if len(words) >= 4:
                sentences.append(" ".join(words))
                is_speech.append(i % 2 == 1)
    return sentences, np.array(is_speech)


def make_counts():
    """Counts of words and of neighbouring ones, with a linear model."""
    return make_pipeline(
        TfidfVectorizer(token_pattern=WORDS, ngram_range=(1, 2), sublinear_tf=True),
        LogisticRegression(C=10, max_iter=1000),
    )


def search_networks(sentences, is_speech, max_iter):
    """Cross-validate each network of the grid, then fit the best one to all."""
    model = make_pipeline(
        TextSequencer(token_pattern=WORDS),
        RNNClassifier(categorical_features="all", max_iter=max_iter, random_state=0),
    )
    return GridSearchCV(model, GRID, cv=FOLDS, n_jobs=2).fit(sentences, is_speech)


def print_table(results):
    print("min_df  recurrent_dropout  accuracy in 3-fold cross-validation")
    scores = zip(results["params"], results["mean_test_score"], strict=True)
    for params, score in scores:
        min_df, dropout = (params[name] for name in GRID)
        print(f"{min_df:>6}{dropout:>19}  {score:.3f}")


def report(name, cv_accuracy, model, sentences, is_speech):
    """Print how good predictions are."""
    probabilities = model.predict_proba(sentences)[:, 1]
    accuracy = accuracy_score(is_speech, probabilities > 0.5)
    auc = roc_auc_score(is_speech, probabilities)
    print(f"{name:<38}{cv_accuracy:>16.3f}{accuracy:>10.3f}{auc:>10.3f}")


def neighbours(embeddings, word, n=4):
    """The words whose embeddings point most into the same direction."""
    others = embeddings.drop(index=word)
    alike = cosine_similarity(others, embeddings.loc[[word]])[:, 0]
    return others.index[np.argsort(-alike)[:n]]


def main(max_iter):
    sentences, is_speech = load_sentences("train")
    test, is_speech_test = load_sentences("test")
    print(f"{len(sentences)} sentences to train on, {len(test)} to test.\n")

    search = search_networks(sentences, is_speech, max_iter)
    print_table(search.cv_results_)
    print(f"\n{'':<38}{'cross-validation':>16}{'accuracy':>10}{'ROC AUC':>10}")
    counts = make_counts()
    accuracy = cross_val_score(counts, sentences, is_speech, cv=FOLDS).mean()
    counts.fit(sentences, is_speech)
    report(
        "words and pairs, logistic regression", accuracy, counts, test, is_speech_test
    )
    report("words in order, network", search.best_score_, search, test, is_speech_test)

    print("\nprobability of speech")
    for sentence, (_, speech) in zip(NEW, search.predict_proba(NEW), strict=True):
        print(f"{speech:.2f}  {sentence}")

    (embeddings,) = search.best_estimator_[-1].embeddings_
    print("\nneighbours of embeddings")
    for word in ("she", "you", "said"):
        print(f"{word:<6}", *neighbours(embeddings, word))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=4, help="of each network")
    main(parser.parse_args().epochs)
