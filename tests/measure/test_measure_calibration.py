"""Calibration measures equal scikit-learn's and their definitions; bins never part equal probabilities."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as their_log_loss

from riskloom.errors import DataInvalid, ParameterInvalid
from riskloom.measure.calibration import (
    BINNINGS,
    brier,
    expected_calibration_error,
    log_loss,
    measure_calibration,
    reliability_bins,
)

EDGES = st.sampled_from([0.0, 0.1, 0.2, 0.29, 0.3, 0.7, 0.9, 1.0, np.nextafter(0.3, 0)])
ROWS = st.lists(st.tuples(st.integers(0, 1), EDGES | st.floats(0, 1)), min_size=1, max_size=60)


@given(ROWS)
@settings(max_examples=200, deadline=None)
def test_brier_and_log_loss_are_scikit_learns(rows: list[tuple[int, float]]) -> None:
    labels, given_probabilities = zip(*rows, strict=True)
    assert brier(labels, given_probabilities) == pytest.approx(
        brier_score_loss(labels, given_probabilities, pos_label=1), abs=1e-12
    )
    assert log_loss(labels, given_probabilities) == pytest.approx(
        their_log_loss(labels, given_probabilities, labels=[0, 1]), rel=1e-9
    )


@given(ROWS, st.sampled_from([1, 2, 10, 100]))
@settings(max_examples=200, deadline=None)
def test_calibration_error_over_equal_widths_is_its_definition(
    rows: list[tuple[int, float]], bins: int
) -> None:
    error = 0.0
    for at in range(bins):
        last = at == bins - 1
        inside = [row for row in rows if at / bins <= row[1] and (last or row[1] < (at + 1) / bins)]
        if inside:
            error += abs(sum(p for _, p in inside) - sum(label for label, _ in inside)) / len(rows)
    assert expected_calibration_error(*zip(*rows, strict=True), bins) == pytest.approx(error, abs=1e-12)


@given(ROWS, st.integers(1, 7), st.sampled_from(BINNINGS))
@settings(max_examples=300, deadline=None)
def test_bins_hold_every_row_once_rise_and_part_no_equal_probabilities(
    rows: list[tuple[int, float]], bins: int, by: str
) -> None:
    labels, given_probabilities = zip(*rows, strict=True)
    found = reliability_bins(labels, given_probabilities, bins, by=by)

    assert len(found) <= bins
    assert sum(each.rows for each in found) == len(rows)
    assert sum(each.frauds for each in found) == sum(labels)
    for each in found:
        inside = [row for row in rows if each.lowest <= row[1] <= each.highest]
        assert (each.rows, each.frauds) == (len(inside), sum(label for label, _ in inside))
        assert each.mean_probability == pytest.approx(sum(p for _, p in inside) / len(inside), abs=1e-12)
        assert each.rate_low <= each.fraud_rate <= each.rate_high
    assert all(low.highest < high.lowest for low, high in itertools.pairwise(found))


def test_bins_by_rows_are_of_equal_size_and_by_expected_of_equal_fraud() -> None:
    chance = np.random.default_rng(0)
    given_probabilities = chance.beta(0.2, 8, 20_000)
    labels = chance.random(20_000) < given_probabilities

    by_rows = reliability_bins(labels, given_probabilities, 10, by="rows")
    by_fraud = reliability_bins(labels, given_probabilities, 10, by="expected")

    assert all(abs(each.rows - 2_000) <= 1 for each in by_rows)
    expected = given_probabilities.sum() / 10
    assert all(abs(each.mean_probability * each.rows - expected) <= 1.0 for each in by_fraud)
    inside = sum(each.rate_low <= each.mean_probability <= each.rate_high for each in by_fraud)
    assert inside >= 8


def test_equal_probabilities_go_where_their_middle_lies() -> None:
    thirds = reliability_bins([0, 0, 1] * 3, [0.2, 0.5, 0.8] * 3, 3, by="rows")
    assert [(each.lowest, each.rows) for each in thirds] == [(0.2, 3), (0.5, 3), (0.8, 3)]
    lumped = reliability_bins([0] * 9 + [1], [0.1] * 9 + [0.9], 2, by="rows")
    assert [(each.lowest, each.rows) for each in lumped] == [(0.1, 9), (0.9, 1)]


def test_skill_is_against_always_saying_the_rate() -> None:
    labels = [0] * 9 + [1]
    assert measure_calibration(labels, [0.1] * 10).brier_skill == pytest.approx(0.0, abs=1e-12)
    assert measure_calibration(labels, labels).brier_skill == 1.0
    assert math.isnan(measure_calibration([0, 0], [0.1, 0.2]).brier_skill)


def test_all_of_it_agrees_with_its_parts() -> None:
    labels, given_probabilities = [0, 1, 0, 1], [0.1, 0.4, 0.35, 0.8]
    got = measure_calibration(labels, given_probabilities, 3)
    assert (got.rows, got.frauds, got.fraud_rate) == (4, 2, 0.5)
    assert got.brier == brier(labels, given_probabilities)
    assert got.log_loss == log_loss(labels, given_probabilities)
    assert got.expected_calibration_error == expected_calibration_error(labels, given_probabilities)
    assert got.error_by_rows == expected_calibration_error(labels, given_probabilities, by="rows")
    assert got.bins == reliability_bins(labels, given_probabilities, 3, by="expected")
    assert got.mean_probability == pytest.approx(0.4125)


def test_a_wrong_certainty_is_finite() -> None:
    assert log_loss([1], [0.0]) == pytest.approx(-math.log(2**-52))


def test_without_rows_nothing_is_defined() -> None:
    got = measure_calibration([], [])
    assert got.bins == ()
    assert all(math.isnan(value) for value in (got.brier, got.log_loss, got.fraud_rate, got.error_by_rows))


@pytest.mark.parametrize("given_probabilities", [[0.5, 1.1], [-0.1, 0.5], [np.nan, 0.5], ["a", "b"]])
def test_what_is_no_probability_is_refused(given_probabilities: list[object]) -> None:
    for measure in (brier, log_loss, reliability_bins, measure_calibration):
        with pytest.raises(DataInvalid):
            measure([0, 1], given_probabilities)


def test_an_unknown_way_to_bin_is_refused() -> None:
    with pytest.raises(ParameterInvalid, match="did you mean 'width'"):
        reliability_bins([0], [0.1], by="widths")
    with pytest.raises(ParameterInvalid, match="bins: expected an integer from 1"):
        reliability_bins([0], [0.1], 0)
