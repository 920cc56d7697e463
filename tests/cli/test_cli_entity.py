"""`riskloom entity`, against a server of this process on a port of its own; and the client's calls."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn

from riskloom.bundle import Bundle
from riskloom.client import Client
from support.databases import Database
from support.events import burst, payment
from support.server import Server, serving


@pytest.fixture(scope="module")
def address(make_database: Callable[[str], Database], bundle: Bundle) -> Iterator[str]:
    """Where a server listens that knows ann and bob, who share a phone."""
    with serving(make_database("sqlite"), bundle) as server:
        send(server)
        listening = uvicorn.Server(uvicorn.Config(server.app, lifespan="off", log_config=None))
        with socket.create_server(("127.0.0.1", 0)) as opened:
            done = asyncio.run_coroutine_threadsafe(listening.serve(sockets=[opened]), server._loop)
            yield f"http://127.0.0.1:{opened.getsockname()[1]}"
            listening.should_exit = True
            done.result(30)


def send(server: Server) -> None:
    server.post("/api/v1/score/batch", {"events": burst(6)})
    server.score(payment("other", user_id="bob/smith"))
    server.post("/api/v1/labels", {"event_id": "b-1", "fraud": True, "source": "analyst"})


def test_an_entity_is_shown_for_people_and_for_machines(run: Any, address: str) -> None:
    to = ("--to", address)
    shown = run("entity", "show", "device", "phone-1", *to).out
    assert "device_tx_count_1h" in shown
    assert "b-1" in shown
    assert "87.5 USD" in shown
    assert run("entity", "show", "user_id", "ann", "--json", *to).json["events"] == 6
    unknown = run("entity", "show", "user", "anna", *to)
    assert unknown.code == 2
    assert "'ann'" in unknown.err


def test_links_and_rings_are_shown(run: Any, address: str) -> None:
    to = ("--to", address, "-s", "card_payments")
    shown = run("entity", "graph", "user", "ann", *to)
    assert "user:bob/smith" in shown.out
    assert "merchant:shop-1" in shown.err
    assert "2 people, 1 known frauds" in shown.err
    few = run("entity", "graph", "user", "ann", "--limit", 2, *to)
    assert "more than 2" in few.err
    assert len(run("entity", "graph", "user", "ann", "--hops", 1, "--json", *to).json["nodes"]) == 4
    rings = run("entity", "rings", "--json", *to).json["items"]
    assert [(one["people"], one["shared"]) for one in rings] == [(2, 2)]
    assert "user:ann" in run("entity", "rings", *to).out


def test_the_client_reads_pages_and_keys_with_slashes(address: str) -> None:
    with Client(address) as client:
        page = client.entity_history("device", "phone-1", limit=4)
        rest = client.entity_history("device", "phone-1", limit=4, cursor=page["next"])
        assert [one["event_id"] for one in (*page["items"], *rest["items"])][0::6] == ["other", "b-0"]
        assert rest["next"] is None
        assert client.entity("user", "bob/smith")["events"] == 1
        (ring,) = client.components()["items"]
        assert client.component(ring["id"])["size"] == 4
