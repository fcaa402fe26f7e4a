"""Time networks over tokens beside PyTorch: documents, and a language model.

Ours are the estimators with all that their calls do, from texts or codes on; tensors of
PyTorch are made before. Both begin with weights of their own. `--bits` trains both
language models to the end, and prints what a character of another text costs.
"""

import argparse
from math import cos, pi
from time import perf_counter

import numpy as np
from _problems import set_threads
from peers import load
from report.tables import Table
from report.timing import time_in_turns

from skrnn import RNNClassifier, RNNLanguageModel
from skrnn.datasets import load_alice

#: Documents of so many words, of a vocabulary, in so many classes.
N_DOCUMENTS, LENGTHS, N_WORDS, N_CLASSES = 320, (20, 400), 10_000, 5
EMBEDDING, HIDDEN = 64, 128
#: Of the language model, and how it reads the text.
CHARACTER, UNITS, BATCH, STEPS = 17, 256, 32, 128


def document_calls(cell, torch):
    """Words, our call and PyTorch's, of training and of prediction."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(*LENGTHS, endpoint=True, size=N_DOCUMENTS)
    documents = [rng.integers(N_WORDS, size=n) for n in lengths]
    labels = rng.integers(N_CLASSES, size=N_DOCUMENTS)
    classifier = RNNClassifier(
        cell,
        HIDDEN,
        bidirectional=False,
        add_time=False,
        ngram_length=1,
        categorical_features="all",
        embedding_size=EMBEDDING,
        unknown_fraction=0.0,
        batch_size=BATCH,
        random_state=0,
    )
    # The first call has all words, whatever the documents have.
    every = [np.arange(N_WORDS), *documents[1:]]
    classifier.partial_fit(every, labels, classes=np.unique(labels))
    train, predict = torch.document_calls(
        cell, documents, labels, N_WORDS, (EMBEDDING, HIDDEN), BATCH
    )
    yield lengths.sum(), (lambda: classifier.partial_fit(documents, labels)), train
    yield lengths.sum(), (lambda: classifier.predict(documents)), predict


def text_of(subset):
    return load_alice(subset=subset).data[0]


def codes_of(text, alphabet):
    return np.searchsorted(alphabet, np.array(list(text)))


def make_language_model(cell, **parameters):
    settings = {"embedding_size": CHARACTER, "unknown_fraction": 0.0, "alpha": 0.0}
    settings |= {"batch_size": BATCH, "bptt_steps": STEPS, "recurrent_dropout": 0.0}
    return RNNLanguageModel(cell, UNITS, random_state=0, **settings | parameters)


def language_calls(cell, torch):
    """Characters, our epoch of training and PyTorch's."""
    text = text_of("train")
    alphabet = np.unique(list(text))
    codes = codes_of(text, alphabet)
    model = make_language_model(cell)
    _, train = torch.language_model(
        cell, codes, alphabet.size, (CHARACTER, UNITS), BATCH, STEPS
    )
    return len(text), (lambda: model.partial_fit([text])), train


def print_speed(args, torch):
    fields = ("what", "cell", "skrnn k/s", "PyTorch k/s", "ratio")
    table = Table(fields, args.csv)
    for cell in args.cells:
        training, prediction = document_calls(cell, torch)
        for what, (n, ours, theirs) in {
            "train documents": training,
            "predict documents": prediction,
            "train language model": language_calls(cell, torch),
        }.items():
            timed = time_in_turns([ours, theirs], args.seconds)
            (our_ms, _), (their_ms, _) = timed
            table.add(what, cell, n / our_ms, n / their_ms, their_ms / our_ms)


def print_bits(args, torch):
    """Both models with the same settings, from first weights of their own."""
    train_text, test_text = text_of("train"), text_of("test")
    alphabet = np.unique(list(train_text + test_text))
    codes, test = (codes_of(text, alphabet) for text in (train_text, test_text))
    print(f"\nBits a character of the test part after {args.bits} epochs")
    for cell in args.cells:
        start = perf_counter()
        model = make_language_model(cell, max_iter=args.bits).fit([train_text])
        ours, seconds = model.bits_per_token([test_text]), perf_counter() - start
        module, train = torch.language_model(
            cell, codes, alphabet.size, (CHARACTER, UNITS), BATCH, STEPS
        )
        start = perf_counter()
        for epoch in range(args.bits):
            train(torch.LEARNING_RATE * (1 + cos(pi * epoch / args.bits)) / 2)
        theirs, their_seconds = torch.bits(module, test), perf_counter() - start
        print(
            f"{cell}: skrnn {ours:.3f} in {seconds:.0f} s, "
            f"PyTorch {theirs:.3f} in {their_seconds:.0f} s",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", nargs="+", choices=["gru", "lstm"])
    parser.set_defaults(cells=["gru", "lstm"])
    parser.add_argument("--seconds", type=float, default=10, help="for each comparison")
    parser.add_argument("--threads", type=int, default=2, help="of each library")
    parser.add_argument("--bits", type=int, help="epochs of both language models")
    parser.add_argument("--csv", help="write the table to this file as well")
    args = parser.parse_args()
    set_threads(args.threads)
    peers = load(["pytorch_text"])
    if peers:
        (torch,) = peers
        print_speed(args, torch)
        if args.bits:
            print_bits(args, torch)


if __name__ == "__main__":
    main()
