"""LightGBM's trees score and explain as LightGBM does, to the last bit; its trap of rare classes is shut."""

from __future__ import annotations

from typing import Any

import lightgbm as library
import numpy as np
import pytest

from riskloom.detectors import boosting_fit
from riskloom.detectors import lightgbm as kind
from riskloom.detectors.lightgbm import Lightgbm
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


def predict(booster: Any, rows: np.ndarray, **named: bool) -> np.ndarray:
    count = booster.best_iteration if booster.best_iteration > 0 else None
    return booster.predict(rows, num_iteration=count, num_threads=1, **named)


SETTINGS = [
    ({}, 0),
    ({"trees": 1, "num_leaves": 2}, 1),
    ({"trees": 23, "num_leaves": 63, "max_depth": 20, "min_data_in_leaf": 1, "subsample": 0.5}, 2),
    ({"trees": 40, "categorical": "1", "learning_rate": 0.3}, 3),
    ({"trees": 40, "categorical": CATEGORIES, "scale_pos_weight": 0, "zero_as_missing": True}, 4),
    ({"trees": 40, "categorical": CATEGORIES, "colsample": 0.5, "reg_lambda": 0}, 5),
    ({"trees": 40, "zero_as_missing": True, "num_leaves": 31}, 6),
]


@pytest.mark.parametrize(("parameters", "seed"), SETTINGS)
def test_the_score_is_the_library_s_raw_score_to_the_last_bit(
    parameters: dict[str, Any], seed: int, grown: list[Any]
) -> None:
    X, labels = lessons(seed)
    model = Lightgbm.fit(X, seed=seed, labels=labels, parameters=parameters)
    rows = awkward(X, model.trees)
    endless = X[:200].copy()
    for at, value in enumerate((np.inf, -np.inf, 1e300, -1e300)):
        chosen = np.random.default_rng(at).random((50, WIDTH)) < 0.4
        endless[50 * at : 50 * at + 50] = np.where(chosen, value, X[:50])

    for some in (rows, endless):
        assert np.array_equal(model.score_many(some), predict(grown[-1], some, raw_score=True))


@pytest.mark.parametrize(("parameters", "seed"), SETTINGS)
def test_the_parts_are_the_library_s_contributions(
    parameters: dict[str, Any], seed: int, grown: list[Any]
) -> None:
    X, labels = lessons(seed)
    model = Lightgbm.fit(X, seed=seed, labels=labels, parameters=parameters)
    rows = awkward(X[:300], model.trees)

    theirs = predict(grown[-1], rows, pred_contrib=True)
    base, parts = model.contributions_many(rows)

    assert np.abs(parts - theirs[:, :-1]).max() <= 1e-12
    assert base == pytest.approx(theirs[0, -1], abs=1e-12)
    assert np.allclose(base + parts.sum(axis=1), model.score_many(rows), rtol=0, atol=1e-12)
    one = model.contributions_one(rows[9])
    assert one[0] == base
    assert np.array_equal(one[1], parts[9])


def missing_types(booster: Any) -> set[int]:
    """The missing types in a model of the library: 0 none, 1 zero, 2 NaN."""
    lines = [line for line in booster.model_to_string().splitlines() if line.startswith("decision_type=")]
    words = [int(word) for line in lines for word in line.split("=")[1].split()]
    return {word >> 2 & 3 for word in words if not word & 1}


def test_every_way_of_the_library_to_take_missing_values_is_met_here(grown: list[Any]) -> None:
    X, labels = lessons(6)
    for zero_as_missing in (False, True):
        Lightgbm.fit(X, seed=0, labels=labels, parameters={"zero_as_missing": zero_as_missing})

    plain, zeros = (missing_types(booster) for booster in grown)
    assert plain == {0, 2}
    assert 1 in zeros


def test_a_category_never_seen_in_training_goes_right_with_the_missing_ones() -> None:
    X, labels = lessons(3)
    model = Lightgbm.fit(X, seed=0, labels=labels, parameters={"trees": 20, "categorical": CATEGORIES})
    row = X[0].copy()
    scores = set()

    for code in (60, 61, 4_095, 1e9, -1, np.inf, -np.inf, np.nan):
        row[1] = code
        scores.add(model.score_one(row))

    assert len(scores) == 1


def test_growing_stops_at_the_best_tree_of_the_holdout(grown: list[Any]) -> None:
    X, labels = lessons(1, 3_000)
    later = lessons(2)
    parameters = {"trees": 200, "learning_rate": 0.3, "early_stopping_rounds": 5}

    stopped = Lightgbm.fit(X, seed=0, labels=labels, holdout=later, parameters=parameters)
    whole = Lightgbm.fit(X, seed=0, labels=labels, parameters=parameters)
    never = Lightgbm.fit(
        X, seed=0, labels=labels, holdout=later, parameters=parameters | {"early_stopping_rounds": 0}
    )

    losses = []
    for count in range(1, 60):
        score = grown[1].predict(later[0], raw_score=True, num_iteration=count)
        losses.append(float(np.mean(np.logaddexp(0, score) - later[1] * score)))
    assert 5 < len(stopped.trees) == best_tree(losses, 5)
    assert len(whole.trees) == len(never.trees) == 200


def test_rows_that_teach_nothing_make_a_single_leaf_and_no_refit() -> None:
    X = np.full((50, 2), 7.0)
    labels = np.arange(50) < 5

    model = Lightgbm.fit(X, seed=0, labels=labels.astype(np.float64))

    assert len(model.trees) == 1
    assert model.refits == 0
    assert model.score_one(X[0]) == pytest.approx(np.log(5 / 45))


def test_seeds_beyond_31_bits_are_taken() -> None:
    X, labels = lessons(1, 300)

    scores = [
        Lightgbm.fit(X, seed=seed, labels=labels, parameters={"trees": 5}).score_many(X)
        for seed in (5, 2**31 + 5, 2**32 - 1)
    ]

    assert np.array_equal(scores[0], scores[1])
    assert not np.array_equal(scores[0], scores[2])


def test_a_library_that_adds_up_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    join = boosting_fit.join_trees
    monkeypatch.setattr(kind, "join_trees", lambda grown, *rest: join(grown[::-1], *rest))
    X, labels = lessons(1)

    with pytest.raises(BundleInvalid, match="does not score as its trees say"):
        Lightgbm.fit(X, seed=0, labels=labels)
