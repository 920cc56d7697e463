"""The statements of effects: what the writer runs behind the decisions, in the same transaction.

An effect is the name of one of these and a row for it. Rows of a statement that updates are written once for
each key, as the last effect of the batch has it, and in the order of their keys: whoever else locks several
of these rows must lock them in that order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import Table

from riskloom.server.alerts.tables import alert_events, alerts, suppressed

Effect = tuple[str, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Statement:
    """An insert into a table; where its key, the first column, is there already, an update of `updates`."""

    table: Table
    columns: tuple[str, ...]
    updates: tuple[str, ...] = ()

    def sql(self, mark: str) -> str:
        """Its text, with the driver's mark for values."""
        named, marks = ", ".join(self.columns), ", ".join([mark] * len(self.columns))
        text = f"insert into {self.table.name} ({named}) values ({marks})"  # noqa: S608 - names of our own
        if not self.updates:
            return text
        changed = ", ".join(f"{name} = excluded.{name}" for name in self.updates)
        return f"{text} on conflict ({self.columns[0]}) do update set {changed}"

    def rows(self, given: Sequence[tuple[Any, ...]]) -> Sequence[tuple[Any, ...]]:
        """What of these rows is to be written."""
        if not self.updates:
            return given
        last = {row[0]: row for row in given}
        return [last[key] for key in sorted(last)]


ALERT_COLUMNS = (
    "id", "scenario", "entity", "entity_key", "state", "queue", "severity", "reasons", "outcome", "priority",
    "expected_loss", "urgency", "amount_minor", "events", "first_arrival", "last_arrival", "opened_at_us",
    "last_at_us", "changed_at_us",
)  # fmt: skip
ALERT_GROWS = (
    "severity", "reasons", "outcome", "priority", "expected_loss", "urgency", "amount_minor", "events",
    "first_arrival", "last_arrival", "last_at_us", "changed_at_us",
)  # fmt: skip
"""What an event changes that joins an alert: nothing of what people do with it."""

STATEMENTS: Mapping[str, Statement] = MappingProxyType(
    {
        "alerts": Statement(alerts, ALERT_COLUMNS, ALERT_GROWS),
        "alert_events": Statement(alert_events, ("arrival", "alert_id")),
        "suppressed": Statement(suppressed, ("arrival", "suppression_id")),
    }
)
"""In the order in which they run."""


class EffectWriter:
    """Writes effects on a driver's connection; the caller commits."""

    def __init__(self, *, is_postgres: bool) -> None:
        mark = "%s" if is_postgres else "?"
        self._sql = {name: statement.sql(mark) for name, statement in STATEMENTS.items()}

    def write(self, driver_connection: Any, effects: Iterable[Effect]) -> None:
        """Run the statements of these effects."""
        by_name: dict[str, list[tuple[Any, ...]]] = {}
        for name, row in effects:
            by_name.setdefault(name, []).append(row)
        if not by_name:
            return
        cursor = driver_connection.cursor()
        try:
            for name, statement in STATEMENTS.items():
                if name in by_name:
                    cursor.executemany(self._sql[name], statement.rows(by_name[name]))
        finally:
            cursor.close()
