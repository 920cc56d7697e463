"""The one array layout of additive trees, whatever library grew them, and its checks.

The nodes of all trees lie one after another, each tree in level order: the root, its two children, the
children of those from left to right, and so on. So the k-th inner node of a tree (k from 0) has its children
at places 1 + 2k and 2 + 2k of that tree, and the shape needs no child indices that could point astray: which
nodes are leaves says everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.detectors import tree_branches
from riskloom.detectors.base import Arrays, Floats, read_arrays
from riskloom.detectors.tree_branches import Branches
from riskloom.detectors.tree_kernel import Look, Sets, Walk, margin_rows
from riskloom.errors import BundleInvalid

MOST_FEATURES = 32_767
MOST_NODES = 2**31 - 1
MOST_DEPTH = 512
LEAF = -1
NEAR_ZERO = float(np.float32(1e-35))
"""LightGBM takes what is at most so far away from zero for zero."""


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """Additive trees over `width` features; N nodes, T trees. Checked when made, its arrays are read-only.

    The type of `threshold` says how values are read. In float32 they are rounded to it first, and a category
    is a value from 0 on without its fraction, as scikit-learn and XGBoost read them. In float64 they are
    compared as they are, those within `NEAR_ZERO` of zero are zero, and a category is what remains when the
    fraction is cut off, so that -0.5 is 0: LightGBM's reading.

    Parameters
    ----------
    feature
        int32[N]: the feature an inner node asks about, `LEAF` (-1) at a leaf.
    threshold
        float32[N] or float64[N]: right when the value is above it; 0 at a leaf and at nodes that list
        categories. Infinity sends every value left. Use `round_down` to bring float64 ones to float32.
    missing_left
        uint8[N]: 1 where a missing value goes left, 0 where it goes right.
    value
        float64[N] or float32[N]: what a leaf adds, summed in that width; 0 at an inner node.
    cover
        float64[N]: how much of the training data reached the node; explanations weigh by it.
    offset
        int64[T + 1]: where each tree begins, and N.
    branches
        The nodes that ask for categories or take zero for missing; None when there are none.

    Raises
    ------
    BundleInvalid
        When the arrays are not trees: they may come from anybody, and the kernels check nothing.
    """

    width: int
    feature: npt.NDArray[np.int32]
    threshold: npt.NDArray[Any]
    missing_left: npt.NDArray[np.uint8]
    value: npt.NDArray[Any]
    cover: Floats
    offset: npt.NDArray[np.int64]
    branches: Branches | None = None

    def __post_init__(self) -> None:
        _check_sizes(self)
        _check_shape(self)
        _check_values(self)
        if self.branches:
            self.branches.check(self.feature, LEAF)
            _check_zeros(self, self.branches)
        for array in self.arrays().values():
            array.setflags(write=False)

    def __len__(self) -> int:
        """How many trees there are."""
        return self.offset.size - 1

    def arrays(self) -> Arrays:
        """The arrays by name; `from_arrays` reads them."""
        own: Arrays = {name: getattr(self, name) for name in FIELDS}
        return own | (self.branches.arrays() if self.branches else {})

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, npt.NDArray[Any]],
        *,
        width: int,
        value_type: type[np.floating[Any]] = np.float64,
        threshold_type: type[np.floating[Any]] = np.float32,
    ) -> Trees:
        """The trees back from `arrays()`, copied and checked; leaves are summed in `value_type`."""
        types = FIELDS | {"value": value_type, "threshold": threshold_type}
        branching = bool(set(tree_branches.FIELDS) & set(arrays))
        read = read_arrays(arrays, types | (tree_branches.FIELDS if branching else {}), "trees")
        branches = Branches(*(read.pop(name) for name in tree_branches.FIELDS)) if branching else None
        return cls(width, **read, branches=branches)

    def first(self, count: int) -> Trees:
        """The first so many of the trees."""
        end = int(self.offset[count])
        own = {name: getattr(self, name)[:end] for name in FIELDS if name != "offset"}
        branches = self.branches.first(end) if self.branches else None
        return Trees(self.width, **own, offset=self.offset[: count + 1], branches=branches)

    def look(self) -> tuple[Look, Sets | None]:
        """What each node asks, as the kernels read it; explained in `tree_kernel`."""
        inner, branches = self.feature != LEAF, self.branches
        wide = self.threshold.dtype == np.float64
        near_zero, least = (NEAR_ZERO, float(np.nextafter(-1.0, 0.0))) if wide else (-1.0, 0.0)
        views = 4 if branches and branches.zero_missing.any() else 2
        places = views * self.width + 1
        side = np.where(inner, self.feature, places - 1)
        side += np.where(inner & (self.missing_left == 0), self.width, 0)
        threshold = np.where(inner, self.threshold, self.threshold.dtype.type(np.inf))
        if branches:
            side += np.where(branches.zero_missing, 2 * self.width, 0)
        answers = branches.answers(self.feature, self.missing_left) if branches else None
        if not answers:
            return (near_zero, views, places, side.astype(np.uint16), threshold), None
        side[answers.node], threshold[answers.node] = places + answers.place, 0.5
        look = (near_zero, views, places + answers.places, side.astype(np.uint32), threshold)
        return look, (least, *answers.tables)

    def walk(self) -> Walk:
        """The shape and the leaves, as the kernels read them."""
        child = children(self).astype(np.int32)
        return child, self.value.copy(), self.offset[:-1].astype(np.int32), _depths(self)

    def sum_many(self, X: Floats, start: float = 0.0) -> npt.NDArray[Any]:
        """`start` plus the leaves that each row of X float64[n, width] reaches, in the width of `value`.

        Leaves are added in the order of the trees. NaN is missing; infinities are values like any other.
        """
        out = np.empty(X.shape[0], self.value.dtype)
        margin_rows(X, *self.look(), self.walk(), self.value.dtype.type(start), out)
        return out


FIELDS: dict[str, type[np.generic]] = {
    "feature": np.int32,
    "threshold": np.float32,
    "missing_left": np.uint8,
    "value": np.float64,
    "cover": np.float64,
    "offset": np.int64,
}


def round_down(threshold: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """The largest float32 that is not above each float64 threshold.

    For every float32 x, ``x > threshold`` is then ``x > round_down(threshold)``.
    """
    exact = np.asarray(threshold, np.float64)
    with np.errstate(over="ignore", under="ignore"):
        near = exact.astype(np.float32)
        below = np.nextafter(near, np.float32(-np.inf))
    return np.where(near > exact, below, near)


def level_order(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The nodes of one tree in level order, from child indices (negative at a leaf, the root is 0)."""
    level = np.zeros(1, np.int64)
    levels = [level]
    while (inner := level[left[level] >= 0]).size:
        level = np.column_stack((left[inner], right[inner])).ravel().astype(np.int64)
        levels.append(level)
    return np.concatenate(levels)


def children(trees: Trees) -> npt.NDArray[np.int64]:
    """The left child of each node, itself at a leaf."""
    inner = trees.feature != LEAF
    begin = np.repeat(trees.offset[:-1], np.diff(trees.offset))
    inner_before = np.concatenate(([0], np.cumsum(inner)))
    rank = inner_before[:-1] - inner_before[begin]
    here = np.arange(inner.size, dtype=np.int64)
    return np.where(inner, begin + 1 + 2 * rank, here)


def _depths(trees: Trees) -> npt.NDArray[np.int32]:
    """The longest way down each tree; refuses more than MOST_DEPTH steps."""
    child = children(trees)
    depth = np.zeros(len(trees), np.int32)
    level = trees.offset[:-1]
    for step in range(MOST_DEPTH + 1):
        depth[np.searchsorted(trees.offset, level, "right") - 1] = step
        level = level[trees.feature[level] != LEAF]
        if not level.size:
            return depth
        level = np.concatenate((child[level], child[level] + 1))
    raise BundleInvalid(f"trees: expected trees at most {MOST_DEPTH} deep.")


def _check_sizes(trees: Trees) -> None:
    nodes = trees.feature.size
    if not 1 <= trees.width <= MOST_FEATURES:
        raise BundleInvalid(f"trees: expected 1 to {MOST_FEATURES} features, got {trees.width}.")
    for name in FIELDS:
        array = getattr(trees, name)
        if array.ndim != 1 or (name != "offset" and array.size != nodes):
            raise BundleInvalid(
                f"trees.{name}: expected an entry for each of {nodes} nodes, got {array.shape}."
            )
    offset = trees.offset
    covers_all = offset.size >= 2 and offset[0] == 0 and offset[-1] == nodes <= MOST_NODES
    if not covers_all or (offset[1:] <= offset[:-1]).any():
        raise BundleInvalid(f"trees.offset: expected a rising sequence from 0 to the {nodes} nodes.")


def _check_shape(trees: Trees) -> None:
    """A tree of m inner nodes has 2m + 1 nodes, and each parent lies before its children."""
    inner = trees.feature != LEAF
    if ((trees.feature < LEAF) | (trees.feature >= trees.width)).any():
        raise BundleInvalid(f"trees.feature: expected {LEAF} for a leaf or a feature below {trees.width}.")
    counts = np.add.reduceat(inner.astype(np.int64), trees.offset[:-1])
    parents_first = (children(trees) > np.arange(inner.size))[inner].all()
    if not parents_first or (np.diff(trees.offset) != 2 * counts + 1).any():
        raise BundleInvalid("trees.feature: expected whole trees in level order.")
    _depths(trees)


def _check_values(trees: Trees) -> None:
    if trees.threshold.dtype not in (np.float64, np.float32) or np.isnan(trees.threshold).any():
        raise BundleInvalid("trees.threshold: expected numbers.")
    if (trees.missing_left > 1).any():
        raise BundleInvalid("trees.missing_left: expected 0 or 1.")
    if trees.value.dtype not in (np.float64, np.float32) or not np.isfinite(trees.value).all():
        raise BundleInvalid("trees.value: expected finite numbers.")
    if not (np.isfinite(trees.cover) & (trees.cover >= 0)).all():
        raise BundleInvalid("trees.cover: expected finite numbers from 0.")


def _check_zeros(trees: Trees, branches: Branches) -> None:
    used = bool(branches.zero_missing.any())
    if used and (trees.threshold.dtype != np.float64 or trees.width > MOST_FEATURES // 2):
        raise BundleInvalid(
            f"trees.zero_missing: expected float64 thresholds and at most {MOST_FEATURES // 2} features."
        )
