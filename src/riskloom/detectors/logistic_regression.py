# mypy: disable-error-code="untyped-decorator, no-any-return"
# (numba ships no types)
"""Logistic regression: each feature adds its part to the log-odds of fraud. scikit-learn trains, we serve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
    check_labels,
    check_seed,
    check_training_matrix,
    pop_single,
    read_arrays,
    silent,
)
from riskloom.detectors.served import Served
from riskloom.detectors.standardise import STANDARD_FIELDS, Standard
from riskloom.errors import BundleInvalid, ExtraMissing
from riskloom.params import Constraint, Value, validate

MOST_FEATURES = 32_767

_HEAVIEST = 1e200
_MOST_NEWTON = 500
_MOST_STEPS = 1_000
_TOLERANCE = 1e-8
_FIELDS: dict[str, type[np.generic]] = {**STANDARD_FIELDS, "weight": np.float64, "intercept": np.float64}


@dataclass(frozen=True, slots=True, eq=False)
class LogisticRegression(Served):
    """A fitted regression over F features: the anomaly score is the log-odds of fraud, 0 being even chances.

    The score is ``intercept + sum(weight * (x - center))``. A missing value (NaN) counts as the median that
    the feature had in training, and what lies far beyond anything training saw, infinities too, as the limit
    it passed (see `Standard`). With `class_weight: balanced` the odds are those of a world in which frauds
    are as frequent as honest rows.

    Parameters
    ----------
    standard
        How a feature was scaled in training; `weight` already holds the division.
    weight
        float64[F]: what one unit of a feature adds to the log-odds.
    intercept
        The log-odds of the mean training row.
    """

    kind: ClassVar[str] = "logistic_regression"
    SUPERVISED: ClassVar[bool] = True
    ADDITIVE: ClassVar[str] = "log_odds"
    PARAMETERS: ClassVar[tuple[Constraint, ...]] = (
        Constraint(
            "C",
            "number",
            1.0,
            "The inverse of the L2 penalty on the scaled features: small values shrink the weights.",
            minimum=1e-6,
            maximum=1e6,
        ),
        Constraint(
            "class_weight",
            "text",
            "none",
            "Whether rows count alike, or frauds as much as honest rows altogether (balanced).",
            choices=("none", "balanced"),
        ),
    )

    standard: Standard
    weight: Floats
    intercept: float

    def __post_init__(self) -> None:
        self._check()
        packed = np.concatenate((self.standard.packed()[: 4 * self.weight.size], self.weight))
        table = packed.reshape(5, -1)
        self._serve(self.weight.size, _log_odds_one, _log_odds_rows, table, float(self.intercept))
        self.standard.close()
        self._close("weight")

    def _check(self) -> None:
        self.standard.check(self.kind, MOST_FEATURES)
        if self.weight.shape != self.standard.fill.shape:
            raise BundleInvalid(f"{self.kind}.weight: expected one number for each feature.")
        if not (np.abs(self.weight) <= _HEAVIEST).all() or not abs(self.intercept) <= _HEAVIEST:
            raise BundleInvalid(f"{self.kind}.weight: expected numbers of at most {_HEAVIEST:g}.")

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
        """Learn the weights from rows float64[n, F], NaN for missing, and their labels.

        Parameters
        ----------
        seed
            Checked like everywhere; nothing here is left to chance.
        holdout
            Not looked at: the optimum is found, nothing stops early.
        progress
            Called with (0, 1) and (1, 1).

        Raises
        ------
        ParameterInvalid, DataInvalid
            For parameters out of range, and for anything that is not such a matrix with labels of both kinds.
        ExtraMissing
            When scikit-learn is not installed.
        """
        settings = validate(parameters, cls.PARAMETERS)
        check_seed(seed)
        check_training_matrix(X, most_features=MOST_FEATURES)
        marks = check_labels(labels, X.shape[0])
        standard, rows = Standard.fit(X)
        (progress or silent)(0, 1)
        weight, intercept = _learn(rows, marks, settings)
        (progress or silent)(1, 1)
        return cls(standard, weight / standard.scale, intercept)

    def contributions_one(self, x: Floats) -> tuple[float, Floats]:
        """(log-odds of the mean training row, what each feature adds float64[F]); exact, O(F).

        Raises
        ------
        DataInvalid
            When the vector has another shape.
        """
        row = as_row(x, self.width)
        table, intercept = self._tables
        _parts_one(row, table)
        return intercept, row

    def arrays(self) -> Arrays:
        """The regression as plain arrays, for a bundle."""
        return {
            **self.standard.arrays(),
            "weight": self.weight,
            "intercept": np.array([self.intercept], np.float64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The regression back from `arrays()`.

        Raises
        ------
        BundleInvalid
            When they are not the arrays of such a regression; nothing hostile passes.
        """
        read = read_arrays(arrays, _FIELDS, cls.kind)
        (intercept,) = pop_single(read, cls.kind, "intercept")
        return cls(Standard.read(read, cls.kind, MOST_FEATURES), read["weight"], intercept)


def warm_up(progress: Callable[[str], None] | None = None) -> None:
    """Compile the scoring loops or load them from numba's cache; says so first, since cold takes seconds."""
    if progress:
        progress("compiling the scoring of regressions")
    zero, one = np.zeros(1), np.ones(1)
    model = LogisticRegression(Standard(zero, zero, one, zero.copy(), one.copy()), one.copy(), 0.0)
    model.score_one(np.zeros(1))
    model.score_many(np.zeros((1, 1)))
    model.contributions_one(np.zeros(1))


def _learn(rows: Floats, labels: Floats, settings: Mapping[str, Value]) -> tuple[Floats, float]:
    """(weights of the scaled features, intercept) of scikit-learn's regression."""
    try:
        from sklearn.linear_model import LogisticRegression as Learner
    except ImportError as cause:
        raise ExtraMissing("train", "Training a logistic regression") from cause
    learner = Learner(
        C=float(settings["C"]),
        class_weight="balanced" if settings["class_weight"] == "balanced" else None,
        solver="newton-cholesky" if rows.shape[1] <= _MOST_NEWTON else "lbfgs",
        tol=_TOLERANCE,
        max_iter=_MOST_STEPS,
    ).fit(rows, labels)
    return learner.coef_[0], float(learner.intercept_[0])


@njit(cache=True, nogil=True)
def _part(value: float, table: Floats, j: int) -> float:
    """What a value of feature j adds; the table's lines are fill, lower, upper, center and weight."""
    if value != value:
        value = table[0, j]
    value = min(max(value, table[1, j]), table[2, j])
    return table[4, j] * (value - table[3, j])


@njit(cache=True, nogil=True)
def _log_odds(x: Floats, table: Floats, intercept: float) -> float:
    """The score of one row, summed in the order of the features."""
    total = 0.0
    for j in range(x.shape[0]):
        total += _part(x[j], table, j)
    return intercept + total


@njit(cache=True, nogil=True)
def _log_odds_one(x: Floats, table: Floats, intercept: float) -> float:
    """The score of one row float64[F]."""
    return _log_odds(x, table, intercept)


@njit(cache=True, nogil=True)
def _log_odds_rows(X: Floats, table: Floats, intercept: float, out: Floats) -> None:
    """Fill `out` with the score of each row of X float64[n, F]."""
    for i in range(X.shape[0]):
        out[i] = _log_odds(X[i], table, intercept)


@njit(cache=True, nogil=True)
def _parts_one(x: Floats, table: Floats) -> None:
    """Put in the place of each value what it adds to the score."""
    for j in range(x.shape[0]):
        x[j] = _part(x[j], table, j)
