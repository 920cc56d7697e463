"""Routes of reports."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response

from riskloom.server.kit.http import PROBLEMS, Query, answer, needs, runtime_of
from riskloom.server.security.access import Scope

router = APIRouter(prefix="/reports", tags=["reports"], responses=PROBLEMS)
READ = [needs(Scope.DECISIONS_READ)]
_FIRST_US, _LAST_US = -(1 << 62), 1 << 62


@router.get("", dependencies=READ, summary="By what reports can be parted")
async def keys(request: Request) -> Response:
    """day, week, month, reason, and the scenario's categories."""
    return answer({"by": runtime_of(request).reports.keys})


@router.get("/{by}", dependencies=READ, summary="What was decided in a period, and what became of it")
async def report(request: Request, by: str) -> Response:
    """Counted by when they were decided, from `?since=` and before `?until=`. Shares have their 95 %
    intervals, values are in minor units of the base currency; fraud is that of labelled events."""
    query = Query(request)
    since_us, until_us = query.time_us("since"), query.time_us("until")
    query.finish()
    ends = (_FIRST_US if since_us is None else since_us, _LAST_US if until_us is None else until_us)
    return answer(await asyncio.to_thread(runtime_of(request).reports.report, by, *ends))
