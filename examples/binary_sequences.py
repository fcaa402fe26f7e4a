"""Parity of a stream of bits: a label for every step, and lengths never seen.

An Elman network learns to say, after each bit of a random sequence, whether the number
of ones so far is odd. It sees sequences of 1 to 20 bits, and must then be right at
every step of sequences of up to 10,000: one wrong step would spoil all that follow. A
network that has found the rule, two stable states and a switch between them, goes on
for ever; one that has only fitted the examples does not.

It helps to train on many sequences, and to drop a tenth of the units that are fed back:
the states must then stay apart by a wide margin.
"""

import argparse

import numpy as np

from skrnn import RNNClassifier

TEST_LENGTHS = (10, 100, 1_000, 10_000)


def make_sequences(rng, lengths):
    """Random bits, and for each step the parity of those so far."""
    bits = [rng.integers(2, size=length) for length in lengths]
    return [b.astype(float) for b in bits], [b.cumsum() % 2 for b in bits]


def train(seed):
    """An Elman network that has seen 4,000 sequences of 1 to 20 bits."""
    rng = np.random.default_rng(seed)
    network = RNNClassifier(
        cell="rnn",
        hidden_size=32,
        recurrent_dropout=0.1,
        layer_norm=False,
        learning_rate_init=0.01,
        return_sequences=True,
        random_state=seed,
    )
    return network.fit(*make_sequences(rng, rng.integers(1, 21, size=4_000)))


def main(n_seeds):
    rng = np.random.default_rng(12345)
    tests = {length: make_sequences(rng, [length] * 10) for length in TEST_LENGTHS}
    print("accuracy over all steps of 10 sequences")
    print("seed" + "".join(f"{length:>10,}" for length in TEST_LENGTHS) + "  bits")
    n_perfect = 0
    for seed in range(n_seeds):
        network = train(seed)
        accuracies = [network.score(X, y) for X, y in tests.values()]
        n_perfect += min(accuracies) == 1
        print(f"{seed:>4}" + "".join(f"{a:>10.4%}" for a in accuracies), flush=True)
    print(f"\n{n_perfect} of {n_seeds} networks are right at every single step.")

    # Live data: the same network, fed a bit at a time.
    stream = network.stream()
    shown = [1, 0, 1, 1, 0, 1]
    parities = [int(stream.predict([[bit]])[0][0]) for bit in shown]
    print(f"As a stream: bits {shown}, parity so far {parities}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seeds",
        type=int,
        default=3,
        help="networks to train, to see how much chance matters (default: %(default)s)",
    )
    main(parser.parse_args().seeds)
