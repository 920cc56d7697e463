"""Arrays that are not trees never reach a kernel."""

from __future__ import annotations

import numpy as np
import pytest

from riskloom.detectors.trees import LEAF, MOST_DEPTH, NEAR_ZERO, Trees, level_order, round_down
from riskloom.errors import BundleInvalid

ONE_SPLIT = {
    "feature": np.array([1, LEAF, LEAF], np.int32),
    "threshold": np.array([0.5, 0, 0], np.float32),
    "missing_left": np.array([0, 0, 0], np.uint8),
    "value": np.array([0, 10.0, 20.0]),
    "cover": np.array([3.0, 1, 2]),
    "offset": np.array([0, 3], np.int64),
}


def with_change(**changes: np.ndarray) -> dict[str, np.ndarray]:
    return ONE_SPLIT | changes


def test_one_split_sends_the_threshold_left_and_missing_values_where_it_says() -> None:
    rows = np.array([[9, 0.5], [9, np.nextafter(np.float32(0.5), np.float32(1))], [9, np.nan], [np.nan, 0]])

    right = Trees.from_arrays(ONE_SPLIT, width=2)
    left = Trees.from_arrays(with_change(missing_left=np.array([1, 0, 0], np.uint8)), width=2)

    assert right.sum_many(rows).tolist() == [10, 20, 20, 10]
    assert left.sum_many(rows, start=1.0).tolist() == [11, 21, 11, 11]


def test_a_threshold_of_infinity_sends_every_value_left_and_missing_ones_where_it_says() -> None:
    rows = np.array([[9, np.inf], [9, -np.inf], [9, 0.0], [9, np.nan]])

    for scalar in (np.float32, np.float64):
        endless = with_change(threshold=np.array([np.inf, 0, 0], scalar))
        trees = Trees.from_arrays(endless, width=2, threshold_type=scalar)
        assert trees.sum_many(rows).tolist() == [10, 10, 10, 20]


def test_the_width_of_thresholds_is_the_width_of_the_comparison() -> None:
    above = np.array([[0, 0.5 + 1e-12]])
    wide = Trees.from_arrays(with_change(threshold=np.array([0.5, 0, 0])), width=2, threshold_type=np.float64)

    assert Trees.from_arrays(ONE_SPLIT, width=2).sum_many(above).tolist() == [10]
    assert wide.sum_many(above).tolist() == [20]


def test_in_float64_what_is_next_to_zero_is_zero() -> None:
    tiny = with_change(threshold=np.array([-1e-36, 0, 0]))
    wide = Trees.from_arrays(tiny, width=2, threshold_type=np.float64)
    rows = np.array([[0, -2e-36], [0, -NEAR_ZERO], [0, np.nextafter(-NEAR_ZERO, -1)], [0, 0.0]])

    assert wide.sum_many(rows).tolist() == [20, 20, 10, 20]


def test_leaves_are_summed_in_their_own_width() -> None:
    third = np.array([0, 1 / 3, 1 / 3], np.float32)
    narrow = Trees.from_arrays(with_change(value=third), width=2, value_type=np.float32)

    assert narrow.sum_many(np.zeros((1, 2)), start=0.1).dtype == np.float32
    assert narrow.sum_many(np.zeros((1, 2)), start=0.1)[0] == np.float32(0.1) + np.float32(1 / 3)


@pytest.mark.parametrize("trees", [1, 7, 8, 9, 16, 23])
def test_leaves_are_added_in_the_order_of_the_trees(trees: int) -> None:
    chance = np.random.default_rng(trees)
    for _ in range(20):
        value = chance.normal(size=trees) * 10.0 ** chance.integers(-8, 8, trees)
        stumps = Trees(
            1,
            np.full(trees, LEAF, np.int32),
            np.zeros(trees, np.float32),
            np.zeros(trees, np.uint8),
            value,
            np.ones(trees),
            np.arange(trees + 1),
        )
        total = 0.0
        for leaf in value.tolist():
            total += leaf

        assert stumps.sum_many(np.zeros((1, 1)))[0] == total


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"feature": np.array([2, -1, -1], np.int32)}, "below 2"),
        ({"feature": np.array([-2, -1, -1], np.int32)}, "below 2"),
        ({"feature": np.array([0, 0, -1], np.int32)}, "level order"),
        ({"feature": np.array([-1, -1, -1], np.int32)}, "level order"),
        ({"feature": np.array([-1, -1, 0], np.int32)}, "level order"),
        ({"feature": np.array([1, -1, -1], np.int64)}, "int32"),
        ({"feature": np.array([[1, -1, -1]], np.int32)}, "one dimension"),
        ({"threshold": np.array([np.nan, 0, 0], np.float32)}, "expected numbers"),
        ({"threshold": np.array([0.5, 0, np.nan], np.float32)}, "expected numbers"),
        ({"threshold": np.array([0.5, 0, 0])}, "float32"),
        ({"threshold": np.array([0.5, 0], np.float32)}, "an entry for each of 3 nodes"),
        ({"threshold": np.array([0.5, 0, 0], ">f4")}, "float32"),
        ({"missing_left": np.array([2, 0, 0], np.uint8)}, "0 or 1"),
        ({"value": np.array([0, np.nan, 1])}, "finite"),
        ({"value": np.array([0, 1, 2], np.float32)}, "float64"),
        ({"cover": np.array([3.0, -1, 2])}, "from 0"),
        ({"offset": np.array([0, 2], np.int64)}, "rising"),
        ({"offset": np.array([0], np.int64)}, "rising"),
        ({"offset": np.array([], np.int64)}, "rising"),
        ({"offset": np.array([0, 0, 3], np.int64)}, "rising"),
        ({"offset": np.array([0, 5, 3], np.int64)}, "rising"),
        ({"offset": np.array([0, 1, 3], np.int64)}, "level order"),
        ({"offset": np.array([-(2**63), 3], np.int64)}, "rising"),
        ({"feature": "none"}, "feature"),
    ],
)
def test_what_is_no_tree_is_refused(changes: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(BundleInvalid, match=words):
        Trees.from_arrays(with_change(**changes), width=2)


def chain(depth: int) -> Trees:
    """A tree whose left children are leaves and whose right children go on."""
    nodes = 2 * depth + 1
    feature = np.full(nodes, LEAF, np.int32)
    feature[0] = 0
    feature[2 : nodes - 1 : 2] = 0
    zeros = np.zeros(nodes)
    value = np.arange(nodes, dtype=np.float64)
    return Trees(
        1, feature, zeros.astype(np.float32), zeros.astype(np.uint8), value, zeros, np.array([0, nodes])
    )


def test_a_tree_may_be_deep_but_not_without_bound() -> None:
    deepest = chain(MOST_DEPTH)

    assert deepest.walk()[3].tolist() == [MOST_DEPTH]
    assert deepest.sum_many(np.array([[1.0], [0.0]])).tolist() == [2 * MOST_DEPTH, 1]
    with pytest.raises(BundleInvalid, match="deep"):
        chain(MOST_DEPTH + 1)


def test_a_threshold_between_two_floats_is_rounded_down() -> None:
    tenth = round_down([0.1, 0.5, -0.1, 1e300, -1e300])

    assert float(tenth[0]) <= 0.1 < float(np.nextafter(tenth[0], np.float32(1)))
    assert float(tenth[1]) == 0.5
    assert float(tenth[2]) <= -0.1 < float(np.nextafter(tenth[2], np.float32(1)))
    assert tenth[3] == np.finfo(np.float32).max
    assert tenth[4] == -np.inf


def test_level_order_goes_down_level_by_level() -> None:
    left = np.array([1, 2, -1, -1, 5, -1, -1])
    right = np.array([4, 3, -1, -1, 6, -1, -1])

    assert level_order(left, right).tolist() == [0, 1, 4, 2, 3, 5, 6]
