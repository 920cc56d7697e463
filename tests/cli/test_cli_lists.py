"""`riskloom lists` and `riskloom switches`, against a server of this process on a port of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from support.databases import Database
from support.events import payment
from support.policed import policed
from support.server import Server, serving


@pytest.fixture(scope="module")
def server(make_database: Callable[[str], Database]) -> Iterator[Server]:
    with serving(make_database("sqlite"), policed()) as running:
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


def test_values_come_on_a_list_and_leave_it(run: Any, server: Server, address: str, tmp_path: Path) -> None:
    to = ("--to", address)
    assert run("lists", "add", "trusted", "ann", "bob", "--reason", "known", *to).code == 0
    assert "LIST_TRUSTED" in str(server.score(payment("p-1"))["reasons"])
    assert [one["entries"] for one in run("lists", "show", "--json", *to).json] == [2]
    out = run("lists", "export", "trusted", "-s", "card_payments", *to).out
    (tmp_path / "list.csv").write_text(out.replace("bob", "cem"))
    assert "1 added, 1 unchanged" in run("lists", "import", "trusted", tmp_path / "list.csv", *to).err
    assert run("lists", "remove", "trusted", "ann", "--reason", "left", *to).code == 0
    assert [one["value"] for one in run("lists", "show", "trusted", "--json", *to).json] == ["bob", "cem"]
    assert "LIST_TRUSTED" not in str(server.score(payment("p-2"))["reasons"])


def test_what_is_given_wrong_is_exit_code_2_and_says_what(run: Any, address: str, tmp_path: Path) -> None:
    to = ("--to", address)
    unknown = run("lists", "add", "trustd", "ann", *to)
    assert unknown.code == 2
    assert "trusted" in unknown.err
    (tmp_path / "bad.csv").write_text("value,until\nann,soon\n")
    bad = run("lists", "import", "trusted", tmp_path / "bad.csv", *to)
    assert bad.code == 2
    assert "line 2" in bad.err
    assert run("switches", "off", "modle", "--reason", "x", *to).code == 2


def test_a_rule_is_switched_off_and_all_are_on_again(run: Any, address: str) -> None:
    to = ("--to", address)
    assert "off: rule:OFTEN" in run("switches", "off", "rule:OFTEN", "--reason", "noisy", *to).err
    assert run("switches", "show", "--json", *to).json["off"] == ["rule:OFTEN"]
    assert "off: nothing" in run("switches", "off", "--reason", "quiet again", *to).err
    assert "noisy" in run("switches", "show", *to).out
