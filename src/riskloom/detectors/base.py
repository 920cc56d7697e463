"""What every detector offers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, Self, cast

import numpy as np
import numpy.typing as npt

from riskloom.errors import BundleInvalid, DataInvalid, Fault, ParameterInvalid, show
from riskloom.params import Constraint

Floats = npt.NDArray[np.float64]
Arrays = dict[str, npt.NDArray[Any]]
Progress = Callable[[int, int], None]

Holdout = tuple[Floats, Floats]
"""Rows float64[m, F] that training does not learn from, and their labels float64[m]."""

SEED_LIMIT = 2**32


class Detector(Protocol):
    """An algorithm, or once fitted a model: values in, `anomaly_score` out, higher is more suspicious."""

    kind: ClassVar[str]
    PARAMETERS: ClassVar[tuple[Constraint, ...]]
    SUPERVISED: ClassVar[bool]

    @property
    def width(self) -> int:
        """How many features a vector has."""
        ...

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
        """Learn from rows of feature vectors; the same rows, seed and parameters give the same model.

        Parameters
        ----------
        X
            float64[n, F] in order of time where there is one, NaN for missing.
        labels
            float64[n] of 0 and 1, needed by supervised kinds; the others ignore it.
        holdout
            Later rows, and their labels, that early stopping may look at. Without it nothing stops early.
        """
        ...

    def score_one(self, x: Floats) -> float:
        """The anomaly score of one vector."""
        ...

    def score_many(self, X: Floats) -> Floats:
        """The anomaly scores of many vectors, bit for bit those of `score_one`."""
        ...

    def arrays(self) -> Arrays:
        """The model as plain arrays, for a bundle."""
        ...

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """The model back from its arrays; they may come from anybody and are checked."""
        ...


def check_training_matrix(X: object, *, most_features: int) -> None:
    """Refuse what is not a matrix with at least one row and one feature.

    Raises
    ------
    DataInvalid
        Saying which shape came.
    """
    shape = np.shape(X) if isinstance(X, np.ndarray) else ()
    if len(shape) != 2 or shape[0] < 1 or not 1 <= shape[1] <= most_features:
        came = f"shape {shape}" if isinstance(X, np.ndarray) else show(X)
        raise DataInvalid(Fault("X", f"rows of 1 to {most_features} features, at least one row", came))


def check_seed(seed: int) -> None:
    """Refuse what is not a seed: an integer from 0 to 2**32 - 1."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < SEED_LIMIT:
        raise ParameterInvalid(Fault("seed", f"an integer from 0 to {SEED_LIMIT - 1}", show(seed)))


def check_labels(labels: object, rows: int) -> Floats:
    """The labels of a supervised fit as float64[rows] of 0 and 1, both there.

    Raises
    ------
    DataInvalid
        When they are missing, of another length, of other values, or all alike.
    """
    values = np.asarray(labels, np.float64) if isinstance(labels, np.ndarray) else np.empty(0)
    if values.shape != (rows,) or not np.isin(values, (0.0, 1.0)).all():
        came = f"shape {values.shape}" if isinstance(labels, np.ndarray) else show(labels)
        raise DataInvalid(Fault("labels", f"{rows} labels, each 0 or 1", came))
    if values.min() == values.max():
        raise DataInvalid(Fault("labels", "both frauds and honest rows", f"only {values[0]:g}"))
    return values


def read_arrays(
    arrays: Mapping[str, npt.NDArray[Any]], expected: Mapping[str, type[np.generic]], what: str
) -> Arrays:
    """Copies of exactly the expected one-dimensional arrays, by name.

    Raises
    ------
    BundleInvalid
        When an array is missing, too many, or of another type or dimension.
    """
    if set(arrays) != set(expected):
        raise BundleInvalid(
            f"{what}: expected the arrays {', '.join(sorted(expected))}, "
            f"got {', '.join(sorted(map(str, arrays)))}."
        )
    for name, scalar in expected.items():
        array = arrays[name]
        if not isinstance(array, np.ndarray) or array.dtype != np.dtype(scalar) or array.ndim != 1:
            came = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else show(array)
            raise BundleInvalid(f"{what}.{name}: expected {np.dtype(scalar)} of one dimension, got {came}.")
    return {name: np.array(arrays[name]) for name in expected}


def as_numbers(X: npt.NDArray[Any]) -> Floats:
    """A copy of a training matrix as float64[n, F], row by row in memory.

    Raises
    ------
    DataInvalid
        When it holds something else than numbers.
    """
    try:
        return np.array(X, np.float64, order="C")
    except (TypeError, ValueError) as cause:
        raise DataInvalid(Fault("X", "numbers", show(X.dtype))) from cause


def as_row(x: object, width: int) -> Floats:
    """A copy of one vector as float64[F], whatever it was: a list, a read-only or strided row, float32.

    Raises
    ------
    DataInvalid
        When it has another shape.
    """
    row = np.array(x, np.float64)
    if row.shape != (width,):
        raise DataInvalid(Fault("x", f"a vector of {width} features", f"shape {row.shape}"))
    return row


def as_rows(X: object, width: int) -> Floats:
    """Vectors as float64[n, F], row by row in memory and writable, so that no layout compiles a loop anew.

    Raises
    ------
    DataInvalid
        When they have another width.
    """
    rows = np.require(X, np.float64, ["C", "W"])
    if rows.ndim != 2 or rows.shape[1] != width:
        raise DataInvalid(Fault("X", f"rows of {width} features", f"shape {rows.shape}"))
    return cast("Floats", rows)


def pop_single(read: Arrays, what: str, *names: str) -> list[Any]:
    """Take arrays of one number out of `read`, as plain numbers.

    Raises
    ------
    BundleInvalid
        When one has another size.
    """
    taken = {name: read.pop(name) for name in names}
    for name, array in taken.items():
        if array.size != 1:
            raise BundleInvalid(f"{what}.{name}: expected one number, got {array.size}.")
    return [array[0].item() for array in taken.values()]


def silent(done: int, total: int) -> None:
    """The progress that tells nobody."""
