"""Alerts are raised with the decisions: in the same transaction, each flagged one once, bursts together."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

import pytest
import sqlalchemy as sa

from riskloom.bundle import Bundle, make_bundle
from riskloom.clock import FixedClock
from riskloom.domain.event import decode_json
from riskloom.scenario.load import scenario_from_parts
from riskloom.server.decisions.backfill import backfill
from riskloom.server.schema import metadata
from riskloom.server.settings import Settings
from support.alerts import check_alerts
from support.databases import Database
from support.events import NOW_US, burst, payment
from support.policed import card_parts
from support.server import Server, serving

MINUTE_US = 60_000_000


def forward(clock: FixedClock, minutes: float) -> None:
    clock.time_us += round(minutes * MINUTE_US)


def alerts(database: Database, columns: str = "id, events, reasons, outcome") -> list[tuple[Any, ...]]:
    return database.rows(f"select {columns} from alerts order by id")  # noqa: S608


def members(database: Database) -> list[tuple[int, int]]:
    return [
        (int(a), int(b)) for a, b in database.rows("select alert_id, arrival from alert_events order by 2")
    ]


def test_a_burst_is_one_alert_with_all_its_events(server: Server) -> None:
    for event in burst(14):
        server.score(event)
    (found,) = alerts(server.database, "id, events, first_arrival, last_arrival, entity, entity_key, state")
    assert found == (5, 10, 5, 14, "user_id", "ann", "open")
    assert members(server.database) == [(5, arrival) for arrival in range(5, 15)]


def test_a_burst_in_one_commit_is_one_alert_too(server: Server) -> None:
    answers = server.together([("POST", "/api/v1/score", {"json": event}) for event in burst(14)])
    assert {answer.status_code for answer in answers} == {200}
    assert [row[:2] for row in alerts(server.database)] == [(5, 10)]
    assert len(members(server.database)) == 10


def test_an_approved_event_raises_nothing(server: Server) -> None:
    server.score(payment())
    assert alerts(server.database) == members(server.database) == []


def test_each_customer_has_an_alert_of_their_own(server: Server) -> None:
    for event in [*burst(6), *burst(6, prefix="c", user_id="bob", device_id="phone-2", ip="203.0.113.9")]:
        server.score(event)
    assert alerts(server.database, "entity_key, events") == [("ann", 2), ("bob", 2)]


def test_an_event_that_joins_raises_what_its_alert_says(server: Server) -> None:
    for event in burst(5):
        server.score(event)
    ((priority, amount, reasons),) = alerts(server.database, "priority, amount_minor, reasons")
    assert amount == 1400
    far = payment("far", timestamp=burst(6)[5]["timestamp"], lat=-33.9, lon=151.2, amount=500)
    decision = server.score(far)
    assert "IMPOSSIBLE_TRAVEL" in {reason["code"] for reason in decision["reasons"]}
    ((events, severity, raised, amount, more, queue),) = alerts(
        server.database, "events, severity, priority, amount_minor, reasons, queue"
    )
    assert (events, severity, amount) == (2, "critical", 51_400)
    assert raised > priority
    assert json.loads(more)[: len(json.loads(reasons))] == json.loads(reasons)
    assert "IMPOSSIBLE_TRAVEL" in json.loads(more)
    assert queue == "payments"  # where it was put first


def test_priority_is_expected_loss_times_urgency(server: Server) -> None:
    for event in burst(5):
        server.score(event)
    ((priority, loss, urgency),) = alerts(server.database, "priority, expected_loss, urgency")
    assert loss == pytest.approx(0.3 * 14)  # a reason of severity high, and 14 USD
    assert urgency == pytest.approx(2 * 1.5)  # flagged, and under way
    assert priority == pytest.approx(loss * urgency)


def test_a_pause_ends_an_alert(database: Database, bundle: Bundle) -> None:
    clock = FixedClock(NOW_US)
    with serving(database, bundle, clock=clock) as server:
        events = burst(8)
        for event in events[:5]:
            server.score(event)
        forward(clock, 30)
        server.score(events[5])
        forward(clock, 30.01)
        server.score(events[6])
    assert [row[:2] for row in alerts(database)] == [(5, 2), (7, 1)]


def test_no_alert_grows_beyond_its_longest_time(database: Database, bundle: Bundle) -> None:
    clock = FixedClock(NOW_US)
    with serving(database, bundle, clock=clock) as server:
        for number, event in enumerate(burst(60)):
            server.score(event)
            if number >= 4:
                forward(clock, 29)
    spans = alerts(database, "opened_at_us, last_at_us")
    assert len(spans) == 2
    assert all(last - opened <= 24 * 60 * MINUTE_US for opened, last in spans)


def test_what_was_raised_before_a_restart_still_grows(database: Database, bundle: Bundle) -> None:
    events = burst(8)
    with serving(database, bundle) as server:
        for event in events[:6]:
            server.score(event)
    with serving(database, bundle) as server:
        for event in events[6:]:
            server.score(event)
    assert [row[:2] for row in alerts(database)] == [(5, 4)]


def test_after_a_failed_commit_the_book_is_the_databases(server: Server) -> None:
    events = burst(12)
    for event in events[:5]:
        server.score(event)
    _break_alert_events(server.database)
    lost = server.together([("POST", "/api/v1/score", {"json": event}) for event in events[5:8]])
    assert {answer.status_code for answer in lost} == {503}
    _mend_alert_events(server.database)
    server.wait_until_ready()
    for event in events[5:]:
        server.score(event)
    assert [row[:2] for row in alerts(server.database)] == [(5, 8)]
    check_alerts(server.database)


def test_a_decision_whose_alert_cannot_be_stored_is_not_stored(server: Server) -> None:
    events = burst(5)
    for event in events[:4]:
        server.score(event)
    _break_alert_events(server.database)
    assert server.post("/api/v1/score", events[4]).status_code == 503
    assert server.database.counts()[2] == 4
    _mend_alert_events(server.database)
    server.wait_until_ready()
    assert server.score(events[4])["arrival"] == 6  # a number is never given twice
    assert [row[:2] for row in alerts(server.database)] == [(6, 1)]


def test_an_event_sent_again_raises_nothing_again(server: Server) -> None:
    events = burst(6)
    for event in [*events, *events]:
        server.score(event)
    assert [row[:2] for row in alerts(server.database)] == [(5, 2)]


def test_a_dry_run_raises_nothing(server: Server) -> None:
    events = burst(6)
    for event in events[:4]:
        server.score(event)
    for event in events[4:]:
        answer = server.post("/api/v1/score?dry_run=true", event)
        assert answer.json()["outcome"] == "FLAGGED"
    assert alerts(server.database) == []
    server.score(events[4])
    assert [row[:2] for row in alerts(server.database)] == [(5, 1)]


def test_what_was_ingested_raises_when_it_is_scored(server: Server) -> None:
    for event in burst(6):
        assert server.post("/api/v1/events", event).status_code in (200, 201, 202)
    assert alerts(server.database) == []
    for number in (5, 4, 5):
        assert server.post("/score-by-event-id", {"event_id": f"b-{number}"}).status_code == 200
    assert alerts(server.database, "id, events, first_arrival, last_arrival") == [(6, 2, 5, 6)]


def test_history_raises_nothing(database: Database, bundle: Bundle) -> None:
    schema = bundle.scenario.schema()
    sent = [decode_json(json.dumps(event).encode()) for event in burst(10)]
    events = [schema.parse_one(event, NOW_US, make_id=str) for event in sent]
    settings = Settings(database_url=database.url, data_dir=str(database.data_dir))

    def never(*_given: Any) -> None:
        raise AssertionError

    counts = backfill(settings, bundle, [events], score=True, clock=FixedClock(NOW_US), on_conflict=never)
    assert counts.flagged == 6
    assert alerts(database) == []
    with serving(database, bundle) as server:
        server.score(burst(11)[10])
    assert [row[:2] for row in alerts(database)] == [(11, 1)]


def test_an_event_without_an_entity_is_an_alert_by_itself(database: Database) -> None:
    parts = card_parts()
    parts["rules"].append(
        {"code": "BIG", "when": "amount > 100", "severity": "low", "action": "flag", "message": "x"}
    )
    fields = parts["features"]["event"]["fields"]
    fields["group_id"] = {"type": "string", "required": False}
    parts["alerts"]["group"] = {"by": "group_id"}
    with serving(database, make_bundle(scenario_from_parts(parts), None)) as server:
        for number in range(3):
            server.score(payment(f"p-{number}", amount=200, user_id=f"u-{number}"))
        server.score(payment("p-3", amount=200, group_id="g"))
        server.score(payment("p-4", amount=200, group_id="g"))
    assert alerts(database, "id, entity, entity_key, events") == [
        (1, "", "", 1),
        (2, "", "", 1),
        (3, "", "", 1),
        (4, "group_id", "g", 2),
    ]


def test_a_replay_raises_nothing(server: Server) -> None:
    for event in burst(6):
        server.score(event)
    before = alerts(server.database, "*")
    answer = server.post("/api/v1/replays", {"rules": card_parts()["rules"]})
    assert answer.status_code in (200, 201, 202), answer.text
    assert alerts(server.database, "*") == before


def _break_alert_events(database: Database) -> None:
    """Let the writer fail at the last statement of its transaction."""
    connection = database.connect()
    if isinstance(connection, sqlite3.Connection):
        connection.execute(
            "create trigger broken before insert on alert_events begin select raise(abort, 'full'); end"
        )
    else:
        connection.execute("alter table alert_events add constraint broken check (arrival < 0) not valid")
    connection.close()


def _mend_alert_events(database: Database) -> None:
    connection = database.connect()
    if isinstance(connection, sqlite3.Connection):
        connection.execute("drop trigger broken")
    else:
        connection.execute("alter table alert_events drop constraint broken")
    connection.close()


def test_the_writer_grows_an_alert_as_it_was_left_last(database: Database, bundle: Bundle) -> None:
    with serving(database, bundle) as server:
        for event in burst(6):
            server.score(event)
        connection = database.connect()
        connection.execute("update alerts set state = 'claimed', claimed_by = 'ana', case_id = 7")
        connection.close()
        server.score(burst(7)[6])
    assert alerts(database, "events, state, claimed_by, case_id") == [(3, "claimed", "ana", 7)]


def test_the_books_groups_are_the_rows(server: Server) -> None:
    for event in burst(9):
        server.score(event)
    effects, bundle = server.runtime.engine.effects, server.runtime.bundle
    known = effects.read(bundle, server.clock.now_us())
    assert list(known.groups) == list(effects.book)


BEFORE_ALERTS = {
    "events", "personal_data", "decisions", "trials", "lineups", "labels", "policy_changes", "bundles",
    "model_runs",
}  # fmt: skip


def test_an_older_database_is_upgraded(database: Database, bundle: Bundle) -> None:
    with serving(database, bundle) as server:
        server.score(payment())
    engine = sa.create_engine(database.url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        for name in set(metadata.tables) - BEFORE_ALERTS:
            connection.execute(sa.text(f"drop table {name}"))
        connection.execute(sa.text("update alembic_version set version_num = '0004'"))
    engine.dispose()
    with serving(database, bundle) as server:
        for event in burst(6):
            server.score(event)
    assert len(alerts(database)) == 1
