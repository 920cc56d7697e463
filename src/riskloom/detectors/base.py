"""What every detector offers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import numpy.typing as npt

from riskloom.errors import BundleInvalid, DataInvalid, Fault, ParameterInvalid, show
from riskloom.params import Constraint

Floats = npt.NDArray[np.float64]
Arrays = dict[str, npt.NDArray[Any]]
Progress = Callable[[int, int], None]

SEED_LIMIT = 2**32


class Detector(Protocol):
    """An algorithm, or once fitted a model: values in, `anomaly_score` out, higher is more suspicious."""

    kind: ClassVar[str]
    PARAMETERS: ClassVar[tuple[Constraint, ...]]

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
        progress: Progress | None = None,
    ) -> Self:
        """Learn from rows of feature vectors; the same rows, seed and parameters give the same model."""
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
