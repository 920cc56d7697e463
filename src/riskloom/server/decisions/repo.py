"""SQL of events and decisions, and nothing else.

Writes go through the driver's own batch insert (SQLite) or COPY (PostgreSQL); the hot look-up through a bare cursor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, Row

from riskloom.errors import StoreUnavailable
from riskloom.server.tables import decisions, events, personal_data

EVENT_COLUMNS = tuple(column.name for column in events.columns)
PERSONAL_COLUMNS = tuple(column.name for column in personal_data.columns)
DECISION_COLUMNS = tuple(column.name for column in decisions.columns)
_TABLES = (("events", EVENT_COLUMNS), ("personal_data", PERSONAL_COLUMNS), ("decisions", DECISION_COLUMNS))

BatchRows = tuple[Sequence[Sequence[Any]], Sequence[Sequence[Any]], Sequence[Sequence[Any]]]
"""Rows of events, personal data and decisions, each in the order of its table's columns."""

_JOINED = events.outerjoin(decisions, events.c.arrival == decisions.c.arrival).outerjoin(
    personal_data, events.c.arrival == personal_data.c.arrival
)
_FULL = (
    events,
    personal_data.c.fields.label("personal"),
    decisions.c.decided_at_us,
    decisions.c.outcome,
    decisions.c.anomaly_score,
    decisions.c.risk_score,
    decisions.c.reasons,
    decisions.c.bundle,
    decisions.c.degraded.label("decision_degraded"),
)


@dataclass(frozen=True, slots=True)
class Page:
    """What part of a list is asked for. `before` and `rank` continue a list where its last page ended."""

    limit: int
    before: int | None = None
    risk_below: float | None = None


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


class DecisionRepo:
    """Events and decisions of one scenario in one database."""

    def __init__(self, engine: Engine, scenario: str) -> None:
        self._engine = engine
        self._scenario = scenario
        self._is_postgres = engine.dialect.name == "postgresql"
        self._hot: Any = None
        mark = "%s" if self._is_postgres else "?"
        self._hot_sql = f"select arrival from events where scenario = {mark} and event_id = {mark}"  # noqa: S608 - no outside text
        self._insert_sql = {
            table: f"insert into {table} ({', '.join(columns)}) values ({', '.join(mark for _ in columns)})"  # noqa: S608
            for table, columns in _TABLES
        }

    # ---------------------------------------------------------------- writing

    def insert_batch(self, driver_connection: Any, rows: BatchRows) -> None:
        """Insert rows of all three tables on a driver connection; the caller commits."""
        cursor = driver_connection.cursor()
        try:
            for (table, columns), table_rows in zip(_TABLES, rows, strict=True):
                if not table_rows:
                    continue
                if self._is_postgres and len(table_rows) > 4:
                    with cursor.copy(f"copy {table} ({', '.join(columns)}) from stdin") as copy:
                        for row in table_rows:
                            copy.write_row(row)
                else:
                    cursor.executemany(self._insert_sql[table], table_rows)
        finally:
            cursor.close()

    # ---------------------------------------------------------------- reading

    def arrival_of(self, event_id: str) -> int | None:
        """The arrival number of an event id, or None; called for every event, so on a bare cursor.

        Raises
        ------
        StoreUnavailable
        """
        try:
            if self._hot is None:
                self._hot = self._open_hot()
            row = self._hot.execute(self._hot_sql, (self._scenario, event_id)).fetchone()
        except self._engine.dialect.dbapi.Error as error:  # type: ignore[union-attr]
            self.close()
            raise StoreUnavailable(f"The database cannot be read: {error}", hint="send the event again") from error
        return None if row is None else int(row[0])

    def _open_hot(self) -> Any:
        connection: Any = self._engine.connect()
        driver = connection.connection.driver_connection
        if self._is_postgres:
            driver.autocommit = True
        else:
            driver.isolation_level = None
        self._hot_connection = connection
        return driver.cursor()

    def close(self) -> None:
        """Give the bare cursor back."""
        if self._hot is not None:
            self._hot = None
            self._hot_connection.invalidate()
            self._hot_connection.close()

    def get(self, *, arrival: int | None = None, event_id: str | None = None) -> Row[Any] | None:
        """One event with its decision, personal values and all, by arrival number or by id."""
        query = sa.select(*_FULL).select_from(_JOINED)
        if arrival is not None:
            query = query.where(events.c.arrival == arrival)
        else:
            query = query.where(events.c.scenario == self._scenario, events.c.event_id == event_id)
        with self._read() as connection:
            return connection.execute(query).first()

    def list_events(self, narrowed: Filter, page: Page) -> list[Row[Any]]:
        """Events with their decisions, newest first (or by risk, then newest)."""
        query = sa.select(*_FULL).select_from(_JOINED).where(events.c.scenario == self._scenario)
        for condition in _conditions(narrowed):
            query = query.where(condition)
        if narrowed.by_risk:
            query = query.order_by(sa.desc(decisions.c.risk_score).nulls_last(), sa.desc(events.c.arrival))
            if page.before is not None and page.risk_below is not None:
                query = query.where(
                    sa.or_(
                        decisions.c.risk_score < page.risk_below,
                        sa.and_(decisions.c.risk_score == page.risk_below, events.c.arrival < page.before),
                    )
                )
        else:
            query = query.order_by(sa.desc(events.c.arrival))
            if page.before is not None:
                query = query.where(events.c.arrival < page.before)
        with self._read() as connection:
            return list(connection.execute(query.limit(page.limit)))

    def by_arrivals(self, arrivals: Sequence[int]) -> list[Row[Any]]:
        """Events by arrival numbers, in their order."""
        if not arrivals:
            return []
        query = sa.select(*_FULL).select_from(_JOINED).where(events.c.arrival.in_(arrivals))
        with self._read() as connection:
            return list(connection.execute(query.order_by(events.c.arrival)))

    def event_ids(self, arrivals: Sequence[int]) -> dict[int, str]:
        """Arrival numbers to event ids."""
        if not arrivals:
            return {}
        query = sa.select(events.c.arrival, events.c.event_id).where(events.c.arrival.in_(arrivals))
        with self._read() as connection:
            return {int(row.arrival): row.event_id for row in connection.execute(query)}

    def last_arrival(self) -> int:
        """The highest arrival number in the database, of any scenario; 0 when empty."""
        with self._read() as connection:
            return int(connection.execute(sa.select(sa.func.max(events.c.arrival))).scalar() or 0)

    def last_arrived_us(self) -> int:
        """When the newest event of this scenario arrived; 0 when there is none."""
        query = sa.select(sa.func.max(events.c.arrived_at_us)).where(events.c.scenario == self._scenario)
        with self._read() as connection:
            return int(connection.execute(query).scalar() or 0)

    def log(self, after_arrival: int, since_arrived_us: int, chunk: int = 20_000) -> Iterator[list[tuple[Any, ...]]]:
        """(arrival, event time, arrived, fields) of the log in arrival order, in chunks; for rebuilding the state."""
        query = sa.select(events.c.arrival, events.c.event_time_us, events.c.arrived_at_us, events.c.fields).where(
            events.c.scenario == self._scenario, events.c.arrived_at_us > since_arrived_us
        )
        while True:
            narrowed = query.where(events.c.arrival > after_arrival).order_by(events.c.arrival).limit(chunk)
            with self._read() as connection:
                rows = [tuple(row) for row in connection.execute(narrowed)]
            if not rows:
                return
            yield rows
            after_arrival = rows[-1][0]

    def vectors(self, features: str, limit: int) -> list[bytes]:
        """The newest stored vectors of one features part, oldest first."""
        query = (
            sa.select(events.c.vector)
            .where(events.c.scenario == self._scenario, events.c.features == features)
            .order_by(sa.desc(events.c.arrival))
            .limit(limit)
        )
        with self._read() as connection:
            return [row[0] for row in connection.execute(query)][::-1]

    def digest_at(self, arrival: int) -> bytes | None:
        """The body digest of the event with this arrival number."""
        with self._read() as connection:
            found = connection.execute(sa.select(events.c.digest).where(events.c.arrival == arrival)).scalar()
        return None if found is None else bytes(found)

    def count_outcomes(self, since_us: int = 0) -> Mapping[int, int]:
        """How many decisions by outcome rank, of events that arrived after `since_us`."""
        query = sa.select(decisions.c.outcome, sa.func.count()).where(decisions.c.scenario == self._scenario)
        if since_us:
            query = query.where(decisions.c.decided_at_us > since_us)
        with self._read() as connection:
            return {int(row[0]): int(row[1]) for row in connection.execute(query.group_by(decisions.c.outcome))}

    def count_events(self) -> int:
        """How many events are stored."""
        query = sa.select(sa.func.count()).select_from(events).where(events.c.scenario == self._scenario)
        with self._read() as connection:
            return int(connection.execute(query).scalar() or 0)

    def by_minute(self, since_us: int) -> list[tuple[int, int, int]]:
        """(minute since 1970, outcome rank, count) of decisions after `since_us`."""
        minute = decisions.c.decided_at_us.op("/")(sa.literal_column("60000000")).label("minute")
        query = (
            sa.select(minute, decisions.c.outcome, sa.func.count())
            .where(decisions.c.scenario == self._scenario, decisions.c.decided_at_us > since_us)
            .group_by(minute, decisions.c.outcome)
        )
        with self._read() as connection:
            return [(int(row[0]), int(row[1]), int(row[2])) for row in connection.execute(query)]

    def flagged_reasons(self, since_us: int, limit: int) -> list[str]:
        """The reasons (JSON) of the newest flagged decisions after `since_us`."""
        query = (
            sa.select(decisions.c.reasons)
            .where(
                decisions.c.scenario == self._scenario, decisions.c.outcome > 0, decisions.c.decided_at_us > since_us
            )
            .order_by(sa.desc(decisions.c.arrival))
            .limit(limit)
        )
        with self._read() as connection:
            return [row[0] for row in connection.execute(query)]

    def _read(self) -> Reading:
        return Reading(self._engine)


class Reading:
    """A connection for one read; a database that does not answer is `StoreUnavailable`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> Connection:
        try:
            self._connection = self._engine.connect()
        except sa.exc.DBAPIError as error:
            raise _unavailable(error) from error
        return self._connection

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._connection.close()
        if isinstance(error, sa.exc.DBAPIError):
            raise _unavailable(error) from error


def _unavailable(error: sa.exc.DBAPIError) -> StoreUnavailable:
    return StoreUnavailable(f"The database cannot be read: {error.orig}", hint="try again")


def _conditions(narrowed: Filter) -> Iterator[sa.ColumnElement[bool]]:
    if narrowed.entity_key is not None:
        yield events.c.entity_key == narrowed.entity_key
    if narrowed.decided:
        yield decisions.c.arrival.is_not(None)
    if narrowed.outcomes is not None:
        yield decisions.c.outcome.in_(narrowed.outcomes)
    if narrowed.min_risk is not None:
        yield decisions.c.risk_score >= narrowed.min_risk
    for key, value in (("code", narrowed.reason), ("severity", narrowed.severity)):
        if value is not None:
            escaped = value.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
            yield decisions.c.reasons.like(f'%"{key}":"{escaped}"%', escape="\\")
    if narrowed.since_us is not None:
        yield events.c.event_time_us >= narrowed.since_us
    if narrowed.until_us is not None:
        yield events.c.event_time_us < narrowed.until_us
