"""ECOD is its definition, stays near it when tails are thinned, and refuses what is foreign or unfit."""

from __future__ import annotations

import numpy as np
import pytest

from riskloom.detectors.checks import edges, one_and_many_agree, outliers_score_higher, sample
from riskloom.detectors.ecod import Ecod
from riskloom.detectors.tails import KEPT_WHOLE, TAIL_ERROR
from riskloom.errors import BundleInvalid, DataInvalid, ParameterInvalid


@pytest.fixture(scope="module")
def tails() -> Ecod:
    return Ecod.fit(sample(1), seed=3)


def with_gaps(seed: int) -> np.ndarray:
    chance = np.random.default_rng(seed)
    X = sample(seed)
    X[chance.random(X.shape) < 0.1] = np.nan
    X[:, 4] = np.where(chance.random(len(X)) < 0.02, np.inf, X[:, 4])
    return X


def by_definition(X: np.ndarray, x: np.ndarray) -> tuple[list[float], list[float]]:
    """The left and right surprise of each feature of x, counted row by row."""
    left, right = [], []
    for column, value in zip(X.T, x, strict=True):
        if np.isnan(value):
            low = high = np.isnan(column).sum()
        else:
            low, high = (column <= value).sum(), (column >= value).sum()
        left.append(-np.log((1 + low) / (1 + len(X))))
        right.append(-np.log((1 + high) / (1 + len(X))))
    return left, right


@pytest.mark.parametrize("seed", range(3))
def test_each_feature_takes_its_more_surprising_tail(seed: int) -> None:
    X = with_gaps(seed)
    rows = edges(X)

    expected = [np.maximum(*by_definition(X, x)).sum() for x in rows]

    assert np.allclose(Ecod.fit(X, seed=0).score_many(rows), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_rows_as_a_whole_take_the_largest_of_left_right_and_the_side_of_the_skew(seed: int) -> None:
    X = sample(seed) * np.array([1, -1, 1, -1, 1, -1])
    to_left = ((X - X.mean(axis=0)) ** 3).mean(axis=0) < 0
    assert to_left[1]
    assert to_left[3]
    assert not to_left[2]

    expected = []
    for x in edges(X):
        left, right = by_definition(X, x)
        expected.append(max(sum(left), sum(right), np.where(to_left, left, right).sum()))

    model = Ecod.fit(X, seed=0, parameters={"aggregate": "row"})
    assert np.allclose(model.score_many(edges(X)), expected, rtol=0, atol=1e-10)
    again = Ecod.from_arrays(model.arrays())
    assert np.array_equal(again.score_many(X), model.score_many(X))
    one_and_many_agree(model, edges(X))
    outliers_score_higher(model, X)


def test_thinned_tails_stay_within_their_promise_and_are_exact_at_both_ends() -> None:
    chance = np.random.default_rng(0)
    column = chance.standard_cauchy(400_000)
    column[:50_000] = 0.25
    column[:1_000] = np.nan
    model = Ecod.fit(column[:, None], seed=0)
    known = np.sort(column[1_000:])
    rows = np.concatenate((known[::7], (known[:-1] + known[1:])[::7] / 2, known[:900], known[-900:], [0.25]))

    low = np.searchsorted(known, rows, "right")
    high = known.size - np.searchsorted(known, rows, "left")
    exact = -np.log((1 + np.minimum(low, high)) / (1 + column.size))
    gap = model.score_many(rows[:, None]) - exact

    assert model.value.size < 20_000
    assert gap.min() >= -1e-12
    assert 0 < gap.max() <= TAIL_ERROR * 1.001
    assert np.abs(gap[np.minimum(low, high) < 1 / TAIL_ERROR]).max() <= 1e-12
    assert abs(gap[-1]) <= TAIL_ERROR


def test_up_to_ten_thousand_distinct_values_nothing_is_thinned() -> None:
    values = np.random.default_rng(1).normal(size=KEPT_WHOLE)

    model = Ecod.fit(np.repeat(values, 3)[:, None], seed=0)

    assert np.array_equal(model.value, np.sort(values))
    assert Ecod.fit(np.append(values, 9.0)[:, None], seed=0).value.size < KEPT_WHOLE


def test_a_gap_says_little_where_gaps_are_usual_and_much_where_there_were_none() -> None:
    X = sample(1)[:, :2]
    X[:400, 0] = np.nan
    model = Ecod.fit(X, seed=0)

    usual, unheard = model.score_one([np.nan, 1.0]), model.score_one([0.0, np.nan])

    assert usual - model.score_one([np.nan, np.nan]) < 0
    assert unheard > np.quantile(model.score_many(X), 0.95) > usual


def test_a_value_where_there_was_never_one_is_as_strange_as_can_be() -> None:
    X = np.column_stack((np.full(99, np.nan), np.zeros(99)))
    model = Ecod.fit(X, seed=0)

    assert model.score_one([np.nan, 0.0]) == 0.0
    assert model.score_one([1.0, 0.0]) == pytest.approx(np.log(100))


def test_all_values_beyond_the_last_one_seen_are_equally_strange(tails: Ecod) -> None:
    far = np.full((3, 6), [[1e6], [1e300], [np.inf]])

    assert np.unique(tails.score_many(far)).size == 1


def test_zeros_of_both_signs_are_one_value() -> None:
    model = Ecod.fit(np.array([[0.0], [-0.0], [1.0]]), seed=0)

    assert model.value.tolist() == [0.0, 1.0]
    assert model.score_one([-0.0]) == model.score_one([0.0])


def test_the_skewness_is_the_third_standardised_moment_however_large_the_values() -> None:
    column = np.random.default_rng(0).exponential(size=1_000)
    off = column - column.mean()
    expected = (off**3).mean() / (off**2).mean() ** 1.5

    X = np.column_stack((column, -column, column * 1e37, np.ones(1_000)))
    found = Ecod.fit(X, seed=0).skewness

    assert found == pytest.approx([expected, -expected, expected, 0.0])


@pytest.mark.parametrize("width", [0, 5, 7])
def test_a_row_of_another_width_is_refused(tails: Ecod, width: int) -> None:
    with pytest.raises(DataInvalid, match="a vector of 6 features"):
        tails.score_one(np.zeros(width))
    with pytest.raises(DataInvalid, match="rows of 6 features"):
        tails.score_many(np.zeros((3, width)))


@pytest.mark.parametrize(
    "X", [np.zeros((0, 3)), np.zeros((3, 0)), np.zeros(3), [[1.0]], np.array([["a"]]), np.zeros((1, 40_000))]
)
def test_what_cannot_be_learned_from_is_refused(X: object) -> None:
    with pytest.raises(DataInvalid):
        Ecod.fit(X, seed=1)


def test_unknown_parameters_and_seeds_are_refused() -> None:
    with pytest.raises(ParameterInvalid, match="did you mean 'feature'"):
        Ecod.fit(sample(1), seed=1, parameters={"aggregate": "features"})
    with pytest.raises(ParameterInvalid, match="seed"):
        Ecod.fit(sample(1), seed=-1)


@pytest.mark.parametrize("aggregate", ["feature", "row"])
def test_the_parts_add_up_to_the_score(aggregate: str) -> None:
    X = with_gaps(1) * np.array([1, -1, 1, -1, 1, -1])
    model = Ecod.fit(X, seed=0, parameters={"aggregate": aggregate})

    for x in edges(X):
        base, parts = model.contributions_one(x)
        assert base == 0.0
        assert parts.min() >= 0.0
        assert parts.sum() == pytest.approx(model.score_one(x), rel=1e-12, abs=1e-12)


def test_a_part_is_the_surprise_of_that_feature_on_the_side_that_counts() -> None:
    X = sample(0) * np.array([1, -1, 1, -1, 1, -1])
    by_feature, by_row = (Ecod.fit(X, seed=0, parameters={"aggregate": name}) for name in ("feature", "row"))
    to_left = ((X - X.mean(axis=0)) ** 3).mean(axis=0) < 0
    sides = set()

    for x in edges(X):
        left, right = map(np.array, by_definition(X, x))
        assert np.allclose(by_feature.contributions_one(x)[1], np.maximum(left, right), atol=1e-10)
        every = [left, right, np.where(to_left, left, right)]
        largest = int(np.argmax([side.sum() for side in every]))
        sides.add(largest)
        assert np.allclose(by_row.contributions_one(x)[1], every[largest], atol=1e-10)
    assert sides == {0, 1, 2}


def test_progress_counts_up_to_all_features() -> None:
    told: list[tuple[int, int]] = []

    Ecod.fit(sample(1), seed=1, progress=lambda *step: told.append(step))

    assert told == [(at, 6) for at in range(1, 7)]


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("rows", np.array([0])),
        ("rows", np.array([499])),
        ("rows", np.array([2**60])),
        ("rows", np.array([500, 500])),
        ("by_row", np.array([2], np.uint8)),
        ("by_row", np.array([], np.uint8)),
        ("missing", np.zeros(5, np.int64)),
        ("missing", np.zeros(0, np.int64)),
        ("missing", np.array([0, 0, 0, 0, 0, 1])),
        ("missing", np.array([0, 0, 0, 0, 0, -1])),
        ("skewness", np.zeros(5)),
        ("skewness", np.full(6, np.nan)),
        ("start", np.array([0, 10, 5, 20, 30, 40, 50])),
        ("start", np.zeros(7, np.int64)),
        ("start", np.array([0])),
        ("value", np.zeros(3)),
        ("below", np.zeros(3, np.int64)),
        ("value", None),
        ("surplus", np.zeros(1)),
    ],
)
def test_foreign_arrays_are_refused(tails: Ecod, name: str, broken: np.ndarray | None) -> None:
    arrays = tails.arrays()
    if broken is None:
        del arrays[name]
    else:
        arrays[name] = broken

    with pytest.raises(BundleInvalid, match=r"^ecod"):
        Ecod.from_arrays(arrays)


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("value", 3, np.nan),
        ("value", 3, -100.0),
        ("below", 0, 1),
        ("below", 0, -(2**62)),
        ("below", 3, 100),
        ("up_to", 3, 2**62),
        ("up_to", -1, 499),
        ("up_to", 3, 1),
        ("start", 1, -1),
        ("start", -1, 2**40),
        ("start", 3, 2**62),
        ("start", 1, 7),
    ],
)
def test_one_wrong_number_is_refused(tails: Ecod, name: str, place: int, value: float) -> None:
    arrays = tails.arrays()
    arrays[name] = arrays[name].copy()
    arrays[name][place] = value

    with pytest.raises(BundleInvalid, match=r"^ecod"):
        Ecod.from_arrays(arrays)


def test_the_arrays_of_a_model_cannot_be_changed_under_it(tails: Ecod) -> None:
    given = {name: array.copy() for name, array in tails.arrays().items()}
    model = Ecod.from_arrays(given)
    before = model.score_many(sample(1))
    given["value"][:] = 0

    assert np.array_equal(model.score_many(sample(1)), before)
    with pytest.raises(ValueError, match="read-only"):
        model.arrays()["value"][0] = 1
