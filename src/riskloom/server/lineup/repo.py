"""SQL of line-ups, and of what those said that did not decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from riskloom.domain.decision import LADDER
from riskloom.domain.show import show_time
from riskloom.server.db import reading, writing
from riskloom.server.decisions.record import as_text, decode
from riskloom.server.tables import decisions, lineups, trials


class LineupRepo:
    """Line-ups and trials of one scenario."""

    def __init__(self, engine: Engine, scenario: str) -> None:
        self._engine = engine
        self._scenario = scenario
        self._known: dict[int, dict[str, Any]] = {}

    def add(self, change: int, versions: Mapping[str, Any], now_us: int) -> int:
        """Store who judges from now on; its number. The same as the newest is not stored again."""
        text = as_text(versions)
        newest = (
            sa.select(lineups.c.id, lineups.c.versions)
            .where(lineups.c.scenario == self._scenario)
            .order_by(sa.desc(lineups.c.id))
            .limit(1)
        )
        with writing(self._engine) as connection:
            found = connection.execute(newest).first()
            if found is not None and found.versions == text:
                return int(found.id)
            values = {"scenario": self._scenario, "since_us": now_us, "change": change, "versions": text}
            return int(
                connection.execute(lineups.insert().values(values).returning(lineups.c.id)).scalar_one()
            )

    def versions(self, number: int | None) -> dict[str, Any] | None:
        """The versions of a line-up, None without one."""
        if number is None:
            return None
        versions = self._known.get(number)
        if versions is None:
            with reading(self._engine) as connection:
                query = sa.select(lineups.c.versions).where(lineups.c.id == number)
                text = connection.execute(query).scalar()
            versions = self._known[number] = decode(text) if text is not None else {}
        return versions

    def history(self, limit: int) -> list[dict[str, Any]]:
        """The newest line-ups, newest first."""
        query = sa.select(lineups).where(lineups.c.scenario == self._scenario)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(sa.desc(lineups.c.id)).limit(limit))
            return [
                {"since": show_time(row.since_us), "change": row.change, **decode(row.versions)}
                for row in rows
            ]

    def trials_of(self, arrival: int) -> list[dict[str, Any]]:
        """What others said of one event."""
        query = sa.select(trials).where(trials.c.arrival == arrival).order_by(trials.c.bundle)
        with reading(self._engine) as connection:
            return [
                {
                    "bundle": row.bundle,
                    "outcome": LADDER[row.outcome].value,
                    "anomaly_score": row.anomaly_score,
                    "risk_score": row.risk_score,
                    "probability": row.probability,
                    "reasons": [reason["code"] for reason in decode(row.reasons)],
                }
                for row in connection.execute(query)
            ]

    def compare(self, bundle: str, since_us: int) -> list[dict[str, Any]]:
        """A bundle's outcomes beside the decisions made on the same events: counts of each pair, with the
        mean difference of risk scores."""
        query = (
            sa.select(
                decisions.c.outcome.label("decided"),
                trials.c.outcome.label("tried"),
                sa.func.count().label("pairs"),
                sa.func.avg(trials.c.risk_score - decisions.c.risk_score).label("risk"),
            )
            .join_from(trials, decisions, trials.c.arrival == decisions.c.arrival)
            .where(
                trials.c.scenario == self._scenario,
                trials.c.bundle == bundle,
                decisions.c.decided_at_us >= since_us,
            )
            .group_by(decisions.c.outcome, trials.c.outcome)
            .order_by(decisions.c.outcome, trials.c.outcome)
        )
        with reading(self._engine) as connection:
            return [
                {
                    "decided": LADDER[row.decided].value,
                    "tried": LADDER[row.tried].value,
                    "count": int(row.pairs),
                    "mean_risk_difference": None if row.risk is None else float(row.risk),
                }
                for row in connection.execute(query)
            ]
