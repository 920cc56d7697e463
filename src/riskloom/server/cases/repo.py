"""SQL of cases: opened from alerts, collecting further ones, read and listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine, Row

from riskloom.domain.case import COLLECTING, CaseState
from riskloom.errors import Conflict, MoveInvalid, NotFound
from riskloom.server.alerts.tables import alerts
from riskloom.server.cases.rows import MACHINE, Act, arrivals_of, case_row, hold, raise_version, say, sums_of
from riskloom.server.cases.tables import case_events, case_tasks, cases
from riskloom.server.db import locking, reading

_COLLECTING = tuple(state.value for state in COLLECTING)
_UNJOINED = (alerts.c.closed_at_us.is_(None), alerts.c.case_id.is_(None))


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """What a list of cases is narrowed to; None asks for nothing."""

    states: tuple[str, ...] | None = None
    assignee: str | None = None
    unassigned: bool = False
    priority: str | None = None
    disposition: str | None = None
    entity_key: str | None = None


class CaseRepo:
    """Cases of one scenario in one database."""

    def __init__(self, engine: Engine, scenario: str) -> None:
        self._engine = engine
        self._scenario = scenario
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    # ---------------------------------------------------------------- opening and collecting

    def open(self, alert_id: int, act: Act) -> tuple[int, bool]:
        """(the case of an alert, whether it was made): the one its entity has, or a new one.

        Raises
        ------
        NotFound, MoveInvalid, Conflict
        """
        with locking(self._engine) as connection:
            alert = self._alert(connection, alert_id)
            if alert.case_id is not None:
                return int(alert.case_id), False
            made = self._insert_case(connection, alert, act)
            case_id = self._taken(connection, alert) if made is None else made
            joined = self._join(connection, case_id, alert)
            if alert_id not in joined:
                taken = self._alert(connection, alert_id).case_id  # at once with somebody else
                if taken is not None:
                    return int(taken), False
                raise MoveInvalid(f"Alert {alert_id} was closed in the meantime.", hint="look at it again")
            if made is None:
                raise_version(connection, case_id, act.at_us)
            kind = "case.joined" if made is None else "case.opened"
            say(connection, self._scenario, case_id, kind, act, {"alerts": joined})
            return case_id, made is not None

    def gather(self, case_id: int, at_us: int) -> list[int]:
        """Let a case take in the open alerts of its entity that are in none; the alerts that came."""
        missing = self._missing(case_id)
        with reading(self._engine) as connection:
            if connection.execute(missing.limit(1)).first() is None:
                return []
        with locking(self._engine) as connection:
            hold(connection, case_id)
            joined = _take_in(connection, case_id, missing)
            if joined:
                raise_version(connection, case_id, at_us)
                act = Act(MACHINE, at_us)
                say(connection, self._scenario, case_id, "case.joined", act, {"alerts": joined})
            return joined

    def _missing(self, case_id: int) -> sa.Select[Any]:
        """The alerts that belong to a case and are not in it."""
        same = (cases.c.scenario == alerts.c.scenario, cases.c.entity == alerts.c.entity)
        return (
            sa.select(alerts.c.id)
            .join(cases, sa.and_(*same, cases.c.entity_key == alerts.c.entity_key))
            .where(cases.c.id == case_id, cases.c.scenario == self._scenario)
            .where(cases.c.state.in_(_COLLECTING), cases.c.entity_key != "", *_UNJOINED)
        )

    def lacking(self, after: int) -> list[int]:
        """The cases to which open alerts behind a number belong that are not in them."""
        same = (cases.c.scenario == alerts.c.scenario, cases.c.entity == alerts.c.entity)
        query = (
            sa.select(cases.c.id)
            .distinct()
            .join(alerts, sa.and_(*same, cases.c.entity_key == alerts.c.entity_key))
            .where(alerts.c.scenario == self._scenario, alerts.c.id > after)
            .where(cases.c.state.in_(_COLLECTING), cases.c.entity_key != "", *_UNJOINED)
        )
        with reading(self._engine) as connection:
            return [int(row.id) for row in connection.execute(query.order_by(cases.c.id))]

    def last_alert(self) -> int:
        """The highest number of an alert; 0 when there is none."""
        with reading(self._engine) as connection:
            return int(connection.execute(sa.select(sa.func.max(alerts.c.id))).scalar() or 0)

    def closing(self) -> list[int]:
        """The cases whose labels are on their way."""
        return self._ids(cases.c.state == CaseState.CLOSING.value)

    def _ids(self, condition: sa.ColumnElement[bool]) -> list[int]:
        query = sa.select(cases.c.id).where(cases.c.scenario == self._scenario, condition)
        with reading(self._engine) as connection:
            return [int(row.id) for row in connection.execute(query.order_by(cases.c.id))]

    def _alert(self, connection: Connection, alert_id: int) -> Row[Any]:
        query = sa.select(alerts, cases.c.state.label("case_state"))
        query = query.outerjoin(cases, cases.c.id == alerts.c.case_id)
        query = query.where(alerts.c.scenario == self._scenario, alerts.c.id == alert_id)
        found = connection.execute(query).first()
        if found is None:
            raise NotFound(f"There is no alert {alert_id}.")
        if found.case_state == CaseState.CLOSED.value:
            hint = f"reopen case {found.case_id}"
            raise Conflict(f"Alert {alert_id} is in the closed case {found.case_id}.", hint=hint)
        if found.case_id is None and found.closed_at_us is not None:
            raise MoveInvalid(f"Alert {alert_id} is {found.state}.", hint="reopen it first")
        return found

    def _insert_case(self, connection: Connection, alert: Row[Any], act: Act) -> int | None:
        row = {
            "scenario": self._scenario,
            "entity": alert.entity,
            "entity_key": alert.entity_key,
            "state": CaseState.OPEN.value,
            "priority": alert.severity,
            "opened_by": act.actor,
            "opened_at_us": act.at_us,
            "changed_at_us": act.at_us,
            "version": 1,
            "only_marked": False,
        }
        made = self._insert(cases).values(row).on_conflict_do_nothing().returning(cases.c.id)
        found: int | None = connection.execute(made).scalar()
        return found

    def _taken(self, connection: Connection, alert: Row[Any]) -> int:
        """The case that the entity of an alert has."""
        query = sa.select(cases.c.id, cases.c.state).where(
            cases.c.scenario == self._scenario,
            cases.c.entity == alert.entity,
            cases.c.entity_key == alert.entity_key,
            cases.c.state != CaseState.CLOSED.value,
        )
        found = connection.execute(query).first()
        if found is None or found.state not in _COLLECTING:
            raise Conflict("The case of this entity is being closed.", hint="try again in a moment")
        return int(found.id)

    def _join(self, connection: Connection, case_id: int, alert: Row[Any]) -> list[int]:
        """The open alerts of an entity that came into its case; of no entity, the one alert."""
        its = alerts.c.id == alert.id
        if alert.entity_key:
            its = sa.and_(alerts.c.entity == alert.entity, alerts.c.entity_key == alert.entity_key)
        waiting = sa.select(alerts.c.id).where(alerts.c.scenario == self._scenario, its, *_UNJOINED)
        return _take_in(connection, case_id, waiting)

    # ---------------------------------------------------------------- reading

    def get(self, case_id: int) -> tuple[Row[Any], Row[Any] | None]:
        """(a case, the sums of its alerts).

        Raises
        ------
        NotFound
        """
        with reading(self._engine) as connection:
            row = case_row(connection, self._scenario, case_id)
            return row, sums_of(connection, [case_id]).get(case_id)

    def page(
        self, narrowed: CaseFilter, limit: int, before: int | None
    ) -> list[tuple[Row[Any], Row[Any] | None]]:
        """(case, sums of its alerts), newest first."""
        query = sa.select(cases).where(cases.c.scenario == self._scenario, *_conditions(narrowed))
        if before is not None:
            query = query.where(cases.c.id < before)
        with reading(self._engine) as connection:
            rows = list(connection.execute(query.order_by(sa.desc(cases.c.id)).limit(limit)))
            sums = sums_of(connection, [int(row.id) for row in rows])
        return [(row, sums.get(int(row.id))) for row in rows]

    def counts(self, now_us: int) -> dict[str, dict[str, int]]:
        """How many cases there are by state; of those not closed, by assignee and priority, and tasks
        due."""
        own = cases.c.scenario == self._scenario
        active = sa.and_(own, cases.c.state != CaseState.CLOSED.value)
        with reading(self._engine) as connection:

            def by(column: sa.Column[Any], condition: sa.ColumnElement[bool]) -> dict[str, int]:
                query = sa.select(column, sa.func.count()).where(condition).group_by(column)
                return {str(row[0] or ""): int(row[1]) for row in connection.execute(query)}

            open_tasks = sa.select(sa.func.count()).join(cases, cases.c.id == case_tasks.c.case_id)
            open_tasks = open_tasks.where(active, case_tasks.c.done_at_us.is_(None))
            late = open_tasks.where(case_tasks.c.due_us < now_us)
            return {
                "state": by(cases.c.state, own),
                "assignee": by(cases.c.assignee, active),
                "priority": by(cases.c.priority, active),
                "disposition": by(cases.c.disposition, sa.and_(own, cases.c.disposition.is_not(None))),
                "tasks": {
                    "open": int(connection.execute(open_tasks).scalar() or 0),
                    "overdue": int(connection.execute(late).scalar() or 0),
                },
            }

    def alerts(self, case_id: int) -> list[Row[Any]]:
        """The alerts of a case, first one first."""
        query = sa.select(alerts).where(alerts.c.case_id == case_id).order_by(alerts.c.id)
        with reading(self._engine) as connection:
            return list(connection.execute(query))

    def arrivals(self, case_id: int) -> list[int]:
        """The arrival numbers of a case's events."""
        with reading(self._engine) as connection:
            return arrivals_of(connection, case_id)

    def dispositions(self, case_id: int) -> dict[int, Row[Any]]:
        """Arrival numbers to what is said of single events of a case."""
        query = sa.select(case_events).where(case_events.c.case_id == case_id)
        with reading(self._engine) as connection:
            return {int(row.arrival): row for row in connection.execute(query)}


def _take_in(connection: Connection, case_id: int, waiting: sa.Select[Any]) -> list[int]:
    """Write into alerts which case they are in; locks them in the order of their ids, as the writer does."""
    locked = connection.execute(waiting.order_by(alerts.c.id).with_for_update(of=alerts))
    joined = [int(row.id) for row in locked]
    if joined:
        taken = sa.update(alerts).where(alerts.c.id.in_(joined)).values(case_id=case_id)
        connection.execute(taken)
    return joined


def _conditions(narrowed: CaseFilter) -> Sequence[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if narrowed.states is not None:
        found.append(cases.c.state.in_(narrowed.states))
    if narrowed.unassigned:
        found.append(cases.c.assignee.is_(None))
    for column, value in (
        (cases.c.assignee, narrowed.assignee),
        (cases.c.priority, narrowed.priority),
        (cases.c.disposition, narrowed.disposition),
        (cases.c.entity_key, narrowed.entity_key),
    ):
        if value is not None:
            found.append(column == value)
    return found
