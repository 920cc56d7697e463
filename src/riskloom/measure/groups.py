"""The same measures for each part of the rows: by segment, by month."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.errors import Fault, ParameterInvalid, show
from riskloom.measure.cost import CostMatrix
from riskloom.measure.interval import Estimate, wilson
from riskloom.measure.ranking import average_precision, roc_auc
from riskloom.measure.result import Result
from riskloom.measure.steps import Labels, check_amounts, check_column, check_scored
from riskloom.measure.threshold import AtThreshold, measure_at

MISSING = "(missing)"
REST = "(all others)"


@dataclass(frozen=True, slots=True)
class Group(Result):
    """The rows with one value: rank measures over them, and what the one threshold does to them.

    `precision` and `recall` carry 95 % score intervals.
    """

    name: str
    roc_auc: float
    average_precision: float
    precision: Estimate
    recall: Estimate
    at: AtThreshold


def measure_groups(
    labels: Labels,
    scores: npt.ArrayLike,
    groups: npt.ArrayLike,
    threshold: float,
    *,
    amounts: npt.ArrayLike | None = None,
    matrix: CostMatrix | None = None,
    most: int = 0,
) -> tuple[Group, ...]:
    """One `Group` for each value, in the order of the values.

    Parameters
    ----------
    labels, scores, threshold, amounts, matrix
        As for `threshold.measure_at`.
    groups
        n values: texts, integers or truths. None, NaN and empty texts are one group, `(missing)`, the last.
    most
        Above 0: only so many groups, those with the most frauds (then rows); the rest is one group more.

    Raises
    ------
    DataInvalid
        For columns that do not fit each other.

    >>> [group.recall.value for group in measure_groups([1, 1, 0], [3, 1, 2], ["a", "b", "b"], 2)]
    [1.0, 0.0]
    """
    fraud, score = check_scored(labels, scores)
    names, place = name_groups(groups, fraud.size)
    amount = None if amounts is None else check_amounts(amounts, fraud.size)
    if 0 < most < len(names):
        names, place = _keep(names, place, fraud, most)
    found = []
    for at, name in enumerate(names):
        rows = np.flatnonzero(place == at)
        own, held = fraud[rows], score[rows]
        counted = measure_at(
            own, held, threshold, amounts=None if amount is None else amount[rows], matrix=matrix
        )
        found.append(
            Group(
                name,
                roc_auc(own, held),
                average_precision(own, held),
                wilson(counted.found, counted.alerts),
                wilson(counted.found, counted.frauds),
                counted,
            )
        )
    return tuple(found)


def name_groups(values: npt.ArrayLike, size: int) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The names of the groups, and which one each row is in; the last may be `(missing)`."""
    distinct, place = encode(values, size)
    if (place < 0).any():
        return [*distinct, MISSING], np.where(place < 0, len(distinct), place)
    return distinct, place


def encode(values: npt.ArrayLike, size: int) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The distinct values as text, in their order, and the number of each row's value: -1 where missing.

    >>> encode(["b", "a", "", "b"], 4)[1].tolist()
    [1, 0, -1, 1]
    """
    column = check_column("groups", values, size)
    lacking = _lacking(column)
    known = column[~lacking]
    if known.dtype.kind == "O":
        known = known.astype(np.str_)
    distinct, inverse = np.unique(known, return_inverse=True)
    place = np.full(size, -1, np.int64)
    place[~lacking] = inverse
    return [str(value) for value in distinct], place


def name_bands(values: npt.ArrayLike, edges: Sequence[float]) -> npt.NDArray[np.str_]:
    """The band of each number between rising edges, as text for `measure_groups`; empty where missing.

    >>> name_bands([5, 20, float("nan"), 250], [20, 100]).tolist()
    ['below 20', '20 to 100', '', 'from 100']
    """
    column = check_column("values", values).astype(np.float64)
    shown = [f"{edge:,.10g}" for edge in edges]
    if not shown or any(low >= high for low, high in pairwise(edges)):
        raise ParameterInvalid(Fault("edges", "rising numbers, at least one", show(edges)))
    between = [f"{low} to {high}" for low, high in pairwise(shown)]
    names = np.array([f"below {shown[0]}", *between, f"from {shown[-1]}", ""])
    place = np.searchsorted(np.asarray(edges, np.float64), column, side="right")
    return np.asarray(names[np.where(np.isnan(column), len(shown) + 1, place)], np.str_)


def _lacking(column: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    if column.dtype.kind == "f":
        return np.asarray(np.isnan(column), np.bool_)
    if column.dtype.kind == "U":
        return np.asarray(column == "", np.bool_)
    if column.dtype.kind == "O":
        return np.array([value is None or value == "" or value != value for value in column], np.bool_)
    return np.zeros(column.size, np.bool_)


def _keep(
    names: list[str], place: npt.NDArray[np.int64], fraud: npt.NDArray[np.bool_], most: int
) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The `most` groups with the most frauds, in their old order, and one for the rest."""
    frauds = np.bincount(place, weights=fraud, minlength=len(names))
    rows = np.bincount(place, minlength=len(names))
    kept = np.sort(np.lexsort((-rows, -frauds))[:most])
    becomes = np.full(len(names), most, np.int64)
    becomes[kept] = np.arange(kept.size)
    return [*(names[at] for at in kept), REST], becomes[place]


def weakest(groups: tuple[Group, ...], overall: float) -> tuple[Group, ...]:
    """Groups whose recall is below the overall one by more than chance explains, the weakest first."""
    low = [group for group in groups if not math.isnan(group.recall.high) and group.recall.high < overall]
    return tuple(sorted(low, key=lambda group: group.recall.value))
