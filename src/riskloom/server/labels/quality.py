"""How good decisions were, by the labels that are known now: in all, rule by rule and week by week.

What was stopped is judged by the labels there are; `weighted` says what the policy stops from the control
group alone, each of its events by the inverse of its propensity.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from riskloom.domain.decision import CONTROL_REASON
from riskloom.domain.show import show_scaled, show_time
from riskloom.measure.interval import wilson
from riskloom.measure.weighted import weigh

DAY_US = 86_400_000_000
WEEK_US = 7 * DAY_US
_MONDAY_US = 4 * DAY_US
"""1970-01-05."""


class Judged(NamedTuple):
    """A decision as it is judged; `fraud` is None where nobody has said."""

    time_us: int
    outcome: int
    reasons: list[dict[str, Any]]
    fraud: bool | None
    amount: int


@dataclass(slots=True)
class Tally:
    """Counts of decisions, and what they were worth in minor units."""

    decisions: int = 0
    labelled: int = 0
    stopped: int = 0
    frauds: int = 0
    caught: int = 0
    false_alarms: int = 0
    values: dict[str, int] = field(default_factory=lambda: {"caught": 0, "missed": 0})

    def add(self, one: Judged, *, stopped: bool) -> None:
        """Count one decision."""
        self.decisions += 1
        self.stopped += stopped
        if one.fraud is None:
            return
        self.labelled += 1
        self.frauds += one.fraud
        self.caught += one.fraud and stopped
        self.false_alarms += stopped and not one.fraud
        if one.fraud:
            self.values["caught" if stopped else "missed"] += one.amount

    def as_data(self, decimals: int) -> dict[str, Any]:
        """The counts with precision (of what is labelled), recall and value; null where there is none."""
        precision = wilson(self.caught, self.caught + self.false_alarms)
        return {
            "decisions": self.decisions,
            "labelled": self.labelled,
            "maturity": self.labelled / self.decisions if self.decisions else None,
            "stopped": self.stopped,
            "frauds": self.frauds,
            "caught": self.caught,
            "precision": precision.as_data() if self.caught + self.false_alarms else None,
            "recall": self.caught / self.frauds if self.frauds else None,
            "value_caught": show_scaled(self.values["caught"], decimals),
            "value_missed": show_scaled(self.values["missed"], decimals),
        }


def measure(decided: Iterable[Judged], decimals: int, honest_before_us: int) -> dict[str, Any]:
    """Figures of decisions.

    Parameters
    ----------
    decimals
        Of the amounts.
    honest_before_us
        Events before this that nobody called a fraud count as honest: labels that were to come have come.
    """
    whole, weeks, rules = Tally(), defaultdict[int, Tally](Tally), defaultdict[str, Tally](Tally)
    known: list[tuple[bool, bool, float, float]] = []
    for told in decided:
        one = (
            told if told.fraud is not None or told.time_us >= honest_before_us else told._replace(fraud=False)
        )
        stopped = one.outcome > 0
        whole.add(one, stopped=stopped)
        weeks[(one.time_us - _MONDAY_US) // WEEK_US].add(one, stopped=stopped)
        propensity = 1.0
        for reason in one.reasons:
            if reason["code"] == CONTROL_REASON:
                propensity = reason["values"]["propensity"]
            elif "shadow" not in reason["values"]:
                rules[reason["code"]].add(one, stopped=True)
        if one.fraud is not None and not stopped:
            known.append((one.fraud, propensity < 1.0, propensity, one.amount / 10**decimals))
    columns = [list(column) for column in zip(*known, strict=True)] or [[], [], [], []]
    estimate = weigh(*columns)
    return {
        **whole.as_data(decimals),
        "weighted": estimate.as_data() if estimate.control else None,
        "by_rule": {code: _of_rule(rules[code], decimals) for code in sorted(rules)},
        "by_week": [
            {"from": show_time(week * WEEK_US + _MONDAY_US), **weeks[week].as_data(decimals)}
            for week in sorted(weeks)
        ],
    }


def _of_rule(tally: Tally, decimals: int) -> dict[str, Any]:
    """A reason's figures: recall is not its own to have."""
    told = tally.as_data(decimals)
    kept = ("decisions", "labelled", "maturity", "caught", "precision", "value_caught")
    return {name: told[name] for name in kept}
