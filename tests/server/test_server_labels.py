"""Labels told to a running server: their history is kept, and they are facts for the features that look."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskloom.bundle import Bundle
from riskloom.clock import FixedClock
from riskloom.domain.label import LabelSource
from support.databases import Database
from support.events import NOW_US, at, payment
from support.labelled import features, label, small_payment, tell
from support.replay import check_log
from support.server import Server, faults, problem, serving

DAY_US = 86_400_000_000


@pytest.fixture
def desk(database: Database, cards: Bundle) -> Iterator[Server]:
    """A server that has taken in `p-0` to `p-3`, and whose log is checked in the end."""
    with serving(database, cards, clock=FixedClock(NOW_US + 3_600_000_000)) as server:
        for number in range(4):
            server.score(small_payment(number))
        yield server
    check_log(database, cards)


def tell_one(server: Server, **given: Any) -> dict[str, Any]:
    """The answer to one label, which must be taken."""
    answer = server.post("/api/v1/labels", label(**given))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_a_label_is_seen_by_the_next_event_and_its_event_is_the_evidence(desk: Server) -> None:
    before = desk.score(small_payment(4))
    assert not before["flagged"]
    told = tell_one(desk, number=0)
    assert told == {
        "event_id": "p-0",
        "arrival": 6,
        "fraud": True,
        "source": "chargeback",
        "confidence": 1.0,
        "known_at": "2026-01-01T01:00:00Z",
        "told_at": "2026-01-01T01:00:00Z",
        "code": None,
    }
    seen = features(desk, small_payment(6))
    assert (seen["merchant_share"], seen["user_frauds"]) == (1 / 3, 1)
    after = desk.get("/api/v1/decisions/p-6").json()
    assert after["arrival"] == 7
    assert [reason["evidence"] for reason in after["reasons"]] == [["p-0"]]


def test_the_strongest_source_counts_and_within_it_what_was_known_last(desk: Server) -> None:
    def counts() -> tuple[bool, str]:
        counting = desk.get("/api/v1/labels?event_id=p-0").json()["effective"]
        assert desk.get("/api/v1/decisions/p-0").json()["label"] == counting
        return counting["fraud"], counting["source"]

    assert desk.get("/api/v1/labels?event_id=p-0").json() == {
        "event_id": "p-0",
        "effective": None,
        "items": [],
    }
    assert desk.get("/api/v1/decisions/p-0").json()["label"] is None
    for seconds, source, fraud, expected in (
        (9, "rule", True, (True, "rule")),
        (5, "analyst", False, (False, "analyst")),
        (9, "customer", True, (False, "analyst")),
        (7, "analyst", True, (True, "analyst")),
        (6, "analyst", False, (True, "analyst")),
        (1, "chargeback", False, (False, "chargeback")),
        (8, "analyst", True, (False, "chargeback")),
    ):
        tell_one(desk, number=0, fraud=fraud, source=source, known_at=at(seconds))
        assert counts() == expected
        server_sees = features(desk, small_payment(100 + 2 * seconds + len(source), 60, merchant_id="m-0"))
        assert (server_sees["merchant_share"] or 0) > 0 if expected[0] else server_sees["merchant_share"] == 0
    listed = desk.get("/api/v1/labels?event_id=p-0").json()["items"]
    assert [one["source"] for one in listed][:3] == ["rule", "analyst", "customer"]
    assert len(listed) == 7


def test_the_same_label_again_changes_nothing_and_answers_the_same(desk: Server) -> None:
    first = tell_one(desk, number=1, known_at=at(5), code="10.4")
    assert tell_one(desk, number=1, known_at=at(5), code="10.4", confidence=0.5) == first
    undated = tell_one(desk, number=2)
    assert isinstance(desk.clock, FixedClock)
    desk.clock.time_us += 1_000_000
    assert tell_one(desk, number=2) == undated, "what a source said last, said again"
    once = tell(desk, label(3), label(3), label(3, False), label(3))
    assert once[0] == once[1]
    assert [one["arrival"] for one in once] == [7, 7, 8, 9]
    for changes in ({"known_at": at(6)}, {"code": "4837"}, {"source": "analyst"}, {"fraud": False}):
        given = {"number": 1, "known_at": at(5), "code": "10.4", **changes}
        assert tell_one(desk, **given)["arrival"] > 9, changes
    assert desk.database.one("select count(*) from labels") == 9


def test_a_label_never_precedes_its_event_and_both_times_are_named(desk: Server) -> None:
    answer = desk.post("/api/v1/labels", label(3, known_at=at(2)))
    fault = faults(answer, "label_invalid")["known_at"]
    assert (at(3) in fault["expected"], fault["got"]) == (True, at(2))
    ahead = desk.post("/api/v1/labels", label(3, known_at=at(3 * 86_400)))
    assert "1d ahead" in faults(ahead, "label_invalid")["known_at"]["expected"]
    assert tell_one(desk, number=3, known_at=at(3))["known_at"] == at(3)
    desk.score(small_payment(9, 7_200))  # by a clock that runs ahead of ours
    assert tell_one(desk, number=9)["known_at"] == at(7_200)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"event_id": None}, {"event_id"}),
        ({"event_id": 7}, {"event_id"}),
        ({"fraud": 1}, {"fraud"}),
        ({"fraud": "true", "source": "bank"}, {"fraud", "source"}),
        ({"confidence": 1.01}, {"confidence"}),
        ({"confidence": -0.1}, {"confidence"}),
        ({"confidence": "1"}, {"confidence"}),
        ({"known_at": "2026-01-01T00:00:00"}, {"known_at"}),
        ({"code": "x" * 257}, {"code"}),
        ({"kown_at": at(9)}, {"'kown_at'"}),
    ],
)
def test_every_fault_of_a_label_is_named(desk: Server, changes: dict[str, Any], where: set[str]) -> None:
    found = faults(desk.post("/api/v1/labels", {**label(0), **changes}), "label_invalid")
    assert set(found) == where
    assert desk.database.one("select count(*) from labels") == 0


def test_in_a_batch_a_faulty_label_stops_no_other(desk: Server) -> None:
    results = tell(desk, label(0), label(77), {"fraud": True}, label(1, known_at=at(0)), label(2, False), 5)  # type: ignore[arg-type]
    assert [result.get("arrival") for result in results] == [5, None, None, None, 6, None]
    assert [results[n]["error"]["code"] for n in (1, 2, 3, 5)] == ["not_found"] + ["label_invalid"] * 3
    assert (results[1]["event_id"], results[3]["event_id"]) == ("p-77", "p-1")
    assert {fault["where"] for fault in results[2]["error"]["faults"]} == {
        "labels[2].event_id",
        "labels[2].source",
    }
    problem(desk.post("/api/v1/labels", label(77)), 404, "not_found")
    problem(desk.get("/api/v1/labels?event_id=p-77"), 404, "not_found")


EDGES = st.sampled_from(
    [None, True, 0, -1, 1e22, 0.5, "", " ", "p-0", "\x00", "\ud800", at(9), "analyst", [], {}, 2**64]
)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    changes=st.dictionaries(st.sampled_from([*label(0), "known_at", "confidence", "code", "\udfff"]), EDGES)
)
def test_any_label_is_taken_or_refused(standing: Server, changes: dict[str, Any]) -> None:
    standing.post("/api/v1/score", payment("p-0"))
    given = {**label(0), **changes}
    body = json.dumps(given, ensure_ascii=False).encode("utf-8", "surrogatepass")
    for sent in (body, b"[" + body + b"]", json.dumps([given]).encode()):
        answer = standing.post("/api/v1/labels", content=sent)
        assert answer.status_code in (200, 404, 422), answer.text
        if answer.status_code != 200:
            assert problem(answer, answer.status_code, answer.json()["code"])["detail"]


@pytest.mark.parametrize("body", ["7", '{"labels": 5}', "x", "", '{"labels": [' + "0," * 10_000 + "0]}"])
def test_a_body_that_holds_no_labels_is_refused(desk: Server, body: str) -> None:
    assert desk.post("/api/v1/labels", content=body).status_code == 422
    assert tell(desk) == []


def test_labels_are_read_page_by_page_the_one_told_last_first(desk: Server) -> None:
    tell(desk, *(label(number, source=source) for source in ("rule", "analyst") for number in range(4)))
    seen, cursor = [], ""
    while cursor is not None:
        page = desk.get(f"/api/v1/labels?limit=3{cursor and f'&cursor={cursor}'}").json()
        seen += [(one["event_id"], one["source"]) for one in page["items"]]
        cursor = page["next"]
    assert seen == [(f"p-{number}", source) for source in ("analyst", "rule") for number in (3, 2, 1, 0)]
    assert "cursor" in faults(desk.get("/api/v1/labels?cursor=x"), "parameter_invalid")


def test_a_label_waits_for_the_commit_of_its_event(desk: Server) -> None:
    requests = [("POST", "/api/v1/score", {"json": small_payment(4)})]
    requests += [
        ("POST", "/api/v1/labels", {"json": label(4, source=source)}) for source in ("rule", "analyst")
    ]
    answers = desk.together(requests)
    assert [answer.status_code for answer in answers] == [200, 200, 200]


def test_labels_told_at_once_are_taken_one_after_the_other(desk: Server) -> None:
    labels = [label(0, n % 2 == 0, source, known_at=at(9 + n)) for n in range(6) for source in LabelSource]
    requests = [("POST", "/api/v1/labels", {"json": one}) for one in labels + labels]
    scores = [("POST", "/api/v1/score", {"json": small_payment(10 + 2 * n)}) for n in range(16)]
    requests[::3] = scores
    answers = [answer.json() for answer in desk.together(requests)]
    told = [answer["arrival"] for answer in answers if "source" in answer]
    assert len(told) == 32
    assert len(set(told)) == desk.database.one("select count(*) from labels") < 32, "none is stored twice"
    assert len({answer["arrival"] for answer in answers} - set(told)) == 16


def test_a_label_of_an_event_that_no_window_holds_is_stored_and_ignored(
    database: Database, cards: Bundle
) -> None:
    clock = FixedClock(NOW_US)
    with serving(database, cards, clock=clock) as server:
        server.score(small_payment(0))
        clock.time_us += 30 * DAY_US
        server.score(small_payment(1, 30 * 86_400, merchant_id="m-0"))
        tell_one(server, number=0)
        assert features(server, small_payment(2, 30 * 86_400 + 1, merchant_id="m-0"))["merchant_share"] == 0
    check_log(database, cards)


def test_without_features_that_look_at_labels_a_restart_goes_on_behind_a_label(
    database: Database, bundle: Bundle
) -> None:
    for start in (0, 3):
        with serving(database, bundle) as server:
            assert server.score(payment(f"p-{start}"))["arrival"] == start + 1
            assert [one["arrival"] for one in tell(server, label(start), label(start, False))] == [
                start + 2,
                start + 3,
            ]
    check_log(database, bundle)
