"""What people do about alerts, cases, labels and notices: one append-only list of it.

A row is written in the transaction of the act itself, so that neither is there without the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from riskloom.server.alerts.tables import activities
from riskloom.server.decisions.record import as_text


@dataclass(frozen=True, slots=True)
class Activity:
    """One act. `kind` is what it is about and what was done: `alert.claimed`, `case.noted`."""

    kind: str
    entity_key: str | None = None
    alert_id: int | None = None
    case_id: int | None = None
    detail: Mapping[str, Any] | None = None


def record(
    connection: Connection, scenario: str, at_us: int, actor: str, done: Activity | Iterable[Activity]
) -> None:
    """Write what somebody did, in the caller's transaction."""
    rows = [
        {
            "scenario": scenario,
            "at_us": at_us,
            "actor": actor,
            "kind": one.kind,
            "entity_key": one.entity_key,
            "alert_id": one.alert_id,
            "case_id": one.case_id,
            "detail": as_text(one.detail or {}),
        }
        for one in ([done] if isinstance(done, Activity) else done)
    ]
    if rows:
        connection.execute(sa.insert(activities), rows)
