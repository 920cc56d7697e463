"""One-class SVM: what lies away from where the training rows are dense. scikit-learn trains, our loops score.

References
----------
B. Schölkopf, J. C. Platt, J. Shawe-Taylor, A. J. Smola, R. C. Williamson, "Estimating the Support of a
High-Dimensional Distribution", Neural Computation, 2001, doi:10.1162/089976601750264965.
C. K. I. Williams, M. Seeger, "Using the Nyström Method to Speed Up Kernel Machines", NIPS, 2000.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from riskloom.detectors.base import (
    Arrays,
    Floats,
    Holdout,
    Progress,
    check_seed,
    check_training_matrix,
    pop_single,
    read_arrays,
    silent,
)
from riskloom.detectors.served import Served
from riskloom.detectors.standardise import LARGEST, filled
from riskloom.detectors.svm_kernel import blocks_of, outside_one, outside_rows
from riskloom.errors import BundleInvalid, DataInvalid, ExtraMissing, Fault
from riskloom.params import Constraint, Value, validate

MOST_FEATURES = 32_767
EXACT_ROWS = 2_000
MOST_EXACT_ROWS = 50_000

_HEAVIEST = 1e15
_STEPS = 100_000
_MOST_PASSES = 50
_CHUNK = 8_192
_BY_FEATURE = ("fill", "center", "scale")
_FIELDS: dict[str, type[np.generic]] = dict.fromkeys(
    (*_BY_FEATURE, "points", "weight", "gamma", "offset"), np.float64
)


@dataclass(frozen=True, slots=True, eq=False)
class OneClassSvm(Served):
    """A fitted machine over F features with m points of support; its score is 0 on the border it has learned.

    The score is ``offset - sum(weight * exp(-gamma * |z - point|**2))``, minus the `decision_function` of
    scikit-learn's OneClassSVM, or of its Nystroem map with SGDOneClassSVM: there the map and the plane are
    multiplied out, so that both kinds are served by one loop. Far from all points the score is `offset`, and
    does not rise any more.

    `z` is the vector with a missing value (NaN) set to the median that the feature had in training (0 when it
    was always missing), values beyond the largest float32 set to that, and then, with `scaling: standard`,
    less the training mean and over the training deviation.

    Parameters
    ----------
    fill, center, scale
        float64[F]: what stands for a missing value, and how a feature is scaled.
    points
        float64[m * F]: the points of support as scaled, one after another.
    weight
        float64[m]: how much each point counts.
    gamma
        How fast the kernel falls.
    offset
        The score far from all points.
    """

    kind: ClassVar[str] = "one_class_svm"
    SUPERVISED: ClassVar[bool] = False
    PARAMETERS: ClassVar[tuple[Constraint, ...]] = (
        Constraint(
            "approximation",
            "text",
            "auto",
            f"How the kernel is used: exact (slow to train and to serve above a few thousand rows), nystroem "
            f"(the same cost to serve however many rows), or auto: exact up to {EXACT_ROWS:,} rows.",
            choices=("auto", "exact", "nystroem"),
        ),
        Constraint("nu", "number", 0.5, "The share of training rows left outside.", above=0, maximum=1),
        Constraint(
            "gamma",
            "number",
            1.0,
            "How fast the kernel exp(-gamma / features * distance**2) falls; 1 is scikit-learn's 'auto'.",
            minimum=1e-6,
            maximum=1e6,
        ),
        Constraint(
            "components",
            "integer",
            256,
            "How many training rows the Nystroem map is made of.",
            minimum=1,
            maximum=4_096,
        ),
        Constraint(
            "scaling",
            "text",
            "standard",
            "Whether features are scaled to mean 0 and deviation 1, or taken as they come.",
            choices=("standard", "none"),
        ),
    )

    fill: Floats
    center: Floats
    scale: Floats
    points: Floats
    weight: Floats
    gamma: float
    offset: float

    def __post_init__(self) -> None:
        _check(self)
        points, weight = blocks_of(self.points.reshape(self.weight.size, -1), self.weight)
        scaling = (getattr(self, name).copy() for name in _BY_FEATURE)
        tables = (*scaling, points, weight, float(self.gamma), float(self.offset))
        self._serve(self.fill.size, outside_one, outside_rows, tables)
        self._close(*_BY_FEATURE, "points", "weight")

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
        """Learn where the rows of X float64[n, F] are dense, NaN for missing.

        Exact takes O(n**2 F) and more; nystroem O(n m (F + m)) for m components and is drawn by the seed.

        Parameters
        ----------
        progress
            Called with (rows learned, rows in all), a row as often as it is looked at.

        Raises
        ------
        ParameterInvalid, DataInvalid
            For parameters out of range, for anything that is not such a matrix, and for more than 50,000 rows
            with `approximation: exact`.
        ExtraMissing
            When scikit-learn is not installed.
        """
        settings = validate(parameters, cls.PARAMETERS)
        check_seed(seed)
        check_training_matrix(X, most_features=MOST_FEATURES)
        exact = _is_exact(str(settings["approximation"]), X.shape[0])
        try:
            import sklearn.svm  # noqa: F401 - asked for before the work begins
        except ImportError as cause:
            raise ExtraMissing("train", "Training a one-class SVM") from cause
        rows, fill = filled(X)
        center, scale = _scaled(rows, str(settings["scaling"]))
        gamma = float(settings["gamma"]) / rows.shape[1]
        learn = _exact if exact else _nystroem
        points, weight, offset = learn(rows, gamma, settings, seed, progress or silent)
        return cls(fill, center, scale, np.ascontiguousarray(points).ravel(), weight, gamma, offset)

    def arrays(self) -> Arrays:
        """The machine as plain arrays, for a bundle."""
        own: Arrays = {"gamma": np.array([self.gamma]), "offset": np.array([self.offset])}
        return {name: getattr(self, name) for name in _FIELDS if name not in own} | own

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The machine back from `arrays()`.

        Raises
        ------
        BundleInvalid
            When they are not the arrays of such a machine; nothing hostile passes.
        """
        read = read_arrays(arrays, _FIELDS, "one_class_svm")
        gamma, offset = pop_single(read, "one_class_svm", "gamma", "offset")
        return cls(**read, gamma=gamma, offset=offset)


def warm_up(progress: Callable[[str], None] | None = None) -> None:
    """Compile the scoring loops or load them from numba's cache; says so first, since cold takes seconds."""
    if progress:
        progress("compiling the scoring of kernel machines")
    machine = OneClassSvm(np.zeros(1), np.zeros(1), np.ones(1), np.zeros(1), np.ones(1), 1.0, 0.5)
    machine.score_one(np.zeros(1))
    machine.score_many(np.zeros((1, 1)))


def _is_exact(approximation: str, rows: int) -> bool:
    if approximation == "exact" and rows > MOST_EXACT_ROWS:
        few = f"at most {MOST_EXACT_ROWS:,} rows with approximation 'exact'"
        raise DataInvalid(Fault("X", few, f"{rows:,} rows", "use approximation 'nystroem'"))
    return approximation == "exact" or (approximation == "auto" and rows <= EXACT_ROWS)


def _scaled(rows: Floats, scaling: str) -> tuple[Floats, Floats]:
    """Scale the rows in place; (what was taken away, what it was divided by)."""
    if scaling == "none":
        return np.zeros(rows.shape[1]), np.ones(rows.shape[1])
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler(copy=False).fit(rows)
    scaler.transform(rows)
    return scaler.mean_, scaler.scale_


def _exact(
    rows: Floats, gamma: float, settings: Mapping[str, Value], _seed: int, progress: Progress
) -> tuple[Floats, Floats, float]:
    """(points, weights, offset) of scikit-learn's OneClassSVM; nothing there is left to chance."""
    from sklearn.svm import OneClassSVM

    progress(0, len(rows))
    machine = OneClassSVM(gamma=gamma, nu=float(settings["nu"])).fit(rows)
    progress(len(rows), len(rows))
    return machine.support_vectors_, machine.dual_coef_[0].copy(), -float(machine.intercept_[0])


def _nystroem(
    rows: Floats, gamma: float, settings: Mapping[str, Value], seed: int, progress: Progress
) -> tuple[Floats, Floats, float]:
    """(points, weights, offset) of scikit-learn's Nystroem map and SGDOneClassSVM, multiplied out."""
    from sklearn.kernel_approximation import Nystroem
    from sklearn.linear_model import SGDOneClassSVM

    components = min(int(settings["components"]), len(rows))
    kernel = Nystroem(gamma=gamma, n_components=components, random_state=seed).fit(rows)
    plane = SGDOneClassSVM(nu=float(settings["nu"]), random_state=seed)
    total, done = len(rows) * _passes(len(rows)), 0
    progress(0, total)
    for chunk in _chunks(len(rows), seed):
        plane.partial_fit(kernel.transform(rows[chunk]))
        done += chunk.size
        progress(done, total)
    return kernel.components_, kernel.normalization_.T @ plane.coef_, float(plane.offset_[0])


def _passes(count: int) -> int:
    """How often each row is looked at: for _STEPS steps in all, at least once and not without end."""
    return max(1, min(_MOST_PASSES, -(-_STEPS // count)))


def _chunks(count: int, seed: int) -> Iterator[npt.NDArray[np.int64]]:
    """The rows of each step, in an order drawn anew for each pass."""
    chance = np.random.default_rng(seed)
    for _ in range(_passes(count)):
        order = chance.permutation(count)
        yield from (order[begin : begin + _CHUNK] for begin in range(0, count, _CHUNK))


def _check(machine: OneClassSvm) -> None:
    """Refuse arrays of other sizes, and numbers that could make a score that is none."""
    width, count = machine.fill.size, machine.weight.size
    if not 1 <= width <= MOST_FEATURES or machine.center.size != width or machine.scale.size != width:
        raise BundleInvalid(
            f"one_class_svm: expected 1 to {MOST_FEATURES} features in fill, center and scale."
        )
    if count < 1 or machine.points.size != count * width:
        raise BundleInvalid(f"one_class_svm.points: expected {width} features for each of {count} weights.")
    for name in ("fill", "center", "points"):
        if not (np.abs(getattr(machine, name)) <= LARGEST).all():
            raise BundleInvalid(f"one_class_svm.{name}: expected numbers within those of float32.")
    heavy = np.abs(machine.weight).max() if np.isfinite(machine.weight).all() else math.inf
    if heavy > _HEAVIEST or not abs(machine.offset) <= _HEAVIEST * count:
        raise BundleInvalid(f"one_class_svm.weight: expected numbers of at most {_HEAVIEST:g}.")
    if not (np.isfinite(machine.scale) & (machine.scale > 0)).all() or not 0 < machine.gamma < math.inf:
        raise BundleInvalid("one_class_svm.scale: expected finite numbers above 0, and so for gamma.")
