"""Half-space trees are the paper's, learn row by row as they learn many, and forget what is long gone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from riskloom.detectors import half_space_kernel, half_space_trees
from riskloom.detectors.checks import edges, one_and_many_agree, outliers_score_higher, sample
from riskloom.detectors.half_space_trees import HalfSpaceTrees
from riskloom.errors import BundleInvalid, DataInvalid, ParameterInvalid

SMALL = {"trees": 7, "depth": 4, "window": 60}


@pytest.fixture(scope="module")
def fitted() -> HalfSpaceTrees:
    return HalfSpaceTrees.fit(sample(1), seed=3, parameters=SMALL)


def nodes_on_the_way(model: HalfSpaceTrees, tree: int, x: np.ndarray) -> list[int]:
    """The nodes of one tree that a row passes, from the root to a leaf, by their place in the arrays."""
    inner = model.cut.size // model.trees
    limit = float(np.finfo(np.float32).max)
    z = np.clip(np.where(np.isnan(x), model.fill, x), -limit, limit)
    node, way = 0, [0]
    while node < inner:
        place = tree * inner + node
        node = 2 * node + (2 if z[model.by[place]] > model.cut[place] else 1)
        way.append(node)
    return [tree * (2 * inner + 1) + node for node in way]


def counted(model: HalfSpaceTrees, rows: np.ndarray) -> np.ndarray:
    """How many of the rows pass each node."""
    mass = np.zeros(model.mass.size, np.int64)
    for x in rows:
        for tree in range(model.trees):
            mass[nodes_on_the_way(model, tree, x)] += 1
    return mass


def by_definition(model: HalfSpaceTrees, x: np.ndarray) -> float:
    """The paper's sum of mass times 2**level where a node holds a tenth or less, as a surprise."""
    rows, total = int(model.seen[1]), 0
    for tree in range(model.trees):
        way = nodes_on_the_way(model, tree, x)
        stop = next((level for level, node in enumerate(way) if model.mass[node] <= 0.1 * rows), len(way) - 1)
        total += int(model.mass[way[stop]]) * 2**stop
    return math.log2(model.trees * rows / (1 + total))


@pytest.mark.parametrize("seed", range(3))
def test_the_score_is_the_paper_s_sum_turned_round(seed: int) -> None:
    X = sample(seed)
    X[::9, 0] = np.nan
    model = HalfSpaceTrees.fit(X, seed=seed, parameters=SMALL)
    rows = np.vstack([edges(X), X[:100] * 2])

    assert model.score_many(rows).tolist() == [by_definition(model, x) for x in rows]


def test_the_profile_is_the_last_full_window_and_the_rest_is_waiting(fitted: HalfSpaceTrees) -> None:
    X = sample(1)

    assert fitted.seen.tolist() == [500 - 8 * 60, 60]
    assert np.array_equal(fitted.mass, counted(fitted, X[420:480]))
    assert np.array_equal(fitted.latest, counted(fitted, X[480:]))


@pytest.mark.parametrize("rows", [59, 60, 61, 119, 120])
def test_a_window_ends_with_its_last_row(rows: int) -> None:
    X = sample(1)[:rows]
    model = HalfSpaceTrees.fit(X, seed=0, parameters=SMALL)

    if rows < 60:
        assert model.seen.tolist() == [rows, rows]
        assert np.array_equal(model.mass, counted(model, X))
        assert np.array_equal(model.latest, model.mass)
    else:
        full = rows // 60 * 60
        assert model.seen.tolist() == [rows - full, 60]
        assert np.array_equal(model.mass, counted(model, X[full - 60 : full]))
        assert np.array_equal(model.latest, counted(model, X[full:]))


def test_learning_one_by_one_is_learning_many_and_is_what_fit_does() -> None:
    X = sample(2)
    X[::5, 2] = np.nan
    start = HalfSpaceTrees.fit(X, seed=1, parameters=SMALL)
    one, many = (HalfSpaceTrees.from_arrays(start.arrays()) for _ in range(2))
    more = np.vstack([X[:130], edges(X)])

    for x in more:
        assert one.learn_one(x) is None
    assert many.learn_many(more) is None

    assert all(np.array_equal(array, many.arrays()[name]) for name, array in one.arrays().items())
    assert one.seen.sum() == 60 + (500 + len(more)) % 60
    past = np.vstack([X, more])
    full = len(past) // 60 * 60
    assert np.array_equal(one.mass, counted(one, past[full - 60 : full]))


def test_what_becomes_usual_stops_being_strange_within_two_windows() -> None:
    X = sample(3)
    model = HalfSpaceTrees.fit(X, seed=0, parameters={"window": 100})
    moved = X + 4 * X.std(axis=0) + 1
    before = model.score_many(moved).mean(), model.score_many(X).mean()

    model.learn_many(moved[:199])
    after = model.score_many(moved).mean(), model.score_many(X).mean()

    assert before[0] > before[1]
    assert after[0] < after[1]


def test_scoring_learns_nothing(fitted: HalfSpaceTrees) -> None:
    before = fitted.arrays()

    fitted.score_many(edges(sample(1)))
    fitted.score_one(sample(1)[0])

    assert all(np.array_equal(array, before[name]) for name, array in fitted.arrays().items())


def test_saved_arrays_do_not_change_when_the_model_learns_on() -> None:
    X = sample(1)
    model = HalfSpaceTrees.fit(X, seed=3, parameters=SMALL)
    saved = model.arrays()
    frozen = HalfSpaceTrees.from_arrays(saved)
    before = frozen.score_many(X)

    model.learn_many(X * 3)

    assert np.array_equal(frozen.score_many(X), before)
    assert not np.array_equal(model.score_many(X), before)
    assert np.array_equal(saved["mass"], frozen.mass)
    with pytest.raises(ValueError, match="read-only"):
        model.arrays()["cut"][0] = 1


def test_each_cut_halves_what_is_left_of_the_paper_s_range() -> None:
    X = np.random.default_rng(0).normal(size=(1_000, 2))
    model = HalfSpaceTrees.fit(X, seed=0, parameters={"trees": 3, "depth": 6})
    low, high = (np.quantile(X, share, axis=0, method=m) for share, m in ((0.03, "lower"), (0.97, "higher")))
    cut, by = model.cut.reshape(3, -1), model.by.reshape(3, -1)

    def halves(tree: int, node: int, ranges: dict[int, tuple[float, float]]) -> int:
        if node >= cut.shape[1]:
            return 0
        feature, value = int(by[tree, node]), float(cut[tree, node])
        if feature in ranges:
            left, right = ranges[feature]
            assert value == pytest.approx((left + right) / 2)
        else:
            point = (value - low[feature]) / (high - low)[feature]
            assert 0 <= point <= 1
            reach = 2 * max(point, 1 - point) * (high - low)[feature]
            left, right = value - reach, value + reach
        known = halves(tree, 2 * node + 1, {**ranges, feature: (left, value)})
        return 1 + known + halves(tree, 2 * node + 2, {**ranges, feature: (value, right)})

    assert [halves(tree, 0, {}) for tree in range(3)] == [63, 63, 63]
    assert len({float(value) for value in cut[:, 0]}) == 3


def test_the_far_one_is_the_strangest_as_in_river_s_example() -> None:
    X = np.array([[0.5], [0.45], [0.43], [0.44], [0.445], [0.45], [0.44], [0.46], [0.45], [0.47], [0.0]])
    model = HalfSpaceTrees.fit(X[:10], seed=42, parameters={"trees": 25, "depth": 3, "window": 10})

    assert model.score_many(X).argmax() == 10


def test_a_gap_is_the_median_of_training_and_infinity_the_largest_float32(fitted: HalfSpaceTrees) -> None:
    gap, far = sample(1)[:2].copy()
    gap[0], far[1] = np.nan, np.inf
    filled, largest = gap.copy(), far.copy()
    filled[0], largest[1] = np.median(sample(1)[:, 0]), np.finfo(np.float32).max

    assert fitted.score_one(gap) == fitted.score_one(filled)
    assert fitted.score_one(far) == fitted.score_one(largest)


@pytest.mark.parametrize("settings", [{}, {"trees": 1, "depth": 15}, {"window": 1_000_000}, {"window": 10}])
def test_the_laws_hold_at_other_sizes(settings: dict[str, int]) -> None:
    model = HalfSpaceTrees.fit(sample(1), seed=0, parameters=settings)

    one_and_many_agree(model, edges(sample(1)))
    if settings.get("trees") != 1:
        outliers_score_higher(model, sample(1))


def test_learning_a_row_in_another_layout_compiles_nothing_anew(fitted: HalfSpaceTrees) -> None:
    X = np.round(sample(4), 2).astype(np.float32)
    wide = X.astype(np.float64)
    frozen = wide.copy()
    frozen.setflags(write=False)
    model = HalfSpaceTrees.from_arrays(fitted.arrays())

    for rows in (X, frozen, np.repeat(wide, 2, axis=1)[:, ::2]):
        model.learn_many(rows)
        model.learn_one(rows[0])

    assert len(half_space_kernel.learn_rows.signatures) == 1
    assert model.seen.tolist() == [(20 + 3 * 501) % 60, 60]


@pytest.mark.parametrize("width", [0, 5, 7])
def test_a_row_of_another_width_is_refused(fitted: HalfSpaceTrees, width: int) -> None:
    with pytest.raises(DataInvalid, match="a vector of 6 features"):
        fitted.score_one(np.zeros(width))
    with pytest.raises(DataInvalid, match="a vector of 6 features"):
        fitted.learn_one(np.zeros(width))
    with pytest.raises(DataInvalid, match="rows of 6 features"):
        fitted.learn_many(np.zeros((3, width)))


@pytest.mark.parametrize("X", [np.zeros((0, 3)), np.zeros((3, 0)), np.zeros(3), [[1.0]], np.array([["a"]])])
def test_what_cannot_be_learned_from_is_refused(X: object) -> None:
    with pytest.raises(DataInvalid):
        HalfSpaceTrees.fit(X, seed=1)


@pytest.mark.parametrize("parameters", [{"trees": 0}, {"depth": 16}, {"window": 9}, {"height": 8}])
def test_parameters_out_of_range_are_refused(parameters: dict[str, int]) -> None:
    with pytest.raises(ParameterInvalid, match=next(iter(parameters))):
        HalfSpaceTrees.fit(sample(1), seed=1, parameters=parameters)


def test_progress_rises_to_the_end_and_chunks_change_nothing(
    fitted: HalfSpaceTrees, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(half_space_trees, "_CHUNK", 200)

    model = HalfSpaceTrees.fit(sample(1), seed=3, parameters=SMALL, progress=lambda *s: told.append(s))

    assert told == [(0, 500), (200, 500), (400, 500), (500, 500)]
    assert all(np.array_equal(array, fitted.arrays()[name]) for name, array in model.arrays().items())


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("trees", np.array([0])),
        ("trees", np.array([8])),
        ("trees", np.array([2**62])),
        ("trees", np.array([7, 7])),
        ("window", np.array([0])),
        ("window", np.array([59])),
        ("window", np.array([], np.int64)),
        ("seen", np.array([60, 60])),
        ("seen", np.array([-1, 60])),
        ("seen", np.array([20, 0])),
        ("seen", np.array([20, 61])),
        ("seen", np.array([20])),
        ("fill", np.zeros(0)),
        ("fill", np.zeros(2)),
        ("fill", np.full(6, np.nan)),
        ("cut", np.zeros(0)),
        ("cut", np.zeros(104)),
        ("cut", np.full(105, np.nan)),
        ("by", np.full(105, 6, np.int32)),
        ("by", np.full(105, -1, np.int32)),
        ("by", np.zeros(104, np.int32)),
        ("mass", np.zeros(217, np.int32)),
        ("mass", np.zeros(216, np.int32)),
        ("latest", np.full(217, 20, np.int32)),
        ("latest", None),
        ("surplus", np.zeros(1)),
    ],
)
def test_foreign_arrays_are_refused(fitted: HalfSpaceTrees, name: str, broken: np.ndarray | None) -> None:
    arrays = fitted.arrays()
    if broken is None:
        del arrays[name]
    else:
        arrays[name] = broken

    with pytest.raises(BundleInvalid, match=r"^half_space_trees"):
        HalfSpaceTrees.from_arrays(arrays)


def test_counts_that_do_not_add_up_are_refused(fitted: HalfSpaceTrees) -> None:
    arrays = fitted.arrays()
    arrays["mass"][-1] += 1

    with pytest.raises(BundleInvalid, match="add up to 60 rows"):
        HalfSpaceTrees.from_arrays(arrays)
