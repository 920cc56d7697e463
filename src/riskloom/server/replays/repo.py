"""SQL of replays: the log of one scenario as it was stored, with its decisions, in arrival order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, Row

from riskloom.server.db import reading
from riskloom.server.decisions.record import decode, said_in
from riskloom.server.decisions.repo import FULL, JOINED
from riskloom.server.policy.memory import PolicyChange, read_change
from riskloom.server.tables import (
    bundles,
    events,
    labels,
    lineups,
    model_runs,
    policy_changes,
    trials,
)

CHUNK = 5_000


class ReplayRepo:
    """What a replay reads; writes nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def scenarios(self) -> list[str]:
        """The scenarios that have bundles here."""
        query = sa.select(bundles.c.scenario).distinct().order_by(bundles.c.scenario)
        with reading(self._engine) as connection:
            return [str(row[0]) for row in connection.execute(query)]

    def bundles(self, scenario: str) -> dict[str, tuple[dict[str, Any], bool]]:
        """(parts, whether it has a model) of each bundle of a scenario, by fingerprint, the oldest first."""
        query = sa.select(bundles).where(bundles.c.scenario == scenario).order_by(bundles.c.first_used_at_us)
        with reading(self._engine) as connection:
            return {
                row.fingerprint: (decode(row.parts), decode(row.model) is not None)
                for row in connection.execute(query)
            }

    def model_folders(self, scenario: str) -> list[str]:
        """The folders of the models that were trained here."""
        query = sa.select(model_runs.c.path).where(model_runs.c.scenario == scenario)
        with reading(self._engine) as connection:
            return [str(row[0]) for row in connection.execute(query)]

    def first_of_last(self, scenario: str, count: int) -> int:
        """The arrival number of the first of the last so many events; 0 when there are fewer."""
        query = sa.select(events.c.arrival).where(events.c.scenario == scenario)
        query = query.order_by(sa.desc(events.c.arrival)).offset(count - 1).limit(1)
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar() or 0)

    def arrived_us(self, arrival: int) -> int:
        """When the entry of this number arrived, or the last event before it."""
        query = sa.select(events.c.arrived_at_us).where(events.c.arrival <= arrival)
        query = query.order_by(sa.desc(events.c.arrival)).limit(1)
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar() or 0)

    def log(self, scenario: str, after_arrival: int, since_arrived_us: int) -> Iterator[list[Row[Any]]]:
        """Events with personal values and decisions, in chunks, those of this scenario.

        Walks the primary key, for the reason that `DecisionRepo.log` gives.
        """
        query = sa.select(*FULL).select_from(JOINED).where(events.c.arrived_at_us > since_arrived_us)
        while True:
            narrowed = query.where(events.c.arrival > after_arrival).order_by(events.c.arrival).limit(CHUNK)
            with reading(self._engine) as connection:
                rows = list(connection.execute(narrowed))
            if not rows:
                return
            after_arrival = rows[-1].arrival
            yield [row for row in rows if row.scenario == scenario]

    def count(self, scenario: str) -> int:
        """How many events are stored."""
        query = sa.select(sa.func.count()).select_from(events).where(events.c.scenario == scenario)
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar() or 0)

    def policy_changes(self, scenario: str) -> list[tuple[int, PolicyChange]]:
        """Changes of lists and switches, each with the arrival number behind which it holds, in order."""
        query = sa.select(policy_changes).where(policy_changes.c.scenario == scenario)
        with reading(self._engine) as connection:
            return [
                (
                    row.after,
                    read_change(decode(row.change), row.after, row.author, row.reason, row.made_at_us),
                )
                for row in connection.execute(query.order_by(policy_changes.c.id))
            ]

    def facts(self, scenario: str, after: int = 0) -> Iterator[tuple[Any, ...]]:
        """(arrival, time of the event, its fields, its arrival, fraud) of labels behind an arrival number."""
        query = (
            sa.select(
                labels.c.arrival, events.c.event_time_us, events.c.fields, labels.c.about, labels.c.truth
            )
            .join(events, events.c.arrival == labels.c.about)
            .where(labels.c.scenario == scenario)
            .order_by(labels.c.arrival)
            .limit(CHUNK)
        )
        while True:
            with reading(self._engine) as connection:
                rows = [tuple(row) for row in connection.execute(query.where(labels.c.arrival > after))]
            if not rows:
                return
            yield from rows
            after = rows[-1][0]

    def lineups(self, scenario: str) -> dict[int, dict[str, Any]]:
        """The versions of each line-up by its number: champion, canary, shadows."""
        query = sa.select(lineups.c.id, lineups.c.versions).where(lineups.c.scenario == scenario)
        with reading(self._engine) as connection:
            return {int(row.id): decode(row.versions) for row in connection.execute(query)}

    def trials(self, scenario: str, first: int, last: int) -> dict[int, dict[str, dict[str, Any]]]:
        """What was said beside the decisions from one arrival number to another: by event, then by bundle."""
        query = sa.select(trials).where(trials.c.arrival.between(first, last), trials.c.scenario == scenario)
        found: dict[int, dict[str, dict[str, Any]]] = {}
        with reading(self._engine) as connection:
            for row in connection.execute(query):
                found.setdefault(int(row.arrival), {})[row.bundle] = said_in(row)
        return found

    def last_label(self, scenario: str) -> int:
        """The arrival number of the newest label; 0 when there is none."""
        query = sa.select(sa.func.max(labels.c.arrival)).where(labels.c.scenario == scenario)
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar() or 0)

    def truths(self, scenario: str) -> dict[int, bool]:
        """What labelled events count as now, by their arrival numbers."""
        query = sa.select(labels.c.about, labels.c.truth).where(labels.c.scenario == scenario)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(labels.c.arrival))
            return {int(about): bool(truth) for about, truth in rows}

    def place(self, scenario: str, arrival: int) -> int:
        """How many events of a scenario have an arrival number up to this one."""
        query = sa.select(sa.func.count()).select_from(events)
        query = query.where(events.c.scenario == scenario, events.c.arrival <= arrival)
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar() or 0)
