"""XGBoost's trees score and explain as XGBoost does, to the last bit, whatever the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xgboost as library

from riskloom.detectors import boosting_fit
from riskloom.detectors import xgboost as kind
from riskloom.detectors.xgboost import Xgboost
from riskloom.errors import BundleInvalid
from support.boosted import CATEGORIES, WIDTH, awkward, best_tree, lessons


@pytest.fixture
def grown(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The boosters that the library trains, in the order they are."""
    boosters: list[Any] = []
    train = library.train
    monkeypatch.setattr(
        library, "train", lambda *given, **named: boosters.append(train(*given, **named)) or boosters[-1]
    )
    return boosters


def matrix(rows: np.ndarray, categorical: str) -> library.DMatrix:
    places = [int(word) for word in categorical.split(",")] if categorical else []
    types = ["c" if place in places else "q" for place in range(rows.shape[1])]
    return library.DMatrix(
        np.clip(rows, -1e38, 1e38), feature_types=types, enable_categorical=True, nthread=1
    )


SETTINGS = [
    ({}, 0),
    ({"trees": 1, "max_depth": 1}, 1),
    ({"trees": 23, "max_depth": 9, "min_child_weight": 0, "subsample": 0.5}, 2),
    ({"trees": 40, "categorical": "1", "learning_rate": 0.3}, 3),
    ({"trees": 40, "categorical": CATEGORIES, "scale_pos_weight": 0, "max_depth": 6}, 4),
    ({"trees": 40, "categorical": CATEGORIES, "colsample": 0.5, "gamma": 1, "reg_lambda": 0}, 5),
]


@pytest.mark.parametrize(("parameters", "seed"), SETTINGS)
def test_the_score_is_the_library_s_margin_to_the_last_bit(
    parameters: dict[str, Any], seed: int, grown: list[Any]
) -> None:
    X, labels = lessons(seed)
    model = Xgboost.fit(X, seed=seed, labels=labels, parameters=parameters)
    rows = awkward(X, model.trees)

    margins = grown[-1].predict(matrix(rows, parameters.get("categorical", "")), output_margin=True)

    assert margins.dtype == np.float32
    assert np.array_equal(model.score_many(np.clip(rows, -1e38, 1e38)), margins.astype(np.float64))


@pytest.mark.parametrize("categorical", ["", CATEGORIES])
def test_infinities_are_compared_like_numbers_as_the_library_does_in_place(
    categorical: str, grown: list[Any]
) -> None:
    X, labels = lessons(7)
    model = Xgboost.fit(X, seed=0, labels=labels, parameters={"trees": 30, "categorical": categorical})
    rows = X[:200].copy()
    for at, value in enumerate((np.inf, -np.inf, 1e300, -1e300)):
        rows[50 * at : 50 * at + 50] = np.where(
            np.random.default_rng(at).random((50, WIDTH)) < 0.4, value, rows[:50]
        )

    margins = grown[-1].inplace_predict(rows, predict_type="margin")

    assert np.array_equal(model.score_many(rows), margins.astype(np.float64))


@pytest.mark.parametrize(("parameters", "seed"), SETTINGS)
def test_the_parts_are_the_library_s_contributions(
    parameters: dict[str, Any], seed: int, grown: list[Any]
) -> None:
    X, labels = lessons(seed)
    model = Xgboost.fit(X, seed=seed, labels=labels, parameters=parameters)
    rows = np.clip(awkward(X[:300], model.trees), -1e38, 1e38)

    theirs = grown[-1].predict(matrix(rows, parameters.get("categorical", "")), pred_contribs=True)
    base, parts = model.contributions_many(rows)

    assert np.abs(parts - theirs[:, :-1]).max() <= 1e-5
    assert base == pytest.approx(theirs[0, -1], abs=1e-5)
    assert np.allclose(base + parts.sum(axis=1), model.score_many(rows), rtol=0, atol=1e-5)
    one = model.contributions_one(rows[9])
    assert one[0] == base
    assert np.array_equal(one[1], parts[9])


def test_a_missing_value_goes_where_training_sent_it() -> None:
    chance = np.random.default_rng(0)
    X = chance.normal(size=(4_000, 1))
    X[:1_000] = np.nan
    fraud_in_gaps = np.where(np.isnan(X[:, 0]), chance.random(4_000) < 0.5, False).astype(np.float64)
    fraud_else = np.where(np.isnan(X[:, 0]), False, chance.random(4_000) < 0.5).astype(np.float64)
    row = np.array([np.nan])

    assert Xgboost.fit(X, seed=0, labels=fraud_in_gaps).score_one(row) > -0.5
    assert Xgboost.fit(X, seed=0, labels=fraud_else).score_one(row) < -2


def test_a_category_never_seen_in_training_goes_left_where_the_library_sends_it() -> None:
    X, labels = lessons(3)
    model = Xgboost.fit(X, seed=0, labels=labels, parameters={"trees": 20, "categorical": CATEGORIES})
    row = X[0].copy()
    scores = set()

    for code in (60, 61, 4_095, 1e9, -1, -0.5, np.inf, -np.inf):
        row[1] = code
        scores.add(model.score_one(row))

    assert len(scores) == 1


def test_growing_stops_at_the_best_tree_of_the_holdout(grown: list[Any]) -> None:
    X, labels = lessons(1, 3_000)
    later = lessons(2)
    parameters = {"trees": 200, "learning_rate": 0.3, "early_stopping_rounds": 5}

    stopped = Xgboost.fit(X, seed=0, labels=labels, holdout=later, parameters=parameters)
    whole = Xgboost.fit(X, seed=0, labels=labels, parameters=parameters)
    never = Xgboost.fit(
        X, seed=0, labels=labels, holdout=later, parameters=parameters | {"early_stopping_rounds": 0}
    )

    losses = [loss(whole, later, count) for count in range(1, 60)]
    assert 5 < len(stopped.trees) == best_tree(losses, 5)
    assert len(whole.trees) == len(never.trees) == 200
    assert loss(stopped, later) == losses[len(stopped.trees) - 1]


def loss(model: Xgboost, later: tuple[np.ndarray, np.ndarray], count: int | None = None) -> float:
    """The logarithmic loss of the first trees of a model."""
    arrays = model.arrays()
    if count is not None:
        end = arrays["offset"][count]
        for name in ("feature", "threshold", "missing_left", "value", "cover"):
            arrays[name] = arrays[name][:end]
        arrays["offset"] = arrays["offset"][: count + 1]
    score = Xgboost.from_arrays(arrays).score_many(later[0])
    return float(np.mean(np.logaddexp(0, score) - later[1] * score))


@pytest.mark.parametrize("weight", [1e6, 1e-3, 1e-9, 1e-30])
def test_classes_rarer_than_the_library_believes_are_met(weight: float, grown: list[Any]) -> None:
    X, labels = lessons(1, 1_000)

    for marks in (labels, 1 - labels):
        grown.clear()
        model = Xgboost.fit(X, seed=0, labels=marks, parameters={"trees": 9, "scale_pos_weight": weight})
        margins = grown[model.refits].predict(matrix(X, ""), output_margin=True)
        assert np.array_equal(model.score_many(np.clip(X, -1e38, 1e38)), margins.astype(np.float64))


def test_a_base_score_whose_logarithm_differs_in_the_last_bit_is_met(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = kind._starts
    monkeypatch.setattr(kind, "_starts", lambda text: exact(text)[::-1])
    X, labels = lessons(1)

    moved = Xgboost.fit(X, seed=0, labels=labels, parameters={"trees": 9})

    monkeypatch.undo()
    assert moved.start == Xgboost.fit(X, seed=0, labels=labels, parameters={"trees": 9}).start


def test_a_library_that_adds_up_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    join = boosting_fit.join_trees
    monkeypatch.setattr(kind, "join_trees", lambda grown, *rest: join(grown[::-1], *rest))
    X, labels = lessons(1)

    with pytest.raises(BundleInvalid, match="does not score as its trees say"):
        Xgboost.fit(X, seed=0, labels=labels)
