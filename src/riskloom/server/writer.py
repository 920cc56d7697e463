"""The group writer: one thread that drains its queue, writes all of it in one transaction, and only then
answers.

Nobody is told of an event before it is durable. When a commit fails, that batch and everything queued
behind it fails, and so does all that comes until `resume` is called: the state must be rebuilt first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from riskloom.errors import StoreUnavailable
from riskloom.server.db import cause_of, writing
from riskloom.server.decisions.record import Record
from riskloom.server.decisions.repo import DecisionRepo
from riskloom.server.statements import EffectWriter

LARGEST_BATCH = 2_000
CHECKPOINT_S = 1.0
PROBE_BYTES = 1 << 16
LARGEST_LOG_PAGES = 1 << 14  # 64 MiB
CHECKPOINT = "PRAGMA wal_checkpoint(PASSIVE)"

Done = Callable[[Sequence[Record], StoreUnavailable | None], None]


class Writer:
    """Writes records in the order they are put.

    Parameters
    ----------
    engine, repo
        Where to.
    done
        Called on the writer's thread with each batch, and its error if it failed.
    """

    def __init__(self, engine: Engine, repo: DecisionRepo, done: Done) -> None:
        self._engine = engine
        self._repo = repo
        self._done = done
        self._effects = EffectWriter(is_postgres=engine.dialect.name == "postgresql")
        self._queue: SimpleQueue[Sequence[Record] | None] = SimpleQueue()
        self._connection: Any = None
        self._error: StoreUnavailable | None = None
        self._wrote = threading.Event()
        self._is_log_long = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="riskloom-writer", daemon=True)
        self._checkpointer = threading.Thread(
            target=self._checkpoint, name="riskloom-checkpoint", daemon=True
        )

    @property
    def error(self) -> StoreUnavailable | None:
        """Why it stands, or None while it writes."""
        return self._error

    def start(self) -> None:
        """Start the threads."""
        self._thread.start()
        if self._engine.dialect.name == "sqlite":
            self._checkpointer.start()

    def put(self, records: Sequence[Record]) -> None:
        """Queue records; `done` will be called with them."""
        self._queue.put(records)

    def stop(self) -> None:
        """Write what is queued and end the threads."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()
        self._stopped.set()
        self._wrote.set()
        if self._checkpointer.is_alive():
            self._checkpointer.join()

    def probe(self) -> None:
        """Find out whether a batch could be written, by writing as much and taking it back.

        Raises
        ------
        StoreUnavailable
        """
        clear = sa.text("delete from personal_data where arrival = -1")
        fill = sa.text("insert into personal_data (arrival, fields) values (-1, :filler)")
        with writing(self._engine) as connection:
            connection.execute(clear)
            connection.execute(fill, {"filler": "x" * PROBE_BYTES})
        with writing(self._engine) as connection:
            connection.execute(clear)

    def resume(self) -> None:
        """Write again, after the state was rebuilt."""
        self._error = None

    def _run(self) -> None:
        stopping = False
        while not stopping:
            first = self._queue.get()
            batch = [] if first is None else list(first)
            stopping = first is None
            while len(batch) < LARGEST_BATCH and not stopping:
                try:
                    following = self._queue.get_nowait()
                except Empty:
                    break
                if following is None:
                    stopping = True
                else:
                    batch += following
            if batch:
                self._write(batch)
        self._drop_connection()

    def _write(self, batch: list[Record]) -> None:
        if self._error is None:
            try:
                self._commit(batch)
            except Exception as error:  # noqa: BLE001 - whatever it was, nobody may wait for ever
                self._error = StoreUnavailable(
                    f"The database could not store the event: {cause_of(error)}",
                    hint="nothing was taken; send it again with the same event_id",
                )
                self._drop_connection()
        self._done(batch, self._error)

    def _commit(self, batch: list[Record]) -> None:
        if self._connection is None:
            self._connection = self._engine.raw_connection()
        if self._is_log_long.is_set():
            self._begin_log_anew()
        driver = self._connection.driver_connection
        events = [record.event_row for record in batch if record.event_row is not None]
        personal = [record.personal_row for record in batch if record.personal_row is not None]
        decisions = [record.decision_row for record in batch if record.decision_row is not None]
        tried = [row for record in batch for row in record.trial_rows]
        labels = [record.label_row for record in batch if record.label_row is not None]
        changes = [record.change_row for record in batch if record.change_row is not None]
        self._repo.insert_batch(driver, (events, personal, decisions, tried, labels, changes))
        self._effects.write(driver, (effect for record in batch for effect in record.effects))
        driver.commit()
        self._wrote.set()

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection = None

    def _checkpoint(self) -> None:
        """SQLite: move the write-ahead log into the database file from a connection of its own."""
        while not self._stopped.wait(CHECKPOINT_S):
            if not self._wrote.is_set():
                continue
            self._wrote.clear()
            try:
                with self._engine.connect() as connection:
                    _, pages, _ = connection.exec_driver_sql(CHECKPOINT).one()
            except (sa.exc.DBAPIError, sa.exc.TimeoutError):
                self._wrote.set()  # a full disk or a lock: the writer will say so; again later
                continue
            if pages > LARGEST_LOG_PAGES:
                self._is_log_long.set()

    def _begin_log_anew(self) -> None:
        """SQLite begins its log anew once all of it was moved: a moment that never comes under load."""
        self._is_log_long.clear()
        if self._connection is not None:
            self._connection.driver_connection.execute(CHECKPOINT).fetchall()
