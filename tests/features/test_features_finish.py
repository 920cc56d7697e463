"""Integers become the floats a person would work out by hand."""

from __future__ import annotations

import math
import statistics
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskloom.features.finish import finish_one
from riskloom.features.layout import COUNT, MEAN, NULL, SINCE_LAST, STD, SUM, TRAVEL_KM, TRAVEL_SPEED
from riskloom.features.oracle import _of_values

VALUES = st.lists(st.integers(-(2**46) + 1, 2**46 - 1) | st.integers(-3, 3), min_size=1, max_size=40)


def place(lat: float, lon: float) -> int:
    return round((lat + 90) * 1e6) << 32 | round((lon + 180) * 1e6)


@settings(deadline=None)
@given(VALUES, st.sampled_from([1, 100, 10**6]))
def test_the_mean_is_right_to_the_last_bit_or_so(values: list[int], scale: int) -> None:
    got = finish_one(MEAN, scale, sum(values), len(values), 0, 0)
    assert got == pytest.approx(float(Fraction(sum(values), len(values) * scale)), rel=1e-15, abs=0)


@settings(deadline=None)
@given(VALUES, st.sampled_from([1, 100, 10**6]))
def test_the_std_has_no_cancellation(values: list[int], scale: int) -> None:
    integers = _of_values("std", values)
    assert integers is not None
    want = statistics.pstdev([Fraction(value) for value in values]) / scale
    assert finish_one(STD, scale, *integers) == pytest.approx(float(want), rel=1e-14, abs=0)


@pytest.mark.parametrize("op", [COUNT, SUM, MEAN, STD, SINCE_LAST, TRAVEL_KM, TRAVEL_SPEED])
def test_null_is_nan_and_never_zero(op: int) -> None:
    assert math.isnan(finish_one(op, 1, NULL, 0, 0, 0))


def test_a_sum_is_in_major_units() -> None:
    assert finish_one(SUM, 100, 1999, 0, 0, 0) == 19.99


def test_seconds_come_from_microseconds() -> None:
    assert finish_one(SINCE_LAST, 1, 1_500_000, 0, 0, 0) == 1.5


def test_the_distance_is_the_great_circle() -> None:
    paris, london = place(48.8566, 2.3522), place(51.5074, -0.1278)
    assert finish_one(TRAVEL_KM, 1, paris, london, 0, 0) == pytest.approx(343.6, abs=0.5)
    assert finish_one(TRAVEL_KM, 1, paris, paris, 0, 0) == 0.0
    antipode = finish_one(TRAVEL_KM, 1, place(0, 0), place(0, 180), 0, 0)
    assert antipode == pytest.approx(math.pi * 6371)


def test_the_date_line_is_no_obstacle() -> None:
    assert finish_one(TRAVEL_KM, 1, place(0, 179.9), place(0, -179.9), 0, 0) == pytest.approx(22.24, abs=0.01)


def test_speed_is_over_at_least_one_second() -> None:
    a, b = place(0, 0), place(0, 1)
    km = finish_one(TRAVEL_KM, 1, a, b, 0, 0)
    assert finish_one(TRAVEL_SPEED, 1, a, b, 3_600_000_000, 0) == pytest.approx(km)
    assert finish_one(TRAVEL_SPEED, 1, a, b, 0, 0) == finish_one(TRAVEL_SPEED, 1, a, b, 1_000_000, 0)
    assert finish_one(TRAVEL_SPEED, 1, a, b, 0, 0) == pytest.approx(km * 3600)
