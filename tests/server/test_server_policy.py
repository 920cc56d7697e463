"""Lists, switches and policy versions of a running server: live from the next event, and after a restart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from riskloom.bundle import Bundle, make_bundle
from riskloom.clock import FixedClock
from riskloom.scenario.load import load_scenario, scenario_from_parts
from riskloom.server.replays.service import opened, verify
from riskloom.server.writer import Writer
from support.databases import Database
from support.events import NOW_US, at, burst, payment
from support.replay import check_log
from support.server import Server, faults, problem, serving

LISTS = [
    {"name": "stolen", "of": "user_id", "kind": "deny", "describe": "Reported stolen"},
    {"name": "trusted", "of": "user_id", "kind": "allow"},
    {"name": "risky", "of": "merchant_category", "entries": ["gambling"]},
]
RULE = {
    "code": "RISKY_CATEGORY", "when": "merchant_category in @risky", "severity": "high", "action": "flag",
    "message": "A risky category", "owner": "ana",
}  # fmt: skip


def parts_of(name: str = "card_payments") -> dict[str, Any]:
    parts: dict[str, Any] = json.loads(json.dumps(dict(load_scenario(name).parts)))
    return parts


@pytest.fixture(scope="module")
def listed() -> Bundle:
    parts = parts_of()
    parts["lists"] = LISTS
    parts["rules"].append(RULE)
    return make_bundle(scenario_from_parts(parts), None)


@pytest.fixture
def held(database: Database, listed: Bundle) -> Iterator[Server]:
    with serving(database, listed) as server:
        yield server


def put(server: Server, name: str, entries: Any) -> dict[str, Any]:
    answer = server.post(f"/api/v1/lists/{name}", entries)
    assert answer.status_code == 201, answer.text
    counted: dict[str, Any] = answer.json()
    return counted


def test_an_entry_holds_from_the_next_event_on_and_over_a_restart(database: Database, listed: Bundle) -> None:
    with serving(database, listed) as server:
        assert server.score(payment("before"))["outcome"] == "APPROVED"
        assert put(server, "stolen", {"value": "ann", "reason": "reported"}) == {"added": 1, "unchanged": 0}
        denied = server.score(payment("after"))
        assert denied["outcome"] == "REJECTED"
        assert "LIST_STOLEN" in [reason["code"] for reason in denied["reasons"]]
        assert server.score(payment("other", user_id="bob"))["outcome"] == "APPROVED"
        assert server.score(payment("before"))["outcome"] == "APPROVED", "what was decided stays"
    with serving(database, listed) as server:
        assert server.score(payment("later"))["outcome"] == "REJECTED"
        assert server.request("DELETE", "/api/v1/lists/stolen?value=ann&reason=found").json() == {
            "removed": 1
        }
        assert "LIST_STOLEN" not in str(server.score(payment("free"))["reasons"])
    with serving(database, listed) as server:
        assert "LIST_STOLEN" not in str(server.score(payment("still-free"))["reasons"])
        moves = server.get("/api/v1/lists/stolen?value=ann").json()
        assert [(one["added"], one["reason"]) for one in moves] == [(True, "reported"), (False, "found")]


def test_an_entry_ends_at_its_time(database: Database, listed: Bundle) -> None:
    clock = FixedClock(NOW_US)
    with serving(database, listed, clock=clock) as server:
        put(server, "stolen", [{"value": "ann", "until": at(60)}])
        assert server.score(payment("a"))["outcome"] == "REJECTED"
        clock.time_us = NOW_US + 61_000_000
        assert server.score(payment("b"))["outcome"] == "APPROVED"
        assert server.get("/api/v1/lists/stolen").json() == []


def test_the_same_entry_again_changes_nothing(held: Server, database: Database) -> None:
    put(held, "trusted", ["ann", "bob"])
    assert put(held, "trusted", ["ann", "cem"]) == {"added": 1, "unchanged": 1}
    assert [one["value"] for one in held.get("/api/v1/lists/trusted").json()] == ["ann", "bob", "cem"]
    assert {one["name"]: one["entries"] for one in held.get("/api/v1/lists").json()} == {
        "stolen": 0, "trusted": 3, "risky": 1,
    }  # fmt: skip


def test_a_list_goes_out_as_csv_and_comes_in_again(held: Server) -> None:
    put(held, "trusted", [{"value": "ann", "until": at(3600), "reason": "a, b"}, "bob"])
    text = held.get("/api/v1/lists/trusted?format=csv").text
    csv = {"content": text.encode(), "headers": {"content-type": "text/csv"}}
    assert held.request("POST", "/api/v1/lists/trusted", **csv).json() == {"added": 0, "unchanged": 2}
    assert held.request("POST", "/api/v1/lists/stolen", **csv).json() == {"added": 2, "unchanged": 0}


@pytest.mark.parametrize(
    ("name", "sent", "where"),
    [
        ("stolen", [{"value": 3}, {"value": "x", "until": "soon"}], "entries[1].until"),
        ("stolen", [{"value": "x", "untill": "2030-01-01T00:00:00Z"}], "entries[0].untill"),
        ("risky", [{"value": ""}], "entries[0].value"),
    ],
)
def test_every_fault_of_entries_is_named_and_none_is_taken(
    held: Server, database: Database, name: str, sent: Any, where: str
) -> None:
    answer = held.post(f"/api/v1/lists/{name}", sent)
    assert where in faults(answer, "data_invalid"), answer.text
    assert database.one("select count(*) from policy_changes") == 0


def test_an_unknown_list_names_the_nearest(held: Server) -> None:
    assert "stolen" in problem(held.get("/api/v1/lists/stollen"), 404, "not_found")["hint"]
    problem(held.request("DELETE", "/api/v1/lists/stolen?value=nobody"), 404, "not_found")


def test_a_change_whose_commit_fails_does_not_hold(
    database: Database, listed: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = Writer._commit

    def refuse(_self: Writer, _batch: Any) -> None:
        raise OSError("disk full")

    with serving(database, listed) as server:
        monkeypatch.setattr(Writer, "_commit", refuse)
        problem(server.post("/api/v1/lists/stolen", ["ann"]), 503, "store_unavailable")
        monkeypatch.setattr(Writer, "_commit", commit)
        server.wait_until_ready()
        assert server.score(payment("a"))["outcome"] == "APPROVED"
        assert server.get("/api/v1/lists/stolen").json() == []


def test_what_is_switched_off_falls_to_shadow_and_says_so(database: Database, trained: Bundle) -> None:
    velocity = {"off": ["model", "rule:VELOCITY_5M"], "reason": "a broken feed"}
    with serving(database, trained) as server:
        assert server.request("PUT", "/api/v1/switches", json=velocity).status_code == 200
        last = [server.score(event) for event in burst(7)][-1]
        assert (last["risk_score"], last["outcome"]) == (None, "APPROVED")
        assert {"off:model", "off:rule:VELOCITY_5M"} <= set(last["degraded"])
        hidden = {reason["code"]: reason["values"].get("shadow") for reason in last["reasons"]}
        assert hidden["VELOCITY_5M"] == "off"
    with serving(database, trained) as server:
        assert server.get("/api/v1/switches").json()["off"] == velocity["off"]
        server.request("PUT", "/api/v1/switches", json={"off": [], "reason": "mended"})
        again = server.score(burst(8)[-1])
        assert again["risk_score"] is not None
        assert again["outcome"] != "APPROVED"
        assert [one["reason"] for one in server.get("/api/v1/switches").json()["history"]] == [
            "mended", "a broken feed",
        ]  # fmt: skip


@pytest.mark.parametrize("off", [["modle"], "model", [3], ["rule:NONE"]])
def test_a_switch_that_is_none_is_refused(held: Server, off: Any) -> None:
    answer = held.request("PUT", "/api/v1/switches", json={"off": off, "reason": "x"})
    problem(answer, 422, "parameter_invalid")


def test_a_budget_and_its_brakes_are_remembered_over_a_restart(database: Database) -> None:
    parts = parts_of()
    parts["rules"] = [{**RULE, "when": "amount > 0", "code": "ALL", "limit": {"per_hour": 3}}]
    limited = make_bundle(scenario_from_parts(parts), None)
    with serving(database, limited) as server:
        first = [server.score(payment(f"a-{n}", user_id=f"u{n}"))["outcome"] for n in range(2)]
    with serving(database, limited) as server:
        rest = [server.score(payment(f"b-{n}", user_id=f"v{n}")) for n in range(3)]
    assert first == ["FLAGGED", "FLAGGED"]
    assert [one["outcome"] for one in rest] == ["FLAGGED", "APPROVED", "APPROVED"]
    assert "brake:rule:ALL" in rest[-1]["degraded"]


def test_rules_become_a_version_and_go_live_by_its_stages(
    database: Database, bundle: Bundle, tmp_path: Path
) -> None:
    rule = {**RULE, "when": "amount > 5", "code": "ALL"}
    shown = {"examples": [{"hit": {"amount": 6}}, {"miss": {"amount": 5}}]}
    with serving(database, bundle, models=str(tmp_path / "models")) as server:
        wrong = server.post("/api/v1/rule-sets", {"rules": [{**rule, "when": "amuont > 5"}], "reason": "x"})
        assert "amount" in problem(wrong, 422, "scenario_invalid")["faults"][0]["hint"]
        bad = [{**rule, "examples": [{"hit": {"amount": 5}}]}]
        problem(server.post("/api/v1/rule-sets", {"rules": bad, "reason": "x"}), 422, "scenario_invalid")
        made = server.post("/api/v1/policies", {"rules": [{**rule, **shown}], "reason": "all of them"})
        assert made.status_code == 201, made.text
        assert (made.json()["version"], made.json()["stage"]) == (2, "candidate")
        assert server.score(payment("a"))["outcome"] == "APPROVED"
        move = server.post("/api/v1/models/versions/2/move", {"to": "champion", "reason": "a try"})
        assert move.json()["problem"] is None
        assert server.score(payment("b"))["outcome"] == "FLAGGED"
        assert [one["code"] for one in server.get("/api/v1/rules").json()] == ["ALL"]
        assert server.get("/api/v1/decisions/a").json()["outcome"] == "APPROVED"
        cost = {"policy": {"percentile": 90}, "reason": "lower"}
        assert server.post("/api/v1/policies", cost).json()["version"] == 3
        assert server.post("/api/v1/policies", {"reason": "nothing"}).status_code == 422


def test_without_a_registry_a_policy_version_says_how_to_have_one(held: Server) -> None:
    answer = held.post("/api/v1/rule-sets", {"rules": [RULE], "reason": "x"})
    assert "--registry" in problem(answer, 404, "not_found")["hint"]


def test_what_was_decided_by_lists_is_what_a_calm_replay_decides(held: Server, listed: Bundle) -> None:
    for number, event in enumerate(burst(12)):
        if number == 4:
            put(held, "trusted", ["ann"])
        held.score(event)
        if number == 8:
            held.request("PUT", "/api/v1/switches", json={"off": ["rule:NEW_DEVICE"], "reason": "x"})
    assert len(check_log(held.database, listed)) == 12
    connection = held.database.connect()
    connection.execute("delete from policy_changes")
    connection.close()
    with pytest.raises(AssertionError):
        check_log(held.database, listed)


def test_a_request_that_waited_too_long_is_decided_without_the_model(
    database: Database, trained: Bundle
) -> None:
    parts = json.loads(json.dumps(dict(trained.scenario.parts)))
    parts["policy"]["deadline_ms"] = 50
    hasty = make_bundle(scenario_from_parts(parts), trained.model)

    def sent(server: Server, number: int, started_ms: float) -> dict[str, Any]:
        headers = {"X-Request-Start": f"t={NOW_US / 1e6 - started_ms / 1e3:.6f}"}
        answer = server.post("/api/v1/score", burst(9)[number], headers=headers)
        decision: dict[str, Any] = answer.json()
        return decision

    with serving(database, hasty) as server:
        decisions = [sent(server, number, 10 if number % 2 else 90) for number in range(9)]
        assert [one["risk_score"] is None for one in decisions] == [number % 2 == 0 for number in range(9)]
        assert [("deadline" in one["degraded"]) for one in decisions] == [n % 2 == 0 for n in range(9)]
        assert decisions[8]["outcome"] == "FLAGGED", "rules go on"
        tried = server.post("/api/v1/score?dry_run=true", payment("tried", user_id="bob")).json()
        assert (tried["degraded"], tried["risk_score"] is None) == ([], False), "haste is of one request only"
        wrong = server.post("/api/v1/score", payment("x"), headers={"X-Request-Start": "soon"})
        assert "x-request-start" in faults(wrong, "parameter_invalid")
    check_log(database, hasty)
    with opened(database.url) as repo:
        found = verify(repo, "card_payments", [database.data_dir / "bundles"])
    assert (found.first, found.decisions, dict(found.missing)) == ((), 9, {})
