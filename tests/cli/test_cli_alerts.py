"""`riskloom alerts` and `riskloom suppressions`, against a server of this process on a port of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn

from riskloom.bundle import Bundle
from riskloom.client import Client
from riskloom.errors import Held
from support.databases import Database
from support.events import burst
from support.server import Server, serving


@pytest.fixture(scope="module")
def server(make_database: Callable[[str], Database], bundle: Bundle) -> Iterator[Server]:
    with serving(make_database("sqlite"), bundle) as running:
        for user in ("ann", "bob", "cem"):
            for event in burst(6, user, user_id=user, device_id=user):
                running.score(event)
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


def test_a_day_at_the_queue(run: Any, address: str) -> None:
    to = ("--to", address)
    listed = run("alerts", "list", "--json", *to).json
    assert [one["events"] for one in listed] == [2, 2, 2]
    (mine,) = run("alerts", "next", "--author", "ana", "--json", *to).json
    assert mine["claimed_by"] == "ana"
    number, *others = (str(one["id"]) for one in listed)
    assert number == str(mine["id"])
    shown = run("alerts", "show", number, *to).out
    assert "VELOCITY_5M" in shown or "payments" in shown
    refused = run("alerts", "claim", number, "--author", "bea", *to)
    assert refused.code != 0
    assert "ana works on alert" in refused.err
    done = run(
        "alerts", "resolve", number, "--disposition", "suspected", "--reason", "odd", "--author", "ana", *to
    )
    assert done.code == 0
    assert run("alerts", "list", "--state", "resolved", "--json", *to).json[0]["closed_by"] == "ana"
    assert run("alerts", "reopen", number, *to).code == 0
    assert run("alerts", "snooze", *others, "--for", "1h", *to).code == 0
    some = run("alerts", "assign", "cleo", number, "999", "--json", *to)
    assert some.code == 1
    assert ["error" in one for one in some.json] == [False, True]
    assert run("alerts", "renew", number, "--author", "cleo", *to).code == 0
    assert run("alerts", "release", number, "--author", "cleo", *to).code == 0
    assert run("alerts", "escalate", number, "--queue", "senior", *to).code == 0
    assert "snoozed" in run("alerts", "queues", *to).out
    assert run("alerts", "queues", "--json", *to).json[1]["states"]["escalated"]["count"] == 1
    assert "nothing waits" in run("alerts", "next", "--author", "ana", *to).err


def test_suppressions_come_and_go(run: Any, address: str) -> None:
    to = ("--to", address)
    wrong = run("suppressions", "add", "--rule", "VELOCTY_5M", "--for", "1h", "--reason", "x", *to)
    assert wrong.code == 2
    assert "VELOCITY_5M" in wrong.err
    assert run("suppressions", "add", "--entity", "ann", "--for", "1h", "--reason", "x", *to).code == 0
    (held,) = run("suppressions", "list", "--json", *to).json
    assert "ann" in run("suppressions", "list", *to).out
    assert run("suppressions", "end", str(held["id"]), *to).code == 0
    assert run("suppressions", "list", "--json", *to).json == []
    assert len(run("suppressions", "list", "--all", "--json", *to).json) == 1


def test_the_client_knows_who_holds_an_alert(address: str, server: Server) -> None:
    with Client(address) as client:
        number = client.alerts(entity="cem", state="snoozed,open")["items"][0]["id"]
        client.act_on_alert("claim", number, "Zoë")
        with pytest.raises(Held) as refused:
            client.act_on_alert("claim", number, "bea", scenario="card_payments")
        assert (refused.value.holder, refused.value.until) == ("Zoë", "2026-01-01T00:15:00Z")
        assert client.keep_analyst("bea", {"limit": "10"})["limit"] == "10.00"
        assert [one["name"] for one in client.analysts()] == ["bea"]
        assert client.next_alert("bea", queues=["takeover"]) is None
