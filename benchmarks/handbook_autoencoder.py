"""The unsupervised protocol of the Fraud Detection Handbook (chapter 7.3), autoencoder and half-space trees.

    python benchmarks/handbook_autoencoder.py

The weeks, the inputs and the measures are those of handbook_unsupervised.py; needs PyTorch (make torch). The
book stops its training by the loss on the assessed week itself; here nothing of that week is looked at: the
whole training week teaches, or its last day says when to stop. Writes its section of docs/benchmarks.md.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from handbook_unsupervised import (
    BOOK,
    BOOK_WITH_LABELS,
    FIRST_DAY,
    HISTORY,
    WEEK,
    Payments,
    read_payments,
    shown,
)
from page import Vectors, table, write_section

from riskloom.bench.models import as_network
from riskloom.detectors.autoencoder import Autoencoder
from riskloom.detectors.base import Detector
from riskloom.detectors.half_space_trees import HalfSpaceTrees
from riskloom.measure.ranking import average_precision, card_precision_at_k, roc_auc

SEEDS = (42, 43, 44)
PUBLISHED = (0.836, 0.180, 0.217)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the table: a detector, its parameters, its inputs, and whether the last day is held out."""

    name: str
    parameters: Mapping[str, object]
    features: Sequence[str] = BOOK_WITH_LABELS
    detector: type[Detector] = Autoencoder
    stops_early: bool = False


ENTRIES = (
    Entry("**autoencoder, as it comes**", {}),
    Entry("its last training day says when to stop, at most 30 epochs", {"epochs": 30}, stops_early=True),
    Entry("honest training rows alone (uses labels)", {"learn_from": "honest"}),
    Entry("activation relu", {"activation": "relu"}),
    Entry("the book's widths: 100, 20, 100", {"widths": "100,20,100"}),
    Entry("the book's 12 inputs without labels", {}, BOOK),
    Entry("amount against the customer's own history (8)", {}, HISTORY),
    Entry("half_space_trees, as it comes", {}, detector=HalfSpaceTrees),
)


def main() -> None:
    """Measure everything and write it down."""
    payments = read_payments()
    rows: list[Sequence[object]] = [("published: autoencoder on the book's 15", 42, *PUBLISHED)]
    rows += [(entry.name, ", ".join(map(str, SEEDS)), *shown(assess(payments, entry))) for entry in ENTRIES]
    write_section("handbook_autoencoder", report(payments, rows, timings(payments)))


def chosen_columns(payments: Payments, features: Sequence[str]) -> Vectors:
    """The rows of all payments with these features."""
    return np.column_stack([payments.columns[name] for name in features])


def assess(payments: Payments, entry: Entry) -> tuple[float, float, float]:
    """(AUC, average precision, card precision@100), means over the seeds."""
    X, fraud = chosen_columns(payments, entry.features), payments.fraud.astype(np.float64)
    last = payments.trained & (payments.day == FIRST_DAY + WEEK - 1)
    taught = payments.trained & ~last if entry.stops_early else payments.trained
    holdout = (X[last], fraud[last]) if entry.stops_early else None
    week = payments.assessed
    cards, days, labels = payments.card[week], payments.day[week], payments.fraud[week]
    found = []
    for seed in SEEDS:
        model = entry.detector.fit(
            X[taught], seed=seed, parameters=entry.parameters, labels=fraud[taught], holdout=holdout
        )
        scores = model.score_many(X[week])
        at_100 = card_precision_at_k(labels, scores, cards, days, 100).mean
        found.append((roc_auc(labels, scores), average_precision(labels, scores), at_100))
    one, two, three = np.mean(found, axis=0).tolist()
    return one, two, three


def timings(payments: Payments) -> list[Sequence[str]]:
    """Microseconds a row, one by one and together, of our loops and of PyTorch's pass, one thread each."""
    X = chosen_columns(payments, BOOK_WITH_LABELS)[payments.assessed]
    model = Autoencoder.fit(X, seed=1, parameters={"epochs": 1})
    network, scaled = as_network(torch, model), torch.from_numpy(model.standard.apply(X))
    few = range(2_000)
    torch.set_num_threads(1)
    with torch.no_grad():
        theirs = ((scaled - network(scaled)).numpy() / model.usual) ** 2
        off = float(np.abs(model.score_many(X) - theirs.mean(axis=1)).max())
        together = clocked(lambda: network(scaled)) / len(X)
        single = clocked(lambda: [network(scaled[at : at + 1]) for at in few]) / len(few)
    ours = clocked(lambda: [model.score_one(X[at]) for at in few]) / len(few)
    many = clocked(lambda: model.score_many(X)) / len(X)
    return [
        ("PyTorch, the pass alone", f"{single:.1f}", f"{together:.2f}", ""),
        ("ours, scaling and residuals included", f"{ours:.1f}", f"{many:.2f}", f"{off:.0e}"),
    ]


def clocked(work: Any) -> float:
    """Microseconds of processor time of one call, the median of seven."""
    taken = []
    for _ in range(7):
        begin = time.thread_time()
        work()
        taken.append(time.thread_time() - begin)
    return float(np.median(taken)) * 1e6


def report(payments: Payments, rows: Sequence[Sequence[object]], times: Sequence[Sequence[str]]) -> str:
    """The section of the page."""
    frauds = int(payments.fraud[payments.assessed].sum())
    return f"""## Handbook, unsupervised: autoencoder

`python benchmarks/handbook_autoencoder.py` (seeds as given; means)

The protocol of chapter 7.3, trained on {int(payments.trained.sum()):,} payments, assessed on
{int(payments.assessed.sum()):,} with {frauds} frauds; the book's 15 inputs unless said otherwise.

{table(("model", "seeds", "AUC", "average precision", "card precision@100"), rows)}

Microseconds of processor time a row, one thread, and the greatest difference of a score:

{table(("15 inputs", "one by one", "together", "off"), times)}
"""


if __name__ == "__main__":
    main()
