"""SQL of what people see of the outbox, and of putting dead letters back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, Row

from riskloom.domain.show import show_time
from riskloom.server.activities import Activity, record
from riskloom.server.db import reading, writing
from riskloom.server.decisions.record import decode
from riskloom.server.notices.tables import IS_PENDING, notices

STATES = ("waiting", "sending", "delivered", "cancelled", "merged", "dead")
DEAD = "dead"
_SHOWN = ("id", "key", "alert_id", "kind", "step", "channel", "severity", "state", "attempts", "said")


class NoticeRepo:
    """Notices of one scenario in one database."""

    def __init__(self, engine: Engine, scenario: str) -> None:
        self._engine = engine
        self._scenario = scenario

    def page(self, wanted: Mapping[str, Any], limit: int, before: int | None) -> list[dict[str, Any]]:
        """Notices whose columns have these values, newest first, older than `before`."""
        query = sa.select(notices).where(notices.c.scenario == self._scenario)
        for column, value in wanted.items():
            query = query.where(notices.c[column] == value)
        if before is not None:
            query = query.where(notices.c.id < before)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(sa.desc(notices.c.id)).limit(limit))
            return [_shown(row) for row in rows]

    def counts(self) -> dict[str, Any]:
        """How many notices are in each state."""
        query = sa.select(notices.c.state, sa.func.count()).where(notices.c.scenario == self._scenario)
        with reading(self._engine) as connection:
            found = {row[0]: row[1] for row in connection.execute(query.group_by(notices.c.state))}
        return {state: found.get(state, 0) for state in STATES}

    def waiting(self) -> dict[str, int]:
        """How many notices wait for each channel."""
        query = sa.select(notices.c.channel, sa.func.count()).where(
            IS_PENDING, notices.c.scenario == self._scenario
        )
        with reading(self._engine) as connection:
            return {row[0]: row[1] for row in connection.execute(query.group_by(notices.c.channel))}

    def replay(
        self, ids: Sequence[int] | None, channel: str | None, actor: str, now_us: int
    ) -> list[dict[str, Any]]:
        """Put dead letters back, to be sent at once under their old keys; those of `ids` or of a channel."""
        dead = sa.select(notices).where(notices.c.scenario == self._scenario, notices.c.state == DEAD)
        if ids is not None:
            dead = dead.where(notices.c.id.in_(ids))
        if channel is not None:
            dead = dead.where(notices.c.channel == channel)
        with writing(self._engine) as connection:
            rows = list(connection.execute(dead.order_by(notices.c.id).with_for_update()))
            again = sa.update(notices).where(
                notices.c.id.in_([row.id for row in rows]), notices.c.state == DEAD
            )
            fresh = {"state": "waiting", "attempts": 0, "due_at_us": now_us, "ended_at_us": None}
            if rows:
                connection.execute(again.values(fresh))
            done = [_replayed(row) for row in rows]
            record(connection, self._scenario, now_us, actor, done)
        return [{"id": row.id, "key": row.key, "channel": row.channel} for row in rows]


def _replayed(row: Row[Any]) -> Activity:
    detail = {"notice": row.id, "channel": row.channel, "said": row.said}
    return Activity("notice.replayed", None, row.alert_id, None, detail)


def _shown(row: Row[Any]) -> dict[str, Any]:
    shown = {name: getattr(row, name) for name in _SHOWN}
    is_pending = row.ended_at_us is None
    return {
        **shown,
        "created_at": show_time(row.created_at_us),
        "due_at": show_time(row.due_at_us) if is_pending and row.state == "waiting" else None,
        "ended_at": None if is_pending else show_time(row.ended_at_us),
        "merged_into": row.merged_into,
        "data": decode(row.data),
    }
