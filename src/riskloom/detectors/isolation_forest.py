"""Isolation forest: what a few random cuts set apart is strange. scikit-learn grows it, our loops score it.

References
----------
F. T. Liu, K. M. Ting, Z.-H. Zhou, "Isolation Forest", IEEE International Conference on Data Mining, 2008,
doi:10.1109/ICDM.2008.17.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from riskloom.detectors.base import (
    Arrays,
    Floats,
    Holdout,
    Progress,
    as_row,
    as_rows,
    check_seed,
    check_training_matrix,
    pop_single,
    read_arrays,
    silent,
)
from riskloom.detectors.tree_contributions import TreeContributions, explain_trees
from riskloom.detectors.tree_kernel import Look, Walk, isolation_one, isolation_rows
from riskloom.detectors.trees import FIELDS, LEAF, MOST_FEATURES, Trees, level_order, round_down
from riskloom.errors import BundleInvalid, DataInvalid, ExtraMissing, Fault, show
from riskloom.params import Constraint, Value, validate

_TREES_A_STEP = 25
_LONGEST_PATH = 1_000.0
_OWN_FIELDS: dict[str, type[np.generic]] = {"width": np.int64, "normaliser": np.float64}


@dataclass(frozen=True, slots=True, eq=False)
class IsolationForest:
    """A fitted forest. Its score goes from 0.5 and less, where everybody is, towards 1 for what stands alone.

    The score is minus scikit-learn's ``score_samples``. Missing values (NaN) follow its rule too: a node that
    met some in training drew a side for them by chance, any other sends them where more training rows went.
    Nothing is filled in. Infinities are compared like numbers.

    Parameters
    ----------
    trees
        Each leaf holds its depth plus the usual path length among as many rows as it held in training.
    normaliser
        Trees times the usual path length among the rows a tree was grown on; 0 when it was one row.
    """

    kind: ClassVar[str] = "isolation_forest"
    SUPERVISED: ClassVar[bool] = False
    ADDITIVE: ClassVar[str] = "path_length"
    PARAMETERS: ClassVar[tuple[Constraint, ...]] = (
        Constraint("trees", "integer", 200, "How many trees are grown.", minimum=1, maximum=1_000),
        Constraint(
            "max_samples",
            "integer",
            256,
            "How many rows each tree sees, or all when there are fewer.",
            minimum=2,
            maximum=16_384,
        ),
        Constraint(
            "max_features",
            "number",
            1.0,
            "The share of the features that each tree sees, at least one feature.",
            above=0,
            maximum=1,
        ),
        Constraint("bootstrap", "boolean", False, "Whether a tree may see the same row more than once."),
    )

    trees: Trees
    normaliser: float
    _look: Look = field(init=False, repr=False)
    _walk: Walk = field(init=False, repr=False)
    _shape: tuple[int] = field(init=False, repr=False)
    _explained: list[TreeContributions] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        leaves = self.trees.value[self.trees.feature == LEAF]
        if leaves.min() < 0 or leaves.max() > _LONGEST_PATH:
            raise BundleInvalid(f"isolation_forest.value: expected path lengths from 0 to {_LONGEST_PATH:g}.")
        if not 0 <= self.normaliser <= len(self.trees) * _LONGEST_PATH:
            raise BundleInvalid("isolation_forest.normaliser: expected the sum of usual path lengths.")
        object.__setattr__(self, "_look", self.trees.look()[0])
        object.__setattr__(self, "_walk", self.trees.walk())
        object.__setattr__(self, "_shape", (self.trees.width,))
        object.__setattr__(self, "_explained", [])

    @property
    def width(self) -> int:
        """How many features a vector has."""
        return self.trees.width

    @classmethod
    def fit(
        cls,
        X: Floats,
        *,
        seed: int,
        parameters: Mapping[str, object] | None = None,
        labels: Floats | None = None,
        holdout: Holdout | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Grow a forest on rows of feature vectors, NaN for missing.

        Parameters
        ----------
        X
            float64[n, F], n >= 1. Values are used as float32; what is larger counts as the largest float32.
        progress
            Called with (trees grown, trees in all).

        Raises
        ------
        ParameterInvalid, DataInvalid
            For parameters out of range, and for anything that is not such a matrix.
        ExtraMissing
            When scikit-learn is not installed.
        """
        settings = validate(parameters, cls.PARAMETERS)
        check_seed(seed)
        check_training_matrix(X, most_features=MOST_FEATURES)
        forest = _grow(_as_float32(X), settings, seed, progress or silent)
        return cls(*_converted(forest))

    def score_one(self, x: Floats) -> float:
        """The anomaly score of one vector float64[F]; O(trees * depth), reads nothing else and keeps nothing.

        Raises
        ------
        DataInvalid
            When the vector has another shape.
        """
        row = np.array(x, np.float64)
        if row.shape != self._shape:
            as_row(x, self.width)  # says what is wrong
        return float(isolation_one(row, self._look, self._walk, self.normaliser))

    def score_many(self, X: Floats) -> Floats:
        """The anomaly scores float64[n] of rows float64[n, F]: the loop of `score_one`, the GIL released.

        Raises
        ------
        DataInvalid
            When the rows have another width.
        """
        rows = as_rows(X, self.width)
        out = np.empty(rows.shape[0], np.float64)
        isolation_rows(rows, self._look, self._walk, self.normaliser, out)
        return out

    def contributions_one(self, x: Floats) -> tuple[float, Floats]:
        """(base, parts float64[F]): what each feature adds to the base to make minus the mean path; exact.

        The shorter the paths, the higher the score: a part above 0 makes the row more suspicious. The first
        call prepares tables of the size of the forest.

        Raises
        ------
        DataInvalid
            When the vector has another shape.
        """
        explained = self._contributions()
        return -explained.base / len(self.trees), explained.one(as_row(x, self.width)) / -len(self.trees)

    def contributions_many(self, X: Floats) -> tuple[float, Floats]:
        """(base, parts float64[n, F]) of rows float64[n, F]: bit for bit those of `contributions_one`."""
        explained = self._contributions()
        return -explained.base / len(self.trees), explained.many(as_rows(X, self.width)) / -len(self.trees)

    def _contributions(self) -> TreeContributions:
        if not self._explained:
            self._explained.append(explain_trees(self.trees))
        return self._explained[0]

    def arrays(self) -> Arrays:
        """The forest as plain arrays, for a bundle."""
        own: Arrays = {
            "width": np.array([self.width], np.int64),
            "normaliser": np.array([self.normaliser], np.float64),
        }
        return own | self.trees.arrays()

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The forest back from `arrays()`.

        Raises
        ------
        BundleInvalid
            When they are not the arrays of a forest; nothing hostile passes.
        """
        read = read_arrays(arrays, FIELDS | _OWN_FIELDS, "isolation_forest")
        width, normaliser = pop_single(read, "isolation_forest", "width", "normaliser")
        return cls(Trees(width, **read, branches=None), normaliser)


def warm_up(progress: Callable[[str], None] | None = None) -> None:
    """Compile the scoring loops or load them from numba's cache; says so first, since cold takes seconds."""
    if progress:
        progress("compiling the scoring of trees")
    leaf = np.zeros(1)
    trees = Trees(
        1,
        np.full(1, LEAF, np.int32),
        np.zeros(1, np.float32),
        np.zeros(1, np.uint8),
        leaf,
        leaf,
        np.array([0, 1]),
    )
    forest = IsolationForest(trees, 1.0)
    forest.score_one(np.zeros(1))
    forest.score_many(np.zeros((1, 1)))
    forest.contributions_one(np.zeros(1))


def _as_float32(X: Floats) -> npt.NDArray[np.float32]:
    """X as scikit-learn's trees see it, kept finite but for what is missing."""
    limit = np.finfo(np.float32).max
    rows = np.empty(X.shape, np.float32)
    try:
        with np.errstate(over="ignore"):
            rows[...] = X
    except (TypeError, ValueError) as cause:
        raise DataInvalid(Fault("X", "numbers", show(X.dtype))) from cause
    return np.clip(rows, -limit, limit, out=rows)


def _grow(X: npt.NDArray[np.float32], settings: Mapping[str, Value], seed: int, progress: Progress) -> Any:
    """scikit-learn's forest, grown a few trees at a time; the same trees as in one go."""
    try:
        from sklearn.ensemble import IsolationForest as Grower
    except ImportError as cause:
        raise ExtraMissing("train", "Training an isolation forest") from cause
    total = int(settings["trees"])
    forest = Grower(
        max_samples=min(int(settings["max_samples"]), X.shape[0]),
        max_features=float(settings["max_features"]),
        bootstrap=bool(settings["bootstrap"]),
        random_state=seed,
        warm_start=True,
    )
    progress(0, total)
    for grown in [*range(_TREES_A_STEP, total, _TREES_A_STEP), total]:
        forest.set_params(n_estimators=grown).fit(X)
        progress(grown, total)
    return forest


def _converted(forest: Any) -> tuple[Trees, float]:
    """Our arrays and the normaliser of a forest of scikit-learn."""
    width = int(forest.n_features_in_)
    trees = [
        _converted_tree(grown.tree_, features if len(features) < width else np.arange(width))
        for grown, features in zip(forest.estimators_, forest.estimators_features_, strict=True)
    ]
    columns = {name: np.concatenate([tree[name] for tree in trees]) for name in trees[0]}
    offset = np.cumsum([0, *(tree["feature"].size for tree in trees)], dtype=np.int64)
    usual = float(usual_path(np.array([forest.max_samples_]))[0])
    return Trees(width, **columns, offset=offset, branches=None), len(trees) * usual


def _converted_tree(tree: Any, features: npt.NDArray[Any]) -> Arrays:
    order = level_order(tree.children_left, tree.children_right)
    leaf = tree.children_left[order] < 0
    rows = tree.n_node_samples[order]
    paths = tree.compute_node_depths()[order] + usual_path(rows) - 1.0
    return {
        "feature": np.where(leaf, LEAF, features[np.where(leaf, 0, tree.feature[order])]).astype(np.int32),
        "threshold": np.where(leaf, np.float32(0), round_down(tree.threshold[order])),
        "missing_left": np.where(leaf, 0, tree.missing_go_to_left[order]).astype(np.uint8),
        "value": np.where(leaf, paths, 0.0),
        "cover": tree.weighted_n_node_samples[order].astype(np.float64),  # a row drawn twice counts twice
    }


def usual_path(rows: npt.NDArray[Any]) -> Floats:
    """The mean path of an unsuccessful search in a binary tree of so many rows; equation 1 of the paper."""
    n = np.maximum(rows.astype(np.float64), 2.0)
    path = 2.0 * (np.log(n - 1.0) + np.euler_gamma) - 2.0 * (n - 1.0) / n
    return np.where(rows <= 1, 0.0, np.where(rows == 2, 1.0, path))
