"""Exact parts beside those of shap and lime: the same where both mean the same, additive everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from riskloom.errors import ParameterInvalid
from riskloom.model import Model
from riskloom.scenario.load import scenario_from_parts
from riskloom.training.explainers import METHODS, Explained, Floats, additive, explain
from riskloom.training.fit import fit_model
from riskloom.training.history import History

NAMES = ("amount", "count", "share", "shop")
SMALL: dict[str, dict[str, Any]] = {
    "isolation_forest": {"trees": 10},
    "xgboost": {"trees": 8},
    "lightgbm": {"trees": 8},
    "half_space_trees": {"trees": 5},
}
# shap and lime still use names that their own libraries are about to drop
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def history(rows: int = 400) -> History:
    """Rows with gaps, and frauds that depend on two features and on the shop."""
    chance = np.random.default_rng(3)
    X = np.column_stack((chance.exponential(size=rows), chance.poisson(3, rows), chance.normal(size=rows)))
    shops = chance.integers(0, 4, rows)
    risk = X[:, 0] + 0.5 * X[:, 1] * (X[:, 2] > 0) + (shops == 2)
    X[chance.random(rows) < 0.1, 2] = np.nan
    numbers = np.arange(rows)
    labels = (risk > np.quantile(risk, 0.8)).astype(np.float64)
    return History(np.column_stack((X, shops)), labels, numbers, np.ones(rows), numbers)


def model_of(*kinds: str, shop: bool = False) -> Model:
    """A small model over the rows of `history`, joined where kinds are several; lightgbm may see shops."""
    features = [f"{name}_now" for name in NAMES]
    fields = {name: {"type": "number", "signed": True, "required": False} for name in NAMES[:3]}
    detectors = [
        {
            "kind": kind,
            "features": features if shop and kind == "lightgbm" else features[:3],
            "parameters": SMALL.get(kind, {}),
        }
        for kind in kinds
    ]
    parts = {
        "features": {
            "scenario": "small",
            "event": {"fields": {"event_id": {"type": "string"}, **fields, "shop": {"type": "category"}}},
            "features": [
                *({"name": f"{name}_now", "expression": name} for name in NAMES[:3]),
                {"name": "shop_now", "category": "shop"},
            ],
        },
        "model": {"detectors": detectors, **({"ensemble": "stacking"} if len(kinds) > 1 else {})},
        "rules": [],
        "policy": {},
        "rates": None,
    }
    return fit_model(history(), scenario_from_parts(parts), seed=1)


def explained(model: Model, method: str, rows: Floats) -> Explained:
    """What a method says; every method must have something to say."""
    found = explain(model, method, rows, history().vectors, categories=("shop_now",), seed=1)
    assert found is not None
    return found


@pytest.mark.parametrize("kind", ["isolation_forest", "xgboost", "lightgbm", "logistic_regression"])
def test_where_both_mean_the_same_shap_gives_the_exact_parts(kind: str) -> None:
    model, rows = model_of(kind), history().vectors[:20]
    ours, theirs = explained(model, "exact", rows), explained(model, "shap", rows)
    assert np.abs(ours.parts).max() > 0.01
    assert np.allclose(ours.parts, theirs.parts, rtol=0, atol=1e-5 if kind == "xgboost" else 1e-9)
    assert np.allclose(ours.base, theirs.base, rtol=0, atol=1e-5 if kind == "xgboost" else 1e-9)


@pytest.mark.parametrize("kinds", [("half_space_trees",), ("isolation_forest", "lightgbm")], ids=str)
def test_of_any_model_shaps_parts_add_up_to_the_score(kinds: tuple[str, ...]) -> None:
    model, rows = model_of(*kinds, shop=True), history().vectors[:3]
    found = explained(model, "shap", rows)
    assert "Permutation" in found.how
    assert found.parts.shape == (3, len(model.features))
    assert np.allclose(found.base + found.parts.sum(axis=1), model.anomaly_many(rows))


@pytest.mark.parametrize("kind", ["isolation_forest", "xgboost"])
def test_values_next_to_a_threshold_go_the_same_way(kind: str) -> None:
    model = model_of(kind)
    trees = model.members[0].detector.trees  # type: ignore[attr-defined]
    asked = np.flatnonzero(trees.feature == 0)[:20]
    rows = np.tile(np.nan_to_num(history().vectors[0]), (len(asked), 1))
    rows[:, 0] = np.nextafter(trees.threshold[asked].astype(np.float64), np.inf)  # the threshold in float32
    ours, theirs = explained(model, "exact", rows), explained(model, "shap", rows)
    assert np.allclose(ours.parts, theirs.parts, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["isolation_forest", "lightgbm"])
def test_exact_parts_add_up_to_what_the_others_explain(kind: str) -> None:
    model, rows = model_of(kind), history().vectors[:20]
    found = explained(model, "exact", rows)
    total = found.base + found.parts.sum(axis=1)
    assert np.allclose(total, additive(model, model.anomaly_many(rows)), rtol=0, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_says_the_same_again_and_how_long_it_took(method: str) -> None:
    model, rows = model_of("isolation_forest", "lightgbm", shop=True), history().vectors[:2]
    one, two = (explained(model, method, rows) for _ in range(2))
    assert np.array_equal(one.parts, two.parts)
    assert one.seconds > 0


def test_lime_finds_what_raises_a_score_that_is_linear() -> None:
    model, rows = model_of("logistic_regression"), np.array([[9.0, 3.0, 0.0, 0.0], [0.01, 3.0, 0.0, 0.0]])
    high, low = explained(model, "lime", rows).parts[:, 0]
    assert high > 0 > low


def test_what_admits_no_exact_parts_has_none() -> None:
    rows = history().vectors[:2]
    assert explain(model_of("half_space_trees"), "exact", rows, rows) is None


def test_another_method_is_refused() -> None:
    rows = history().vectors[:2]
    with pytest.raises(ParameterInvalid, match="did you mean 'shap'"):
        explain(model_of("isolation_forest"), "shape", rows, rows)
