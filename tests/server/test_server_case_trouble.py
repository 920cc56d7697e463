"""Cases and alerts when the process ends between a decision and its labels, or nothing can be written."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from riskloom.bundle import Bundle
from riskloom.clock import FixedClock
from riskloom.errors import StoreUnavailable
from riskloom.server.alerts.service import AlertService
from riskloom.server.cases import closing
from riskloom.server.cases.alert_label_repo import AlertLabelRepo
from riskloom.server.cases.findings import Findings
from riskloom.server.cases.move_repo import MoveRepo
from support.cases import ask, case_bundle, closed, done, labels_of, large, opened
from support.databases import Database
from support.events import NOW_US
from support.server import Server, serving


class Killed(Exception):
    """Stands for the end of the process."""


@pytest.fixture(scope="module")
def desk_bundle() -> Bundle:
    """Payments whose cases above 5,000 take two people."""
    return case_bundle()


def ends(_self: object, *_given: Any, **_named: Any) -> Any:
    """The process ends here."""
    raise Killed


def until(condition: Callable[[], bool]) -> None:
    """Wait for what goes on beside the server."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def state_of(server: Server, case_id: int) -> str:
    """The state of a case."""
    state: str = done(ask(server, "GET", f"/{case_id}"))["state"]
    return state


STEPS = [(Findings, "tell"), (MoveRepo, "told"), (AlertService, "_changed"), (MoveRepo, "finish")]


@pytest.mark.parametrize(("room", "step"), STEPS, ids=[f"{room.__name__}.{step}" for room, step in STEPS])
def test_a_process_that_ends_in_the_middle_of_closing_leaves_it_to_the_next_one(
    database: Database, desk_bundle: Bundle, monkeypatch: pytest.MonkeyPatch, room: type, step: str
) -> None:
    with serving(database, desk_bundle, clock=FixedClock(NOW_US)) as server:
        case = opened(server, 1, 2)
        with monkeypatch.context() as broken:
            broken.setattr(room, step, ends)
            with pytest.raises(Killed):
                closed(server, case, disposition="suspected")
        assert state_of(server, case["case_id"]) == "closing"
    with serving(database, desk_bundle, clock=FixedClock(NOW_US + 9_000_000_000)) as server:
        until(lambda: state_of(server, case["case_id"]) == "closed")
        case = done(ask(server, "GET", f"/{case['case_id']}"))
        assert {one["state"] for one in case["alert_list"]} == {"resolved"}
        for event_id in ("p-1", "p-2"):
            (label,) = labels_of(server, event_id)
            assert (label["code"], label["known_at"]) == ("suspected", case["decided_at"])


@pytest.mark.parametrize(("room", "step"), [(Findings, "tell"), (AlertLabelRepo, "told")])
def test_an_alert_resolved_by_itself_keeps_its_labels_too(
    database: Database, desk_bundle: Bundle, monkeypatch: pytest.MonkeyPatch, room: type, step: str
) -> None:
    body = {"disposition": "friendly_fraud", "reason": "the customer's son"}
    with serving(database, desk_bundle, clock=FixedClock(NOW_US)) as server:
        server.score(large(1))
        with monkeypatch.context() as broken:
            broken.setattr(room, step, ends)
            with pytest.raises(Killed):
                server.post("/api/v1/alerts/1/resolve", body)
    with serving(database, desk_bundle, clock=FixedClock(NOW_US + 9_000_000_000)) as server:
        until(lambda: database.one("select count(*) from alerts where told_at_us = closed_at_us") == 1)
        (label,) = labels_of(server, "p-1")
        assert (label["fraud"], label["code"]) == (False, "friendly_fraud")


def test_while_the_database_takes_nothing_a_case_is_closing_and_ends_by_itself(
    database: Database, desk_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "PAUSE_S", 0.02)
    tell, failing = Findings.tell, {"now": True}

    async def sometimes(self: Findings, *given: Any) -> list[str]:
        if failing["now"]:
            raise StoreUnavailable("The disk is full.")
        return await tell(self, *given)

    monkeypatch.setattr(Findings, "tell", sometimes)
    with serving(database, desk_bundle, clock=FixedClock(NOW_US)) as server:
        case = opened(server, 1)
        assert closed(server, case)["state"] == "closing"
        refused = ask(server, "POST", f"/{case['case_id']}/reopen", {"reason": "x", "version": 2})
        assert refused.status_code == 409
        failing["now"] = False
        until(lambda: state_of(server, case["case_id"]) == "closed")
        assert len(labels_of(server, "p-1")) == 1
