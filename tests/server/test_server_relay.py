"""The relay: delivers what is due, again where it failed, never what is no longer needed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from riskloom.server.alerts.tables import alerts
from riskloom.server.notices.sla_repo import clocks_of
from support.databases import Database
from support.outbox import MINUTE_US, NOON_US, SECRET, Outbox, alert
from support.sinks import http_sink, mail_sink

STEPS = """
policies:
  - name: all
    steps:
      - {channels: [ops]}
      - {after: 15m, channels: [boss], escalate: true}
      - {after: 1h, channels: [boss2]}
"""
ONE = "policies: [{name: all, steps: [{channels: [ops]}]}]"
Make = Callable[[str], Outbox]


@pytest.fixture
def make(database: Database, tmp_path: Path) -> Iterator[Make]:
    """Makes the outbox of a test."""
    made: list[Outbox] = []

    def one(text: str) -> Outbox:
        made.append(Outbox(database, tmp_path / "scenario", text))
        return made[-1]

    yield one
    for outbox in made:
        outbox.engine.dispose()


def channels(url: str, *names: str) -> str:
    return json.dumps(dict.fromkeys(names, f"webhook+http://:{SECRET}@{url}/hook"))


def test_an_alert_is_told_once(make: Make) -> None:
    outbox = make(ONE)
    with http_sink() as sink:
        outbox.open(alert(7))
        relay = outbox.relay(channels(sink.url, "ops"))
        outbox.deliver(relay, [0, 1, 60])
    assert sink.taken.keys == ["7:0:ops"]
    assert outbox.rows("state", "attempts", "said") == [("delivered", 1, "200 ok")]
    said = json.loads(sink.taken.bodies[0])
    assert said["title"] == "High alert 7: user_id u-7"
    assert said["data"]["amount"] == "1200.50"
    assert said["data"]["policy"] == "all"


def test_what_failed_comes_again_under_the_same_key_later_and_later(make: Make) -> None:
    outbox = make(ONE)
    with http_sink(lambda number: "fail" if number < 3 else "ok") as sink:
        outbox.open(alert(7))
        relay = outbox.relay(channels(sink.url, "ops"))
        outbox.deliver(relay)
        assert sink.taken.asked == 1
        ((state, due_us, said),) = outbox.rows("state", "due_at_us", "said")
        assert (state, said) == ("waiting", "Answered 503 told to fail.")
        assert 500_000 <= due_us - NOON_US <= 1_500_000
        outbox.deliver(relay, [0.001])
        assert sink.taken.asked == 1
        outbox.deliver(relay, [0.1, 0.2, 0.3])
    assert sink.taken.keys == ["7:0:ops"]
    assert outbox.rows("state", "attempts") == [("delivered", 4)]


def test_an_answer_that_is_lost_makes_a_second_copy_with_the_same_key(make: Make) -> None:
    outbox = make(ONE)
    with http_sink(lambda number: "lose" if number == 0 else "ok") as sink:
        outbox.open(alert(7))
        outbox.deliver(outbox.relay(channels(sink.url, "ops")), [0, 1])
    assert sink.taken.keys == ["7:0:ops", "7:0:ops"]
    assert sink.taken.bodies[0] == sink.taken.bodies[1]


def test_the_receiver_says_when_it_wants_to_be_asked_again(make: Make) -> None:
    outbox = make(ONE)
    with http_sink(lambda number: "later" if number == 0 else "ok") as sink:
        outbox.open(alert(7))
        outbox.deliver(outbox.relay(channels(sink.url, "ops")))
    assert outbox.rows("due_at_us") == [(NOON_US + 7_000_000,)]


def test_what_no_database_can_hold_of_an_answer_holds_up_nothing(make: Make) -> None:
    outbox = make(ONE)
    with http_sink(lambda number: "odd" if number == 0 else "ok") as sink:
        outbox.open(alert(7))
        relay = outbox.relay(channels(sink.url, "ops"))
        outbox.deliver(relay)
        assert outbox.rows("said") == [("Answered 503 ?\ufffd.",)]
        outbox.deliver(relay, [1])
    assert outbox.rows("state") == [("delivered",)]


def test_the_relay_reads_what_is_pending_by_its_indexes(make: Make) -> None:
    outbox = make(ONE)
    if outbox.engine.dialect.name != "sqlite":
        return  # PostgreSQL reads small tables as a whole
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, text: str, given: Any, *_more: Any) -> None:
        asked.append((text, given))

    sa.event.listen(outbox.engine, "before_cursor_execute", note)
    outbox.relay("{}")._repo.is_due(["ops", "log"], NOON_US)
    sa.event.remove(outbox.engine, "before_cursor_execute", note)
    with outbox.engine.connect() as connection:
        plans = [
            connection.exec_driver_sql(f"explain query plan {text}", given).one()[3] for text, given in asked
        ]
    assert "notices_due" in plans[0]
    assert "sla_clocks_next" in plans[1]


def test_dead_letters_keep_their_reason(make: Make) -> None:
    outbox = make(ONE)
    with http_sink(lambda number: "refuse" if number == 0 else "fail") as sink:
        outbox.open(alert(7), alert(8))
        outbox.deliver(outbox.relay(channels(sink.url, "ops"), attempts=3), range(9))
    ends = sorted(outbox.rows("state", "attempts", "said"))
    assert ends == [
        ("dead", 1, "Answered 410 told to refuse."),
        ("dead", 3, "Answered 503 told to fail. (attempt 3, the last)"),
    ]


def test_a_channel_that_hangs_holds_up_no_other(make: Make) -> None:
    outbox = make("policies: [{name: all, steps: [{channels: [ops, mute]}]}]")
    with http_sink() as sink, http_sink(lambda _number: "hang") as mute:
        outbox.open(*(alert(number) for number in range(1, 13)))
        urls = {**json.loads(channels(sink.url, "ops")), **json.loads(channels(mute.url, "mute"))}
        outbox.deliver(outbox.relay(json.dumps(urls), timeout_s=1.0))
        assert len(sink.taken.keys) == 12
        assert ("No answer within 1 s.",) in outbox.rows("said")


def test_nobody_claims_so_the_next_step_is_told_and_the_alert_escalated(make: Make) -> None:
    outbox = make(STEPS)
    with http_sink() as sink:
        outbox.open(alert(7))
        relay = outbox.relay(channels(sink.url, "ops", "boss", "boss2"))
        outbox.deliver(relay, [0, 14.9])
        assert sink.taken.keys == ["7:0:ops"]
        outbox.deliver(relay, [15])
        assert sink.taken.keys == ["7:0:ops", "7:1:boss"]
        assert json.loads(sink.taken.bodies[1])["title"].startswith("Nobody claimed it for 15m: high alert 7")
        with outbox.engine.connect() as connection:
            assert connection.execute(sa.select(alerts.c.state)).scalar() == "escalated"
        assert outbox.done() == [("relay", "alert.escalated")]
        outbox.deliver(relay, [60])
    assert sink.taken.keys[2:] == ["7:2:boss2"]
    assert outbox.done() == [("relay", "alert.escalated")]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"state": "claimed", "claimed_by": "ann", "lease_until_us": NOON_US + 99 * MINUTE_US}, False),
        ({"state": "claimed", "claimed_by": "ann", "lease_until_us": NOON_US + 5 * MINUTE_US}, True),
        ({"state": "snoozed", "snoozed_until_us": NOON_US + 99 * MINUTE_US}, False),
        ({"state": "resolved", "closed_at_us": NOON_US}, False),
    ],
)
def test_a_later_step_is_dropped_when_somebody_saw_to_the_alert(
    make: Make, change: dict[str, Any], told: bool
) -> None:
    outbox = make(STEPS)
    with http_sink() as sink:
        outbox.open(alert(7))
        relay = outbox.relay(channels(sink.url, "ops", "boss", "boss2"))
        outbox.deliver(relay)
        outbox.move(7, **change)
        outbox.deliver(relay, [15])
    assert sink.taken.keys == ["7:0:ops", *(["7:1:boss"] if told else [])]
    assert outbox.rows("state")[1] == ("delivered" if told else "cancelled",)
    if not told:
        assert outbox.rows("said")[1] == (f"the alert is {change['state']}",)


def test_the_first_step_is_told_even_of_an_alert_that_is_closed(make: Make) -> None:
    outbox = make(STEPS)
    with http_sink() as sink:
        outbox.open(alert(7))
        outbox.move(7, state="resolved", closed_at_us=NOON_US)
        outbox.deliver(outbox.relay(channels(sink.url, "ops", "boss", "boss2")))
    assert sink.taken.keys == ["7:0:ops"]


QUIET = ONE + "\nquiet_hours: {from: 11:00, to: 13:30, except: [critical]}"


def test_quiet_hours_hold_back_all_but_what_pierces(make: Make) -> None:
    outbox = make(QUIET)
    with http_sink() as sink:
        relay = outbox.relay(channels(sink.url, "ops"))
        outbox.open(alert(7), alert(8, severity="critical"))
        outbox.deliver(relay, [0, 89])
        assert sink.taken.keys == ["8:0:ops"]
        outbox.deliver(relay, [90])
    assert sink.taken.keys == ["8:0:ops", "7:0:ops"]


def test_what_failed_before_the_quiet_hours_is_not_tried_in_them(make: Make) -> None:
    outbox = make(QUIET.replace("11:00", "12:01"))
    with http_sink(lambda number: "fail" if number == 0 else "ok") as sink:
        outbox.open(alert(7))
        relay = outbox.relay(channels(sink.url, "ops"), first_pause_us=90_000_000)
        outbox.deliver(relay, [0, 5, 80])
        assert sink.taken.asked == 1
        outbox.deliver(relay, [90])
    assert sink.taken.keys == ["7:0:ops"]


def test_what_can_wait_is_told_together(make: Make) -> None:
    outbox = make(ONE + "\ndigest: {at: [16:00], severities: [low]}")
    with mail_sink() as sink:
        url = f"smtp://{sink.url}?from=a@b.example&to=c@d.example&tls=none"
        relay = outbox.relay(json.dumps({"ops": url}))
        outbox.open(alert(6), *(alert(number, severity="low") for number in range(7, 12)))
        outbox.deliver(relay, [0, 239])
        assert sink.taken.keys == ["6:0:ops"]
        outbox.deliver(relay, [240, 241])
    assert sink.taken.keys == ["6:0:ops", "digest:7:ops"]
    assert sink.taken.mails[1]["Subject"] == "[low] 5 alerts of small"
    text = sink.taken.mails[1].get_body(("plain",))
    assert text is not None
    assert "Alert 11  user_id u-11 · low · HIGH_AMOUNT · 1200.50 " in text.get_content()
    assert [state for (state,) in outbox.rows("state")] == ["delivered", *["merged"] * 5, "delivered"]
    assert outbox.rows("merged_into")[1:6] == [outbox.rows("id")[-1]] * 5


def test_a_channel_gets_no_more_a_minute_than_it_takes(make: Make) -> None:
    outbox = make(ONE)
    with http_sink() as sink:
        url = f"webhook+http://:{SECRET}@{sink.url}/hook#per_minute=6"
        outbox.open(*(alert(number) for number in range(1, 13)))
        one, other = (outbox.relay(json.dumps({"ops": url})) for _ in range(2))
        counts = []
        for second in range(0, 240, 5):
            outbox.deliver(one, [second / 60])
            outbox.deliver(other, [second / 60])
            counts.append(len(sink.taken.keys))
    assert counts[0] == 3
    before = [0, *counts]
    assert max(before[at + 12] - before[at] for at in range(len(before) - 12)) in (5, 6)
    assert sorted(sink.taken.keys) == sorted(f"{number}:0:ops" for number in range(1, 13))


def test_two_relays_never_send_the_same(make: Make) -> None:
    outbox = make(ONE)
    with http_sink() as sink:
        outbox.open(*(alert(number) for number in range(1, 101)))
        relays = [
            outbox.relay(channels(sink.url, "ops").replace('/hook"', '/hook#per_minute=0"')) for _ in "ab"
        ]

        async def both() -> None:
            tasks = [asyncio.create_task(relay.run()) for relay in relays]
            while len(sink.taken.keys) < 100 and not any(task.done() for task in tasks):
                await asyncio.sleep(0.01)
            for relay in relays:
                relay.stop()
            await asyncio.gather(*tasks)

        outbox.run(both())
    assert sorted(sink.taken.keys) == sorted(f"{number}:0:ops" for number in range(1, 101))
    assert {state for (state,) in outbox.rows("state")} == {"delivered"}


def test_a_relay_that_died_is_followed_by_another_when_its_lease_ran_out(make: Make) -> None:
    outbox = make(ONE)
    with http_sink() as sink:
        outbox.open(alert(7))
        dead = outbox.relay(channels(sink.url, "ops"))

        async def die() -> None:
            dead.channels.of("ops").notifier.send = None  # type: ignore[method-assign,assignment]
            dead._done = dead._sending.pop  # type: ignore[method-assign,assignment]
            await dead.round()

        outbox.run(die())
        assert outbox.rows("state") == [("sending",)]
        outbox.deliver(outbox.relay(channels(sink.url, "ops")), [0.5])
        assert sink.taken.keys == []
        outbox.deliver(outbox.relay(channels(sink.url, "ops")), [1.01])
    assert sink.taken.keys == ["7:0:ops"]


SLA = """
policies:
  - {name: all, steps: [{channels: [ops]}], sla: {claim: 1h, resolve: 4h, warn_at: 0.5, channels: [boss]}}
business_hours: {from: 08:00, to: 14:00, days: [mon, tue, wed, thu, fri]}
"""
DAY = 24 * 60


def test_clocks_warn_and_are_missed_in_working_time(make: Make) -> None:
    outbox = make(SLA)
    with http_sink() as sink:
        outbox.open(alert(7))
        relay = outbox.relay(channels(sink.url, "ops", "boss"))
        outbox.deliver(relay, [0, 29.9])
        assert sink.taken.keys == ["7:0:ops"]
        outbox.deliver(relay, [30])
        assert sink.taken.keys[1:] == ["7:claim-warned:boss"]
        outbox.deliver(relay, [60])
        assert sink.taken.keys[2:] == ["7:claim-breached:boss"]
        outbox.deliver(relay, [120])
        assert sink.taken.keys[3:] == ["7:resolve-warned:boss"]
        monday_10 = 3 * DAY - 120
        outbox.deliver(relay, [240, monday_10 - 1])
        assert len(sink.taken.keys) == 4
        outbox.deliver(relay, [monday_10, monday_10 + 60])
    assert sink.taken.keys[4:] == ["7:resolve-breached:boss"]
    kinds = ["sla.warned", "sla.breached", "sla.warned", "sla.breached"]
    assert [kind for _, kind in outbox.done()] == kinds
    shown = clocks_of(outbox.engine, "small", [7], outbox.clock.now_us())[7]
    assert [(one["clock"], one["state"]) for one in shown] == [("claim", "breached"), ("resolve", "breached")]
    assert shown[1]["due_at"] == "2026-11-23T10:00:00Z"


def test_a_claim_in_time_meets_the_clock_whenever_that_is_looked_at(make: Make) -> None:
    outbox = make(SLA)
    with http_sink() as sink:
        relay = outbox.relay(channels(sink.url, "ops", "boss"))
        outbox.open(alert(7), alert(8))
        outbox.deliver(relay, [0, 59])
        outbox.move(7, state="claimed", claimed_by="ann", lease_until_us=NOON_US + 61 * MINUTE_US)
        assert clocks_of(outbox.engine, "small", [7], outbox.clock.now_us())[7][0]["state"] == "met"
        outbox.deliver(relay, [110])
    told = [key for key in sink.taken.keys if "breached" in key]
    assert told == ["8:claim-breached:boss"]
    assert clocks_of(outbox.engine, "small", [7, 9], NOON_US + DAY * MINUTE_US)[7][0]["state"] == "met"


def test_a_server_that_was_down_tells_of_the_breach_without_a_late_warning(make: Make) -> None:
    outbox = make(SLA)
    with http_sink() as sink:
        outbox.open(alert(7))
        outbox.deliver(outbox.relay(channels(sink.url, "ops", "boss")), [100])
    assert sorted(sink.taken.keys) == ["7:0:ops", "7:claim-breached:boss"]


def test_notices_of_a_scenario_that_is_not_served_wait(make: Make) -> None:
    outbox = make(ONE)
    with http_sink() as sink:
        outbox.open(alert(7))
        relay = outbox.relay(channels(sink.url, "ops"))
        served, relay._repo._scenarios = relay._repo._scenarios, dict  # type: ignore[assignment]
        outbox.deliver(relay)
        assert outbox.rows("state") == [("waiting",)]
        relay._repo._scenarios = served
        outbox.deliver(relay)
    assert sink.taken.keys == ["7:0:ops"]
