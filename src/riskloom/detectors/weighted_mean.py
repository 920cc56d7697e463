# mypy: disable-error-code="untyped-decorator, no-any-return"
# (numba ships no types)
"""Weighted mean: several detectors' scores for a row, brought to one scale and averaged. No labels needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from numba import njit

from riskloom.detectors.base import (
    Arrays,
    Floats,
    Holdout,
    Progress,
    as_row,
    check_seed,
    check_training_matrix,
    read_arrays,
)
from riskloom.detectors.prepare_fit import measured, measures
from riskloom.detectors.served import Served
from riskloom.errors import BundleInvalid, Fault, ParameterInvalid, show
from riskloom.params import Constraint, validate

MOST_MEMBERS = 1_000
HEAVIEST = 1e9
LARGEST = 1e100

_FIELDS: dict[str, type[np.generic]] = {
    "centre": np.float64,
    "spread": np.float64,
    "lowest": np.float64,
    "weight": np.float64,
}


@dataclass(frozen=True, slots=True, eq=False)
class WeightedMean(Served):
    """An average of F members' scores, each first measured in its own spread above its own mean.

    So a member does not speak louder because its scores are larger numbers; 0 is the average row. A member
    that has no score for a row (NaN) is left out of its average, weight and all; where no member has one the
    score is 0. Below the lowest score that a member had in training nothing is known of it: there, as many
    spreads below count as so many above. With `standardise` off, scores are averaged as they are.

    Parameters
    ----------
    centre, spread, lowest
        float64[F]: mean, standard deviation and least of each member's scores in training.
    weight
        float64[F] of 0 and more, at least one above.
    """

    kind: ClassVar[str] = "weighted_mean"
    SUPERVISED: ClassVar[bool] = False
    ADDITIVE: ClassVar[str] = "weighted_mean"
    PARAMETERS: ClassVar[tuple[Constraint, ...]] = (
        Constraint(
            "weights",
            "text",
            "",
            "The weight of each member in their order, such as 1,2,1; all alike when empty.",
        ),
        Constraint(
            "standardise",
            "boolean",
            True,
            "Whether each member's scores are first brought to mean 0 and spread 1, as in training.",
        ),
    )

    centre: Floats
    spread: Floats
    lowest: Floats
    weight: Floats

    def __post_init__(self) -> None:
        _check(self)
        table = np.stack([getattr(self, name) for name in _FIELDS])
        self._serve(self.weight.size, _mean_one, _mean_rows, table)
        self._close(*_FIELDS)

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
        """Measure the members' scores X float64[n, F], NaN where a member has none.

        Raises
        ------
        ParameterInvalid, DataInvalid
            For parameters out of range, and for anything that is not such a matrix.
        """
        settings = validate(parameters, cls.PARAMETERS)
        check_seed(seed)
        check_training_matrix(X, most_features=MOST_MEMBERS)
        width = X.shape[1]
        weight = _read_weights(str(settings["weights"]), width)
        centre, spread, lowest = np.zeros(width), np.ones(width), np.zeros(width)
        for at in range(width):
            known = measured(np.asarray(X[:, at], np.float64))
            lowest[at] = known.min() if known.size else 0.0
            if settings["standardise"]:
                centre[at], spread[at] = measures(known, "standard")
            if progress:
                progress(at + 1, width)
        return cls(centre, spread, lowest, weight)

    def contributions_one(self, x: Floats) -> tuple[float, Floats]:
        """(0, what each member adds to the score of one row); a member without a score adds nothing."""
        parts = np.zeros(self.width)
        _mean_parts(as_row(x, self.width), *self._tables, parts)
        return 0.0, parts

    def arrays(self) -> Arrays:
        """The model as plain arrays, for a bundle."""
        return {name: getattr(self, name) for name in _FIELDS}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The model back from `arrays()`.

        Raises
        ------
        BundleInvalid
            When they are not the arrays of such a mean.
        """
        return cls(**read_arrays(arrays, _FIELDS, "weighted_mean"))


def warm_up(progress: Callable[[str], None] | None = None) -> None:
    """Compile the loops or load them from numba's cache; says so first, since cold takes seconds."""
    if progress:
        progress("compiling the mean of scores")
    model = WeightedMean.fit(np.zeros((1, 1)), seed=0)
    model.score_one(np.zeros(1))
    model.score_many(np.zeros((1, 1)))
    model.contributions_one(np.zeros(1))


def _read_weights(text: str, width: int) -> Floats:
    """The weights that a text such as 1,2,1 declares."""
    if not text.strip():
        return np.ones(width)
    try:
        weights = [float(part) for part in text.split(",")]
    except ValueError:
        weights = []
    fits = len(weights) == width and all(isfinite(weight) and 0 <= weight <= HEAVIEST for weight in weights)
    if not fits or not any(weights):
        expected = f"{width} numbers from 0 to {HEAVIEST:g}, not all 0, with commas between"
        raise ParameterInvalid(Fault("weights", expected, show(text)))
    return np.array(weights)


def _check(model: WeightedMean) -> None:
    if not 1 <= model.weight.size <= MOST_MEMBERS or any(
        getattr(model, name).shape != model.weight.shape for name in _FIELDS
    ):
        raise BundleInvalid(f"weighted_mean: expected four numbers for each of 1 to {MOST_MEMBERS} members.")
    if not all(np.isfinite(getattr(model, name)).all() for name in _FIELDS):
        raise BundleInvalid("weighted_mean: expected finite numbers.")
    if not (model.spread > 0).all():
        raise BundleInvalid("weighted_mean.spread: expected spreads above 0.")
    if (model.weight < 0).any() or (model.weight > HEAVIEST).any() or not model.weight.any():
        raise BundleInvalid(f"weighted_mean.weight: expected weights from 0 to {HEAVIEST:g}, not all 0.")


@njit(cache=True, nogil=True)
def _voice(score: float, centre: float, spread: float, lowest: float) -> float:
    """What a member says: spreads above its mean, mirrored below its lowest."""
    above = score if score >= lowest else lowest + (lowest - score)
    return min(max((above - centre) / spread, -LARGEST), LARGEST)


@njit(cache=True, nogil=True)
def _mean(x: Floats, table: Floats) -> float:
    total, heavy = 0.0, 0.0
    for j in range(x.shape[0]):
        if x[j] == x[j]:
            weight = table[3, j]
            total += weight * _voice(x[j], table[0, j], table[1, j], table[2, j])
            heavy += weight
    return total / heavy if heavy > 0.0 else 0.0


@njit(cache=True, nogil=True)
def _mean_one(x: Floats, table: Floats) -> float:
    """The score of one row float64[F]."""
    return _mean(x, table)


@njit(cache=True, nogil=True)
def _mean_rows(X: Floats, table: Floats, out: Floats) -> None:
    """Fill `out` with the score of each row of X float64[n, F]."""
    for i in range(X.shape[0]):
        out[i] = _mean(X[i], table)


@njit(cache=True, nogil=True)
def _mean_parts(x: Floats, table: Floats, out: Floats) -> None:
    """Add to `out` what each member adds to the score of one row."""
    heavy = 0.0
    for j in range(x.shape[0]):
        if x[j] == x[j]:
            heavy += table[3, j]
    for j in range(x.shape[0]):
        if x[j] == x[j] and heavy > 0.0:
            out[j] = table[3, j] * _voice(x[j], table[0, j], table[1, j], table[2, j]) / heavy
