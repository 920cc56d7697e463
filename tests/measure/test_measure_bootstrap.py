"""Replicates of counts are replicates of rows: the same measures, the same spread, whole blocks, paired."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskloom.errors import DataInvalid, ParameterInvalid
from riskloom.measure.bootstrap import bootstrap_many, bootstrap_mean, bootstrap_one
from riskloom.measure.cost import CostMatrix
from riskloom.measure.ranking import average_precision, recall_at_fpr, roc_auc
from riskloom.measure.resample import rank, replicate_measures, replicates_of
from riskloom.measure.threshold import measure_at

SCORES = st.sampled_from([0.0, -0.0, 0.1, 0.5, 1.0, np.inf, -np.inf])
ROWS = st.lists(
    st.tuples(st.integers(0, 1), SCORES, SCORES, st.integers(0, 900), st.integers(0, 3)),
    min_size=1,
    max_size=30,
)
MATRIX = CostMatrix(7, 3, 0.5)
Column = npt.NDArray[np.float64]


def by_rows(labels: Column, scores: Column, threshold: float, amounts: Column) -> dict[str, float]:
    """The measures by the functions that see each row."""
    at = measure_at(labels, scores, threshold, amounts=amounts, matrix=MATRIX)
    assert at.cost is not None
    return {
        "roc_auc": roc_auc(labels, scores),
        "average_precision": average_precision(labels, scores),
        "recall_at_fpr": recall_at_fpr(labels, scores, 0.25),
        "precision": at.precision,
        "recall": at.recall,
        "f1": at.f1,
        "false_positives_per_fraud": at.false_positives_per_fraud,
        "value_detected": at.value_detected,
        "cost": at.cost.total,
    }


def same(got: float, expected: float) -> bool:
    """Equal; an undefined share may also be an infinite one (no fraud found)."""
    if math.isnan(expected):
        return not math.isfinite(got)
    return got == pytest.approx(expected, abs=1e-9)


@given(ROWS, SCORES)
@settings(max_examples=200, deadline=None)
def test_the_values_are_those_of_the_rows(rows: list[tuple[float, ...]], threshold: float) -> None:
    labels, scores, _, amounts, _ = (np.array(column) for column in zip(*rows, strict=True))

    got = bootstrap_one(
        labels, scores, threshold=threshold, amounts=amounts, matrix=MATRIX, fpr=0.25, replicates=2
    )

    for name, expected in by_rows(labels, scores, threshold, amounts).items():
        assert same(got[name].value, expected), name


@given(ROWS, SCORES, st.booleans(), st.integers(0, 5))
@settings(max_examples=200, deadline=None)
def test_a_replicate_is_the_measure_of_its_rows_written_out(
    rows: list[tuple[float, ...]], threshold: float, in_blocks: bool, seed: int
) -> None:
    labels, first, second, amounts, blocks = (np.array(column) for column in zip(*rows, strict=True))
    fraud = labels == 1
    ranked = [rank(fraud, first, threshold), rank(fraud, second, threshold)]
    paid = amounts[fraud].astype(np.float64)

    for drawn in replicates_of(fraud, ranked, blocks if in_blocks else None, 3, seed):
        for at, scores in enumerate((first, second)):
            measured = replicate_measures(
                ranked[at], drawn.frauds, drawn.cells[at], rate=0.25, amounts=paid, matrix=MATRIX
            )
            for replicate in range(len(drawn.frauds)):
                again = np.flatnonzero(fraud).repeat(drawn.frauds[replicate].astype(int))
                cells = drawn.cells[at][replicate]
                own = [np.flatnonzero(~fraud)[ranked[at].cell_of_row == cell] for cell in range(cells.size)]
                honest = [
                    row for cell, rows_in in enumerate(own) for row in rows_in[:1].repeat(int(cells[cell]))
                ]
                chosen = np.concatenate([again, np.array(honest, np.int64)])
                expected = by_rows(labels[chosen], scores[chosen], threshold, amounts[chosen])
                for name, value in expected.items():
                    assert same(measured[name][replicate], value), name


@given(ROWS, st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_without_blocks_as_many_frauds_and_legitimate_rows_are_drawn_as_there_are(
    rows: list[tuple[float, ...]], seed: int
) -> None:
    labels, scores, *_ = (np.array(column) for column in zip(*rows, strict=True))
    fraud = labels == 1

    for drawn in replicates_of(fraud, [rank(fraud, scores, None)], None, 4, seed):
        assert (drawn.frauds.sum(axis=1) == fraud.sum()).all()
        assert (drawn.cells[0].sum(axis=1) == (~fraud).sum()).all()


def test_blocks_are_drawn_whole() -> None:
    labels = np.array([1, 1, 0, 0, 1, 0])
    scores = np.array([6.0, 5.0, 5.5, 5.7, 1.0, 0.5])
    blocks = np.array(["a", "a", "a", "a", "b", "b"])
    fraud = labels == 1
    seen = set()
    for drawn in replicates_of(fraud, [rank(fraud, scores, None)], blocks, 50, 1):
        for frauds, cells in zip(drawn.frauds, drawn.cells[0], strict=True):
            times_a, times_b = frauds[0], frauds[2]
            assert frauds[1] == times_a
            assert times_a + times_b == 2
            assert sorted(cells[cells > 0].tolist()) == sorted(
                value for value in (2 * times_a, times_b) if value
            )
            seen.add(times_a)
    assert seen == {0, 1, 2}


@pytest.mark.parametrize("frauds", [60, 2_940], ids=["few frauds", "few others"])
def test_the_spread_is_that_of_rows_drawn_one_by_one(frauds: int) -> None:
    chance = np.random.default_rng(3)
    labels = np.arange(3_000) < frauds
    scores = np.round(chance.normal(size=3_000) + 1.5 * labels)
    named = {"roc_auc": roc_auc, "average_precision": average_precision}
    plain: dict[str, list[float]] = {name: [] for name in named}
    for _ in range(600):
        rows = np.concatenate(
            [chance.integers(0, frauds, frauds), chance.integers(frauds, 3_000, 3_000 - frauds)]
        )
        for name, measure in named.items():
            plain[name].append(measure(labels[rows], scores[rows]))

    got = bootstrap_one(labels, scores, replicates=2_000, seed=5)

    for name, values in plain.items():
        low, high = np.quantile(values, (0.025, 0.975))
        width = high - low
        assert got[name].low == pytest.approx(low, abs=width / 8)
        assert got[name].high == pytest.approx(high, abs=width / 8)


def test_rows_that_hang_together_widen_the_interval() -> None:
    chance = np.random.default_rng(0)
    card = np.repeat(np.arange(300), 20)
    labels = card < 15
    scores = chance.normal(size=card.size) * 0.1 + chance.normal(size=300)[card] + labels

    alone, together = (
        bootstrap_one(labels, scores, blocks=blocks, replicates=300, seed=1)["roc_auc"]
        for blocks in (None, card)
    )

    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_a_detector_differs_from_itself_by_nothing() -> None:
    chance = np.random.default_rng(1)
    labels, scores = chance.random(500) < 0.1, chance.normal(size=500)
    got = bootstrap_many(labels, {"a": scores, "b": 2 * scores}, against="a", replicates=50)
    assert got["a"].differences == {}
    for difference in got["b"].differences.values():
        assert (difference.value, difference.low, difference.high) == (0, 0, 0)


def test_differences_are_paired() -> None:
    chance = np.random.default_rng(2)
    labels = chance.random(4_000) < 0.02
    first = chance.normal(size=4_000) + labels
    second = first + 0.3 * labels
    got = bootstrap_many(labels, {"a": first, "b": second}, against="a", replicates=300)
    difference, alone = got["b"].differences["roc_auc"], got["b"].measures["roc_auc"]
    assert difference.value == pytest.approx(roc_auc(labels, second) - roc_auc(labels, first))
    assert 0 < difference.low < difference.high
    assert difference.high - difference.low < (alone.high - alone.low) / 2


def test_the_seed_decides_and_batches_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(4)
    labels, scores = chance.random(400) < 0.1, chance.normal(size=400)
    first, again, other = (bootstrap_one(labels, scores, replicates=40, seed=seed) for seed in (1, 1, 2))
    monkeypatch.setattr("riskloom.measure.resample._CELLS_AT_ONCE", 1_000)
    assert first == again == bootstrap_one(labels, scores, replicates=40, seed=1)
    assert first != other


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1], []])
def test_where_a_measure_is_not_defined_it_has_no_interval(labels: list[int]) -> None:
    got = bootstrap_one(labels, np.arange(len(labels)), replicates=5)["roc_auc"]
    assert math.isnan(got.value)
    assert not got.has_interval


def test_a_measure_that_is_mostly_undefined_has_no_interval() -> None:
    labels, scores = [1] + [0] * 50, [1.0] + [0.0] * 50
    got = bootstrap_one(labels, scores, threshold=1.0, blocks=np.arange(51) // 26, replicates=200)
    assert got["precision"].value == 1.0
    assert got["precision"].has_interval
    assert not bootstrap_one(labels, scores, threshold=2.0, replicates=20)["precision"].has_interval


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ParameterInvalid, match="against: expected one of a"):
        bootstrap_many([0, 1], {"a": [0, 1]}, against="b")
    with pytest.raises(ParameterInvalid, match="replicates"):
        bootstrap_one([0, 1], [0, 1], replicates=0)
    with pytest.raises(ParameterInvalid, match="level"):
        bootstrap_one([0, 1], [0, 1], level=95)
    with pytest.raises(DataInvalid, match="blocks: expected one for each of 2"):
        bootstrap_one([0, 1], [0, 1], blocks=[1])
    with pytest.raises(DataInvalid, match="labels: expected one for each"):
        bootstrap_many([0, 1], {"a": [0, 1], "b": [0, 1, 2]})


def test_the_mean_over_days_has_an_interval_from_two_days_on() -> None:
    got = bootstrap_mean([0.2, 0.3, 0.4, 0.3])
    assert got.value == pytest.approx(0.3)
    assert 0.2 <= got.low < 0.3 < got.high <= 0.4
    assert not bootstrap_mean([0.2]).has_interval
    assert math.isnan(bootstrap_mean([]).value)
