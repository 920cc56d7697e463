"""How a linear model and a network see a vector: without gaps, within limits, of mean 0 and deviation 1.

A kind that uses it keeps the five arrays with its own, so a model takes raw features and needs no preparation
before it. `one_class_svm` shares only the filling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from riskloom.detectors.base import Arrays, Floats, as_numbers
from riskloom.errors import BundleInvalid

LARGEST = float(np.finfo(np.float32).max)
TAIL = 0.001
SPANS = 3.0

_SMALLEST = 1e-100
_FIELDS = ("fill", "lower", "upper", "center", "scale")

STANDARD_FIELDS: Mapping[str, type[np.generic]] = dict.fromkeys(_FIELDS, np.float64)
"""What `read_arrays` expects of a kind that holds a `Standard`."""


@dataclass(frozen=True, slots=True, eq=False)
class Standard:
    """The scaling of F features; all arrays float64[F].

    Parameters
    ----------
    fill
        What stands for a missing value: the median of training, 0 when it was always missing.
    lower, upper
        Values beyond are taken as these, infinities too: the span between the 0.1 % and the 99.9 % quantile
        of training (of all values when those are equal) and three times that on either side. So ordinary
        large values count as they are, and one wild one neither spoils the scale nor overflows. A constant
        stays that constant, whatever comes.
    center, scale
        Mean and deviation of the training rows after that; 1 for a constant.
    """

    fill: Floats
    lower: Floats
    upper: Floats
    center: Floats
    scale: Floats

    @classmethod
    def fit(cls, X: npt.NDArray[np.generic]) -> tuple[Self, Floats]:
        """(the scaling that rows float64[n, F] ask for, those rows scaled)."""
        rows, fill = filled(X)
        lower, upper = _limits(rows)
        np.clip(rows, lower, upper, out=rows)
        center = rows.mean(axis=0)
        rows -= center
        scale = np.sqrt(np.mean(rows * rows, axis=0))
        constant = scale <= np.maximum(10 * np.finfo(np.float64).eps * np.abs(center), _SMALLEST)
        scale[constant] = 1.0
        rows /= scale
        return cls(fill, lower, upper, center, scale), rows

    def apply(self, X: npt.NDArray[np.generic]) -> Floats:
        """Rows float64[n, F] scaled as in training; a missing value as the fill is."""
        rows = as_numbers(X)
        gaps = np.isnan(rows)
        rows[gaps] = np.broadcast_to(self.fill, rows.shape)[gaps]
        return (np.clip(rows, self.lower, self.upper) - self.center) / self.scale

    def arrays(self) -> Arrays:
        """The scaling as plain arrays."""
        return {name: getattr(self, name) for name in _FIELDS}

    def packed(self) -> Floats:
        """The five arrays one after another, as the compiled loops read them."""
        return np.concatenate([getattr(self, name) for name in _FIELDS])

    def close(self) -> None:
        """Make the arrays read-only."""
        for name in _FIELDS:
            getattr(self, name).setflags(write=False)

    @classmethod
    def read(cls, read: Arrays, what: str, most_features: int) -> Self:
        """Take the five arrays out of `read`.

        Raises
        ------
        BundleInvalid
            When they are of different sizes, or no scaling: beyond float32, limits that cross, scale not
            above 0.
        """
        made = cls(*(read.pop(name) for name in _FIELDS))
        made.check(what, most_features)
        return made

    def check(self, what: str, most_features: int) -> None:
        """Refuse what is no scaling of 1 to `most_features` features."""
        arrays = [getattr(self, name) for name in _FIELDS]
        if not 1 <= self.fill.size <= most_features or len({array.size for array in arrays}) != 1:
            raise BundleInvalid(
                f"{what}: expected 1 to {most_features} features in each of {', '.join(_FIELDS)}."
            )
        for name in _FIELDS[:4]:
            if not (np.abs(getattr(self, name)) <= LARGEST).all():
                raise BundleInvalid(f"{what}.{name}: expected numbers within those of float32.")
        if not (self.lower <= self.upper).all():
            raise BundleInvalid(f"{what}.lower: expected limits below those in upper.")
        if not ((self.scale >= _SMALLEST) & (self.scale <= LARGEST)).all():
            raise BundleInvalid(f"{what}.scale: expected numbers from {_SMALLEST:g} to those of float32.")


def filled(X: npt.NDArray[np.generic]) -> tuple[Floats, Floats]:
    """(a copy of X without gaps and within float32, the median that each gap was filled with).

    Raises
    ------
    DataInvalid
        When X holds something else than numbers.
    """
    rows = as_numbers(X)
    np.clip(rows, -LARGEST, LARGEST, out=rows)
    fill = np.zeros(rows.shape[1])
    for at in range(rows.shape[1]):
        gaps = np.isnan(rows[:, at])
        if not gaps.all():
            fill[at] = np.median(rows[~gaps, at])
        rows[gaps, at] = fill[at]
    return rows, fill


def _limits(rows: Floats) -> tuple[Floats, Floats]:
    """(lowest, highest) value of each feature that counts as it is."""
    low = np.quantile(rows, TAIL, axis=0, method="lower")
    high = np.quantile(rows, 1 - TAIL, axis=0, method="higher")  # values that were there, not between
    alike = low == high
    low[alike], high[alike] = rows[:, alike].min(axis=0), rows[:, alike].max(axis=0)
    span = SPANS * (high - low)
    return np.maximum(low - span, -LARGEST), np.minimum(high + span, LARGEST)
