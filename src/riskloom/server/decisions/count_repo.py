"""SQL of live counts."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from riskloom.server.db import reading
from riskloom.server.tables import IS_FLAGGED, decisions, events


class CountRepo:
    """Counts of one scenario's events and decisions in one database."""

    def __init__(self, engine: Engine, scenario: str) -> None:
        self._engine = engine
        self._scenario = scenario

    def count_outcomes(self, since_us: int = 0) -> Mapping[int, int]:
        """How many decisions by outcome rank, of events that arrived after `since_us`."""
        query = sa.select(decisions.c.outcome, sa.func.count()).where(decisions.c.scenario == self._scenario)
        if since_us:
            query = query.where(decisions.c.decided_at_us > since_us)
        with reading(self._engine) as connection:
            return {
                int(row[0]): int(row[1]) for row in connection.execute(query.group_by(decisions.c.outcome))
            }

    def count_events(self) -> int:
        """How many events are stored."""
        query = sa.select(sa.func.count()).select_from(events).where(events.c.scenario == self._scenario)
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar() or 0)

    def by_minute(self, since_us: int) -> list[tuple[int, int, int]]:
        """(minute since 1970, outcome rank, count) of decisions after `since_us`."""
        minute = decisions.c.decided_at_us.op("/")(sa.literal_column("60000000")).label("minute")
        query = (
            sa.select(minute, decisions.c.outcome, sa.func.count())
            .where(decisions.c.scenario == self._scenario, decisions.c.decided_at_us > since_us)
            .group_by(minute, decisions.c.outcome)
        )
        with reading(self._engine) as connection:
            return [(int(row[0]), int(row[1]), int(row[2])) for row in connection.execute(query)]

    def flagged_reasons(self, since_us: int, limit: int) -> list[str]:
        """The reasons (JSON) of the newest flagged decisions after `since_us`."""
        query = (
            sa.select(decisions.c.reasons)
            .where(
                decisions.c.scenario == self._scenario,
                IS_FLAGGED,
                decisions.c.decided_at_us > since_us,
            )
            .order_by(sa.desc(decisions.c.arrival))
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [row[0] for row in connection.execute(query)]
