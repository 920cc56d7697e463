"""SQL of alerts: those that may grow, those that wait, and every change by a person.

A change locks its alert, or its alerts in the order of their ids as the writer does, and reads before it
writes: of two that come at once, the second sees what the first has made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from riskloom.domain.alert import Alert, AlertState
from riskloom.domain.decision import LADDER
from riskloom.errors import NotFound, RiskloomError
from riskloom.server.activities import Activity, record
from riskloom.server.alerts.book import Group
from riskloom.server.alerts.suppressions import Suppression
from riskloom.server.alerts.tables import IS_OPEN, alert_events, alerts, suppressions
from riskloom.server.db import locking, reading
from riskloom.server.decisions.record import decode


@dataclass(frozen=True, slots=True)
class Step:
    """What an act makes of an alert: how it is afterwards, what was done, and more columns to set."""

    alert: Alert
    kind: str
    detail: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, Any] = field(default_factory=dict)


Act = Callable[[Alert], Step]
"""An act; what it raises refuses the change."""


class AlertRepo:
    """Alerts of one scenario in one database."""

    def __init__(self, engine: Engine, scenario: str) -> None:
        self._engine = engine
        self._scenario = scenario

    # ---------------------------------------------------------------- for effects

    def groups(self, since_us: int) -> list[Group]:
        """The alerts that are not closed and whose last event was decided since then, oldest first."""
        query = sa.select(alerts).where(
            alerts.c.scenario == self._scenario, IS_OPEN, alerts.c.last_at_us >= since_us
        )
        with reading(self._engine) as connection:
            return [group_of(row) for row in connection.execute(query.order_by(alerts.c.id))]

    def suppressing(self, now_us: int) -> list[Suppression]:
        """The suppressions that hold or will hold, in the order in which they were made."""
        query = sa.select(suppressions).where(
            suppressions.c.scenario == self._scenario,
            suppressions.c.until_us > now_us,
            suppressions.c.ended_at_us.is_(None),
        )
        with reading(self._engine) as connection:
            return [
                Suppression(int(row.id), row.entity_key, row.rule, int(row.until_us))
                for row in connection.execute(query.order_by(suppressions.c.id))
            ]

    # ---------------------------------------------------------------- reading

    def get(self, alert_id: int) -> Row[Any] | None:
        """One alert as stored."""
        query = sa.select(alerts).where(alerts.c.scenario == self._scenario, alerts.c.id == alert_id)
        with reading(self._engine) as connection:
            return connection.execute(query).first()

    def arrivals(self, alert_id: int, limit: int) -> list[int]:
        """The arrival numbers of an alert's newest events, rising."""
        query = sa.select(alert_events.c.arrival).where(alert_events.c.alert_id == alert_id)
        with reading(self._engine) as connection:
            found = connection.execute(query.order_by(sa.desc(alert_events.c.arrival)).limit(limit))
            return sorted(int(row.arrival) for row in found)

    def alert_of(self, arrival: int) -> int | None:
        """The alert that a decision belongs to."""
        query = sa.select(alert_events.c.alert_id).where(alert_events.c.arrival == arrival)
        with reading(self._engine) as connection:
            found = connection.execute(query).scalar()
            return None if found is None else int(found)

    def stale(self, queue: str, before_us: int, now_us: int, limit: int) -> list[int]:
        """Open alerts of a queue that nobody touched and no event joined since then."""
        query = (
            sa.select(alerts.c.id)
            .where(alerts.c.scenario == self._scenario, IS_OPEN, alerts.c.queue == queue)
            .where(sa.or_(alerts.c.state == AlertState.OPEN, ran_out(now_us)))
            .where(alerts.c.changed_at_us <= before_us)
            .order_by(alerts.c.id)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [int(row.id) for row in connection.execute(query)]

    # ---------------------------------------------------------------- changing

    def change(
        self, ids: Iterable[int], act: Act, actor: str, now_us: int
    ) -> dict[int, Row[Any] | RiskloomError]:
        """Let somebody do something with alerts, in one transaction; one that refuses stops no other.

        Raises
        ------
        StoreUnavailable
            When nothing was changed.
        """
        found: dict[int, Row[Any] | RiskloomError] = {}
        with locking(self._engine) as connection:
            done: list[Activity] = []
            for alert_id in sorted(set(ids)):
                try:
                    found[alert_id], activity = self._change_one(connection, alert_id, act)
                except RiskloomError as error:
                    found[alert_id] = error
                else:
                    done.append(activity)
            record(connection, self._scenario, now_us, actor, done)
        return found

    def _change_one(self, connection: Connection, alert_id: int, act: Act) -> tuple[Row[Any], Activity]:
        own = sa.and_(alerts.c.scenario == self._scenario, alerts.c.id == alert_id)
        row = connection.execute(sa.select(alerts).where(own).with_for_update()).first()
        if row is None:
            raise NotFound(f"There is no alert {alert_id} here.")
        step = act(alert_of(row))
        after = step.alert
        values = {
            "state": after.state.value,
            "queue": after.queue,
            "claimed_by": after.claimed_by,
            "lease_until_us": after.lease_until_us,
            "snoozed_until_us": after.snoozed_until_us,
            "changed_at_us": after.changed_at_us,
            **step.columns,
        }
        connection.execute(sa.update(alerts).where(own).values(values))
        changed = connection.execute(sa.select(alerts).where(own)).one()
        return changed, Activity(step.kind, after.entity_key or None, alert_id, after.case_id, step.detail)


def alert_of(row: Row[Any]) -> Alert:
    """A stored alert."""
    return Alert(
        int(row.id), row.scenario, row.entity, row.entity_key, AlertState(row.state), row.queue,
        row.severity, tuple(decode(row.reasons)), LADDER[row.outcome], row.priority, row.amount_minor,
        row.events, int(row.first_arrival), int(row.last_arrival), int(row.opened_at_us),
        int(row.changed_at_us), row.claimed_by, row.lease_until_us, row.snoozed_until_us, row.case_id,
    )  # fmt: skip


def group_of(row: Row[Any]) -> Group:
    """A stored alert as it grows."""
    return Group(
        int(row.id), row.entity_key, row.queue, int(row.opened_at_us), int(row.last_at_us), row.severity,
        tuple(decode(row.reasons)), row.outcome, row.expected_loss, row.urgency, row.amount_minor,
        row.events, int(row.first_arrival), int(row.last_arrival),
    )  # fmt: skip


def ran_out(now_us: int) -> sa.ColumnElement[bool]:
    """A lease or a snooze is over: the alert is open again."""
    return sa.or_(
        sa.and_(alerts.c.state == AlertState.CLAIMED, alerts.c.lease_until_us <= now_us),
        sa.and_(alerts.c.state == AlertState.SNOOZED, alerts.c.snoozed_until_us <= now_us),
    )
