"""`riskloom rates`, against a server of this process on a port of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from riskloom.bundle import Bundle
from support.databases import Database
from support.server import Server, serving


@pytest.fixture(scope="module")
def server(
    make_database: Callable[[str], Database], bundle: Bundle, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    models = tmp_path_factory.mktemp("models")
    with serving(make_database("sqlite"), bundle, models=str(models)) as running:
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


def test_another_table_becomes_a_version(run: Any, server: Server, address: str, tmp_path: Path) -> None:
    to = ("--to", address)
    table = tmp_path / "rates.yaml"
    table.write_text("base: USD\nrates:\n  - {date: 2026-01-01, EUR: 1.165}\n")
    made = run("rates", "change", table, "--reason", "this year", *to)
    assert made.code == 0, made.err
    assert "version 2, a candidate" in made.err
    server.post("/api/v1/models/versions/2/move", {"to": "champion", "reason": "now"})
    assert "1.165" in run("rates", "show", *to).out
    assert run("rates", "show", "--json", *to).json == {
        "base": "USD",
        "rates": [{"date": "2026-01-01", "EUR": "1.165"}],
    }


def test_a_faulty_table_is_exit_code_2_and_names_the_line(run: Any, address: str, tmp_path: Path) -> None:
    table = tmp_path / "rates.yaml"
    table.write_text("base: EUR\nrates:\n  - {date: 2026-01-01, GBP: much}\n")
    bad = run("rates", "change", table, "--reason", "x", "--to", address)
    assert bad.code == 2
    assert "GBP" in bad.err
    assert run("rates", "change", tmp_path / "none.yaml", "--to", address).code == 2
