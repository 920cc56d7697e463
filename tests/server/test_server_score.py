"""Scoring one event: durable, once, and the same answer for the same event."""

from __future__ import annotations

import uuid

import pytest

from riskloom.bundle import Bundle
from riskloom.clock import FixedClock
from riskloom.domain.show import show_time
from support.databases import Database
from support.events import NOW_US, at, burst, history, payment
from support.replay import check_log
from support.server import Server, faults, problem, serving


def test_a_decision_has_the_shape_that_clients_know(clever: Server) -> None:
    decision = clever.score(payment())
    assert {
        "decision_id",
        "event_id",
        "scenario",
        "arrival",
        "outcome",
        "flagged",
        "anomaly_score",
        "risk_score",
        "probability",
        "reasons",
        "contributions",
        "control",
        "degraded",
        "bundle",
        "event_time",
        "arrived_at",
        "decided_at",
        "versions",
        "event",
    } == set(decision)
    assert decision["event_id"] == "p-1"
    assert decision["arrival"] == 1
    assert decision["decision_id"] == "1"
    assert 0 <= decision["risk_score"] <= 100
    assert decision["event"] == payment()
    assert decision["degraded"] == []


def test_the_answer_is_stored_before_it_is_given(server: Server) -> None:
    server.score(payment())
    assert server.database.counts() == (1, 1, 1)


def test_the_same_event_again_gives_the_stored_decision_and_changes_nothing(server: Server) -> None:
    first = server.score(payment())
    again = server.score(payment())
    assert again == first
    assert server.database.counts() == (1, 1, 1)
    assert server.score(payment("p-2"))["arrival"] == 2
    check_log(server.database, server.runtime.bundle)


def test_the_same_body_written_another_way_is_the_same_event(server: Server) -> None:
    first = server.score(payment())
    same = payment(timestamp="2026-01-01T01:00:00+01:00", amount="12.50", lat=51.500000, ip="203.0.113.7")
    assert server.score(same) == first


def test_a_flagged_decision_reads_the_same_when_stored(server: Server) -> None:
    answers = [server.score(event) for event in burst(7)]
    assert answers[-1]["outcome"] == "FLAGGED"
    reason = next(reason for reason in answers[-1]["reasons"] if reason["code"] == "VELOCITY_5M")
    assert reason["evidence"] == [f"b-{n}" for n in range(6)]
    assert reason["values"]["value"] == 6
    assert "6 payments" in reason["message"]
    assert [server.score(event) for event in burst(7)] == answers


def test_the_same_id_with_another_body_is_a_conflict_that_shows_the_difference(server: Server) -> None:
    server.score(payment())
    answer = server.post(
        "/api/v1/score",
        payment(amount=13, user_id="bob", timestamp=show_time(NOW_US + 1), merchant_category=None),
    )
    body = problem(answer, 409, "event_conflict")
    assert body["difference"] == {
        "amount": {"stored": 12.5, "sent": 13},
        "user_id": {"stored": "ann", "sent": "bob"},
        "timestamp": {"stored": show_time(NOW_US), "sent": show_time(NOW_US + 1)},
        "merchant_category": {"stored": "grocery", "sent": None},
    }
    assert server.database.counts() == (1, 1, 1)
    check_log(server.database, server.runtime.bundle)


def test_a_conflict_on_ingest_is_one_too(server: Server) -> None:
    server.score(payment())
    problem(server.post("/api/v1/events", payment(amount=13)), 409, "event_conflict")
    problem(server.post("/ingest", payment(amount=13)), 409, "event_conflict")


def test_fifty_at_once_with_one_id_are_one_row_and_one_answer(server: Server) -> None:
    answers = server.together([("POST", "/api/v1/score", {"json": payment()})] * 50)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert server.database.counts() == (1, 1, 1)
    assert server.runtime.engine.arrival == 1


def test_fifty_at_once_with_one_id_and_two_bodies_keep_the_first(server: Server) -> None:
    requests = [("POST", "/api/v1/score", {"json": payment(amount=1 + n % 2)}) for n in range(50)]
    answers = server.together(requests)
    assert sorted({answer.status_code for answer in answers}) == [200, 409]
    assert sum(answer.status_code == 200 for answer in answers) == 25
    assert server.database.counts() == (1, 1, 1)


def test_many_different_events_at_once_are_decided_in_one_order(server: Server) -> None:
    events = history(120)
    answers = server.together([("POST", "/api/v1/score", {"json": event}) for event in events])
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json()["arrival"] for answer in answers) == list(range(1, 121))
    assert len(check_log(server.database, server.runtime.bundle)) == 120


def test_an_event_that_was_only_taken_in_is_scored_from_the_vector_frozen_then(server: Server) -> None:
    early = payment("early")
    taken = server.post("/api/v1/events", early)
    assert (taken.status_code, taken.json()) == (201, {"event_id": "early", "arrival": 1})
    for event in burst(8):
        server.score(event)
    frozen = server.database.one("select vector from events where event_id = 'early'")
    decision = server.score(early)
    assert decision["arrival"] == 1
    assert decision["outcome"] == "APPROVED", "the burst came after it"
    assert server.database.one("select vector from events where event_id = 'early'") == frozen
    features = {f["name"]: f["value"] for f in server.get("/api/v1/decisions/early").json()["features"]}
    assert features["user_tx_count_1h"] == 0
    assert server.score(early) == decision


def test_evidence_of_an_event_scored_late_names_only_what_came_before_it(server: Server) -> None:
    for event in burst(6):
        server.post("/api/v1/events", event)
    for event in burst(3, "later", start_s=3):
        server.score(event)
    decision = server.post("/api/v1/events/b-5/score").json()
    reason = next(reason for reason in decision["reasons"] if reason["code"] == "VELOCITY_5M")
    assert reason["evidence"] == [f"b-{n}" for n in range(5)]


def test_scoring_by_id_works_twice_and_not_for_strangers(server: Server) -> None:
    server.post("/api/v1/events", payment())
    first = server.post("/api/v1/events/p-1/score")
    assert first.status_code == 200
    assert server.post("/api/v1/events/p-1/score").json() == first.json()
    problem(server.post("/api/v1/events/nobody/score"), 404, "not_found")


def test_scoring_by_id_at_once_is_one_decision(server: Server) -> None:
    server.post("/api/v1/events", payment())
    for _ in range(3):
        answers = server.together([("POST", "/api/v1/events/p-1/score", {})] * 20)
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.text for answer in answers}) == 1
    assert server.database.counts() == (1, 1, 1)


def test_taking_in_and_scoring_by_id_at_once_is_one_decision(server: Server) -> None:
    requests = [("POST", "/api/v1/events", {"json": payment()})]
    requests += [
        ("POST", "/api/v1/events/p-1/score", {}),
        ("POST", "/api/v1/score", {"json": payment()}),
    ] * 10
    answers = server.together(requests)
    assert {answer.status_code for answer in answers} <= {200, 201}, [answer.text for answer in answers]
    assert server.database.counts() == (1, 1, 1)
    assert server.runtime.engine.unready is None


def test_ids_may_hold_what_paths_quote(server: Server) -> None:
    for event_id in ("a/b", "ä ö", "100%", "a?b#c", "../up", "x:y", "🙂"):
        server.post("/api/v1/events", payment(event_id))
        path = "/api/v1/events/" + "".join(f"%{byte:02X}" for byte in event_id.encode())
        answer = server.post(f"{path}/score")
        assert answer.status_code == 200, (event_id, answer.text)
        assert answer.json()["event_id"] == event_id


def test_a_dry_run_tells_and_stores_nothing(server: Server) -> None:
    for event in burst(6):
        server.score(event)
    for path in ("/api/v1/score", "/score"):
        answer = server.post(path, payment("dry", timestamp=at(7)), params={"dry_run": "true"})
        assert answer.json()["outcome"] == "FLAGGED"
    view = server.post("/api/v1/score?dry_run=true", payment("dry", timestamp=at(7))).json()
    assert (view["dry_run"], view["arrival"], view["decision_id"]) == (True, None, None)
    assert server.database.counts() == (6, 6, 6)
    assert server.score(payment("dry", timestamp=at(7)))["arrival"] == 7
    check_log(server.database, server.runtime.bundle)


def test_a_dry_run_is_asked_for_in_clear_words(server: Server) -> None:
    assert "dry_run" in faults(server.post("/api/v1/score?dry_run=maybe", payment()), "parameter_invalid")
    assert server.database.counts() == (0, 0, 0)


def test_an_event_without_a_time_happened_when_it_arrived(server: Server) -> None:
    decision = server.score(payment(timestamp=None))
    assert decision["event_time"] == decision["arrived_at"] == show_time(NOW_US)
    assert server.score(payment(timestamp=None)) == decision
    problem(server.post("/api/v1/score", payment(timestamp=show_time(NOW_US))), 409, "event_conflict")


def test_an_event_without_an_id_is_given_one(server: Server) -> None:
    made = [server.score(payment(None))["event_id"] for _ in range(3)]
    assert len(set(made)) == 3
    assert all(uuid.UUID(event_id) for event_id in made)
    assert server.get(f"/api/v1/decisions/{made[0]}").status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/score", "/score", "/api/v1/events", "/ingest"])
def test_an_idempotency_key_protects_a_retry_without_id(server: Server, path: str) -> None:
    clock = server.clock
    assert isinstance(clock, FixedClock)
    headers = {"Idempotency-Key": "abc 123"}
    first = server.post(path, payment(None, timestamp=None), headers=headers)
    clock.time_us += 5_000_000
    again = server.post(path, payment(None, timestamp=None), headers=headers)
    assert again.json() == first.json()
    assert server.post(path, payment(None), headers={"Idempotency-Key": "other"}).json() != first.json()
    assert server.database.counts()[0] == 2


def test_an_idempotency_key_with_another_body_is_a_conflict(server: Server) -> None:
    headers = {"Idempotency-Key": "k"}
    server.score(payment(None), headers=headers)
    problem(server.post("/api/v1/score", payment(None, amount=1), headers=headers), 409, "event_conflict")


def test_a_late_event_is_judged_at_its_own_time_and_a_too_late_one_without_history(server: Server) -> None:
    day_us = 86_400 * 1_000_000
    for event in burst(6):
        server.score(event)
    server.score(payment("late", timestamp=show_time(NOW_US - 6 * day_us)))
    too_late = server.score(payment("too-late", timestamp=show_time(NOW_US - 8 * day_us)))
    assert "too_late" in too_late["degraded"]
    features = {f["name"]: f["value"] for f in server.get("/api/v1/decisions/too-late").json()["features"]}
    assert features["user_tx_count_30d"] is None
    check_log(server.database, server.runtime.bundle)


def test_money_of_other_currencies_is_converted_once_and_shown_as_sent(server: Server) -> None:
    decision = server.score(payment(amount="1000", currency="JPY"))
    assert decision["event"]["amount"] == 1000
    item = server.get("/api/v1/events").json()["items"][0]
    assert item["amount_base"] == 6.5
    assert item["event"]["amount"] == 1000


def test_before_there_is_a_model_rules_decide_and_say_so(server: Server) -> None:
    decision = server.score(payment())
    assert decision["anomaly_score"] is None
    assert decision["risk_score"] is None
    assert decision["degraded"] == ["no_model"]


def test_decisions_are_the_same_after_a_restart(database: Database, trained: Bundle) -> None:
    events = history(60)
    with serving(database, trained) as server:
        answers = [server.score(event) for event in events]
    with serving(database, trained) as server:
        assert [server.score(event) for event in events] == answers
    check_log(database, trained)
