"""Decisions and events read back: filters, pages, one decision, counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from riskloom.bundle import Bundle
from riskloom.clock import FixedClock
from riskloom.server.ids import RecentIds
from support.databases import KINDS, Database
from support.events import at, burst, history, payment
from support.server import Server, faults, problem, serving


@pytest.fixture(scope="module", params=KINDS)
def full(
    request: pytest.FixtureRequest, make_database: Callable[[str], Database], trained: Bundle
) -> Iterator[Server]:
    """A server with 300 decided events, 5 that were only taken in, and a burst; nobody changes it."""
    with serving(make_database(request.param), trained) as server:
        clock = server.clock
        assert isinstance(clock, FixedClock)
        server.post("/api/v1/score/batch", {"events": history(300)})
        server.post("/api/v1/events/batch", {"events": burst(5, "open", user_id="ingo")})
        clock.time_us += 5_000_000
        server.post("/api/v1/score/batch", {"events": burst(8, "burst")})
        yield server


def every(server: Server, path: str, limit: int, **asked: Any) -> list[dict[str, Any]]:
    """All items of a list, page by page."""
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    for _ in range(1000):
        answer = server.get(path, params={**asked, "limit": limit} | ({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= limit
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items
    raise AssertionError("the pages do not end")


@pytest.mark.parametrize("limit", [3, 100, 308, 500])
def test_pages_of_the_newest_hold_each_decision_once(full: Server, limit: int) -> None:
    arrivals = [item["arrival"] for item in every(full, "/api/v1/decisions", limit)]
    assert arrivals == sorted(set(range(1, 314)) - set(range(301, 306)), reverse=True)


@pytest.mark.parametrize("limit", [3, 100, 500])
def test_pages_by_risk_hold_each_decision_once_and_fall(full: Server, limit: int) -> None:
    items = every(full, "/api/v1/decisions", limit, order="risk")
    assert len({item["arrival"] for item in items}) == len(items) == 308
    keys = [(-item["risk_score"], -item["arrival"]) for item in items]
    assert keys == sorted(keys)


@pytest.mark.parametrize("limit", [2, 50])
def test_pages_by_risk_go_on_through_events_without_a_score(full: Server, limit: int) -> None:
    items = every(full, "/api/v1/events", limit, order="risk")
    assert len({item["arrival"] for item in items}) == len(items) == 313
    assert [item["arrival"] for item in items[-5:]] == [305, 304, 303, 302, 301]
    assert all(item["risk_score"] is None and item["outcome"] is None for item in items[-5:])


def test_pages_by_risk_work_before_there_is_a_model(server: Server) -> None:
    server.post("/api/v1/score/batch", {"events": burst(7)})
    assert [item["arrival"] for item in every(server, "/api/v1/decisions", 2, order="risk")] == [
        7,
        6,
        5,
        4,
        3,
        2,
        1,
    ]


def test_filters_narrow_as_they_say(full: Server) -> None:
    everything = every(full, "/api/v1/decisions", 500)
    assert {item["outcome"] for item in everything} >= {"APPROVED", "FLAGGED"}

    def has(item: dict[str, Any], key: str, value: str) -> bool:
        return any(reason[key] == value for reason in item["reasons"])

    expectations: list[tuple[dict[str, Any], Callable[[dict[str, Any]], bool]]] = [
        ({"outcome": "FLAGGED"}, lambda item: item["outcome"] == "FLAGGED"),
        ({"outcome": "REJECTED"}, lambda item: item["outcome"] == "REJECTED"),
        ({"flagged": "true"}, lambda item: item["flagged"]),
        ({"flagged": "false"}, lambda item: not item["flagged"]),
        ({"flagged": "true", "outcome": "APPROVED"}, lambda _item: False),
        ({"flagged": ""}, lambda _item: True),
        ({"min_risk": "90"}, lambda item: item["risk_score"] >= 90),
        ({"min_risk": "100"}, lambda item: item["risk_score"] >= 100),
        ({"reason": "VELOCITY_5M"}, lambda item: has(item, "code", "VELOCITY_5M")),
        ({"reason": "velocity_5m"}, lambda _item: False),
        ({"reason": "VELOCITY%"}, lambda _item: False),
        ({"reason": "V"}, lambda _item: False),
        ({"severity": "high"}, lambda item: has(item, "severity", "high")),
        ({"entity": "ann"}, lambda item: item["event"]["user_id"] == "ann"),
        ({"user_id": "ann"}, lambda item: item["event"]["user_id"] == "ann"),
        ({"user_id": "nobody"}, lambda _item: False),
        ({"since": at(3)}, lambda item: item["event_time"] >= at(3)),
        ({"until": at(3)}, lambda item: item["event_time"] < at(3)),
        ({"since": at(2), "until": at(6)}, lambda item: at(2) <= item["event_time"] < at(6)),
        ({"since": "2026-01-01T01:00:03+01:00"}, lambda item: item["event_time"] >= at(3)),
        ({"flagged": "true", "severity": "high"}, lambda i: i["flagged"] and has(i, "severity", "high")),
    ]  # fmt: skip
    for asked, wanted in expectations:
        expected = [item["arrival"] for item in everything if wanted(item)]
        for order, limit in (("newest", 13), ("risk", 50)):
            found = every(full, "/api/v1/decisions", limit, order=order, **asked)
            assert sorted((item["arrival"] for item in found), reverse=True) == expected, asked


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=ten",
        "limit=1e3",
        "limit=" + "9" * 400,
        "min_risk=-1",
        "min_risk=101",
        "min_risk=nan",
        "outcome=MAYBE",
        "severity=HIGH",
        "order=oldest",
        "flagged=perhaps",
        "since=yesterday",
        "since=2026-01-01",
        "since=2026-01-01T00:00:00",
        "until=2026-13-01T00:00:00Z",
        "cursor=x",
        "cursor=-1",
        "cursor=12:5",
        "cursor=" + "9" * 400,
        "cursor=²",
        "order=risk&cursor=12",
        "order=risk&cursor=12:nan",
        "order=risk&cursor=12:inf",
        "order=risk&cursor=12:1.2.3",
        "reason=a%00b",
        "entity=a%00b",
        "user_id=%00",
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/decisions", "/api/v1/events"])
def test_what_cannot_be_asked_for_is_named(full: Server, path: str, query: str) -> None:
    name = query.split("&")[-1].split("=")[0]
    assert name in faults(full.get(f"{path}?{query}"), "parameter_invalid")


def test_every_fault_of_a_query_is_named_at_once(full: Server) -> None:
    found = faults(
        full.get("/api/v1/decisions?limit=0&min_risk=x&since=y&flagged=z&cursor=q"), "parameter_invalid"
    )
    assert set(found) == {"limit", "min_risk", "since", "flagged", "cursor"}


def test_a_cursor_far_away_ends_the_list(full: Server) -> None:
    assert full.get("/api/v1/decisions?cursor=0").json() == {"items": [], "next": None}
    assert len(full.get("/api/v1/decisions?cursor=999999999999999999&limit=500").json()["items"]) == 308


def test_one_decision_has_its_vector_against_what_is_usual_and_its_evidence(full: Server) -> None:
    view = full.get("/api/v1/decisions/burst-7").json()
    names = full.runtime.bundle.scenario.feature_names
    assert [feature["name"] for feature in view["features"]] == list(names)
    count = next(feature for feature in view["features"] if feature["name"] == "user_tx_count_5m")
    assert count["value"] == 7
    assert set(count["usual"]) == {"low", "middle", "high"}
    assert count["describe"]
    evidence = {event_id for reason in view["reasons"] for event_id in reason["evidence"]}
    assert (
        {event["event_id"] for event in view["evidence_events"]}
        == evidence
        >= {f"burst-{n}" for n in range(7)}
    )


def test_an_event_that_was_only_taken_in_can_be_looked_at(full: Server) -> None:
    view = full.get("/api/v1/decisions/open-0").json()
    assert (view["outcome"], view["reasons"], view["decided_at"]) == (None, [], None)


@pytest.mark.parametrize("event_id", ["nobody", "%00", "a%00b", "%ff", "9" * 1000, "%F0%9F%99%82", "a/b/c"])
def test_a_decision_that_is_not_there_is_404(full: Server, event_id: str) -> None:
    problem(full.get(f"/api/v1/decisions/{event_id}"), 404, "not_found")
    problem(full.post(f"/api/v1/events/{event_id}/score"), 404, "not_found")


def test_events_show_what_was_sent(full: Server) -> None:
    item = full.get("/api/v1/events?user_id=ingo").json()["items"][0]
    assert item["event_id"] == "open-4"
    assert item["event"] == burst(5, "open", user_id="ingo")[4]
    assert item["amount_base"] == 14


def test_a_page_of_many_flagged_decisions_names_all_their_evidence(server: Server) -> None:
    for start in range(0, 700, 100):
        events = burst(100, f"x{start}", start_s=start)
        server.post("/api/v1/score/batch", {"events": events})
    server.runtime.views._recent = RecentIds()
    items = every(server, "/api/v1/decisions", 500, flagged="true")
    assert len(items) > 600
    assert all(
        event_id.startswith("x")
        for item in items
        for reason in item["reasons"]
        for event_id in reason["evidence"]
    )


def test_stats_count_what_is_there(full: Server) -> None:
    stats = full.get("/api/v1/stats").json()
    everything = every(full, "/api/v1/decisions", 500)
    outcomes = {
        name: sum(item["outcome"] == name for item in everything)
        for name in ("APPROVED", "FLAGGED", "REJECTED")
    }
    assert stats["total_events"] == 313
    assert stats["total_decisions"] == 308
    assert stats["outcomes"] == stats["last_hour"] == outcomes
    assert len(stats["per_minute"]) == 60
    last = stats["per_minute"][-1]
    assert sum(last[key] for key in ("approved", "flagged", "rejected")) == 308
    assert stats["newest_arrival"] == 313
    assert {reason["code"] for reason in stats["top_reasons"]} >= {"VELOCITY_5M"}
    assert stats["rates"]["events_per_second"] > 0


def test_the_scenario_is_described(full: Server) -> None:
    described = full.get("/api/v1/scenario").json()
    assert described["name"] == "card_payments"
    assert described["main_entity"] == "user_id"
    assert {field["name"] for field in described["fields"] if field["pii"]} == {"user_id", "ip"}
    assert len(described["features"]) == len(full.runtime.bundle.scenario.feature_names)
    assert all({"code", "severity", "action", "when", "message"} == set(rule) for rule in described["rules"])
    assert described["policy"]["percentile"] == 90


def test_an_empty_server_has_empty_lists(server: Server) -> None:
    assert server.get("/api/v1/decisions").json() == {"items": [], "next": None}
    assert server.get("/api/v1/events?order=risk").json() == {"items": [], "next": None}
    stats = server.get("/api/v1/stats").json()
    assert (stats["total_events"], stats["newest_arrival"], stats["rates"]["events_per_second"]) == (0, 0, 0)


def test_health_and_readiness(server: Server) -> None:
    health = server.get("/api/v1/health").json()
    assert (health["status"], health["ready"], health["arrivals"], health["model"]) == ("ok", True, 0, None)
    server.score(payment())
    assert server.get("/api/v1/health").json()["arrivals"] == 1
    assert server.get("/api/v1/readiness").json() == {"ready": True, "reason": None}


def test_unknown_paths_and_methods_are_problems(server: Server) -> None:
    problem(server.get("/api/v1/nothing"), 404, "not_found")
    problem(server.get("/api/v1/score"), 405, "method_not_allowed")
    problem(server.request("DELETE", "/api/v1/decisions"), 405, "method_not_allowed")
