"""Whether a probability means what it says."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from riskloom.errors import DataInvalid, Fault, ParameterInvalid, nearest, show
from riskloom.measure.interval import wilson
from riskloom.measure.result import Result
from riskloom.measure.steps import Flags, Floats, Integers, Labels, check_count, check_scored, count_steps

Binning = Literal["width", "rows", "expected"]
BINNINGS = ("width", "rows", "expected")


@dataclass(frozen=True, slots=True)
class ReliabilityBin(Result):
    """Rows of similar probability: from `lowest` to `highest`, `mean_probability` beside the `fraud_rate`.

    `rate_low` and `rate_high` are the 95 % score interval of the fraud rate.
    """

    lowest: float
    highest: float
    rows: int
    frauds: int
    mean_probability: float
    fraud_rate: float
    rate_low: float
    rate_high: float


@dataclass(frozen=True, slots=True)
class Calibration(Result):
    """How far probabilities are from what happened.

    `brier_skill` is 1 for perfect and 0 for always saying the fraud rate; the Brier score alone is tiny
    wherever fraud is rare. `expected_calibration_error` has ten bins of equal width, `error_by_rows` ten of
    equal size.
    """

    rows: int
    frauds: int
    mean_probability: float
    fraud_rate: float
    brier: float
    brier_skill: float
    log_loss: float
    expected_calibration_error: float
    error_by_rows: float
    bins: tuple[ReliabilityBin, ...]


def measure_calibration(labels: Labels, probabilities: npt.ArrayLike, bins: int = 10) -> Calibration:
    """All of it at once, with reliability bins of equal expected fraud, where rare fraud is seen best.

    Parameters
    ----------
    labels
        n values, 1 (or True) for fraud and 0 for the rest.
    probabilities
        n numbers from 0 to 1.

    Raises
    ------
    DataInvalid, ParameterInvalid
        For other columns; for a count of bins below 1.
    """
    fraud, probability = _checked(labels, probabilities)
    rows, frauds = fraud.size, int(fraud.sum())
    rate = frauds / rows if rows else math.nan
    score = brier(labels, probabilities)
    always = rate * (1 - rate)
    return Calibration(
        rows,
        frauds,
        float(probability.mean()) if rows else math.nan,
        rate,
        score,
        1 - score / always if always > 0 else math.nan,
        log_loss(labels, probabilities),
        expected_calibration_error(labels, probabilities),
        expected_calibration_error(labels, probabilities, by="rows"),
        reliability_bins(labels, probabilities, bins, by="expected"),
    )


def brier(labels: Labels, probabilities: npt.ArrayLike) -> float:
    """The mean squared distance of the probability from what happened (0 or 1); NaN without rows.

    >>> brier([0, 1], [0.0, 0.5])
    0.125
    """
    fraud, probability = _checked(labels, probabilities)
    return float(((probability - fraud) ** 2).mean()) if fraud.size else math.nan


def log_loss(labels: Labels, probabilities: npt.ArrayLike) -> float:
    """The mean of -log of the probability given to what happened; a certainty that was wrong counts as 2^-52.

    >>> round(log_loss([0, 1], [0.5, 0.5]), 4)
    0.6931
    """
    fraud, probability = _checked(labels, probabilities)
    if not fraud.size:
        return math.nan
    least = np.finfo(np.float64).eps
    kept = np.clip(probability, least, 1 - least)
    return float(-np.log(np.where(fraud, kept, 1 - kept)).mean())


def expected_calibration_error(
    labels: Labels, probabilities: npt.ArrayLike, bins: int = 10, *, by: Binning = "width"
) -> float:
    """The distance of probability and fraud rate in each bin, weighted by rows; NaN without rows.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017.
    """
    found = reliability_bins(labels, probabilities, bins, by=by)
    rows = sum(each.rows for each in found)
    if not rows:
        return math.nan
    return sum(each.rows * abs(each.mean_probability - each.fraud_rate) for each in found) / rows


def reliability_bins(
    labels: Labels, probabilities: npt.ArrayLike, bins: int = 10, *, by: Binning = "width"
) -> tuple[ReliabilityBin, ...]:
    """Rows in bins of rising probability; empty bins are left out, equal probabilities are never parted.

    Parameters
    ----------
    by
        "width": [0, 1/bins), [1/bins, 2/bins), ..., the last with 1; "rows": about the same number of rows
        in each; "expected": about the same sum of probabilities in each, so that the rare high ones get bins
        of their own.
    """
    if by not in BINNINGS:
        raise ParameterInvalid(Fault("by", f"one of {', '.join(BINNINGS)}", show(by), nearest(by, BINNINGS)))
    fraud, probability = _checked(labels, probabilities)
    steps = count_steps(fraud, probability)
    place = _places(steps.scores, steps.rows, check_count("bins", bins), by)
    found = []
    for at in np.unique(place):
        inside = place == at
        rows, frauds = int(steps.rows[inside].sum()), int(steps.frauds[inside].sum())
        held = steps.scores[inside]
        share = wilson(frauds, rows)
        mean = float((held * steps.rows[inside]).sum()) / rows
        found.append(
            ReliabilityBin(
                float(held[-1]), float(held[0]), rows, frauds, mean, share.value, share.low, share.high
            )
        )
    return tuple(found)


def _places(values: Floats, rows: Integers, bins: int, by: Binning) -> Integers:
    """The bin of each distinct probability; they come falling."""
    if by == "width":
        edges = np.arange(1, bins) / bins
        return np.asarray(np.searchsorted(edges, values, side="right"), np.int64)
    weight = rows.astype(np.float64) * (values if by == "expected" else 1.0)
    total = weight.sum()
    if not total > 0:
        return np.zeros(values.size, np.int64)
    above = np.cumsum(weight) - weight
    from_below = total - above - weight / 2
    return np.asarray(np.minimum(from_below / total * bins, bins - 1), np.int64)


def _checked(labels: Labels, probabilities: npt.ArrayLike) -> tuple[Flags, Floats]:
    fraud, probability = check_scored(labels, probabilities)
    if not ((probability >= 0) & (probability <= 1)).all():
        raise DataInvalid(Fault("probabilities", "numbers from 0 to 1", show(probability)))
    return fraud, probability
