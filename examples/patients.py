"""Records of patients: irregular visits, missing values, static features.

The patients are made up, since records of real ones may not be shipped. Acute injuries
halve what their kidneys filter for three months, which then recover, but are weaker for
it. Visits of two years are at irregular times, more often while somebody is ill, and
two of five laboratory values are missing. Who needs dialysis in the years after? What
was measured last does not tell of the injuries before.

The table has a row a visit, as from a file. `sequences_from_frame` makes a sequence of
each patient, and a row of what does not change, age and diagnosis. `SequenceImputer`
fills in what is missing; the network reads all visits, and the static features beside
them. Both the network and a logistic regression on the last known values are judged by
patients that they have not seen, in a cross-validation. With few patients a network
soon learns by heart: hence few units and epochs and a strong penalty, which were
chosen on other made-up patients.

    python examples/patients.py --output output
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn import config_context
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import RocCurveDisplay, roc_auc_score
from sklearn.model_selection import (
    StratifiedKFold,
    cross_val_predict,
    cross_validate,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skrnn import RNNClassifier
from skrnn.preprocessing import SequenceImputer, SequenceScaler, sequences_from_frame

LABS = ["egfr", "albumin", "hemoglobin"]
STATIC = ["age", "diagnosis"]
DIAGNOSES = ["diabetes", "hypertension", "other"]


def make_visits(n_patients, rng):
    """A row a visit, and whether the patient needs dialysis; all of it is made up."""
    rows = []
    for patient in range(n_patients):
        age = int(rng.integers(30, 85))
        diagnosis = str(rng.choice(DIAGNOSES, p=[0.35, 0.3, 0.35]))
        # Filtration in mL/min, its loss in a year, and the days of acute injuries.
        start, loss = rng.uniform(25, 75), rng.gamma(2, 1.5)
        injuries = rng.uniform(0, 730, rng.poisson(1 + (diagnosis == "diabetes")))
        risk = 2.5 * len(injuries) - (start - 2 * loss - 40) / 10 + 0.04 * (age - 60)
        dialysis = rng.uniform() < 1 / (1 + np.exp(4 - risk))
        day = 0.0
        while day < 730:
            is_injured = ((day - injuries >= 0) & (day - injuries < 90)).any()
            egfr = (start - loss * day / 365) * (0.5 if is_injured else 1)
            illness = (50 - egfr) / 50
            values = {
                "egfr": egfr + rng.normal(0, 4),
                "albumin": 4 - 0.5 * illness + rng.normal(0, 0.3),
                "hemoglobin": 13 - 2.5 * illness + rng.normal(0, 1),
            }
            row = {"patient": patient, "day": round(day), "dialysis": dialysis}
            row |= {lab: x for lab, x in values.items() if rng.uniform() > 0.4}
            rows.append(row | {"age": age, "diagnosis": diagnosis})
            day += 7 + rng.exponential(20 if is_injured else 90)
    return pd.DataFrame(rows).sample(frac=1, random_state=0)  # in no order


def network(n_epochs, seed):
    """The steps of a pipeline, and which of its methods want static features."""
    classifier = RNNClassifier(
        hidden_size=16, alpha=1.0, max_iter=n_epochs, random_state=seed
    )
    classifier.set_fit_request(static=True).set_score_request(static=True)
    classifier.set_predict_proba_request(static=True)
    return make_pipeline(SequenceImputer(time="day"), SequenceScaler(), classifier)


def of_network(patients, folds, n_epochs, seed):
    """Probabilities of patients that the network has not seen."""
    found = np.empty(len(patients.X))
    with config_context(enable_metadata_routing=True):
        fits = cross_validate(
            network(n_epochs, seed),
            patients.X,
            patients.y,
            cv=folds,
            params={"static": patients.static},
            return_estimator=True,
            return_indices=True,
        )
        for fit, test in zip(fits["estimator"], fits["indices"]["test"], strict=True):
            X, static = [patients.X[i] for i in test], patients.static.iloc[test]
            found[test] = fit.predict_proba(X, static=static)[:, 1]
    return found


def of_last_values(visits, patients, folds):
    """The same of a logistic regression, on what was known last of each value."""
    table = visits.sort_values("day").groupby("patient")[LABS + STATIC].last()
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), [*LABS, "age"]),
        (OneHotEncoder(), ["diagnosis"]),
    )
    model = make_pipeline(columns, LogisticRegression())
    rows = table.loc[patients.ids]
    found = cross_val_predict(model, rows, patients.y, cv=folds, method="predict_proba")
    return found[:, 1]


def save_plot(patients, probabilities, path):
    """Draw some records, and how well patients are told apart."""
    figure = Figure(figsize=(11, 4), layout="constrained")  # needs no display
    records, curves = figure.subplots(1, 2, width_ratios=[3, 2])
    for outcome, color in ((False, "tab:blue"), (True, "tab:red")):
        label = "dialysis later" if outcome else "no dialysis"
        for i in np.flatnonzero(patients.y == outcome)[:3]:
            seen = patients.X[i].dropna(subset="egfr")
            records.plot(
                seen["day"], seen["egfr"], "o-", color=color, ms=3, lw=1, label=label
            )
            label = None
    title = "Six of the patients, as far as measured"
    records.set(xlabel="day", ylabel="filtration, mL/min", title=title)
    records.legend()
    for name, found in probabilities.items():
        RocCurveDisplay.from_predictions(patients.y, found, name=name, ax=curves)
    curves.plot([0, 1], [0, 1], ":", color="gray")
    curves.set(xlabel="false alarms", ylabel="found", title="Patients not seen before")
    figure.savefig(path, dpi=150)


def main(output, n_patients, n_epochs, n_seeds):
    """Make patients, print areas under the ROC curve, draw them."""
    output.mkdir(parents=True, exist_ok=True)
    visits = make_visits(n_patients, np.random.default_rng(0))
    patients = sequences_from_frame(
        visits, "patient", "day", ["day", *LABS], target="dialysis", static=STATIC
    )
    missing = visits[LABS].isna().to_numpy().mean()
    print(f"{len(visits)} visits of {len(patients.X)} made-up patients, ", end="")
    print(f"{missing:.0%} of the values missing, {patients.y.mean():.0%} with dialysis")
    print(patients.X[0].head(3), patients.static.head(3), sep="\n")

    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    found = {"last values": of_last_values(visits, patients, folds)}
    of_seeds = [of_network(patients, folds, n_epochs, seed) for seed in range(n_seeds)]
    print("\narea under the ROC curve, mean of the folds")
    splits = [test for _, test in folds.split(patients.X, patients.y)]
    for name, shares in (*found.items(), *enumerate(of_seeds)):
        name = name if isinstance(name, str) else f"network, seed {name}"
        areas = [roc_auc_score(patients.y[test], shares[test]) for test in splits]
        print(f"{name:<28}{np.mean(areas):>8.3f}")
    found["network"] = of_seeds[0]
    save_plot(patients, found, output / "patients.png")
    print(f"\nWrote patients.png to {output.resolve()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output",
        type=Path,
        default="output",
        help="folder for the picture (default: %(default)s)",
    )
    parser.add_argument(
        "--patients", type=int, default=1000, help="how many (default: %(default)s)"
    )
    parser.add_argument(
        "--epochs", type=int, default=30, help="of training (default: %(default)s)"
    )
    parser.add_argument(
        "--seeds", type=int, default=3, help="networks (default: %(default)s)"
    )
    args = parser.parse_args()
    main(args.output, args.patients, args.epochs, args.seeds)
