"""Several scenarios in one server: each with its own paths, history and model over one log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from riskloom.bundle import Bundle, make_bundle
from riskloom.errors import ParameterInvalid
from riskloom.pipeline import Pipeline
from riskloom.scenario.load import load_scenario
from support.databases import Database
from support.events import payment
from support.server import Server, problem, serving

HOLDER = {
    "entity_id": "user_123",
    "amount": 1500.00,
    "merchant_category": "electronics",
    "time_of_day": "23:45",
}
TRANSFER = {"amount": 123.45, "oldbalanceOrg": 1000, "newbalanceOrig": 876.55}
CHECK = {"amount": 220, "hour": 3, "distance": 12, "device_score": 0.92, "country_mismatch": 1}


def rules_alone(name: str) -> Bundle:
    return make_bundle(load_scenario(name), None)


@pytest.fixture
def several(database: Database, trained: Bundle) -> Iterator[Server]:
    others = [rules_alone(name) for name in ("credit_card_fraud", "mobile_money", "device_risk")]
    with serving(database, trained, *others) as server:
        yield server


def test_a_path_names_its_scenario_and_others_go_to_the_first(several: Server) -> None:
    named = several.post("/api/v1/scenarios/credit_card_fraud/score", HOLDER).json()
    plain = several.score(payment("p-1"))

    assert (named["scenario"], plain["scenario"]) == ("credit_card_fraud", "card_payments")
    assert (named["arrival"], plain["arrival"]) == (1, 2), "one counter numbers all arrivals"
    listed = several.get("/api/v1/scenarios/credit_card_fraud/decisions").json()["items"]
    assert [item["event_id"] for item in listed] == [named["event_id"]]
    assert [item["event_id"] for item in several.get("/api/v1/decisions").json()["items"]] == ["p-1"]
    assert several.get("/api/v1/scenarios/device_risk/scenario").json()["name"] == "device_risk"


def test_the_same_event_id_is_another_event_in_another_scenario(several: Server) -> None:
    several.score(payment("same"))
    answer = several.post("/api/v1/scenarios/device_risk/score", {**CHECK, "event_id": "same"})
    assert answer.status_code == 200
    assert answer.json()["scenario"] == "device_risk"


def test_a_scenario_that_is_not_served_is_404_and_names_those_that_are(several: Server) -> None:
    for method, path in (("POST", "score"), ("GET", "decisions"), ("GET", "models"), ("GET", "stats")):
        answer = several.request(method, f"/api/v1/scenarios/credit_cards/{path}", content=b"{}")
        body = problem(answer, 404, "not_found")
        assert "credit_cards" in body["detail"]
        assert "credit_card_fraud" in str(body)


def test_health_tells_of_every_scenario(several: Server) -> None:
    health = several.get("/health").json()
    assert health["scenario"] == "card_payments"
    assert [one["scenario"] for one in health["scenarios"]] == [
        "card_payments", "credit_card_fraud", "mobile_money", "device_risk",
    ]  # fmt: skip
    assert several.get("/api/v1/readiness").json()["ready"] is True


def test_a_restart_goes_on_with_each_history_and_numbers_go_on(database: Database) -> None:
    bundles = [rules_alone("credit_card_fraud"), rules_alone("card_payments")]
    with serving(database, *bundles) as server:
        for at in range(6):
            server.score({**HOLDER, "event_id": f"h-{at}"})
            server.post("/api/v1/scenarios/card_payments/score", payment(f"p-{at}"))
    with serving(database, *reversed(bundles)) as server:
        paid = server.score(payment("p-next"))
        held = server.post("/api/v1/scenarios/credit_card_fraud/score", {**HOLDER, "event_id": "h-next"})
        shown = server.get("/api/v1/decisions/p-next").json()
    counts = {one["name"]: one["value"] for one in shown["features"]}
    assert counts["user_tx_count_24h"] == 6
    assert (paid["arrival"], held.json()["arrival"]) == (13, 14)


def test_a_scenario_named_twice_is_refused(database: Database, bundle: Bundle) -> None:
    with pytest.raises(ParameterInvalid, match="card_payments"), serving(database, bundle, bundle):
        pass


# ---------------------------------------------------------------- the paths of existing clients


def test_a_record_is_scored_by_the_name_of_a_model(several: Server) -> None:
    sent = {"data": HOLDER, "model_name": "credit_card_fraud", "include_explanations": True}
    answer = several.post("/api/v1/scoring/score", sent)
    assert answer.status_code == 200, answer.text
    result = answer.json()
    assert {"score", "threshold", "is_anomaly", "decision", "explanations"} <= set(result)
    assert result["decision"] in ("APPROVED", "FLAGGED", "REJECTED")
    stored = several.get(f"/api/v1/scenarios/credit_card_fraud/decisions/{result['event_id']}").json()
    assert stored["outcome"] == result["decision"]


def test_records_are_scored_by_the_name_of_a_model_together(several: Server) -> None:
    sent = {"data": [HOLDER, {"amount": "x"}, HOLDER], "model_name": "credit_card_fraud"}
    result = several.post("/api/v1/scoring/score/batch", sent).json()
    assert (result["total"], result["failed"]) == (3, 1)
    assert result["results"][1]["error"]["code"] == "event_invalid"
    assert {"score", "threshold", "is_anomaly", "decision"} <= set(result["results"][2])


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        ({"data": HOLDER, "model_name": "nobody"}, 404, "served are: card_payments"),
        ({"model_name": 3, "include_explanations": "yes"}, 422, "include_explanations"),
        ([], 422, "data and model_name"),
        ({"data": 5, "model_name": "credit_card_fraud"}, 422, "object"),
    ],
)
def test_a_faulty_request_by_name_says_what_is_wrong(
    several: Server, sent: Any, status: int, said: str
) -> None:
    answer = several.request("POST", "/api/v1/scoring/score", json=sent)
    assert answer.status_code == status, answer.text
    assert said in answer.text


@pytest.mark.parametrize("sent", [TRANSFER, {"features": TRANSFER}])
def test_predict_answers_for_mobile_money(several: Server, sent: dict[str, Any]) -> None:
    answer = several.post("/predict", sent)
    assert answer.status_code == 200, answer.text
    assert {"fraud_probability", "is_fraud", "threshold"} <= set(answer.json())
    assert several.get("/api/v1/scenarios/mobile_money/stats").json()["total_decisions"] == 1


def test_predict_without_mobile_money_names_what_is_served(server: Server) -> None:
    assert "card_payments" in str(problem(server.post("/predict", TRANSFER), 404, "not_found"))


def test_a_device_check_is_scored_in_the_first_systems_shape(database: Database) -> None:
    with serving(database, rules_alone("device_risk")) as server:
        answer = server.post("/score", CHECK)
    assert answer.status_code == 200, answer.text
    assert {"event_id", "anomaly_score", "risk_score", "flagged", "reasons"} <= set(answer.json())


def test_explanations_on_request_are_the_exact_parts_of_the_score(several: Server, trained: Bundle) -> None:
    answer = several.post("/api/v1/score?include_explanations=true", payment("p-1"))
    view = answer.json()
    event = several.runtime.engine.read(json.dumps(payment("p-1")).encode())
    vector = Pipeline(trained).score_one(event, 1).vector
    assert trained.model is not None
    exact = trained.model.contributions_one(vector)
    assert exact is not None
    told = {one["feature"]: one["contribution"] for one in view["explanations"]}
    assert told
    for name, part in told.items():
        assert part == exact.parts[trained.model.features.index(name)]
    largest = np.sort(np.abs(exact.parts))[::-1][: len(told)]
    assert [abs(part) for part in told.values()] == largest.tolist()
    again = several.post("/api/v1/score?include_explanations=true", payment("p-1")).json()
    assert again["explanations"] == view["explanations"], "a stored decision explains itself the same"
