"""Killed while people close cases and resolve alerts: what was decided becomes labels, each once."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from riskloom.bundle import write_bundle
from support.cases import case_bundle, large
from support.databases import KINDS, Database
from support.process import Process, serve
from support.replay import check_log

pytestmark = pytest.mark.e2e
PEOPLE = 3
ROUNDS = 3


def work_until_killed(process: Process, numbers: itertools.count[int], acknowledged: list[int]) -> None:
    """Payments of one customer after the other; the case of each is closed, every third alert resolved."""
    with process.client() as client, contextlib.suppress(httpx.TransportError):
        while True:
            number = next(numbers)
            user = f"u-{number}"
            for at in (0, 1):
                event = large(2 * number + at, user=user, timestamp=None)
                client.post("/api/v1/score", json=event).raise_for_status()
            (found,) = client.get("/api/v1/alerts", params={"entity": user}).json()["items"]
            alert = found["id"]
            if number % 3 == 0:
                body = {"disposition": "false_positive", "reason": "known"}
                client.post(f"/api/v1/alerts/{alert}/resolve", json=body).raise_for_status()
                continue
            case = client.post("/api/v1/cases", json={"alert": alert}).raise_for_status().json()
            body = {"disposition": "confirmed_fraud", "reason": "stolen", "version": case["version"]}
            path = f"/api/v1/cases/{case['case_id']}/close"
            closed = client.post(path, json=body).raise_for_status().json()
            assert closed["state"] == "closed"
            acknowledged.append(case["case_id"])


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_decided_before_a_kill_becomes_labels_after_it(
    make_database: Callable[[str], Database], tmp_path: Path, kind: str
) -> None:
    database, bundle = make_database(kind), case_bundle()
    folder = str(write_bundle(bundle, tmp_path / "bundle"))
    numbers, acknowledged = itertools.count(), list[int]()
    for turn in range(1, ROUNDS + 1):
        with serve(database, "--bundle", folder) as process:
            people = [
                threading.Thread(target=work_until_killed, args=(process, numbers, acknowledged))
                for _ in range(PEOPLE)
            ]
            for person in people:
                person.start()
            deadline = time.monotonic() + 60
            while len(acknowledged) < 15 * turn and time.monotonic() < deadline:
                time.sleep(0.005)
            process.kill()
            for person in people:
                person.join(30)
    assert len(acknowledged) >= 15 * ROUNDS
    with serve(database, "--bundle", folder):
        deadline = time.monotonic() + 30
        while database.one(UNFINISHED) and time.monotonic() < deadline:
            time.sleep(0.05)
    states = dict(database.rows("select id, state from cases"))
    assert {states[case_id] for case_id in acknowledged} == {"closed"}
    assert set(states.values()) <= {"open", "closed"}
    told = database.rows(
        "select a.id, e.event_id, c.disposition, a.disposition, l.code, count(l.arrival) from alerts a "
        "join alert_events ae on ae.alert_id = a.id join events e on e.arrival = ae.arrival "
        "left join cases c on c.id = a.case_id left join labels l on l.about = e.arrival "
        "group by a.id, e.event_id, c.disposition, a.disposition, l.code"
    )
    for alert_id, event_id, of_case, of_alert, code, count in told:
        assert of_case in (None, of_alert), f"alert {alert_id} was resolved with its case"
        assert (code, count) == (of_alert, 1 if of_alert else 0), f"{event_id} of alert {alert_id}"
    check_log(database, bundle)


UNFINISHED = (
    "select (select count(*) from cases where state = 'closing') + (select count(*) from alerts "
    "where disposition is not null and (told_at_us is null or told_at_us < closed_at_us))"
)
