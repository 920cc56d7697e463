"""The reference a raw score is read against: `anomaly_score` in, `risk_score` (0 to 100) out."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from riskloom.detectors.base import Arrays, Floats, read_arrays
from riskloom.errors import BundleInvalid, DataInvalid, Fault, ParameterInvalid, show

KEPT_WHOLE = 100_000
GRID = 50_000
TOP_SHARE = 0.02
TOP_LEAST = 10_000

_FIELDS: dict[str, type[np.generic]] = {"score": np.float64, "lower": np.int64, "count": np.int64}


@dataclass(frozen=True, slots=True, eq=False)
class RiskReference:
    """How many of the training scores are lower than a given one, in percent. Never a probability.

    Up to 100,000 training scores it is exact. Of more it keeps an even grid of 50,000 and all of the top 2 %
    (at least 10,000): exact at each kept score and everywhere in that top, elsewhere at most 0.0021 points
    too high.

    Parameters
    ----------
    score
        float64[m]: the kept training scores, strictly rising.
    lower
        int64[m]: how many training scores are lower than each, strictly rising from 0.
    count
        How many training scores there were.

    Raises
    ------
    BundleInvalid
        When the arrays are not such a table.
    """

    score: Floats
    lower: npt.NDArray[np.int64]
    count: int
    _scores: list[float] = field(init=False, repr=False)
    _percents: list[float] = field(init=False, repr=False)
    _percent: Floats = field(init=False, repr=False)
    _rarity: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._check()
        percent = np.append(self.lower, self.count) * 100.0 / self.count
        object.__setattr__(self, "_percent", percent)
        object.__setattr__(self, "_percents", percent.tolist())
        object.__setattr__(self, "_scores", self.score.tolist())
        above = (self.count - np.append(self.lower, self.count) + 1.0) / (self.count + 1.0)
        object.__setattr__(self, "_rarity", -np.log(above))
        self.score.setflags(write=False)
        self.lower.setflags(write=False)

    def _check(self) -> None:
        same_length = self.score.ndim == self.lower.ndim == 1 and 1 <= self.score.size == self.lower.size
        if not same_length or not np.isfinite(self.score).all() or not (np.diff(self.score) > 0).all():
            raise BundleInvalid("risk_reference.score: expected finite scores that rise.")
        # compared, not subtracted: a difference of hostile integers could wrap around
        rising = (self.lower[1:] > self.lower[:-1]).all()
        if self.lower[0] != 0 or not rising or not self.lower[-1] < self.count < 2**53:
            raise BundleInvalid("risk_reference.lower: expected counts that rise from 0 to below the count.")

    @classmethod
    def fit(cls, scores: Floats) -> Self:
        """The reference of the anomaly scores float64[n] of the training rows, in any order; O(n log n).

        Raises
        ------
        DataInvalid
            When there is no score, or one is not finite.
        """
        ordered = np.sort(np.asarray(scores, np.float64)) + 0.0  # + 0.0: no negative zero
        if ordered.ndim != 1 or not ordered.size or not np.isfinite(ordered).all():
            raise DataInvalid(Fault("scores", "one finite anomaly score for each training row"))
        count = ordered.size
        kept = ordered[_kept_places(count)]
        score = kept[np.append(True, kept[1:] > kept[:-1])]
        return cls(score, np.searchsorted(ordered, score, "left").astype(np.int64), count)

    def risk_one(self, score: float) -> float:
        """The percent of the training scores that are lower than `score`; NaN for NaN."""
        if score != score:
            return score
        return self._percents[bisect_left(self._scores, score)]

    def risk_many(self, scores: Floats) -> Floats:
        """The risk scores float64[n] of anomaly scores float64[n], bit for bit those of `risk_one`."""
        risk = self._percent[np.searchsorted(self.score, scores, "left")]
        return np.where(np.isnan(scores), np.nan, risk)

    def rarity_one(self, score: float) -> float:
        """How rare a score as high as this is: minus the logarithm of the share of training at or above it.

        0 for the lowest score, about 4.6 where one in a hundred is as high; what ensembles compare detectors
        by. NaN for NaN.
        """
        return float(self._rarity[bisect_left(self._scores, score)]) if score == score else score

    def rarity_many(self, scores: Floats) -> Floats:
        """The rarity float64[n] of scores float64[n], bit for bit that of `rarity_one`."""
        rarity = self._rarity[np.searchsorted(self.score, scores, "left")]
        return np.where(np.isnan(scores), np.nan, rarity)

    def percentile_of(self, score: float, *, at_most: bool = False) -> float:
        """The percentile that flags from `score` on.

        The scale has a step for each kept training score, so it may flag a few scores just below as well;
        `at_most` takes the next step then, which flags none of them, and not all from `score` on.
        """
        percentile = self.risk_one(score)
        if at_most and self.threshold(percentile) < score:
            return self._percents[min(bisect_left(self._scores, score) + 1, len(self._percents) - 1)]
        return percentile

    def threshold(self, percentile: float) -> float:
        """The lowest anomaly score whose `risk_score` is at least `percentile`, minus infinity for 0.

        For every score: ``score >= threshold(p)`` just when ``risk_one(score) >= p``.

        Raises
        ------
        ParameterInvalid
            When `percentile` is not a number from 0 to 100.
        """
        number = isinstance(percentile, int | float) and not isinstance(percentile, bool)
        if not number or not 0 <= percentile <= 100:
            raise ParameterInvalid(Fault("percentile", "a number from 0 to 100", show(percentile)))
        first = bisect_left(self._percents, percentile)
        return float(np.nextafter(self._scores[first - 1], np.inf)) if first else -np.inf

    def arrays(self) -> Arrays:
        """The reference as plain arrays, for a bundle."""
        return {"score": self.score, "lower": self.lower, "count": np.array([self.count], np.int64)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The reference back from `arrays()`.

        Raises
        ------
        BundleInvalid
            When they are not the arrays of a reference.
        """
        read = read_arrays(arrays, _FIELDS, "risk_reference")
        if read["count"].size != 1:
            raise BundleInvalid("risk_reference.count: expected one count.")
        return cls(read["score"], read["lower"], int(read["count"][0]))


def _kept_places(count: int) -> npt.NDArray[np.int64]:
    """The places in the sorted scores that are kept, rising."""
    if count <= KEPT_WHOLE:
        return np.arange(count, dtype=np.int64)
    top = max(TOP_LEAST, int(np.ceil(count * TOP_SHARE)))
    grid = np.linspace(0, count - 1, GRID).astype(np.int64)
    return np.union1d(grid, np.arange(count - top, count, dtype=np.int64))
