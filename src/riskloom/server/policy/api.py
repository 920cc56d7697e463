"""Routes of lists, switches, rules and policy versions."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from riskloom.domain.event import decode_json
from riskloom.errors import DataInvalid, Fault, ParameterInvalid, show
from riskloom.server.kit.http import (
    PROBLEMS,
    Query,
    answer,
    needs,
    read_body,
    read_object,
    runtime_of,
    text_of,
)
from riskloom.server.policy.check import MOST_EVENTS
from riskloom.server.policy.service import PARTS, PolicyService
from riskloom.server.security.access import Scope

router = APIRouter(tags=["policy"], responses=PROBLEMS)
READ, WRITE = [needs(Scope.POLICY_READ)], [needs(Scope.POLICY_WRITE)]
CSV = "text/csv"
MOST = 100_000
CHECKED = 2_000


@router.get("/lists", dependencies=READ, summary="Every list, and how long it is")
async def lists(request: Request) -> Response:
    """As the champion's scenario declares them."""
    return answer(await asyncio.to_thread(_service(request).lists))


@router.get("/lists/{name}", dependencies=READ, summary="Who is on a list")
async def entries(request: Request, name: str) -> Response:
    """JSON, or CSV with `?format=csv`; of personal fields the keys. `?value=` gives the history of one."""
    query = Query(request)
    form, value = query.choice("format", ("json", "csv")), query.text("value")
    query.finish()
    service = _service(request)
    if value is not None:
        return answer(service.history(name, value))
    if form == "csv":
        return Response(await asyncio.to_thread(service.export, name), media_type=CSV)
    return answer(await asyncio.to_thread(service.entries, name))


@router.post("/lists/{name}", dependencies=WRITE, summary="Put values on a list, durably")
async def add(request: Request, name: str) -> Response:
    """`{"value": ..., "until": ..., "reason": ..., "author": ...}`, a list of such or of values, or a CSV
    (Content-Type: text/csv). What is there just so changes nothing."""
    query = Query(request)
    author = query.text("author") or "api"
    query.finish()
    service, body = _service(request), await read_body(request)
    if request.headers.get("content-type", "").partition(";")[0].strip() == CSV:
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataInvalid(Fault("body", "UTF-8", str(error))) from error
        return answer(await service.import_csv(name, text, author), 201)
    data = decode_json(body)
    given = data if isinstance(data, list) else [data]
    if len(given) > MOST:
        raise DataInvalid(Fault("entries", f"at most {MOST:,} at once", f"{len(given):,}"))
    return answer(await service.add(name, given, author), 201)


@router.delete("/lists/{name}", dependencies=WRITE, summary="Take a value off a list, durably")
async def remove(request: Request, name: str) -> Response:
    """`?value=...&reason=...&author=...`."""
    query = Query(request)
    value, author, reason = query.text("value"), query.text("author") or "api", query.text("reason") or ""
    query.finish()
    return answer(await _service(request).remove(name, value, author, reason))


@router.get("/switches", dependencies=READ, summary="What is switched off")
async def switches(request: Request) -> Response:
    """What is off now, what could be, and who switched what before."""
    return answer(await asyncio.to_thread(_service(request).switches))


@router.put("/switches", dependencies=WRITE, summary="Switch the model, a rule or the policy off, or on")
async def switch(request: Request) -> Response:
    """`{"off": ["model", "rule:VELOCITY_5M"], "reason": "...", "author": "..."}`: just these are off from the
    next event on. What is off falls to shadow: its reason is kept, it decides nothing."""
    said = await read_object(request, ("off", "reason", "author"))
    author, reason = text_of(said, "author", "api"), text_of(said, "reason")
    return answer(await _service(request).switch(said.get("off"), author, reason))


@router.get("/rules", dependencies=READ, summary="The champion's rules")
async def rules(request: Request) -> Response:
    """As they were written, with owner and examples."""
    return answer(_service(request).rules())


@router.get("/rates", dependencies=READ, summary="The champion's rate table")
async def rates(request: Request) -> Response:
    """What one unit of each currency is worth in the base currency, from a date on. Another table is another
    version: `/policies` with `rates`."""
    return answer(_service(request).rates())


@router.post("/rules/check", dependencies=READ, summary="Every fault of a rule, or what it would have hit")
async def check_rule(request: Request) -> Response:
    """`{"rule": {"code": ..., "when": ...}, "last": 2000}`: the rule in the place of the champion's of that
    code, or behind them all. Publishes nothing.

    `faults` name their place in the rule; without any, `tried` counts what it would have hit among the newest
    decided events, beside what the rule of that code did hit, and `rules` are all of the new version.
    """
    said = await read_object(request, ("rule", "last"))
    rule, last = said.get("rule"), said.get("last", CHECKED)
    faults = [] if isinstance(rule, dict) else [Fault("rule", "a rule", show(rule))]
    if type(last) is not int or not 0 <= last <= MOST_EVENTS:
        faults.append(Fault("last", f"a whole number from 0 to {MOST_EVENTS:,}", show(last)))
    if faults or not isinstance(rule, dict):
        raise ParameterInvalid(faults)
    return answer(await runtime_of(request).rule_check.check(rule, last))


@router.post("/policies", dependencies=WRITE, summary="A new version with other rules or another policy")
async def publish_policy(request: Request) -> Response:
    """`{"rules": [...], "policy": {...}, "lists": [...], "rates": {...}, "alerts": {...}, "notices": {...},
    "reason": "...", "author": "..."}`, any of the parts: the champion with these in the place of its own, as
    a candidate of the registry.

    Every fault is named, and the examples of rules are run. It goes live by the stages of
    `/models/versions/{number}/move`.
    """
    said = await read_object(request, (*PARTS, "reason", "author"))
    return await _publish(request, said)


@router.post("/rule-sets", dependencies=WRITE, summary="A new version with other rules")
async def publish_rules(request: Request) -> Response:
    """`{"rules": [...], "reason": "...", "author": "..."}`; as `/policies`."""
    said = await read_object(request, ("rules", "reason", "author"))
    if "rules" not in said:
        raise ParameterInvalid(Fault("rules", "a list of rules", "nothing"))
    return await _publish(request, said)


async def _publish(request: Request, said: dict[str, Any]) -> Response:
    parts = {name: said[name] for name in PARTS if name in said}
    author, reason = text_of(said, "author", "api"), text_of(said, "reason")
    return answer(await _service(request).publish(parts, author, reason), 201)


def _service(request: Request) -> PolicyService:
    return runtime_of(request).policy
