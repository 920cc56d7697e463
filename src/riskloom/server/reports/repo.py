"""SQL of reports: decisions counted by a key, and what the labelled ones among them turned out to be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from riskloom.server.db import reading
from riskloom.server.tables import decisions, events, labels

DAY_US = 86_400_000_000
DAY = "day"
Key = str | int | None


@dataclass(frozen=True, slots=True)
class Told:
    """A labelled event: its key, outcome rank, what it counts as, its amount in minor units."""

    key: Key
    outcome: int
    fraud: bool
    amount_minor: int


class ReportRepo:
    """Counts over the decisions of one scenario, by when they were decided."""

    def __init__(self, engine: Engine, scenario: str, money: str) -> None:
        self._engine = engine
        self._scenario = scenario
        self._money = money
        self._is_postgres = engine.dialect.name == "postgresql"

    def outcomes(self, by: str, from_us: int, to_us: int) -> dict[Key, dict[int, int]]:
        """By key: outcome rank to how many; `by` is `DAY` (days since 1970) or a field."""
        key = self._key(by).label("key")
        joined = decisions.join(events, events.c.arrival == decisions.c.arrival)
        query = (
            sa.select(key, decisions.c.outcome, sa.func.count())
            .select_from(decisions if by == DAY else joined)
            .where(*self._within(from_us, to_us))
            .group_by(key, decisions.c.outcome)
        )
        found: dict[Key, dict[int, int]] = {}
        with reading(self._engine) as connection:
            for value, outcome, count in connection.execute(query):
                found.setdefault(_plain(value), {})[int(outcome)] = int(count)
        return found

    def reasons(self, from_us: int, to_us: int) -> Iterator[tuple[str, int, int]]:
        """(reasons as JSON, outcome rank, arrival) of every decision with a reason."""
        query = sa.select(decisions.c.reasons, decisions.c.outcome, decisions.c.arrival).where(
            *self._within(from_us, to_us), decisions.c.reasons != "[]"
        )
        with reading(self._engine) as connection:
            yield from ((row[0], int(row[1]), int(row[2])) for row in connection.execute(query))

    def labelled(self, by: str, from_us: int, to_us: int) -> dict[int, Told]:
        """Arrival numbers of labelled events to what they turned out to be."""
        amount = self._field(self._money, sa.BigInteger()) if self._money else sa.literal(0)
        query = (
            sa.select(labels.c.about, labels.c.truth, self._key(by), decisions.c.outcome, amount)
            .select_from(
                labels.join(decisions, decisions.c.arrival == labels.c.about).join(
                    events, events.c.arrival == labels.c.about
                )
            )
            .where(*self._within(from_us, to_us))
            .order_by(labels.c.arrival)
        )
        with reading(self._engine) as connection:
            return {
                int(about): Told(_plain(key), int(outcome), bool(truth), int(minor or 0))
                for about, truth, key, outcome, minor in connection.execute(query)
            }

    def _key(self, by: str) -> sa.ColumnElement[Any]:
        if by == DAY:
            return decisions.c.decided_at_us.op("/")(sa.literal_column(str(DAY_US)))
        return self._field(by, sa.Text())

    def _field(self, name: str, kind: Any) -> sa.ColumnElement[Any]:
        """A field out of the JSON an event is stored as."""
        if self._is_postgres:
            text = sa.cast(events.c.fields, sa.JSON)[name].as_string()
            return sa.cast(text, kind)
        return sa.func.json_extract(events.c.fields, f'$."{name}"')

    def _within(self, from_us: int, to_us: int) -> tuple[sa.ColumnElement[bool], ...]:
        return (
            decisions.c.scenario == self._scenario,
            decisions.c.decided_at_us >= from_us,
            decisions.c.decided_at_us < to_us,
        )


def _plain(value: object) -> Key:
    """A key as the report has it; SQLite gives booleans as numbers, PostgreSQL as words."""
    if value is None or isinstance(value, int):
        return value
    return str(value)
