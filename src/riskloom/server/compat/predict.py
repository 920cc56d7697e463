"""The path of the mobile money system: `POST /predict`, on the scenario `mobile_money`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from riskloom.bundle import Bundle
from riskloom.domain.event import decode_json
from riskloom.errors import EventInvalid, Fault, show
from riskloom.server.kit.http import PROBLEMS, answer, needs, read_body, served_of
from riskloom.server.security.access import Scope

SCENARIO = "mobile_money"
router = APIRouter(tags=["mobile money"], responses=PROBLEMS)


@router.post("/predict", dependencies=[needs(Scope.EVENTS_WRITE)], summary="How likely it is a fraud")
async def predict(request: Request) -> Response:
    """The transaction's fields, at the top or under `features`; decided and stored as by
    `/api/v1/score`.

    Where the model is not calibrated, its risk score stands for the probability, and the answer says so in
    `degraded`.
    """
    data = decode_json(await read_body(request))
    if isinstance(data, dict) and isinstance(data.get("features"), dict):
        data = {**{name: value for name, value in data.items() if name != "features"}, **data["features"]}
    if not isinstance(data, dict):
        raise EventInvalid(Fault("body", "an object with the transaction's fields", show(data)))
    runtime = served_of(request).of(SCENARIO)
    key = request.headers.get("idempotency-key", "")
    view = await runtime.decisions.score_data(data, idempotency_key=key)
    probability, degraded = view["probability"], list(view["degraded"])
    if probability is None:
        probability = (view["risk_score"] or 0) / 100
        degraded.append("no_calibration")
    return answer(
        {
            "event_id": view["event_id"],
            "fraud_probability": probability,
            "is_fraud": view["flagged"],
            "threshold": _threshold(runtime.bundle),
            "decision": view["outcome"],
            "degraded": degraded,
        }
    )


def _threshold(bundle: Bundle) -> float:
    """Where the policy flags, on the scale of the answer's probability."""
    model, percentile = bundle.model, bundle.scenario.policy.percentile
    if model is None or model.calibration is None:
        return percentile / 100
    return model.calibration.probability_one(model.reference.threshold(percentile))


def describe(paths: dict[str, Any], body: Callable[[dict[str, Any], Any], dict[str, Any]]) -> None:
    """Give OpenAPI the body of this path."""
    sent = {"amount": 123.45, "oldbalanceOrg": 1000, "newbalanceOrig": 876.55}
    paths["/predict"]["post"]["requestBody"] = body({"type": "object"}, sent)
