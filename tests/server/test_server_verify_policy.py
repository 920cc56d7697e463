"""What a server decided by labels, lists, switches, budgets and changing versions comes out again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from riskloom.adapters.bundles import open_store
from riskloom.bundle import make_bundle
from riskloom.clock import FixedClock, SystemClock
from riskloom.registry import Registry
from riskloom.replay.run import replay
from riskloom.replay.side import Side
from riskloom.replay.verify import Verified
from riskloom.scenario.load import scenario_from_parts
from riskloom.server.replays.service import opened, recorded_chunks, recorded_lists, verify
from support.databases import Database
from support.events import NOW_US, burst, payment
from support.policed import policed
from support.server import Server, serving


def verified(database: Database, **more: Any) -> Verified:
    with opened(database.url) as repo:
        return verify(repo, "card_payments", [database.data_dir / "bundles"], **more)


def score(server: Server, prefix: str, count: int, start_s: float, **changes: Any) -> None:
    for event in burst(count, prefix, start_s, **changes):
        server.score(event)


def run(database: Database, models: Path) -> None:
    clock = FixedClock(NOW_US + 3_600_000_000)
    registry = Registry(open_store(models), SystemClock())
    with serving(database, policed(), models=str(models), clock=clock) as server:
        registry.publish(policed(90), "ana", "lower")
        registry.publish(policed(window="2h"), "ana", "another window")
        score(server, "a", 8, 0)
        server.post("/api/v1/labels", {"event_id": "a-1", "fraud": True, "source": "analyst"})
        server.post("/api/v1/lists/trusted", ["ann"])
        score(server, "b", 4, 20)
        server.request("PUT", "/api/v1/switches", json={"off": ["rule:OFTEN"], "reason": "try"})
        score(server, "c", 4, 40, user_id="bob")
        server.post("/api/v1/models/versions/2/move", {"to": "shadow", "reason": "look"})
        server.post("/api/v1/events", payment("ingested", user_id="bob"))
        server.request("PUT", "/api/v1/switches", json={"off": [], "reason": "enough"})
        score(server, "d", 6, 60, user_id="bob")
    with serving(database, policed(), models=str(models), clock=clock) as server:
        server.request("DELETE", "/api/v1/lists/trusted?value=ann&reason=over")
        server.post("/api/v1/models/versions/3/move", {"to": "champion", "reason": "better"})
        score(server, "e", 6, 80)
        server.post("/api/v1/models/versions/2/move", {"to": "champion", "reason": "no"})
        score(server, "f", 6, 100, user_id="cem")


def test_what_was_decided_under_all_that_people_changed_comes_out_again(
    database: Database, tmp_path: Path
) -> None:
    run(database, tmp_path / "models")
    found = verified(database)
    assert found.first == ()
    assert (found.events, found.decisions, dict(found.missing)) == (35, 34, {})
    assert verified(database, last=10).first == ()


@pytest.mark.parametrize(
    "tampered",
    [
        "delete from policy_changes where id = 1",
        "update labels set truth = false",
        "update policy_changes set change = '{\"off\":[]}' where id = 2",
    ],
)
def test_without_one_of_these_it_does_not(database: Database, tmp_path: Path, tampered: str) -> None:
    run(database, tmp_path / "models")
    connection = database.connect()
    connection.execute(tampered)
    connection.close()
    assert verified(database).mismatches > 0


def test_a_replay_of_the_log_knows_labels_and_lists_as_they_were(database: Database, tmp_path: Path) -> None:
    run(database, tmp_path / "models")
    with opened(database.url) as repo:
        chunks = list(recorded_chunks(repo, policed().scenario))
        lists = recorded_lists(repo, "card_payments")
        replayed = replay([Side("A", policed())], chunks, lists_of=lists)
        bare = replay([Side("A", policed())], chunks)
    truth = {event.id: label for chunk in chunks for event, label in chunk}
    assert [name for name, label in truth.items() if label == 1] == ["a-1"]
    allowed = [rule.code for rule in policed().scenario.rules].index("LIST_TRUSTED")
    met = replayed.tape.tracks["A"].met(allowed)
    ids = [event.id for chunk in chunks for event, _ in chunk]
    assert [name for name, hit in zip(ids, met.tolist(), strict=True) if hit] == [f"b-{n}" for n in range(4)]
    assert not bare.tape.tracks["A"].met(allowed).any()


def test_the_control_group_is_told_kept_and_comes_out_again(database: Database) -> None:
    parts = dict(policed().scenario.parts)
    control = {"share": 0.4, "key": "a key of the tests", "up_to": "REJECTED"}
    parts["policy"] = {**parts["policy"], "control": control}
    parts["rules"] = [{"code": "ALWAYS", "when": "amount > 0", "message": "x", "action": "flag"}]
    bundle = make_bundle(scenario_from_parts(parts), None)
    with serving(database, bundle, clock=FixedClock(NOW_US + 3_600_000_000)) as server:
        answers = [server.score(event) for event in burst(20, "k")]
        stored = server.get(f"/api/v1/decisions/{answers[0]['event_id']}").json()
    told = [one["control"] for one in answers]
    assert {one["outcome"] for one, control in zip(answers, told, strict=True) if control} == {"APPROVED"}
    assert {one["outcome"] for one, control in zip(answers, told, strict=True) if not control} == {"FLAGGED"}
    assert next(one for one in told if one) == {"instead_of": "FLAGGED", "propensity": 0.4}
    assert stored["control"] == told[0]
    found = verified(database)
    assert (found.first, found.decisions) == ((), 20)
