"""Intervals by resampling: what the same measures would have been, had chance drawn other rows.

Rank measures see nothing of the legitimate rows but how many lie above, between and at the scores of the
frauds. So legitimate rows are counted once into those cells, and a replicate draws counts of cells: its cost
depends on the number of frauds, hardly on the number of rows. Several detectors are resampled together, on
the same drawn rows, so that their differences have intervals, too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskloom.errors import Fault, ParameterInvalid, show
from riskloom.measure.cost import CostMatrix
from riskloom.measure.interval import Estimate
from riskloom.measure.resample import Ranked, rank, replicate_measures, replicates_of
from riskloom.measure.result import Result
from riskloom.measure.steps import (
    Flags,
    Floats,
    Labels,
    check_amounts,
    check_column,
    check_count,
    check_scored,
    check_share,
)

REPLICATES = 1_000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Resampled(Result):
    """A detector's measures with intervals, and by how much they exceed those of the one compared with.

    `differences` are paired: both detectors on the same drawn rows. `replicates` says how many were drawn;
    those in which a measure was not defined (no alert, no fraud) are left out of its interval.
    """

    measures: Mapping[str, Estimate]
    differences: Mapping[str, Estimate]
    replicates: int


def bootstrap_one(
    labels: Labels,
    scores: npt.ArrayLike,
    *,
    threshold: float | None = None,
    amounts: npt.ArrayLike | None = None,
    matrix: CostMatrix | None = None,
    blocks: npt.ArrayLike | None = None,
    fpr: float = 0.01,
    replicates: int = REPLICATES,
    level: float = LEVEL,
    seed: int = 0,
) -> Mapping[str, Estimate]:
    """Measures of one detector with percentile intervals.

    Parameters
    ----------
    labels, scores
        n values as for `ranking.roc_auc`.
    threshold
        Where rows are flagged from; without it only rank measures are returned.
    amounts, matrix
        With a threshold: value detected, and cost.
    blocks
        n ids of entities, or n days: whole blocks are drawn, which is right when the rows of a block hang
        together (the frauds of one card). Without them frauds and legitimate rows are drawn one by one, as
        many of each as there are.
    fpr
        The false positive rate of `recall_at_fpr`.
    seed
        The same seed gives the same intervals.

    Returns
    -------
    By name: roc_auc, average_precision, recall_at_fpr; with a threshold precision, recall, f1,
    false_positives_per_fraud, and with amounts value_detected, with a matrix cost.

    Raises
    ------
    DataInvalid, ParameterInvalid
        As the measures themselves.
    """
    found = bootstrap_many(
        labels,
        {"": scores},
        thresholds=None if threshold is None else {"": threshold},
        amounts=amounts,
        matrix=matrix,
        blocks=blocks,
        fpr=fpr,
        replicates=replicates,
        level=level,
        seed=seed,
    )
    return found[""].measures


def bootstrap_many(
    labels: Labels,
    scores: Mapping[str, npt.ArrayLike],
    *,
    thresholds: Mapping[str, float] | None = None,
    against: str | None = None,
    amounts: npt.ArrayLike | None = None,
    matrix: CostMatrix | None = None,
    blocks: npt.ArrayLike | None = None,
    fpr: float = 0.01,
    replicates: int = REPLICATES,
    level: float = LEVEL,
    seed: int = 0,
) -> Mapping[str, Resampled]:
    """Measures of several detectors on the same rows, with intervals and with paired differences.

    Parameters
    ----------
    scores
        By detector: n scores.
    thresholds
        By detector: where it flags from; one without a threshold has rank measures only.
    against
        The detector that the differences refer to (theirs minus its); without it there are none.

    The rest as for `bootstrap_one`.
    """
    wanted = check_count("replicates", replicates)
    rate, tail = check_share("fpr", fpr), (1 - check_share("level", level)) / 2
    if against is not None and against not in scores:
        raise ParameterInvalid(Fault("against", f"one of {', '.join(scores)}", show(against)))
    ranked: dict[str, Ranked] = {}
    fraud: Flags = np.empty(0, np.bool_)
    for name, column in scores.items():
        fraud, score = check_scored(labels, column)
        ranked[name] = rank(fraud, score, (thresholds or {}).get(name))
    amount = None if amounts is None else check_amounts(amounts, fraud.size)[fraud].astype(np.float64)
    block = None if blocks is None else check_column("blocks", blocks, fraud.size)
    drawn: dict[str, list[Mapping[str, Floats]]] = {name: [] for name in ranked}
    for replicates_now in replicates_of(fraud, list(ranked.values()), block, wanted, seed):
        for (name, one), cells in zip(ranked.items(), replicates_now.cells, strict=True):
            drawn[name].append(
                replicate_measures(
                    one, replicates_now.frauds, cells, rate=rate, amounts=amount, matrix=matrix
                )
            )
    every = {
        name: {measure: np.concatenate([part[measure] for part in parts]) for measure in parts[0]}
        for name, parts in drawn.items()
    }
    return {
        name: Resampled(
            {measure: _estimate(values, tail) for measure, values in measures.items()},
            _differences(measures, {} if against in (None, name) else every[str(against)], tail),
            wanted,
        )
        for name, measures in every.items()
    }


def bootstrap_mean(
    values: npt.ArrayLike, *, replicates: int = REPLICATES, level: float = LEVEL, seed: int = 0
) -> Estimate:
    """The mean of values, one for each day, with an interval over days; needs at least two of them.

    With few days it is too narrow (by a factor of about √(1 - 1/n) and the tails of Student's t): seven days
    give a hint, not a guarantee.

    >>> bootstrap_mean([0.5, 0.5, 0.5])
    Estimate(value=0.5, low=0.5, high=0.5)
    """
    column = check_column("values", values).astype(np.float64)
    mean = float(column.mean()) if column.size else math.nan
    if column.size < 2:
        return Estimate(mean)
    tail = (1 - check_share("level", level)) / 2
    chance = np.random.default_rng(seed)
    chosen = chance.integers(0, column.size, (check_count("replicates", replicates), column.size))
    low, high = np.quantile(column[chosen].mean(axis=1), (tail, 1 - tail))
    return Estimate(mean, float(low), float(high))


def _differences(
    own: Mapping[str, Floats], others: Mapping[str, Floats], tail: float
) -> Mapping[str, Estimate]:
    with np.errstate(invalid="ignore"):  # infinite in both: no difference is known
        return {
            measure: _estimate(own[measure] - values, tail)
            for measure, values in others.items()
            if measure in own
        }


def _estimate(values: Floats, tail: float) -> Estimate:
    """The first value is the measured one, the rest are drawn."""
    value, drawn = float(values[0]), values[1:]
    known = drawn[np.isfinite(drawn)]
    if math.isnan(value) or known.size < max(2, drawn.size // 2):
        return Estimate(value)
    low, high = np.quantile(known, (tail, 1 - tail))
    return Estimate(value, float(low), float(high))
