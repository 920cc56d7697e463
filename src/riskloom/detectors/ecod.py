"""ECOD: a value far out in the tail of its feature is strange. No distances, nothing to tune, no library.

References
----------
Z. Li, Y. Zhao, X. Hu, N. Botta, C. Ionescu, G. H. Chen, "ECOD: Unsupervised Outlier Detection Using Empirical
Cumulative Distribution Functions", IEEE Transactions on Knowledge and Data Engineering, 2022,
doi:10.1109/TKDE.2022.3159580.
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
    check_seed,
    check_training_matrix,
    pop_single,
    read_arrays,
    silent,
)
from riskloom.detectors.served import Served
from riskloom.detectors.tails import (
    kept_of,
    known_of,
    skewness_of,
    surprise_one,
    surprise_parts,
    surprise_rows,
)
from riskloom.errors import BundleInvalid
from riskloom.params import Constraint, validate

MOST_FEATURES = 32_767

_FIELDS: dict[str, type[np.generic]] = {
    "value": np.float64,
    "below": np.int64,
    "up_to": np.int64,
    "start": np.int64,
    "missing": np.int64,
    "skewness": np.float64,
    "rows": np.int64,
    "by_row": np.uint8,
}


@dataclass(frozen=True, slots=True, eq=False)
class Ecod(Served):
    """The tails of each feature of the training rows; V kept values, F features.

    The surprise of a value is minus the logarithm of how many training rows lie as far out, the scored one
    counted as one of them: ``-log((1 + rows up to it) / (1 + rows))`` on the left, and so on the right. So it
    is finite, and equal for all values beyond the last one seen. With `aggregate: feature` the score is the
    sum over features of the larger surprise, so skewness plays no part; a departure from the paper that ranks
    better on most of ADBench (docs/benchmarks.md). With `aggregate: row`, the paper's formula, it is the
    largest of three sums: of the left surprises, of the right ones, and of those on the side that the
    feature's skewness points to.

    A missing value (NaN) is a value of its own, beside all others: its surprise on either side is minus the
    logarithm of the share of rows where the feature was missing in training, the scored one counted in. All
    tails are shares of all rows. So a gap says little where gaps are usual and much where there were none.

    Infinities are values like any other. Up to 10,000 distinct values of a feature are kept as they are; of
    more, as many as keep each tail within 0.1 % of its count, exact where that is less than one row.

    Parameters
    ----------
    value
        float64[V]: the kept values of each feature, one feature after another, rising.
    below, up_to
        int64[V]: how many training rows have less than each value, and how many at most it.
    start
        int64[F + 1]: where the values of each feature begin, and V.
    missing
        int64[F]: how many training rows lacked the feature.
    skewness
        float64[F]: of the feature in training; only its sign counts.
    rows
        How many training rows there were.
    by_row
        Whether whole rows are compared (`aggregate: row`).
    """

    kind: ClassVar[str] = "ecod"
    SUPERVISED: ClassVar[bool] = False
    ADDITIVE: ClassVar[str] = "log_tail_probability"
    PARAMETERS: ClassVar[tuple[Constraint, ...]] = (
        Constraint(
            "aggregate",
            "text",
            "feature",
            "Whether each feature takes its more surprising tail, or the row one side for all features.",
            choices=("feature", "row"),
        ),
    )

    value: Floats
    below: npt.NDArray[np.int64]
    up_to: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    missing: npt.NDArray[np.int64]
    skewness: Floats
    rows: int
    by_row: bool

    def __post_init__(self) -> None:
        _check(self)
        self._serve(self.missing.size, surprise_one, surprise_rows, _tables(self))
        self._close("value", "below", "up_to", "start", "missing", "skewness")

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
        """Learn the tails of each feature of X float64[n, F], NaN for missing; O(F n log n).

        Parameters
        ----------
        seed
            Checked like everywhere; nothing here is left to chance.
        progress
            Called with (features learned, features in all).

        Raises
        ------
        ParameterInvalid, DataInvalid
            For parameters out of range, and for anything that is not such a matrix.
        """
        settings = validate(parameters, cls.PARAMETERS)
        check_seed(seed)
        check_training_matrix(X, most_features=MOST_FEATURES)
        tails: list[tuple[npt.NDArray[Any], ...]] = []
        skewness = np.zeros(X.shape[1])
        for at in range(X.shape[1]):
            known = known_of(X[:, at])
            skewness[at] = skewness_of(known)
            tails.append(kept_of(known))
            (progress or silent)(at + 1, X.shape[1])
        value, below, up_to = (np.concatenate(part) for part in zip(*tails, strict=True))
        start = np.cumsum([0, *(tail[0].size for tail in tails)], dtype=np.int64)
        missing = np.array([X.shape[0] - (int(tail[2][-1]) if tail[2].size else 0) for tail in tails])
        by_row = settings["aggregate"] == "row"
        return cls(value, below, up_to, start, missing, skewness, X.shape[0], by_row)

    def contributions_one(self, x: Floats) -> tuple[float, Floats]:
        """(0, what each feature adds float64[F]): its surprise on the side that made the score; exact.

        Raises
        ------
        DataInvalid
            When the vector has another shape.
        """
        return 0.0, surprise_parts(as_row(x, self.width), *self._tables)

    def arrays(self) -> Arrays:
        """The tails as plain arrays, for a bundle."""
        own: Arrays = {"rows": np.array([self.rows], np.int64), "by_row": np.array([self.by_row], np.uint8)}
        return {name: getattr(self, name) for name in _FIELDS if name not in own} | own

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The model back from `arrays()`.

        Raises
        ------
        BundleInvalid
            When they are not the arrays of such tails; nothing hostile passes.
        """
        read = read_arrays(arrays, _FIELDS, "ecod")
        rows, by_row = pop_single(read, "ecod", "rows", "by_row")
        if by_row > 1:
            raise BundleInvalid(f"ecod.by_row: expected 0 or 1, got {by_row}.")
        return cls(**read, rows=rows, by_row=bool(by_row))


def warm_up(progress: Callable[[str], None] | None = None) -> None:
    """Compile the scoring loops or load them from numba's cache; says so first, since cold takes seconds."""
    if progress:
        progress("compiling the scoring of tails")
    tails = Ecod.fit(np.zeros((1, 1)), seed=0)
    tails.score_one(np.zeros(1))
    tails.score_many(np.zeros((1, 1)))
    tails.contributions_one(np.zeros(1))


def _tables(tails: Ecod) -> tuple[Any, ...]:
    """What the loops read: surprises between and at the kept values, one more per feature than values."""
    count, start, width = tails.rows + 1.0, tails.start, tails.missing.size
    size = tails.value.size + width
    left, right = np.empty(size), np.empty(size)
    for at in range(width):
        begin, end = int(start[at]), int(start[at + 1])
        known = tails.rows - int(tails.missing[at])
        where = slice(begin + at, end + at + 1)
        left[where] = -np.log((1.0 + np.append(0, tails.up_to[begin:end])) / count)
        right[where] = -np.log((1.0 + known - np.append(tails.below[begin:end], known)) / count)
    gap = -np.log((1.0 + tails.missing) / count)
    return tails.value.copy(), start.copy(), left, right, gap, tails.skewness < 0, tails.by_row


def _check(tails: Ecod) -> None:
    """Refuse arrays that the loops could read outside of, or that are no counts of rows."""
    width, size, start = tails.missing.size, tails.value.size, tails.start
    if not 1 <= width <= MOST_FEATURES or start.size != width + 1 or tails.skewness.size != width:
        raise BundleInvalid(f"ecod: expected 1 to {MOST_FEATURES} features in start, missing and skewness.")
    if tails.below.size != size or tails.up_to.size != size:
        raise BundleInvalid(f"ecod: expected counts for each of the {size} values.")
    if start[0] != 0 or start[-1] != size or (start[1:] < start[:-1]).any():
        raise BundleInvalid(f"ecod.start: expected a rising sequence from 0 to the {size} values.")
    if not 1 <= tails.rows < 2**53 or not ((tails.missing >= 0) & (tails.missing <= tails.rows)).all():
        raise BundleInvalid("ecod.missing: expected counts from 0 to the number of rows.")
    if not np.isfinite(tails.skewness).all() or np.isnan(tails.value).any():
        raise BundleInvalid("ecod: expected finite skewness, and values without gaps.")
    for at in range(width):
        _check_feature(tails, at, slice(int(start[at]), int(start[at + 1])))


def _check_feature(tails: Ecod, at: int, where: slice) -> None:
    value, below, up_to = tails.value[where], tails.below[where], tails.up_to[where]
    known = tails.rows - int(tails.missing[at])
    if not value.size:
        fits = known == 0
    else:
        counts = below[0] == 0 and up_to[-1] == known and (below < up_to).all()
        fits = bool(counts and (below[1:] >= up_to[:-1]).all() and (value[1:] > value[:-1]).all())
    if not fits:
        raise BundleInvalid(f"ecod.value: expected rising values and counts of the rows of feature {at}.")
