"""`riskloom cases`, against a server of this process on a port of its own."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from riskloom.client import Client
from riskloom.errors import CaseChanged
from support.cases import case_bundle, large
from support.databases import Database
from support.server import Server, serving


@pytest.fixture
def server(make_database: Callable[[str], Database]) -> Iterator[Server]:
    with serving(make_database("sqlite"), case_bundle()) as running:
        for number, user in enumerate(("ann", "bob")):
            running.score(large(number, user=user, amount=300 if user == "ann" else 7000))
        yield running


@pytest.fixture
def address(server: Server) -> Iterator[str]:
    """Where that server listens."""
    listening = uvicorn.Server(uvicorn.Config(server.app, lifespan="off", log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as opened:
        done = asyncio.run_coroutine_threadsafe(listening.serve(sockets=[opened]), server._loop)
        yield f"http://127.0.0.1:{opened.getsockname()[1]}"
        listening.should_exit = True
        done.result(30)


def test_a_case_from_its_alert_to_its_dossier(run: Any, address: str, tmp_path: Path) -> None:
    to = ("--to", address, "--author", "ana")
    (case,) = run("cases", "open", "1", "--json", *to).json
    assert (case["case_id"], case["opened_by"]) == (1, "ana")
    assert "note 1" in run("cases", "note", "1", "called the customer", *to).err
    listed = run("cases", "list", "--to", address)
    assert "ann" in listed.out
    found = run("cases", "show", "1", "--to", address)
    assert "case.opened" in found.out
    assert "called the customer" in found.err
    given = ("--disposition", "confirmed_fraud", "--reason", "stolen", "--json")
    (closed,) = run("cases", "close", "1", *given, *to).json
    assert closed["state"] == "closed"
    assert run("cases", "list", "--json", "--to", address).json == []
    assert len(run("cases", "list", "--all", "--json", "--to", address).json) == 1
    for form in ("json", "html", "pdf"):
        out = tmp_path / f"case.{form}"
        assert run("cases", "export", "1", out, *to).code == 0
        assert out.stat().st_size > 1_000
    assert json.loads((tmp_path / "case.json").read_bytes())["made_by"] == "ana"
    assert run("cases", "export", "1", tmp_path / "case.docx", *to).code == 2
    (again,) = run("cases", "reopen", "1", "--reason", "new facts", "--json", *to).json
    assert again["state"] == "open"


def test_above_the_amount_two_people_close_a_case(run: Any, address: str) -> None:
    to = ("--to", address)
    number = run("alerts", "list", "--entity", "bob", "--json", *to).json[0]["id"]
    (case,) = run("cases", "open", number, "--author", "ana", "--json", *to).json
    given = (case["case_id"], "--disposition", "suspected", "--reason", "odd", "--author", "ana")
    assert run("cases", "close", *given, "--json", *to).json[0]["state"] == "pending"
    refused = run("cases", "confirm", case["case_id"], "--author", "ana", *to)
    assert refused.code == 2
    assert "a second person has to confirm it" in refused.err
    declined = run("cases", "decline", case["case_id"], "--reason", "ask", "--author", "bea", "--json", *to)
    assert declined.json[0]["state"] == "open"
    stale = run("cases", "close", *given, "--version", "1", *to)
    assert "changed by ana, bea" in stale.err
    run("cases", "close", *given, *to)
    confirmed = run("cases", "confirm", case["case_id"], "--reason", "yes", "--author", "bea", "--json", *to)
    assert confirmed.json[0]["confirmed_by"] == "bea"


def test_what_only_the_client_does(address: str) -> None:
    with Client(address) as client:
        case = client.open_case(1, "ana")
        number = case["case_id"]
        assert client.change_case(number, {"assignee": "bob", "version": 1}, "ana")["assignee"] == "bob"
        with pytest.raises(CaseChanged) as changed:
            client.change_case(number, {"assignee": "ana", "version": 1}, "ana")
        assert (changed.value.version, changed.value.changes[0]["kind"]) == (2, "case.changed")
        assert client.case_counts()["assignee"] == {"bob": 1}
        assert client.case_events(number)["items"][0]["event_id"] == "p-0"
        task = client.add_to_case("tasks", number, {"title": "call"}, "ana")
        assert (
            client.change_in_case("tasks", number, task["task_id"], {"done": True}, "bob")["done_by"] == "bob"
        )
        file = json.loads(client.add_file(number, "a.txt", "text/plain", b"hello", "ana"))
        assert client.case_file(number, file["file_id"]) == b"hello"
