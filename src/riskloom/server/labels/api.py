"""Routes of labels, version 1."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response

from riskloom.domain.chargeback import Chargebacks, read_codes
from riskloom.domain.event import decode_json
from riskloom.errors import DataInvalid, Fault, show
from riskloom.server.kit.http import PROBLEMS, Query, answer, needs, read_body, runtime_of
from riskloom.server.labels.chargebacks import take_in
from riskloom.server.labels.quality import DAY_US
from riskloom.server.security.access import Scope

router = APIRouter(tags=["labels"], responses=PROBLEMS)
BATCH_LIMIT = 10_000
_FIRST_US, _LAST_US = -(1 << 62), 1 << 62
CSV_EXAMPLE = "event_id,code,known_at\ntx-1,10.4,2026-02-14\n"
EXAMPLE = {"event_id": "tx-1", "fraud": True, "source": "chargeback", "known_at": "2026-02-14T09:00:00Z"}


@router.post(
    "/labels",
    dependencies=[needs(Scope.LABELS_WRITE)],
    summary="Tell what events turned out to be, durably",
    openapi_extra={"requestBody": {"required": True, "content": {"application/json": {"example": EXAMPLE}}}},
)
async def tell(request: Request) -> Response:
    """One label, `{"labels": [...]}` or a bare list of up to 10,000.

    A label: event_id, fraud, source (chargeback, analyst, customer, rule), and where known known_at,
    confidence and code. The same label again changes nothing. A list is answered in order; a faulty label
    gives `{"error": problem}` in its place and stops no other.
    """
    data = decode_json(await read_body(request))
    service = runtime_of(request).labels
    if isinstance(data, dict) and "labels" not in data:
        return answer(await service.tell_one(data))
    listed = data["labels"] if isinstance(data, dict) else data
    if not isinstance(listed, list):
        raise DataInvalid(Fault("labels", "a list of labels", type(listed).__name__))
    if len(listed) > BATCH_LIMIT:
        raise DataInvalid(Fault("labels", f"at most {BATCH_LIMIT} labels", str(len(listed))))
    return answer({"results": await service.tell_many(listed)})


@router.post(
    "/labels/chargebacks",
    dependencies=[needs(Scope.LABELS_WRITE)],
    summary="Take in a bank's CSV of chargebacks, durably",
    openapi_extra={"requestBody": {"required": True, "content": {"text/csv": {"example": CSV_EXAMPLE}}}},
)
async def chargebacks(request: Request) -> Response:
    """A CSV of up to 10,000 rows. `event_id`, `code` and `known_at` name its columns where they are called
    otherwise; `codes=77:fraud,13.1:friendly_fraud` says what codes are, beside the table of the networks.

    Rows that cannot be taken, those with an unknown code among them, are `dead_letters` and stop no other.
    """
    query = Query(request)
    names = {name: query.text(name) or name for name in ("event_id", "code", "known_at")}
    given = [part.partition(":") for part in (query.text("codes") or "").split(",") if part]
    query.finish()
    codes = read_codes({code: said for code, _, said in given})
    try:
        text = (await read_body(request)).decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataInvalid(Fault("body", "UTF-8", str(error))) from error
    return answer(await take_in(runtime_of(request).labels, text, Chargebacks(**names, codes=codes)))


@router.get("/quality", dependencies=[needs(Scope.LABELS_READ)], summary="How good decisions were")
async def quality(request: Request) -> Response:
    """Decisions on events from `from` to before `to`. With `mature_days` an event that old of which nobody
    said anything counts as honest; else only what is labelled counts, and `maturity` is its share.
    """
    query = Query(request)
    from_us, to_us = query.time_us("from"), query.time_us("to")
    days = query.number("mature_days", 0, 3_650)
    query.finish()
    mature_us = None if days is None else round(days * DAY_US)
    told = runtime_of(request).labels.quality
    return answer(await asyncio.to_thread(told, from_us or _FIRST_US, to_us or _LAST_US, mature_us))


@router.get("/labels", dependencies=[needs(Scope.LABELS_READ)], summary="Labels of an event, or all of them")
async def labels(request: Request) -> Response:
    """With event_id all labels of that event and the one that counts; else every label, told last first."""
    query = Query(request)
    event_id = query.text("event_id")
    limit, cursor = query.integer("limit", 50, 1, 500), query.text("cursor")
    if cursor is not None and not (cursor.isdecimal() and cursor.isascii() and len(cursor) <= 18):
        query.fault("cursor", "what 'next' of the page before says", show(cursor))
    query.finish()
    service = runtime_of(request).labels
    if event_id is not None:
        return answer(await asyncio.to_thread(service.of_event, event_id))
    return answer(await asyncio.to_thread(service.page, limit, int(cursor) if cursor else None))
