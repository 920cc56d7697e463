"""SQL of lists: decisions and events narrowed, ordered and page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, Row

from riskloom.server.db import reading
from riskloom.server.decisions.record import as_text
from riskloom.server.decisions.repo import FULL, JOINED
from riskloom.server.tables import IS_FLAGGED, decisions, events

MOST_NUMBERS = 10_000


@dataclass(frozen=True, slots=True)
class Page:
    """What part of a list is asked for.

    `before` and `risk` are the arrival number and the risk score (None where it has none) of the last
    row of the page before; None of `before` begins the list.
    """

    limit: int
    before: int | None = None
    risk: float | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; None asks for nothing."""

    entity_key: str | None = None
    outcomes: tuple[int, ...] | None = None
    min_risk: float | None = None
    reason: str | None = None
    severity: str | None = None
    since_us: int | None = None
    until_us: int | None = None
    decided: bool = False
    by_risk: bool = False


class ListRepo:
    """Lists of one scenario's events in one database."""

    def __init__(self, engine: Engine, scenario: str) -> None:
        self._engine = engine
        self._scenario = scenario
        self._position = sa.func.strpos if engine.dialect.name == "postgresql" else sa.func.instr

    def list_events(self, narrowed: Filter, page: Page) -> list[Row[Any]]:
        """Events with their decisions, newest first (or by risk, then newest)."""
        query = sa.select(*FULL).select_from(JOINED).where(events.c.scenario == self._scenario)
        query = query.where(*self._conditions(narrowed))
        if narrowed.by_risk:
            query = query.order_by(sa.desc(decisions.c.risk_score).nulls_last(), sa.desc(events.c.arrival))
            if page.before is not None:
                query = query.where(_behind(page.before, page.risk))
        else:
            query = query.order_by(sa.desc(events.c.arrival))
            if page.before is not None:
                query = query.where(events.c.arrival < page.before)
        with reading(self._engine) as connection:
            return list(connection.execute(query.limit(page.limit)))

    def by_arrivals(self, arrivals: Sequence[int]) -> list[Row[Any]]:
        """Events by arrival numbers, which are sorted, in their order."""
        query = sa.select(*FULL).select_from(JOINED).order_by(events.c.arrival)
        return self._in_parts(query, arrivals)

    def event_ids(self, arrivals: Sequence[int]) -> dict[int, str]:
        """Arrival numbers to event ids."""
        query = sa.select(events.c.arrival, events.c.event_id)
        return {int(row.arrival): row.event_id for row in self._in_parts(query, arrivals)}

    def times(self, arrivals: Sequence[int]) -> list[Row[Any]]:
        """(arrival, event id, event time) of events, in the order of their arrival numbers."""
        query = sa.select(events.c.arrival, events.c.event_id, events.c.event_time_us)
        return self._in_parts(query.order_by(events.c.arrival), arrivals)

    def arrivals(self, event_ids: Sequence[str]) -> dict[str, int]:
        """Event ids to arrival numbers, of those that are stored."""
        query = sa.select(events.c.event_id, events.c.arrival).where(events.c.scenario == self._scenario)
        with reading(self._engine) as connection:
            rows = connection.execute(query.where(events.c.event_id.in_(event_ids)))
            return {row.event_id: int(row.arrival) for row in rows}

    def _in_parts(self, query: sa.Select[Any], arrivals: Sequence[int]) -> list[Row[Any]]:
        """Rows by arrival numbers; a statement can hold only so many of them."""
        rows: list[Row[Any]] = []
        if not arrivals:
            return rows
        with reading(self._engine) as connection:
            for start in range(0, len(arrivals), MOST_NUMBERS):
                part = arrivals[start : start + MOST_NUMBERS]
                rows += connection.execute(query.where(events.c.arrival.in_(part)))
        return rows

    def _conditions(self, narrowed: Filter) -> Iterator[sa.ColumnElement[bool]]:
        if narrowed.entity_key is not None:
            yield events.c.entity_key == narrowed.entity_key
        if narrowed.decided:
            yield decisions.c.arrival.is_not(None)
        if narrowed.outcomes is not None:
            yield decisions.c.outcome.in_(narrowed.outcomes)
            if 0 not in narrowed.outcomes:
                yield IS_FLAGGED
        if narrowed.min_risk is not None:
            yield decisions.c.risk_score >= narrowed.min_risk
        for key, value in (("code", narrowed.reason), ("severity", narrowed.severity)):
            if value is not None:
                yield self._position(decisions.c.reasons, f'"{key}":{as_text(value)}') > 0
        if narrowed.since_us is not None:
            yield events.c.event_time_us >= narrowed.since_us
        if narrowed.until_us is not None:
            yield events.c.event_time_us < narrowed.until_us


def _behind(before: int, risk: float | None) -> sa.ColumnElement[bool]:
    """The rows behind one in order of risk, those without a score last."""
    earlier, score = events.c.arrival < before, decisions.c.risk_score
    if risk is None:
        return sa.and_(score.is_(None), earlier)
    return sa.or_(score < risk, sa.and_(score == risk, earlier), score.is_(None))
