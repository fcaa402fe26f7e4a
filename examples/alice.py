"""A recurrent network reads Alice in Wonderland, and goes on with it.

It learns which character follows those before it, from the first nine tenths of the
book. How many bits a character of the rest costs it says how well it knows the
language; packers that have read the same stand beside it. Then it writes.

    python examples/alice.py --output output
"""

import argparse
import bz2
import lzma
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from skrnn import RNNLanguageModel
from skrnn.datasets import load_alice

COLUMNS, ROWS = 60, 8  # of the passage that is drawn


def bits_of_packer(compress, text, test_text):
    """Bits that a character of a text takes behind another one."""
    n_before, n = (len(compress(x.encode())) for x in (text, text + test_text))
    return 8 * (n - n_before) / len(test_text)


def surprises(model, text):
    """Bits of each character of a text, given those before it."""
    stream = model.stream()
    return [-stream.score_samples([c])[0] / np.log(2) for c in text]


def save_plot(model, text, path):
    """Draw a passage, each character the darker the less the network expected it."""
    text = " ".join(text.split())[: COLUMNS * ROWS]
    bits = surprises(model, text)
    table = np.zeros((ROWS, COLUMNS))
    table.flat[: len(bits)] = bits
    figure = Figure(figsize=(10, 2.6), layout="constrained")  # needs no display
    ax = figure.subplots()
    image = ax.imshow(table, cmap="Reds", vmin=0, vmax=8, aspect="auto")
    for place, character in enumerate(text):
        row, column = divmod(place, COLUMNS)
        color = "white" if bits[place] > 5 else "black"
        ax.text(column, row, character, ha="center", va="center", color=color, size=8)
    ax.set(xticks=[], yticks=[], title="What the network did not expect")
    figure.colorbar(image, label="bits")
    figure.savefig(path, dpi=150)


def main(output, n_characters, hidden_size, max_iter):
    output.mkdir(parents=True, exist_ok=True)
    text = load_alice().data[0][:n_characters]
    test_text = load_alice(subset="test").data[0]
    model = RNNLanguageModel(
        hidden_size=hidden_size, max_iter=max_iter, random_state=0
    ).fit([text])

    print("Bits a character of the last tenth of the book")
    print(f"  bz2      {bits_of_packer(bz2.compress, text, test_text):.2f}")
    print(f"  xz       {bits_of_packer(lzma.compress, text, test_text):.2f}")
    print(f"  network  {model.bits_per_token([test_text]):.2f}")
    for temperature in (0.5, 1.0):
        (sample,) = model.sample(
            prefix="Alice ", max_length=400, temperature=temperature, random_state=0
        )
        print(f"\nWith the temperature {temperature}:\n\n{sample}")
    save_plot(model, test_text[1000:], output / "alice.png")
    print(f"\nWrote alice.png to {output.resolve()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default="output", help="for the picture")
    parser.add_argument("--characters", type=int, default=None, help="how many to read")
    parser.add_argument("--hidden", type=int, default=256, help="units of the network")
    parser.add_argument("--epochs", type=int, default=60, help="of the network")
    args = parser.parse_args()
    main(args.output, args.characters, args.hidden, args.epochs)
