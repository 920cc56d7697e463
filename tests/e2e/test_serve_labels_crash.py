"""Killed while events and labels come in: what was acknowledged is there, and the next vectors are those of a
server that was never killed."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from riskloom.bundle import write_bundle
from support.databases import KINDS, Database
from support.labelled import label, labelled_bundle, small_payment
from support.process import Process, serve
from support.replay import check_log

pytestmark = pytest.mark.e2e


def send_until_killed(process: Process, told: dict[str, int], sent: list[int]) -> None:
    """Payments, each soon after called a fraud or not, until the server is gone; `told` are labels that it
    acknowledged."""
    with process.client() as client, contextlib.suppress(httpx.TransportError):
        while True:
            number = len(sent)
            sent.append(number)
            client.post("/api/v1/score", json=small_payment(number, None, timestamp=None)).raise_for_status()
            labels = [label(at, at % 3 == 0, source="analyst") for at in range(max(0, number - 5), number)]
            for one in client.post("/api/v1/labels", json=labels).raise_for_status().json()["results"]:
                told[one["event_id"]] = one["arrival"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_killed_while_labels_come_in_goes_on_as_if_it_had_not_been(
    make_database: Callable[[str], Database], tmp_path: Path, kind: str
) -> None:
    database, bundle = make_database(kind), labelled_bundle()
    folder = str(write_bundle(bundle, tmp_path / "bundle"))
    told: dict[str, int] = {}
    sent: list[int] = []
    with serve(database, "--bundle", folder) as process:
        sender = threading.Thread(target=send_until_killed, args=(process, told, sent))
        sender.start()
        deadline = time.monotonic() + 30
        while len(told) < 40 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
        sender.join(30)
    stored = database.rows("select e.event_id, l.arrival from labels l join events e on e.arrival = l.about")
    assert len(told) >= 40
    assert told.items() <= dict(stored).items()
    with serve(database, "--bundle", folder) as process, process.client() as client:
        decision = client.post("/api/v1/score", json=small_payment(len(sent), None, timestamp=None)).json()
        assert decision["reasons"][0]["evidence"], "frauds told before the kill are its evidence"
    check_log(database, bundle)
