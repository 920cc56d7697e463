"""Nodes that ask for categories or take zero for missing; arrays that are none never reach a kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from riskloom.detectors.tree_branches import CODES
from riskloom.detectors.trees import LEAF, MOST_FEATURES, Trees
from riskloom.errors import BundleInvalid

TWO_SPLITS: dict[str, Any] = {
    "feature": np.array([1, 0, LEAF, LEAF, LEAF], np.int32),
    "threshold": np.array([0.0, 0.5, 0, 0, 0]),
    "missing_left": np.array([1, 0, 0, 0, 0], np.uint8),
    "value": np.array([0, 0, 30.0, 10, 20]),
    "cover": np.array([6.0, 3, 3, 1, 2]),
    "offset": np.array([0, 5], np.int64),
    "zero_missing": np.zeros(5, np.uint8),
    "code_start": np.array([0, 3, 3, 3, 3, 3]),
    "code": np.array([0, 2, 70], np.int32),
}
"""Feature 1 in {0, 2, 70} or missing: feature 0 > 0.5 ? 20 : 10; else 30."""


def made(width: int = 2, threshold_type: type = np.float64, **changes: Any) -> Trees:
    arrays = TWO_SPLITS | changes
    arrays["threshold"] = arrays["threshold"].astype(threshold_type)
    return Trees.from_arrays(arrays, width=width, threshold_type=threshold_type)


def sums(trees: Trees, column: list[float], other: float = 0.0) -> list[float]:
    return trees.sum_many(np.column_stack((np.full(len(column), other), column))).tolist()


def test_listed_categories_go_left_and_all_others_right() -> None:
    assert sums(made(), [0, 1, 2, 3, 69, 70, 71, 1e9]) == [10, 30, 10, 30, 30, 10, 30, 30]


@pytest.mark.parametrize(("left", "leaf"), [(1, 10), (0, 30)])
def test_a_missing_category_goes_where_the_node_says(left: int, leaf: float) -> None:
    trees = made(missing_left=np.array([left, 0, 0, 0, 0], np.uint8))

    assert sums(trees, [np.nan]) == [leaf]


@pytest.mark.parametrize(("scalar", "leaf"), [(np.float32, 30), (np.float64, 10)])
def test_a_fraction_below_zero_is_no_category_in_float32_and_the_first_in_float64(
    scalar: type, leaf: float
) -> None:
    trees = made(threshold_type=scalar)

    assert sums(trees, [-0.5, -1.0, -np.inf, -0.0, 2.5]) == [leaf, 30, 30, 10, 10]


def test_a_category_is_rounded_to_the_width_of_the_thresholds_before_its_fraction_is_cut_off() -> None:
    almost = [3 - 1e-9]

    assert sums(made(threshold_type=np.float64), almost) == [10]
    assert sums(made(threshold_type=np.float32), almost) == [30]


def test_no_value_of_a_category_moves_a_leaf() -> None:
    stump = {
        "feature": np.array([0, LEAF, LEAF], np.int32),
        "code_start": np.array([0, 1, 1, 1]),
        "code": np.array([3], np.int32),
    }
    rest = {
        "threshold": np.zeros(3),
        "missing_left": np.zeros(3, np.uint8),
        "value": np.array([0.0, 1, 2]),
        "cover": np.ones(3),
        "offset": np.array([0, 3]),
        "zero_missing": np.zeros(3, np.uint8),
    }
    shallow = Trees.from_arrays(stump | rest, width=1, threshold_type=np.float64)
    chain = TWO_SPLITS | {"feature": np.array([0, 1, LEAF, LEAF, LEAF], np.int32)}
    deep = Trees.from_arrays(chain, width=2, threshold_type=np.float64)

    assert shallow.sum_many(np.array([[3.0], [4.0], [np.nan]])).tolist() == [1, 2, 2]
    assert deep.sum_many(np.array([[70.0, 9], [5, 9], [np.nan, 0]])).tolist() == [20, 30, 10]


@pytest.mark.parametrize("nodes", [1, 63, 64, 65, 130])
def test_each_node_has_its_own_answer_however_many_there_are(nodes: int) -> None:
    stumps = Trees.from_arrays(
        {
            "feature": np.tile(np.array([0, LEAF, LEAF], np.int32), nodes),
            "threshold": np.zeros(3 * nodes),
            "missing_left": np.tile(np.array([0, 0, 0], np.uint8), nodes),
            "value": np.repeat(2.0 ** (np.arange(nodes) % 50), 3) * np.tile([0, 1, 0], nodes),
            "cover": np.ones(3 * nodes),
            "offset": 3 * np.arange(nodes + 1),
            "zero_missing": np.zeros(3 * nodes, np.uint8),
            "code_start": np.repeat(np.arange(nodes + 1), [1, *[3] * nodes]),
            "code": np.arange(nodes, dtype=np.int32),
        },
        width=1,
        threshold_type=np.float64,
    )

    found = stumps.sum_many(np.arange(nodes, dtype=np.float64)[:, None])

    assert found.tolist() == (2.0 ** (np.arange(nodes) % 50)).tolist()


def test_zero_is_missing_where_a_node_says_so_and_only_there() -> None:
    feature = np.array([0, 0, LEAF, LEAF, LEAF], np.int32)
    zero_missing = np.array([1, 0, 0, 0, 0], np.uint8)
    trees = made(
        feature=feature,
        threshold=np.array([1.0, -1, 0, 0, 0]),
        zero_missing=zero_missing,
        missing_left=np.array([0, 1, 0, 0, 0], np.uint8),
        code_start=np.zeros(6, np.int64),
        code=np.zeros(0, np.int32),
    )

    assert trees.sum_many(np.array([[0.0], [1e-36], [0.5], [-2], [2], [np.nan]] * np.ones(2))).tolist() == [
        30,
        30,
        20,
        10,
        30,
        30,
    ]


def test_trees_come_back_from_their_arrays() -> None:
    trees = made()
    again = Trees.from_arrays(trees.arrays(), width=2, threshold_type=np.float64)

    assert all(np.array_equal(array, again.arrays()[name]) for name, array in trees.arrays().items())
    with pytest.raises(ValueError, match="read-only"):
        trees.arrays()["code"][0] = 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"zero_missing": np.zeros(4, np.uint8)}, "zero_missing"),
        ({"zero_missing": np.full(5, 2, np.uint8)}, "zero_missing"),
        ({"zero_missing": np.array([1, 0, 0, 0, 0], np.uint8)}, "in all its nodes"),
        ({"zero_missing": np.zeros(5, np.int64)}, "uint8"),
        ({"code_start": np.array([0, 3, 3, 3, 3])}, "code_start"),
        ({"code_start": np.array([0, 3, 3, 3, 3, 4])}, "rising"),
        ({"code_start": np.array([0, 3, 2, 3, 3, 3])}, "rising"),
        ({"code_start": np.array([1, 3, 3, 3, 3, 3])}, "rising"),
        ({"code_start": np.array([0, -(2**62), 3, 3, 3, 3])}, "rising"),
        ({"code_start": np.array([0, 2**62, 3, 3, 3, 3])}, "rising"),
        ({"code_start": np.array([0, 0, 0, 3, 3, 3])}, "in all its nodes"),
        ({"code": np.array([0, 2, 2], np.int32)}, "rising categories"),
        ({"code": np.array([2, 0, 70], np.int32)}, "rising categories"),
        ({"code": np.array([-1, 2, 70], np.int32)}, "from 0"),
        ({"code": np.array([0, 2, CODES], np.int32)}, "from 0"),
        ({"code": np.array([0, 2], np.int32)}, "rising"),
        ({"feature": np.array([0, 0, LEAF, LEAF, LEAF], np.int32)}, "in all its nodes"),
    ],
)
def test_what_are_no_branches_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(BundleInvalid, match=words):
        made(**changes)


def test_codes_may_begin_anew_in_the_next_node() -> None:
    both = made(
        feature=np.array([1, 1, LEAF, LEAF, LEAF], np.int32),
        code_start=np.array([0, 2, 4, 4, 4, 4]),
        code=np.array([0, 2, 1, 2], np.int32),
    )

    assert sums(both, [0, 1, 2]) == [20, 30, 10]


def test_zeros_are_missing_in_float64_alone_and_in_rows_that_fit_their_places() -> None:
    plain = {
        "code_start": np.zeros(6, np.int64),
        "code": np.zeros(0, np.int32),
        "zero_missing": np.array([1, 0, 0, 0, 0], np.uint8),
    }

    with pytest.raises(BundleInvalid, match="float64"):
        made(threshold_type=np.float32, **plain)
    with pytest.raises(BundleInvalid, match="at most"):
        made(width=MOST_FEATURES, **plain)


def test_more_answers_than_memory_should_hold_are_refused() -> None:
    nodes = 3_000
    huge = {
        "feature": np.tile(np.array([0, LEAF, LEAF], np.int32), nodes),
        "threshold": np.zeros(3 * nodes),
        "missing_left": np.zeros(3 * nodes, np.uint8),
        "value": np.zeros(3 * nodes),
        "cover": np.ones(3 * nodes),
        "offset": 3 * np.arange(nodes + 1),
        "zero_missing": np.zeros(3 * nodes, np.uint8),
        "code_start": np.repeat(np.arange(nodes + 1), [1, *[3] * nodes]),
        "code": np.full(nodes, CODES - 1, np.int32),
    }

    trees = Trees.from_arrays(huge, width=1, threshold_type=np.float64)
    with pytest.raises(BundleInvalid, match="at most"):
        trees.look()
