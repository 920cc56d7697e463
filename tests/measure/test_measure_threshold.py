"""What a threshold does equals scikit-learn's counts; money adds up row by row; a sweep is each threshold."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, f1_score, fbeta_score, precision_score, recall_score

from riskloom.errors import DataInvalid, ParameterInvalid
from riskloom.measure.cost import CostMatrix
from riskloom.measure.threshold import f_beta, measure_at, sweep_thresholds

SCORES = st.sampled_from([0.0, -0.0, 0.5, 1.0, 2.0, np.inf, -np.inf])
ROWS = st.lists(st.tuples(st.integers(0, 1), SCORES, st.integers(0, 10**6)), min_size=1, max_size=40)
MATRICES = st.builds(
    CostMatrix, st.integers(0, 500), st.integers(0, 500), st.sampled_from([0.0, 0.25, 0.5, 1.0])
)


def cost_by_hand(rows: list[tuple[int, float, int]], threshold: float, matrix: CostMatrix) -> float:
    """Row by row, as the matrix says."""
    total = 0.0
    for label, score, amount in rows:
        if score >= threshold and label:
            total += matrix.review_cost + amount - matrix.recovered_share * amount
        elif score >= threshold:
            total += matrix.review_cost + matrix.insult_cost
        elif label:
            total += amount
    return total


@given(ROWS, SCORES)
@settings(max_examples=80, deadline=None)
def test_counts_and_shares_are_scikit_learns(rows: list[tuple[int, float, int]], threshold: float) -> None:
    labels, scores, _ = zip(*rows, strict=True)
    flagged = [int(score >= threshold) for score in scores]

    got = measure_at(labels, scores, threshold)

    _, wrong, _, found = confusion_matrix(labels, flagged, labels=[0, 1]).ravel()
    assert (got.rows, got.frauds, got.alerts) == (len(rows), sum(labels), sum(flagged))
    assert (got.found, got.false_positives) == (found, wrong)
    undefined = {"zero_division": np.nan}
    assert got.precision == pytest.approx(precision_score(labels, flagged, **undefined), nan_ok=True)
    assert got.recall == pytest.approx(recall_score(labels, flagged, **undefined), nan_ok=True)
    assert got.f1 == pytest.approx(f1_score(labels, flagged, **undefined), nan_ok=True)
    assert f_beta(got.found, got.alerts, got.frauds, 2.0) == pytest.approx(
        fbeta_score(labels, flagged, beta=2.0, **undefined), nan_ok=True
    )
    if found:
        assert got.false_positives_per_fraud == wrong / found
    else:
        assert math.isnan(got.false_positives_per_fraud)


@given(ROWS, SCORES, MATRICES)
@settings(max_examples=200, deadline=None)
def test_money_adds_up_row_by_row(
    rows: list[tuple[int, float, int]], threshold: float, matrix: CostMatrix
) -> None:
    labels, scores, amounts = zip(*rows, strict=True)

    got = measure_at(labels, scores, threshold, amounts=amounts, matrix=matrix)

    assert got.cost is not None
    assert got.cost.total == pytest.approx(cost_by_hand(rows, threshold, matrix), abs=1e-6)
    assert got.cost.without == sum(amount for label, _, amount in rows if label)
    perfect = [(label, float(label), amount) for label, _, amount in rows]
    assert got.cost.perfect == pytest.approx(cost_by_hand(perfect, 1.0, matrix), abs=1e-6)
    assert got.cost.saved == got.cost.without - got.cost.total
    caught = sum(amount for label, score, amount in rows if label and score >= threshold)
    if got.value:
        assert got.value_detected == caught / got.value
    else:
        assert math.isnan(got.value_detected)


@given(ROWS, MATRICES)
@settings(max_examples=200, deadline=None)
def test_a_sweep_is_every_threshold_one_by_one(
    rows: list[tuple[int, float, int]], matrix: CostMatrix
) -> None:
    labels, scores, amounts = zip(*rows, strict=True)

    sweep = sweep_thresholds(labels, scores, amounts=amounts)

    assert sweep.thresholds[0] == np.inf
    assert sweep.thresholds[1:].tolist() == sorted(set(scores), reverse=True)
    assert (sweep.rows, sweep.frauds) == (len(rows), sum(labels))
    for at, threshold in enumerate(sweep.thresholds):
        if at == 0:
            assert (sweep.alerts[0], sweep.found[0], sweep.cost(matrix)[0]) == (0, 0, sweep.value_found[-1])
            continue
        one = measure_at(labels, scores, threshold, amounts=amounts, matrix=matrix)
        assert (sweep.alerts[at], sweep.found[at]) == (one.alerts, one.found)
        assert sweep.value_found[at] == one.value_found
        assert sweep.cost(matrix)[at] == pytest.approx(one.cost.total, abs=1e-6)
        for many, single in (
            (sweep.precision, one.precision),
            (sweep.recall, one.recall),
            (sweep.f_beta(), one.f1),
            (sweep.f_beta(2.0), f_beta(one.found, one.alerts, one.frauds, 2.0)),
            (sweep.false_positive_rate, one.false_positive_rate),
        ):
            assert many[at] == pytest.approx(single, nan_ok=True)


def test_integers_are_summed_exactly() -> None:
    amounts = [2**53, 1, 1, 1]
    got = measure_at([1, 1, 1, 0], [1, 1, 1, 1], 1, amounts=amounts)
    assert got.value == float(2**53 + 2)
    sweep = sweep_thresholds([1, 1, 1, 0], [4, 3, 2, 1], amounts=amounts)
    assert sweep.value_found.tolist() == [0, 2**53, 2**53 + 1, 2**53 + 2, 2**53 + 2]


def test_amounts_too_large_for_integers_become_floats() -> None:
    assert measure_at([1, 1], [1, 1], 1, amounts=[2**62, 2**62]).value == 2.0**63


def test_alerts_a_day_count_days_that_have_rows() -> None:
    got = measure_at([0, 0, 1, 0], [1, 1, 1, 0], 1, days=[4, 4, 9, 9])
    assert got.days == 2
    assert got.alerts_per_day == 1.5
    assert math.isnan(measure_at([1], [1], 1).alerts_per_day)


def test_saving_is_a_share_of_what_a_perfect_detector_saves() -> None:
    matrix = CostMatrix(10, 0, 1.0)
    perfect = measure_at([1, 0], [1, 0], 1, amounts=[100, 5], matrix=matrix)
    nothing = measure_at([1, 0], [1, 0], 2, amounts=[100, 5], matrix=matrix)
    harmful = measure_at([1, 0], [0, 1], 1, amounts=[100, 5], matrix=matrix)
    assert (perfect.cost.saved_share, nothing.cost.saved_share) == (1.0, 0.0)
    assert harmful.cost.saved == -10
    assert math.isnan(measure_at([1], [1], 1, amounts=[0], matrix=matrix).cost.saved_share)


def test_results_are_plain_data_for_json() -> None:
    matrix = CostMatrix(1)
    data = measure_at([1, 0], [1, 0], math.inf, amounts=[5, 6], days=[1, 1], matrix=matrix).as_data()

    text = json.loads(json.dumps(data, allow_nan=False))

    assert text["threshold"] == "inf"
    assert text["precision"] is None
    assert text["recall"] == 0.0
    assert text["cost"] == {"total": 5.0, "without": 5.0, "perfect": 1.0, "saved": 0.0, "saved_share": 0.0}


def test_every_fault_of_a_matrix_is_named() -> None:
    with pytest.raises(ParameterInvalid) as error:
        CostMatrix(-1, math.nan, 1.5)
    assert [fault.where for fault in error.value.faults] == ["review_cost", "insult_cost", "recovered_share"]
    with pytest.raises(ParameterInvalid, match="review_cost"):
        CostMatrix("5")
    with pytest.raises(ParameterInvalid, match="review_cost"):
        CostMatrix(math.inf)


@pytest.mark.parametrize("amounts", [[1], [-1, 2], [np.nan, 1], ["a", "b"], [[1, 2]]])
def test_amounts_that_do_not_fit_are_refused(amounts: object) -> None:
    with pytest.raises(DataInvalid, match="amounts"):
        measure_at([0, 1], [0, 1], 1, amounts=amounts)
    with pytest.raises(DataInvalid, match="amounts"):
        sweep_thresholds([0, 1], [0, 1], amounts=amounts)


def test_without_rows_nothing_is_defined() -> None:
    got = measure_at([], [], 1.0, amounts=[], days=[], matrix=CostMatrix(1))
    assert got.alerts == got.rows == got.days == 0
    assert all(math.isnan(value) for value in (got.precision, got.recall, got.f1, got.alerts_per_day))
    assert sweep_thresholds([], [], amounts=[]).thresholds.tolist() == [np.inf]
