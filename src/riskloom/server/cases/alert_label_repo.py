"""SQL of labels of alerts that were resolved by themselves: which are to be told, and that they were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from riskloom.domain.case import CaseState
from riskloom.server.alerts.tables import alert_events, alerts
from riskloom.server.cases.rows import MACHINE, Act, case_row, hold, put_events, raise_version, say
from riskloom.server.cases.tables import IS_UNTOLD, case_events
from riskloom.server.db import locking, reading


class AlertLabelRepo:
    """Resolved alerts of one scenario in one database."""

    def __init__(self, engine: Engine, scenario: str) -> None:
        self._engine = engine
        self._scenario = scenario

    def untold(self, limit: int) -> list[Row[Any]]:
        """Alerts whose labels are not known to be stored."""
        query = sa.select(alerts).where(alerts.c.scenario == self._scenario, IS_UNTOLD)
        with reading(self._engine) as connection:
            return list(connection.execute(query.order_by(alerts.c.id).limit(limit)))

    def arrivals(self, alert_id: int) -> list[int]:
        """The arrival numbers of an alert's events."""
        query = sa.select(alert_events.c.arrival).where(alert_events.c.alert_id == alert_id)
        with reading(self._engine) as connection:
            return [int(row.arrival) for row in connection.execute(query.order_by(alert_events.c.arrival))]

    def told(self, alert: Row[Any], arrivals: Sequence[int], at_us: int) -> None:
        """The labels of a resolved alert are stored. Where its case is open its events are marked by it: how
        the case ends later says nothing else about them."""
        with locking(self._engine) as connection:
            if alert.case_id is not None:
                self._mark(connection, alert, arrivals, at_us)
            mine = sa.and_(alerts.c.id == alert.id, alerts.c.closed_at_us == alert.closed_at_us)
            connection.execute(sa.update(alerts).where(mine).values(told_at_us=alert.closed_at_us))

    def _mark(self, connection: Connection, alert: Row[Any], arrivals: Sequence[int], at_us: int) -> None:
        case_id = int(alert.case_id)
        hold(connection, case_id)
        if case_row(connection, self._scenario, case_id).state != CaseState.OPEN.value:
            return
        mine = sa.and_(case_events.c.case_id == case_id, case_events.c.arrival.in_(arrivals))
        connection.execute(sa.delete(case_events).where(mine))
        act = Act(alert.closed_by or MACHINE, at_us)
        put_events(connection, case_id, arrivals, alert.disposition, act, is_marked=True, is_told=True)
        raise_version(connection, case_id, at_us)
        detail = {"arrivals": list(arrivals), "disposition": alert.disposition}
        say(connection, self._scenario, case_id, "case.marked", act, detail)
