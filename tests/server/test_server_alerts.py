"""Alerts before people: lists, the next one, every act, leases, suppressions, analysts, queues."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from riskloom.bundle import Bundle
from riskloom.clock import FixedClock
from riskloom.server.alerts.orders import ACTS
from support.alerts import check_alerts
from support.databases import Database
from support.events import burst, payment
from support.server import Server, faults, problem, serving

MINUTE_US = 60_000_000


@pytest.fixture
def desk(database: Database, bundle: Bundle) -> Iterator[Server]:
    """Three alerts: ann of 2 events, bob of 1 of a large amount, cem of 1."""
    with serving(database, bundle) as server:
        raise_for(server, "ann", 6)
        raise_for(server, "bob", 5, factor=40)
        raise_for(server, "cem", 5, factor=3)
        yield server


def raise_for(server: Server, user: str, count: int, prefix: str = "", factor: float = 1) -> None:
    """A burst of one customer; the fifth payment and all behind it are flagged."""
    start_s = 20 if prefix else 0  # behind what came without
    for event in burst(count, f"{prefix}{user}", start_s, user_id=user, device_id=f"phone-{user}"):
        server.score({**event, "amount": event["amount"] * factor})


def by(name: str) -> dict[str, Any]:
    return {"headers": {"X-Riskloom-User": name}}


def listed(server: Server, **asked: Any) -> list[dict[str, Any]]:
    answer = server.get("/api/v1/alerts", params=asked)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def keys(server: Server, **asked: Any) -> list[str]:
    return [item["entity_key"] for item in listed(server, **asked)]


def id_of(server: Server, user: str) -> int:
    (found,) = listed(server, entity=user, state=",".join(STATES))
    number: int = found["id"]
    return number


STATES = ("open", "claimed", "snoozed", "escalated", "resolved", "auto_closed")


def act(server: Server, user: str, name: str, who: str = "ana", **said: Any) -> Any:
    return server.post(f"/api/v1/alerts/{id_of(server, user)}/{name}", said, **by(who))


def done(server: Server, user: str, name: str, who: str = "ana", **said: Any) -> dict[str, Any]:
    answer = act(server, user, name, who, **said)
    assert answer.status_code == 200, answer.text
    alert: dict[str, Any] = answer.json()
    return alert


def forward(server: Server, minutes: float) -> None:
    assert isinstance(server.clock, FixedClock)
    server.clock.time_us += round(minutes * MINUTE_US)


def activities(server: Server) -> list[tuple[Any, ...]]:
    return server.database.rows("select kind, actor from activities order by id")


# ---------------------------------------------------------------- lists


def test_the_most_valuable_comes_first(desk: Server) -> None:
    assert keys(desk) == ["bob", "ann", "cem"] or keys(desk) == ["bob", "cem", "ann"]
    priorities = [item["priority"] for item in listed(desk)]
    assert priorities == sorted(priorities, reverse=True)
    assert keys(desk, order="time") == ["cem", "bob", "ann"]


@pytest.mark.parametrize("order", ["priority", "time"])
def test_pages_hold_each_alert_once(desk: Server, order: str) -> None:
    found, cursor = [], None
    for _ in range(3):
        asked = {"limit": 1, "order": order, **({"cursor": cursor} if cursor else {})}
        page = desk.get("/api/v1/alerts", params=asked).json()
        found += [item["entity_key"] for item in page["items"]]
        cursor = page["next"]
    assert cursor is None
    assert found == keys(desk, order=order)


def test_filters_narrow_a_list(desk: Server) -> None:
    done(desk, "ann", "claim")
    assert keys(desk, state="claimed") == keys(desk, claimed_by="ana") == ["ann"]
    assert set(keys(desk, state="open")) == {"bob", "cem"}
    assert keys(desk, min_amount="500") == ["bob"]
    assert len(keys(desk, reason="VELOCITY_5M")) == 3
    assert keys(desk, reason="VELOCITY") == []
    assert keys(desk, severity="low") == keys(desk, queue="senior") == []
    assert len(keys(desk, queue="payments", since="2025-12-31T00:00:00Z")) == 3
    assert keys(desk, until="2025-12-31T00:00:00Z") == []
    assert keys(desk, entity="bob") == keys(desk, user_id="bob") == ["bob"]


def test_wrong_filters_are_named_at_once(desk: Server) -> None:
    asked = {
        "state": "opne",
        "severity": "x",
        "min_amount": "much",
        "cursor": "y",
        "order": "z",
        "limit": "0",
    }
    found = faults(desk.get("/api/v1/alerts", params=asked), "parameter_invalid")
    assert set(found) == set(asked)
    answer = desk.get("/api/v1/alerts", params={"cursor": "5:1.5", "order": "time"})
    assert "cursor" in faults(answer, "parameter_invalid")


def test_one_alert_has_its_decisions_and_their_evidence(desk: Server) -> None:
    alert = desk.get(f"/api/v1/alerts/{id_of(desk, 'ann')}").json()
    assert [one["event_id"] for one in alert["decisions"]] == ["ann-4", "ann-5"]
    assert alert["reasons"] == ["VELOCITY_5M"] or "VELOCITY_5M" in alert["reasons"]
    evidence = {event["event_id"] for event in alert["evidence_events"]}
    assert {"ann-0", "ann-1", "ann-2", "ann-3"} <= evidence
    assert alert["amount"] == "29.00"
    assert alert["currency"] == "USD"


@pytest.mark.parametrize("alert_id", ["999", "x", "-1", "1e3", "9" * 19])
def test_an_alert_that_is_none_is_not_found(desk: Server, alert_id: str) -> None:
    problem(desk.get(f"/api/v1/alerts/{alert_id}"), 404, "not_found")
    problem(desk.post(f"/api/v1/alerts/{alert_id}/claim"), 404, "not_found")


# ---------------------------------------------------------------- next, claims, leases


def test_next_hands_out_the_most_valuable_that_nobody_has(desk: Server) -> None:
    wanted = keys(desk)
    found = [desk.post("/api/v1/alerts/next", **by(f"a{n}")).json()["alert"] for n in range(4)]
    assert [one and one["entity_key"] for one in found] == [*wanted, None]
    assert [one["claimed_by"] for one in found if one] == ["a0", "a1", "a2"]
    assert {one["state"] for one in found if one} == {"claimed"}


def test_of_many_that_ask_for_the_next_at_once_each_gets_another(desk: Server) -> None:
    asked = [("POST", "/api/v1/alerts/next", by(f"a{n}")) for n in range(12)]
    answers = desk.together(asked)
    assert {answer.status_code for answer in answers} == {200}
    found = [answer.json()["alert"] for answer in answers]
    given = [one["id"] for one in found if one is not None]
    assert len(given) == len(set(given)) == 3


def test_of_two_claims_at_once_exactly_one_wins(desk: Server) -> None:
    path = f"/api/v1/alerts/{id_of(desk, 'ann')}/claim"
    for _ in range(10):
        answers = desk.together([("POST", path, by(f"a{n}")) for n in range(8)])
        won = [answer.json()["claimed_by"] for answer in answers if answer.status_code == 200]
        assert len(won) == 1
        lost = [problem(answer, 409, "held") for answer in answers if answer.status_code != 200]
        assert {body["holder"] for body in lost} == set(won)
        assert len(lost) == 7
        forward(desk, 16)


def test_claims_from_threads_of_their_own_are_exclusive(desk: Server) -> None:
    runtime = desk.runtime
    repo, orders = runtime.alerts._repo, []
    number, now_us = id_of(desk, "ann"), desk.clock.now_us()
    from riskloom.domain.analyst import Analyst
    from riskloom.server.alerts.orders import Order

    start, won = threading.Barrier(8), []
    orders = [
        Order("claim", f"a{n}", now_us, {}, Analyst(f"a{n}"), runtime.bundle.scenario.alerts)
        for n in range(8)
    ]

    def claim(order: Order) -> None:
        start.wait(20)
        answer = repo.change([number], order.act, order.actor, now_us)[number]
        if not isinstance(answer, Exception):
            won.append(order.actor)

    threads = [threading.Thread(target=claim, args=(order,)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(won) == 1
    assert listed(desk, entity="ann")[0]["claimed_by"] == won[0]


def test_a_claim_names_who_has_it_and_until_when(desk: Server) -> None:
    done(desk, "ann", "claim")
    body = problem(act(desk, "ann", "claim", "bea"), 409, "held")
    assert (body["holder"], body["until"]) == ("ana", "2026-01-01T00:15:00Z")
    for name, said in (
        ("release", {}),
        ("renew", {}),
        ("snooze", {"for": "1h"}),
        ("escalate", {}),
        ("resolve", {"disposition": "suspected", "reason": "x"}),
        ("assign", {"to": "cleo"}),
    ):
        problem(act(desk, "ann", name, "bea", **said), 409, "held")


def test_a_lease_that_ran_out_is_no_claim(desk: Server) -> None:
    done(desk, "ann", "claim")
    forward(desk, 14.99)
    problem(act(desk, "ann", "claim", "bea"), 409, "held")
    forward(desk, 0.01)
    assert set(keys(desk, state="open")) == {"ann", "bob", "cem"}
    assert keys(desk, claimed_by="ana") == []
    assert done(desk, "ann", "claim", "bea")["claimed_by"] == "bea"
    problem(act(desk, "ann", "renew"), 409, "held")


def test_a_lease_is_renewed_also_when_it_ran_out_and_nobody_came(desk: Server) -> None:
    done(desk, "ann", "claim")
    forward(desk, 10)
    assert done(desk, "ann", "renew")["lease_until"] == "2026-01-01T00:25:00Z"
    forward(desk, 60)
    assert done(desk, "ann", "renew")["claimed_by"] == "ana"
    problem(act(desk, "bob", "renew"), 409, "conflict")


def test_a_released_alert_is_open_to_all(desk: Server) -> None:
    done(desk, "ann", "claim")
    assert done(desk, "ann", "release")["state"] == "open"
    problem(act(desk, "ann", "release"), 409, "conflict")
    assert done(desk, "ann", "claim", "bea")["claimed_by"] == "bea"


def test_an_alert_is_given_to_somebody(desk: Server) -> None:
    given = done(desk, "ann", "assign", to="bea")
    assert (given["claimed_by"], given["state"]) == ("bea", "claimed")
    problem(act(desk, "ann", "assign", to="ana"), 409, "held")
    assert "to" in faults(act(desk, "bob", "assign", to=""), "parameter_invalid")


# ---------------------------------------------------------------- snooze, escalate, close


def test_a_snoozed_alert_comes_back_by_itself(desk: Server) -> None:
    first = keys(desk)[0]
    done(desk, first, "snooze", **{"for": "2h", "reason": "asked the customer"})
    assert keys(desk, state="snoozed") == [first]
    assert desk.post("/api/v1/alerts/next").json()["alert"]["entity_key"] != first
    forward(desk, 120)
    assert first in keys(desk, state="open")
    assert desk.post("/api/v1/alerts/next").json()["alert"]["entity_key"] == first


@pytest.mark.parametrize(
    "said",
    [{}, {"for": "soon"}, {"until": "2025-01-01T00:00:00Z"}, {"until": "x"}, {"for": "1h", "until": "x"},
     {"for": "900d"}, {"for": "1h", "reson": "x"}, {"for": "1h", "reason": 5}],
)  # fmt: skip
def test_what_is_said_wrong_is_refused_before_anything_is_done(desk: Server, said: dict[str, Any]) -> None:
    faults(act(desk, "ann", "snooze", **said), "parameter_invalid")
    assert activities(desk) == []


def test_an_escalated_alert_moves_to_the_queue_of_others(desk: Server) -> None:
    done(desk, "ann", "claim")
    moved = done(desk, "ann", "escalate", reason="too large for me")
    assert (moved["state"], moved["queue"], moved["claimed_by"]) == ("escalated", "senior", None)
    problem(act(desk, "ann", "claim"), 403, "forbidden")
    desk.request("PUT", "/api/v1/analysts/sue", json={"skills": ["senior"]})
    assert done(desk, "ann", "claim", "sue")["claimed_by"] == "sue"
    assert "queue" in faults(act(desk, "bob", "escalate", queue="seniors"), "parameter_invalid")


def test_a_resolved_alert_says_what_was_found(desk: Server) -> None:
    done(desk, "ann", "claim")
    found = done(desk, "ann", "resolve", disposition="confirmed_fraud", reason="customer says so")
    assert (found["state"], found["disposition"], found["closed_by"]) == (
        "resolved",
        "confirmed_fraud",
        "ana",
    )
    assert found["closed_reason"] == "customer says so"
    assert "ann" not in keys(desk)
    assert keys(desk, state="resolved") == ["ann"]
    problem(act(desk, "ann", "claim"), 409, "move_invalid")
    problem(act(desk, "ann", "resolve", disposition="suspected", reason="x"), 409, "move_invalid")


def test_resolving_needs_a_disposition_and_a_reason(desk: Server) -> None:
    assert set(faults(act(desk, "ann", "resolve"), "parameter_invalid")) == {"disposition", "reason"}
    wrong = act(desk, "ann", "resolve", disposition="confirmed", reason=" ")
    assert "confirmed_fraud" in str(faults(wrong, "parameter_invalid")["disposition"])


def test_an_event_after_the_end_of_an_alert_begins_another(desk: Server) -> None:
    number = id_of(desk, "ann")
    done(desk, "ann", "resolve", disposition="false_positive", reason="known")
    raise_for(desk, "ann", 3, "again")
    found = {item["id"]: item for item in listed(desk, entity="ann", state=",".join(STATES))}
    assert (found[number]["events"], found[number]["state"]) == (2, "resolved")
    (other,) = found.keys() - {number}
    assert (found[other]["events"], found[other]["state"]) == (3, "open")


def test_a_refused_end_lets_events_join_further(desk: Server) -> None:
    done(desk, "ann", "claim")
    problem(act(desk, "ann", "resolve", "bea", disposition="suspected", reason="x"), 409, "held")
    raise_for(desk, "ann", 1, "again")
    assert listed(desk, entity="ann")[0]["events"] == 3


def test_a_reopened_alert_grows_again(desk: Server) -> None:
    done(desk, "ann", "resolve", disposition="suspected", reason="x")
    again = done(desk, "ann", "reopen", reason="chargeback")
    assert (again["state"], again["disposition"], again["closed_at"]) == ("open", None, None)
    raise_for(desk, "ann", 1, "again")
    assert listed(desk, entity="ann")[0]["events"] == 3
    problem(act(desk, "ann", "reopen"), 409, "move_invalid")


def test_events_decided_while_an_alert_is_closed_are_in_an_alert_each(desk: Server) -> None:
    number = id_of(desk, "ann")
    more: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/api/v1/score", {"json": event})
        for event in burst(30, "more", 10, user_id="ann", device_id="phone-ann")
    ]
    close = {"json": {"disposition": "suspected", "reason": "x"}}
    more.insert(15, ("POST", f"/api/v1/alerts/{number}/resolve", close))
    answers = desk.together(more)
    assert {answer.status_code for answer in answers} == {200}
    assert check_alerts(desk.database) in (3, 4)  # before or behind the last of them


def test_what_nobody_looked_at_closes_by_itself(desk: Server) -> None:
    done(desk, "bob", "snooze", **{"for": "15d"})
    forward(desk, 13 * 1440)
    done(desk, "cem", "snooze", **{"for": "1h"})
    assert desk.run(desk.runtime.alerts.close_stale()) == 0
    forward(desk, 1440)
    assert desk.run(desk.runtime.alerts.close_stale()) == 1
    assert keys(desk, state="auto_closed") == ["ann"]
    assert desk.run(desk.runtime.alerts.close_stale()) == 0
    assert done(desk, "ann", "reopen")["state"] == "open"
    assert ("alert.auto_closed", "clock") in activities(desk)


# ---------------------------------------------------------------- bulk


def test_the_same_is_done_with_many(desk: Server) -> None:
    ids = [id_of(desk, user) for user in ("ann", "bob", "cem")]
    done(desk, "bob", "claim", "bea")
    said = {"act": "resolve", "ids": [*ids, 999, ids[0]], "disposition": "false_positive", "reason": "test"}
    results = desk.post("/api/v1/alerts/bulk", said, **by("ana")).json()["results"]
    assert [one["id"] for one in results] == [*ids, 999]
    assert [one.get("error", {}).get("code") for one in results] == [None, "held", None, "not_found"]
    assert keys(desk) == ["bob"]
    assert activities(desk) == [("alert.claimed", "bea"), *[("alert.resolved", "ana")] * 2]


@pytest.mark.parametrize(
    "said",
    [{}, {"act": "clam", "ids": [1]}, {"act": "claim", "ids": []}, {"act": "claim", "ids": ["1"]},
     {"act": "claim", "ids": [True]}, {"act": "claim", "ids": list(range(501))},
     {"act": "claim", "ids": [1], "more": 1}],
)  # fmt: skip
def test_a_wrong_bulk_is_refused_as_a_whole(desk: Server, said: dict[str, Any]) -> None:
    faults(desk.post("/api/v1/alerts/bulk", said), "parameter_invalid")


@pytest.mark.parametrize("name", ACTS)
def test_every_act_refuses_what_it_does_not_know(desk: Server, name: str) -> None:
    assert "nonsense" in faults(act(desk, "ann", name, nonsense=1), "parameter_invalid")


# ---------------------------------------------------------------- queues, analysts, suppressions


def test_queues_say_what_waits_and_since_when(desk: Server) -> None:
    done(desk, "ann", "claim")
    done(desk, "bob", "snooze", **{"for": "2h"})
    forward(desk, 10)
    done(desk, "cem", "resolve", disposition="suspected", reason="x")
    queues = {queue["name"]: queue for queue in desk.get("/api/v1/queues").json()}
    assert list(queues) == ["takeover", "senior", "payments"]
    found = queues["payments"]
    assert {state: told["count"] for state, told in found["states"].items()} == {"claimed": 1, "snoozed": 1}
    assert found["states"]["claimed"]["oldest_age_s"] == 600
    assert found["closed_in_a_day"] == {"resolved": 1}
    assert (found["when"], found["lease"], found["escalates_to"]) == (None, "15m", "senior")
    assert (queues["senior"]["skill"], queues["senior"]["states"]) == ("senior", {})
    forward(desk, 10)
    (found,) = (queue for queue in desk.get("/api/v1/queues").json() if queue["name"] == "payments")
    assert {state: told["count"] for state, told in found["states"].items()} == {"open": 1, "snoozed": 1}


def test_next_gives_what_somebody_may_work_on(desk: Server) -> None:
    for name, said in (
        ("small", {"limit": "100.00"}),
        ("other", {"queues": ["takeover"]}),
        ("none", {"limit": 0}),
    ):
        answer = desk.request("PUT", f"/api/v1/analysts/{name}", json=said)
        assert answer.status_code == 200, answer.text
    assert desk.post("/api/v1/alerts/next", **by("other")).json() == {"alert": None}
    assert desk.post("/api/v1/alerts/next", **by("none")).json() == {"alert": None}
    assert desk.post("/api/v1/alerts/next", {"queues": ["senior"]}, **by("any")).json() == {"alert": None}
    problem(act(desk, "bob", "claim", "small"), 403, "forbidden")
    problem(act(desk, "bob", "assign", to="small"), 403, "forbidden")
    small = desk.post("/api/v1/alerts/next", **by("small")).json()["alert"]
    assert small["entity_key"] != "bob"
    assert desk.post("/api/v1/alerts/next", **by("any")).json()["alert"]["entity_key"] == "bob"
    assert [one["name"] for one in desk.get("/api/v1/analysts").json()] == ["none", "other", "small"]
    assert desk.get("/api/v1/analysts").json()[2]["limit"] == "100.00"


def test_what_is_told_wrong_of_an_analyst_is_named_at_once(desk: Server) -> None:
    said = {"skills": "x", "limit": "-1", "queues": ["paymnts"]}
    found = faults(desk.request("PUT", "/api/v1/analysts/ana", json=said), "parameter_invalid")
    assert set(found) == {"skills", "limit", "queues"}
    assert "payments" in found["queues"]["hint"]
    faults(desk.request("PUT", "/api/v1/analysts/" + "x" * 65, json={}), "parameter_invalid")


def test_a_suppressed_entity_raises_no_alert_but_is_counted(desk: Server) -> None:
    said = {"entity": "dora", "for": "1h", "reason": "on holiday"}
    made = desk.post("/api/v1/suppressions", said, **by("ana"))
    assert made.status_code == 201
    raise_for(desk, "dora", 7)
    assert "dora" not in keys(desk)
    assert [one["suppressed"] for one in desk.get("/api/v1/suppressions").json()] == [3]
    forward(desk, 60)
    raise_for(desk, "dora", 1, "later")
    assert listed(desk, entity="dora")[0]["events"] == 1
    assert desk.get("/api/v1/suppressions").json() == []
    (over,) = desk.get("/api/v1/suppressions?all=true").json()
    assert (over["holds"], over["suppressed"], over["author"]) == (False, 3, "ana")


def test_a_suppressed_rule_alone_raises_no_alert(desk: Server) -> None:
    desk.post("/api/v1/suppressions", {"rule": "VELOCITY_5M", "for": "1h", "reason": "broken"})
    raise_for(desk, "dora", 5)
    assert "dora" not in keys(desk)
    far = burst(6, "far", 5, user_id="dora", device_id="phone-dora", lat=-33.9, lon=151.2)[0]
    assert {"IMPOSSIBLE_TRAVEL", "VELOCITY_5M"} <= {r["code"] for r in desk.score(far)["reasons"]}
    assert keys(desk, queue="takeover") == ["dora"]


def test_a_rule_is_suppressed_for_one_entity_alone(desk: Server) -> None:
    said = {"entity": "dora", "rule": "VELOCITY_5M", "for": "1h", "reason": "a courier"}
    number = desk.post("/api/v1/suppressions", said).json()["id"]
    raise_for(desk, "dora", 5)
    raise_for(desk, "eli", 5)
    assert "dora" not in keys(desk)
    assert "eli" in keys(desk)
    ended = desk.request("DELETE", f"/api/v1/suppressions/{number}", **by("bea")).json()
    assert (ended["holds"], ended["ended_by"]) == (False, "bea")
    problem(desk.request("DELETE", f"/api/v1/suppressions/{number}"), 404, "not_found")
    raise_for(desk, "dora", 1, "later")
    assert "dora" in keys(desk)


def test_suppressions_hold_after_a_restart(database: Database, bundle: Bundle) -> None:
    with serving(database, bundle) as server:
        server.post("/api/v1/suppressions", {"entity": "dora", "for": "1h", "reason": "x"})
    with serving(database, bundle) as server:
        raise_for(server, "dora", 6)
        assert listed(server) == []
        assert server.get("/api/v1/suppressions").json()[0]["suppressed"] == 2


@pytest.mark.parametrize(
    ("said", "where"),
    [({"for": "1h", "reason": "x"}, "entity"), ({"entity": "a", "for": "1h"}, "reason"),
     ({"rule": "VELOCTY_5M", "for": "1h", "reason": "x"}, "rule"), ({"entity": "a", "reason": "x"}, "until"),
     ({"entity": "a", "reason": "x", "for": "91d"}, "for"),
     ({"entity": "a", "reason": "x", "for": "-"}, "for")],
)  # fmt: skip
def test_a_wrong_suppression_is_refused(desk: Server, said: dict[str, Any], where: str) -> None:
    assert where in faults(desk.post("/api/v1/suppressions", said), "parameter_invalid")


def test_every_act_is_written_down_with_who_did_it(desk: Server) -> None:
    done(desk, "ann", "claim")
    done(desk, "ann", "renew")
    done(desk, "ann", "release")
    done(desk, "ann", "snooze", **{"for": "1h"})
    done(desk, "ann", "escalate")
    done(desk, "ann", "resolve", disposition="suspected", reason="x")
    done(desk, "ann", "reopen", "bea")
    done(desk, "bob", "assign", to="bea")
    said = [kind.removeprefix("alert.") for kind, _ in activities(desk)]
    assert said == [
        "claimed",
        "renewed",
        "released",
        "snoozed",
        "escalated",
        "resolved",
        "reopened",
        "assigned",
    ]
    found = desk.database.rows("select distinct scenario, entity_key from activities order by 2")
    assert found == [("card_payments", "ann"), ("card_payments", "bob")]


def test_everything_is_there_under_the_name_of_the_scenario(desk: Server) -> None:
    prefix = "/api/v1/scenarios/card_payments"
    assert len(desk.get(f"{prefix}/alerts").json()["items"]) == 3
    assert desk.post(f"{prefix}/alerts/next", **by("ana")).json()["alert"]["claimed_by"] == "ana"
    assert len(desk.get(f"{prefix}/queues").json()) == 3


def test_a_name_that_cannot_be_one_is_refused(desk: Server) -> None:
    faults(desk.post("/api/v1/alerts/next", headers={"X-Riskloom-User": " "}), "parameter_invalid")


def test_who_resolves_is_told_on(desk: Server) -> None:
    told: list[tuple[list[int], str]] = []

    async def resolved(rows: Any, actor: str) -> None:
        told.append(([row.id for row in rows], actor))

    desk.runtime.alerts.resolved = resolved
    number = id_of(desk, "ann")
    done(desk, "ann", "resolve", disposition="confirmed_fraud", reason="x")
    problem(act(desk, "ann", "resolve", disposition="confirmed_fraud", reason="x"), 409, "move_invalid")
    assert told == [([number], "ana")]


def test_an_event_without_alert_is_no_alert(desk: Server) -> None:
    desk.score(payment("quiet", user_id="quiet", device_id="q"))
    assert len(listed(desk)) == 3


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)  # PostgreSQL plans by the size of a table
def test_pages_of_the_queue_are_read_by_their_indexes(desk: Server) -> None:
    plans: set[str] = set()
    engine = desk.runtime.alerts._lists._engine

    def explain(connection: Any, _cursor: Any, text: str, given: Any, *_more: Any) -> None:
        if text.startswith("SELECT"):
            driver = connection.connection.driver_connection
            plans.add(str(driver.execute(f"explain query plan {text}", given).fetchall()))

    sa.event.listen(engine, "before_cursor_execute", explain)
    try:
        for path, index in (
            ("alerts", "alerts_waiting"),
            ("alerts?cursor=1:40.0", "alerts_waiting"),
            ("queues", "COVERING INDEX alerts_queues"),
            ("alerts?entity=ann", "alerts_entity"),
        ):
            plans.clear()
            assert desk.get(f"/api/v1/{path}").status_code == 200
            assert index in str(plans), (path, plans)
    finally:
        sa.event.remove(engine, "before_cursor_execute", explain)
