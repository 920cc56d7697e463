"""Curves to look at: precision over recall, recall over false positives, thinned to what the eye can see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from riskloom.errors import DataInvalid, Fault
from riskloom.measure.result import Result
from riskloom.measure.steps import Floats
from riskloom.measure.threshold import Sweep

CELLS = 240


@dataclass(frozen=True, slots=True)
class Curve(Result):
    """Points (x, y) from the highest threshold down; `thresholds` of the same length."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    thresholds: tuple[float, ...]


def roc_points(sweep: Sweep, cells: int = CELLS) -> Curve:
    """Recall over the false positive rate, from (0, 0) to (1, 1)."""
    return thin(sweep.false_positive_rate, sweep.recall, sweep.thresholds, cells)


def precision_recall_points(sweep: Sweep, cells: int = CELLS) -> Curve:
    """Precision over recall; starts at the highest score, as nothing flagged has no precision."""
    return thin(sweep.recall[1:], sweep.precision[1:], sweep.thresholds[1:], cells)


def thin(x: Floats, y: Floats, thresholds: Floats, cells: int = CELLS) -> Curve:
    """The points where the curve enters another cell of a fine grid, with both ends.

    A drawn line moves by less than a cell; at most 2 * cells + 2 points of a rising curve are left, and at
    most cells of the x axis times the swings of y of any other. Undefined points are left out.

    Raises
    ------
    DataInvalid
        When the three differ in length.
    """
    if not x.shape == y.shape == thresholds.shape:
        raise DataInvalid(Fault("curve", "x, y and thresholds of one length", f"{x.shape}, {y.shape}"))
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    x, y, thresholds = x[known], y[known], thresholds[known]
    if x.size:
        cell = np.stack([_cell(x, cells), _cell(y, cells)])
        moved = (cell[:, 1:] != cell[:, :-1]).any(axis=0)
        kept = np.append(True, moved) | np.append(moved, True)
        x, y, thresholds = x[kept], y[kept], thresholds[kept]
    return Curve(tuple(x.tolist()), tuple(y.tolist()), tuple(thresholds.tolist()))


def _cell(values: Floats, cells: int) -> Floats:
    low, high = values.min(), values.max()
    width = (high - low) / cells or 1.0
    return np.asarray(np.floor((values - low) / width), np.float64)
