"""Killed while alerts are raised and people work on them: each flagged decision has its alert, once."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable

import httpx
import pytest

from support.alerts import check_alerts
from support.databases import KINDS, Database
from support.process import Load, Process, serve

pytestmark = pytest.mark.e2e


class People:
    """Analysts who take the next alert and resolve it until the server is gone; what they were told."""

    def __init__(self, process: Process) -> None:
        self.resolved: set[int] = set()
        self.twice: list[int] = []
        self._threads = [threading.Thread(target=self._work, args=(process, name)) for name in ("ana", "bea")]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Until they have gone home."""
        for thread in self._threads:
            thread.join(30)

    def _work(self, process: Process, name: str) -> None:
        said = {"disposition": "suspected", "reason": "x"}
        with (
            process.client(headers={"X-Riskloom-User": name}) as client,
            contextlib.suppress(httpx.TransportError),
        ):
            while True:
                alert = client.post("/api/v1/alerts/next").json().get("alert")
                if alert is None:
                    time.sleep(0.05)
                    continue
                answer = client.post(f"/api/v1/alerts/{alert['id']}/resolve", json=said)
                if answer.status_code == 200:
                    if alert["id"] in self.resolved:
                        self.twice.append(alert["id"])
                    self.resolved.add(alert["id"])


@pytest.mark.parametrize("kind", KINDS)
def test_killed_under_load_each_flagged_decision_has_its_alert_once(
    make_database: Callable[[str], Database], kind: str
) -> None:
    database, load, chance = make_database(kind), Load(), random.Random(7)
    for _ in range(2):
        with serve(database) as process:
            load.retry(process)
            before = len(load.acknowledged)
            threads, people = load.start(process), People(process)
            load.wait_for(before + 150, "acknowledged")
            time.sleep(chance.uniform(0, 0.5))
            process.kill()
            for thread in threads:
                thread.join(30)
            people.join()
        assert load.refused == []
        assert people.twice == []
        assert check_alerts(database) > 0
        closed = {row[0] for row in database.rows("select id from alerts where state = 'resolved'")}
        assert people.resolved <= closed
        told = {
            row[0] for row in database.rows("select alert_id from activities where kind = 'alert.resolved'")
        }
        assert told == closed
    with serve(database) as process:
        load.retry(process)
    assert check_alerts(database) > 0
