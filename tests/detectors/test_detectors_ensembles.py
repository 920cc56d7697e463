"""Ensembles join members' scores: a mean by weight, and a logistic regression that learns whom to believe."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from riskloom.detectors import stacking, weighted_mean
from riskloom.detectors.checks import edges, marks, sample
from riskloom.detectors.stacking import Stacking
from riskloom.detectors.weighted_mean import WeightedMean
from riskloom.errors import BundleInvalid, DataInvalid, ParameterInvalid

NAN = np.nan
MEMBERS = np.array([[0.0, 10.0], [1.0, 30.0], [2.0, 20.0]])


def mean_of(**parameters: Any) -> WeightedMean:
    return WeightedMean.fit(MEMBERS, seed=0, parameters=parameters)


def drawn(seed: int, rows: int = 800) -> tuple[np.ndarray, np.ndarray]:
    """Scores of three members in different units, one of which knows nothing, and labels."""
    chance = np.random.default_rng(seed)
    labels = (chance.random(rows) < 0.1).astype(float)
    X = np.column_stack(
        (chance.normal(size=rows) + 2 * labels, chance.random(rows) + 0.5 * labels, chance.random(rows))
    )
    return X * [1.0, 100.0, 1e-3] + [5.0, 0.0, 1.0], labels


def test_members_speak_in_spreads_above_their_means() -> None:
    model = mean_of()
    spread = np.sqrt(2 / 3)

    assert model.score_one(np.array([1.0, 20.0])) == 0.0
    assert model.score_one(np.array([2.0, 20.0])) == pytest.approx(0.5 / spread)
    assert model.score_one(np.array([2.0, 30.0])) == pytest.approx(1 / spread)


def test_the_weights_are_those_that_are_written() -> None:
    plain = mean_of(standardise=False, weights="3, 1")

    assert plain.score_one(np.array([1.0, 21.0])) == (3 * 1.0 + 21.0) / 4
    assert mean_of(standardise=False, weights="1,0").score_one(np.array([0.5, 99.0])) == 0.5
    assert mean_of(standardise=False).score_one(np.array([1.0, 21.0])) == 11.0


def test_a_member_without_a_score_is_left_out_with_its_weight() -> None:
    model = mean_of(standardise=False, weights="3,1")

    assert model.score_one(np.array([NAN, 21.0])) == 21.0
    assert model.score_one(np.array([1.5, NAN])) == 1.5
    assert model.score_one(np.array([NAN, NAN])) == 0.0
    assert mean_of(standardise=False, weights="1,0").score_one(np.array([NAN, 21.0])) == 0.0


def test_below_all_that_a_member_ever_said_nothing_is_known_of_it() -> None:
    model = mean_of(standardise=False)

    assert model.score_one(np.array([0.0, 10.0])) == 5.0
    assert model.score_one(np.array([-4.0, 10.0])) == model.score_one(np.array([4.0, 10.0])) == 7.0


def test_a_mean_rises_with_each_member_from_its_lowest_on() -> None:
    model = WeightedMean.fit(drawn(0)[0], seed=0)
    rows = np.sort(drawn(1)[0], axis=0)
    rows = np.maximum(rows, model.lowest)

    assert (np.diff(model.score_many(rows)) > 0).all()


@pytest.mark.parametrize(
    "weights", ["1", "1,2,3", "1;2", "a,b", "1,-1", "0,0", "1,nan", "1,inf", "1,1e10", ","]
)
def test_weights_that_do_not_fit_the_members_are_refused(weights: str) -> None:
    with pytest.raises(ParameterInvalid, match="2 numbers"):
        mean_of(weights=weights)


@pytest.mark.parametrize("l2", [1.0, 0.01, 50.0])
def test_stacking_is_scikit_learns_regression_on_standardised_scores(l2: float) -> None:
    X, labels = drawn(3)
    model = Stacking.fit(X, seed=0, parameters={"l2": l2}, labels=labels)

    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    judge = LogisticRegression(C=1 / l2, tol=1e-10, max_iter=10_000).fit(Z, labels)

    later, _ = drawn(4)
    expected = judge.decision_function((later - X.mean(axis=0)) / X.std(axis=0))
    assert np.abs(model.score_many(later) - expected).max() < 1e-6


def test_stacking_believes_the_members_that_know() -> None:
    model = Stacking.fit(*drawn(5)[:1], seed=0, labels=drawn(5)[1])

    assert model.weight[0] > 0.5 < model.weight[1]
    assert abs(model.weight[2]) < 0.3


def test_a_member_without_a_score_counts_as_its_mean() -> None:
    X, labels = drawn(6)
    X[::7, 1] = NAN
    barely_held = {"l2": 1e-6}
    model = Stacking.fit(X, seed=0, labels=labels, parameters=barely_held)
    row = X[1].copy()
    row[1] = np.nanmean(X[:, 1])

    assert model.score_one(np.array([row[0], NAN, row[2]])) == pytest.approx(model.score_one(row), abs=1e-12)
    filled = np.where(np.isnan(X), np.nanmean(X, axis=0), X)
    again = Stacking.fit(filled, seed=0, labels=labels, parameters=barely_held)
    assert model.score_one(np.full(3, NAN)) == pytest.approx(again.score_one(np.nanmean(X, axis=0)), abs=1e-6)


def test_members_that_tell_all_frauds_apart_are_not_believed_without_limit() -> None:
    X = np.repeat([[0.0], [1.0]], 50, axis=0)
    model = Stacking.fit(X, seed=0, parameters={"l2": 1e-6}, labels=X[:, 0])

    assert 5 < model.score_one(np.ones(1)) < 50
    assert -50 < model.score_one(np.zeros(1)) < -5


@pytest.mark.parametrize("kind", [WeightedMean, Stacking])
def test_contributions_add_up_to_the_score(kind: Any) -> None:
    X = sample(2)
    X[:30, 2] = NAN
    model = kind.fit(X, seed=0, labels=marks(X))

    for x in np.vstack((X[:60], edges(X)[40:43])):
        base, parts = model.contributions_one(x)
        assert parts.shape == x.shape
        assert base + parts.sum() == pytest.approx(model.score_one(x), rel=1e-12, abs=1e-12)
        assert (parts[np.isnan(x)] == 0).all()


@pytest.mark.parametrize("kind", [WeightedMean, Stacking])
def test_rows_of_another_width_are_refused(kind: Any) -> None:
    model = kind.fit(sample(0), seed=0, labels=marks(sample(0)))
    for call in (model.score_one, model.score_many, model.contributions_one):
        with pytest.raises(DataInvalid):
            call(np.zeros(5))
    for wrong in (np.zeros(3), np.zeros((0, 2)), [[1.0]]):
        with pytest.raises(DataInvalid):
            kind.fit(wrong, seed=0)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (WeightedMean, "spread", np.zeros(6)),
        (WeightedMean, "spread", np.full(6, NAN)),
        (WeightedMean, "centre", np.full(6, np.inf)),
        (WeightedMean, "lowest", np.zeros(5)),
        (WeightedMean, "weight", np.zeros(6)),
        (WeightedMean, "weight", np.array([1.0, 1, 1, 1, 1, -1])),
        (WeightedMean, "weight", np.full(6, 1e10)),
        (WeightedMean, "weight", np.empty(0)),
        (WeightedMean, "weight", np.ones(6, np.int64)),
        (Stacking, "spread", np.zeros(6)),
        (Stacking, "spread", np.ones(5)),
        (Stacking, "centre", np.full(6, NAN)),
        (Stacking, "weight", np.full(6, 1e200)),
        (Stacking, "weight", np.full(6, np.inf)),
        (Stacking, "weight", np.empty(0)),
        (Stacking, "bias", np.zeros(2)),
        (Stacking, "bias", np.array([NAN])),
    ],
)
def test_arrays_of_no_ensemble_are_refused(kind: Any, name: str, value: np.ndarray) -> None:
    arrays = kind.fit(sample(0), seed=0, labels=marks(sample(0))).arrays()
    assert kind.from_arrays(arrays).width == 6
    with pytest.raises(BundleInvalid):
        kind.from_arrays(arrays | {name: value})


@pytest.mark.parametrize("room", [weighted_mean, stacking])
def test_warming_up_says_what_takes_time(room: Any) -> None:
    said: list[str] = []
    room.warm_up(said.append)
    room.warm_up()
    assert len(said) == 1


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    X, labels = drawn(0)
    WeightedMean.fit(X, seed=0, progress=lambda *done: told.append(done))
    assert told == [(1, 3), (2, 3), (3, 3)]
    told.clear()
    Stacking.fit(X, seed=0, labels=labels, progress=lambda *done: told.append(done))
    assert told[0] == (1, 100)
