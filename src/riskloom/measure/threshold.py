"""What a threshold does: how many alerts, how much fraud and how much money is among them.

A row is flagged when its score is at least the threshold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.measure.cost import Cost, CostMatrix
from riskloom.measure.result import Result, plain
from riskloom.measure.steps import (
    Floats,
    Integers,
    Labels,
    check_amounts,
    check_days,
    check_scored,
    count_steps,
)

NAN = math.nan


@dataclass(frozen=True, slots=True)
class AtThreshold(Result):
    """Rows counted at one threshold; money and days are None where they are not known.

    `value` is the amount of all frauds, `value_found` that of the flagged ones, both in the unit of the
    amounts.
    """

    threshold: float
    rows: int
    frauds: int
    alerts: int
    found: int
    value: float | None = None
    value_found: float | None = None
    days: int | None = None
    cost: Cost | None = None

    @property
    def false_positives(self) -> int:
        """Legitimate rows that are flagged."""
        return self.alerts - self.found

    @property
    def precision(self) -> float:
        """The share of frauds among the alerts; NaN without alerts."""
        return _share(self.found, self.alerts)

    @property
    def recall(self) -> float:
        """The share of frauds that are flagged; NaN without frauds."""
        return _share(self.found, self.frauds)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return f_beta(self.found, self.alerts, self.frauds)

    @property
    def false_positive_rate(self) -> float:
        """The share of legitimate rows that are flagged."""
        return _share(self.false_positives, self.rows - self.frauds)

    @property
    def false_positives_per_fraud(self) -> float:
        """Wrong alerts for each fraud found; NaN when none is found."""
        return _share(self.false_positives, self.found)

    @property
    def value_detected(self) -> float:
        """The share of the frauds' amount that is flagged; NaN where amounts are not known."""
        if self.value is None or self.value_found is None:
            return NAN
        return _share(self.value_found, self.value)

    @property
    def alerts_per_day(self) -> float:
        """Alerts for each day that has rows; NaN without days."""
        return NAN if self.days is None else _share(self.alerts, self.days)

    def as_data(self) -> dict[str, object]:
        """The counts with what follows from them."""
        return {**Result.as_data(self), **{name: plain(getattr(self, name)) for name in DERIVED}}


DERIVED = (
    "false_positives",
    "precision",
    "recall",
    "f1",
    "false_positive_rate",
    "false_positives_per_fraud",
    "value_detected",
    "alerts_per_day",
)


def measure_at(
    labels: Labels,
    scores: npt.ArrayLike,
    threshold: float,
    *,
    amounts: npt.ArrayLike | None = None,
    days: npt.ArrayLike | None = None,
    matrix: CostMatrix | None = None,
) -> AtThreshold:
    """Everything that one threshold decides.

    Parameters
    ----------
    labels, scores
        n values as for `ranking.roc_auc`.
    amounts
        n numbers from 0; integers are summed exactly.
    days
        n day numbers, for the alerts a day.
    matrix
        With amounts: what decisions cost, in their unit.

    Raises
    ------
    DataInvalid
        For columns that do not fit each other.

    >>> found = measure_at([1, 1, 0, 0], [9, 4, 6, 1], 5, amounts=[70, 30, 10, 20])
    >>> found.precision, found.recall, found.value_detected
    (0.5, 0.5, 0.7)
    """
    fraud, score = check_scored(labels, scores)
    flagged = score >= threshold
    found = int(np.count_nonzero(flagged & fraud))
    counted = (fraud.size, int(np.count_nonzero(fraud)), int(np.count_nonzero(flagged)), found)
    worth = value = None
    if amounts is not None:
        amount = check_amounts(amounts, fraud.size)
        value, worth = float(amount[fraud].sum()), float(amount[flagged & fraud].sum())
    count_days = None if days is None else len(np.unique(check_days(days, fraud.size)))
    cost = None
    if matrix is not None and value is not None and worth is not None:
        cost = _cost(matrix, counted, value, worth)
    return AtThreshold(float(threshold), *counted, value, worth, count_days, cost)


def _cost(matrix: CostMatrix, counted: tuple[int, int, int, int], value: float, worth: float) -> Cost:
    _, frauds, alerts, found = counted
    return Cost(
        matrix.total(alerts, alerts - found, worth, value), value, matrix.total(frauds, 0, value, value)
    )


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """Every threshold that makes a difference, from the highest: what would be flagged there.

    The first one is infinite (nothing is flagged), then each distinct score. `value_found` is None without
    amounts.
    """

    thresholds: Floats
    alerts: Integers
    found: Integers
    value_found: npt.NDArray[Any] | None

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.alerts[-1])

    @property
    def frauds(self) -> int:
        """How many of them are frauds."""
        return int(self.found[-1])

    @property
    def precision(self) -> Floats:
        """The share of frauds among the alerts; NaN where there are none."""
        return _shares(self.found, self.alerts)

    @property
    def recall(self) -> Floats:
        """The share of frauds that are flagged."""
        return _shares(self.found, np.full(self.found.size, self.frauds))

    @property
    def false_positive_rate(self) -> Floats:
        """The share of legitimate rows that are flagged."""
        return _shares(self.alerts - self.found, np.full(self.found.size, self.rows - self.frauds))

    def f_beta(self, beta: float = 1.0) -> Floats:
        """The F-measure at each threshold, `beta` > 1 for more weight on recall; 0 where nothing is found."""
        weighed = beta * beta * self.frauds + self.alerts
        return _shares((1 + beta * beta) * self.found, weighed)

    def cost(self, matrix: CostMatrix) -> Floats:
        """The cost at each threshold; needs amounts."""
        if self.value_found is None:
            return np.full(self.thresholds.size, NAN)
        found = self.value_found.astype(np.float64)
        total: Any = matrix.total
        return np.asarray(total(self.alerts, self.alerts - self.found, found, found[-1]), np.float64)


def sweep_thresholds(labels: Labels, scores: npt.ArrayLike, *, amounts: npt.ArrayLike | None = None) -> Sweep:
    """What each threshold would flag: O(n log n) for all of them; parameters as for `measure_at`.

    >>> sweep_thresholds([1, 0, 1], [3, 2, 2]).precision.round(2).tolist()
    [nan, 1.0, 0.67]
    """
    fraud, score = check_scored(labels, scores)
    steps = count_steps(fraud, score)
    found = value = None
    if amounts is not None:
        value = steps.sums(check_amounts(amounts, fraud.size) * fraud)
        found = np.concatenate([np.zeros(1, value.dtype), np.cumsum(value)])
    return Sweep(
        np.append(np.inf, steps.scores),
        np.append(0, np.cumsum(steps.rows)),
        np.append(0, np.cumsum(steps.frauds)),
        found,
    )


def f_beta(found: float, alerts: float, frauds: float, beta: float = 1.0) -> float:
    """The F-measure of so many found frauds; 0 when none is found, NaN without alerts and frauds.

    >>> f_beta(found=3, alerts=4, frauds=6)
    0.6
    """
    return _share((1 + beta * beta) * found, beta * beta * frauds + alerts)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else NAN


def _shares(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Floats:
    shares = np.full(part.shape, NAN)
    np.divide(part, whole, out=shares, where=whole != 0)
    return shares
