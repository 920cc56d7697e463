"""Routes of cases: opened, listed, moved, closed."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from riskloom.domain.alert import Disposition
from riskloom.domain.case import PRIORITIES, CaseMove, CaseState
from riskloom.errors import Fault, ParameterInvalid, show
from riskloom.server.cases.repo import CaseFilter
from riskloom.server.cases.service import CaseService
from riskloom.server.kit.body import Body
from riskloom.server.kit.http import (
    PROBLEMS,
    Query,
    actor_of,
    answer,
    needs,
    read_name,
    read_object,
    runtime_of,
)
from riskloom.server.security.access import Scope

router = APIRouter(tags=["cases"], responses=PROBLEMS)
READ, WRITE = [needs(Scope.CASES_READ)], [needs(Scope.CASES_WRITE)]
CaseId = Annotated[int, Path(ge=1, le=2**31 - 1)]
REASON, MOST_EVENTS, LONGEST_ID = 2_000, 1_000, 256
_STATES = tuple(state.value for state in CaseState)
_DISPOSITIONS = tuple(disposition.value for disposition in Disposition)


@router.post("/cases", dependencies=WRITE, summary="The case of an alert, opened where there is none")
async def open_case(request: Request) -> Response:
    """`{"alert": 7}`. An entity has one case at most that is not closed: its open alerts are in it."""
    body = Body(await read_object(request, ("alert",)))
    alert_id = body.integer("alert")
    body.finish()
    case, is_new = await _service(request).open(alert_id, actor_of(request))
    return _case(case, 201 if is_new else 200)


@router.get("/cases", dependencies=READ, summary="Cases, newest first")
async def list_cases(request: Request) -> Response:
    """Filters: state, or active=true for all that are not closed; assignee, or unassigned=true; priority,
    disposition, entity_key."""
    query = Query(request)
    state, is_active = query.choice("state", _STATES), query.flag("active") or False
    states: tuple[str, ...] | None = None if state is None else (state,)
    if is_active and states is None:
        states = tuple(one for one in _STATES if one != CaseState.CLOSED)
    narrowed = CaseFilter(
        states,
        query.text("assignee"),
        query.flag("unassigned") or False,
        query.choice("priority", PRIORITIES),
        query.choice("disposition", _DISPOSITIONS),
        query.text("entity_key"),
    )
    limit = query.integer("limit", 50, 1, 500)
    before = query.integer("cursor", 0, 1, 2**31 - 1) or None
    query.finish()
    return answer(await _service(request).page(narrowed, limit, before))


@router.get("/cases/counts", dependencies=READ, summary="How many cases, and tasks due")
async def counts(request: Request) -> Response:
    """By state; of those not closed by assignee and priority; by disposition; open and overdue tasks."""
    return answer(await _service(request).counts())


@router.get("/cases/{case_id}", dependencies=READ, summary="One case")
async def get_case(request: Request, case_id: CaseId) -> Response:
    """With its alerts, notes, files, links and tasks. Its ETag is the version that moves name."""
    return _case(await _service(request).get(case_id))


@router.get("/cases/{case_id}/events", dependencies=READ, summary="The events of a case")
async def events(request: Request, case_id: CaseId) -> Response:
    """Their decisions in the order they arrived, each with what was said of it."""
    query = Query(request)
    limit, after = query.integer("limit", 50, 1, 500), query.integer("cursor", 0, 0, 2**53)
    query.finish()
    return answer(await _service(request).events(case_id, limit, after))


@router.get("/cases/{case_id}/timeline", dependencies=READ, summary="All that happened in a case, last first")
async def timeline(request: Request, case_id: CaseId) -> Response:
    """Events with their decisions, alerts, labels, list changes about the entity, and all that people did."""
    query = Query(request)
    limit, cursor = query.integer("limit", 50, 1, 500), query.text("cursor")
    query.finish()
    return answer(await _service(request).timeline(case_id, limit, cursor))


@router.patch("/cases/{case_id}", dependencies=WRITE, summary="Another assignee or priority")
async def change(request: Request, case_id: CaseId) -> Response:
    """`{"assignee": "ana", "priority": "high", "version": 3}`; an assignee of null is nobody.

    The version is the one that was seen, here or as If-Match. Where the case is another by now nothing
    changes, and the 409 says what was done since.
    """
    said = await read_object(request, ("assignee", "priority", "version"))
    body = Body(said)
    seen = body.version(request)
    values: dict[str, str | None] = {}
    if "priority" in body:
        values["priority"] = body.choice("priority", PRIORITIES)
    body.finish()
    if "assignee" in body:
        given = said["assignee"]
        values["assignee"] = None if given is None else read_name("assignee", given)
    if not values:
        raise ParameterInvalid(Fault("body", "an assignee or a priority", show(said)))
    return _case(await _service(request).change(case_id, seen, values, actor_of(request)))


@router.post("/cases/{case_id}/marks", dependencies=WRITE, summary="What single events turned out to be")
async def mark(request: Request, case_id: CaseId) -> Response:
    """`{"events": ["tx-1"], "disposition": "false_positive", "version": 3}`; null takes a mark back. A marked
    event is labelled by its mark, any other by the case's disposition."""
    said = await read_object(request, ("events", "disposition", "version"))
    body = Body(said)
    seen, event_ids = body.version(request), body.texts("events", MOST_EVENTS, LONGEST_ID)
    is_back = "disposition" in body and said["disposition"] is None
    disposition = None if is_back else Disposition(body.choice("disposition", _DISPOSITIONS))
    body.finish()
    return _case(await _service(request).mark(case_id, seen, event_ids, disposition, actor_of(request)))


@router.post("/cases/{case_id}/close", dependencies=WRITE, summary="Close a case with what was found")
async def close(request: Request, case_id: CaseId) -> Response:
    """`{"disposition": "confirmed_fraud", "reason": "...", "version": 3}`; with `"only_marked": true` only
    marked events get labels.

    Above the amount that the scenario declares it is `pending` until a second person confirms it. It is
    `closed` when the labels are stored; `closing` where that has to be tried again.
    """
    body = Body(await read_object(request, ("disposition", "reason", "only_marked", "version")))
    seen, only_marked = body.version(request), body.flag("only_marked")
    disposition, reason = Disposition(body.choice("disposition", _DISPOSITIONS)), body.text("reason", REASON)
    body.finish()
    case = await _service(request).close(
        case_id, seen, disposition, reason, actor_of(request), only_marked=only_marked
    )
    return _case(case)


@router.post("/cases/{case_id}/confirm", dependencies=WRITE, summary="A second person agrees")
async def confirm(request: Request, case_id: CaseId) -> Response:
    """`{"version": 4, "reason": "..."}` of a pending case, by another person than the one who closed it."""
    seen, reason = await _why(request, required=False)
    return _case(await _service(request).confirm(case_id, seen, reason, actor_of(request)))


@router.post("/cases/{case_id}/decline", dependencies=WRITE, summary="Open a pending case again")
async def decline(request: Request, case_id: CaseId) -> Response:
    """`{"version": 4, "reason": "..."}`: by a second person who does not agree, or the first who thought
    again."""
    seen, reason = await _why(request, required=True)
    service = _service(request)
    return _case(await service.reopen(case_id, seen, CaseMove.DECLINE, reason, actor_of(request)))


@router.post("/cases/{case_id}/reopen", dependencies=WRITE, summary="Open a closed case again")
async def reopen(request: Request, case_id: CaseId) -> Response:
    """`{"version": 5, "reason": "..."}`. Its labels stay; closing it again tells newer ones."""
    seen, reason = await _why(request, required=True)
    service = _service(request)
    return _case(await service.reopen(case_id, seen, CaseMove.REOPEN, reason, actor_of(request)))


async def _why(request: Request, *, required: bool) -> tuple[int, str]:
    body = Body(await read_object(request, ("reason", "version")))
    seen, reason = body.version(request), body.text("reason", REASON, required=required)
    body.finish()
    return seen, reason


def _case(case: dict[str, Any], status: int = 200) -> Response:
    response = answer(case, status)
    response.headers["etag"] = f'"{case["version"]}"'
    return response


def _service(request: Request) -> CaseService:
    return runtime_of(request).desk.cases
