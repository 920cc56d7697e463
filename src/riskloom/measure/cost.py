"""What decisions cost in money: the fraud let through, the alerts looked at, the honest people bothered."""

from __future__ import annotations

import math
from dataclasses import dataclass

from riskloom.errors import Fault, ParameterInvalid, show
from riskloom.measure.result import Result


@dataclass(frozen=True, slots=True)
class CostMatrix(Result):
    """What one decision costs, in the unit of the amounts.

    A fraud that is let through costs its amount. A fraud that is flagged costs `review_cost` and what of its
    amount is not recovered; a legitimate event that is flagged costs `review_cost + insult_cost` (the
    customer's trouble); one that is let through costs nothing.

    Raises
    ------
    ParameterInvalid
        For costs below 0 and shares outside 0 to 1, all at once.
    """

    review_cost: float
    insult_cost: float = 0.0
    recovered_share: float = 1.0

    def __post_init__(self) -> None:
        most = {"review_cost": math.inf, "insult_cost": math.inf, "recovered_share": 1.0}
        faults = []
        for name, limit in most.items():
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not 0 <= value <= limit or not math.isfinite(value):
                expected = "a share from 0 to 1" if limit == 1.0 else "a finite number from 0"
                faults.append(Fault(name, expected, show(value)))
        if faults:
            raise ParameterInvalid(faults)

    def total(self, alerts: float, false_positives: float, value_found: float, value: float) -> float:
        """The cost of so many alerts, with so much of all fraud's value among them; arrays work, too.

        >>> CostMatrix(2.0, 5.0, 0.9).total(alerts=10, false_positives=6, value_found=1000, value=1200)
        350.0
        """
        lost = value - self.recovered_share * value_found
        return lost + self.review_cost * alerts + self.insult_cost * false_positives


@dataclass(frozen=True, slots=True)
class Cost(Result):
    """`total` beside `without`, the cost if nothing were flagged, and `perfect`, if exactly all fraud were.

    `saved` is without - total; below 0 the alerts cost more than they bring.
    """

    total: float
    without: float
    perfect: float

    @property
    def saved(self) -> float:
        """How much less it costs than flagging nothing."""
        return self.without - self.total

    @property
    def saved_share(self) -> float:
        """The part of what a perfect detector would save that is saved; NaN where it could save nothing."""
        possible = self.without - self.perfect
        return self.saved / possible if possible > 0 else math.nan

    def as_data(self) -> dict[str, object]:
        """The fields with what follows from them."""
        return {**Result.as_data(self), "saved": self.saved, "saved_share": _known(self.saved_share)}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
