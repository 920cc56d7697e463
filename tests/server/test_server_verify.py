"""Verify: what a server decided comes out of its log again, bit for bit; what was tampered with is found."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from riskloom.bundle import Bundle, make_bundle, write_bundle
from riskloom.clock import SystemClock
from riskloom.errors import NotFound
from riskloom.replay.verify import Verified
from riskloom.scenario.load import scenario_from_parts
from riskloom.server.replays.service import opened, recorded_chunks, verify
from support.databases import KINDS, Database
from support.events import NOW_US, at, burst, history, payment
from support.server import Server, serving

DAY_S = 86_400


class Ticking:
    """A clock that goes on by a millisecond each time it is asked."""

    def __init__(self) -> None:
        self._now_us = NOW_US

    def now_us(self) -> int:
        """A little later than before."""
        self._now_us += 1_000
        return self._now_us


def check(database: Database, bundles: Path, *, last: int = 0) -> Verified:
    with opened(database.url) as repo:
        (scenario,) = repo.scenarios()
        return verify(repo, scenario, [bundles], last=last)


def hard(seed: int) -> list[dict[str, Any]]:
    """Payments with late, too late and tied ones, in an order of their own; some twice."""
    chance = random.Random(seed)
    rows = [*history(80, seed), *burst(8, f"v{seed}", -60.0 * seed)]
    rows += [payment(f"tied-{seed}-{n}", timestamp=at(-90.0), amount=3 + n) for n in range(6)]
    rows += [payment(f"late-{seed}-{n}", timestamp=at(-DAY_S * days)) for n, days in enumerate((1, 5, 8, 30))]
    return [{**row, "event_id": f"{row['event_id']}-{seed}"} for row in chance.sample(rows, len(rows))]


def send(server: Server, rows: list[dict[str, Any]], path: str) -> None:
    answer = server.post(path, {"events": [*rows, *rows[:5]]})
    assert all("error" not in result for result in answer.json()["results"])


@pytest.fixture(scope="module", params=KINDS)
def lived(
    request: pytest.FixtureRequest,
    make_database: Callable[[str], Database],
    trained: Bundle,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Database, Path]:
    """A database after scoring, a restart, events taken in first and decided later, and another bundle.

    Whoever changes it puts it back.
    """
    database, clock = make_database(request.param), Ticking()
    parts = dict(trained.scenario.parts)
    parts["policy"] = {**parts["policy"], "percentile": 70}
    other = make_bundle(scenario_from_parts(parts), trained.model)
    folder = tmp_path_factory.mktemp("bundles")
    for bundle in (trained, other):
        write_bundle(bundle, folder / bundle.version)
    with serving(database, trained, clock=clock) as server:
        send(server, hard(1), "/api/v1/score/batch")
    with serving(database, trained, clock=clock) as server:
        send(server, hard(2), "/api/v1/events/batch")
        for row in hard(2)[:60]:
            assert server.post("/score-by-event-id", {"event_id": row["event_id"]}).status_code == 200
        send(server, hard(3), "/api/v1/score/batch")
        server.run(_use(server, other))
        for row in hard(2)[60:]:
            server.post("/score-by-event-id", {"event_id": row["event_id"]})
        send(server, hard(4), "/api/v1/score/batch")
    return database, folder


async def _use(server: Server, bundle: Bundle) -> None:
    server.runtime.models._texts.remember(bundle, NOW_US)
    server.runtime.engine.use(bundle)


def test_everything_comes_out_again(lived: tuple[Database, Path]) -> None:
    database, folder = lived
    events, _, decisions = database.counts()
    found = check(database, folder)
    assert found.first == ()
    assert (found.events, found.decisions, found.mismatches) == (events, decisions, 0)
    assert events == decisions == 4 * 98
    assert found.missing == {}
    assert database.one("select count(distinct bundle) from decisions") == 2
    assert database.one("select count(*) from events where degraded <> '[]'") > 0
    part = check(database, folder, last=100)
    assert (part.events, part.decisions, part.mismatches) == (100, 100, 0)


def _one_less(reasons: str) -> str:
    told = msgspec.json.decode(reasons)
    for reason in told:
        reason["evidence"] = reason["evidence"][1:]
    return msgspec.json.encode(told).decode()


def _one_bit(content: bytes) -> bytes:
    return bytes([content[0] ^ 1]) + bytes(content[1:])


TAMPERED: dict[str, tuple[str, str, Callable[[Any], Any]]] = {
    "vector": ("events", "vector", _one_bit),
    "body": ("events", "digest", _one_bit),
    "event degraded": ("events", "degraded", lambda _old: '["too_late"]'),
    "outcome": ("decisions", "outcome", lambda old: old - 1),
    "anomaly_score": ("decisions", "anomaly_score", lambda old: old * (1 + 1e-15)),
    "risk_score": ("decisions", "risk_score", lambda old: old - 1e-13),
    "probability": ("decisions", "probability", lambda _old: 0.5),
    "reasons": ("decisions", "reasons", lambda old: old.replace("_5M", "_1H")),
    "evidence": ("decisions", "reasons", _one_less),
    "degraded": ("decisions", "degraded", lambda _old: '["no_model"]'),
    "contributions": ("decisions", "contributions", lambda _old: '{"novelty":9.5}'),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_row_that_was_tampered_with_is_found(lived: tuple[Database, Path], what: str) -> None:
    database, folder = lived
    table, column, change = TAMPERED[what]
    arrival = database.one("select max(arrival) from decisions where reasons like '%VELOCITY_5M%'")
    old = database.one(f"select {column} from {table} where arrival = {arrival}")  # noqa: S608
    mark = "?" if database.kind == "sqlite" else "%s"
    sql = f"update {table} set {column} = {mark} where arrival = {arrival}"  # noqa: S608
    connection = database.connect()
    try:
        connection.execute(sql, (change(old),))
        found = check(database, folder)
    finally:
        connection.execute(sql, (old,))
        connection.close()
    assert found.mismatches == 1
    assert not found.is_sound
    assert [(one.arrival, one.what) for one in found.first] == [(arrival, what)]


def test_a_bundle_that_is_not_found_is_named_and_its_vectors_are_verified(
    lived: tuple[Database, Path], tmp_path: Path, trained: Bundle
) -> None:
    database, _ = lived
    found = check(database, tmp_path / "nothing")
    assert found.mismatches == 0
    assert (found.events, found.decisions) == (database.counts()[0], 0)
    assert trained.fingerprint in found.missing
    assert sum(found.missing.values()) == database.counts()[2]
    assert not found.is_sound


def test_rules_alone_are_verified_from_the_database_alone(
    database: Database, bundle: Bundle, tmp_path: Path
) -> None:
    with serving(database, bundle, clock=SystemClock()) as server:
        send(server, burst(9, start_s=-20), "/api/v1/score/batch")
    found = check(database, tmp_path / "nothing")
    assert dataclasses.astuple(found)[:3] == (9, 9, 0)
    assert found.is_sound


def test_the_log_is_replayed_as_it_arrived(database: Database, bundle: Bundle) -> None:
    rows = hard(5)
    with serving(database, bundle, clock=Ticking()) as server:
        send(server, rows, "/api/v1/score/batch")
    with opened(database.url) as repo:
        events = [event for chunk in recorded_chunks(repo, bundle.scenario) for event, _ in chunk]
    assert [event.id for event in events] == [row["event_id"] for row in rows]
    assert len({event.arrived_us for event in events}) > 1


def test_no_database_is_made_where_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(NotFound), opened(f"sqlite:///{tmp_path}/none.db"):
        pass
    assert list(tmp_path.iterdir()) == []
