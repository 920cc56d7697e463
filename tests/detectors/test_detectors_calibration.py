"""Calibration says what scikit-learn says, rises, is the same for one and many, and refuses the foreign."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import _sigmoid_calibration
from sklearn.isotonic import IsotonicRegression

from riskloom.detectors import calibration
from riskloom.detectors.calibration import ISOTONIC_FROM, Calibration, odds_factor
from riskloom.errors import BundleInvalid, DataInvalid, ParameterInvalid


def drawn(seed: int, rows: int = 600, rate: float = 0.2, size: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Scores, many of them tied, and labels."""
    chance = np.random.default_rng(seed)
    labels = (chance.random(rows) < rate).astype(float)
    labels[:2] = 0.0, 1.0
    return np.round(chance.normal(size=rows) + 1.5 * labels, 1) * size, labels


def asked(scores: np.ndarray) -> np.ndarray:
    spread = np.ptp(scores)
    return np.concatenate((scores, np.linspace(scores.min() - spread, scores.max() + spread, 777)))


@pytest.mark.parametrize("size", [1.0, 1e4, 1e-5])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_platt_is_scikit_learns_sigmoid(seed: int, weighted: bool, size: float) -> None:
    scores, labels = drawn(seed, size=size)
    weights = np.random.default_rng(seed).choice([0.0, 0.5, 3.0], scores.size) if weighted else None

    fitted = Calibration.fit(scores, labels, weights, method="platt")

    slope, intercept = _sigmoid_calibration(scores, labels, weights)
    expected = 1 / (1 + np.exp(slope * asked(scores) + intercept))
    assert np.abs(fitted.probability_many(asked(scores)) - expected).max() < 1e-6
    assert fitted.method == "platt"


def test_platt_stands_where_the_gradient_of_the_paper_is_nought() -> None:
    scores, labels = drawn(5, 5_000, 0.01)
    fitted = Calibration.fit(scores, labels, method="platt")

    frauds, honest = labels.sum(), (1 - labels).sum()
    target = np.where(labels == 1, (frauds + 1) / (frauds + 2), 1 / (honest + 2))
    off = target - fitted.probability_many(scores)

    assert abs(off.sum()) < 1e-9 * len(scores)
    assert abs((off * scores).sum()) < 1e-9 * len(scores)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_isotonic_is_scikit_learns(seed: int, weighted: bool) -> None:
    scores, labels = drawn(seed)
    weights = np.random.default_rng(seed).choice([0.0, 0.5, 3.0], scores.size) if weighted else None

    fitted = Calibration.fit(scores, labels, weights, method="isotonic")

    judge = IsotonicRegression(out_of_bounds="clip").fit(scores, labels, weights)
    assert np.abs(fitted.probability_many(asked(scores)) - judge.predict(asked(scores))).max() < 1e-12
    assert fitted.method == "isotonic"


SCORES = st.sampled_from([0.0, -0.0, 0.25, 0.5, 1.0, -3.0, 1e300, -1e300, 5e-324, 1e-310, 0.1, 0.2])


@given(
    st.lists(st.tuples(SCORES | st.floats(-9, 9), st.booleans()), min_size=2, max_size=40),
    st.sampled_from(["platt", "isotonic", "auto"]),
    st.sampled_from([1.0, 0.01, 300.0]),
    st.lists(SCORES | st.floats(allow_nan=False), max_size=20),
)
@settings(max_examples=300, deadline=None)
def test_a_probability_rises_with_the_score_and_is_the_same_for_one_and_many(
    rows: list[tuple[float, bool]], method: str, odds: float, more: list[float]
) -> None:
    scores = np.array([score for score, _ in rows])
    labels = np.array([float(fraud) for _, fraud in rows])
    labels[:2] = 0.0, 1.0
    learned = Calibration.fit(scores, labels, method=method)
    fitted = replace(learned, odds=odds)
    every = np.array(sorted([*scores.tolist(), *more, np.inf, -np.inf]))

    many = fitted.probability_many(every)

    assert ((many >= 0) & (many <= 1)).all()
    assert (many[1:] >= many[:-1]).all()
    assert many.tolist() == [fitted.probability_one(score) for score in every.tolist()]
    again = Calibration.from_arrays({name: array.copy() for name, array in fitted.arrays().items()})
    assert again.probability_many(every).tobytes() == many.tobytes()
    assert again.method == fitted.method


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(1, 3)), min_size=2, max_size=12))
@settings(max_examples=100, deadline=None)
def test_isotonic_is_the_least_of_the_greatest_means(rows: list[tuple[int, bool, int]]) -> None:
    """At each score: over all starts up to it the greatest of, over all ends from it, the least mean."""
    score, fraud, weight = (np.array(column, float) for column in zip(*rows, strict=True))
    fraud[:2] = 0.0, 1.0
    fitted = Calibration.fit(score, fraud, weight, method="isotonic")

    for s in score:
        best = 0.0
        for low in score[score <= s]:
            means = []
            for high in score[score >= s]:
                inside = (score >= low) & (score <= high)
                means.append(np.average(fraud[inside], weights=weight[inside]))
            best = max(best, min(means))
        assert fitted.probability_one(s) == pytest.approx(best, abs=1e-12)


def test_a_weight_stands_for_so_many_rows() -> None:
    scores, labels = drawn(1, 100)
    weights = np.random.default_rng(0).integers(0, 4, 100)
    for method in ("platt", "isotonic"):
        repeated = Calibration.fit(np.repeat(scores, weights), np.repeat(labels, weights), method=method)
        weighted = Calibration.fit(scores, labels, weights.astype(float), method=method)
        assert np.allclose(weighted.probability_many(scores), repeated.probability_many(scores), atol=1e-9)


def test_scores_that_say_nothing_have_the_overall_rate() -> None:
    labels = np.array([0.0, 0.0, 0.0, 1.0])
    for scores in (np.array([4.0, 5.0, 6.0, 1.0]), np.full(4, 2.0)):
        platt = Calibration.fit(scores, labels, method="platt")
        isotonic = Calibration.fit(scores, labels, method="isotonic")
        targets = np.array([1 / 5, 1 / 5, 1 / 5, 2 / 3])  # smoothed by one row of each kind
        assert platt.probability_many(np.array([-9.0, 9.0, np.inf])) == pytest.approx([targets.mean()] * 3)
        assert isotonic.probability_many(np.array([-9.0, 9.0])) == pytest.approx([0.25, 0.25])


def test_few_frauds_are_calibrated_by_two_numbers_and_many_freely() -> None:
    scores = np.arange(1_000.0)
    few, many = np.zeros(1_000), np.zeros(1_000)
    few[: ISOTONIC_FROM - 1] = 1.0
    many[:ISOTONIC_FROM] = 1.0

    assert Calibration.fit(scores, few).method == "platt"
    assert Calibration.fit(scores, many).method == "isotonic"


def test_a_missing_score_has_no_probability() -> None:
    for method in ("platt", "isotonic"):
        fitted = Calibration.fit(*drawn(0), method=method)
        assert np.isnan(fitted.probability_one(np.nan))
        assert np.isnan(fitted.probability_many(np.array([np.nan, 1.0]))).tolist() == [True, False]


def test_a_sampled_rate_of_fraud_is_taken_back() -> None:
    """Scores whose true probabilities are known; nine in ten honest rows are dropped before learning."""
    chance = np.random.default_rng(8)
    scores = chance.choice([0.0, 1.0, 2.0, 3.0], 200_000, p=[0.6, 0.3, 0.08, 0.02])
    true = np.array([0.001, 0.01, 0.1, 0.5])[scores.astype(int)]
    labels = (chance.random(200_000) < true).astype(float)
    kept = (labels == 1) | (chance.random(200_000) < 0.1)
    sampled, natural = float(labels[kept].mean()), float(labels.mean())

    learned = Calibration.fit(scores[kept], labels[kept], method="isotonic")
    shifted = learned.at_rate(sampled, natural)

    levels = np.arange(4.0)
    assert learned.probability_many(levels)[2] > 0.4
    assert shifted.probability_many(levels) == pytest.approx([0.001, 0.01, 0.1, 0.5], rel=0.15)
    back = shifted.at_rate(natural, sampled)
    assert back.probability_many(levels) == pytest.approx(learned.probability_many(levels))
    assert odds_factor(0.5, 0.5) == 1.0


@pytest.mark.parametrize("rates", [(0.0, 0.5), (0.5, 1.0), (1, 0.5), ("a", 0.5), (np.nan, 0.5), (True, 0.5)])
def test_rates_that_are_none_are_refused(rates: tuple[Any, Any]) -> None:
    with pytest.raises(ParameterInvalid):
        odds_factor(*rates)


@pytest.mark.parametrize(
    ("scores", "labels", "weights"),
    [
        ([0.0, 1.0], np.array([0.0, 1.0]), None),
        (np.array([0.0, np.nan]), np.array([0.0, 1.0]), None),
        (np.array([0.0, np.inf]), np.array([0.0, 1.0]), None),
        (np.array([]), np.array([]), None),
        (np.zeros((2, 1)), np.array([0.0, 1.0]), None),
        (np.zeros(2), np.array([0.0, 2.0]), None),
        (np.zeros(2), np.array([1.0, 1.0]), None),
        (np.zeros(2), np.array([1.0]), None),
        (np.zeros(2), np.array([0.0, 1.0]), np.array([1.0, -1.0])),
        (np.zeros(2), np.array([0.0, 1.0]), np.array([1.0, np.nan])),
        (np.zeros(2), np.array([0.0, 1.0]), np.array([1.0])),
        (np.zeros(2), np.array([0.0, 1.0]), np.array([1.0, 0.0])),
    ],
)
def test_what_teaches_no_calibration_is_refused(scores: Any, labels: Any, weights: Any) -> None:
    with pytest.raises(DataInvalid):
        Calibration.fit(scores, labels, weights)


def test_another_method_is_refused_by_name() -> None:
    with pytest.raises(ParameterInvalid, match="did you mean 'isotonic'"):
        Calibration.fit(*drawn(0), method="isotonik")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("score", np.array([0.0, 0.0])),
        ("score", np.array([0.0, np.nan])),
        ("score", np.array([0.0, np.inf])),
        ("score", np.array([0.0])),
        ("probability", np.array([0.0, 1.5])),
        ("probability", np.array([0.5, 0.2])),
        ("probability", np.array([-0.1, 0.2])),
        ("probability", np.array([np.nan, 0.2])),
        ("sigmoid", np.array([0.0, 1.0, 0.0])),
        ("sigmoid", np.array([0.0, np.nan, 0.0])),
        ("sigmoid", np.array([0.0, 0.0, np.inf])),
        ("sigmoid", np.array([np.inf, 0.0, 0.0])),
        ("sigmoid", np.array([0.0, 0.0])),
        ("odds", np.array([0.0])),
        ("odds", np.array([-1.0])),
        ("odds", np.array([np.nan])),
        ("odds", np.array([])),
        ("odds", np.array([1])),
        ("odds", None),
    ],
)
def test_arrays_of_no_calibration_are_refused(name: str, value: Any) -> None:
    arrays = Calibration(np.array([0.0, 1.0]), np.array([0.1, 0.2])).arrays()
    assert Calibration.from_arrays(arrays).method == "isotonic"
    with pytest.raises(BundleInvalid):
        Calibration.from_arrays(arrays | {name: value})


def test_warming_up_says_what_takes_time() -> None:
    said: list[str] = []
    calibration.warm_up(said.append)
    assert len(said) == 1
