"""What the SQL of cases has in common: one case's row, the sums of its alerts, and what is said of an act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from riskloom.errors import NotFound
from riskloom.server.activities import Activity, record
from riskloom.server.alerts.tables import alert_events, alerts
from riskloom.server.cases.tables import case_events, cases

MACHINE = "riskloom"
"""Who acts where nobody did."""


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something, and when."""

    actor: str
    at_us: int


def case_row(connection: Connection, scenario: str, case_id: int) -> Row[Any]:
    """A case.

    Raises
    ------
    NotFound
    """
    query = sa.select(cases).where(cases.c.id == case_id, cases.c.scenario == scenario)
    found = connection.execute(query).first()
    if found is None:
        raise NotFound(f"There is no case {case_id}.")
    return found


def sums_of(connection: Connection, case_ids: Sequence[int]) -> dict[int, Row[Any]]:
    """Of each case with alerts: how many, of how many events, over which amount, and until when."""
    query = sa.select(
        alerts.c.case_id,
        sa.func.count().label("alerts"),
        sa.func.sum(alerts.c.events).label("events"),
        sa.func.sum(alerts.c.amount_minor).label("amount_minor"),
        sa.func.max(alerts.c.last_at_us).label("last_at_us"),
    ).where(alerts.c.case_id.in_(case_ids))
    return {int(row.case_id): row for row in connection.execute(query.group_by(alerts.c.case_id))}


def amount_of(connection: Connection, case_id: int) -> int | None:
    """What the events of a case are about in minor units of the base currency; None where nothing says."""
    row = sums_of(connection, [case_id]).get(case_id)
    return None if row is None or row.amount_minor is None else int(row.amount_minor)


def arrivals_of(connection: Connection, case_id: int) -> list[int]:
    """The arrival numbers of a case's events, in order."""
    query = sa.select(alert_events.c.arrival).join(alerts, alerts.c.id == alert_events.c.alert_id)
    query = query.where(alerts.c.case_id == case_id).order_by(alert_events.c.arrival)
    return [int(row.arrival) for row in connection.execute(query)]


def hold(connection: Connection, case_id: int) -> bool:
    """Let nobody else write into a case until the transaction ends; whether there is such a case."""
    held = sa.update(cases).where(cases.c.id == case_id).values(version=cases.c.version)
    return bool(connection.execute(held).rowcount)


def raise_version(connection: Connection, case_id: int, at_us: int) -> None:
    """A case is another than was seen."""
    raised = sa.update(cases).where(cases.c.id == case_id)
    connection.execute(raised.values(version=cases.c.version + 1, changed_at_us=at_us))


def put_events(
    connection: Connection,
    case_id: int,
    arrivals: Sequence[int],
    disposition: str,
    act: Act,
    *,
    is_marked: bool,
    is_told: bool = False,
) -> None:
    """Write down what events of a case turned out to be."""
    rows = [
        {
            "case_id": case_id,
            "arrival": arrival,
            "disposition": disposition,
            "is_marked": is_marked,
            "actor": act.actor,
            "at_us": act.at_us,
            "is_told": is_told,
        }
        for arrival in arrivals
    ]
    if rows:
        connection.execute(sa.insert(case_events), rows)


def say(
    connection: Connection, scenario: str, case_id: int, kind: str, act: Act, detail: Mapping[str, Any]
) -> None:
    """Write into the timeline of a case what was done, and which version it made."""
    row = case_row(connection, scenario, case_id)
    done = Activity(kind, row.entity_key, None, case_id, {**detail, "version": row.version})
    record(connection, scenario, act.at_us, act.actor, done)
