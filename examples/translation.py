"""Spanish in, English out: verses of the Bible, translated.

A sentence is cut into frequent pieces of words, which are learned from the training
part (byte pair encoding: Sennrich, Haddow and Birch, 2016), so that no word is unknown.
One network reads the pieces of the Spanish sentence, another one writes those of the
English one, and looks at each back at what was read. The picture shows where: the
languages do not have the same order.

17,000 sentences are few. Dropout, and pieces replaced by the unknown, keep the network
from learning them by heart.

    pip install "skrnn[translation]"
    python examples/translation.py --output output
"""

import argparse
import time
from pathlib import Path

import sacrebleu
from matplotlib.figure import Figure
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from skrnn import RNNTranslator
from skrnn.datasets import load_verses

#: Verses of the test part to draw: in Spanish, the verb comes before who acts.
SHOWN = [2, 9]


def learn_pieces(texts, n_pieces):
    """What cuts texts into so many different pieces, and joins them again."""
    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.Metaspace()
    pieces.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=n_pieces, show_progress=False)
    pieces.train_from_iterator(texts, trainer)
    return pieces


def cut(pieces, texts):
    return [pieces.encode(text).tokens for text in texts]


def make_network(n_units, max_iter):
    return RNNTranslator(
        hidden_size=n_units,
        embedding_size=n_units // 2,
        dropout=0.3,
        embedding_dropout=0.3,
        unknown_fraction=0.1,
        max_iter=max_iter,
        verbose=True,
        random_state=0,
    )


def report(name, translations, references):
    bleu = sacrebleu.corpus_bleu(translations, [references]).score
    chrf = sacrebleu.corpus_chrf(translations, [references]).score
    print(f"{name:<24}{bleu:>8.1f}{chrf:>8.1f}")


def save_plot(network, sentences, path):
    """Draw at which pieces of a sentence each piece of its translation looked."""
    translations = network.predict(sentences)
    shares = network.attention_matrix(sentences)
    figure = Figure(figsize=(6 * len(sentences), 6), layout="constrained")
    for ax, read, written, part in zip(
        figure.subplots(1, len(sentences), squeeze=False).flat,
        sentences,
        translations,
        shares,
        strict=True,
    ):
        ax.imshow(part, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        ax.set_xticks(range(len(read)), read, rotation=90)
        ax.set_yticks(range(len(part)), [*written, "(end)"][: len(part)])
        ax.set_xlabel("read")
        ax.set_ylabel("written")
    figure.suptitle("Where the network looks while it translates")
    figure.savefig(path, dpi=120)


def main(output, n_pairs, n_test, n_pieces, n_units, max_iter):
    output.mkdir(parents=True, exist_ok=True)
    X, y = (texts[:n_pairs].tolist() for texts in load_verses(return_X_y=True))
    X_test, y_test = (
        texts[:n_test].tolist() for texts in load_verses(subset="test", return_X_y=True)
    )
    spanish, english = learn_pieces(X, n_pieces), learn_pieces(y, n_pieces)
    start = time.perf_counter()
    network = make_network(n_units, max_iter).fit(cut(spanish, X), cut(english, y))
    minutes = (time.perf_counter() - start) / 60
    print(f"Learned from {len(X)} sentences in {minutes:.0f} minutes.")
    print(f"\n{'':<24}{'BLEU':>8}{'chrF':>8}")
    for width, name in (1, "most probable piece"), (5, "beam of 5 beginnings"):
        network.set_params(beam_width=width)
        found = network.predict(cut(spanish, X_test))
        translations = [english.decoder.decode(tokens) for tokens in found]
        report(name, translations, y_test)
    for sentence, found, true in list(zip(X_test, translations, y_test, strict=True))[
        :5
    ]:
        print(f"\n{sentence}\n  -> {found}\n     {true}")
    shown = cut(spanish, [X_test[i] for i in SHOWN])
    save_plot(network, shown, output / "translation.png")
    print(f"\nWrote translation.png to {output.resolve()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default="output", help="for the picture")
    parser.add_argument("--pairs", type=int, help="sentences to learn from")
    parser.add_argument("--test", type=int, help="sentences to test")
    parser.add_argument("--pieces", type=int, default=2000, help="of each language")
    parser.add_argument("--units", type=int, default=256, help="of each network")
    parser.add_argument("--epochs", type=int, default=20, help="of training")
    args = parser.parse_args()
    main(args.output, args.pairs, args.test, args.pieces, args.units, args.epochs)
