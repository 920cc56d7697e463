"""What a never-killed server, fed the same log, would have: the judge of crash, trouble and restart tests."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from riskloom.bundle import Bundle
from riskloom.domain.event import Event
from riskloom.pipeline import DEADLINE, Pipeline
from riskloom.policy.judge import decided_after
from riskloom.server.decisions.record import decision_row
from riskloom.server.decisions.repo import DECISION_COLUMNS
from riskloom.server.policy.memory import PolicyChange, memory_of, read_change
from support.databases import Database

_decode = msgspec.json.decode
BUNDLE, DECIDED_AT, LINEUP, REASONS, DEGRADED = (
    DECISION_COLUMNS.index(name) for name in ("bundle", "decided_at_us", "lineup", "reasons", "degraded")
)


def check_log(database: Database, bundle: Bundle) -> list[str]:
    """The stored event ids in arrival order, after checking that the log is whole and every row is what
    a calm replay gives.

    Vectors are compared bit for bit; decisions made by this bundle with reasons and evidence, or without
    evidence when they say that they were made later than their event came. Labels are told where the log has
    them.
    """
    check_whole(database)
    schema = bundle.scenario.schema()
    changes = _policy_changes(database)
    pipeline = Pipeline(bundle, lists=memory_of(change for _, change in changes).lists(bundle.scenario))
    decided = {row[0]: row for row in database.rows("select * from decisions")}
    personal = {row[0]: _decode(row[1]) for row in database.rows("select arrival, fields from personal_data")}
    ids: list[str] = []
    labels = _Labels(database, pipeline)
    for row in database.rows(
        "select arrival, event_id, event_time_us, arrived_at_us, fields, sent, vector, digest, degraded"
        " from events order by arrival"
    ):
        arrival, event_id, time_us, arrived_us, fields, sent, vector, digest, degraded = row
        values = {**_decode(fields), **personal.get(arrival, {})}
        event = Event(event_id, time_us, arrived_us, values, _decode(sent))
        assert schema.digest(event) == bytes(digest), event_id
        pipeline.off = memory_of(change for after, change in changes if after < arrival).off
        labels.tell_before(arrival)
        labels.events[arrival] = event
        stored = decided.get(arrival)
        hurried = stored is not None and DEADLINE in _decode(stored[DEGRADED])
        decision = pipeline.score_one(event, arrival, hurried)
        assert decision.vector.tobytes() == bytes(vector), (
            event_id,
            _differing(bundle, decision.vector, np.frombuffer(vector)),
        )
        assert [d for d in decision.degraded if d == "too_late"] == _decode(degraded)
        if stored is not None and stored[BUNDLE] == bundle.fingerprint:
            expected = decision_row(decision, bundle.scenario.name, stored[DECIDED_AT], stored[LINEUP])
            late = decided_after(_decode(stored[DEGRADED])) is not None
            pairs = zip(_comparable(expected, late), _comparable(stored, late), strict=True)
            differing = [pair for pair in pairs if pair[0] != pair[1]]
            assert differing == [], (event_id, differing)
        pipeline.advance_one(arrival)
        ids.append(event_id)
    labels.tell_before(2**62)
    return ids


class _Labels:
    """The log's labels, told in their order; what each makes of its event is judged anew."""

    order = ("rule", "customer", "analyst", "chargeback")

    def __init__(self, database: Database, pipeline: Pipeline) -> None:
        self.events: dict[int, Event] = {}
        self._pipeline = pipeline
        self._coming = database.rows(
            "select arrival, about, fraud, source, known_at_us, truth from labels order by arrival desc"
        )
        self._said: dict[int, list[tuple[int, int, int, bool]]] = {}

    def tell_before(self, arrival: int) -> None:
        """Tell the labels that came before this arrival number."""
        while self._coming and self._coming[-1][0] < arrival:
            at, about, fraud, source, known_at_us, truth = self._coming.pop()
            event = self.events[about]
            assert known_at_us >= event.time_us, event.id
            said = self._said.setdefault(about, [])
            said.append((self.order.index(source), known_at_us, at, bool(fraud)))
            assert max(said)[3] == bool(truth), (event.id, said)
            values = self._pipeline.values_of(event)
            self._pipeline.state.tell_one(event.time_us, values, about, bool(truth))


def _comparable(row: tuple[Any, ...], decided_later: bool) -> tuple[Any, ...]:
    if not decided_later:
        return row
    without = [{**reason, "evidence": []} for reason in _decode(row[REASONS])]
    degraded = [said for said in _decode(row[DEGRADED]) if decided_after([said]) is None]
    parts = {REASONS: without, DEGRADED: degraded}
    return tuple(parts.get(at, value) for at, value in enumerate(row))


def _policy_changes(database: Database) -> list[tuple[int, PolicyChange]]:
    """Changes of lists and switches, each with the arrival number after which it holds."""
    rows = database.rows("select after, change, author, reason, made_at_us from policy_changes order by id")
    return [(row[0], read_change(_decode(row[1]), row[0], *row[2:])) for row in rows]


def check_whole(database: Database) -> None:
    """No id twice, no part of an event without the others."""
    assert database.one("select count(*) - count(distinct event_id) from events") == 0
    for table in ("personal_data", "decisions"):
        orphans = f"select count(*) from {table} where arrival not in (select arrival from events)"  # noqa: S608
        assert database.one(orphans) == 0, table
    without = "select count(*) from events where arrival not in (select arrival from personal_data)"
    assert database.one(without) == 0


def _differing(bundle: Bundle, ours: np.ndarray, stored: np.ndarray) -> dict[str, tuple[float, float]]:
    names = bundle.scenario.feature_names
    return {
        name: (a, b)
        for name, a, b in zip(names, ours.tolist(), stored.tolist(), strict=True)
        if a != b and a == a
    }
