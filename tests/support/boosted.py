"""Rows that are hard on trees: gaps, zeros, huge and tiny values, strange categories; and random trees."""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import Any

import numpy as np

from riskloom.detectors.trees import LEAF, NEAR_ZERO, Trees

WIDTH = 7
CATEGORIES = "1, 4"
AWKWARD = np.array(
    [
        *(np.nan, 0, -0.0, 1e-36, -1e-36, NEAR_ZERO, -NEAR_ZERO, 1e-34, -0.5, -1, -2, 0.5, 1 - 1e-12),
        *(59, 60, 61, 63, 64, 1e5, 2.0**24, 2.0**31, 3e9, 1e30, -1e30),
    ]
)


def lessons(seed: int, rows: int = 1_500) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose columns 1 (60 codes) and 4 (5 codes) may be categories, and labels that depend on them."""
    chance = np.random.default_rng(seed)
    X = chance.normal(size=(rows, WIDTH))
    X[:, 1] = chance.integers(0, 60, rows)
    X[:, 2] = np.where(chance.random(rows) < 0.4, 0, np.round(X[:, 2], 1))
    X[:, 3] *= 10.0 ** chance.integers(-40, 40, rows)
    X[:, 4] = chance.integers(0, 5, rows)
    X[:, 5] = np.exp(X[:, 5])
    X[chance.random(rows) < 0.3, 6] = np.nan
    for column in (0, 1):
        X[chance.random(rows) < 0.1, column] = np.nan
    by_code = (np.nan_to_num(X[:, 1]) % 3 == 0) & (chance.random(rows) < 0.5)
    by_gap = np.isnan(X[:, 6]) & (chance.random(rows) < 0.3)
    fraud = by_code | by_gap | (X[:, 4] == 2) & (X[:, 0] > 1) | (chance.random(rows) < 0.02)
    return X, fraud.astype(np.float64)


def best_tree(losses: list[float], patience: int) -> int:
    """After how many trees growing stops that waits for so many of them to lower the loss."""
    best = 0
    for at, loss in enumerate(losses):
        if loss < losses[best]:
            best = at
        elif at - best >= patience:
            return best + 1
    raise AssertionError("the losses never stop falling")


def awkward(X: np.ndarray, trees: Trees, seed: int = 0) -> np.ndarray:
    """The rows, rows with awkward values in them, and rows at and next to thresholds of the trees."""
    chance = np.random.default_rng(seed)
    mixed = X[chance.integers(0, len(X), 400)].copy()
    places = chance.random(mixed.shape) < 0.3
    mixed[places] = chance.choice(AWKWARD, places.sum())
    plain = trees.feature != LEAF
    if trees.branches:
        plain &= ~trees.branches.by_code
    nodes = chance.choice(np.flatnonzero(plain), 300)
    near = chance.normal(size=(300, X.shape[1]))
    at = np.clip(trees.threshold[nodes].astype(np.float64), -1e38, 1e38)
    next_narrow = np.nextafter(at.astype(np.float32), np.float32(np.inf)).astype(np.float64)
    choices = np.stack([at, np.nextafter(at, np.inf), np.nextafter(at, -np.inf), next_narrow])
    near[np.arange(300), trees.feature[nodes]] = choices[chance.integers(0, 4, 300), np.arange(300)]
    return np.vstack([X, mixed, near])


def goes_right(trees: Trees, node: int, x: np.ndarray) -> bool:
    """What a node decides, by the words of `Trees` and `Branches`."""
    value = trees.threshold.dtype.type(x[trees.feature[node]])
    wide, branches = trees.threshold.dtype == np.float64, trees.branches
    if wide and abs(value) <= NEAR_ZERO:
        value = value * 0
    if np.isnan(value) or (branches and branches.zero_missing[node] and value == 0):
        return not trees.missing_left[node]
    if branches and branches.by_code[node]:
        listed = branches.code[branches.code_start[node] : branches.code_start[node + 1]]
        return bool(value <= -1 or (value < 0 and not wide) or np.trunc(value) not in listed)
    return bool(value > trees.threshold[node])


def expected(trees: Trees, x: np.ndarray, known: frozenset[int]) -> float:
    """The mean leaf sum of a row of which some features are known, by the covers."""

    def below(tree: int, node: int) -> float:
        if trees.feature[node] == LEAF:
            return float(trees.value[node])
        begin = int(trees.offset[tree])
        left = begin + 1 + 2 * int((trees.feature[begin:node] != LEAF).sum())
        if int(trees.feature[node]) in known:
            return below(tree, left + goes_right(trees, node, x))
        cover = trees.cover[left], trees.cover[left + 1]
        share = cover[0] / sum(cover) if sum(cover) else 0.5
        return float(share * below(tree, left) + (1 - share) * below(tree, left + 1))

    return sum(below(tree, int(trees.offset[tree])) for tree in range(len(trees)))


def shapley(trees: Trees, x: np.ndarray) -> tuple[float, np.ndarray]:
    """(base, parts) by Shapley's definition, over all subsets of the features."""
    features = range(trees.width)
    worth = {
        frozenset(known): expected(trees, x, frozenset(known))
        for size in range(trees.width + 1)
        for known in combinations(features, size)
    }
    parts = np.zeros(trees.width)
    for known, value in worth.items():
        for feature in set(features) - known:
            weight = factorial(len(known)) * factorial(trees.width - len(known) - 1) / factorial(trees.width)
            parts[feature] += weight * (worth[known | {feature}] - value)
    return worth[frozenset()], parts


def random_trees(
    seed: int,
    *,
    width: int = 4,
    trees: int = 3,
    deepest: int = 6,
    zero_missing: bool = False,
    codes: bool = False,
) -> Trees:
    """Trees of any shape that ask about the same features again and again; feature 0 may be a category."""
    chance = np.random.default_rng(seed)
    columns: dict[str, list[Any]] = {name: [] for name in ("feature", "threshold", "cover", "listed")}
    offset = [0]
    for _ in range(trees):
        level = 1
        for depth in range(deepest + 1):
            inner = (chance.random(level) < (0.8 if depth else 1.0)) & (depth < deepest)
            for is_inner in inner:
                feature = int(chance.integers(width)) if is_inner else LEAF
                asks = codes and feature == 0
                columns["feature"].append(feature)
                columns["threshold"].append(chance.choice([-0.5, 0.0, 0.5]) if is_inner and not asks else 0)
                columns["cover"].append(chance.integers(1, 9))
                columns["listed"].append(np.flatnonzero(chance.random(6) < 0.5) if asks else [])
                if asks and not len(columns["listed"][-1]):
                    columns["listed"][-1] = [3]
            level = 2 * int(inner.sum())
            if not level:
                break
        offset.append(len(columns["feature"]))
    feature = np.array(columns["feature"], np.int32)
    nodes, inner = feature.size, feature != LEAF
    arrays: dict[str, Any] = {
        "feature": feature,
        "threshold": np.array(columns["threshold"], np.float64),
        "missing_left": (inner & (chance.random(nodes) < 0.5)).astype(np.uint8),
        "value": np.where(inner, 0, chance.normal(size=nodes)),
        "cover": np.array(columns["cover"], np.float64),
        "offset": np.array(offset),
        "zero_missing": (inner & (feature > 0) & zero_missing & (chance.random(nodes) < 0.5)).astype(
            np.uint8
        ),
        "code_start": np.cumsum([0, *map(len, columns["listed"])]),
        "code": np.concatenate([*columns["listed"], []]).astype(np.int32),
    }
    return Trees.from_arrays(arrays, width=width, threshold_type=np.float64)


def random_rows(seed: int, rows: int, width: int = 4) -> np.ndarray:
    """Rows for `random_trees`: values about their thresholds, zeros, gaps and codes."""
    choices = [-2, -1, -0.5, -0.1, 0, 0.3, 0.5, 1, 2, 3, 4, 5, 6, 80, np.nan, np.inf, -np.inf]
    return np.random.default_rng(seed).choice(choices, (rows, width))
