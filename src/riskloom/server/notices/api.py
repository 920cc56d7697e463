"""Routes of channels and notices."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from riskloom.errors import show
from riskloom.server.kit.http import (
    PROBLEMS,
    Query,
    actor_of,
    answer,
    needs,
    read_object,
    runtime_of,
    text_of,
)
from riskloom.server.notices.message import KINDS
from riskloom.server.notices.repo import STATES
from riskloom.server.notices.service import NoticeService
from riskloom.server.security.access import Scope

router = APIRouter(tags=["notices"], responses=PROBLEMS)
READ, WRITE = [needs(Scope.NOTICES_READ)], [needs(Scope.NOTICES_WRITE)]


@router.get("/channels", dependencies=READ, summary="Where notices can go")
async def channels(request: Request) -> Response:
    """Names, kinds and addresses without their secrets; `missing` are channels that the scenario names and
    nobody configured."""
    return answer(await asyncio.to_thread(_service(request).channels))


@router.post("/channels/{name}/test", dependencies=WRITE, summary="Send a test notice now")
async def test(request: Request, name: str) -> Response:
    """Straight to the channel, past the outbox: what the receiver said, or why it was not delivered (502)."""
    return answer(await _service(request).test(name))


@router.get("/notices", dependencies=READ, summary="What was told, is being told and will be")
async def notices(request: Request) -> Response:
    """Newest first; `?state=`, `?channel=`, `?kind=`, `?alert=`, `?limit=`, `?cursor=`."""
    query = Query(request)
    state, kind, channel = query.choice("state", STATES), query.choice("kind", KINDS), query.text("channel")
    alert = query.integer("alert", 0, 1, 2**62)
    limit, before = _page_of(query)
    query.finish()
    wanted: dict[str, Any] = {"state": state, "kind": kind, "channel": channel, "alert_id": alert or None}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    return answer(await asyncio.to_thread(_service(request).page, wanted, limit, before))


@router.get("/notices/counts", dependencies=READ, summary="How many notices are in each state")
async def counts(request: Request) -> Response:
    """Of all there are."""
    return answer(await asyncio.to_thread(_service(request).counts))


@router.get("/notices/dead-letters", dependencies=READ, summary="What could not be delivered, and why")
async def dead_letters(request: Request) -> Response:
    """Newest first; `said` is what the receiver said last."""
    query = Query(request)
    limit, before = _page_of(query)
    query.finish()
    return answer(await asyncio.to_thread(_service(request).dead_letters, limit, before))


@router.post("/notices/dead-letters/replay", dependencies=WRITE, summary="Send dead letters again")
async def replay(request: Request) -> Response:
    """`{"ids": [...]}`, `{"channel": "ops"}`, both, or `{}` for all of them; under the keys they had."""
    said = await read_object(request, ("ids", "channel"))
    channel = text_of(said, "channel") or None
    service, actor = _service(request), actor_of(request)
    answered = await asyncio.to_thread(service.replay, said.get("ids"), channel, actor)
    service.wake()
    return answer(answered)


@router.get("/alerts/{alert}/clocks", dependencies=READ, summary="How long an alert may still take")
async def clocks(request: Request, alert: int) -> Response:
    """Each clock with its state (running, warned, met, breached) and when it is due."""
    return answer(await asyncio.to_thread(_service(request).clocks, alert))


def _page_of(query: Query) -> tuple[int, int | None]:
    limit, cursor = query.integer("limit", 50, 1, 500), query.text("cursor")
    if cursor is not None and not (cursor.isdecimal() and cursor.isascii() and len(cursor) <= 10):
        query.fault("cursor", "what 'next' of the page before says", show(cursor))
        return limit, None
    return limit, int(cursor) if cursor else None


def _service(request: Request) -> NoticeService:
    return runtime_of(request).notices
