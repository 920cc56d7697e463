"""`riskloom notices`, against a server of this process on a port of its own."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from riskloom.bundle import make_bundle, write_bundle
from riskloom.scenario.load import scenario_from_parts
from support.databases import Database
from support.events import burst
from support.outbox import SECRET, Outbox, alert
from support.policed import card_parts
from support.process import COMMAND, environment
from support.server import Server, serving
from support.sinks import HttpSink, http_sink


@pytest.fixture(scope="module")
def sink() -> Iterator[HttpSink]:
    with http_sink(lambda _number: "refuse") as one:
        yield one


@pytest.fixture(scope="module")
def server(make_database: Callable[[str], Database], sink: HttpSink) -> Iterator[Server]:
    parts = card_parts() | {"notices": {"policies": [{"name": "all", "steps": [{"channels": ["ops"]}]}]}}
    bundle = make_bundle(scenario_from_parts(parts), None)
    ops = json.dumps({"ops": f"webhook+http://:{SECRET}@{sink.url}/hook"})
    with serving(make_database("sqlite"), bundle, channels=ops) as running:
        yield running


@pytest.fixture(scope="module")
def address(server: Server) -> Iterator[str]:
    """Where that server listens."""
    listening = uvicorn.Server(uvicorn.Config(server.app, lifespan="off", log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as opened:
        done = asyncio.run_coroutine_threadsafe(listening.serve(sockets=[opened]), server._loop)
        yield f"http://127.0.0.1:{opened.getsockname()[1]}"
        listening.should_exit = True
        done.result(30)


def until(server: Server, **states: int) -> None:
    async def reached() -> None:
        while True:
            found = server.runtime.notices.counts()["states"]
            if all(found[state] == count for state, count in states.items()):
                return
            await server.runtime.notices._relay.round()
            await server.runtime.notices._relay.settle()

    server.run(reached())


def test_a_dead_letter_is_seen_and_sent_again(run: Any, server: Server, address: str, sink: HttpSink) -> None:
    to = ("--to", address)
    for event in burst(6):
        server.score(event)
    until(server, dead=1)
    shown = run("notices", "list", "--state", "dead", *to)
    assert "5:0:ops" in shown.out
    assert "1 dead" in shown.out + shown.err
    failed = run("notices", "test", "ops", *to)
    assert failed.code == 2
    assert "410" in failed.err
    sink.behave = lambda _number: "ok"
    assert run("notices", "test", "ops", *to).code == 0
    (page,) = [json.loads(run("notices", "list", "--json", *to).out)]
    assert page["states"]["dead"] == 1
    replayed = json.loads(run("notices", "replay", "--channel", "ops", "--json", *to).out)
    assert [one["key"] for one in replayed] == ["5:0:ops"]
    until(server, delivered=1)
    assert sink.taken.keys[-1] == "5:0:ops"


def test_a_relay_of_its_own_delivers_and_stops_when_told(
    make_database: Callable[[str], Database], tmp_path: Path
) -> None:
    database = make_database("sqlite")
    outbox = Outbox(database, tmp_path / "small", "policies: [{name: a, steps: [{channels: [ops]}]}]")
    outbox.open(*(alert(number) for number in range(1, 6)))
    bundle = write_bundle(make_bundle(outbox.scenario, None), tmp_path / "bundle")
    with http_sink() as sink:
        ops = json.dumps({"ops": f"webhook+http://:{SECRET}@{sink.url}/hook"})
        words = ["notices", "relay", "--scenario", str(bundle), "--database", database.url]
        process = subprocess.Popen([*COMMAND, *words], env=environment(channels=ops))
        try:
            while {state for (state,) in outbox.rows("state")} != {"delivered"}:
                assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
            outbox.engine.dispose()
    assert sorted(sink.taken.keys) == [f"{number}:0:ops" for number in range(1, 6)]
