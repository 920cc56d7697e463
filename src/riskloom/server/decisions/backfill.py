"""Takes history straight into the log of a database that no server holds: as if each event had arrived
when it happened.

Idempotent: an id that is stored with the same body is passed over, so an import that was interrupted is
begun again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from riskloom.bundle import Bundle
from riskloom.clock import Clock
from riskloom.domain.decision import Decision
from riskloom.domain.event import Event
from riskloom.errors import Fault, StoreUnavailable
from riskloom.pipeline import TOO_LATE, Pipeline
from riskloom.server.bundles import BundleTexts
from riskloom.server.db import database_url, open_engine, upgrade
from riskloom.server.decisions.record import EventRows, decision_row
from riskloom.server.decisions.repo import BatchRows, DecisionRepo
from riskloom.server.lock import only_server
from riskloom.server.rebuild import Snapshots, rebuild
from riskloom.server.settings import Settings
from riskloom.server.tables import events as events_table

Conflict = Callable[[Event, Fault], None]


@dataclass(slots=True)
class Counts:
    """What an import did."""

    taken: int = 0
    known: int = 0
    conflicts: int = 0
    flagged: int = 0


def backfill(
    settings: Settings,
    bundle: Bundle,
    chunks: Iterable[Sequence[Event]],
    *,
    score: bool,
    clock: Clock,
    on_conflict: Conflict,
) -> Counts:
    """Take chunks of events in, one transaction each.

    Parameters
    ----------
    chunks
        Events in arrival order; each event's arrival time is its own.
    score
        Also decide each, with reasons and evidence; else only their vectors are frozen.
    on_conflict
        Told of an id that is stored with another body; it is passed over.

    Raises
    ------
    AlreadyRunning
        While a server holds the database.
    StoreUnavailable
        When it cannot be written; what was committed stays.
    """
    engine = open_engine(database_url(settings.database_url))
    try:
        with only_server(engine):
            upgrade(engine)
            repo = DecisionRepo(engine, bundle.scenario.name)
            BundleTexts(engine, settings.bundles_folder).remember(bundle, clock.now_us())
            snapshots = Snapshots(settings.data_dir, bundle)
            pipeline, arrival = rebuild(repo, bundle, snapshots)
            work = _Backfill(engine, repo, bundle, pipeline, max(arrival, repo.last_arrival()), on_conflict)
            for chunk in chunks:
                work.take(chunk, score=score)
            snapshots.save(repo, pipeline.state, work.arrival)
            return work.counts
    finally:
        engine.dispose()


class _Backfill:
    def __init__(
        self,
        engine: Engine,
        repo: DecisionRepo,
        bundle: Bundle,
        pipeline: Pipeline,
        arrival: int,
        on_conflict: Conflict,
    ) -> None:
        self._engine = engine
        self._repo = repo
        self._scenario = bundle.scenario
        self._rows = EventRows(bundle.scenario)
        self._schema = bundle.scenario.schema()
        self._pipeline = pipeline
        self._on_conflict = on_conflict
        self.arrival = arrival
        self.counts = Counts()

    def take(self, chunk: Sequence[Event], *, score: bool) -> None:
        """One chunk, one transaction."""
        fresh = list(self._fresh(chunk))
        first = self.arrival + 1
        decisions: Sequence[Decision | None] = [None] * len(fresh)
        if score:
            decisions = list(self._pipeline.decisions(fresh, first))
            vectors = [decision.vector for decision in decisions if decision is not None]
            late = [decision is not None and TOO_LATE in decision.degraded for decision in decisions]
        else:
            matrix, _, too_late = self._pipeline.compute_many(fresh, first)
            vectors, late = list(matrix), too_late.tolist()
        event_table, personal_table, decision_table = [], [], []
        for at, (event, decision) in enumerate(zip(fresh, decisions, strict=True)):
            event_row, personal_row = self._rows.of(
                event,
                first + at,
                np.ascontiguousarray(vectors[at]).tobytes(),
                (TOO_LATE,) if late[at] else (),
                self._schema.digest(event),
            )
            event_table.append(event_row)
            if personal_row is not None:
                personal_table.append(personal_row)
            if decision is not None:
                decision_table.append(decision_row(decision, self._scenario.name, event.arrived_us))
                self.counts.flagged += decision.flagged
        self._commit((event_table, personal_table, decision_table, (), (), ()))
        self.arrival += len(fresh)
        self.counts.taken += len(fresh)

    def _fresh(self, chunk: Sequence[Event]) -> Iterator[Event]:
        """The events that are not stored yet; conflicts are told."""
        stored = self._stored([event.id for event in chunk])
        for event in chunk:
            digest = self._schema.digest(event)
            known = stored.get(event.id)
            if known is None:
                stored[event.id] = digest
                yield event
            elif known == digest:
                self.counts.known += 1
            else:
                self.counts.conflicts += 1
                name = self._schema.id_field
                self._on_conflict(event, Fault(name, "an id of its own", f"{event.id!r} with another body"))

    def _stored(self, ids: Sequence[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        table = events_table
        with self._engine.connect() as connection:
            for start in range(0, len(ids), 500):
                query = sa.select(table.c.event_id, table.c.digest).where(
                    table.c.scenario == self._scenario.name, table.c.event_id.in_(ids[start : start + 500])
                )
                found |= {row.event_id: bytes(row.digest) for row in connection.execute(query)}
        return found

    def _commit(self, rows: BatchRows) -> None:
        connection = self._engine.raw_connection()
        try:
            driver = connection.driver_connection
            if driver is None:
                raise StoreUnavailable("The database connection was lost.")
            self._repo.insert_batch(driver, rows)
            driver.commit()
        except self._engine.dialect.dbapi.Error as error:  # type: ignore[union-attr]
            raise StoreUnavailable(
                f"The database could not store a chunk: {error}",
                hint="nothing of the chunk was taken; run the same command again to go on",
            ) from error
        finally:
            connection.close()
