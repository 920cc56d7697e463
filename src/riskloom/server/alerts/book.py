"""The alerts that an event may still join, in memory; what is not here begins an alert of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from riskloom.domain.alert import Alert, AlertState
from riskloom.domain.decision import LADDER, Decision
from riskloom.policy.route import Grouping, gravest
from riskloom.routing import Raised
from riskloom.server.decisions.record import as_text

SWEPT_EVERY = 4_096
REMEMBERED = 10_000
"""How many closings are remembered for a book that was read from the database while they happened."""


@dataclass(slots=True)
class Group:
    """One alert as it grows: what its events make of it, and nothing of what people do with it."""

    id: int
    entity_key: str
    queue: str
    opened_at_us: int
    last_at_us: int
    severity: str
    reasons: tuple[str, ...]
    outcome: int
    expected_loss: float
    urgency: float
    amount_minor: int | None
    events: int
    first_arrival: int
    last_arrival: int

    @property
    def priority(self) -> float:
        """Expected loss x urgency."""
        return self.expected_loss * self.urgency

    def join(self, raised: Raised, decision: Decision, now_us: int) -> None:
        """Take one more event in."""
        route = raised.route
        self.last_at_us = max(self.last_at_us, now_us)
        self.severity = gravest((self.severity, route.severity))
        self.reasons = tuple(dict.fromkeys((*self.reasons, *raised.reasons)))
        self.outcome = max(self.outcome, decision.outcome.rank)
        self.expected_loss += route.expected_loss
        self.urgency = max(self.urgency, route.urgency)
        if raised.amount_minor is not None:
            self.amount_minor = (self.amount_minor or 0) + raised.amount_minor
        self.events += 1
        self.first_arrival = min(self.first_arrival, decision.arrival)
        self.last_arrival = max(self.last_arrival, decision.arrival)

    def row(self, scenario: str, entity: str) -> tuple[Any, ...]:
        """Its row, in the order of `ALERT_COLUMNS`."""
        return (
            self.id, scenario, entity, self.entity_key, AlertState.OPEN.value, self.queue, self.severity,
            as_text(self.reasons), self.outcome, self.priority, self.expected_loss, self.urgency,
            self.amount_minor, self.events, self.first_arrival, self.last_arrival, self.opened_at_us,
            self.last_at_us, self.last_at_us,
        )  # fmt: skip

    def alert(self, scenario: str, entity: str) -> Alert:
        """The alert that was just opened."""
        return Alert(
            self.id, scenario, entity, self.entity_key, AlertState.OPEN, self.queue, self.severity,
            self.reasons, LADDER[self.outcome], self.priority, self.amount_minor, self.events,
            self.first_arrival, self.last_arrival, self.opened_at_us, self.last_at_us,
        )  # fmt: skip


def opened(raised: Raised, decision: Decision, now_us: int) -> Group:
    """The alert that an event begins."""
    route, arrival = raised.route, decision.arrival
    return Group(
        arrival, raised.entity_key, route.queue, now_us, now_us, route.severity, raised.reasons,
        decision.outcome.rank, route.expected_loss, route.urgency, raised.amount_minor, 1, arrival, arrival,
    )  # fmt: skip


@dataclass(slots=True)
class Book:
    """Alerts that may grow, by the key of their entity: of each the newest."""

    grouping: Grouping
    _groups: dict[str, Group] = field(default_factory=dict)
    _closed: dict[int, None] = field(default_factory=dict)
    _puts: int = 0

    def find(self, entity_key: str, now_us: int) -> Group | None:
        """The alert that an event of this entity joins now."""
        group = self._groups.get(entity_key) if entity_key else None
        return group if group is not None and self._is_near(group, now_us) else None

    def put(self, group: Group) -> None:
        """Let later events join an alert."""
        if not group.entity_key:
            return
        self._puts += 1
        if self._puts % SWEPT_EVERY == 0:
            self._sweep(group.last_at_us)
        self._groups[group.entity_key] = group

    def close(self, ids: Iterable[int]) -> list[Group]:
        """Let no event join these any more; gives those that were here."""
        wanted = set(ids)
        for number in wanted:
            self._closed[number] = None
        while len(self._closed) > REMEMBERED:
            del self._closed[next(iter(self._closed))]
        found = [group for group in self._groups.values() if group.id in wanted]
        for group in found:
            del self._groups[group.entity_key]
        return found

    def reopen(self, groups: Iterable[Group], refused: Iterable[int] = ()) -> None:
        """Let events join these again, where no newer one took the place; `refused` were not closed after
        all."""
        for number in refused:
            self._closed.pop(number, None)
        for group in groups:
            self._closed.pop(group.id, None)
            here = self._groups.get(group.entity_key)
            if here is None or here.id <= group.id:
                self.put(group)

    def renew(self, grouping: Grouping, groups: Iterable[Group]) -> None:
        """Begin anew with what the database has, but for what was closed meanwhile."""
        self.grouping = grouping
        self._groups = {}
        for group in groups:
            if group.id not in self._closed:
                self.put(group)

    def __iter__(self) -> Iterator[Group]:
        return iter(self._groups.values())

    def __len__(self) -> int:
        return len(self._groups)

    def _is_near(self, group: Group, now_us: int) -> bool:
        rule = self.grouping
        return now_us - group.last_at_us <= rule.within_us and now_us - group.opened_at_us <= rule.at_most_us

    def _sweep(self, now_us: int) -> None:
        self._groups = {key: one for key, one in self._groups.items() if self._is_near(one, now_us)}
