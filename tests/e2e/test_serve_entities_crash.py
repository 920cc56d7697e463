"""Killed while events come in: afterwards links and the index of events by entity are those of the log."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from riskloom.bundle import write_bundle
from support.databases import KINDS, Database
from support.labelled import label, labelled_bundle, small_payment
from support.process import Process, serve

pytestmark = pytest.mark.e2e
SHOP = "/api/v1/entities/merchant/m-0"


def send_until_killed(process: Process, sent: list[int]) -> None:
    """Payments, each third a fraud, and a look at a shop now and then, until the server is gone."""
    with process.client() as client, contextlib.suppress(httpx.TransportError):
        while True:
            number = len(sent)
            client.post("/api/v1/score", json=small_payment(number, None, timestamp=None)).raise_for_status()
            if number % 3 == 0:
                client.post("/api/v1/labels", json=[label(number)]).raise_for_status()
            if number % 7 == 0:
                client.get(SHOP).raise_for_status()
            sent.append(number)


def history(client: httpx.Client) -> list[dict[str, Any]]:
    """All events of the shop."""
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        asked = {"limit": 500} | ({"cursor": cursor} if cursor else {})
        page = client.get(f"{SHOP}/history", params=asked).raise_for_status().json()
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items


@pytest.mark.parametrize("kind", KINDS)
def test_after_a_kill_links_are_those_of_the_log(
    make_database: Callable[[str], Database], tmp_path: Path, kind: str
) -> None:
    database = make_database(kind)
    folder = str(write_bundle(labelled_bundle(), tmp_path / "bundle"))
    sent: list[int] = []
    for round_ in range(2):
        with serve(database, "--bundle", folder) as process:
            sender = threading.Thread(target=send_until_killed, args=(process, sent))
            sender.start()
            deadline = time.monotonic() + 60
            while len(sent) < 40 * (round_ + 1) and time.monotonic() < deadline:
                time.sleep(0.01)
            process.kill()
            sender.join(30)
        assert len(sent) >= 40 * (round_ + 1)
        sent.append(-1)  # what was on its way may be stored: the next one has an id of its own
    stored = database.rows("select arrival, fields from events order by arrival")
    own = [int(arrival) for arrival, fields in stored if '"merchant_id":"m-0"' in fields]
    frauds = database.one("select count(distinct l.about) from labels l where l.fraud")
    with serve(database, "--bundle", folder) as process, process.client() as client:
        found = client.get(SHOP).raise_for_status().json()
        assert found["events"] == found["counted"] == len(own)
        assert [one["arrival"] for one in history(client)] == own[::-1]
        users = [client.get(f"/api/v1/entities/user/u-{n}").raise_for_status().json() for n in range(3)]
        assert sum(one["events"] for one in users) == len(stored)
        assert sum(one["frauds"] for one in users) == frauds
