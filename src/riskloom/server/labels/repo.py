"""SQL of labels: the events they are about, their history, and pages of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Engine, Row

from riskloom.domain.label import Label, LabelSource
from riskloom.server.db import is_storable, reading
from riskloom.server.decisions.record import decode
from riskloom.server.labels.quality import Judged
from riskloom.server.tables import decisions, events, labels

NAMED = 5_000
"""Most values a statement names."""
T = TypeVar("T")


class About(NamedTuple):
    """The event of a label, as the log holds it; `fields` is JSON with personal fields by their key."""

    arrival: int
    time_us: int
    fields: str


class LabelRepo:
    """Labels of one scenario in one database; the writer inserts them with the rest of the log."""

    def __init__(self, engine: Engine, scenario: str) -> None:
        self._engine = engine
        self._scenario = scenario

    def events(self, event_ids: Sequence[str]) -> dict[str, About]:
        """Event ids to the events that are stored."""
        query = sa.select(events.c.event_id, events.c.arrival, events.c.event_time_us, events.c.fields)
        query = query.where(events.c.scenario == self._scenario)
        found: dict[str, About] = {}
        for part in _parts([event_id for event_id in event_ids if is_storable(event_id)]):
            with reading(self._engine) as connection:
                for row in connection.execute(query.where(events.c.event_id.in_(part))):
                    found[row.event_id] = About(int(row.arrival), int(row.event_time_us), row.fields)
        return found

    def histories(self, arrivals: Sequence[int]) -> dict[int, list[Label]]:
        """Arrival numbers of events to their labels, in the order in which they were told."""
        query = sa.select(labels).order_by(labels.c.arrival)
        found: dict[int, list[Label]] = {}
        for part in _parts(arrivals):
            with reading(self._engine) as connection:
                for row in connection.execute(query.where(labels.c.about.in_(part))):
                    found.setdefault(int(row.about), []).append(label_of(row))
        return found

    def judged(self, from_us: int, to_us: int, money: str) -> Iterator[Judged]:
        """Decisions on events of a time with what each counts as now, in arrival order."""
        told = sa.select(labels.c.about, sa.func.max(labels.c.arrival).label("arrival"))
        last = told.where(labels.c.scenario == self._scenario).group_by(labels.c.about).subquery()
        query = (
            sa.select(
                events.c.event_time_us,
                events.c.fields,
                decisions.c.outcome,
                decisions.c.reasons,
                labels.c.truth,
            )
            .join(decisions, decisions.c.arrival == events.c.arrival)
            .outerjoin(last, last.c.about == events.c.arrival)
            .outerjoin(labels, labels.c.arrival == last.c.arrival)
            .where(events.c.scenario == self._scenario)
            .where(events.c.event_time_us.between(from_us, to_us - 1))
            .order_by(events.c.arrival)
        )
        with reading(self._engine) as connection:
            for row in connection.execution_options(yield_per=NAMED).execute(query):
                amount = abs(decode(row.fields).get(money) or 0) if money else 0
                truth = None if row.truth is None else bool(row.truth)
                yield Judged(int(row.event_time_us), int(row.outcome), decode(row.reasons), truth, amount)

    def truths(self, arrivals: Sequence[int]) -> dict[int, bool]:
        """Arrival numbers of labelled events to what they count as now."""
        query = sa.select(labels.c.about, labels.c.truth).order_by(labels.c.arrival)
        found: dict[int, bool] = {}
        for part in _parts(arrivals):
            with reading(self._engine) as connection:
                for row in connection.execute(query.where(labels.c.about.in_(part))):
                    found[int(row.about)] = bool(row.truth)
        return found

    def page(self, limit: int, before: int | None) -> list[tuple[str, Label]]:
        """(event id, label), newest arrival first."""
        query = sa.select(labels, events.c.event_id).join(events, events.c.arrival == labels.c.about)
        query = query.where(labels.c.scenario == self._scenario).order_by(sa.desc(labels.c.arrival))
        if before is not None:
            query = query.where(labels.c.arrival < before)
        with reading(self._engine) as connection:
            return [(row.event_id, label_of(row)) for row in connection.execute(query.limit(limit))]


def label_of(row: Row[Any]) -> Label:
    """A stored label."""
    return Label(
        bool(row.fraud),
        LabelSource(row.source),
        int(row.known_at_us),
        float(row.confidence),
        row.code,
        int(row.arrival),
        int(row.told_at_us),
    )


def _parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), NAMED):
        yield values[start : start + NAMED]
