"""Each way to choose a threshold is held against its plainest statement, over every set one can flag."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskloom.detectors.reference import RiskReference
from riskloom.detectors.thresholds import KINDS, Threshold, ThresholdSpec, choose

Row = tuple[float, int, int, int, int | None]
"""Score, fraud, amount, day, entity."""

row = st.tuples(
    st.sampled_from([0.0, -0.0, 1.0, 2.0, 2.0, 3.0, -1.5, 0.1, 1e300, -1e300]) | st.floats(-3, 3),
    st.integers(0, 1),
    st.integers(0, 9),
    st.integers(0, 2),
    st.none() | st.integers(0, 2),
)
tables = st.lists(row, min_size=2, max_size=14).map(
    lambda rows: [(*rows[0][:1], 1, *rows[0][2:]), (*rows[1][:1], 0, *rows[1][2:]), *rows[2:]]
)


def chosen(spec: ThresholdSpec, rows: list[Row]) -> Threshold:
    score, fraud, amount, day, entity = (list(column) for column in zip(*rows, strict=True))
    return choose(
        spec,
        np.array(score, np.float64),
        np.array(fraud, np.float64),
        np.array(amount, np.float64),
        np.array(day, np.int64),
        np.array(entity, object),
    )


def candidates(rows: list[Row]) -> list[float]:
    """Every threshold that makes a difference, falling; the first flags nothing."""
    scores = sorted({score + 0.0 for score, *_ in rows}, reverse=True)
    return [float(np.nextafter(scores[0], np.inf)), *scores]


def flagged(rows: list[Row], threshold: float) -> list[Row]:
    return [row for row in rows if row[0] >= threshold]


def tally(rows: list[Row], threshold: float) -> tuple[int, int, int]:
    """(flagged, caught, frauds)."""
    taken = flagged(rows, threshold)
    return len(taken), sum(row[1] for row in taken), sum(row[1] for row in rows)


def lowest(rows: list[Row], fits: Callable[[float], bool]) -> float:
    return [t for at, t in enumerate(candidates(rows)) if at == 0 or fits(t)][-1]


def best(rows: list[Row], gain: Callable[[float], Any]) -> tuple[float, Any]:
    """The highest of the thresholds with the greatest gain."""
    top = max(gain(t) for t in candidates(rows))
    return next(t for t in candidates(rows) if gain(t) == top), top


@given(tables, st.sampled_from([0, 50, 75, 90, 98, 99.9, 100]) | st.floats(0, 100))
@settings(max_examples=200, deadline=None)
def test_a_percentile_flags_what_has_so_many_lower_scores(rows: list[Row], percentile: float) -> None:
    found = chosen(ThresholdSpec("percentile", {"percentile": percentile}), rows)

    def fits(t: float) -> bool:
        return Fraction(100 * (len(rows) - len(flagged(rows, t))), len(rows)) >= Fraction(repr(percentile))

    assert found.value == lowest(rows, fits)
    reference = RiskReference.fit(np.array([score for score, *_ in rows]))
    for score, *_ in rows:
        assert (score >= found.value) == (score >= reference.threshold(percentile))


@given(tables, st.sampled_from([0.06, 0.1, 0.25, 0.2, 0.5, 1 / 3]))
@settings(max_examples=100, deadline=None)
def test_a_contamination_is_the_most_that_is_flagged(rows: list[Row], share: float) -> None:
    found = chosen(ThresholdSpec("contamination", {"contamination": share}), rows)

    assert found.value == lowest(rows, lambda t: len(flagged(rows, t)) / len(rows) <= share)
    assert found.why["flagged_share"] == len(flagged(rows, found.value)) / len(rows) <= share


@given(tables, st.sampled_from([1.0, 2.0, 0.5, 3.0]))
@settings(max_examples=200, deadline=None)
def test_f_beta_is_the_greatest_there_is(rows: list[Row], beta: float) -> None:
    found = chosen(ThresholdSpec("f_beta", {"beta": beta}), rows)
    square = Fraction(beta) ** 2

    def f(t: float) -> Fraction:
        count, caught, frauds = tally(rows, t)
        return (1 + square) * caught / (square * frauds + count)

    value, top = best(rows, f)
    assert found.value == value
    assert found.why["f"] == pytest.approx(float(top))


@given(tables, st.sampled_from([1.0, 2.0, 0.5]))
@settings(max_examples=200, deadline=None)
def test_the_mean_f_beta_of_the_days_is_the_greatest_there_is(rows: list[Row], beta: float) -> None:
    found = chosen(ThresholdSpec("f_beta", {"beta": beta, "average": "days"}), rows)
    square = Fraction(beta) ** 2
    days = sorted({row[3] for row in rows})

    def f(t: float) -> Fraction:
        total = Fraction(0)
        for day in days:
            count, caught, frauds = tally([row for row in rows if row[3] == day], t)
            total += (1 + square) * caught / (square * frauds + count) if frauds or count else 1
        return total / len(days)

    _, top = best(rows, f)
    assert f(found.value) == pytest.approx(float(top), abs=1e-12)
    assert found.why["f"] == pytest.approx(float(top), abs=1e-12)


@given(tables)
@settings(max_examples=100, deadline=None)
def test_the_point_of_the_curve_is_the_nearest_to_all_right(rows: list[Row]) -> None:
    found = chosen(ThresholdSpec("pr_curve"), rows)

    def near(t: float) -> float:
        count, caught, frauds = tally(rows, t)
        return -np.hypot(1 - caught / count, 1 - caught / frauds) if count else -np.inf

    assert found.value == best(rows, near)[0]


@given(tables, st.sampled_from([0.1, 0.5, 0.75, 0.9, 1.0]))
@settings(max_examples=200, deadline=None)
def test_a_target_precision_is_reached_with_the_most_frauds_or_missed_by_the_least(
    rows: list[Row], wanted: float
) -> None:
    found = chosen(ThresholdSpec("precision", {"at_least": wanted}), rows)

    def precision(t: float) -> Fraction:
        count, caught, _ = tally(rows, t)
        return Fraction(caught, count) if count else Fraction(-1)

    able = [t for t in candidates(rows)[1:] if precision(t) >= Fraction(repr(wanted))]
    top = max(precision(t) for t in candidates(rows))
    assert found.why["reached"] == bool(able)
    assert found.value == (able or [t for t in candidates(rows) if precision(t) == top])[-1]
    assert found.why["precision"] == float(precision(found.value))


@given(tables, st.sampled_from([0.1, 0.5, 0.75, 0.9, 1.0]))
@settings(max_examples=100, deadline=None)
def test_a_target_recall_is_reached_with_the_fewest_alerts(rows: list[Row], wanted: float) -> None:
    found = chosen(ThresholdSpec("recall", {"at_least": wanted}), rows)

    def recall(t: float) -> Fraction:
        _, caught, frauds = tally(rows, t)
        return Fraction(caught, frauds)

    assert found.value == next(t for t in candidates(rows) if recall(t) >= Fraction(repr(wanted)))
    assert found.why["recall"] == float(recall(found.value))


def alerts(rows: list[Row], threshold: float) -> dict[int, int]:
    """Alerts by day: entities, and the rows of nobody."""
    by_day = {row[3]: 0 for row in rows}
    seen = set()
    for _, _, _, day, entity in flagged(rows, threshold):
        if entity is None or (day, entity) not in seen:
            by_day[day] += 1
        seen.add((day, entity))
    return by_day


@given(tables, st.sampled_from([0, 1, 2, 3, 0.5, 1.5, 100]), st.sampled_from(["average", "worst"]))
@settings(max_examples=300, deadline=None)
def test_a_budget_of_alerts_is_used_and_kept(rows: list[Row], budget: float, day: str) -> None:
    found = chosen(ThresholdSpec("alert_budget", {"alerts": budget, "day": day}), rows)

    def fits(t: float) -> bool:
        counts = alerts(rows, t).values()
        return (max(counts) if day == "worst" else Fraction(sum(counts), len(counts))) <= budget

    assert found.value == lowest(rows, fits)
    counts = alerts(rows, found.value)
    assert found.why["alerts_per_day"] == sum(counts.values()) / len(counts)
    assert found.why["worst_day"] == max(counts.values())
    assert found.why["days"] == len(counts)


@given(
    tables,
    st.sampled_from([0.0, 1.0, 2.5, 40.0]),
    st.sampled_from([0.0, 1.0, 3.0]),
    st.sampled_from([0.0, 0.5, 1.0]),
)
@settings(max_examples=200, deadline=None)
def test_the_cost_is_the_least_there_is(
    rows: list[Row], review: float, insult: float, recovered: float
) -> None:
    costs = {"review": review, "insult": insult, "recovered": recovered}
    found = chosen(ThresholdSpec("cost", costs), rows)

    def cost(t: float) -> float:
        total = 0.0
        for score, fraud, amount, _, _ in rows:
            if score < t:
                total += amount * fraud
            else:
                total += review + ((1 - recovered) * amount if fraud else insult)
        return total

    value, least = best(rows, lambda t: -cost(t))
    assert found.value == value
    assert found.why["cost"] == -least
    assert found.why["cost_of_none"] == cost(np.inf)
    assert found.why["cost_of_all"] == cost(-np.inf)


@given(tables, st.sampled_from(sorted(KINDS)), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_the_rows_does_not_matter_and_the_facts_are_those_of_the_rows(
    rows: list[Row], kind: str, chance: Any
) -> None:
    found = chosen(ThresholdSpec(kind), rows)
    count, caught, frauds = tally(rows, found.value)
    shuffled = list(rows)
    chance.shuffle(shuffled)

    assert chosen(ThresholdSpec(kind), shuffled) == found
    assert (found.why["flagged"], found.why["caught"], found.why["frauds"]) == (count, caught, frauds)
    assert found.why["rows"] == len(rows)
    assert ("precision" in found.why) == (count > 0)
