"""Half-space trees: where few of the latest rows fell is strange. Learns row by row, without a library.

References
----------
S. C. Tan, K. M. Ting, F. T. Liu, "Fast Anomaly Detection for Streaming Data", International Joint Conference
on Artificial Intelligence, 2011, doi:10.5591/978-1-57735-516-8/IJCAI11-254.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
from riskloom.detectors.half_space_kernel import learn_rows, surprise_one, surprise_rows
from riskloom.detectors.served import Served
from riskloom.detectors.standardise import LARGEST, filled
from riskloom.errors import BundleInvalid
from riskloom.params import Constraint, validate

MOST_FEATURES = 32_767
MOST_TREES = 500
MOST_DEPTH = 15
MOST_ROWS = 1_000_000
TAIL = 0.03

_CHUNK = 8_192
_FIELDS: dict[str, type[np.generic]] = {
    "fill": np.float64,
    "cut": np.float64,
    "by": np.int32,
    "mass": np.int32,
    "latest": np.int32,
    "seen": np.int64,
    "trees": np.int64,
    "window": np.int64,
}


@dataclass(frozen=True, slots=True, eq=False)
class HalfSpaceTrees(Served):
    """Trees that halve the space blindly, and how many of the last full window's rows fell on each side.

    Each tree draws a range for every feature around that of training, and at each node a feature, whose range
    there is cut in the middle. A row goes down until a node holds at most a tenth of the window's rows, or
    the depth ends; that node's share of the rows times 2**level says how dense the place is. The score is
    minus the logarithm (base 2) of the mean density over trees: 0 where rows are spread evenly, higher in
    emptier places, at most ``log2(trees * rows)``. It ranks as the paper's sum does, turned round. (river's
    `HalfSpaceTrees` adds up every node on the way down, not the last one alone, and cuts at random instead
    of in the middle: its values and ties differ, its ranks much less.)

    A missing value (NaN) counts as the median that the feature had in training, and what is beyond the
    largest float32 as that.

    **Learning.** `learn_one` counts a row into the window that is filling; once that holds `window` rows, it
    becomes the profile that scores, and an empty one begins. So the profile follows what is usual, at most
    two windows behind. `fit` does that over the history in its order. A bundle freezes the profile: what
    is served from it never learns. Learning is for whoever owns the model, a stream, and is not
    for use from two threads, or while another one scores.

    Parameters
    ----------
    fill
        float64[F]: what stands for a missing value.
    cut, by
        float64[T * (2**depth - 1)] and int32: value and feature of each inner node, tree after tree, level
        after level. A row goes right if its value is above the cut.
    mass, latest
        int32[T * (2**(depth + 1) - 1)]: how many rows of the profile, and of the window that is filling,
        reached each node.
    seen
        int64[2]: how many rows are in `latest`, and in `mass`.
    trees, window
        T, and how many rows make a profile.
    """

    kind: ClassVar[str] = "half_space_trees"
    SUPERVISED: ClassVar[bool] = False
    PARAMETERS: ClassVar[tuple[Constraint, ...]] = (
        Constraint("trees", "integer", 50, "How many trees there are.", minimum=1, maximum=MOST_TREES),
        Constraint(
            "depth", "integer", 10, "How often a tree halves the space.", minimum=1, maximum=MOST_DEPTH
        ),
        Constraint(
            "window",
            "integer",
            1_000,
            "How many rows make a profile, which the next as many replace; fewer follow changes faster.",
            minimum=10,
            maximum=MOST_ROWS,
        ),
    )

    fill: Floats
    cut: Floats
    by: npt.NDArray[np.int32]
    mass: npt.NDArray[np.int32]
    latest: npt.NDArray[np.int32]
    seen: npt.NDArray[np.int64]
    trees: int
    window: int

    def __post_init__(self) -> None:
        _check(self)
        tables = (self.fill.copy(), self.cut.copy(), self.by.copy(), self.mass, self.seen, self.trees)
        self._serve(self.fill.size, surprise_one, surprise_rows, *tables)
        self._close("fill", "cut", "by")

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
        """Draw trees around the rows of X float64[n, F], NaN for missing, and learn these in their order.

        With fewer rows than a window, those there are make the first profile.

        Parameters
        ----------
        progress
            Called with (rows learned, rows in all).

        Raises
        ------
        ParameterInvalid, DataInvalid
            For parameters out of range, and for anything that is not such a matrix.
        """
        settings = validate(parameters, cls.PARAMETERS)
        check_seed(seed)
        check_training_matrix(X, most_features=MOST_FEATURES)
        rows, fill = filled(X)
        trees, depth = int(settings["trees"]), int(settings["depth"])
        by, cut = _drawn(rows, trees, depth, seed)
        mass, latest = np.zeros((2, trees * (2 ** (depth + 1) - 1)), np.int32)
        seen = np.zeros(2, np.int64)
        made = (fill, cut, by, mass, latest, seen, trees, int(settings["window"]))
        (progress or silent)(0, len(rows))
        for begin in range(0, len(rows), _CHUNK):
            learn_rows(rows[begin : begin + _CHUNK], *made)
            (progress or silent)(min(begin + _CHUNK, len(rows)), len(rows))
        if not seen[1]:
            mass[:] = latest
            seen[1] = seen[0]
        return cls(*made)

    def learn_one(self, x: Floats) -> None:
        """Count one vector float64[F] into the window that is filling; O(trees * depth).

        Raises
        ------
        DataInvalid
            When the vector has another shape.
        """
        self._learn(as_row(x, self.width)[None])

    def learn_many(self, X: Floats) -> None:
        """Count rows float64[n, F] in their order, as `learn_one` would one after another.

        Raises
        ------
        DataInvalid
            When the rows have another width.
        """
        self._learn(as_rows(X, self.width))

    def _learn(self, rows: Floats) -> None:
        fill, cut, by, mass, seen, trees = self._tables
        learn_rows(rows, fill, cut, by, mass, self.latest, seen, trees, self.window)

    def arrays(self) -> Arrays:
        """Trees and masses as plain arrays, for a bundle: a copy of how they are now."""
        own: Arrays = {"trees": np.array([self.trees]), "window": np.array([self.window])}
        state: Arrays = {name: getattr(self, name).copy() for name in ("mass", "latest", "seen")}
        return {name: getattr(self, name) for name in ("fill", "cut", "by")} | state | own

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The model back from `arrays()`; it goes on learning where that one was.

        Raises
        ------
        BundleInvalid
            When they are not the arrays of such trees; nothing hostile passes.
        """
        read = read_arrays(arrays, _FIELDS, cls.kind)
        trees, window = pop_single(read, cls.kind, "trees", "window")
        return cls(**read, trees=trees, window=window)


def warm_up(progress: Callable[[str], None] | None = None) -> None:
    """Compile the loops or load them from numba's cache; says so first, since cold takes seconds."""
    if progress:
        progress("compiling the scoring of half-space trees")
    model = HalfSpaceTrees.fit(np.zeros((1, 1)), seed=0, parameters={"trees": 1, "depth": 1})
    model.score_one(np.zeros(1))
    model.score_many(np.zeros((1, 1)))


def _drawn(rows: Floats, trees: int, depth: int, seed: int) -> tuple[npt.NDArray[np.int32], Floats]:
    """(feature, cut) of every inner node: the middle of what is left of the feature's range there."""
    chance = np.random.default_rng(seed)
    low, high = _ranges(rows, trees, chance)
    by = chance.integers(0, rows.shape[1], (trees, 2**depth - 1), np.int32)
    cut = np.empty(by.shape)
    tree = np.arange(trees)[:, None]
    for level in range(depth):
        nodes = np.arange(2**level - 1, 2 ** (level + 1) - 1)
        feature = by[:, nodes]
        lower, upper = low[tree, feature], high[tree, feature]
        for above in range(level):
            ancestor = ((nodes + 1) >> (level - above)) - 1
            went_right = ((nodes + 1) >> (level - above - 1)) & 1 == 1
            same = by[:, ancestor] == feature
            lower = np.where(same & went_right, cut[:, ancestor], lower)
            upper = np.where(same & ~went_right, cut[:, ancestor], upper)
        cut[:, nodes] = lower + (upper - lower) / 2
    return by.ravel(), cut.ravel()


def _ranges(rows: Floats, trees: int, chance: np.random.Generator) -> tuple[Floats, Floats]:
    """(lowest, highest) float64[T, F]: the paper's ranges, each around a point drawn within training's.

    That of training goes from its 3 % to its 97 % quantile, or over all values when those are equal, and is
    taken as 1 wide where there is but one value.
    """
    low = np.quantile(rows, TAIL, axis=0, method="lower")
    high = np.quantile(rows, 1 - TAIL, axis=0, method="higher")
    alike = low == high
    low[alike], high[alike] = rows[:, alike].min(axis=0), rows[:, alike].max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    point = chance.random((trees, rows.shape[1]))
    reach = 2.0 * np.maximum(point, 1.0 - point)
    return low + span * (point - reach), low + span * (point + reach)


def _check(made: HalfSpaceTrees) -> None:
    """Refuse arrays that the loops could read or write outside of, and counts that are none."""
    what, width, trees = made.kind, made.fill.size, made.trees
    if not 1 <= width <= MOST_FEATURES or not (np.abs(made.fill) <= LARGEST).all():
        raise BundleInvalid(f"{what}.fill: expected 1 to {MOST_FEATURES} numbers within those of float32.")
    sizes = [trees * (2**depth - 1) for depth in range(1, MOST_DEPTH + 1)]
    if not 1 <= trees <= MOST_TREES or made.cut.size not in sizes or made.by.size != made.cut.size:
        raise BundleInvalid(
            f"{what}.cut: expected 1 to {MOST_TREES} full trees of at most {MOST_DEPTH} levels."
        )
    if np.isnan(made.cut).any() or not ((made.by >= 0) & (made.by < width)).all():
        raise BundleInvalid(f"{what}.by: expected one of {width} features and a number at every node.")
    if made.seen.size != 2 or not 1 <= made.window <= MOST_ROWS:
        raise BundleInvalid(f"{what}.seen: expected two counts, and a window of 1 to {MOST_ROWS:,} rows.")
    latest, rows = made.seen.tolist()
    if not 0 <= latest < made.window or not 1 <= rows <= made.window:
        raise BundleInvalid(f"{what}.seen: expected counts of at most the window, the second at least 1.")
    for name, count in (("mass", rows), ("latest", latest)):
        _check_counts(f"{what}.{name}", getattr(made, name), made.cut.size // trees, trees, count)


def _check_counts(what: str, mass: npt.NDArray[np.int32], inner: int, trees: int, count: int) -> None:
    """Every root counts all the rows, every other node its part of what its parent has."""
    if mass.size != trees * (2 * inner + 1) or mass.min() < 0:
        raise BundleInvalid(f"{what}: expected a count for each of {2 * inner + 1} nodes of {trees} trees.")
    by_tree = mass.reshape(trees, -1).astype(np.int64)
    halves = by_tree[:, 1::2] + by_tree[:, 2::2]
    if (by_tree[:, 0] != count).any() or (halves != by_tree[:, :inner]).any():
        raise BundleInvalid(f"{what}: expected counts that add up to {count} rows in each tree.")
