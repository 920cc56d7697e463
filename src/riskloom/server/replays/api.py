"""Routes of replays: other rules, policies and versions tried on what this server stored, in money."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from riskloom.bundle import Bundle
from riskloom.domain.field import Field, FieldType
from riskloom.domain.read import FieldFault, reader
from riskloom.errors import Fault, NotFound, ParameterInvalid, show
from riskloom.server.kit.http import PROBLEMS, answer, needs, read_object, runtime_of
from riskloom.server.policy.service import PARTS, changed
from riskloom.server.security.access import Scope
from riskloom.server.served import Runtime

router = APIRouter(prefix="/replays", tags=["replays"], responses=PROBLEMS)
READ, WRITE = [needs(Scope.POLICY_READ)], [needs(Scope.POLICY_WRITE)]
_GIVEN = ("by", "budget", "costs", "examples")
_KEYS = ("versions", *PARTS, "from", "to", *_GIVEN)
_read_time = reader(Field("from", FieldType.TIME))


@router.post("", dependencies=WRITE, summary="Try other rules, policies or versions on the stored events")
async def begin(request: Request) -> Response:
    """The champion (`A`) beside registry versions (`{"versions": [3]}`), and beside itself with other parts
    (`rules`, `policy`, `lists`, `rates`: `tried`). `from` and `to` are ISO 8601; events before warm up.

    `by` is a field to part the figures by, `budget` the alerts a day that people can look at, `costs`
    `{"review": 5, "insult": 10, "recovered": 0.8}`. Runs in a process of its own and changes nothing:
    202 with a job.
    """
    runtime = runtime_of(request)
    said = await read_object(request, _KEYS)
    ends = {f"{name}_us": _time_us(said[name], name) for name in ("from", "to") if said.get(name) is not None}
    given = {name: said[name] for name in _GIVEN if name in said}
    bundles = await asyncio.to_thread(_bundles, runtime, said)
    job = await runtime.replays.begin(bundles, **ends, **given)
    return answer(job.as_data(whole=False), 202)


@router.get("", dependencies=READ, summary="Replays since the server started")
async def listed(request: Request) -> Response:
    """The newest first, without their results."""
    return answer(runtime_of(request).replays.all())


@router.get("/{job_id}", dependencies=READ, summary="How a replay goes, and what it found")
async def get(request: Request, job_id: str) -> Response:
    """running, done, failed or cancelled; events so far; the result as `riskloom replay --json` gives it."""
    return answer(runtime_of(request).replays.get(job_id).as_data())


@router.delete("/{job_id}", dependencies=WRITE, summary="Cancel a replay")
async def cancel(request: Request, job_id: str) -> Response:
    """Does nothing where it has ended."""
    return answer((await runtime_of(request).replays.cancel(job_id)).as_data(whole=False))


def _bundles(runtime: Runtime, said: dict[str, Any]) -> dict[str, Bundle]:
    """The champion, and what is to be tried beside it."""
    champion = runtime.bundle
    found = {"champion": champion}
    numbers = said.get("versions", [])
    if not isinstance(numbers, list) or not all(type(number) is int for number in numbers):
        raise ParameterInvalid(Fault("versions", "a list of version numbers", show(numbers)))
    if numbers and runtime.follower is None:
        raise NotFound("This server follows no registry.", hint="start it with --registry")
    for number in numbers:
        if runtime.follower is not None:
            found[f"version {number}"] = runtime.follower.registry.fetch(champion.scenario.name, number)
    parts = {name: said[name] for name in PARTS if name in said}
    if parts:
        found["tried"] = changed(champion, parts)
    return found


def _time_us(raw: object, name: str) -> int:
    try:
        time_us: int = _read_time(raw)
        return time_us
    except FieldFault as fault:
        raise ParameterInvalid(Fault(name, fault.expected, fault.got or show(raw), fault.hint)) from fault
