"""SQL of a case's timeline: what happened, from five tables, in one order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from riskloom.server.alerts.tables import activities, alert_events, alerts
from riskloom.server.db import reading
from riskloom.server.decisions.record import as_text
from riskloom.server.tables import events, labels, policy_changes


class Moment(NamedTuple):
    """The place of something in a timeline: when, from which source, and its number there."""

    at_us: int
    rank: int
    number: int


@dataclass(frozen=True, slots=True)
class About:
    """Whose timeline: a case, the key of its entity, and the lists that such a key can be on."""

    case_id: int
    entity_key: str
    lists: tuple[str, ...]


ALERT, EVENT, LABEL, LIST, ACTIVITY = range(5)
"""The sources. What happened at one moment is in this order: the alert of an event stands before it."""


class TimelineRepo:
    """Timelines of one scenario's cases in one database."""

    def __init__(self, engine: Engine, scenario: str) -> None:
        self._engine = engine
        self._scenario = scenario
        self._position = sa.func.strpos if engine.dialect.name == "postgresql" else sa.func.instr

    def page(self, about: About, limit: int, before: Moment | None) -> list[tuple[Moment, Row[Any]]]:
        """What happened last before a moment, last first."""
        found: list[tuple[Moment, Row[Any]]] = []
        with reading(self._engine) as connection:
            for rank, source in enumerate(self._sources(about)):
                found += _newest(connection, rank, source, limit, before)
        return sorted(found, key=_moment, reverse=True)[:limit]

    def _sources(self, about: About) -> Sequence[_Source]:
        """(what to read, its time, its number), by rank."""
        its_alerts = sa.select(alerts.c.id).where(alerts.c.case_id == about.case_id)
        its_events = sa.select(alert_events.c.arrival).where(alert_events.c.alert_id.in_(its_alerts))
        return (
            _Source(
                sa.select(alerts).where(alerts.c.case_id == about.case_id), alerts.c.opened_at_us, alerts.c.id
            ),
            _Source(
                sa.select(events.c.arrival).where(events.c.arrival.in_(its_events)),
                events.c.arrived_at_us,
                events.c.arrival,
            ),
            _Source(
                sa.select(labels, events.c.event_id)
                .join(events, events.c.arrival == labels.c.about)
                .where(labels.c.about.in_(its_events)),
                labels.c.told_at_us,
                labels.c.arrival,
            ),
            _Source(
                sa.select(policy_changes).where(
                    policy_changes.c.scenario == self._scenario, self._is_listed(about)
                ),
                policy_changes.c.made_at_us,
                policy_changes.c.id,
            ),
            _Source(
                sa.select(activities).where(
                    sa.or_(activities.c.case_id == about.case_id, activities.c.alert_id.in_(its_alerts))
                ),
                activities.c.at_us,
                activities.c.id,
            ),
        )

    def _is_listed(self, about: About) -> sa.ColumnElement[bool]:
        """Whether a change puts the key on a list, or takes it off: the JSON names the list, then the key."""
        found = [
            self._position(
                policy_changes.c.change, f'"list":{as_text(name)},"key":{as_text(about.entity_key)}'
            )
            > 0
            for name in about.lists
        ]
        return sa.or_(*found) if found and about.entity_key else sa.false()


class _Source(NamedTuple):
    query: sa.Select[Any]
    at: sa.Column[Any]
    number: sa.Column[Any]


def _newest(
    connection: Connection, rank: int, source: _Source, limit: int, before: Moment | None
) -> list[tuple[Moment, Row[Any]]]:
    query, at, number = source
    query = query.add_columns(at.label("moment_us"), number.label("moment_number"))
    if before is not None:
        earlier: sa.ColumnElement[bool] = at < before.at_us
        if rank < before.rank:
            earlier = at <= before.at_us
        elif rank == before.rank:
            earlier = sa.or_(earlier, sa.and_(at == before.at_us, number < before.number))
        query = query.where(earlier)
    rows = connection.execute(query.order_by(sa.desc(at), sa.desc(number)).limit(limit))
    return [(Moment(int(row.moment_us), rank, int(row.moment_number)), row) for row in rows]


def _moment(found: tuple[Moment, Row[Any]]) -> Moment:
    return found[0]
