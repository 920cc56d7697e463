"""From a decision to a message: the whole path in one server, and what the API tells of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from riskloom.bundle import Bundle, make_bundle
from riskloom.errors import ParameterInvalid
from riskloom.scenario.load import scenario_from_parts
from support.databases import Database
from support.events import NOW_US, burst
from support.outbox import MINUTE_US, SECRET
from support.server import Server, faults, problem, serving
from support.sinks import HttpSink, http_sink

NOTICES = """
policies:
  - name: all
    steps: [{channels: [ops, log]}, {after: 10m, channels: [ops], escalate: true}]
    sla: {claim: 30m, channels: [ops]}
"""


@pytest.fixture(scope="module")
def told(bundle: Bundle) -> Bundle:
    """Card payments whose alerts are told."""
    parts = {**bundle.scenario.parts, "notices": yaml.safe_load(NOTICES)}
    return make_bundle(scenario_from_parts(parts), None)


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    """Where the channel ops leads."""
    with http_sink() as one:
        yield one


def channels(sink: HttpSink) -> str:
    return json.dumps({"ops": f"webhook+http://:{SECRET}@{sink.url}/hook"})


@pytest.fixture
def server(database: Database, told: Bundle, sink: HttpSink) -> Iterator[Server]:
    """A server that tells."""
    with serving(database, told, channels=channels(sink), dashboard_url="https://risk.example/") as one:
        yield one


def wait_for(server: Server, **states: int) -> None:
    """Until so many notices are in these states."""

    async def reached() -> None:
        relay = server.runtime.notices._relay
        while True:
            counts = await server._client.get("/api/v1/notices/counts")
            found = counts.json()["states"]
            if all(found[state] == count for state, count in states.items()):
                return
            relay.wake()
            await relay.round()
            await relay.settle()

    server.run(reached())


def test_a_decision_becomes_an_alert_becomes_a_message(server: Server, sink: HttpSink) -> None:
    for event in burst(14):
        server.score(event)
    wait_for(server, delivered=2, waiting=1)
    assert sink.taken.keys == ["5:0:ops"]
    said = json.loads(sink.taken.bodies[0])
    assert said["link"] == "https://risk.example/alerts?scenario=card_payments&alert=5"
    assert said["data"]["entity_key"] == "ann"
    line = json.loads((server.database.data_dir / "alerts.log").read_text())
    assert line["key"] == "5:0:log"
    server.clock.time_us += 10 * MINUTE_US  # type: ignore[attr-defined]
    wait_for(server, delivered=3)
    assert sink.taken.keys == ["5:0:ops", "5:1:ops"]
    assert server.database.rows("select state, queue from alerts") == [("escalated", "senior")]
    clocks = server.get("/api/v1/alerts/5/clocks").json()["clocks"]
    assert [(one["clock"], one["state"]) for one in clocks] == [("claim", "running")]


def test_what_a_stopped_server_owed_is_told_by_the_next(
    database: Database, told: Bundle, sink: HttpSink
) -> None:
    sink.behave = lambda _number: "fail"
    with serving(database, told, channels=channels(sink)) as server:
        for event in burst(14):
            server.score(event)
        wait_for(server, delivered=1)
    sink.behave = lambda _number: "ok"
    with serving(database, told, channels=channels(sink)) as server:
        server.clock.time_us = NOW_US + MINUTE_US  # type: ignore[attr-defined]
        wait_for(server, delivered=2)
    assert sink.taken.keys == ["5:0:ops"]


def test_notices_are_listed_by_state_channel_and_alert(server: Server) -> None:
    for event in burst(14):
        server.score(event)
    wait_for(server, delivered=2)
    first = server.get("/api/v1/notices?limit=2").json()
    assert [one["key"] for one in first["notices"]] == ["5:1:ops", "5:0:log"]
    rest = server.get(f"/api/v1/notices?limit=2&cursor={first['next']}").json()
    assert [one["key"] for one in rest["notices"]] == ["5:0:ops"]
    assert rest["next"] is None
    assert rest["notices"][0]["said"] == "200 ok"
    waiting = server.get("/api/v1/scenarios/card_payments/notices?state=waiting&alert=5&kind=alert").json()
    assert [one["step"] for one in waiting["notices"]] == ["1"]
    assert server.get("/api/v1/notices?channel=log").json()["notices"][0]["attempts"] == 1
    assert set(faults(server.get("/api/v1/notices?state=lost&cursor=x"), "parameter_invalid")) == {
        "state",
        "cursor",
    }


def test_channels_are_shown_without_their_secrets(server: Server, sink: HttpSink) -> None:
    answer = server.get("/api/v1/channels")
    assert SECRET not in answer.text
    log, ops = answer.json()["channels"]
    assert (log["name"], log["kind"], log["per_minute"]) == ("log", "log", None)
    assert ops["url"] == f"webhook+http://{sink.url}/hook"
    assert ops["used"]
    assert answer.json()["missing"] == []


def test_the_test_button_says_what_the_receiver_said(server: Server, sink: HttpSink) -> None:
    answer = server.post("/api/v1/channels/ops/test").json()
    assert (answer["delivered"], answer["said"]) == (True, "200 ok")
    assert json.loads(sink.taken.bodies[0])["kind"] == "test"
    sink.behave = lambda _number: "refuse"
    assert (
        "410 told to refuse"
        in problem(server.post("/api/v1/channels/ops/test"), 502, "delivery_refused")["detail"]
    )
    sink.behave = lambda _number: "fail"
    problem(server.post("/api/v1/channels/ops/test"), 502, "undelivered")
    assert "'ops'" in problem(server.post("/api/v1/channels/op/test"), 404, "not_found")["hint"]


def test_dead_letters_are_replayed_under_their_keys(server: Server, sink: HttpSink) -> None:
    sink.behave = lambda _number: "refuse"
    for event in burst(14):
        server.score(event)
    wait_for(server, dead=1)
    (dead,) = server.get("/api/v1/notices/dead-letters").json()["notices"]
    assert dead["said"] == "Answered 410 told to refuse."
    sink.behave = lambda _number: "ok"
    assert server.post("/api/v1/notices/dead-letters/replay", {"channel": "log"}).json() == {"replayed": []}
    for body in ({"ids": "all"}, {"ids": [True]}, {"who": 1}):
        problem(server.post("/api/v1/notices/dead-letters/replay", body), 422, "parameter_invalid")
    headers = {"X-Riskloom-User": "ann"}
    answer = server.post("/api/v1/notices/dead-letters/replay", {"ids": [dead["id"]]}, headers=headers)
    assert [one["key"] for one in answer.json()["replayed"]] == ["5:0:ops"]
    wait_for(server, dead=0, delivered=2)
    assert sink.taken.keys == ["5:0:ops"]
    acts = "select actor, kind, alert_id from activities"
    assert server.database.rows(acts) == [("ann", "notice.replayed", 5)]


def test_a_server_needs_every_channel_that_its_scenario_names(database: Database, told: Bundle) -> None:
    missing = pytest.raises(ParameterInvalid, match=r"RISKLOOM_CHANNELS\.ops.*did you mean 'opps'")
    with missing, serving(database, told, channels='{"opps": "log://x.log"}'):
        pass


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("ops=x", "a JSON object"),
        ('{"ops": 3}', "RISKLOOM_CHANNELS.ops: expected a URL"),
        ('{"O P": "log://x"}', "small letters"),
        ('{"ops": "log://x#per_hour=3"}', "#per_minute="),
    ],
)
def test_a_setting_of_channels_that_cannot_be_meant(
    database: Database, bundle: Bundle, setting: str, expected: str
) -> None:
    with pytest.raises(ParameterInvalid, match=expected), serving(database, bundle, channels=setting):
        pass


def test_nobody_without_the_key_sees_or_sends_notices(database: Database, bundle: Bundle) -> None:
    with serving(database, bundle, api_key="a-key-of-some-length") as server:
        calls: list[tuple[str, str, Any]] = [
            ("GET", "channels", None),
            ("POST", "channels/log/test", None),
            ("GET", "notices", None),
            ("GET", "notices/counts", None),
            ("GET", "notices/dead-letters", None),
            ("POST", "notices/dead-letters/replay", {}),
            ("GET", "alerts/1/clocks", None),
        ]
        for method, path, body in calls:
            problem(server.request(method, f"/api/v1/{path}", json=body), 401, "unauthorized")
