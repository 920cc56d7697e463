"""Cases: opened from alerts, one an entity, collecting; closed with what was found."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from riskloom.bundle import Bundle
from riskloom.clock import FixedClock
from support.cases import (
    HOUR_US,
    ask,
    case_bundle,
    closed,
    done,
    labels_of,
    large,
    opened,
    raised,
)
from support.databases import Database
from support.events import NOW_US
from support.server import Server, faults, problem, serving


@pytest.fixture(scope="module")
def desk_bundle() -> Bundle:
    """Payments whose cases above 5,000 take two people."""
    return case_bundle()


@pytest.fixture
def desk(database: Database, desk_bundle: Bundle) -> Iterator[Server]:
    """A server whose large payments raise alerts."""
    with serving(database, desk_bundle, clock=FixedClock(NOW_US)) as server:
        yield server


def case_of(database: Database, alert_id: int) -> int | None:
    """The case that an alert is in, as stored."""
    found = dict(database.rows("select id, case_id from alerts"))
    return found[alert_id]


def resolve(desk: Server, alert_id: int, disposition: str) -> None:
    """Resolve an alert by itself."""
    body = {"disposition": disposition, "reason": "looked at it"}
    answer = desk.post(f"/api/v1/alerts/{alert_id}/resolve", body, headers={"X-Riskloom-User": "ana"})
    assert answer.status_code == 200, answer.text


def test_a_case_is_opened_from_an_alert_and_has_all_of_its_entity(desk: Server) -> None:
    first, second = raised(desk, 1, 2)
    (other,) = raised(desk, 3, user="bob")
    answer = ask(desk, "POST", "", {"alert": second})
    case = done(answer, 201)
    assert answer.headers["etag"] == '"1"'
    assert [one["alert_id"] for one in case["alert_list"]] == [first, second]
    expected = {
        "entity": "user_id",
        "entity_key": "ann",
        "state": "open",
        "priority": "high",
        "assignee": None,
        "version": 1,
        "alerts": 2,
        "events": 2,
        "amount": "400.00",
        "currency": "USD",
        "opened_by": "ana",
        "disposition": None,
    }
    assert {name: case[name] for name in expected} == expected
    assert done(ask(desk, "POST", "", {"alert": first}), 200)["case_id"] == case["case_id"]
    assert done(ask(desk, "POST", "", {"alert": other}), 201)["entity_key"] == "bob"
    problem(ask(desk, "POST", "", {"alert": 999}), 404, "not_found")


def test_two_at_once_open_one_case(desk: Server) -> None:
    alerts = raised(desk, 1, 2)
    user = {"headers": {"X-Riskloom-User": "ana"}}
    requests = [("POST", "/api/v1/cases", {"json": {"alert": alerts[n % 2]}, **user}) for n in range(8)]
    answers = desk.together(requests)
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201], [a.text for a in answers]
    assert len({answer.json()["case_id"] for answer in answers}) == 1
    assert desk.database.one("select count(*) from cases") == 1


def test_alerts_that_come_later_join_and_whoever_did_not_see_them_is_told(desk: Server) -> None:
    case = opened(desk, 1)
    (later,) = raised(desk, 2)
    body = {"disposition": "suspected", "reason": "odd", "version": case["version"]}
    refused = problem(ask(desk, "POST", f"/{case['case_id']}/close", body), 409, "case_changed")
    assert refused["version"] == 2
    assert [(one["kind"], one["detail"]["alerts"]) for one in refused["changes"]] == [
        ("case.joined", [later])
    ]
    now = done(ask(desk, "GET", f"/{case['case_id']}"))
    assert (now["alerts"], now["version"], now["state"]) == (2, 2, "open")


def test_alerts_join_without_anybody_looking(desk: Server) -> None:
    case = opened(desk, 1)
    (later,) = raised(desk, 2)
    desk.runtime.desk.collector.collect()
    assert case_of(desk.database, later) == case["case_id"]


def test_what_was_raised_while_nobody_served_joins_at_the_next_start(
    database: Database, desk_bundle: Bundle
) -> None:
    with serving(database, desk_bundle) as server:
        case = opened(server, 1)
        (later,) = raised(server, 2)
        connection = database.connect()
        connection.execute("update alerts set case_id = null where id > 1")
        connection.close()
    with serving(database, desk_bundle) as server:
        server.runtime.desk.collector.collect()
        assert case_of(database, later) == case["case_id"]


def test_closing_labels_the_events_resolves_the_alerts_and_lets_a_new_case_begin(desk: Server) -> None:
    case = opened(desk, 1, 2)
    ended = closed(desk, case)
    assert (ended["state"], ended["disposition"], ended["closed_by"]) == ("closed", "confirmed_fraud", "ana")
    assert {one["state"] for one in ended["alert_list"]} == {"resolved"}
    assert {one["disposition"] for one in ended["alert_list"]} == {"confirmed_fraud"}
    for event_id in ("p-1", "p-2"):
        (label,) = labels_of(desk, event_id)
        assert (label["fraud"], label["source"], label["confidence"], label["code"]) == (
            True,
            "analyst",
            1.0,
            "confirmed_fraud",
        )
        assert label["known_at"] == ended["decided_at"]
    again = opened(desk, 3)
    assert again["case_id"] != case["case_id"]


@pytest.mark.parametrize(
    ("disposition", "told"),
    [
        ("confirmed_fraud", (True, 1.0)),
        ("suspected", (True, 0.6)),
        ("false_positive", (False, 1.0)),
        ("friendly_fraud", (False, 0.8)),
        ("insufficient_information", None),
    ],
)
def test_each_disposition_gives_its_label(
    desk: Server, disposition: str, told: tuple[bool, float] | None
) -> None:
    closed(desk, opened(desk, 1), disposition=disposition)
    found = [(one["fraud"], one["confidence"]) for one in labels_of(desk, "p-1")]
    assert found == ([] if told is None else [told])


def test_marked_events_are_labelled_by_their_marks(desk: Server) -> None:
    case = opened(desk, 1, 2, 3)
    path = f"/{case['case_id']}"
    body = {"events": ["p-2"], "disposition": "false_positive", "version": 1}
    case = done(ask(desk, "POST", f"{path}/marks", body))
    items = done(ask(desk, "GET", f"{path}/events"))["items"]
    assert [(one["event_id"], one["disposition"], one["marked_by"]) for one in items] == [
        ("p-1", None, None),
        ("p-2", "false_positive", "ana"),
        ("p-3", None, None),
    ]
    problem(ask(desk, "POST", f"{path}/marks", {**body, "events": ["p-9"], "version": 2}), 404, "not_found")
    closed(desk, case)
    assert [labels_of(desk, f"p-{n}")[0]["fraud"] for n in (1, 2, 3)] == [True, False, True]


def test_only_marked_events_are_labelled_where_that_is_asked(desk: Server) -> None:
    case = opened(desk, 1, 2)
    path = f"/{case['case_id']}/marks"
    for disposition, version in (("suspected", 1), (None, 2), ("confirmed_fraud", 3)):
        body = {"events": ["p-1"], "disposition": disposition, "version": version}
        case = done(ask(desk, "POST", path, body))
    closed(desk, case, disposition="insufficient_information", only_marked=True)
    assert [one["code"] for one in labels_of(desk, "p-1")] == ["confirmed_fraud"]
    assert labels_of(desk, "p-2") == []


def test_an_alert_that_is_resolved_by_itself_gives_labels(desk: Server) -> None:
    for number in (1, 2):
        desk.score(large(number))
    resolve(desk, 1, "false_positive")
    for event_id in ("p-1", "p-2"):
        (label,) = labels_of(desk, event_id)
        assert (label["fraud"], label["code"], label["source"]) == (False, "false_positive", "analyst")
    assert desk.database.one("select count(*) from alerts where told_at_us = closed_at_us") == 1


def test_an_alert_resolved_by_itself_keeps_its_finding_when_its_case_ends_otherwise(desk: Server) -> None:
    case = opened(desk, 1, 2)
    resolve(desk, 1, "false_positive")
    assert isinstance(desk.clock, FixedClock)
    desk.clock.time_us += HOUR_US
    case = done(ask(desk, "GET", f"/{case['case_id']}"))
    closed(desk, case)
    assert [one["code"] for one in labels_of(desk, "p-1")] == ["false_positive"]
    assert [one["code"] for one in labels_of(desk, "p-2")] == ["confirmed_fraud"]


def test_a_case_ends_the_alerts_that_somebody_works_on(desk: Server) -> None:
    case = opened(desk, 1)
    claimed = desk.post("/api/v1/alerts/1/claim", {}, headers={"X-Riskloom-User": "bob"})
    assert claimed.status_code == 200, claimed.text
    ended = closed(desk, case)
    assert (ended["state"], ended["alert_list"][0]["state"]) == ("closed", "resolved")


def test_above_the_amount_a_second_person_confirms(desk: Server) -> None:
    case = opened(desk, 1, amount=6000)
    waiting = closed(desk, case)
    assert (waiting["state"], waiting["confirmed_by"], waiting["closed_by"]) == ("pending", None, "ana")
    assert labels_of(desk, "p-1") == []
    path, body = f"/{case['case_id']}/confirm", {"version": waiting["version"]}
    refused = problem(ask(desk, "POST", path, body), 409, "conflict")
    assert "ana closed case" in refused["detail"]
    ended = done(ask(desk, "POST", path, body, user="bob"))
    assert (ended["state"], ended["closed_by"], ended["confirmed_by"]) == ("closed", "ana", "bob")
    assert labels_of(desk, "p-1")[0]["known_at"] == ended["decided_at"]
    kinds = [one["kind"] for one in done(ask(desk, "GET", f"/{case['case_id']}/timeline"))["items"]]
    assert kinds[:2] == ["label", "case.closed"] or "case.confirm" in kinds


def test_the_amount_itself_takes_one_person_and_nobody_is_one_person(desk: Server) -> None:
    assert closed(desk, opened(desk, 1, amount=5000))["state"] == "closed"
    case = opened(desk, 2, amount=5000.01, user="bob")
    waiting = closed(desk, case, by="api")
    answer = desk.post(f"/api/v1/cases/{case['case_id']}/confirm", {"version": waiting["version"]})
    problem(answer, 409, "conflict")


def test_a_second_person_may_decline_and_the_case_goes_on(desk: Server) -> None:
    waiting = closed(desk, opened(desk, 1, amount=6000))
    path = f"/{waiting['case_id']}"
    body = {"version": waiting["version"], "reason": "call the customer first"}
    case = done(ask(desk, "POST", f"{path}/decline", body, user="bob"))
    assert (case["state"], case["closed_by"]) == ("open", None)
    assert desk.database.one("select count(*) from case_events") == 0
    (joined,) = raised(desk, 2)
    case = done(ask(desk, "GET", path))
    assert joined in [one["alert_id"] for one in case["alert_list"]]


def test_a_case_that_is_reopened_and_closed_otherwise_gives_newer_labels(desk: Server) -> None:
    ended = closed(desk, opened(desk, 1))
    assert isinstance(desk.clock, FixedClock)
    desk.clock.time_us += HOUR_US
    body = {"version": ended["version"], "reason": "the customer called"}
    case = done(ask(desk, "POST", f"/{ended['case_id']}/reopen", body))
    assert (case["state"], case["disposition"]) == ("open", "confirmed_fraud")
    closed(desk, case, disposition="false_positive")
    assert [one["fraud"] for one in labels_of(desk, "p-1")] == [True, False]
    assert desk.get("/api/v1/labels?event_id=p-1").json()["effective"]["fraud"] is False


def test_a_case_is_not_reopened_beside_another_of_its_entity(desk: Server) -> None:
    ended = closed(desk, opened(desk, 1))
    other = opened(desk, 2)
    body = {"version": ended["version"], "reason": "again"}
    refused = problem(ask(desk, "POST", f"/{ended['case_id']}/reopen", body), 409, "conflict")
    assert f"open case {other['case_id']}" in refused["detail"]


def test_an_alert_of_a_closed_case_sends_to_that_case(desk: Server) -> None:
    ended = closed(desk, opened(desk, 1))
    answer = ask(desk, "POST", "", {"alert": ended["alert_list"][0]["alert_id"]})
    assert f"reopen case {ended['case_id']}" in problem(answer, 409, "conflict")["hint"]


def test_who_saw_an_older_case_is_told_what_changed(desk: Server) -> None:
    case = opened(desk, 1)
    path = f"/{case['case_id']}"
    done(ask(desk, "PATCH", path, {"assignee": "bob", "priority": "low", "version": 1}, user="bob"))
    refused = problem(ask(desk, "PATCH", path, {"assignee": "ana", "version": 1}), 409, "case_changed")
    (change,) = refused["changes"]
    assert (change["actor"], change["kind"]) == ("bob", "case.changed")
    assert change["detail"] == {"assignee": "bob", "priority": "low", "version": 2}
    taken = done(ask(desk, "PATCH", path, {"assignee": None}, headers={"If-Match": '"2"'}))
    assert (taken["assignee"], taken["priority"], taken["version"]) == (None, "low", 3)


def test_of_two_analysts_at_once_one_moves_the_case(desk: Server) -> None:
    case = opened(desk, 1)
    path = f"/api/v1/cases/{case['case_id']}"
    requests = [
        (
            "POST",
            f"{path}/close",
            {
                "json": {"disposition": disposition, "reason": "sure", "version": 1},
                "headers": {"X-Riskloom-User": user},
            },
        )
        for user, disposition in (("ana", "confirmed_fraud"), ("bob", "false_positive")) * 3
    ]
    answers = desk.together(requests)
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    (won,) = (answer.json() for answer in answers if answer.status_code == 200)
    assert [one["code"] for one in labels_of(desk, "p-1")] == [won["disposition"]]


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        ("", {}, {"alert"}),
        ("", {"alert": True}, {"alert"}),
        ("/1/close", {"disposition": "fraud", "version": 0}, {"disposition", "reason", "version"}),
        ("/1/close", {"disposition": "suspected", "reason": " ", "version": 1}, {"reason"}),
        ("/1/close", {"disposition": "suspected", "reason": "x", "version": 1, "only_marked": 1},
         {"only_marked"}),
        ("/1/marks", {"events": [], "disposition": None, "version": 1}, {"events"}),
        ("/1/reopen", {"version": 1}, {"reason"}),
        ("/1/confirm", {}, {"version"}),
    ],
)  # fmt: skip
def test_every_fault_of_a_body_is_named(desk: Server, path: str, body: object, where: set[str]) -> None:
    assert set(faults(ask(desk, "POST", path, body), "parameter_invalid")) == where
    assert desk.database.one("select count(*) from cases") == 0


def test_cases_are_listed_narrowed_counted_and_read_page_by_page(desk: Server) -> None:
    for number, user in enumerate(("ann", "bob", "cid", "dan")):
        case = opened(desk, number, user=user)
        if user != "dan":
            done(ask(desk, "PATCH", f"/{case['case_id']}", {"assignee": f"a-{number % 2}", "version": 1}))
    closed(desk, done(ask(desk, "GET", "/3")), disposition="suspected")
    seen, cursor = [], ""
    while cursor is not None:
        page = done(ask(desk, "GET", f"?limit=2{cursor and f'&cursor={cursor}'}"))
        seen += [one["entity_key"] for one in page["items"]]
        cursor = page["next"]
    assert seen == ["dan", "cid", "bob", "ann"]
    for asked, expected in (
        ("state=closed", ["cid"]),
        ("active=true", ["dan", "bob", "ann"]),
        ("assignee=a-0", ["cid", "ann"]),
        ("unassigned=true", ["dan"]),
        ("priority=low", []),
        ("disposition=suspected", ["cid"]),
        ("entity_key=bob", ["bob"]),
        ("active=true&assignee=a-0", ["ann"]),
    ):
        items = done(ask(desk, "GET", f"?{asked}"))["items"]
        assert [one["entity_key"] for one in items] == expected, asked
    assert done(ask(desk, "GET", "/counts")) == {
        "state": {"open": 3, "closed": 1},
        "assignee": {"a-0": 1, "a-1": 1, "": 1},
        "priority": {"high": 3},
        "disposition": {"suspected": 1},
        "tasks": {"open": 0, "overdue": 0},
    }
    assert "cursor" in faults(ask(desk, "GET", "?cursor=x"), "parameter_invalid")
    problem(ask(desk, "GET", "/99"), 404, "not_found")


def test_a_payment_of_a_case_is_on_a_list_next_time_it_comes(desk: Server) -> None:
    """Attack, alert, case, fraud confirmed, label, deny list, rejected."""
    for number in range(1, 5):
        assert desk.score(large(number))["outcome"] == "FLAGGED"
    case = done(ask(desk, "POST", "", {"alert": 1}))
    assert (case["alerts"], case["events"], case["amount"]) == (1, 4, "800.00")
    ended = closed(desk, case, reason="the customer did not make these")
    assert (ended["state"], ended["alert_list"][0]["state"]) == ("closed", "resolved")
    assert all(labels_of(desk, f"p-{number}")[0]["fraud"] for number in range(1, 5))
    assert isinstance(desk.clock, FixedClock)
    desk.clock.time_us += HOUR_US
    entry = {"value": "ann", "reason": f"case {ended['case_id']}", "author": "ana"}
    assert desk.post("/api/v1/lists/stolen", entry).status_code == 201
    decided = desk.score(large(9, amount=3))
    assert decided["outcome"] == "REJECTED"
    items = done(ask(desk, "GET", f"/{ended['case_id']}/timeline"))["items"]
    assert items[0]["kind"] == "list"
    assert items[0]["detail"]["changes"][0] == {
        "list": "stolen",
        "added": True,
        "until": None,
        "reason": entry["reason"],
    }
