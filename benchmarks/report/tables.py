"""Tables that are printed as their rows come, and written to a CSV file."""

import csv
import math

import numpy as np

PROBLEM_FIELDS = ("cell", "N", "T", "F", "H")


class Table:
    """A table with these columns; `widths` are those wider than their titles."""

    def __init__(self, fields, csv_path=None, **widths):
        self.fields, self.rows, self.csv_path = tuple(fields), [], csv_path
        self.widths = [widths.get(name, max(len(name), 6)) for name in self.fields]
        self._write("w", self.fields)
        self._print(self.fields)

    def add(self, *row):
        self.rows.append(dict(zip(self.fields, row, strict=True)))
        self._write("a", row)
        self._print([as_text(value) for value in row])

    def _print(self, texts):
        cells = zip(texts, self.widths, strict=True)
        print(*[f"{text:>{width}}" for text, width in cells], flush=True)

    def _write(self, mode, row):
        if self.csv_path:
            with self.csv_path.open(mode, newline="") as file:
                csv.writer(file).writerow(row)


def as_text(value):
    """Three digits of a number that is not whole."""
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return ""
    magnitude = math.floor(math.log10(abs(value))) if value else 0
    return f"{value:.{min(max(2 - magnitude, 0), 4)}f}"


def threads_text(n):
    return "1 thread" if n == 1 else f"{n:.0f} threads"


def print_means(rows, columns, largest_hidden=None):
    """Geometric means of ratios, up to this many hidden units, and minima of all."""
    if not columns:
        return
    upto = "" if largest_hidden is None else f" (H <= {largest_hidden})"
    print(f"\nGeometric means{upto}, and minima over all shapes")
    fields = [f"{what} {column}" for column in columns for what in ("mean", "min")]
    table = Table(["cell", *fields])
    for cell in [*dict.fromkeys(row["cell"] for row in rows), "all"]:
        chosen = [row for row in rows if cell in (row["cell"], "all")]
        values = []
        for column in columns:
            values += [geometric_mean(chosen, column, largest_hidden)]
            values += [min(row[column] for row in chosen)]
        table.add(cell, *values)


def geometric_mean(rows, column, largest_hidden=None):
    logs = [
        math.log(row[column])
        for row in rows
        if largest_hidden is None or row["H"] <= largest_hidden
    ]
    return math.exp(np.mean(logs)) if logs else math.nan


def read_rows(csv_path):
    """The rows of a table that was written, numbers as numbers."""
    with csv_path.open(newline="") as file:
        return [
            {name: as_number(text) for name, text in row.items()}
            for row in csv.DictReader(file)
        ]


def as_number(text):
    try:
        return float(text)
    except ValueError:
        return text
