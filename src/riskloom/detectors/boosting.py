"""A boosted model as trees: what its arrays are, how it scores, and what each feature adds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from riskloom.detectors.base import Arrays, Floats, as_row, as_rows, pop_single, read_arrays
from riskloom.detectors.tree_branches import Branches
from riskloom.detectors.tree_contributions import TreeContributions, explain_trees
from riskloom.detectors.tree_kernel import Look, Sets, Walk, margin_one, margin_rows
from riskloom.detectors.trees import LEAF, Trees
from riskloom.errors import BundleInvalid

LARGEST_MARGIN = 1e30
MOST_REFITS = 2
_OWN_FIELDS: dict[str, type[np.generic]] = {"width": np.int64, "start": np.float64, "refits": np.int64}


@dataclass(frozen=True, slots=True, eq=False)
class BoostedTrees:
    """A boosted model. Its score is the log-odds of fraud (of the weighted data): the library's raw margin.

    Parameters
    ----------
    trees
        The leaves hold what each adds, learning rate included.
    start
        What the sum of the leaves begins with, in their width.
    refits
        How often training began anew with safer settings, because the model ranked worse than none.
    """

    SUPERVISED: ClassVar[bool] = True
    ADDITIVE: ClassVar[str] = "log_odds"
    kind: ClassVar[str]
    VALUE_TYPE: ClassVar[type[np.floating[Any]]]
    THRESHOLD_TYPE: ClassVar[type[np.floating[Any]]]

    trees: Trees
    start: float
    refits: int = 0
    _look: Look = field(init=False, repr=False)
    _sets: Sets | None = field(init=False, repr=False)
    _walk: Walk = field(init=False, repr=False)
    _start: Any = field(init=False, repr=False)
    _shape: tuple[int] = field(init=False, repr=False)
    _explained: list[TreeContributions] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        largest = float(np.abs(self.trees.value[self.trees.feature == LEAF]).max()) * len(self.trees)
        if not (abs(self.start) + largest <= LARGEST_MARGIN and 0 <= self.refits <= MOST_REFITS):
            raise BundleInvalid(f"{self.kind}: expected log-odds up to {LARGEST_MARGIN:g} from few fits.")
        look, sets = self.trees.look()
        made: dict[str, Any] = {
            "_look": look,
            "_sets": sets,
            "_walk": self.trees.walk(),
            "_start": self.VALUE_TYPE(self.start),
            "_shape": (self.trees.width,),
            "_explained": [],
        }
        for name, value in made.items():
            object.__setattr__(self, name, value)

    @property
    def width(self) -> int:
        """How many features a vector has."""
        return self.trees.width

    def score_one(self, x: Floats) -> float:
        """The log-odds of one vector float64[F]; O(trees * depth), reads nothing else and keeps nothing.

        Raises
        ------
        DataInvalid
            When the vector has another shape.
        """
        row = np.array(x, np.float64)
        if row.shape != self._shape:
            as_row(x, self.width)  # says what is wrong
        return float(margin_one(row, self._look, self._sets, self._walk, self._start))

    def score_many(self, X: Floats) -> Floats:
        """The log-odds float64[n] of rows float64[n, F]: the loop of `score_one`, the GIL released.

        Raises
        ------
        DataInvalid
            When the rows have another width.
        """
        rows = as_rows(X, self.width)
        out = np.empty(rows.shape[0], np.float64)
        margin_rows(rows, self._look, self._sets, self._walk, self._start, out)
        return out

    def contributions_one(self, x: Floats) -> tuple[float, Floats]:
        """(base, parts float64[F]): what each feature adds to the base to make the log-odds; exact.

        `base + parts.sum()` is the score up to rounding (xgboost's margin is a sum in float32). The first
        call prepares tables of the size of the model.
        """
        explained = self._contributions()
        return explained.base, explained.one(as_row(x, self.width))

    def contributions_many(self, X: Floats) -> tuple[float, Floats]:
        """(base, parts float64[n, F]) of rows float64[n, F]: bit for bit those of `contributions_one`."""
        explained = self._contributions()
        return explained.base, explained.many(as_rows(X, self.width))

    def arrays(self) -> Arrays:
        """The model as plain arrays, for a bundle."""
        own: Arrays = {
            "width": np.array([self.width], np.int64),
            "start": np.array([self.start], np.float64),
            "refits": np.array([self.refits], np.int64),
        }
        return own | self.trees.arrays()

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The model back from `arrays()`.

        Raises
        ------
        BundleInvalid
            When they are not the arrays of such a model; nothing hostile passes.
        """
        own = {name: arrays[name] for name in _OWN_FIELDS if name in arrays}
        rest = {name: array for name, array in arrays.items() if name not in _OWN_FIELDS}
        read = read_arrays(own, _OWN_FIELDS, cls.kind)
        width, start, refits = pop_single(read, cls.kind, "width", "start", "refits")
        trees = Trees.from_arrays(
            rest, width=width, value_type=cls.VALUE_TYPE, threshold_type=cls.THRESHOLD_TYPE
        )
        return cls(trees, start, refits)

    def _contributions(self) -> TreeContributions:
        if not self._explained:
            self._explained.append(explain_trees(self.trees, self.start))
        return self._explained[0]


def warm_up_with(detector: type[BoostedTrees], progress: Callable[[str], None] | None = None) -> None:
    """Run the loops of a kind once, those for categories too, so that they are compiled or loaded."""
    if progress:
        progress("compiling the scoring of trees")
    for branches in (None, Branches(np.zeros(3, np.uint8), np.array([0, 1, 1, 1]), np.zeros(1, np.int32))):
        trees = Trees(
            1,
            np.array([0, LEAF, LEAF], np.int32),
            np.zeros(3, detector.THRESHOLD_TYPE),
            np.zeros(3, np.uint8),
            np.zeros(3, detector.VALUE_TYPE),
            np.ones(3),
            np.array([0, 3]),
            branches,
        )
        model = detector(trees, 0.0)
        model.score_one(np.zeros(1))
        model.score_many(np.zeros((1, 1)))
        model.contributions_one(np.zeros(1))
