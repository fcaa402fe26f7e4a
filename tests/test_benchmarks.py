"""The benchmarks start, and scores are compared; what is measured is not for tests."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"

# One process for all, since imports are what takes time.
START = """
import runpy
import sys

for script in sys.argv[1:]:
    sys.argv = [script, "--help"]
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as exit:
        assert not exit.code, script
"""


def test_each_script_explains_itself():
    scripts = sorted(FOLDER.glob("[!_]*.py"))
    assert FOLDER / "suite.py" in scripts
    # As each would find its neighbours: in the folder where the script is.
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", START, *scripts],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.count("usage: ") == len(scripts)


def write_sets(folder, scale_of_test=1.0):
    """A set for each task: ragged sequences of one value each, and it or its sign."""
    rng = np.random.default_rng(0)
    for name in ("labels", "values"):
        arrays = {}
        for subset, scale in (("train", 1.0), ("test", scale_of_test)):
            lengths = rng.integers(3, 6, size=24)
            y = rng.permutation(np.linspace(-1, 1, 24))
            arrays |= {
                f"values_{subset}": np.repeat(scale * y, lengths)[:, None],
                f"lengths_{subset}": lengths,
                f"y_{subset}": y if name == "values" else (y > 0).astype(float),
            }
        np.savez(folder / f"{name}.npz", **arrays)
    figures = "set,minirocket,hydra\nlabels,2.0,-2.0\nvalues,-2.0,\n"
    (folder / "peers.csv").write_text(figures)


def run_accuracy(folder, *options):
    """What it prints, and the rows of its file by set."""
    options = ["--folder", folder, "--csv", folder / "scores.csv", *options]
    options += ["--fit", "rnn", "linear", "--seeds", "0"]
    options += ["--params", "hidden_size=2", "max_iter=1"]
    result = subprocess.run(
        [sys.executable, "-W", "error", FOLDER / "accuracy.py", *options],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (result.returncode, result.stderr) == (0, "")
    with (folder / "scores.csv").open(newline="") as file:
        return result.stdout, {row["set"]: row for row in csv.DictReader(file)}


def test_accuracy_compares_scores_of_a_folder(tmp_path):
    write_sets(tmp_path)
    output, rows = run_accuracy(tmp_path, "--voting", "2")
    assert [row["task"] for row in rows.values()] == ["classification", "regression"]
    assert (rows["labels"]["classes"], rows["values"]["classes"]) == ("2", "")
    assert {row["steps"] for row in rows.values()} == {"3-5"}
    assert float(rows["values"]["linear"]) > 0.9999
    assert all(float(row["voting_s"]) > 0 for row in rows.values())
    lines = [line.split() for line in output.splitlines()]
    # Sets, wins, draws and losses; of Hydra the file has no score in the regression.
    beside = [(line[1], line[2], *line[-3:]) for line in lines if line[:1] == ["rnn"]]
    assert [line for line in beside if line[0] in ("minirocket", "hydra")] == [
        ("minirocket", "1", "0", "0", "1"),
        ("hydra", "1", "1", "0", "0"),
        ("minirocket", "1", "1", "0", "0"),
    ]


def test_accuracy_chooses_without_test_parts(tmp_path):
    write_sets(tmp_path, scale_of_test=np.nan)
    output, rows = run_accuracy(tmp_path, "--cv", "3")
    assert {row["test"] for row in rows.values()} == {"3 folds"}
    assert float(rows["values"]["linear"]) > 0.999
    assert "minirocket" not in output  # the folder's file has scores of test parts
