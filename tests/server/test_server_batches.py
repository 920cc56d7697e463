"""Many events in one request: in order, a faulty one stopping no other."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from riskloom.bundle import Bundle
from support.databases import Database
from support.events import at, burst, history, payment
from support.replay import check_log
from support.server import Server, faults, problem, serving

NDJSON = {"Content-Type": "application/x-ndjson"}
BOTH = pytest.mark.parametrize("path", ["/api/v1/score/batch", "/api/v1/events/batch"])


def lines(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_batch_is_decided_in_order_as_one_by_one(server: Server) -> None:
    events = history(300)
    results = server.post("/api/v1/score/batch", {"events": events}).json()["results"]
    assert [result["event_id"] for result in results] == [event["event_id"] for event in events]
    assert [result["arrival"] for result in results] == list(range(1, 301))
    assert check_log(server.database, server.runtime.bundle) == [event["event_id"] for event in events]
    assert server.post("/api/v1/score/batch", events).json()["results"] == results, "a bare list, and again"
    assert server.database.counts() == (300, 300, 300)


@BOTH
def test_a_faulty_event_of_a_batch_names_its_place_and_stops_no_other(server: Server, path: str) -> None:
    events: list[Any] = [
        payment("a"),
        payment("b", amount=-1, lat=91),
        7,
        payment("a", amount=3),
        payment("c"),
    ]
    results = server.post(path, {"events": events}).json()["results"]
    assert [result.get("error", {}).get("code") for result in results] == [
        None,
        "event_invalid",
        "event_invalid",
        "event_conflict",
        None,
    ]
    assert {fault["where"] for fault in results[1]["error"]["faults"]} == {
        "events[1].amount",
        "events[1].lat",
    }
    assert results[2]["error"]["faults"][0]["where"] == "events[2]"
    assert results[3]["event_id"] == "a"
    assert server.database.counts()[0] == 2


def test_one_id_twice_in_a_batch_is_one_event(server: Server) -> None:
    results = server.post("/api/v1/score/batch", {"events": [payment()] * 5}).json()["results"]
    assert results == [results[0]] * 5
    assert server.database.counts() == (1, 1, 1)


def test_a_batch_of_ten_thousand_is_taken_and_one_more_is_refused(server: Server) -> None:
    events = [payment(f"n-{n}", user_id=f"u-{n % 500}", timestamp=at(n / 10)) for n in range(10_000)]
    answer = server.post("/api/v1/events/batch", {"events": events})
    assert [result.get("arrival") for result in answer.json()["results"]] == list(range(1, 10_001))
    assert server.database.counts()[0] == 10_000
    too_many = faults(
        server.post("/api/v1/score/batch", {"events": [*events, payment("one-more")]}), "data_invalid"
    )
    assert "application/x-ndjson" in too_many["events"]["hint"]
    assert server.database.counts()[0] == 10_000


@pytest.mark.parametrize("body", [{}, {"events": None}, {"events": {}}, 7, "x", None, {"event": []}])
def test_a_batch_that_is_no_list_is_refused(server: Server, body: Any) -> None:
    answer = server.post("/api/v1/score/batch", content=json.dumps(body))
    assert "events" in faults(answer, "data_invalid")


def test_an_empty_batch_is_an_empty_answer(server: Server) -> None:
    assert server.post("/api/v1/score/batch", {"events": []}).json() == {"results": []}
    assert lines(server.post("/api/v1/score/batch", content=b"", headers=NDJSON)) == []


@BOTH
def test_a_stream_answers_line_by_line_and_broken_lines_stop_no_other(server: Server, path: str) -> None:
    events = [json.dumps(event).encode() for event in burst(6)]
    sent = [
        events[0],
        b"",
        b"{not json",
        events[1],
        b"   ",
        b"[]",
        b'{"event_id": "x"}',
        b"\xff\xfe",
        *events[2:],
    ]
    answers = lines(server.post(path, content=b"\r\n".join(sent), headers=NDJSON))
    assert [answer.get("event_id") for answer in answers if "error" not in answer] == [
        f"b-{n}" for n in range(6)
    ]
    broken = [answer["error"] for answer in answers if "error" in answer]
    assert [error["code"] for error in broken] == [
        "data_invalid",
        "event_invalid",
        "event_invalid",
        "data_invalid",
    ]
    assert [error["faults"][0]["where"].split(".")[0] for error in broken] == [
        "line 3",
        "line 6",
        "line 7",
        "line 8",
    ]
    assert server.database.counts()[0] == 6


def test_a_stream_takes_more_than_a_batch_in_small_pieces(
    make_database: Callable[[str], Database], bundle: Bundle
) -> None:
    events = [payment(f"n-{n}", user_id=f"u-{n % 500}", timestamp=at(n / 10)) for n in range(10_500)]
    body = b"\n".join(json.dumps(event).encode() for event in events)

    async def pieces() -> Any:
        for start in range(0, len(body), 10_007):
            yield body[start : start + 10_007]

    with serving(make_database("sqlite"), bundle) as server:
        answers = lines(server.post("/api/v1/events/batch", content=pieces(), headers=NDJSON))
    assert [answer.get("arrival") for answer in answers] == list(range(1, 10_501))


def test_a_line_that_is_too_long_is_named_and_stops_no_other(server: Server) -> None:
    long = b'{"event_id": "' + b"x" * 8_100_000 + b'"}'

    async def pieces() -> Any:
        yield json.dumps(payment("before")).encode() + b"\n"
        for start in range(0, len(long), 500_000):
            yield long[start : start + 500_000]
        yield b"\n" + json.dumps(payment("after")).encode()

    first, second, third = lines(server.post("/api/v1/score/batch", content=pieces(), headers=NDJSON))
    assert (first["event_id"], third["event_id"]) == ("before", "after")
    assert second["error"]["faults"][0]["where"] == "line 2"


def test_a_retried_batch_without_ids_is_protected_by_its_key(server: Server) -> None:
    headers = {"Idempotency-Key": "batch-1"}
    events = [payment(None), payment(None), payment(None, amount=4)]
    first = server.post("/api/v1/score/batch", {"events": events}, headers=headers).json()
    assert len({result["event_id"] for result in first["results"]}) == 3
    assert server.post("/api/v1/score/batch", {"events": events}, headers=headers).json() == first
    assert server.database.counts()[0] == 3


def test_a_batch_of_events_taken_in_before_is_scored_from_their_frozen_vectors(server: Server) -> None:
    events = history(200)
    server.post("/api/v1/events/batch", {"events": events})
    results = server.post("/api/v1/score/batch", {"events": events}).json()["results"]
    assert [result["arrival"] for result in results] == list(range(1, 201))
    assert server.database.counts() == (200, 200, 200)
    check_log(server.database, server.runtime.bundle)


def test_a_batch_that_is_too_large_is_refused_before_it_is_read(server: Server) -> None:
    problem(server.post("/api/v1/score/batch", content=b"[" + b" " * 8_000_001), 413, "body_too_large")
