"""SQL of the clocks of alerts: warned, met or missed, each once, in the relay's transaction.

A clock is judged by when things were done, not by when it is looked at: a claim in time stays one, whoever
slept meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from riskloom.domain.show import show_time
from riskloom.scenario.scenario import Scenario
from riskloom.server.activities import Activity, record
from riskloom.server.alerts.repo import alert_of
from riskloom.server.alerts.tables import activities, alerts
from riskloom.server.db import reading
from riskloom.server.decisions.record import as_text, decode
from riskloom.server.notices.message import SLA, facts_of
from riskloom.server.notices.tables import IS_RUNNING, notices, sla_clocks

CLAIMED = ("alert.claimed", "alert.assigned")
CLOCKKEEPER = "relay"
_MOST = 200


def look_at_clocks(connection: Connection, scenarios: Mapping[str, Scenario], now_us: int) -> int:
    """Move the clocks whose time has come; how many there were."""
    due = sa.select(sla_clocks).where(
        IS_RUNNING, sla_clocks.c.next_at_us <= now_us, sla_clocks.c.scenario.in_(list(scenarios))
    )
    clocks = list(connection.execute(due.order_by(sla_clocks.c.next_at_us).limit(_MOST)))
    if not clocks:
        return 0
    ids = {clock.alert_id for clock in clocks}
    found = {row.id: row for row in connection.execute(sa.select(alerts).where(alerts.c.id.in_(ids)))}
    claimed = _claimed_at(connection, ids)
    for clock in clocks:
        alert = found.get(clock.alert_id)
        if alert is None:
            _set(connection, clock, {"state": "met", "ended_at_us": now_us})
            continue
        done_us = done_at(clock.clock, alert, claimed.get(alert.id))
        if done_us is not None and done_us <= clock.due_at_us:
            _set(connection, clock, {"state": "met", "ended_at_us": done_us})
        elif now_us >= clock.due_at_us:
            _set(connection, clock, {"state": "breached", "ended_at_us": clock.due_at_us})
            _tell(connection, scenarios[clock.scenario], clock, alert, now_us, breached=True)
        else:
            _set(connection, clock, {"state": "warned", "next_at_us": clock.due_at_us})
            _tell(connection, scenarios[clock.scenario], clock, alert, now_us, breached=False)
    return len(clocks)


def done_at(clock: str, alert: Row[Any], claimed_us: int | None) -> int | None:
    """When what a clock waits for was done; None while it is not."""
    times = [alert.closed_at_us] if clock == "resolve" else [alert.closed_at_us, claimed_us]
    return min((time_us for time_us in times if time_us is not None), default=None)


def clocks_of(
    engine: Engine, scenario: str, alert_ids: Sequence[int], now_us: int
) -> dict[int, list[dict[str, Any]]]:
    """The clocks of some alerts as they stand at a moment, by alert."""
    with reading(engine) as connection:
        query = sa.select(sla_clocks).where(
            sla_clocks.c.alert_id.in_(alert_ids), sla_clocks.c.scenario == scenario
        )
        rows = list(connection.execute(query.order_by(sla_clocks.c.alert_id, sla_clocks.c.clock)))
        ids = {row.alert_id for row in rows if row.ended_at_us is None}
        found = {row.id: row for row in connection.execute(sa.select(alerts).where(alerts.c.id.in_(ids)))}
        claimed = _claimed_at(connection, ids)
    shown: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        state = row.state
        if row.ended_at_us is None and row.alert_id in found:
            done_us = done_at(row.clock, found[row.alert_id], claimed.get(row.alert_id))
            in_time = done_us is not None and done_us <= row.due_at_us
            state = "met" if in_time else "breached" if now_us >= row.due_at_us else state
        due_at = show_time(row.due_at_us)
        shown.setdefault(row.alert_id, []).append({"clock": row.clock, "state": state, "due_at": due_at})
    return shown


def _claimed_at(connection: Connection, ids: set[int]) -> dict[int, int]:
    """When alerts were first claimed."""
    query = sa.select(activities.c.alert_id, sa.func.min(activities.c.at_us)).where(
        activities.c.alert_id.in_(ids), activities.c.kind.in_(CLAIMED)
    )
    return {row[0]: row[1] for row in connection.execute(query.group_by(activities.c.alert_id))}


def _set(connection: Connection, clock: Row[Any], values: Mapping[str, Any]) -> None:
    mine = (sla_clocks.c.alert_id == clock.alert_id, sla_clocks.c.clock == clock.clock)
    connection.execute(sa.update(sla_clocks).where(*mine).values(**values))


def _tell(
    connection: Connection, scenario: Scenario, clock: Row[Any], row: Row[Any], now_us: int, *, breached: bool
) -> None:
    what = "breached" if breached else "warned"
    due_at = show_time(clock.due_at_us)
    done = Activity(
        f"sla.{what}", row.entity_key, row.id, row.case_id, {"clock": clock.clock, "due_at": due_at}
    )
    record(connection, clock.scenario, now_us, CLOCKKEEPER, done)
    alert = alert_of(row)
    said = {**facts_of(alert, scenario), "policy": clock.policy}
    data = as_text({**said, "clock": clock.clock, "breached": breached, "due_at": due_at})
    step = f"{clock.clock}-{what}"
    rows = [
        {
            "key": f"{alert.id}:{step}:{channel}",
            "scenario": alert.scenario,
            "alert_id": alert.id,
            "kind": SLA,
            "step": step,
            "channel": channel,
            "severity": alert.severity,
            "state": "waiting",
            "escalate": False,
            "digest": False,
            "created_at_us": now_us,
            "due_at_us": now_us,
            "attempts": 0,
            "data": data,
        }
        for channel in decode(clock.channels)
    ]
    if rows:
        connection.execute(sa.insert(notices), rows)
