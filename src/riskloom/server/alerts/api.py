"""Routes of alerts, queues, analysts and suppressions."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from riskloom.domain.alert import SEVERITIES, AlertState
from riskloom.domain.event import decode_json
from riskloom.domain.money import exponent, scale_decimal
from riskloom.errors import Fault, NotFound, ParameterInvalid, nearest, show
from riskloom.server.alerts.list_repo import Filter, Page
from riskloom.server.alerts.orders import ACTS
from riskloom.server.kit.http import (
    PROBLEMS,
    Query,
    actor_of,
    answer,
    needs,
    read_body,
    read_name,
    read_object,
    runtime_of,
)
from riskloom.server.security.access import Scope

router = APIRouter(tags=["alerts"], responses=PROBLEMS)
READ, WRITE = [needs(Scope.ALERTS_READ)], [needs(Scope.ALERTS_WRITE)]
MOST = 500
"""Alerts of one bulk action."""
_CURSOR = re.compile(r"(\d{1,18})(?::([0-9.e+-]{1,32}))?")
_ORDERS = ("priority", "time")


@router.get("/alerts", dependencies=READ, summary="Alerts, most valuable first")
async def alerts(request: Request) -> Response:
    """Those that are not closed, or in the states named (`state=open,escalated`). Filters: queue, severity,
    reason, entity, claimed_by, min_amount, since, until; `order=time` gives those opened last first."""
    narrowed, page = _read_list(request)
    return answer(await asyncio.to_thread(runtime_of(request).alerts.page, narrowed, page))


@router.get("/alerts/{alert_id}", dependencies=READ, summary="One alert with its events and their evidence")
async def alert(request: Request, alert_id: str) -> Response:
    """With its newest decisions, at most 100, and the events that are the evidence of their reasons."""
    return answer(await asyncio.to_thread(runtime_of(request).alerts.get, _number(alert_id)))


@router.post("/alerts/next", dependencies=WRITE, summary="Claim the most valuable alert that one may work")
async def take_next(request: Request) -> Response:
    """`{"queues": [...]}` narrows it. Answers `{"alert": ...}`, null where none waits."""
    said = await _said(request)
    known, queues = ("queues",), said.get("queues")
    if said.keys() - set(known) or not (queues is None or _are_texts(queues)):
        raise ParameterInvalid(Fault("queues", "a list of names of queues", show(said)))
    return answer({"alert": await runtime_of(request).alerts.next(actor_of(request), queues)})


@router.post("/alerts/bulk", dependencies=WRITE, summary="Do the same with many alerts")
async def bulk(request: Request) -> Response:
    """`{"act": "resolve", "ids": [...], ...}` with what the act takes. In one transaction; an alert that
    refuses gives `{"id", "error"}` in its place and stops no other."""
    said = await _said(request)
    act, ids = said.pop("act", None), said.pop("ids", None)
    faults = []
    if act not in ACTS:
        faults.append(Fault("act", f"one of {', '.join(ACTS)}", show(act), nearest(str(act), ACTS)))
    if not isinstance(ids, list) or not 1 <= len(ids) <= MOST or any(type(one) is not int for one in ids):
        faults.append(Fault("ids", f"a list of 1 to {MOST} ids of alerts", show(ids)))
    if faults:
        raise ParameterInvalid(faults)
    service = runtime_of(request).alerts
    return answer({"results": await service.act_on_many(str(act), ids, said, actor_of(request))})


@router.post("/alerts/{alert_id}/claim", dependencies=WRITE, summary="Claim an alert for the time of a lease")
async def claim(request: Request, alert_id: str) -> Response:
    """409 with who has it until when, where somebody does."""
    return await _act(request, "claim", alert_id)


@router.post("/alerts/{alert_id}/release", dependencies=WRITE, summary="Give a claimed alert back")
async def release(request: Request, alert_id: str) -> Response:
    """Only whoever claimed it can."""
    return await _act(request, "release", alert_id)


@router.post("/alerts/{alert_id}/renew", dependencies=WRITE, summary="Keep a claimed alert for another lease")
async def renew(request: Request, alert_id: str) -> Response:
    """Also when the lease has run out and nobody took it since."""
    return await _act(request, "renew", alert_id)


@router.post("/alerts/{alert_id}/snooze", dependencies=WRITE, summary="Put an alert away until a time")
async def snooze(request: Request, alert_id: str) -> Response:
    """`{"until": "2026-01-01T09:00:00Z"}` or `{"for": "4h"}`, and a reason."""
    return await _act(request, "snooze", alert_id)


@router.post("/alerts/{alert_id}/escalate", dependencies=WRITE, summary="Hand an alert on")
async def escalate(request: Request, alert_id: str) -> Response:
    """To the queue that its own hands on to, or `{"queue": ...}`, and a reason."""
    return await _act(request, "escalate", alert_id)


@router.post("/alerts/{alert_id}/resolve", dependencies=WRITE, summary="Be done with an alert")
async def resolve(request: Request, alert_id: str) -> Response:
    """`{"disposition": ..., "reason": ...}`: confirmed_fraud, suspected, false_positive, friendly_fraud or
    insufficient_information."""
    return await _act(request, "resolve", alert_id)


@router.post("/alerts/{alert_id}/reopen", dependencies=WRITE, summary="Open a closed alert again")
async def reopen(request: Request, alert_id: str) -> Response:
    """`{"reason": ...}`."""
    return await _act(request, "reopen", alert_id)


@router.post("/alerts/{alert_id}/assign", dependencies=WRITE, summary="Give an alert to somebody")
async def assign(request: Request, alert_id: str) -> Response:
    """`{"to": "ana"}`: as if they had claimed it."""
    return await _act(request, "assign", alert_id)


@router.get("/queues", dependencies=READ, summary="Queues: what comes in, what waits, since when")
async def queues(request: Request) -> Response:
    """As the champion's scenario declares them, the first whose condition is met first; counts by state with
    the age of the oldest, and what was closed in a day."""
    return answer(await asyncio.to_thread(runtime_of(request).alerts.queues))


@router.get("/analysts", dependencies=READ, summary="Who works on alerts, and on which")
async def analysts(request: Request) -> Response:
    """Somebody of whom nothing is known has no skills, no limit, and may work in every queue."""
    return answer(await asyncio.to_thread(runtime_of(request).people.analysts))


@router.put("/analysts/{name}", dependencies=WRITE, summary="Say what somebody may work on")
async def keep_analyst(request: Request, name: str) -> Response:
    """`{"skills": [...], "limit": "1000.00" or null, "queues": [...]}`; no queues are every one."""
    said = await read_object(request, ("skills", "limit", "queues"))
    return answer(await runtime_of(request).people.keep(read_name("name", name), said, actor_of(request)))


@router.get("/suppressions", dependencies=READ, summary="What raises no alert at the moment")
async def suppressions(request: Request) -> Response:
    """With how many decisions raised none because of it; `?all=true` also those that are over."""
    query = Query(request)
    every = query.flag("all") or False
    query.finish()
    people = runtime_of(request).people
    return answer(await asyncio.to_thread(lambda: people.suppressions(every=every)))


@router.post("/suppressions", dependencies=WRITE, summary="Let an entity or a rule raise no alert for a time")
async def suppress(request: Request) -> Response:
    """`{"entity": ..., "rule": ..., "for": "7d" or "until": ..., "reason": ...}`, entity or rule or both. A
    decision raises none where each rule that flagged it is suppressed."""
    said = await read_object(request, ("entity", "rule", "for", "until", "reason"))
    return answer(await runtime_of(request).people.suppress(said, actor_of(request)), 201)


@router.delete("/suppressions/{suppression_id}", dependencies=WRITE, summary="Let a suppression end now")
async def end_suppression(request: Request, suppression_id: str) -> Response:
    """Decisions from here on raise alerts again."""
    people = runtime_of(request).people
    return answer(await people.end(_number(suppression_id), actor_of(request)))


async def _act(request: Request, name: str, alert_id: str) -> Response:
    said = await _said(request)
    service = runtime_of(request).alerts
    return answer(await service.act(name, _number(alert_id), said, actor_of(request)))


async def _said(request: Request) -> dict[str, Any]:
    """The body, an object; nothing is an empty one."""
    content = await read_body(request)
    if not content.strip():
        return {}
    if not isinstance(decode_json(content), dict):
        raise ParameterInvalid(Fault("body", "an object", show(decode_json(content))))
    said: dict[str, Any] = msgspec.json.decode(content)
    return said


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise NotFound(f"There is no {show(text)} here.", hint="ids are whole numbers")
    return int(text)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _read_list(request: Request) -> tuple[Filter, Page]:
    runtime, query = runtime_of(request), Query(request)
    entity = query.text("entity", runtime.bundle.scenario.alerts.group.by)
    narrowed = Filter(
        states=_states(query),
        queue=query.text("queue"),
        severity=query.choice("severity", SEVERITIES),
        reason=query.text("reason"),
        entity_key=None if entity is None else runtime.people.entity_key(entity),
        claimed_by=query.text("claimed_by"),
        min_amount_minor=_amount(query, runtime.bundle.scenario.base_currency),
        since_us=query.time_us("since"),
        until_us=query.time_us("until"),
        by_time=query.choice("order", _ORDERS) == "time",
    )
    page = Page(query.integer("limit", 50, 1, 500))
    cursor = query.text("cursor")
    if cursor is not None:
        match = _CURSOR.fullmatch(cursor)
        if match is None or (match[2] is None) is not narrowed.by_time:
            query.fault("cursor", "what 'next' of the page before says, in the same order", show(cursor))
        else:
            page = Page(page.limit, int(match[1]), float(match[2] or 0))
    query.finish()
    return narrowed, page


def _states(query: Query) -> tuple[AlertState, ...]:
    text = query.text("state")
    named = text.split(",") if text else []
    known = [state.value for state in AlertState]
    for name in named:
        if name not in known:
            query.fault("state", f"some of {', '.join(known)}, parted by commas", show(name))
    return tuple(AlertState(name) for name in dict.fromkeys(named) if name in known)


def _amount(query: Query, currency: str) -> int | None:
    text = query.text("min_amount")
    if text is None:
        return None
    try:
        minor = scale_decimal(text, exponent(currency))
        if abs(minor) < 1 << 62:
            return minor
    except ValueError:
        pass
    query.fault("min_amount", f"an amount in {currency}", show(text))
    return None
