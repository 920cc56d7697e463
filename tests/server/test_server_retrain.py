"""Retraining on stored vectors: in a child, swapped in whole, there again after a restart."""

from __future__ import annotations

import asyncio
import importlib.util
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from riskloom.bundle import Bundle, make_bundle, read_bundle
from riskloom.scenario.load import load_scenario, scenario_from_parts
from riskloom.server.models.retrain_job import train
from riskloom.server.models.service import ModelService
from support.databases import Database
from support.events import history, payment
from support.replay import check_log
from support.server import Server, faults, problem, serving

ROWS = 130


@pytest.fixture(scope="module")
def quick() -> Bundle:
    """Rules alone, and a detector that trains fast."""
    parts = dict(load_scenario("card_payments").parts)
    parts["model"] = {"detector": {"parameters": {"trees": 10, "max_samples": 32}}}
    return make_bundle(scenario_from_parts(parts), None)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train in a thread: the same work without the seconds a process takes to begin."""

    async def train_here(_self: ModelService, order: dict[str, Any]) -> str:
        return str(await asyncio.to_thread(train, order))

    monkeypatch.setattr(ModelService, "_child", train_here)


def fill(server: Server, count: int = ROWS) -> None:
    """Some history, taken in."""
    answer = server.post("/api/v1/events/batch", {"events": history(count)})
    assert all("error" not in result for result in answer.json()["results"])


def wait_for(server: Server, job_id: str) -> dict[str, Any]:
    """The job when it has ended."""
    for _ in range(1200):
        job: dict[str, Any] = server.get(f"/api/v1/models/jobs/{job_id}").json()
        if job["status"] != "running":
            return job
        time.sleep(0.05)
    raise AssertionError("the training does not end")


@pytest.mark.usefixtures("in_process")
def test_retrain_swaps_a_model_in_and_it_survives_a_restart(database: Database, quick: Bundle) -> None:
    with serving(database, quick) as server:
        fill(server)
        assert server.score(payment("before"))["degraded"] == ["no_model"]
        answer = server.post("/retrain?percentile=97")
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert set(body) == {"trained_rows", "threshold", "percentile"}
        assert (body["trained_rows"], body["percentile"]) == (ROWS + 1, 97)
        after = server.score(payment("after"))
        assert after["degraded"] == []
        assert after["risk_score"] is not None
        (run,) = server.get("/model-runs").json()
        keys = {"created_at_utc", "model_type", "trained_rows", "threshold", "percentile", "feature_columns"}
        assert set(run) == keys
        assert (run["model_type"], run["threshold"]) == ("isolation_forest", body["threshold"])
        assert run["feature_columns"] == list(quick.scenario.feature_names)
        fingerprint = after["bundle"]
        assert server.get("/api/v1/models").json()["current"]["bundle"] == fingerprint
        assert server.get("/api/v1/health").json()["model"] == {
            "kind": "isolation_forest",
            "trained_rows": ROWS + 1,
        }
        assert server.get("/api/v1/scenario").json()["policy"]["percentile"] == 97
        assert server.get("/api/v1/decisions/before").json()["degraded"] == ["no_model"]
    with serving(database, quick) as server:
        assert server.runtime.bundle.fingerprint == fingerprint
        assert server.score(payment("after")) == after
        assert server.score(payment("later"))["bundle"] == fingerprint
        swapped = server.runtime.bundle
    check_log(database, swapped)


@pytest.mark.slow
def test_a_training_that_takes_longer_answers_202_with_a_job(
    make_database: Callable[[str], Database], quick: Bundle
) -> None:
    database = make_database("sqlite")
    with serving(database, quick, retrain_wait_s=0.05) as server:
        fill(server)
        answer = server.post("/retrain?percentile=95")
        assert answer.status_code == 202
        job = answer.json()
        assert job["status"] == "running"
        again = server.post("/api/v1/models/retrain?percentile=95")
        assert (again.status_code, again.json()["job_id"]) == (202, job["job_id"]), (
            "the same training is joined"
        )
        problem(server.post("/retrain?percentile=96"), 409, "conflict")
        scored = 0
        while server.get(f"/api/v1/models/jobs/{job['job_id']}").json()["status"] == "running":
            assert server.score(payment(f"meanwhile-{scored}"))["outcome"]
            scored += 1
        assert scored > 3, "scoring goes on during a training"
        done = wait_for(server, job["job_id"])
        assert done["status"] == "done"
        assert done["result"]["percentile"] == 95
        assert server.score(payment("after"))["degraded"] == []


@pytest.mark.usefixtures("in_process")
def test_without_a_percentile_the_present_one_is_kept(
    make_database: Callable[[str], Database], quick: Bundle
) -> None:
    with serving(make_database("sqlite"), quick) as server:
        fill(server)
        assert server.post("/retrain").json()["percentile"] == 98
        second = server.post("/api/v1/models/retrain?percentile=90").json()
        assert second["status"] == "done"
        assert second["result"]["percentile"] == 90
        assert server.post("/retrain").json()["percentile"] == 90
        runs = server.get("/api/v1/models").json()["runs"]
        assert [run["percentile"] for run in runs] == [90, 90, 98]


@pytest.mark.usefixtures("in_process")
def test_too_few_events_are_a_clear_fault(server: Server) -> None:
    server.score(payment())
    assert "at least 100 events" in problem(server.post("/retrain"), 422, "data_invalid")["detail"]
    assert server.get("/model-runs").json() == []
    assert server.runtime.bundle.model is None


@pytest.mark.parametrize("percentile", ["-1", "101", "x", "nan", "1e999"])
def test_a_percentile_out_of_range_is_a_422(server: Server, percentile: str) -> None:
    assert "percentile" in faults(server.post(f"/retrain?percentile={percentile}"), "parameter_invalid")


def test_without_scikit_learn_it_is_a_501_that_names_the_extra(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "sklearn" else find_spec(name, *rest)
    )
    for path in ("/retrain", "/api/v1/models/retrain"):
        body = problem(server.post(path), 501, "extra_missing")
        assert "riskloom[train]" in body["hint"]


def test_a_child_that_dies_is_a_failed_job_and_changes_nothing(
    make_database: Callable[[str], Database], quick: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(_self: ModelService, order: dict[str, Any]) -> str:
        order["base"] = "/nowhere"
        return await child(_self, order)

    async def ends_badly(_self: ModelService, _order: dict[str, Any]) -> str:
        return "/nowhere/at/all"

    child = ModelService._child
    monkeypatch.setattr(ModelService, "_child", dies)
    with serving(make_database("sqlite"), quick) as server:
        fill(server)
        assert "/nowhere" in problem(server.post("/retrain"), 422, "data_invalid")["detail"]
        monkeypatch.setattr(ModelService, "_child", ends_badly)
        problem(server.post("/retrain"), 422, "bundle_invalid")
        assert server.score(payment())["degraded"] == ["no_model"]
        assert server.runtime.models._running is None, "the next one may begin"


def test_a_bundle_that_cannot_be_written_is_a_503(
    make_database: Callable[[str], Database], quick: Bundle
) -> None:
    database = make_database("sqlite")
    database.data_dir.mkdir(parents=True)
    (database.data_dir / "bundles").write_text("a file where the folder should be")
    with serving(database, quick) as server:
        fill(server)
        problem(server.post("/retrain"), 503, "store_unavailable")
        assert server.score(payment())["degraded"] == ["no_model"]


def test_an_unknown_job_is_404(server: Server) -> None:
    problem(server.get("/api/v1/models/jobs/nothing"), 404, "not_found")


def test_a_server_that_ends_during_a_training_ends_it(
    make_database: Callable[[str], Database], quick: Bundle
) -> None:
    database = make_database("sqlite")
    with serving(database, quick, retrain_wait_s=0) as server:
        fill(server)
        assert server.post("/retrain").status_code == 202
    with serving(database, quick) as server:
        assert server.runtime.bundle.fingerprint == quick.fingerprint
        assert server.get("/model-runs").json() == []


@pytest.mark.usefixtures("in_process")
def test_a_retrained_bundle_that_is_gone_is_not_served(
    make_database: Callable[[str], Database], quick: Bundle
) -> None:
    database = make_database("sqlite")
    with serving(database, quick) as server:
        fill(server)
        server.post("/retrain")
        fingerprint = server.runtime.bundle.fingerprint
    folder = Path(database.data_dir) / "bundles" / fingerprint
    assert read_bundle(folder).fingerprint == fingerprint
    shutil.rmtree(folder)
    with serving(database, quick) as server:
        assert server.runtime.bundle.fingerprint == quick.fingerprint
        assert server.score(payment())["degraded"] == ["no_model"]


@pytest.mark.usefixtures("in_process")
def test_a_bundle_given_after_a_training_is_served(
    make_database: Callable[[str], Database], quick: Bundle, trained: Bundle
) -> None:
    database = make_database("sqlite")
    with serving(database, quick) as server:
        fill(server)
        server.post("/retrain")
    with serving(database, trained) as server:
        assert server.runtime.bundle.fingerprint == trained.fingerprint
