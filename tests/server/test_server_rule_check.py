"""A rule is checked while it is written: every fault by its place, or what it would have hit."""

from __future__ import annotations

from typing import Any

from support.events import burst, payment
from support.server import Server, faults

RULE = {
    "code": "VELOCITY_5M", "when": "user_tx_count_5m >= 2", "severity": "high", "action": "flag",
    "message": "{value} payments", "value": "user_tx_count_5m",
}  # fmt: skip


def check(server: Server, rule: Any, **more: Any) -> dict[str, Any]:
    answer = server.post("/api/v1/rules/check", {"rule": rule, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_rule_is_tried_on_what_was_decided_beside_the_one_it_replaces(server: Server) -> None:
    for event in burst(8):
        server.score(event)
    before = server.get("/api/v1/rules").json()
    server.post("/api/v1/labels", {"labels": [
        {"event_id": "b-7", "fraud": True, "source": "analyst"},
        {"event_id": "b-3", "fraud": False, "source": "analyst"},
    ]})  # fmt: skip
    found = check(server, RULE)
    assert found["faults"] == []
    assert [one["code"] for one in found["rules"]] == [one["code"] for one in before]
    tried = found["tried"]
    assert tried["events"] == 8
    assert tried["now"] == {"hits": 6, "approved": 2, "fraud": 1, "honest": 1}
    assert tried["before"] == {"hits": 4, "approved": 0, "fraud": 1, "honest": 0}
    assert [one["event_id"] for one in tried["examples"]] == [f"b-{n}" for n in range(7, 1, -1)]
    assert tried["examples"][0]["values"] == {"value": 7.0}
    assert server.get("/api/v1/rules").json() == before, "nothing was published"


def test_a_new_rule_over_the_risk_score_and_fields_sees_what_the_decision_saw(clever: Server) -> None:
    decided = {event["event_id"]: clever.score(event) for event in burst(6)}
    middle = sorted(one["risk_score"] for one in decided.values())[3]
    rule = {
        **RULE,
        "code": "MINE",
        "when": f"risk_score >= {middle!r} and amount > 11",
        "value": "risk_score",
    }
    tried = check(clever, rule)["tried"]
    wanted = {
        name for name, one in decided.items() if one["risk_score"] >= middle and one["event"]["amount"] > 11
    }
    assert {one["event_id"] for one in tried["examples"]} == wanted != set()
    assert tried["before"]["hits"] == 0


def test_every_fault_is_named_by_its_place_in_the_rule(server: Server) -> None:
    wrong = {**RULE, "when": "amunt > 3", "severity": "hgh", "usual": "1 +"}
    found = check(server, wrong)
    assert (found["rules"], found["tried"]) == (None, None)
    told = {fault["where"]: fault for fault in found["faults"]}
    assert told.keys() == {"when", "severity", "usual"}
    assert told["when"]["column"] == 1
    assert "amount" in told["when"]["hint"]


def test_an_example_at_fault_does_not_hide_what_the_rule_would_have_hit(server: Server) -> None:
    server.score(payment())
    found = check(server, {**RULE, "examples": [{"hit": {"user_tx_count_5m": 1}}]})
    assert [fault["where"] for fault in found["faults"]] == ["examples[0]"]
    assert found["rules"] is None
    assert found["tried"]["events"] == 1


def test_an_empty_server_has_nothing_to_try_on(server: Server) -> None:
    tried = check(server, RULE)["tried"]
    assert (tried["events"], tried["from"], tried["now"]["hits"]) == (0, None, 0)


def test_only_as_many_events_are_tried_as_were_asked_for(server: Server) -> None:
    for event in burst(5):
        server.score(event)
    assert check(server, RULE, last=2)["tried"]["events"] == 2
    wrong = server.post("/api/v1/rules/check", {"rule": 3, "last": 10**9})
    assert faults(wrong, "parameter_invalid").keys() == {"rule", "last"}
