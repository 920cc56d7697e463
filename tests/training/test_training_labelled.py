"""Training with labels: an honest split, detectors joined, calibration, threshold, tuning, judging."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from riskloom.bundle import Bundle, read_bundle, write_bundle
from riskloom.domain.columns import Labelled
from riskloom.domain.event import Event, decode_json
from riskloom.errors import DataInvalid, ScenarioInvalid
from riskloom.pipeline import Pipeline
from riskloom.scenario.load import scenario_from_parts
from riskloom.scenario.scenario import Scenario
from riskloom.training.judge import judge
from riskloom.training.report.card import render_model_card
from riskloom.training.report.evaluation import Evaluation
from riskloom.training.report.page import render_report
from riskloom.training.train import Trained, train

FEATURES = {
    "scenario": "small_cards",
    "event": {
        "label": "is_fraud",
        "label_delay": "2d",
        "fields": {
            "event_id": {"type": "string"},
            "timestamp": {"type": "time"},
            "user_id": {"type": "string", "entity": "user"},
            "merchant_id": {"type": "string", "entity": "merchant"},
            "kind": {"type": "category", "required": False},
            "amount": {"type": "money"},
        },
    },
    "features": [
        {"name": "user_count_1d", "entity": "user", "aggregate": "count", "window": "1d"},
        {"name": "merchant_frauds", "entity": "merchant", "aggregate": "fraud_count", "window": "20d"},
        {"name": "amount_now", "expression": "amount"},
        {"name": "kind_code", "category": "kind"},
    ],
}
JOINED = {
    "detectors": [
        {"kind": "isolation_forest", "parameters": {"trees": 20}},
        {"kind": "lightgbm", "parameters": {"trees": 30}},
        {
            "kind": "logistic_regression",
            "prepare": [{"encode": "target"}, {"impute": "median"}, {"scale": "standard"}],
        },
    ],
    "ensemble": "stacking",
}


KINDS = {True: [0.1, 0.2, 0.7], False: [0.5, 0.4, 0.1]}


def scenario_of(model: dict[str, Any], policy: dict[str, Any] | None = None) -> Scenario:
    return scenario_from_parts(
        {"features": FEATURES, "model": model, "rules": [], "policy": policy or {}, "rates": None}
    )


def labelled(scenario: Scenario, count: int = 3_000, rate: float = 0.05) -> list[Labelled]:
    """Payments of 30 days; frauds are large, of one kind, and at few merchants."""
    chance = np.random.default_rng(3)
    schema = scenario.schema()
    events: list[Labelled] = []
    for at in range(count):
        fraud = bool(chance.random() < rate)
        row = {
            "event_id": f"e{at}",
            "timestamp": f"2026-01-{1 + at * 30 // count:02d}T{at % 24:02d}:00:00Z",
            "user_id": f"u{chance.integers(60)}",
            "merchant_id": f"m{chance.integers(3 if fraud else 40)}",
            "kind": str(
                chance.choice(["food", "fuel", "gold"], p=[0.1, 0.2, 0.7] if fraud else [0.5, 0.4, 0.1])
            ),
            "amount": round(float(chance.lognormal(5 if fraud else 4)), 2),
        }
        plain = decode_json(msgspec.json.encode(row))
        event = schema.parse_one(plain, 1 << 60, make_id=str)
        events.append((Event(event.id, event.time_us, event.time_us, event.values, event.sent), float(fraud)))
    events.sort(key=lambda pair: (pair[0].time_us, pair[0].id))
    return events


@pytest.fixture(scope="module")
def joined() -> Trained:
    scenario = scenario_of(JOINED, {"threshold": {"kind": "alert_budget", "alerts": 5}})
    return train(scenario, [labelled(scenario)], seed=1, about={})


def test_detectors_learn_from_the_past_and_are_judged_on_what_came_after(joined: Trained) -> None:
    parts = joined.parts
    assert parts is not None
    times = joined.history.time_us
    two_days_us = 2 * 86_400_000_000
    assert times[parts.train].max() + two_days_us <= times[parts.validation].min()
    assert times[parts.validation].max() + two_days_us <= times[parts.test].min()
    found = judge(joined, source="made", created="2026-02-01")
    assert found is not None
    assert found.detectors[0].estimates["roc_auc"].value > 0.85


def test_a_label_is_no_feature_before_it_is_known(joined: Trained) -> None:
    scenario = joined.candidates[0].scenario
    frauds = joined.history.vectors[:, scenario.feature_names.index("merchant_frauds")]
    early = joined.history.time_us < joined.history.time_us[0] + 2 * 86_400_000_000
    assert frauds[early].max() == 0
    assert frauds.max() > 3


def test_an_ensemble_gives_one_what_it_gives_many(joined: Trained) -> None:
    model = joined.candidates[0].model
    vectors = joined.history.vectors[:300]
    many = model.score_many(vectors)
    for at, vector in enumerate(vectors):
        one = model.score_one(vector)
        assert one.anomaly_score == many.anomaly_scores[at]
        assert one.risk_score == many.risk_scores[at]
        assert many.probabilities is not None
        assert one.probability == many.probabilities[at]


def test_the_parts_of_an_ensemble_add_up_to_its_score(joined: Trained) -> None:
    model = joined.candidates[0].model
    for vector in joined.history.vectors[:50]:
        told = model.contributions_one(vector)
        assert told is not None
        assert told.of == "log_odds"
        assert math.isclose(told.base + told.parts.sum(), model.score_one(vector).anomaly_score, abs_tol=1e-9)


def test_probabilities_are_as_frequent_as_they_say(joined: Trained) -> None:
    model, history = joined.candidates[0].model, joined.history
    assert joined.parts is not None
    rows = joined.parts.test
    said = model.score_many(history.vectors[rows]).probabilities
    assert said is not None
    assert abs(said.mean() - history.labels[rows].mean()) < 0.03


def test_the_threshold_keeps_the_alert_budget(joined: Trained) -> None:
    best = joined.candidates[0]
    assert best.threshold is not None
    assert joined.parts is not None
    rows = joined.parts.validation
    risks = best.model.score_many(joined.history.vectors[rows]).risk_scores
    day = joined.history.time_us[rows] // 86_400_000_000
    flagged = risks >= best.scenario.policy.percentile
    alerts = set(zip(day[flagged].tolist(), joined.history.entities[rows][flagged].tolist(), strict=True))
    assert 0 < len(alerts) <= 5 * len(np.unique(day))
    assert best.scenario.parts["policy"]["chosen"]["kind"] == "alert_budget"


def test_a_joined_bundle_comes_back_with_the_same_scores(joined: Trained, tmp_path: Any) -> None:
    bundle = joined.bundle
    again: Bundle = read_bundle(write_bundle(bundle, tmp_path / "bundle"))
    assert again.fingerprint == bundle.fingerprint
    assert again.model is not None
    assert bundle.model is not None
    vectors = joined.history.vectors
    assert again.model.score_many(vectors).anomaly_scores.tobytes() == (
        bundle.model.score_many(vectors).anomaly_scores.tobytes()
    )


def test_a_flagged_decision_freezes_what_raised_its_score(joined: Trained) -> None:
    bundle = joined.bundle
    events = [event for event, _ in labelled(bundle.scenario)]
    flagged = [decision for decision in Pipeline(bundle).decisions(events, 1) if decision.flagged]
    assert flagged
    for decision in flagged:
        assert decision.probability is not None
        parts = list(decision.contributions.values())
        assert parts == sorted(parts, reverse=True)
        assert min(parts) > 0


def test_several_kinds_are_compared_and_the_best_on_the_validation_is_kept() -> None:
    scenario = scenario_of({"detector": {"parameters": {"trees": 10}}})
    trained = train(
        scenario, [labelled(scenario)], seed=1, about={}, kinds=["isolation_forest", "ecod", "lightgbm"]
    )
    names = [candidate.name for candidate in trained.candidates]
    assert names[0] == "lightgbm"
    assert sorted(names) == ["ecod", "isolation_forest", "lightgbm"]
    merits = [candidate.merit for candidate in trained.candidates]
    assert merits == sorted(merits, reverse=True)


def test_a_training_that_began_anew_is_told_in_the_report() -> None:
    scenario = scenario_of({"detector": {"kind": "lightgbm", "parameters": {"trees": 10}}})
    trained = train(scenario, [labelled(scenario)], seed=1, about={})
    (best,) = trained.candidates
    (member,) = best.model.members
    once = replace(member, detector=replace(member.detector, refits=1))
    again = replace(trained, candidates=(replace(best, model=replace(best.model, members=(once,))),))
    for found, told in ((trained, False), (again, True)):
        evaluation = judge(found, source="f", created="today")
        assert evaluation is not None
        said = (
            "lightgbm diverged, as it may where frauds are very rare, and began anew once with safer settings"
        )
        assert [said.replace(" ", "") in text.replace(" ", "") for text in pages(evaluation)] == [told, told]


def pages(evaluation: Evaluation) -> tuple[str, str]:
    """The report and the model card."""
    return render_report(evaluation), render_model_card(evaluation)


def test_tuning_is_never_worse_on_the_validation() -> None:
    scenario = scenario_of({"detector": {"kind": "logistic_regression", "features": ["amount_now"]}})
    rows = labelled(scenario)
    plain = train(scenario, [rows], seed=1, about={})
    tuned = train(scenario, [rows], seed=1, about={}, trials=3)
    again = train(scenario, [rows], seed=1, about={}, trials=3)
    assert tuned.candidates[0].merit >= plain.candidates[0].merit
    assert tuned.bundle.fingerprint == again.bundle.fingerprint


def test_a_kind_that_needs_labels_says_so() -> None:
    scenario = scenario_of({"detector": {"kind": "lightgbm"}})
    unknown = [(event, float("nan")) for event, _ in labelled(scenario, 200)]
    with pytest.raises(DataInvalid, match="frauds and honest events for lightgbm"):
        train(scenario, [unknown], seed=1, about={})


def test_a_history_too_short_to_hold_back_is_learned_from_whole() -> None:
    scenario = scenario_of({"detector": {"parameters": {"trees": 10}}})
    rows = labelled(scenario, 3_000)[:250]
    trained = train(scenario, [rows], seed=1, about={})
    assert trained.parts is None
    assert "too short" in trained.why_whole
    assert judge(trained, source="made", created="") is None


def test_leaks_are_found_in_fields_and_the_score_without_them_is_told() -> None:
    scenario = scenario_of({"detector": {"kind": "lightgbm", "parameters": {"trees": 20}}})
    rows = labelled(scenario)
    for event, label in rows:
        event.values["amount"] = int(10_000 + 90_000 * label + hash(event.id) % 100)
    found = judge(train(scenario, [rows], seed=1, about={}), source="made", created="", leakage=True)
    assert found is not None
    assert found.leakage is not None
    assert any("amount" in finding.drop for finding in found.leakage.findings)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ({"detectors": [{"kind": "ecod"}], "ensemble": "stacking"}, "two detectors or more"),
        ({"detectors": [{"kind": "ecod", "features": ["kind_code"]}]}, "a category that a step"),
        ({"detectors": [{"kind": "ecod"}, {"kind": "ecod", "name": "ecod"}]}, "a name of its own"),
        (
            {"detectors": [{"kind": "ecod", "prepare": [{"scale": "standard", "columns": ["x"]}]}]},
            "a feature",
        ),
        ({"detector": {"kind": "lightgmb"}}, "one of"),
    ],
)
def test_what_cannot_be_trained_is_refused_when_it_is_read(model: dict[str, Any], said: str) -> None:
    with pytest.raises(ScenarioInvalid, match=said):
        scenario_of(model)
