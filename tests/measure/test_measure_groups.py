"""By segment, by month: the measures of a group are those of its rows; days and months are local ones."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskloom.errors import DataInvalid, ExpressionInvalid, ParameterInvalid
from riskloom.measure.calendar import days_of, months_of, show_day
from riskloom.measure.cost import CostMatrix
from riskloom.measure.curves import precision_recall_points, roc_points, thin
from riskloom.measure.groups import MISSING, REST, measure_groups, name_bands, weakest
from riskloom.measure.interval import wilson
from riskloom.measure.ranking import average_precision, roc_auc
from riskloom.measure.threshold import measure_at, sweep_thresholds

ROWS = st.lists(
    st.tuples(
        st.integers(0, 1), st.integers(0, 3), st.sampled_from(["a", "b", "ü", None]), st.integers(0, 9)
    ),
    min_size=1,
    max_size=40,
)


@given(ROWS)
@settings(max_examples=200, deadline=None)
def test_a_group_is_measured_as_its_rows_alone(rows: list[tuple[int, int, str | None, int]]) -> None:
    labels, scores, names, amounts = zip(*rows, strict=True)
    matrix = CostMatrix(1, 2)

    got = measure_groups(labels, scores, np.array(names, object), 2, amounts=amounts, matrix=matrix)

    distinct = sorted({name for name in names if name is not None}) + [MISSING] * (None in names)
    assert [group.name for group in got] == distinct
    for group in got:
        own = [row for row in rows if (row[2] or MISSING) == group.name]
        truth, score, _, paid = zip(*own, strict=True)
        assert group.at == measure_at(truth, score, 2, amounts=paid, matrix=matrix)
        assert group.roc_auc == pytest.approx(roc_auc(truth, score), nan_ok=True)
        assert group.average_precision == pytest.approx(average_precision(truth, score), nan_ok=True)
        assert group.recall == wilson(group.at.found, group.at.frauds) or math.isnan(group.recall.value)


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([3, 1, 3], ["1", "3"]),
        ([True, False, True], ["False", "True"]),
        ([1.5, np.nan, 1.5], ["1.5", MISSING]),
        (["x", "", "x"], ["x", MISSING]),
    ],
)
def test_groups_are_named_by_their_values(values: list[object], names: list[str]) -> None:
    assert [group.name for group in measure_groups([0, 1, 1], [1, 2, 3], values, 2)] == names


def test_beyond_the_most_groups_the_rest_is_one() -> None:
    names = ["a"] * 5 + ["b"] * 3 + ["c"] * 2 + ["d"]
    labels = [0] * 5 + [1, 0, 0] + [1, 1] + [0]
    got = measure_groups(labels, np.arange(11), names, 0, most=2)
    assert [(group.name, group.at.rows) for group in got] == [("b", 3), ("c", 2), (REST, 6)]
    assert len(measure_groups(labels, np.arange(11), names, 0, most=4)) == 4


def test_bands_begin_at_their_edge_and_must_rise() -> None:
    named = name_bands([-1, 0.5, 1, 999, 1_000, 1e9, np.nan], [0.5, 1, 1_000])
    assert named.tolist() == [
        "below 0.5", "0.5 to 1", "1 to 1,000", "1 to 1,000", "from 1,000", "from 1,000", "",
    ]  # fmt: skip
    assert name_bands([1, 3], [2]).tolist() == ["below 2", "from 2"]
    for edges in ([], [2, 2], [3, 1]):
        with pytest.raises(ParameterInvalid, match="edges: expected rising numbers"):
            name_bands([1], edges)


def test_the_weakest_groups_are_below_by_more_than_chance() -> None:
    labels = np.ones(300, int)
    names = np.repeat(["good", "bad", "tiny"], [200, 90, 10])
    scores = np.concatenate([np.ones(180), np.zeros(20), np.ones(30), np.zeros(60), np.ones(6), np.zeros(4)])
    found = measure_groups(labels, scores, names, 1)
    assert [group.name for group in weakest(found, 0.8)] == ["bad"]


def test_a_group_is_plain_data() -> None:
    data = [group.as_data() for group in measure_groups([1, 0], [1, 0], ["a", "b"], 1)]
    text = json.loads(json.dumps(data, allow_nan=False))
    assert text[0]["at"]["recall"] == 1.0
    assert text[1]["recall"] == {"value": None, "low": None, "high": None}


@given(
    st.lists(st.datetimes(datetime(1971, 1, 1), datetime(2099, 1, 1)), min_size=1, max_size=20),
    st.sampled_from(["UTC", "Europe/Vienna", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"]),
)
@settings(max_examples=100, deadline=None)
def test_days_and_months_are_those_of_the_local_calendar(moments: list[datetime], timezone: str) -> None:
    aware = [moment.replace(tzinfo=UTC) for moment in moments]
    times = [
        round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000 for moment in aware
    ]
    local = [
        datetime.fromtimestamp(time // 1_000_000, tz=UTC).astimezone(ZoneInfo(timezone)) for time in times
    ]
    assert [show_day(day) for day in days_of(times, timezone)] == [day.date().isoformat() for day in local]
    assert months_of(times, timezone).tolist() == [day.strftime("%Y-%m") for day in local]


def test_times_are_integers_and_zones_exist() -> None:
    with pytest.raises(DataInvalid, match="times_us: expected integers"):
        days_of([0.5])
    with pytest.raises(ExpressionInvalid, match="Europe/Vienna"):
        days_of([1], "Europe/Viena")
    assert days_of([-1]).tolist() == [-1]


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=2, max_size=200), st.integers(1, 20))
@settings(max_examples=100, deadline=None)
def test_a_thinned_curve_keeps_both_ends_and_moves_by_less_than_a_cell(
    rows: list[tuple[int, float]], cells: int
) -> None:
    sweep = sweep_thresholds(*zip(*rows, strict=True))
    if not 0 < sweep.frauds < sweep.rows:
        return
    got = roc_points(sweep, cells)
    x, y = sweep.false_positive_rate, sweep.recall
    assert (got.x[0], got.y[0], got.x[-1], got.y[-1]) == (0, 0, 1, 1)
    assert len(got.x) <= 4 * cells + 4
    for across, up in zip(x, y, strict=True):
        near = min(max(abs(across - a), abs(up - b)) for a, b in zip(got.x, got.y, strict=True))
        assert near < 1 / cells + 1e-9
    found = precision_recall_points(sweep, cells)
    assert found.x[-1] == 1.0
    assert found.thresholds[0] == max(score for _, score in rows)


def test_corners_and_the_last_point_stay_when_a_curve_is_thinned() -> None:
    x = np.array([0.0, 0.01, 0.04, 0.9, 0.96, 1.0])
    got = thin(x, x, x, 10)
    assert got.x == (0.0, 0.04, 0.9, 0.96, 1.0)
    assert thin(x[:2], x[:2], x[:2], 1).x == (0.0, 0.01)


def test_many_points_become_few() -> None:
    chance = np.random.default_rng(0)
    labels = chance.random(100_000) < 0.01
    sweep = sweep_thresholds(labels, chance.normal(size=100_000) + labels)
    assert len(roc_points(sweep).x) < 1_000
    assert len(precision_recall_points(sweep).x) < 2_500


def test_a_curve_has_as_many_thresholds_as_points() -> None:
    with pytest.raises(DataInvalid, match="one length"):
        thin(np.zeros(2), np.zeros(2), np.zeros(3))


def test_wilsons_interval_is_the_published_one() -> None:
    """Newcombe 1998, table I, method 3: 81/263 and 0/20."""
    assert wilson(81, 263).low == pytest.approx(0.2553, abs=5e-5)
    assert wilson(81, 263).high == pytest.approx(0.3662, abs=5e-5)
    assert wilson(0, 20).low == 0
    assert wilson(0, 20).high == pytest.approx(0.1611, abs=5e-5)
    assert math.isnan(wilson(0, 0).value)
