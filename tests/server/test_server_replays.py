"""Replays over HTTP: a process of its own reads the log, tells how far it is, and can be cancelled."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from riskloom.bundle import Bundle
from support.databases import Database
from support.events import burst
from support.server import Server, problem, serving

RULE = {"code": "ALL", "when": "amount > 0", "severity": "high", "action": "flag", "message": "All"}


def wait_for(server: Server, job_id: str) -> dict[str, Any]:
    async def ended() -> None:
        while server.runtime.replays.get(job_id).status == "running":
            await asyncio.sleep(0.05)

    server.run(asyncio.wait_for(ended(), 60))
    found: dict[str, Any] = server.get(f"/api/v1/replays/{job_id}").json()
    return found


@pytest.mark.slow
def test_other_rules_are_tried_on_what_was_stored(database: Database, bundle: Bundle) -> None:
    with serving(database, bundle) as server:
        for event in burst(12):
            server.score(event)
        before = database.counts()
        for event_id in ("b-1", "b-2"):
            server.post("/api/v1/labels", {"event_id": event_id, "fraud": True, "source": "analyst"})
        asked = {"rules": [RULE], "costs": {"review": 1.0}, "budget": 5}
        begun = server.post("/api/v1/replays", asked)
        assert begun.status_code == 202, begun.text
        job = wait_for(server, begun.json()["job_id"])
        assert (job["status"], job["error"], job["counted"]) == ("done", None, 12)
        assert list(job["sides"]) == ["champion", "tried"]
        text = str(job["result"])
        assert "ALL" in text
        assert database.counts() == before, "a replay stores nothing"
        assert server.get("/api/v1/replays").json()[0]["status"] == "done"


@pytest.mark.slow
def test_a_replay_that_cannot_be_run_says_why_and_one_is_cancelled(
    database: Database, bundle: Bundle
) -> None:
    with serving(database, bundle) as server:
        begun = server.post("/api/v1/replays", {"rules": [RULE]}).json()
        cancelled = server.request("DELETE", f"/api/v1/replays/{begun['job_id']}").json()
        assert cancelled["status"] == "cancelled"
        begun = server.post("/api/v1/replays", {"rules": [RULE]}).json()
        job = wait_for(server, begun["job_id"])
        assert job["status"] == "failed"
        assert "events" in job["error"]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"rules": [{**RULE, "when": "amuont > 0"}]}, 422),
        ({"versions": ["3"]}, 422),
        ({"versions": [3]}, 404),
        ({"from": "yesterday"}, 422),
        ({"budget": "many", "rules": [RULE]}, 422),
        ({"unknown": 1}, 422),
    ],
)
def test_a_faulty_order_is_refused_before_anything_runs(
    server: Server, asked: dict[str, Any], status: int
) -> None:
    assert server.post("/api/v1/replays", asked).status_code == status
    assert server.get("/api/v1/replays").json() == []


def test_an_unknown_replay_is_404(server: Server) -> None:
    problem(server.get("/api/v1/replays/none"), 404, "not_found")
