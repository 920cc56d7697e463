"""SQL of the event log: written in batches, looked up by id and by arrival number, read back in order.

Writes go through the driver's own batch insert (SQLite) or COPY (PostgreSQL); the hot look-up through a
bare cursor.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, Row

from riskloom.errors import StoreUnavailable
from riskloom.server.db import cause_of, is_storable, reading
from riskloom.server.tables import bundles, decisions, events, labels, personal_data, policy_changes, trials

EVENT_COLUMNS = tuple(column.name for column in events.columns)
PERSONAL_COLUMNS = tuple(column.name for column in personal_data.columns)
DECISION_COLUMNS = tuple(column.name for column in decisions.columns)
TRIAL_COLUMNS = tuple(column.name for column in trials.columns)
CHANGE_COLUMNS = tuple(column.name for column in policy_changes.columns if column.name != "id")
LABEL_COLUMNS = tuple(column.name for column in labels.columns)
TOGETHER = 32
"""Most rows a statement; each count is a statement of its own that SQLite's driver keeps prepared."""
_NAMED = 50
"""Arrival numbers a statement."""
_TABLES = (
    ("events", EVENT_COLUMNS),
    ("personal_data", PERSONAL_COLUMNS),
    ("decisions", DECISION_COLUMNS),
    ("trials", TRIAL_COLUMNS),
    ("labels", LABEL_COLUMNS),
    ("policy_changes", CHANGE_COLUMNS),
)

Rows = Sequence[Sequence[Any]]
BatchRows = tuple[Rows, Rows, Rows, Rows, Rows, Rows]
"""Rows of events, personal data, decisions, trials, labels and policy changes, in the order of `_TABLES`."""

JOINED = events.outerjoin(decisions, events.c.arrival == decisions.c.arrival).outerjoin(
    personal_data, events.c.arrival == personal_data.c.arrival
)
FULL = (
    events,
    personal_data.c.fields.label("personal"),
    decisions.c.decided_at_us,
    decisions.c.outcome,
    decisions.c.anomaly_score,
    decisions.c.risk_score,
    decisions.c.probability,
    decisions.c.contributions,
    decisions.c.reasons,
    decisions.c.bundle,
    decisions.c.lineup,
    decisions.c.degraded.label("decision_degraded"),
)


class DecisionRepo:
    """Events and decisions of one scenario in one database."""

    def __init__(self, engine: Engine, scenario: str) -> None:
        self._engine = engine
        self._scenario = scenario
        self._is_postgres = engine.dialect.name == "postgresql"
        self._hot: Any = None
        self._hot_connection: Any = None
        self._hot_lock = threading.Lock()
        mark = "%s" if self._is_postgres else "?"
        self._hot_sql = f"select arrival from events where scenario = {mark} and event_id = {mark}"  # noqa: S608 - no outside text
        self._insert_sql = {
            (table, count): _insert(table, columns, mark, count)
            for table, columns in _TABLES
            for count in range(1, TOGETHER + 1)
        }
        marks = f"= any({mark})" if self._is_postgres else f"in ({', '.join([mark] * _NAMED)})"
        self._names_sql = f"select arrival, event_id from events where arrival {marks}"  # noqa: S608

    # ---------------------------------------------------------------- writing

    def insert_batch(self, driver_connection: Any, rows: BatchRows) -> None:
        """Insert rows of these tables on a driver connection; the caller commits."""
        cursor = driver_connection.cursor()
        try:
            for (table, columns), table_rows in zip(_TABLES, rows, strict=True):
                if not table_rows:
                    continue
                if self._is_postgres and len(table_rows) > 4:
                    with cursor.copy(f"copy {table} ({', '.join(columns)}) from stdin") as copy:
                        for row in table_rows:
                            copy.write_row(row)
                elif self._is_postgres:
                    cursor.executemany(self._insert_sql[table, 1], table_rows)
                else:
                    self._insert_together(cursor, table, table_rows)
        finally:
            cursor.close()

    def _insert_together(self, cursor: Any, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """Many rows a statement: SQLite's driver lets go of the interpreter once for each."""
        for start in range(0, len(rows), TOGETHER):
            part = rows[start : start + TOGETHER]
            cursor.execute(self._insert_sql[table, len(part)], tuple(chain.from_iterable(part)))

    # ---------------------------------------------------------------- reading on the event loop's thread

    def arrival_of(self, event_id: str) -> int | None:
        """The arrival number of an event id, or None; called for many events, so on a bare cursor.

        Raises
        ------
        StoreUnavailable
        """
        rows = self._read_hot(self._hot_sql, (self._scenario, event_id))
        return int(rows[0][0]) if rows else None

    def event_ids(self, arrivals: Sequence[int]) -> dict[int, str]:
        """Arrival numbers to event ids, on the bare cursor.

        Raises
        ------
        StoreUnavailable
        """
        found: dict[int, str] = {}
        for start in range(0, len(arrivals), _NAMED):
            part = list(arrivals[start : start + _NAMED])
            given = (part,) if self._is_postgres else part + part[-1:] * (_NAMED - len(part))
            found.update(self._read_hot(self._names_sql, given))
        return found

    def _read_hot(self, sql: str, given: Sequence[Any]) -> list[Any]:
        """Rows by the bare cursor, of one caller at a time: pages are drawn on other threads than events."""
        with self._hot_lock:
            try:
                if self._hot is None:
                    self._hot = self._open_hot()
                rows: list[Any] = self._hot.execute(sql, given).fetchall()
            except (self._engine.dialect.dbapi.Error, sa.exc.DBAPIError, sa.exc.TimeoutError) as error:  # type: ignore[union-attr]
                self._close_hot()
                raise StoreUnavailable(
                    f"The database cannot be read: {cause_of(error)}", hint="send the event again"
                ) from error
            return rows

    def _open_hot(self) -> Any:
        self._hot_connection = self._engine.raw_connection()
        driver: Any = self._hot_connection.driver_connection
        if self._is_postgres:
            driver.autocommit = True
        else:
            driver.isolation_level = None
        return driver.cursor()

    def close(self) -> None:
        """Give the bare cursor back; its connection is ended, for it was set up for this alone."""
        with self._hot_lock:
            self._close_hot()

    def _close_hot(self) -> None:
        self._hot = None
        if self._hot_connection is not None:
            self._hot_connection.invalidate()
            self._hot_connection = None

    def get(self, *, arrival: int | None = None, event_id: str | None = None) -> Row[Any] | None:
        """One event with its decision, personal values and all, by arrival number or by id."""
        if event_id is not None and not is_storable(event_id):
            return None
        query = sa.select(*FULL).select_from(JOINED)
        if arrival is not None:
            query = query.where(events.c.arrival == arrival)
        else:
            query = query.where(events.c.scenario == self._scenario, events.c.event_id == event_id)
        with reading(self._engine) as connection:
            return connection.execute(query).first()

    def last_arrival(self) -> int:
        """The highest arrival number in the database, of any scenario; 0 when empty."""
        newest = [sa.select(sa.func.max(table.c.arrival)).scalar_subquery() for table in (events, labels)]
        with reading(self._engine) as connection:
            return max(int(number or 0) for number in connection.execute(sa.select(*newest)).one())

    def newest(self) -> tuple[int, int]:
        """(arrival number, when it arrived) of this scenario's event with the highest number; zeros when
        there is none.

        A clock that was set back makes the time too early, never too late: then more of the log is read
        than is needed.
        """
        query = sa.select(events.c.arrival, events.c.arrived_at_us).where(events.c.scenario == self._scenario)
        with reading(self._engine) as connection:
            found = connection.execute(query.order_by(sa.desc(events.c.arrival)).limit(1)).first()
        return (0, 0) if found is None else (int(found[0]), int(found[1]))

    def log(
        self, after_arrival: int, since_arrived_us: int, chunk: int = 20_000
    ) -> Iterator[list[tuple[Any, ...]]]:
        """(arrival, event time, arrived, fields) of the log in arrival order, in chunks; for rebuilding
        the state.

        Walks the primary key: a condition on the scenario would make SQLite sort the log for each chunk.
        """
        query = sa.select(
            events.c.arrival,
            events.c.event_time_us,
            events.c.arrived_at_us,
            events.c.fields,
            events.c.scenario,
        ).where(events.c.arrived_at_us > since_arrived_us)
        while True:
            narrowed = query.where(events.c.arrival > after_arrival).order_by(events.c.arrival).limit(chunk)
            with reading(self._engine) as connection:
                rows = [tuple(row) for row in connection.execute(narrowed)]
            if not rows:
                return
            after_arrival = rows[-1][0]
            own = [row for row in rows if row[4] == self._scenario]
            if own:
                yield own

    def decided_since(self, since_arrived_us: int, chunk: int = 5_000) -> Iterator[list[Row[Any]]]:
        """Decided events that arrived behind a moment, whole, in arrival order, in chunks."""
        query = (
            sa.select(*FULL)
            .select_from(JOINED)
            .where(events.c.scenario == self._scenario, events.c.arrived_at_us > since_arrived_us)
            .where(decisions.c.arrival.is_not(None))
            .order_by(events.c.arrival)
            .limit(chunk)
        )
        after = 0
        while True:
            with reading(self._engine) as connection:
                rows = list(connection.execute(query.where(events.c.arrival > after)))
            if not rows:
                return
            yield rows
            after = int(rows[-1].arrival)

    def trials(self, tried_by: Sequence[str], first: int, last: int) -> dict[int, dict[str, Row[Any]]]:
        """What these bundles said of events from one arrival number to another: by event, then by bundle."""
        query = sa.select(trials).where(
            trials.c.arrival.between(first, last),
            trials.c.scenario == self._scenario,
            trials.c.bundle.in_(tried_by),
        )
        found: dict[int, dict[str, Row[Any]]] = {}
        with reading(self._engine) as connection:
            for row in connection.execute(query):
                found.setdefault(int(row.arrival), {})[row.bundle] = row
        return found

    def last_label(self) -> int:
        """The arrival number of this scenario's newest label; 0 when there is none."""
        query = sa.select(sa.func.max(labels.c.arrival)).where(labels.c.scenario == self._scenario)
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar() or 0)

    def facts(
        self, after_arrival: int, until_arrival: int, since_arrived_us: int, chunk: int = 20_000
    ) -> Iterator[list[tuple[Any, ...]]]:
        """(arrival, about, truth, time of that event, its fields) of labels in arrival order, in chunks.

        Those behind one entry of the log up to another; none about an event that no window reaches.
        """
        query = (
            sa.select(
                labels.c.arrival, labels.c.about, labels.c.truth, events.c.event_time_us, events.c.fields
            )
            .join(events, events.c.arrival == labels.c.about)
            .where(labels.c.scenario == self._scenario, labels.c.arrival <= until_arrival)
            .where(events.c.arrived_at_us > since_arrived_us)
            .order_by(labels.c.arrival)
            .limit(chunk)
        )
        while True:
            with reading(self._engine) as connection:
                behind = query.where(labels.c.arrival > after_arrival)
                rows = [tuple(row) for row in connection.execute(behind)]
            if not rows:
                return
            yield rows
            after_arrival = rows[-1][0]

    def ids(self, chunk: int = 20_000) -> Iterator[list[str]]:
        """Every event id, in chunks, read from the index alone; for the filter of ids that were seen."""
        query = sa.select(events.c.event_id).where(events.c.scenario == self._scenario)
        query = query.order_by(events.c.event_id).limit(chunk)
        last: str | None = None
        while True:
            with reading(self._engine) as connection:
                behind = query if last is None else query.where(events.c.event_id > last)
                found = [str(row[0]) for row in connection.execute(behind)]
            if not found:
                return
            yield found
            last = found[-1]

    def vectors(self, features: str, limit: int) -> list[bytes]:
        """The newest stored vectors of one features part, oldest first."""
        query = (
            sa.select(events.c.vector)
            .where(events.c.scenario == self._scenario, events.c.features == features)
            .order_by(sa.desc(events.c.arrival))
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [row[0] for row in connection.execute(query)][::-1]

    def mark_at(self, arrival: int) -> bytes | None:
        """Names this database's log up to an arrival number; None where it does not reach so far.

        Made from the body and arrival of that event, or from what that label says, and from when the database
        first knew a bundle: another database with the same events has another.
        """
        born = sa.select(sa.func.min(bundles.c.first_used_at_us)).scalar_subquery()
        query: sa.Select[Any] = sa.select(events.c.digest, events.c.arrived_at_us, born)
        told: sa.Select[Any] = sa.select(
            labels.c.source, labels.c.about, labels.c.truth, labels.c.told_at_us, born
        )
        with reading(self._engine) as connection:
            found = connection.execute(query.where(events.c.arrival == arrival)).first()
            if found is None:
                found = connection.execute(told.where(labels.c.arrival == arrival)).first()
        if found is None:
            return None
        named = found[0].encode() if isinstance(found[0], str) else bytes(found[0])
        return named + b"".join(int(number or 0).to_bytes(8, "little") for number in found[1:])


def _insert(table: str, columns: Sequence[str], mark: str, rows: int) -> str:
    row = f"({', '.join([mark] * len(columns))})"
    return f"insert into {table} ({', '.join(columns)}) values {', '.join([row] * rows)}"  # noqa: S608
