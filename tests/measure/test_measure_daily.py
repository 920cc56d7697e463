"""Recall at a false positive rate is that of a threshold that exists; a day's precision that of its rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from riskloom.errors import DataInvalid, ParameterInvalid
from riskloom.measure.ranking import daily_precision_at_k, precision_at_k, recall_at_fpr

SCORES = st.sampled_from([0.0, -0.0, 0.1, 0.5, 1.0, np.inf, -np.inf]) | st.floats(-10, 10)
ROWS = st.lists(st.tuples(st.integers(0, 1), SCORES), min_size=1, max_size=60)


@given(ROWS, st.sampled_from([0.0, 0.01, 0.1, 1 / 3, 0.5, 1.0]))
@settings(max_examples=300, deadline=None)
def test_recall_at_a_false_positive_rate_is_the_best_of_scikit_learns_thresholds(
    rows: list[tuple[int, float]], rate: float
) -> None:
    labels, scores = zip(*rows, strict=True)

    got = recall_at_fpr(labels, scores, rate)

    if 0 < sum(labels) < len(rows):
        finite = np.clip(scores, -1e300, 1e300)
        wrong, found, _ = roc_curve(labels, finite, drop_intermediate=False)
        assert got == found[wrong <= rate].max()
    else:
        assert math.isnan(got)


def test_a_tie_over_the_rate_is_not_parted() -> None:
    assert recall_at_fpr([1, 1, 0, 0], [3, 2, 2, 1], 0.49) == 0.5
    assert recall_at_fpr([1, 1, 0, 0], [3, 2, 2, 1], 0.5) == 1.0
    assert recall_at_fpr([1, 0], [1, 1], 0.5) == 0.0


@pytest.mark.parametrize("rate", [-0.1, 1.1, math.nan, True, "1"])
def test_what_is_no_rate_is_refused(rate: object) -> None:
    with pytest.raises(ParameterInvalid, match="rate: expected a number from 0 to 1"):
        recall_at_fpr([0, 1], [0, 1], rate)


@given(st.lists(st.tuples(st.integers(0, 1), SCORES, st.integers(-2, 2)), max_size=50), st.integers(1, 6))
@settings(max_examples=200, deadline=None)
def test_a_days_precision_is_the_precision_of_that_days_rows(
    rows: list[tuple[int, float, int]], k: int
) -> None:
    labels, scores, days = zip(*rows, strict=True) if rows else ((), (), ())

    got = daily_precision_at_k(labels, scores, days, k)

    assert got.k == k
    assert got.days == tuple(sorted(set(days)))
    for today, precision in zip(got.days, got.by_day, strict=True):
        own = [(label, score) for label, score, day in rows if day == today]
        assert precision == precision_at_k(*zip(*own, strict=True), k)
    assert got.mean == pytest.approx(np.mean(got.by_day) if rows else math.nan, nan_ok=True)


def test_days_are_whole_numbers() -> None:
    with pytest.raises(DataInvalid, match="days: expected integers"):
        daily_precision_at_k([1], [1.0], [0.5])
    with pytest.raises(DataInvalid, match="days: expected one for each of 1"):
        daily_precision_at_k([1], [1.0], [1, 2])
