"""A risk score is the percent of the training reference with a lower anomaly score."""

from __future__ import annotations

import numpy as np
import pytest

from riskloom.detectors import reference
from riskloom.detectors.reference import RiskReference
from riskloom.errors import BundleInvalid, DataInvalid, ParameterInvalid


@pytest.fixture(scope="module")
def scores() -> np.ndarray:
    return np.random.default_rng(0).normal(size=600_000).round(4)


def test_a_score_is_compared_with_strictly_lower_ones() -> None:
    risk = RiskReference.fit(np.array([0.3, 0.1, 0.2, 0.2]))

    assert [risk.risk_one(score) for score in (0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)] == [
        0.0,
        0.0,
        25.0,
        25.0,
        75.0,
        75.0,
        100.0,
    ]


def test_a_hundred_thousand_scores_are_kept_whole() -> None:
    scores = np.random.default_rng(1).random(reference.KEPT_WHOLE)
    risk = RiskReference.fit(scores)
    asked = np.random.default_rng(2).random(1_000)

    lower = np.searchsorted(np.sort(scores), asked, "left")
    assert np.array_equal(risk.risk_many(asked), lower * 100.0 / scores.size)


def test_of_more_scores_the_top_is_exact_and_the_rest_nearly(scores: np.ndarray) -> None:
    risk = RiskReference.fit(scores)
    ordered = np.sort(scores)
    exact = np.searchsorted(ordered, ordered, "left") * 100.0 / ordered.size

    error = risk.risk_many(ordered) - exact
    assert (error[-12_000:] == 0).all()
    assert error.min() >= 0
    assert error.max() < 0.0021
    assert risk.score.size <= reference.GRID + 12_000


def test_many_distinct_scores_are_within_a_fivehundredth_of_a_point() -> None:
    scores = np.random.default_rng(3).permutation(400_001).astype(float)
    risk = RiskReference.fit(scores)

    asked = np.arange(-1.0, 400_003, 0.5)
    exact = np.clip(np.ceil(asked), 0, 400_001) * 100.0 / 400_001
    error = risk.risk_many(asked) - exact
    assert error.min() >= 0
    assert error.max() < 0.0021
    assert (error[asked > 400_001 - 10_000] == 0).all()
    assert 50_000 < risk.score.size < 61_000


def test_the_threshold_is_where_the_percentile_begins(scores: np.ndarray) -> None:
    risk = RiskReference.fit(scores)

    for percentile in (0.001, 50, 98, 99.9, 100):
        threshold = risk.threshold(percentile)
        assert risk.risk_one(threshold) >= percentile
        assert risk.risk_one(float(np.nextafter(threshold, -np.inf))) < percentile
    assert risk.threshold(0) == -np.inf


@pytest.mark.parametrize("percentile", [-0.1, 100.1, float("nan"), True, None, "98"])
def test_what_is_no_percentile_is_refused(percentile: object) -> None:
    with pytest.raises(ParameterInvalid, match="percentile"):
        RiskReference.fit(np.zeros(3)).threshold(percentile)


def test_one_score_and_equal_scores_are_a_reference() -> None:
    for size in (1, 200_000):
        risk = RiskReference.fit(np.full(size, 0.5))
        assert [risk.risk_one(score) for score in (0.4, 0.5, 0.6)] == [0.0, 0.0, 100.0]
        assert risk.threshold(98) == np.nextafter(0.5, 1)


def test_a_missing_score_has_a_missing_risk() -> None:
    risk = RiskReference.fit(np.array([0.0, 1.0]))

    assert np.isnan(risk.risk_one(float("nan")))
    assert np.array_equal(risk.risk_many(np.array([np.nan, 2.0])), [np.nan, 100.0], equal_nan=True)
    assert risk.risk_one(np.inf) == 100.0
    assert risk.risk_one(-np.inf) == 0.0


@pytest.mark.parametrize("scores", [[], [np.nan, 1.0], [np.inf], [[1.0]]])
def test_scores_that_are_no_reference_are_refused(scores: list[float]) -> None:
    with pytest.raises(DataInvalid):
        RiskReference.fit(np.array(scores, np.float64))


@pytest.mark.parametrize(
    "changes",
    [
        {"score": np.array([0.1, 0.1, 0.3])},
        {"score": np.array([0.1, np.nan, 0.3])},
        {"score": np.array([0.1, 0.2, np.inf])},
        {"score": np.array([0.1, 0.2])},
        {"score": np.array([0.1, 0.2, 0.3], np.float32)},
        {"lower": np.array([0, 1, 3])},
        {"lower": np.array([1, 2, 2])},
        {"lower": np.array([0, 0, 1])},
        {"lower": np.array([0, -(2**63), 1])},
        {"lower": np.array([0, 2**63 - 1, -(2**63)])},
        {"score": np.array([]), "lower": np.array([], np.int64)},
        {"count": np.array([2])},
        {"count": np.array([2**60])},
        {"count": np.array([], np.int64)},
        {"surplus": np.array([1])},
    ],
)
def test_foreign_arrays_are_refused(changes: dict[str, np.ndarray]) -> None:
    arrays = RiskReference.fit(np.array([0.1, 0.2, 0.3])).arrays() | changes

    with pytest.raises(BundleInvalid, match="risk_reference"):
        RiskReference.from_arrays(arrays)
