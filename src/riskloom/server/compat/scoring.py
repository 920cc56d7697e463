"""The paths of the system that scores by model name: `/api/v1/scoring/score` and `/score/batch`.

A model's name is a scenario's name here. Scores are risk scores, 0 to 100, and the threshold is the policy's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from riskloom.domain.event import decode_json
from riskloom.errors import DataInvalid, Fault, ParameterInvalid, StoreUnavailable, show
from riskloom.server.decisions.service import BATCH_LIMIT
from riskloom.server.kit.http import PROBLEMS, answer, needs, read_body, served_of
from riskloom.server.security.access import Scope
from riskloom.server.served import Runtime

router = APIRouter(prefix="/api/v1/scoring", tags=["scoring"], responses=PROBLEMS)
WRITE = [needs(Scope.EVENTS_WRITE)]
_EXAMPLE = {
    "entity_id": "user_123",
    "amount": 1500.0,
    "merchant_category": "electronics",
    "time_of_day": "23:45",
}


@router.post("/score", dependencies=WRITE, summary="Decide one record by a scenario's name")
async def score(request: Request) -> Response:
    """`{"data": {...}, "model_name": "credit_card_fraud", "include_explanations": true}`: decided and
    stored as by `/api/v1/score`."""
    runtime, data, explain = await _read(request)
    key = request.headers.get("idempotency-key", "")
    view = await runtime.decisions.score_data(data, idempotency_key=key)
    return answer(await asyncio.to_thread(_shown, runtime, view, explain))


@router.post("/score/batch", dependencies=WRITE, summary="Decide up to 10,000 records by a scenario's name")
async def score_batch(request: Request) -> Response:
    """`{"data": [...], "model_name": ...}`: results in order; a faulty record gives `{"error": problem}`."""
    runtime, data, explain = await _read(request)
    if not isinstance(data, list) or len(data) > BATCH_LIMIT:
        raise DataInvalid(Fault("data", f"a list of at most {BATCH_LIMIT:,} records", _size(data)))
    key = request.headers.get("idempotency-key", "")
    places = [f"data[{at}]" for at in range(len(data))]
    taken = runtime.decisions.take_many(data, places, score=True, idempotency_key=key)
    views = [view async for view in taken]
    if views and all("error" in view and view["error"]["status"] == 503 for view in views):
        raise StoreUnavailable(views[0]["error"]["detail"], hint="nothing was taken; send the batch again")
    results = await asyncio.to_thread(lambda: [_shown(runtime, view, explain) for view in views])
    found = [result for result in results if "error" not in result]
    return answer(
        {
            "model_name": runtime.bundle.scenario.name,
            "results": results,
            "total": len(results),
            "anomalies": sum(result["is_anomaly"] for result in found),
            "failed": len(results) - len(found),
        }
    )


async def _read(request: Request) -> tuple[Runtime, Any, bool]:
    """(the scenario meant, the data, whether explanations are wanted) of a body."""
    body = decode_json(await read_body(request))
    if not isinstance(body, dict):
        raise ParameterInvalid(Fault("body", "an object with data and model_name", show(body)))
    name, explain = body.get("model_name"), body.get("include_explanations", False)
    faults = []
    if "data" not in body:
        faults.append(Fault("data", "a record, or a list of records", "nothing"))
    if name is not None and not isinstance(name, str):
        faults.append(Fault("model_name", "the name of a scenario served here", show(name)))
    if not isinstance(explain, bool):
        faults.append(Fault("include_explanations", "true or false", show(explain)))
    if faults:
        raise ParameterInvalid(faults)
    served = served_of(request)
    return (served.first if name is None else served.of(name)), body["data"], explain


def _shown(runtime: Runtime, view: dict[str, Any], explain: bool) -> dict[str, Any]:
    if "error" in view:
        return view
    result = {
        "event_id": view["event_id"],
        "model_name": view["scenario"],
        "score": view["risk_score"] or 0,
        "threshold": runtime.bundle.scenario.policy.percentile,
        "is_anomaly": view["flagged"],
        "decision": view["outcome"],
        "probability": view["probability"],
        "reasons": [
            {"code": one["code"], "message": one["message"], "severity": one["severity"]}
            for one in view["reasons"]
        ],
        "degraded": view["degraded"],
    }
    if explain:
        result["explanations"] = runtime.decisions.explained(view)["explanations"]
    return result


def _size(data: object) -> str:
    return f"{len(data):,} records" if isinstance(data, list) else show(data)


def describe(paths: dict[str, Any], body: Callable[[dict[str, Any], Any], dict[str, Any]]) -> None:
    """Give OpenAPI the bodies of these paths."""
    options = {"model_name": {"type": "string"}, "include_explanations": {"type": "boolean"}}
    for path, data, example in (
        ("/score", {"type": "object"}, _EXAMPLE),
        ("/score/batch", {"type": "array", "items": {"type": "object"}}, [_EXAMPLE]),
    ):
        shape = {"type": "object", "properties": {"data": data, **options}, "required": ["data"]}
        sent = {"data": example, "model_name": "credit_card_fraud", "include_explanations": True}
        paths[router.prefix + path]["post"]["requestBody"] = body(shape, sent)
