"""`riskloom labels send`, against a server of this process on a port of its own."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from riskloom.bundle import Bundle
from riskloom.clock import FixedClock
from support.databases import Database
from support.events import NOW_US, at, payment
from support.server import Server, serving
from support.tables import write_csv


@pytest.fixture(scope="module")
def server(make_database: Callable[[str], Database], bundle: Bundle) -> Iterator[Server]:
    """A server that has taken in `p-0` to `p-4`."""
    with serving(make_database("sqlite"), bundle, clock=FixedClock(NOW_US + 60_000_000)) as running:
        for number in range(5):
            running.score(payment(f"p-{number}", timestamp=at(number)))
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


def row(number: int, fraud: str = "1", **more: str) -> dict[str, str]:
    """A row of a file of chargebacks."""
    given = {"event_id": f"p-{number}", "fraud": fraud, "source": "chargeback", "known_at": at(30)}
    return {**given, "confidence": "", "code": "", **more}


def test_a_file_of_labels_is_told_once_however_often_it_is_sent(
    run: Any, server: Server, address: str, tmp_path: Path
) -> None:
    path = write_csv(tmp_path / "back.csv", [row(0), row(1, "false", code="10.4", confidence="0.75")])
    first, again = (run("labels", "send", path, "--to", address, "--json") for _ in range(2))
    assert first.json["told"] == again.json["told"] == 2
    told = server.get("/api/v1/labels?event_id=p-1").json()
    assert len(told["items"]) == 1
    assert told["items"][0] | {"arrival": 0, "told_at": ""} == {
        "event_id": "p-1",
        "arrival": 0,
        "fraud": False,
        "source": "chargeback",
        "confidence": 0.75,
        "known_at": at(30),
        "told_at": "",
        "code": "10.4",
    }
    assert not path.with_name("back.csv.dead-letters.jsonl").exists()


def test_rows_that_are_not_taken_are_dead_letters_with_line_and_reason(
    run: Any, server: Server, address: str, tmp_path: Path
) -> None:
    rows = [
        row(2),
        row(77),
        row(2, "maybe"),
        row(3, known_at="2026-01-01"),
        row(3, source=""),
        row(3, known_at=at(2)),
        row(3, source="bank", fraud=""),
        row(3),
    ]
    path = write_csv(tmp_path / "mixed.csv", rows)
    with path.open("ab") as file:
        file.write(b"p-4\xff,1,chargeback,,,\nshort,1\n")
    done = run("labels", "send", path, "--to", address)
    assert "2 labels told, 8 dead letters" in done.err
    letters = [
        json.loads(line) for line in path.with_name("mixed.csv.dead-letters.jsonl").read_text().splitlines()
    ]
    reasons = {letter["line"]: {fault["where"] for fault in letter["faults"]} for letter in letters}
    assert reasons == {
        3: {"event_id"},
        4: {"fraud"},
        5: {"known_at"},
        6: {"source"},
        7: {"known_at"},
        8: {"fraud", "source"},
        10: {"event_id"},
        11: {"line 11"},
    }
    server_said = next(letter for letter in letters if letter["line"] == 7)["faults"][0]
    assert at(3) in server_said["expected"]


def test_a_source_for_all_rows_and_the_column_label_will_do(
    run: Any, server: Server, address: str, tmp_path: Path
) -> None:
    path = write_csv(tmp_path / "few.csv", [{"event_id": f"p-{n}", "label": n, "else": "x"} for n in (0, 1)])
    assert run("labels", "send", path, "--to", address, "--source", "analyst", "--json").json["told"] == 2
    newest = server.get("/api/v1/labels?limit=2").json()["items"]
    assert [(one["event_id"], one["fraud"], one["source"]) for one in newest] == [
        ("p-1", True, "analyst"),
        ("p-0", False, "analyst"),
    ]


def test_a_file_without_labels_and_a_server_that_is_away_are_errors(run: Any, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "none.csv", [{"event_id": "p-1", "amount": 5}])
    refused = run("labels", "send", path, "--to", "http://127.0.0.1:9")
    assert (refused.code, "a column fraud (or label)" in refused.err) == (2, True)
    away = run("labels", "send", write_csv(tmp_path / "one.csv", [row(0)]), "--to", "http://127.0.0.1:9")
    assert (away.code, "No server answers" in away.err) == (2, True)


def test_a_banks_chargebacks_are_told_by_their_codes_and_unknown_ones_are_named(
    run: Any, server: Server, address: str, tmp_path: Path
) -> None:
    rows = [
        {"ARN": "p-2", "Reason": "10.4", "Posted": at(30)},
        {"ARN": "p-3", "Reason": "13.1", "Posted": at(30)},
        {"ARN": "p-4", "Reason": "10.44", "Posted": at(30)},
        {"ARN": "p-9", "Reason": "4837", "Posted": at(30)},
        {"ARN": "p-4", "Reason": "4837", "Posted": at(-30)},
    ]
    path = write_csv(tmp_path / "bank.csv", rows)
    named = (
        "--event-id",
        "ARN",
        "--code",
        "Reason",
        "--known-at",
        "Posted",
        "--code-is",
        "13.1=friendly_fraud",
    )
    first, again = (run("labels", "chargebacks", path, "--to", address, *named, "--json") for _ in range(2))
    assert first.json == again.json == {"told": 2, "buried": 3, "unknown_codes": {"10.44": 1}}
    told = {
        name: server.get(f"/api/v1/labels?event_id={name}").json()["items"] for name in ("p-2", "p-3", "p-4")
    }
    assert [[(one["fraud"], one["code"]) for one in items[-1:]] for items in told.values()] == [
        [(True, "10.4")], [(False, "13.1 friendly_fraud")], [],
    ]  # fmt: skip
    letters = [
        json.loads(line) for line in (tmp_path / "bank.csv.dead-letters.jsonl").read_text().splitlines()
    ]
    assert sorted(letter["line"] for letter in letters) == [4, 5, 6]


def test_the_api_takes_the_same_file(server: Server) -> None:
    path = "/api/v1/labels/chargebacks?event_id=ARN&code=Reason&codes=77:fraud"
    body = "ARN,Reason,known_at\r\np-0,77,\r\np-1,78,\r\n,77\r\n"
    answer = server.request("POST", path, content=body.encode(), headers={"content-type": "text/csv"})
    found = answer.json()
    assert (answer.status_code, found["told"], found["unknown_codes"]) == (200, 1, {"78": 1})
    assert [letter["line"] for letter in found["dead_letters"]] == [3, 4]
    for bad in ("ARN,known_at\np-0,\n", 'ARN,Reason\n"p-0,77\n'):
        assert server.request("POST", path, content=bad.encode()).status_code == 422
    assert server.request("POST", path + ",78:nothing", content=body.encode()).status_code == 422
