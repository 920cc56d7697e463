# mypy: disable-error-code="untyped-decorator, no-any-return"
# (numba ships no types)
"""Stacking: a logistic regression over several detectors' scores learns whom to believe. No library.

References
----------
D. H. Wolpert, "Stacked Generalization", Neural Networks 5, 1992, doi:10.1016/S0893-6080(05)80023-1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite, log
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
)
from riskloom.detectors.prepare_fit import measured, measures
from riskloom.detectors.served import Served
from riskloom.errors import BundleInvalid
from riskloom.params import Constraint, validate

MOST_MEMBERS = 1_000
FARTHEST = 1e6
LARGEST = 1e100
_ROUNDS = 100
_HALVINGS = 40

_FIELDS: dict[str, type[np.generic]] = {
    "centre": np.float64,
    "spread": np.float64,
    "weight": np.float64,
    "bias": np.float64,
}


@dataclass(frozen=True, slots=True, eq=False)
class Stacking(Served):
    """The log odds of fraud, linear in F members' scores, each measured in spreads from its mean.

    The members' scores it learns from must be of rows that the members did not learn from; else it believes
    the one that knows the answers by heart. A member that has no score for a row (NaN) is left out: it counts
    as if it had its mean. Scores farther than a million spreads away count as that far.

    Parameters
    ----------
    centre, spread
        float64[F]: mean and standard deviation of each member's scores in training.
    weight
        float64[F]: by how much the log odds rise with each spread.
    bias
        The log odds of a row for which every member has its mean.
    """

    kind: ClassVar[str] = "stacking"
    SUPERVISED: ClassVar[bool] = True
    ADDITIVE: ClassVar[str] = "log_odds"
    PARAMETERS: ClassVar[tuple[Constraint, ...]] = (
        Constraint(
            "l2",
            "number",
            1.0,
            "How strongly weights are held near 0: half of it times their squares is added to the loss.",
            minimum=1e-6,
            maximum=1e9,
        ),
    )

    centre: Floats
    spread: Floats
    weight: Floats
    bias: float

    def __post_init__(self) -> None:
        _check(self)
        table = np.stack((self.centre, self.spread, self.weight))
        self._serve(self.weight.size, _log_odds_one, _log_odds_rows, table, float(self.bias))
        self._close("centre", "spread", "weight")

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
        """Learn from members' scores X float64[n, F] and labels; O(n F^2) a round, about ten rounds.

        Raises
        ------
        ParameterInvalid, DataInvalid
            For parameters out of range, and for anything that is not such a matrix with labels of both kinds.
        """
        settings = validate(parameters, cls.PARAMETERS)
        check_seed(seed)
        check_training_matrix(X, most_features=MOST_MEMBERS)
        truth = check_labels(labels, X.shape[0])
        rows = np.asarray(X, np.float64)
        pairs = [measures(measured(rows[:, at]), "standard") for at in range(rows.shape[1])]
        centre, spread = (np.array(column) for column in zip(*pairs, strict=True))
        with np.errstate(invalid="ignore", over="ignore"):  # infinities are far away, whatever the spread
            said = np.clip((rows - centre) / spread, -FARTHEST, FARTHEST)
        weight, bias = _newton(np.where(np.isnan(said), 0.0, said), truth, float(settings["l2"]), progress)
        return cls(centre, spread, weight, bias)

    def contributions_one(self, x: Floats) -> tuple[float, Floats]:
        """(log odds where all members have their mean, what each member adds to them for one row)."""
        parts = np.zeros(self.width)
        table, bias = self._tables
        _log_odds_parts(as_row(x, self.width), table, parts)
        return bias, parts

    def arrays(self) -> Arrays:
        """The model as plain arrays, for a bundle."""
        arrays: Arrays = {name: getattr(self, name) for name in _FIELDS if name != "bias"}
        return arrays | {"bias": np.array([self.bias])}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The model back from `arrays()`.

        Raises
        ------
        BundleInvalid
            When they are not the arrays of such a regression.
        """
        read = read_arrays(arrays, _FIELDS, cls.kind)
        (bias,) = pop_single(read, cls.kind, "bias")
        return cls(**read, bias=bias)


def warm_up(progress: Callable[[str], None] | None = None) -> None:
    """Compile the loops or load them from numba's cache; says so first, since cold takes seconds."""
    if progress:
        progress("compiling the stacking of scores")
    model = Stacking(np.zeros(1), np.ones(1), np.zeros(1), 0.0)
    model.score_one(np.zeros(1))
    model.score_many(np.zeros((1, 1)))
    model.contributions_one(np.zeros(1))


def _newton(Z: Floats, labels: Floats, l2: float, progress: Progress | None) -> tuple[Floats, float]:
    """Weights and bias where the loss is least; steps that raise it by more than its rounding are halved."""
    rows = np.column_stack((Z, np.ones(len(Z))))
    hold = np.append(np.full(Z.shape[1], l2), 0.0)
    found = np.zeros(rows.shape[1])
    found[-1] = log(labels.sum() / (1 - labels).sum())

    def loss(weights: Floats) -> float:
        odds = rows @ weights
        return float((np.logaddexp(0, odds) - labels * odds).sum() + (hold * weights**2).sum() / 2)

    reached = loss(found)
    for done in range(_ROUNDS):
        chance = 1 / (1 + np.exp(np.clip(-(rows @ found), -700, 700)))
        slope = rows.T @ (chance - labels) + hold * found
        steep = (rows * (chance * (1 - chance))[:, None]).T @ rows + np.diag(hold + 1e-12)
        step = np.linalg.lstsq(steep, -slope, rcond=None)[0]
        for _ in range(_HALVINGS):
            tried = loss(found + step)
            if tried <= reached + 1e-13 * abs(reached):
                break
            step = step / 2
        else:
            break
        found, reached = found + step, tried
        if progress:
            progress(done + 1, _ROUNDS)
        if np.abs(step).max() <= 1e-12 * np.abs(found).max():
            break
    return found[:-1], float(found[-1])


def _check(model: Stacking) -> None:
    width = model.weight.size
    if not 1 <= width <= MOST_MEMBERS or not model.centre.shape == model.spread.shape == (width,):
        raise BundleInvalid(f"stacking: expected three numbers for each of 1 to {MOST_MEMBERS} members.")
    arrays = (model.centre, model.spread, model.weight)
    if not all(np.isfinite(array).all() for array in arrays) or not isfinite(model.bias):
        raise BundleInvalid("stacking: expected finite numbers.")
    if not (model.spread > 0).all():
        raise BundleInvalid("stacking.spread: expected spreads above 0.")
    if (np.abs(model.weight) > LARGEST).any() or abs(model.bias) > LARGEST:
        raise BundleInvalid(f"stacking.weight: expected weights and a bias of at most {LARGEST:g}.")


@njit(cache=True, nogil=True)
def _part(score: float, centre: float, spread: float, weight: float) -> float:
    """What a member adds: nothing where it has no score."""
    if score != score:
        return 0.0
    return weight * min(max((score - centre) / spread, -FARTHEST), FARTHEST)


@njit(cache=True, nogil=True)
def _log_odds(x: Floats, table: Floats, bias: float) -> float:
    total = bias
    for j in range(x.shape[0]):
        total += _part(x[j], table[0, j], table[1, j], table[2, j])
    return total


@njit(cache=True, nogil=True)
def _log_odds_one(x: Floats, table: Floats, bias: float) -> float:
    """The score of one row float64[F]."""
    return _log_odds(x, table, bias)


@njit(cache=True, nogil=True)
def _log_odds_rows(X: Floats, table: Floats, bias: float, out: Floats) -> None:
    """Fill `out` with the score of each row of X float64[n, F]."""
    for i in range(X.shape[0]):
        out[i] = _log_odds(X[i], table, bias)


@njit(cache=True, nogil=True)
def _log_odds_parts(x: Floats, table: Floats, out: Floats) -> None:
    """Fill `out` with what each member adds to the log odds of one row."""
    for j in range(x.shape[0]):
        out[j] = _part(x[j], table[0, j], table[1, j], table[2, j])
