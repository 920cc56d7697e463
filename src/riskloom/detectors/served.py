"""`Served`: what all kinds share whose model is a few tables read by a pair of compiled loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from riskloom.detectors.base import Floats, as_row, as_rows


class Served:
    """`score_one` and `score_many` over tables, and the arrays of the model closed to writing.

    A kind calls `_serve` once it is made and checked, with its loops `one(row, *tables)` and
    `many(rows, *tables, out)`; they must read nothing but their arguments.
    """

    __slots__ = ("_many", "_one", "_shape", "_tables")

    _one: Callable[..., float]
    _many: Callable[..., None]
    _shape: tuple[int]
    _tables: tuple[Any, ...]

    def _serve(self, width: int, one: Callable[..., float], many: Callable[..., None], *tables: Any) -> None:
        """Take loops and tables for rows of so many features; tables are writable and this model's own."""
        for name, value in (("_shape", (width,)), ("_one", one), ("_many", many), ("_tables", tables)):
            object.__setattr__(self, name, value)

    def _close(self, *names: str) -> None:
        """Make the arrays of these names read-only."""
        for name in names:
            getattr(self, name).setflags(write=False)

    @property
    def width(self) -> int:
        """How many features a vector has."""
        return self._shape[0]

    def score_one(self, x: Floats) -> float:
        """The anomaly score of one vector float64[F]; keeps nothing.

        Raises
        ------
        DataInvalid
            When the vector has another shape.
        """
        row = np.array(x, np.float64)
        if row.shape != self._shape:
            as_row(x, self.width)  # says what is wrong
        return self._one(row, *self._tables)

    def score_many(self, X: Floats) -> Floats:
        """The anomaly scores float64[n] of rows float64[n, F]: the loop of `score_one`, the GIL released.

        Raises
        ------
        DataInvalid
            When the rows have another width.
        """
        rows = as_rows(X, self.width)
        out = np.empty(rows.shape[0], np.float64)
        self._many(rows, *self._tables, out)
        return out
