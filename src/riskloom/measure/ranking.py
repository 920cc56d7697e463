"""How well scores rank fraud above the rest, from labels that came later.

Ties count as what they are. `roc_auc` and `average_precision` treat equal scores as one step, as scikit-learn
does; `precision_at_k` takes the mean over all orders of the tied rows, so no measure depends on the order of
the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskloom.measure.result import Result
from riskloom.measure.steps import (
    Flags,
    Floats,
    Labels,
    Steps,
    check_column,
    check_count,
    check_days,
    check_scored,
    check_share,
    count_steps,
)


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
    steps = count_steps(*check_scored(labels, scores))
    frauds, rows = steps.frauds, steps.rows
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
    steps = count_steps(*check_scored(labels, scores))
    total = int(steps.frauds.sum())
    if not total:
        return float("nan")
    precision = np.cumsum(steps.frauds) / np.cumsum(steps.rows)
    return float((steps.frauds / total * precision).sum())


def recall_at_fpr(labels: Labels, scores: npt.ArrayLike, rate: float = 0.01) -> float:
    """The highest recall of a threshold that flags at most `rate` of the legitimate rows.

    A threshold that exists, not a point between two: rows with the same score are flagged together, so the
    figure can be had in service. NaN without both kinds; n labels (0, 1) and n scores as for `roc_auc`.

    >>> recall_at_fpr([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.6], 0.25)
    0.5
    """
    most = check_share("rate", rate)
    steps = count_steps(*check_scored(labels, scores))
    found = np.cumsum(steps.frauds)
    wrong = np.cumsum(steps.rows) - found
    if not found.size or not found[-1] or not wrong[-1]:
        return float("nan")
    return float(np.max(found, where=wrong / wrong[-1] <= most, initial=0)) / int(found[-1])


def precision_at_k(labels: Labels, scores: npt.ArrayLike, k: int) -> float:
    """The share of frauds among the k highest scores; with fewer than k rows the empty places are misses.

    Rows that tie for the last places count with the mean over all ways to order them; n labels (0, 1) and n
    scores as for `roc_auc`.

    Raises
    ------
    ParameterInvalid
        When k is not an integer from 1.
    """
    places = check_count("k", k)
    return _top(count_steps(*check_scored(labels, scores)), places)


@dataclass(frozen=True, slots=True)
class DailyPrecision(Result):
    """The precision of the k alerts of each day: the `days`, the precision on each, the `mean` over them."""

    k: int
    days: tuple[int, ...]
    by_day: tuple[float, ...]
    mean: float


def daily_precision_at_k(
    labels: Labels, scores: npt.ArrayLike, days: npt.ArrayLike, k: int = 100
) -> DailyPrecision:
    """`precision_at_k` of each day's rows: what a team that looks at k events a day finds.

    Parameters
    ----------
    labels, scores
        n values as for `roc_auc`.
    days
        n integers; those without a row are no days.

    Raises
    ------
    DataInvalid, ParameterInvalid
        As the other measures.

    >>> daily_precision_at_k([1, 0, 0, 1], [0.9, 0.1, 0.8, 0.2], [1, 1, 2, 2], 1).by_day
    (1.0, 0.0)
    """
    places = check_count("k", k)
    fraud, score = check_scored(labels, scores)
    every_day, parts = _by_day(check_days(days, fraud.size))
    by_day = [_top(count_steps(fraud[rows], score[rows]), places) for rows in parts]
    return _daily(places, every_day, by_day)


def card_precision_at_k(
    labels: Labels,
    scores: npt.ArrayLike,
    cards: npt.ArrayLike,
    days: npt.ArrayLike,
    k: int = 100,
    *,
    remove_found: bool = True,
) -> DailyPrecision:
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
        n ids of cards, or of any other entity that is investigated as a whole: integers or text.
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
    places = check_count("k", k)
    fraud, score = check_scored(labels, scores)
    card = check_column("cards", cards, fraud.size)
    every_day, parts = _by_day(check_days(days, fraud.size))
    ids, card = np.unique(card, return_inverse=True)
    blocked = np.zeros(ids.size, np.bool_)
    by_day: list[float] = []
    for of_day in parts:
        rows = of_day[~blocked[card[of_day]]]
        found = _found(fraud[rows], score[rows], card[rows], places)
        by_day.append(found.size / places)
        if remove_found:
            blocked[found] = True
    return _daily(places, every_day, by_day)


def _found(fraud: Flags, score: Floats, card: npt.NDArray[np.intp], places: int) -> npt.NDArray[np.intp]:
    """The cards with a fraud among the `places` most suspicious of one day."""
    order = np.lexsort((-score, card))
    first = np.flatnonzero(np.diff(card[order], prepend=-1))
    cards, highest = card[order][first], score[order][first]
    investigated = cards[np.lexsort((cards, -highest))[:places]]
    return investigated[np.isin(investigated, card[fraud])]


def _top(steps: Steps, places: int) -> float:
    """The share of frauds in the first `places`, ties by the mean over their orders."""
    taken = np.clip(places - (np.cumsum(steps.rows) - steps.rows), 0, steps.rows)
    return float((steps.frauds * (taken / steps.rows)).sum()) / places


def _by_day(day: npt.NDArray[np.integer]) -> tuple[tuple[int, ...], list[npt.NDArray[np.intp]]]:
    """The days in their order, and the rows of each."""
    order = np.argsort(day, kind="stable")
    every, starts = np.unique(day[order], return_index=True)
    return tuple(int(today) for today in every), np.split(order, starts[1:]) if every.size else []


def _daily(places: int, days: tuple[int, ...], by_day: list[float]) -> DailyPrecision:
    mean = float(np.mean(by_day)) if by_day else float("nan")
    return DailyPrecision(places, days, tuple(by_day), mean)
