"""Does a session in a shop end with a purchase? Events with their times, in order.

A log has, for each session, a table of steps: what happened, a category, and how many
minutes after the step before, a number. The sessions are made up, by a rule that no
count of events can tell: who puts something into the cart buys it, if looking at the
delivery terms comes later and within a minute of the event before it; an error empties
the cart.

Beside the network, which reads steps in order, stands a gradient boosting on how often
each event happened, and on the sum of the minutes before it.
"""

import argparse

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from skrnn import RNNClassifier

EVENTS = ["search", "view", "cart", "delivery terms", "error", "help"]


def make_sessions(n, rng):
    """Tables with a row for each step, and whether the session ends with a purchase."""
    sessions, bought = [], []
    for _ in range(n):
        n_steps = rng.integers(4, 25)
        events = rng.choice(EVENTS, n_steps, p=[0.25, 0.35, 0.15, 0.1, 0.05, 0.1])
        minutes = rng.exponential(1, n_steps).round(2)
        sessions.append(pd.DataFrame({"event": events, "minutes": minutes}))
        bought.append(is_bought(events, minutes))
    return sessions, np.array(bought)


def is_bought(events, minutes):
    in_cart = will_buy = False
    for event, waited in zip(events, minutes, strict=True):
        in_cart |= event == "cart"
        if event == "delivery terms" and in_cart and waited < 1:
            will_buy = True
        if event == "error":
            in_cart = will_buy = False
    return will_buy


def counts(sessions):
    """What is left without the order: a row for each session."""
    rows = [
        s.groupby("event")["minutes"].agg(["size", "sum"]).stack() for s in sessions
    ]
    return pd.DataFrame(rows).fillna(0).pipe(lambda table: table[sorted(table)])


def main(n_sessions, max_iter):
    rng = np.random.default_rng(0)
    sessions, bought = make_sessions(n_sessions, rng)
    test, bought_test = make_sessions(1000, rng)
    print(sessions[0].head(3).to_string(), "\n")

    boosting = HistGradientBoostingClassifier(random_state=0)
    boosting.fit(counts(sessions), bought)
    of_boosting = boosting.predict_proba(counts(test))[:, 1]

    network = RNNClassifier(
        categorical_features=["event"], max_iter=max_iter, random_state=0
    )
    network.fit(sessions, bought)
    of_network = network.predict_proba(test)[:, 1]

    print("area under the ROC curve, 1,000 other sessions")
    print(f"boosting, counts of events  {roc_auc_score(bought_test, of_boosting):.3f}")
    print(f"network, events in order    {roc_auc_score(bought_test, of_network):.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=2000, help="to train on")
    parser.add_argument("--epochs", type=int, default=30, help="of the network")
    args = parser.parse_args()
    main(args.sessions, args.epochs)
