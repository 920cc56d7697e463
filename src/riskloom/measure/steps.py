"""Rows grouped by equal score, the highest first: what all rank measures count on. And the checks of columns.

A threshold cannot part rows with the same score, so neither does anything here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.errors import DataInvalid, Fault, ParameterInvalid, show

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Labels = npt.ArrayLike

_EXACT_BELOW = 2.0**62


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """The distinct `scores`, falling, and how many `frauds` and `rows` have each.

    `order` are the rows by falling score (equal ones in their own order), `starts` where each step begins.
    """

    scores: Floats
    frauds: Integers
    rows: Integers
    order: npt.NDArray[np.intp]
    starts: npt.NDArray[np.intp]

    def sums(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The sum of a row's values over each step, in the type of the values."""
        if not self.starts.size:
            return values[:0]
        return np.asarray(np.add.reduceat(values[self.order], self.starts))


def count_steps(fraud: Flags, score: Floats) -> Steps:
    """Count checked columns; O(n log n)."""
    order = np.argsort(-score, kind="stable")
    ordered = score[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: ordered.size])
    if not starts.size:
        nothing = starts.astype(np.int64)
        return Steps(ordered, nothing, nothing, order, starts)
    frauds = np.add.reduceat(fraud[order].astype(np.int64), starts)
    rows = np.diff(np.append(starts, ordered.size)).astype(np.int64)
    return Steps(ordered[starts], frauds, rows, order, starts)


def check_scored(labels: Labels, scores: npt.ArrayLike) -> tuple[Flags, Floats]:
    """Labels as booleans and scores as float64, one for one.

    Raises
    ------
    DataInvalid
        For other labels than 0 and 1, NaN, or lengths that differ.
    """
    label = check_column("labels", labels)
    score = check_column("scores", scores)
    faults = []
    if label.size != score.size:
        faults.append(Fault("labels", f"one for each of {score.size} scores", f"{label.size}"))
    if label.dtype.kind not in "biuf" or not ((label == 0) | (label == 1)).all():
        faults.append(Fault("labels", "0 or 1 for each row", show(label)))
    if score.dtype.kind not in "biuf" or np.isnan(score).any():
        faults.append(Fault("scores", "a number for each row", show(score)))
    if faults:
        raise DataInvalid(faults)
    return label.astype(np.bool_), score.astype(np.float64)


def check_column(name: str, values: npt.ArrayLike, size: int | None = None) -> npt.NDArray[Any]:
    """The values as an array of one dimension; an empty list has no type of its own: integers."""
    column = np.asarray(values)
    if column.ndim != 1 or (size is not None and column.size != size):
        expected = "one dimension" if size is None else f"one for each of {size} rows"
        raise DataInvalid(Fault(name, expected, f"shape {column.shape}"))
    return column if column.size else column.astype(np.int64)


def check_days(days: npt.ArrayLike, size: int) -> npt.NDArray[Any]:
    """A day number for each row."""
    day = check_column("days", days, size)
    if day.dtype.kind not in "iu":
        raise DataInvalid(Fault("days", "integers", str(day.dtype)))
    return day


def check_amounts(amounts: npt.ArrayLike, size: int) -> npt.NDArray[Any]:
    """An amount for each row, from 0: integers (minor units) stay int64, whose sums are exact."""
    amount = check_column("amounts", amounts, size)
    if amount.dtype.kind not in "biuf" or not (np.isfinite(amount) & (amount >= 0)).all():
        raise DataInvalid(Fault("amounts", "a finite number from 0 for each row", show(amount)))
    exact = amount.dtype.kind in "biu" and float(amount.astype(np.float64).sum()) < _EXACT_BELOW
    return amount.astype(np.int64 if exact else np.float64)


def check_count(name: str, value: int) -> int:
    """An integer from 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ParameterInvalid(Fault(name, "an integer from 1", show(value)))
    return value


def check_share(name: str, value: float) -> float:
    """A number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ParameterInvalid(Fault(name, "a number from 0 to 1", show(value)))
    return float(value)
