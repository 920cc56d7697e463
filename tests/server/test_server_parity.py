"""The parity monitor: beside the server, a sample of what it decided is decided again from its log."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from riskloom.bundle import Bundle
from riskloom.replay.verify import Verified
from riskloom.server.decisions.repo import DecisionRepo
from riskloom.server.rebuild import Snapshots
from riskloom.server.replays import service
from riskloom.server.replays.service import check_since, is_sampled, opened
from support.databases import Database
from support.events import burst
from support.policed import policed
from support.server import serving


def check(database: Database, bundle: Bundle) -> tuple[Verified, int, int]:
    """What is found behind the snapshot, where the state stood, and where it stands now."""
    with opened(database.url) as repo:
        log = DecisionRepo(repo._engine, bundle.scenario.name)
        snapshots = Snapshots(database.data_dir, bundle)
        state, arrival = snapshots.load(log)
        found, newest = check_since(repo, bundle, [database.data_dir / "bundles"], state, arrival)
        snapshots.save(log, state, newest)
    return found, arrival, newest


def lived(database: Database, bundle: Bundle) -> None:
    with serving(database, bundle) as server:
        for event in burst(10, "a"):
            server.score(event)
        server.post("/api/v1/labels", {"event_id": "a-1", "fraud": True, "source": "analyst"})
    with serving(database, bundle, snapshot_events=0) as server:
        server.post("/api/v1/lists/trusted", ["ann"])
        for event in burst(10, "b", 30):
            server.score(event)
        server.post("/api/v1/labels", {"event_id": "b-1", "fraud": True, "source": "analyst"})


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every event is of the sample."""
    monkeypatch.setattr(service, "SAMPLED", 1)


@pytest.mark.usefixtures("everything")
def test_from_a_snapshot_on_everything_comes_out_again_and_the_state_goes_on(database: Database) -> None:
    bundle = policed()
    lived(database, bundle)
    Snapshots(database.data_dir, bundle).clear()
    found, began, ended = check(database, bundle)
    assert (found.first, found.events, found.mismatches, began, ended) == ((), 20, 0, 0, 22)
    with serving(database, bundle) as server:
        for event in burst(5, "c", 60):
            server.score(event)
        server.runtime.engine._data_dir = str(
            database.data_dir / "elsewhere"
        )  # its last snapshot is another's
    found, began, ended = check(database, bundle)
    assert (found.first, found.events, began, ended) == ((), 5, 22, 27)


@pytest.mark.usefixtures("everything")
def test_a_decision_that_was_tampered_with_is_counted(database: Database) -> None:
    bundle = policed()
    lived(database, bundle)
    Snapshots(database.data_dir, bundle).clear()
    connection = database.connect()
    connection.execute("update decisions set outcome = 2 where arrival = 5")
    connection.close()
    found, _, _ = check(database, bundle)
    assert (found.mismatches, found.first[0].what) == (1, "outcome")


def test_the_sample_is_about_one_in_sixteen_and_always_the_same() -> None:
    sampled = [event for event in map(str, range(20_000)) if is_sampled(event)]
    assert 1_100 < len(sampled) < 1_400
    assert sampled == [event for event in map(str, range(20_000)) if is_sampled(event)]


@pytest.mark.slow
def test_a_running_server_tells_what_was_recomputed(database: Database, bundle: Bundle) -> None:
    with serving(database, bundle, parity_s=0.2) as server:
        for event in burst(200):
            server.score(event)

        async def checked() -> dict[str, Any]:
            while not server.runtime.engine.parity.events:
                await asyncio.sleep(0.1)
            return server.runtime.engine.parity.as_data()

        found = server.run(asyncio.wait_for(checked(), 60))
        assert found["mismatches"] == 0
        assert 1 <= found["decisions"] < 60
        assert server.get("/api/v1/stats").json()["parity"]["events"] == found["events"]
