"""How well scores rank fraud above the rest, from labels that came later.

Ties count as what they are. `roc_auc` and `average_precision` treat equal scores as one step, as scikit-learn
does; `precision_at_k` takes the mean over all orders of the tied rows, so no measure depends on the order of
the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.errors import DataInvalid, Fault, ParameterInvalid, show

Floats = npt.NDArray[np.float64]
Labels = npt.ArrayLike


def roc_auc(labels: Labels, scores: npt.ArrayLike) -> float:
    """The chance that a fraud scores above a legitimate row, ties counting one half; NaN without both kinds.

    Parameters
    ----------
    labels
        n values, 1 (or True) for fraud and 0 for the rest.
    scores
        n numbers, higher is more suspicious; infinities are allowed, NaN is not.

    Raises
    ------
    DataInvalid
        For other labels, NaN, or lengths that differ; so do all measures here.

    Notes
    -----
    O(n log n), and exact up to the last division.

    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    frauds, rows = _steps(*_checked(labels, scores))
    legitimate = rows - frauds
    pairs = int(frauds.sum()) * int(legitimate.sum())
    if not pairs:
        return float("nan")
    frauds_above = np.cumsum(frauds) - frauds
    won_twice = int((legitimate * (2 * frauds_above + frauds)).sum())
    return won_twice / (2 * pairs)


def average_precision(labels: Labels, scores: npt.ArrayLike) -> float:
    """The precision at each step of recall, weighted by that step; NaN without any fraud.

    The sum over thresholds of (recall gained) * (precision there), not the trapezoid under the curve; n
    labels (0, 1) and n scores as for `roc_auc`.

    >>> round(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
    0.8333
    """
    frauds, rows = _steps(*_checked(labels, scores))
    total = int(frauds.sum())
    if not total:
        return float("nan")
    precision = np.cumsum(frauds) / np.cumsum(rows)
    return float((frauds / total * precision).sum())


def precision_at_k(labels: Labels, scores: npt.ArrayLike, k: int) -> float:
    """The share of frauds among the k highest scores; with fewer than k rows the empty places are misses.

    Rows that tie for the last places count with the mean over all ways to order them; n labels (0, 1) and n
    scores as for `roc_auc`.

    Raises
    ------
    ParameterInvalid
        When k is not an integer from 1.
    """
    places = _at_least_one("k", k)
    frauds, rows = _steps(*_checked(labels, scores))
    taken = np.clip(places - (np.cumsum(rows) - rows), 0, rows)
    return float((frauds * (taken / rows)).sum()) / places


@dataclass(frozen=True, slots=True)
class CardPrecision:
    """`card_precision_at_k` day by day: the `days`, the precision on each, and the `mean` over them."""

    days: tuple[int, ...]
    by_day: tuple[float, ...]
    mean: float


def card_precision_at_k(
    labels: Labels,
    scores: npt.ArrayLike,
    cards: npt.ArrayLike,
    days: npt.ArrayLike,
    k: int = 100,
    *,
    remove_found: bool = True,
) -> CardPrecision:
    """How much of the daily work of k investigated cards finds fraud.

    Each day a card has its highest score of that day; the k cards with the highest are investigated, and
    those with a fraud that day (in any payment) are found and leave the later days. A day's precision is
    found / k, also where fewer than k cards paid. Cards with equal scores are taken in the order of their
    ids.

    Parameters
    ----------
    labels, scores
        n values as for `roc_auc`.
    cards
        n card ids: integers or text.
    days
        n integers; days are taken in their order, those without a payment are no days.
    remove_found
        Whether a found card leaves the later days (it is blocked); the book's published figures have it so.

    Raises
    ------
    DataInvalid, ParameterInvalid
        As the other measures.

    References
    ----------
    Y.-A. Le Borgne, W. Siblini, B. Lebichot, G. Bontempi, "Reproducible Machine Learning for Credit Card
    Fraud Detection - Practical Handbook", Université Libre de Bruxelles, 2022, chapter 4.
    """
    places = _at_least_one("k", k)
    fraud, score = _checked(labels, scores)
    card = _column("cards", cards, fraud.size)
    day = _column("days", days, fraud.size)
    if day.dtype.kind not in "iu":
        raise DataInvalid(Fault("days", "integers", str(day.dtype)))
    ids, card = np.unique(card, return_inverse=True)
    blocked = np.zeros(ids.size, np.bool_)
    every_day = np.unique(day)
    by_day: list[float] = []
    for today in every_day:
        rows = np.flatnonzero((day == today) & ~blocked[card])
        found = _found(fraud[rows], score[rows], card[rows], places)
        by_day.append(found.size / places)
        if remove_found:
            blocked[found] = True
    mean = float(np.mean(by_day)) if by_day else float("nan")
    return CardPrecision(tuple(int(today) for today in every_day), tuple(by_day), mean)


def _found(
    fraud: npt.NDArray[np.bool_], score: Floats, card: npt.NDArray[np.intp], places: int
) -> npt.NDArray[np.intp]:
    """The cards with a fraud among the `places` most suspicious of one day."""
    order = np.lexsort((-score, card))
    first = np.flatnonzero(np.diff(card[order], prepend=-1))
    cards, highest = card[order][first], score[order][first]
    investigated = cards[np.lexsort((cards, -highest))[:places]]
    return investigated[np.isin(investigated, card[fraud])]


def _steps(
    fraud: npt.NDArray[np.bool_], score: Floats
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """How many frauds and how many rows have each score, from the highest score down."""
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    begin = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: ordered.size])
    if not begin.size:
        return begin.astype(np.int64), begin.astype(np.int64)
    frauds = np.add.reduceat(fraud[order].astype(np.int64), begin)
    return frauds, np.diff(np.append(begin, ordered.size)).astype(np.int64)


def _checked(labels: Labels, scores: npt.ArrayLike) -> tuple[npt.NDArray[np.bool_], Floats]:
    label = _column("labels", labels)
    score = _column("scores", scores)
    faults = []
    if label.size != score.size:
        faults.append(Fault("labels", f"one for each of {score.size} scores", f"{label.size}"))
    if label.dtype.kind not in "biuf" or not np.isin(label, (0, 1)).all():
        faults.append(Fault("labels", "0 or 1 for each row", show(label)))
    if score.dtype.kind not in "biuf" or np.isnan(score).any():
        faults.append(Fault("scores", "a number for each row", show(score)))
    if faults:
        raise DataInvalid(faults)
    return label.astype(np.bool_), score.astype(np.float64)


def _column(name: str, values: npt.ArrayLike, size: int | None = None) -> npt.NDArray[Any]:
    """The values as an array of one dimension; an empty list has no type of its own: integers."""
    column = np.asarray(values)
    if column.ndim != 1 or (size is not None and column.size != size):
        expected = "one dimension" if size is None else f"one for each of {size} rows"
        raise DataInvalid(Fault(name, expected, f"shape {column.shape}"))
    return column if column.size else column.astype(np.int64)


def _at_least_one(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ParameterInvalid(Fault(name, "an integer from 1", show(value)))
    return value
