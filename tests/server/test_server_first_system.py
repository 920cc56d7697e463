"""The paths and shapes that clients of the first system use."""

from __future__ import annotations

from typing import Any

import pytest

from riskloom.domain.show import show_time
from support.events import NOW_US, at, burst, history, payment
from support.server import Server, faults, problem

FIRST = {"event_id", "anomaly_score", "risk_score", "flagged", "reasons"}


def first_event(**changes: Any) -> dict[str, Any]:
    """What a client of the first system sends."""
    return payment(merchant_category=None, **changes)


def test_ingest_answers_with_the_ids_stored(server: Server) -> None:
    answer = server.post("/ingest", first_event())
    assert answer.status_code == 200
    assert answer.json() == {"stored_event_id": "p-1", "stored_feature_id": 1}
    assert server.post("/ingest", first_event()).json() == answer.json()
    assert server.database.counts() == (1, 1, 0)


def test_score_before_any_model_gives_zeros_and_says_so(server: Server) -> None:
    answer = server.post("/score", first_event())
    assert answer.status_code == 200
    assert answer.json() == {
        "event_id": "p-1",
        "anomaly_score": 0,
        "risk_score": 0,
        "flagged": False,
        "reasons": [],
        "outcome": "APPROVED",
        "degraded": ["no_model"],
        "scored_at_utc": show_time(NOW_US),
    }


def test_score_with_a_model_gives_numbers(clever: Server) -> None:
    body = clever.post("/score", first_event()).json()
    assert set(body) >= FIRST
    assert isinstance(body["anomaly_score"], float)
    assert 0 <= body["risk_score"] <= 100
    assert body["degraded"] == []


def test_reasons_have_their_three_keys(server: Server) -> None:
    body: dict[str, Any] = {}
    for event in burst(6):
        body = server.post("/score", event).json()
    assert body["flagged"] is True
    assert {frozenset(reason) for reason in body["reasons"]} == {frozenset(("reason", "detail", "severity"))}
    reason = next(reason for reason in body["reasons"] if reason["reason"] == "VELOCITY_5M")
    assert reason["detail"].startswith("5 payments in the 5 minutes before")
    assert reason["severity"] == "high"


@pytest.mark.parametrize(
    "time", ["2026-01-01T00:00:00Z", "2026-01-01T02:00:00+02:00", "2025-12-31T19:00:00-05:00"]
)
def test_times_come_with_z_or_an_offset(server: Server, time: str) -> None:
    server.post("/score", first_event(timestamp=time))
    assert server.get("/events").json()[0]["timestamp"] == "2026-01-01T00:00:00Z"


def test_score_by_event_id_decides_what_was_ingested(server: Server) -> None:
    server.post("/ingest", first_event())
    answer = server.post("/score-by-event-id", {"event_id": "p-1"})
    assert answer.status_code == 200
    assert set(answer.json()) >= FIRST
    assert server.post("/score-by-event-id", {"event_id": "p-1"}).json() == answer.json()
    assert server.post("/score", first_event()).json() == answer.json()
    assert server.database.counts() == (1, 1, 1)


@pytest.mark.parametrize(
    "body", [{}, {"event_id": None}, {"event_id": 7}, {"event_id": ""}, [], "p-1", {"id": "p-1"}]
)
def test_score_by_event_id_needs_an_id(server: Server, body: Any) -> None:
    import json

    assert "event_id" in faults(server.post("/score-by-event-id", content=json.dumps(body)))


@pytest.mark.parametrize("event_id", ["nobody", "\x00", "x" * 10_000])
def test_score_by_event_id_of_a_stranger_is_404(server: Server, event_id: str) -> None:
    problem(server.post("/score-by-event-id", {"event_id": event_id}), 404, "not_found")


def test_faults_of_an_event_are_a_422_with_all_of_them(server: Server) -> None:
    for path in ("/score", "/ingest"):
        found = faults(
            server.post(
                path, {"event_id": "x", "amount": "12,50", "currency": "USD", "lat": 99, "usr_id": "u"}
            )
        )
        assert {
            "amount",
            "lat",
            "user_id",
            "usr_id",
            "merchant_id",
            "lon",
            "device_id",
            "ip",
            "channel",
        } <= set(found)
        assert "point" in found["amount"]["hint"]
        assert "usr_id" in found["user_id"]["hint"]
    assert server.database.counts() == (0, 0, 0)


def test_events_are_flat_with_fields_and_features_newest_first(server: Server) -> None:
    for event in [*burst(3), *burst(2, "other", user_id="bob", start_s=10)]:
        server.post("/ingest", event)
    listed = server.get("/events").json()
    assert [row["event_id"] for row in listed] == ["other-1", "other-0", "b-2", "b-1", "b-0"]
    scenario = server.runtime.bundle.scenario
    assert set(listed[0]) == {field.name for field in scenario.fields} | set(scenario.feature_names)
    assert listed[2]["user_tx_count_5m"] == 2
    assert listed[2]["amount"] == 12
    assert [row["event_id"] for row in server.get("/events?limit=2").json()] == ["other-1", "other-0"]
    assert [row["event_id"] for row in server.get("/events?user_id=ann&limit=2").json()] == ["b-2", "b-1"]
    assert server.get("/events?user_id=nobody").json() == []


def test_scores_are_flat_with_fields_scores_and_reasons(clever: Server) -> None:
    clever.post("/ingest", payment("open"))
    events = history(40)
    for event in events:
        clever.post("/score", event)
    listed = clever.get("/scores").json()
    assert [row["event_id"] for row in listed] == [event["event_id"] for event in reversed(events)]
    fields = {field.name for field in clever.runtime.bundle.scenario.fields}
    assert set(listed[0]) == fields | FIRST | {"outcome", "degraded", "scored_at_utc"}
    flagged = clever.get("/scores?flagged_only=true").json()
    assert flagged == [row for row in listed if row["flagged"]]
    assert 0 < len(flagged) < len(listed)
    middle = sorted(row["risk_score"] for row in listed)[20]
    assert clever.get("/scores", params={"min_risk": middle}).json() == [
        row for row in listed if row["risk_score"] >= middle
    ]
    assert clever.get("/scores?limit=2").json() == listed[:2]
    assert clever.get("/scores?user_id=bob").json() == []
    user = listed[0]["user_id"]
    asked = f"/scores?flagged_only=false&user_id={user}&min_risk=0"
    assert clever.get(asked).json() == [row for row in listed if row["user_id"] == user]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/events?limit=0", "limit"),
        ("/events?limit=1001", "limit"),
        ("/events?limit=x", "limit"),
        ("/scores?limit=-1", "limit"),
        ("/scores?min_risk=101", "min_risk"),
        ("/scores?min_risk=nan", "min_risk"),
        ("/scores?flagged_only=x", "flagged_only"),
        ("/scores?user_id=%00", "user_id"),
        ("/events?user_id=a%00", "user_id"),
    ],
)
def test_queries_out_of_range_are_422(server: Server, path: str, name: str) -> None:
    assert name in faults(server.get(path), "parameter_invalid")


def test_the_lists_are_empty_at_first(server: Server) -> None:
    assert [server.get(path).json() for path in ("/events", "/scores", "/model-runs")] == [[], [], []]


def test_health(server: Server) -> None:
    body = server.get("/health").json()
    assert body["status"] == "ok"
    assert body["scenario"] == "card_payments"


def test_a_thousand_rows_at_once(server: Server) -> None:
    events = history(1_050)
    server.post("/api/v1/score/batch", {"events": events})
    for path in ("/events", "/scores"):
        listed = server.get(f"{path}?limit=1000").json()
        assert [row["event_id"] for row in listed] == [event["event_id"] for event in reversed(events)][:1000]


def test_a_late_event_keeps_its_place_by_arrival(server: Server) -> None:
    server.post("/score", payment("second", timestamp=at(0)))
    server.post("/score", payment("first", timestamp=at(-3600)))
    assert [row["event_id"] for row in server.get("/scores").json()] == ["first", "second"]
