"""The Handbook's prequential validation (chapters 5.3 to 7.5): four weeks one after another, means over them.

    python benchmarks/handbook_prequential.py

Training weeks begin 2018-07-25, 08-01, 08-08 and 08-15, each with a test week 14 days later; features, stack
and cards left out as in handbook_supervised.py, whose one pair of weeks is the first of these four. What was
chosen by hand there is used here as it is. Writes its section of docs/benchmarks.md.
"""

from __future__ import annotations

import numpy as np
from handbook_supervised import (
    BOOK,
    DAY_US,
    FIRST_US,
    MEMBERS,
    SEED,
    fit_and_score,
    judge,
    read_payments,
    stacked,
    week,
)
from page import Vectors, table, write_section

WEEK_US = 7 * DAY_US
FOLDS = 4
PUBLISHED = (
    ("decision tree", 0.797, 0.579, 0.284),
    ("logistic regression", 0.868, 0.623, 0.297),
    ("random forest", 0.870, 0.678, 0.299),
    ("XGBoost", 0.869, 0.687, 0.303),
    ("balanced bagging", 0.879, 0.680, 0.305),
    ("neural network", 0.876, 0.675, 0.303),
    ("LSTM", 0.876, 0.665, 0.297),
)


def main() -> None:
    """Measure everything and write it down."""
    payments = read_payments(FIRST_US + (FOLDS + 2) * WEEK_US)
    found: dict[str, list[tuple[float, float, float]]] = {}
    for fold in range(FOLDS):
        start_us = FIRST_US + fold * WEEK_US
        parts, before = week(payments, start_us), week(payments, start_us - 2 * WEEK_US)
        scores = {
            f"{kind}, the book's inputs": fit_and_score(payments, kind, BOOK, parts, parts.test)
            for kind in MEMBERS
        }
        for kind, own in stacked(payments, parts, before).items():
            scores[f"{kind}, our own features"] = own
        for name, one in scores.items():
            found.setdefault(name, []).append(judge(payments, parts, one))
    write_section("handbook_prequential", report({name: np.array(one) for name, one in found.items()}))


def report(found: dict[str, Vectors]) -> str:
    """The section."""
    rows = [(f"published: {name}", *(f"{value:.3f}" for value in figures)) for name, *figures in PUBLISHED]
    for name, figures in found.items():
        shown = [
            f"{mean:.3f} ± {spread:.3f}"
            for mean, spread in zip(figures.mean(axis=0), figures.std(axis=0), strict=True)
        ]
        rows.append((f"ours: {name}", *shown))
    best = np.max([figures for _, *figures in PUBLISHED], axis=0)
    stack = found["stacking, our own features"].mean(axis=0)
    columns = ("AUC", "average precision", "card precision@100")
    verdict = "; ".join(
        f"{column} {ours:.4f} against {theirs:.3f}: {'above' if ours > theirs else '**not above**'}"
        for column, ours, theirs in zip(columns, stack, best, strict=True)
    )
    return f"""## Handbook, supervised, prequential (chapters 5.3 to 7.5)

`python benchmarks/handbook_prequential.py`, seed {SEED}; mean and spread over {FOLDS} pairs of weeks

Parameters of the boosted kinds on our own features had been chosen by hand when the first of the pairs was
known (chapter 3.4 above); nothing was changed for this table.

{table(("model", *columns), rows)}

The stack beside the best published figure of each column: {verdict}.
"""


if __name__ == "__main__":
    main()
