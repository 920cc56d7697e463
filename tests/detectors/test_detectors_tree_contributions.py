"""What each feature adds is Shapley's value by its definition, for trees of every shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from riskloom.detectors import tree_contributions
from riskloom.detectors.tree_contributions import explain_trees
from riskloom.detectors.trees import LEAF, Trees
from support.boosted import expected, goes_right, random_rows, random_trees, shapley


@pytest.mark.parametrize("branching", [{}, {"codes": True}, {"zero_missing": True, "codes": True}])
@pytest.mark.parametrize("seed", range(4))
def test_each_part_is_its_definition(seed: int, branching: dict[str, bool]) -> None:
    trees = random_trees(seed, **branching)
    explained = explain_trees(trees, 0.25)

    for x in random_rows(seed, 12):
        base, parts = shapley(trees, x)
        assert np.allclose(explained.one(x), parts, rtol=0, atol=1e-12)
        assert explained.base == pytest.approx(base + 0.25, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_base_and_parts_make_the_sum_of_the_leaves(seed: int) -> None:
    trees = random_trees(seed, width=40, trees=20, deepest=12, zero_missing=True, codes=True)
    rows = random_rows(seed, 100, width=40)
    explained = explain_trees(trees, -1.5)

    total = explained.base + explained.many(rows).sum(axis=1)

    assert np.allclose(total, trees.sum_many(rows, -1.5), rtol=0, atol=1e-11)


@pytest.mark.parametrize("features", [1, 2, 8, 9, 16, 17, 40])
def test_ways_of_many_features_need_as_many_nodes_of_the_quadrature(features: int) -> None:
    chain = chain_over(np.arange(features))
    x = np.ones(features)

    parts = explain_trees(chain).one(x)

    assert parts.sum() == pytest.approx(
        chain.sum_many(x[None])[0] - expected(chain, x, frozenset()), abs=1e-12
    )
    if features <= 8:
        assert np.allclose(parts, shapley(chain, x)[1], rtol=0, atol=1e-12)
    else:
        assert np.allclose(parts, by_exact_integration(chain, x), rtol=0, atol=1e-11)


def chain_over(asked: np.ndarray) -> Trees:
    """A tree that goes on to the right only: each node asks one feature, a leaf hangs on its left."""
    nodes = 2 * asked.size + 1
    feature = np.full(nodes, LEAF, np.int32)
    feature[np.maximum(2 * np.arange(asked.size), 0)] = asked
    chance = np.random.default_rng(asked.size)
    return Trees(
        int(asked.max()) + 1,
        feature,
        np.zeros(nodes, np.float32),
        np.zeros(nodes, np.uint8),
        np.where(feature == LEAF, chance.normal(size=nodes), 0.0),
        chance.integers(1, 9, nodes).astype(np.float64),
        np.array([0, nodes]),
    )


def by_exact_integration(chain: Trees, x: np.ndarray) -> np.ndarray:
    """The integral of the module's formula for a chain that x follows to its end, by polynomials."""
    from numpy.polynomial import Polynomial

    count = chain.width
    share = chain.cover[2::2] / (chain.cover[1::2] + chain.cover[2::2])
    parts = np.zeros(count)
    for leaf in range(count + 1):
        last = leaf < count
        z = np.append(share[:leaf], 1 - share[leaf]) if last else share
        o = np.append(np.ones(leaf), 0.0) if last else np.ones(count)
        value = chain.value[2 * leaf + 1 if last else 2 * count]
        for j in range(z.size):
            product = Polynomial([value * (o[j] - z[j])])
            for k in range(z.size):
                if k != j:
                    product *= Polynomial([z[k], o[k] - z[k]])
            whole = product.integ()
            parts[j] += whole(1.0) - whole(0.0)
    return parts


def test_a_feature_that_is_asked_on_and_on_is_one_feature() -> None:
    chain = chain_over(np.array([0, 1, 0, 0, 1, 2, 0]))

    for x in random_rows(5, 20, width=3):
        assert np.allclose(explain_trees(chain).one(x), shapley(chain, x)[1], rtol=0, atol=1e-13)


def test_a_tree_that_is_one_leaf_belongs_to_the_base() -> None:
    leaves = Trees(
        2,
        np.array([LEAF, LEAF], np.int32),
        np.zeros(2, np.float32),
        np.zeros(2, np.uint8),
        np.array([3.0, 4.0]),
        np.zeros(2),
        np.array([0, 1, 2]),
    )

    explained = explain_trees(leaves, 1.0)

    assert explained.base == 8.0
    assert explained.one(np.array([np.nan, 1.0])).tolist() == [0.0, 0.0]


def test_where_no_training_row_came_both_ways_are_as_likely() -> None:
    trees = random_trees(1)
    nowhere = Trees.from_arrays(
        trees.arrays() | {"cover": np.zeros(trees.cover.size)}, width=4, threshold_type=np.float64
    )
    x = random_rows(1, 1)[0]

    assert np.allclose(explain_trees(nowhere).one(x), shapley(nowhere, x)[1], rtol=0, atol=1e-12)


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 70])
def test_many_rows_are_explained_bit_for_bit_as_one(count: int) -> None:
    explained = explain_trees(random_trees(3, trees=9, codes=True))
    rows = random_rows(3, count)

    many = explained.many(rows)

    assert many.shape == (count, 4)
    assert all(np.array_equal(explained.one(x), parts) for x, parts in zip(rows, many, strict=True))


def test_explaining_compiles_one_loop() -> None:
    explain_trees(random_trees(3)).one(np.zeros(4))
    explain_trees(random_trees(4, codes=True)).many(np.zeros((5, 4)))

    assert len(tree_contributions._parts_rows.signatures) == 1


def test_the_definition_here_sums_what_the_kernels_sum() -> None:
    everything = frozenset(range(4))
    for seed in range(6):
        trees: Any = random_trees(seed, codes=True, zero_missing=seed % 2 == 0)
        rows = random_rows(seed, 40)
        assert np.allclose([expected(trees, x, everything) for x in rows], trees.sum_many(rows), atol=1e-12)
        assert isinstance(goes_right(trees, 0, rows[0]), bool)
