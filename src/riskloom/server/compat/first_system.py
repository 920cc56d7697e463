"""The paths and shapes of the first system, on the same services."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from riskloom.domain.event import decode_json
from riskloom.errors import EventInvalid, Fault, show
from riskloom.server.decisions.list_repo import Filter, Page
from riskloom.server.decisions.record import row_values
from riskloom.server.kit.http import PROBLEMS, Query, answer, needs, read_body, runtime_of, served_of
from riskloom.server.security.access import Scope

router = APIRouter(tags=["first system"], responses=PROBLEMS)


def flat_decision(view: dict[str, Any]) -> dict[str, Any]:
    """A decision in the first system's shape; scores are numbers there, 0 where there was no model."""
    return {
        "event_id": view["event_id"],
        "anomaly_score": view["anomaly_score"] or 0,
        "risk_score": view["risk_score"] or 0,
        "flagged": view["flagged"],
        "reasons": _flat_reasons(view),
        "outcome": view["outcome"],
        "degraded": view["degraded"],
        "scored_at_utc": view["decided_at"],
    }


@router.post("/score", dependencies=[needs(Scope.EVENTS_WRITE)])
async def score(request: Request) -> Response:
    """Decide one event; as `/api/v1/score`, in the first system's shape."""
    service = runtime_of(request).decisions
    query = Query(request)
    dry_run = query.flag("dry_run") or False
    query.finish()
    key = request.headers.get("idempotency-key", "")
    view = await service.score(await read_body(request), idempotency_key=key, dry_run=dry_run)
    return answer(flat_decision(view))


@router.post("/ingest", dependencies=[needs(Scope.EVENTS_WRITE)])
async def ingest(request: Request) -> Response:
    """Take one event in without deciding it."""
    key = request.headers.get("idempotency-key", "")
    taken = await runtime_of(request).decisions.ingest(await read_body(request), idempotency_key=key)
    return answer({"stored_event_id": taken["event_id"], "stored_feature_id": taken["arrival"]})


@router.post("/score-by-event-id", dependencies=[needs(Scope.EVENTS_WRITE)])
async def score_by_event_id(request: Request) -> Response:
    """Decide an event that was ingested before."""
    data = decode_json(await read_body(request))
    event_id = data.get("event_id") if isinstance(data, dict) else None
    if type(event_id) is not str or not event_id:
        raise EventInvalid(Fault("event_id", "the id of an ingested event", show(event_id)))
    return answer(flat_decision(await runtime_of(request).decisions.score_stored(event_id)))


@router.post("/retrain", dependencies=[needs(Scope.MODELS_WRITE)])
async def retrain(request: Request) -> Response:
    """Train on stored vectors and swap the model in; 202 with a job when it takes longer than the server
    waits."""
    query = Query(request)
    percentile = query.number("percentile", 0, 100)
    query.finish()
    job = await runtime_of(request).models.retrain(percentile)
    if job["status"] == "running":
        return answer(job, 202)
    keys = ("trained_rows", "threshold", "percentile")
    return answer({key: job["result"][key] for key in keys})


@router.get("/events", dependencies=[needs(Scope.DECISIONS_READ)])
async def events(request: Request) -> Response:
    """Events and their features, flat, newest first."""
    query = Query(request)
    narrowed, page = _narrowed(request, query), Page(query.integer("limit", 100, 1, 1000))
    query.finish()
    runtime = runtime_of(request)
    rows = await asyncio.to_thread(runtime.decisions.rows, narrowed, page)
    names = runtime.bundle.scenario.feature_names
    return answer([{**_fields(request, row), **_vector(row, names)} for row in rows])


@router.get("/scores", dependencies=[needs(Scope.DECISIONS_READ)])
async def scores(request: Request) -> Response:
    """Decided events with scores and reasons, flat, newest first."""
    query = Query(request)
    flagged = query.flag("flagged_only")
    narrowed = _narrowed(
        request,
        query,
        decided=True,
        outcomes=(1, 2) if flagged else None,
        min_risk=query.number("min_risk", 0, 100),
    )
    page = Page(query.integer("limit", 100, 1, 1000))
    query.finish()
    service = runtime_of(request).decisions
    listed = await asyncio.to_thread(service.list_decisions, narrowed, page)
    return answer([{**view["event"], **flat_decision(view)} for view in listed["items"]])


@router.get("/model-runs", dependencies=[needs(Scope.MODELS_READ)])
async def model_runs(request: Request) -> Response:
    """Every training, newest first."""
    runs = await asyncio.to_thread(runtime_of(request).models.runs)
    keys = ("model_type", "trained_rows", "threshold", "percentile", "feature_columns")
    return answer([{"created_at_utc": run["created_at"], **{key: run[key] for key in keys}} for run in runs])


@router.get("/health", dependencies=[needs(Scope.PUBLIC)])
async def health(request: Request) -> Response:
    """Alive."""
    return answer(served_of(request).health())


def _narrowed(request: Request, query: Query, **others: Any) -> Filter:
    user = query.text(runtime_of(request).bundle.scenario.main_entity or "user_id", "user_id")
    key = None if user is None else runtime_of(request).decisions.entity_key(user)
    return Filter(entity_key=key, **others)


def _fields(request: Request, row: Any) -> dict[str, Any]:
    return runtime_of(request).views.event_fields(*row_values(row))


def _vector(row: Any, names: tuple[str, ...]) -> dict[str, Any]:
    values = memoryview(row.vector).cast("d").tolist()
    if len(values) != len(names):
        return {}
    return {name: None if value != value else value for name, value in zip(names, values, strict=True)}


def _flat_reasons(view: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"reason": reason["code"], "detail": reason["message"], "severity": reason["severity"]}
        for reason in view["reasons"]
    ]
