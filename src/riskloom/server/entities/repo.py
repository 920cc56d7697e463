"""SQL of the entity view: the index of events by entity, written from the log, and what is read by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, Row

from riskloom.domain.label import Label
from riskloom.server.db import reading, writing
from riskloom.server.decisions.record import as_text
from riskloom.server.entities.tables import entity_events, links_read
from riskloom.server.labels.repo import label_of
from riskloom.server.tables import decisions, events, labels

Link = tuple[str, str, int]
"""(field, key, arrival number) of an event."""
NEAR = 20
"""Keys before and behind one that are looked at for a nearest one."""
_COPY = "copy entity_events (scenario, field, key, arrival) from stdin"
_INSERT = "insert into entity_events (scenario, field, key, arrival) values (?, ?, ?, ?)"


class EntityRepo:
    """Entities of one scenario in one database.

    Parameters
    ----------
    main
        The field of the main entity: `events` itself has an index of it.
    """

    def __init__(self, engine: Engine, scenario: str, main: str) -> None:
        self._engine = engine
        self._scenario = scenario
        self._main = main
        self._is_postgres = engine.dialect.name == "postgresql"

    # ---------------------------------------------------------------- the index

    def read_until(self, fields: Sequence[str]) -> int:
        """Up to which arrival number the index of just these fields is; it begins anew for other fields."""
        named = as_text(list(fields))
        with reading(self._engine) as connection:
            mine = links_read.c.scenario == self._scenario
            found = connection.execute(
                sa.select(links_read.c.arrival, links_read.c.fields).where(mine)
            ).first()
        if found is not None and found.fields == named:
            return int(found.arrival)
        with writing(self._engine) as connection:
            connection.execute(sa.delete(entity_events).where(entity_events.c.scenario == self._scenario))
            connection.execute(sa.delete(links_read).where(mine))
            connection.execute(sa.insert(links_read).values(scenario=self._scenario, arrival=0, fields=named))
        return 0

    def put(self, links: Sequence[Link], arrival: int) -> None:
        """Write links, and that the index goes up to this arrival number: both or neither."""
        rows = sorted((self._scenario, *link) for link in links)  # neighbours in the table, written together
        with writing(self._engine) as connection:
            if rows and self._is_postgres:
                driver: Any = connection.connection.driver_connection
                with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
                    for row in rows:
                        copy.write_row(row)
            elif rows:
                connection.exec_driver_sql(_INSERT, rows)
            mark = sa.update(links_read).where(links_read.c.scenario == self._scenario)
            connection.execute(mark.values(arrival=arrival))

    # ---------------------------------------------------------------- one entity

    def arrivals(self, field: str, key: str, limit: int, before: int | None = None) -> list[int]:
        """The arrival numbers of an entity's events, newest first."""
        with reading(self._engine) as connection:
            return [int(row[0]) for row in connection.execute(self._of(field, key, limit, before))]

    def outcomes(self, field: str, key: str, limit: int) -> dict[int | None, int]:
        """How many of the newest events had which outcome (a rank, None where it was not decided)."""
        newest = self._of(field, key, limit).subquery()
        query = sa.select(decisions.c.outcome, sa.func.count()).select_from(
            newest.outerjoin(decisions, decisions.c.arrival == newest.c.arrival)
        )
        with reading(self._engine) as connection:
            return {row[0]: int(row[1]) for row in connection.execute(query.group_by(decisions.c.outcome))}

    def newest(self, field: str, key: str, limit: int) -> list[Row[Any]]:
        """(event time, stored fields) of the newest events."""
        newest = self._of(field, key, limit).subquery()
        query = sa.select(events.c.event_time_us, events.c.fields).join(
            newest, newest.c.arrival == events.c.arrival
        )
        with reading(self._engine) as connection:
            return list(connection.execute(query))

    def labels(self, field: str, key: str, limit: int, among: int) -> list[tuple[str, Label]]:
        """(event id, label) of the newest events, the ones told last first."""
        newest = self._of(field, key, among).subquery()
        query = (
            sa.select(labels, events.c.event_id)
            .join(newest, newest.c.arrival == labels.c.about)
            .join(events, events.c.arrival == labels.c.about)
            .order_by(sa.desc(labels.c.arrival))
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [(row.event_id, label_of(row)) for row in connection.execute(query)]

    def near(self, field: str, key: str) -> list[str]:
        """Keys that stand just before and behind one in order."""
        table, column = self._keys(field)
        query = sa.select(column).where(table, column.is_not(None)).distinct().limit(NEAR)
        with reading(self._engine) as connection:
            behind = connection.execute(query.where(column >= key).order_by(column))
            before = connection.execute(query.where(column < key).order_by(sa.desc(column)))
            return [row[0] for row in (*behind, *before)]

    def _keys(self, field: str) -> tuple[sa.ColumnElement[bool], sa.Column[Any]]:
        if field == self._main:
            return events.c.scenario == self._scenario, events.c.entity_key
        mine = sa.and_(entity_events.c.scenario == self._scenario, entity_events.c.field == field)
        return mine, entity_events.c.key

    def _of(self, field: str, key: str, limit: int, before: int | None = None) -> sa.Select[Any]:
        """The newest arrival numbers of an entity."""
        mine, column = self._keys(field)
        arrival = (events if field == self._main else entity_events).c.arrival
        query = sa.select(arrival).where(mine, column == key).order_by(sa.desc(arrival)).limit(limit)
        return query if before is None else query.where(arrival < before)
