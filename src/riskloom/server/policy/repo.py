"""SQL of policy changes: append-only, in the order they were made."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from riskloom.domain.show import show_time
from riskloom.server.db import reading
from riskloom.server.decisions.record import as_text, decode
from riskloom.server.policy.memory import PolicyChange, PolicyMemory, memory_of, read_change
from riskloom.server.tables import policy_changes


class PolicyRepo:
    """Policy changes of one scenario."""

    def __init__(self, engine: Engine, scenario: str) -> None:
        self._engine = engine
        self._scenario = scenario

    def memory(self) -> PolicyMemory:
        """What all changes add up to."""
        query = sa.select(policy_changes).where(policy_changes.c.scenario == self._scenario)
        with reading(self._engine) as connection:
            rows = list(connection.execute(query.order_by(policy_changes.c.id)))
        return memory_of(
            read_change(decode(row.change), row.after, row.author, row.reason, row.made_at_us) for row in rows
        )

    def switches(self, limit: int) -> list[dict[str, Any]]:
        """What was switched when, by whom and why, newest first."""
        query = sa.select(policy_changes).where(
            policy_changes.c.scenario == self._scenario, policy_changes.c.change.like('{"off"%')
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(sa.desc(policy_changes.c.id)).limit(limit))
            return [
                {
                    "off": decode(row.change)["off"],
                    "author": row.author,
                    "reason": row.reason,
                    "at": show_time(row.made_at_us),
                    "after": row.after,
                }
                for row in rows
            ]


def change_row(change: PolicyChange, scenario: str, after: int) -> tuple[Any, ...]:
    """The row of a change, in the order of its table."""
    return (scenario, after, as_text(change.as_data()), change.author, change.reason, change.made_at_us)
