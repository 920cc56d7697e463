# mypy: disable-error-code="untyped-decorator, no-any-return"
# (numba ships no types)
"""Calibration: from a score to the chance that the row is fraud, learned from later rows with labels.

Any score will do, that of an unsupervised detector too: only its order and, for Platt, its scale count.

References
----------
J. Platt, "Probabilistic Outputs for Support Vector Machines", Advances in Large Margin Classifiers, 1999.
H.-T. Lin, C.-J. Lin, R. C. Weng, "A Note on Platt's Probabilistic Outputs for Support Vector Machines",
Machine Learning 68, 2007, doi:10.1007/s10994-007-5018-6.
B. Zadrozny, C. Elkan, "Transforming Classifier Scores into Accurate Multiclass Probability Estimates", KDD,
2002, doi:10.1145/775047.775151.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import exp, isfinite, log
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from numba import njit

from riskloom.detectors.base import Arrays, Floats, check_labels, read_arrays
from riskloom.errors import BundleInvalid, DataInvalid, Fault, ParameterInvalid, nearest, show

METHODS = ("auto", "platt", "isotonic")
ISOTONIC_FROM = 200
"""From how many frauds on the free form of isotonic regression is trusted.

Over five shapes of score at 1 % fraud: where the sigmoid is not the true form it loses from 50 to 100 frauds
on, and never catches up; where it is, isotonic regression is worse by 0.001 nats a row at 200 frauds, and by
0.009 at 20.
"""

LARGEST = 1e300
HEAVIEST = 1e15
_ROUNDS = 100
_HALVINGS = 40
_FIELDS: dict[str, type[np.generic]] = {
    "score": np.float64,
    "probability": np.float64,
    "sigmoid": np.float64,
    "odds": np.float64,
}


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """A rising function from scores to probabilities; equal scores have equal ones, NaN has none.

    Platt's is ``1 / (1 + exp(slope * (score - centre) + intercept))`` with a slope of at most 0: where high
    scores do not mean more fraud it says the same for all. The isotonic one goes straight from point to
    point, and is flat before the first and behind the last.

    Parameters
    ----------
    score, probability
        float64[m]: the points of an isotonic calibration, scores strictly rising, probabilities not falling;
        empty for Platt's.
    centre, slope, intercept
        Of Platt's.
    odds
        What the odds are multiplied by in the end; see `at_rate`.

    Raises
    ------
    BundleInvalid
        When the values are not such a function.
    """

    score: Floats
    probability: Floats
    centre: float = 0.0
    slope: float = 0.0
    intercept: float = 0.0
    odds: float = 1.0
    _table: tuple[Any, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check(self)
        numbers = (self.centre, self.slope, self.intercept, self.odds)
        object.__setattr__(self, "_table", (self.score.copy(), self.probability.copy(), *numbers))
        self.score.setflags(write=False)
        self.probability.setflags(write=False)

    @property
    def method(self) -> str:
        """How it was learned: platt or isotonic."""
        return "isotonic" if self.score.size else "platt"

    @classmethod
    def fit(
        cls, scores: Floats, labels: Floats, weights: Floats | None = None, *, method: str = "auto"
    ) -> Self:
        """Learn from scores float64[n] that no training made better than they are, and their labels 0 and 1.

        Parameters
        ----------
        weights
            float64[n] of 0 and more: how many rows each stands for; one each when not given.
        method
            platt, isotonic, or auto: isotonic from 200 frauds on, Platt's with fewer. Two numbers are
            learned well from a few dozen frauds; a free form needs more, and with few it promises 0 and 1.

        Raises
        ------
        ParameterInvalid, DataInvalid
            For another method, and for anything that is not such scores, labels and weights.
        """
        if method not in METHODS:
            hint = nearest(str(method), METHODS)
            raise ParameterInvalid(Fault("method", f"one of {', '.join(METHODS)}", show(method), hint))
        given, truth, heavy = _checked(scores, labels, weights)
        if method == "auto":
            method = "isotonic" if truth.sum() >= ISOTONIC_FROM else "platt"
        if method == "platt":
            return cls(np.empty(0), np.empty(0), *_platt(given, truth, heavy))
        return cls(*_isotonic(given, truth, heavy))

    def probability_one(self, score: float) -> float:
        """The probability of one score."""
        return _probability_one(score, *self._table)

    def probability_many(self, scores: Floats) -> Floats:
        """The probabilities float64[n] of scores float64[n], bit for bit those of `probability_one`."""
        given = np.array(scores, np.float64, ndmin=1)
        out = np.empty(given.size)
        _probability_many(given, *self._table, out)
        return out

    def at_rate(self, sampled: float, natural: float) -> Self:
        """The calibration for the `natural` rate of fraud, when the rows it learned from were `sampled`.

        Dropping honest rows at random changes the odds by one factor; this takes it back.

        Parameters
        ----------
        sampled, natural
            The share of frauds among the rows it learned from, and where it is used.

        Raises
        ------
        ParameterInvalid
            When a rate is not above 0 and below 1.
        """
        return replace(self, odds=self.odds * odds_factor(sampled, natural))

    def arrays(self) -> Arrays:
        """The calibration as plain arrays, for a bundle."""
        return {
            "score": self.score,
            "probability": self.probability,
            "sigmoid": np.array([self.centre, self.slope, self.intercept]),
            "odds": np.array([self.odds]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The calibration back from `arrays()`.

        Raises
        ------
        BundleInvalid
            When they are not the arrays of one.
        """
        read = read_arrays(arrays, _FIELDS, "calibration")
        if read["sigmoid"].size != 3 or read["odds"].size != 1:
            raise BundleInvalid(
                "calibration: expected three numbers of a sigmoid and one factor of the odds."
            )
        centre, slope, intercept = read["sigmoid"].tolist()
        odds = float(read["odds"][0])
        return cls(read["score"], read["probability"], centre, slope, intercept, odds)


def odds_factor(sampled: float, natural: float) -> float:
    """What the odds of fraud learned at the rate `sampled` are multiplied by where the rate is `natural`.

    >>> odds_factor(0.5, 0.2)
    0.25
    """
    faults = [
        Fault(name, "a rate above 0 and below 1", show(rate))
        for name, rate in (("sampled", sampled), ("natural", natural))
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < 1
    ]
    if faults:
        raise ParameterInvalid(faults)
    return natural / (1 - natural) / (sampled / (1 - sampled))


def warm_up(progress: Callable[[str], None] | None = None) -> None:
    """Compile the loops or load them from numba's cache; says so first, since cold takes seconds."""
    if progress:
        progress("compiling the calibration of scores")
    fitted = Calibration.fit(np.array([0.0, 1.0]), np.array([0.0, 1.0]), method="isotonic")
    fitted.probability_one(0.5)
    fitted.probability_many(np.zeros(1))


def _checked(scores: object, labels: object, weights: object) -> tuple[Floats, Floats, Floats]:
    """Scores, labels and weights of the rows that weigh something."""
    given = np.asarray(scores, np.float64) if isinstance(scores, np.ndarray) else np.empty((0, 0))
    if given.ndim != 1 or not given.size or not (np.abs(given) <= LARGEST).all():
        raise DataInvalid(Fault("scores", f"finite scores, at most {LARGEST:g}", show(scores)))
    heavy = np.ones(given.size) if weights is None else np.asarray(weights, np.float64)
    if heavy.shape != given.shape or not ((heavy >= 0) & (heavy <= HEAVIEST)).all():
        raise DataInvalid(Fault("weights", f"{given.size} numbers from 0 to {HEAVIEST:g}", show(weights)))
    truth = check_labels(labels, given.size)
    there = heavy > 0
    if not there.all():
        truth = check_labels(truth[there], int(there.sum()))
    return given[there], truth, heavy[there]


def _platt(scores: Floats, labels: Floats, weights: Floats) -> tuple[float, float, float]:
    """Centre, slope and intercept; targets are smoothed as if one more row of each kind had come."""
    largest = float(np.abs(scores).max())
    small = scores / largest if largest > 1 / LARGEST else np.zeros_like(scores)  # no square can overflow
    middle = float(np.average(small, weights=weights))
    spread = float(np.sqrt(np.average((small - middle) ** 2, weights=weights))) or 1.0
    frauds, honest = float(weights[labels == 1].sum()), float(weights[labels == 0].sum())
    target = np.where(labels == 1, (frauds + 1) / (frauds + 2), 1 / (honest + 2))
    slope, intercept = _newton((small - middle) / spread, target, weights, log((honest + 1) / (frauds + 1)))
    slope = slope / spread / largest if slope < 0 else 0.0
    if isfinite(slope) and slope < 0:
        return middle * largest, slope, intercept
    mean = float(np.average(target, weights=weights))
    return 0.0, 0.0, log((1 - mean) / mean)


def _newton(x: Floats, target: Floats, weights: Floats, intercept: float) -> tuple[float, float]:
    """Where the loss is least; steps that raise it by more than its rounding are halved."""
    slope, loss = 0.0, _loss(np.full_like(x, intercept), target, weights)
    for _ in range(_ROUNDS):
        chance = 1 / (1 + np.exp(np.clip(slope * x + intercept, -700, 700)))
        off = weights * (target - chance)
        steep = weights * chance * (1 - chance)
        down_slope, down = float((off * x).sum()), float(off.sum())
        a, b, c = float((steep * x * x).sum()) + 1e-12, float((steep * x).sum()), float(steep.sum()) + 1e-12
        area = a * c - b * b
        step_slope, step = (b * down - c * down_slope) / area, (b * down_slope - a * down) / area
        for _ in range(_HALVINGS):
            reached = _loss((slope + step_slope) * x + intercept + step, target, weights)
            if reached <= loss + 1e-13 * abs(loss):
                break
            step_slope, step = step_slope / 2, step / 2
        else:
            break
        slope, intercept, loss = slope + step_slope, intercept + step, reached
        if abs(step_slope) + abs(step) <= 1e-13 * (abs(slope) + abs(intercept)):
            break
    return slope, intercept


def _loss(z: Floats, target: Floats, weights: Floats) -> float:
    """Minus the log likelihood of the targets under ``1 / (1 + exp(z))``."""
    return float((weights * (np.logaddexp(0, z) - (1 - target) * z)).sum())


def _isotonic(scores: Floats, labels: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """The points of the rising step function nearest by weighted squares; O(n) after sorting."""
    score, place = np.unique(scores + 0.0, return_inverse=True)
    weight = np.bincount(place, weights)
    frauds = np.bincount(place, weights * labels)
    first, last, value = np.empty(score.size, np.int64), np.empty(score.size, np.int64), np.empty(score.size)
    blocks = _pool(frauds, weight, first, last, value)
    ends = np.column_stack((score[first[:blocks]], score[last[:blocks]])).ravel()
    level = np.repeat(np.clip(value[:blocks], 0.0, 1.0), 2)
    kept = np.append(True, ends[1:] > ends[:-1])
    return ends[kept], level[kept]


def _check(fitted: Calibration) -> None:
    score, probability = fitted.score, fitted.probability
    if score.ndim != 1 or score.shape != probability.shape:
        raise BundleInvalid("calibration: expected a probability for each score.")
    if not (np.abs(score) <= LARGEST).all() or not (score[1:] > score[:-1]).all():
        raise BundleInvalid("calibration.score: expected finite scores that rise.")
    inside = ((probability >= 0) & (probability <= 1)).all()
    if not inside or (probability[1:] < probability[:-1]).any():
        raise BundleInvalid("calibration.probability: expected values from 0 to 1 that do not fall.")
    finite = abs(fitted.centre) <= LARGEST and isfinite(fitted.slope) and isfinite(fitted.intercept)
    if not finite or fitted.slope > 0:
        raise BundleInvalid("calibration.sigmoid: expected finite numbers, the slope at most 0.")
    if not isfinite(fitted.odds) or fitted.odds <= 0:
        raise BundleInvalid("calibration.odds: expected a finite factor above 0.")


@njit(cache=True, nogil=True)
def _pool(frauds: Floats, weight: Floats, first: Any, last: Any, value: Floats) -> int:
    """Pool adjacent violators: fill in the first and last place and the mean of each block; how many."""
    total, heavy = frauds.copy(), weight.copy()
    count = 0
    for i in range(frauds.shape[0]):
        total[count], heavy[count], first[count], last[count] = frauds[i], weight[i], i, i
        while count > 0 and total[count - 1] / heavy[count - 1] >= total[count] / heavy[count]:
            count -= 1
            total[count] += total[count + 1]
            heavy[count] += heavy[count + 1]
            last[count] = last[count + 1]
        count += 1
    for k in range(count):
        value[k] = total[k] / heavy[k]
    return count


@njit(cache=True, nogil=True)
def _probability(
    s: float, x: Floats, y: Floats, centre: float, slope: float, intercept: float, odds: float
) -> float:
    size = x.shape[0]
    if s != s:
        return s
    if size == 0:
        p = 1.0 / (1.0 + exp(intercept if slope == 0.0 else slope * (s - centre) + intercept))
    else:
        low, high = 0, size
        while low < high:
            middle = (low + high) >> 1
            if x[middle] <= s:
                low = middle + 1
            else:
                high = middle
        if low == 0:
            p = y[0]
        elif low == size:
            p = y[size - 1]
        else:
            part = (s - x[low - 1]) / (x[low] - x[low - 1])
            p = min(y[low - 1] + part * (y[low] - y[low - 1]), y[low])
    if odds == 1.0 or p == 0.0:
        return p
    return 1.0 / (1.0 + (1.0 - p) / p / odds)


@njit(cache=True, nogil=True)
def _probability_one(
    s: float, x: Floats, y: Floats, centre: float, slope: float, intercept: float, odds: float
) -> float:
    """The probability of one score."""
    return _probability(s, x, y, centre, slope, intercept, odds)


@njit(cache=True, nogil=True)
def _probability_many(
    s: Floats, x: Floats, y: Floats, centre: float, slope: float, intercept: float, odds: float, out: Floats
) -> None:
    """Fill `out` with the probability of each score float64[n]."""
    for i in range(s.shape[0]):
        out[i] = _probability(s[i], x, y, centre, slope, intercept, odds)
