"""Reports: what was decided in a period, and what became of it, by day, week, month, reason or field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from riskloom.domain.field import FieldType
from riskloom.errors import Fault, ParameterInvalid, nearest, show
from riskloom.measure.interval import wilson
from riskloom.measure.result import plain
from riskloom.scenario.scenario import Scenario
from riskloom.server.decisions.record import decode
from riskloom.server.reports.repo import DAY, Key, ReportRepo, Told

PERIODS = (DAY, "week", "month")
REASON = "reason"
MOST_KEYS = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).date()
_PARTS = (FieldType.CATEGORY, FieldType.BOOLEAN)


@dataclass(slots=True)
class Line:
    """Counts of one key; `caught` are flagged frauds, values in minor units of the base currency."""

    decided: int = 0
    flagged: int = 0
    rejected: int = 0
    labelled: int = 0
    frauds: int = 0
    caught: int = 0
    flagged_labelled: int = 0
    value_caught: int = 0
    value_missed: int = 0

    def count(self, outcomes: Mapping[int, int]) -> None:
        """Add decisions by outcome rank."""
        self.decided += sum(outcomes.values())
        self.flagged += sum(count for rank, count in outcomes.items() if rank > 0)
        self.rejected += outcomes.get(2, 0)

    def tell(self, told: Told) -> None:
        """Add what one event turned out to be."""
        flagged = told.outcome > 0
        self.labelled += 1
        self.frauds += told.fraud
        self.flagged_labelled += flagged
        if told.fraud:
            self.caught += flagged
            if flagged:
                self.value_caught += told.amount_minor
            else:
                self.value_missed += told.amount_minor

    def as_data(self) -> dict[str, Any]:
        """The line as plain values, with shares and their 95 % intervals."""
        names = (
            "decided",
            "flagged",
            "rejected",
            "labelled",
            "frauds",
            "caught",
            "value_caught",
            "value_missed",
        )
        return {
            **{name: getattr(self, name) for name in names},
            "precision": plain(wilson(self.caught, self.flagged_labelled)),
            "recall": plain(wilson(self.caught, self.frauds)),
        }


class ReportService:
    """Reports of one scenario."""

    def __init__(self, repo: ReportRepo, scenario: Scenario) -> None:
        self._repo = repo
        self._scenario = scenario
        money = next((field for field in scenario.fields if field.name == money_of(scenario)), None)
        self._decimals = 0 if money is None else len(str(money.scale)) - 1
        self.keys = (*PERIODS, REASON, *(field.name for field in scenario.fields if field.type in _PARTS))

    def report(self, by: str, from_us: int, to_us: int) -> dict[str, Any]:
        """Counts by key, and in all.

        Raises
        ------
        ParameterInvalid
            When nothing can be counted by this.
        """
        if by not in self.keys:
            expected = f"one of {', '.join(self.keys)}"
            raise ParameterInvalid(Fault("by", expected, show(by), nearest(by, self.keys)))
        counted = DAY if by in (*PERIODS, REASON) else by
        ranks = self._repo.outcomes(counted, from_us, to_us)
        told = self._repo.labelled(counted, from_us, to_us)
        whole = Line()
        for outcomes in ranks.values():
            whole.count(outcomes)
        for one in told.values():
            whole.tell(one)
        lines = self._by_reason(told, from_us, to_us) if by == REASON else _by_key(by, ranks, told.values())
        shown = sorted(lines.items(), key=_order(by))[:MOST_KEYS]
        return {
            "by": by,
            "currency": self._scenario.base_currency,
            "decimals": self._decimals,
            "lines": [{"key": key, **line.as_data()} for key, line in shown],
            "whole": whole.as_data(),
        }

    def _by_reason(self, told: Mapping[int, Told], from_us: int, to_us: int) -> dict[Key, Line]:
        """A decision counts with each of its reasons."""
        lines: dict[Key, Line] = {}
        for reasons, outcome, arrival in self._repo.reasons(from_us, to_us):
            for code in {reason["code"] for reason in decode(reasons)}:
                line = lines.setdefault(code, Line())
                line.count({outcome: 1})
                if arrival in told:
                    line.tell(told[arrival])
        return lines


def money_of(scenario: Scenario) -> str:
    """The field that holds the amount of an event, or nothing."""
    return next((field.name for field in scenario.fields if field.type is FieldType.MONEY), "")


def _by_key(by: str, ranks: Mapping[Key, Mapping[int, int]], told: Iterable[Told]) -> dict[Key, Line]:
    lines: dict[Key, Line] = {}
    for key, outcomes in ranks.items():
        lines.setdefault(_named(by, key), Line()).count(outcomes)
    for one in told:
        lines.setdefault(_named(by, one.key), Line()).tell(one)
    return lines


def _named(by: str, key: Key) -> Key:
    """A day's number as the first day of its period, in ISO 8601; any other key as it is."""
    if by not in PERIODS or not isinstance(key, int):
        return key
    day: date = _EPOCH + timedelta(days=key)
    if by == "week":
        day -= timedelta(days=day.weekday())
    elif by == "month":
        day = day.replace(day=1)
    return day.isoformat()


def _order(by: str) -> Any:
    """Periods in their order, everything else the most flagged first."""
    if by in PERIODS:
        return lambda pair: str(pair[0])
    return lambda pair: (-pair[1].flagged, -pair[1].decided, str(pair[0]))
