"""The alert budget: so many entities first flagged a day, by a threshold that follows the days before."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from riskloom.expression.zones import zone

DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Budget:
    """What is declared: at most `per_day` entities first flagged a day, in each segment.

    `days` are the days before from which the threshold is taken. `not_below` is the least worth that is ever
    flagged.
    """

    per_day: int
    entity: str
    segment: str = ""
    days: int = 7
    not_below: float = 50.0


@dataclass(slots=True)
class _Segment:
    """One segment's day so far, and the days before it."""

    day: int
    threshold: float | None
    flagged: set[str] = field(default_factory=set)
    forced: set[str] = field(default_factory=set)
    best: dict[str, float] = field(default_factory=dict)
    nameless: int = 0
    """Flagged events without an entity: each counts as an entity of its own."""
    past: dict[int, tuple[int, list[float]]] = field(default_factory=dict)
    """Of each day before: how many entities were flagged whatever the budget said, and the best of others."""

    @property
    def used(self) -> int:
        return len(self.flagged) + self.nameless


class AlertBudget:
    """Decides which of the model's flags the budget has room for.

    The worth of an event is what the policy orders by: the risk score, or what a look is expected to save.
    An entity's worth on a day is the highest of its events. The threshold of a day is the worth that, over
    the days before (at most `Budget.days` of the calendar), as many entities reached as the budget had room
    for; what rules and lists flagged, and what was rejected, counts first and is never held back. Within the
    day the model first flags no entity once `per_day` were flagged. Another flag of an entity that was
    flagged that day is free: people look at it anyway, so the policy's own threshold is enough for its other
    events. On the first day the policy's own threshold holds for all. Days are those of the arrival, in the
    scenario's time zone, and never go back.

    Notes
    -----
    State is driven in arrival order, live and in a replay alike, by `take` for every decision made through
    the budget; `look` changes nothing. It is a function of the decisions of the last `Budget.days` + 1
    calendar days, so it is recovered from the log: `take` with every decided event of these days, in arrival
    order (`Judge.hear` does so from a stored decision). Events that were taken in without a decision, or
    decided later than they arrived (`Judge.hear` knows them), are not part of it.
    """

    def __init__(self, budget: Budget, timezone: str) -> None:
        self.budget = budget
        self._zone = zone(timezone)
        self._segments: dict[str, _Segment] = {}

    def day_of(self, at_us: int) -> int:
        """The local calendar day of a time, as days since 1970-01-01."""
        return int(self._zone.local(at_us)) // DAY_US

    def look(
        self, at_us: int, entity: str | None, segment: str | None, worth: float, flagged: bool
    ) -> tuple[bool, bool, float | None]:
        """(whether the model flags, whether only the budget being used up keeps it from it, the threshold).

        Parameters
        ----------
        at_us
            Time of arrival, µs UTC.
        worth
            NaN where it is unknown: then `flagged` decides, as it does on the first day.
        flagged
            What the policy says without the budget.
        """
        found = self._segments.get(segment or "")
        threshold, full, free = None, self.budget.per_day < 1, False
        if found is not None:
            if self.day_of(at_us) <= found.day:
                threshold = found.threshold
                full, free = found.used >= self.budget.per_day, entity in found.flagged
            else:
                threshold = self._threshold(self._close(found), self.day_of(at_us))
        asks = flagged if threshold is None or worth != worth else worth >= threshold or (free and flagged)
        room = free or not full
        return asks and room, asks and not room, threshold

    def take(
        self, at_us: int, entity: str | None, segment: str | None, worth: float, flagged: bool, forced: bool
    ) -> None:
        """Take one decision in.

        Parameters
        ----------
        worth
            NaN where the model had nothing to say.
        flagged
            Whether the outcome is not APPROVED.
        forced
            Whether it would be so whatever the budget said.
        """
        found = self._turn(segment or "", self.day_of(at_us))
        if worth >= self.budget.not_below and entity is not None:
            found.best[entity] = max(worth, found.best.get(entity, -math.inf))
        if not flagged:
            return
        if entity is None:
            found.nameless += 1
            return
        found.flagged.add(entity)
        if forced:
            found.forced.add(entity)

    def _turn(self, name: str, day: int) -> _Segment:
        """The segment, turned to a day."""
        found = self._segments.get(name)
        if found is None:
            found = self._segments[name] = _Segment(day, None)
        elif day > found.day:
            past = self._close(found)
            past = {at: told for at, told in past.items() if at >= day - self.budget.days}
            found = self._segments[name] = _Segment(day, self._threshold(past, day), past=past)
        return found

    def _close(self, found: _Segment) -> dict[int, tuple[int, list[float]]]:
        """The days before the next one: those before this one, and this one."""
        most = self.budget.per_day * self.budget.days
        best = (worth for entity, worth in found.best.items() if entity not in found.forced)
        return {**found.past, found.day: (len(found.forced), sorted(best, reverse=True)[:most])}

    def _threshold(self, past: Mapping[int, tuple[int, list[float]]], day: int) -> float | None:
        """What an entity's worth has to reach on a day; None without a day before it."""
        told = [past[at] for at in past if day - self.budget.days <= at < day]
        if not told:
            return None
        room = self.budget.per_day * len(told) - sum(forced for forced, _ in told)
        if room < 1:
            return math.inf
        best = sorted((worth for _, listed in told for worth in listed), reverse=True)
        return best[room - 1] if len(best) >= room else self.budget.not_below

    def as_data(self) -> dict[str, Any]:
        """The state as plain values, equal for equal states."""
        return {
            name: {
                "day": found.day,
                "flagged": sorted(found.flagged),
                "forced": sorted(found.forced),
                "best": dict(sorted(found.best.items())),
                "nameless": found.nameless,
                "past": [[day, forced, best] for day, (forced, best) in sorted(found.past.items())],
            }
            for name, found in sorted(self._segments.items())
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Go on from what `as_data` gave."""
        self._segments = {}
        for name, told in data.items():
            past = {int(day): (int(forced), list(best)) for day, forced, best in told["past"]}
            self._segments[name] = _Segment(
                told["day"],
                self._threshold(past, told["day"]),
                set(told["flagged"]),
                set(told["forced"]),
                dict(told["best"]),
                told["nameless"],
                past,
            )
