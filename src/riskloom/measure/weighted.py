"""Figures from labels that are known of some events only, each weighted by the inverse of its propensity.

What is stopped never shows what it would have been. A control group that is let through by chance does: each
of its events stands for `1 / propensity` events that would have been stopped (Horvitz and Thompson). Counting
the labels that happen to be there as if they were all is biased: it forgets the frauds that were stopped.

References
----------
D. G. Horvitz, D. J. Thompson, "A Generalization of Sampling Without Replacement from a Finite Universe",
Journal of the American Statistical Association 47, 1952, doi:10.1080/01621459.1952.10483446.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskloom.errors import DataInvalid, Fault
from riskloom.measure.interval import Estimate
from riskloom.measure.result import Result

Floats = npt.NDArray[np.float64]
_NORMAL_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Weighted(Result):
    """What a policy would stop, over everything that was decided; `*_value` are in the unit of the amounts.

    `control` events were let through by chance, and these figures rest on them; with none they are NaN where
    anything would be stopped. Intervals are 95 %, from the variance of the estimator.
    """

    control: int
    stopped: Estimate
    caught: Estimate
    missed: float
    caught_value: float
    missed_value: float

    @property
    def precision(self) -> float:
        """The share of fraud in what would be stopped."""
        return self.caught.value / self.stopped.value if self.stopped.value else math.nan

    @property
    def recall(self) -> float:
        """The share of all fraud that would be stopped."""
        frauds = self.caught.value + self.missed
        return self.caught.value / frauds if frauds else math.nan

    def as_data(self) -> dict[str, object]:
        """The fields with what follows from them."""
        more = {"precision": self.precision, "recall": self.recall}
        return Result.as_data(self) | {
            name: None if math.isnan(value) else value for name, value in more.items()
        }


def weigh(
    labels: npt.ArrayLike,
    stops: npt.ArrayLike,
    propensities: npt.ArrayLike,
    amounts: npt.ArrayLike | None = None,
) -> Weighted:
    """Estimate what a policy stops from the events that were let through.

    Parameters
    ----------
    labels
        n values of the events that were let through: 1 for fraud, 0 for honest.
    stops
        n truths: whether the policy would have stopped the event, so that it is of the control group.
    propensities
        n chances in (0, 1] with which each was let through; 1 for what is never stopped.
    amounts
        n amounts; 1 each without them.

    Raises
    ------
    DataInvalid
        For lengths that differ, and for propensities outside (0, 1].
    """
    fraud, stop = np.asarray(labels, np.float64) == 1, np.asarray(stops, np.bool_)
    chance = np.asarray(propensities, np.float64)
    worth = np.ones(len(fraud)) if amounts is None else np.asarray(amounts, np.float64)
    if not len(fraud) == len(stop) == len(chance) == len(worth):
        expected = f"{len(fraud)} values, as of the labels"
        raise DataInvalid(Fault("propensities", expected, f"{len(stop)}, {len(chance)}, {len(worth)}"))
    if not ((chance > 0) & (chance <= 1)).all():
        raise DataInvalid(Fault("propensities", "chances above 0 and up to 1", "others"))
    weight = 1.0 / chance
    return Weighted(
        int(stop.sum()),
        _total(weight[stop]),
        _total(weight[stop & fraud]),
        float(weight[~stop & fraud].sum()),
        float((weight * worth)[stop & fraud].sum()),
        float((weight * worth)[~stop & fraud].sum()),
    )


def _total(weights: Floats) -> Estimate:
    """How many there are of which these were seen; each by a chance of its own, the inverse of its weight."""
    total = float(weights.sum())
    spread = _NORMAL_95 * math.sqrt(float((weights * (weights - 1.0)).sum()))
    return Estimate(total, max(total - spread, 0.0), total + spread)
