"""Routes of events and decisions, version 1."""

from __future__ import annotations

import asyncio
import contextlib
import re
import tempfile
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from riskloom.domain.decision import LADDER
from riskloom.domain.event import decode_json
from riskloom.errors import DataInvalid, Fault, RiskloomError, StoreUnavailable, show
from riskloom.server.decisions.list_repo import Filter, Page
from riskloom.server.decisions.service import DecisionService, read_batch
from riskloom.server.kit.http import (
    NDJSON,
    PROBLEMS,
    Query,
    answer,
    needs,
    read_body,
    read_lines,
    runtime_of,
)
from riskloom.server.security.access import Scope

router = APIRouter(responses=PROBLEMS)
WRITE = [needs(Scope.EVENTS_WRITE)]
READ = [needs(Scope.DECISIONS_READ)]
SPOOL_BYTES = 8_000_000
_CURSOR = re.compile(r"([0-9]{1,18})(?::((?:[0-9]{1,3}(?:\.[0-9]{1,20})?(?:e-[0-9]{1,3})?)?))?")
_LADDER = tuple(outcome.value for outcome in LADDER)


@router.post("/score", dependencies=WRITE, tags=["events"], summary="Decide one event, durably")
async def score(request: Request) -> Response:
    """Decide one event and answer once that is on disk.

    The same event id with the same body gives the stored decision and changes nothing; with another body
    it is a 409 that shows the difference. `?dry_run=true` looks and stores nothing;
    `?include_explanations=true` says of an approved event too what each feature added to its score.
    """
    query = Query(request)
    dry_run, explain = query.flag("dry_run") or False, query.flag("include_explanations") or False
    query.finish()
    service = runtime_of(request).decisions
    view = await service.score(
        await read_body(request),
        idempotency_key=request.headers.get("idempotency-key", ""),
        started=request.headers.get("x-request-start", ""),
        dry_run=dry_run,
        include_explanations=explain,
    )
    return answer(view)


@router.post("/events", dependencies=WRITE, tags=["events"], summary="Take one event in without deciding it")
async def ingest(request: Request) -> Response:
    """The event becomes part of the history; it can be decided later by its id, from the vector frozen
    now."""
    key = request.headers.get("idempotency-key", "")
    service = runtime_of(request).decisions
    return answer(await service.ingest(await read_body(request), idempotency_key=key), 201)


@router.post(
    "/score/batch", dependencies=WRITE, tags=["events"], summary="Decide up to 10,000 events, or NDJSON"
)
async def score_batch(request: Request) -> Response:
    """`{"events": [...]}`, a bare list, or NDJSON of any length (Content-Type: application/x-ndjson).

    Answers in order; a faulty event gives `{"error": problem}` in its place and stops no other.
    """
    return await _batch(request, score=True)


@router.post(
    "/events/batch", dependencies=WRITE, tags=["events"], summary="Take many events in without deciding"
)
async def ingest_batch(request: Request) -> Response:
    """As `/score/batch`, but the events only become part of the history."""
    return await _batch(request, score=False)


@router.post(
    "/events/{event_id:path}/score", dependencies=WRITE, tags=["events"], summary="Decide an ingested event"
)
async def score_stored(request: Request, event_id: str) -> Response:
    """From the vector frozen when it came; the stored decision where there is one."""
    return answer(await runtime_of(request).decisions.score_stored(event_id))


@router.get(
    "/decisions", dependencies=READ, tags=["decisions"], summary="Decisions, newest or riskiest first"
)
async def list_decisions(request: Request) -> Response:
    """Filters: outcome, flagged, min_risk, reason, severity, entity (or the main entity's field), since,
    until."""
    service = runtime_of(request).decisions
    narrowed, page = _read_list(request, service, decided=True)
    return answer(await asyncio.to_thread(service.list_decisions, narrowed, page))


@router.get(
    "/decisions/{event_id:path}",
    dependencies=READ,
    tags=["decisions"],
    summary="One decision with its evidence",
)
async def get_decision(request: Request, event_id: str) -> Response:
    """With the feature vector against what is usual, the events that are the evidence, and the label that
    counts, or null."""
    runtime = runtime_of(request)
    view = await asyncio.to_thread(runtime.decisions.get, event_id)
    return answer({**view, "label": await asyncio.to_thread(runtime.labels.effective, view["arrival"])})


@router.get("/events", dependencies=READ, tags=["events"], summary="Events, newest first")
async def list_events(request: Request) -> Response:
    """Filters: entity (or the main entity's field, such as user_id), since, until."""
    service = runtime_of(request).decisions
    narrowed, page = _read_list(request, service, decided=False)
    return answer(await asyncio.to_thread(service.list_events, narrowed, page))


@router.get("/stats", dependencies=READ, tags=["decisions"], summary="Live counts")
async def stats(request: Request) -> Response:
    """Totals, the last hour, decisions by minute, the most frequent reasons of a day."""
    return answer(await asyncio.to_thread(runtime_of(request).decisions.stats))


def _read_list(request: Request, service: DecisionService, *, decided: bool) -> tuple[Filter, Page]:
    query = Query(request)
    entity = query.text("entity", runtime_of(request).bundle.scenario.main_entity)
    outcome = query.choice("outcome", _LADDER)
    outcomes: tuple[int, ...] | None = None if outcome is None else (_LADDER.index(outcome),)
    flagged = query.flag("flagged")
    if flagged is not None:
        outcomes = tuple(rank for rank in outcomes or (0, 1, 2) if (rank > 0) is flagged)
    by_risk = query.choice("order", ("newest", "risk")) == "risk"
    narrowed = Filter(
        entity_key=None if entity is None else service.entity_key(entity),
        outcomes=outcomes,
        min_risk=query.number("min_risk", 0, 100),
        reason=query.text("reason"),
        severity=query.choice("severity", ("low", "medium", "high", "critical")),
        since_us=query.time_us("since"),
        until_us=query.time_us("until"),
        decided=decided,
        by_risk=by_risk,
    )
    page = _read_page(query, by_risk)
    query.finish()
    return narrowed, page


def _read_page(query: Query, by_risk: bool) -> Page:
    limit = query.integer("limit", 50, 1, 500)
    cursor = query.text("cursor")
    if cursor is None:
        return Page(limit)
    match = _CURSOR.fullmatch(cursor)
    if match is None or (match[2] is not None) is not by_risk:
        query.fault("cursor", "what 'next' of the page before says, in the same order", show(cursor))
        return Page(limit)
    return Page(limit, int(match[1]), float(match[2]) if match[2] else None)


async def _batch(request: Request, *, score: bool) -> Response:
    service = runtime_of(request).decisions
    key = request.headers.get("idempotency-key", "")
    if request.headers.get("content-type", "").partition(";")[0].strip() == NDJSON:
        return await _stream(request, service, score=score, key=key)
    items = read_batch(await read_body(request))
    places = [f"events[{at}]" for at in range(len(items))]
    taken = service.take_many(items, places, score=score, idempotency_key=key)
    results = [result async for result in taken]
    if results and all("error" in result and result["error"]["status"] == 503 for result in results):
        raise StoreUnavailable(results[0]["error"]["detail"], hint="nothing was taken; send the batch again")
    return answer({"results": results})


async def _stream(request: Request, service: DecisionService, *, score: bool, key: str) -> Response:
    """NDJSON in, NDJSON out. Answers wait on disk until the body is read: many clients send all before
    they read."""
    limit = runtime_of(request).settings.max_body_bytes
    count = 0
    with contextlib.ExitStack() as stack:
        spool = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES))
        async for lines in read_lines(request.stream(), limit):
            numbered = [
                (number, line) for number, line in enumerate(lines, count + 1) if line is None or line.strip()
            ]
            items = [_decode_line(line, number, limit) for number, line in numbered]
            places = [f"line {number}" for number, _ in numbered]
            async for result in service.take_many(items, places, score=score, idempotency_key=key):
                spool.write(msgspec.json.encode(result) + b"\n")
            count += len(lines)
        spool.seek(0)
        stack.pop_all()  # from here on the answer closes it
    return StreamingResponse(_drain(spool), media_type=NDJSON)


def _decode_line(line: bytes | None, number: int, limit: int) -> object:
    if line is None:
        return DataInvalid(Fault(f"line {number}", f"a line of at most {limit:,} bytes", "a longer one"))
    try:
        return decode_json(line)
    except RiskloomError as error:
        return DataInvalid(Fault(f"line {number}", "one event as JSON", error.message))


async def _drain(spool: Any) -> AsyncIterator[bytes]:
    with spool:
        while chunk := spool.read(1 << 16):
            yield chunk
