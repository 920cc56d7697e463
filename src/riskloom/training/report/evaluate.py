"""From scores to a `DetectorEvaluation`: measures, intervals, curves, segments, days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.errors import DataInvalid, Fault
from riskloom.measure.bootstrap import REPLICATES, Resampled, bootstrap_many, bootstrap_mean
from riskloom.measure.calibration import measure_calibration
from riskloom.measure.cost import CostMatrix
from riskloom.measure.curves import precision_recall_points, roc_points
from riskloom.measure.groups import encode, measure_groups
from riskloom.measure.ranking import card_precision_at_k, daily_precision_at_k
from riskloom.measure.steps import Floats, Integers
from riskloom.measure.threshold import AtThreshold, measure_at, sweep_thresholds
from riskloom.training.report.evaluation import (
    Days,
    DetectorEvaluation,
    Distribution,
    PartFacts,
    SplitFacts,
    Sweep,
)
from riskloom.training.split import Parts

_POINTS = 160
_BINS = 48
_WIDEST_SHARE = 0.3
_HEAVY = 50.0
MOST_SEGMENTS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """The rows of the test that all detectors are judged on; n each, None where there are none.

    Parameters
    ----------
    labels
        1 for fraud, 0 for the rest.
    days, months
        Numbers and texts, from `measure.calendar`.
    entities
        What is investigated as a whole (the card), under `entity`, its name.
    amounts
        In minor units of the currency.
    segments
        By field: values to look at separately.
    """

    labels: npt.NDArray[Any]
    days: npt.NDArray[Any] | None = None
    months: npt.NDArray[Any] | None = None
    entities: npt.NDArray[Any] | None = None
    entity: str = "entity"
    amounts: npt.NDArray[Any] | None = None
    segments: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """A detector's scores of the judged rows, and the threshold that was chosen elsewhere."""

    name: str
    scores: Floats
    threshold: float
    probabilities: Floats | None = None
    importances: Mapping[str, float] = field(default_factory=dict)
    importance_of: str = ""
    validation: AtThreshold | None = None
    detail: str = ""
    seconds: float | None = None


def evaluate_many(
    judged: Judged,
    detectors: Sequence[Scored],
    *,
    chosen: str,
    matrix: CostMatrix | None = None,
    k: int = 100,
    fpr: float = 0.01,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> tuple[DetectorEvaluation, ...]:
    """Judge every detector on the same rows.

    Parameters
    ----------
    chosen
        The detector that the differences refer to.
    k
        How many looks a day there are, at payments and at entities.
    replicates
        Of the bootstrap: over entities where they are given, else over rows.

    Raises
    ------
    DataInvalid, ParameterInvalid
        As the measures.
    """
    if not np.size(judged.labels):
        raise DataInvalid(Fault("test", "rows to judge on", "none"))
    resampled = bootstrap_many(
        judged.labels,
        {one.name: one.scores for one in detectors},
        thresholds={one.name: one.threshold for one in detectors},
        against=chosen,
        amounts=judged.amounts,
        matrix=matrix,
        blocks=None if judged.entities is None else _blocks(judged.entities),
        fpr=fpr,
        replicates=replicates,
        seed=seed,
    )
    return tuple(_evaluate(judged, one, resampled[one.name], matrix, k, seed) for one in detectors)


def split_facts(
    parts: Parts, labels: npt.NDArray[Any], times_us: npt.NDArray[Any] | None = None, *, entity: str = ""
) -> SplitFacts:
    """A split in figures: rows, frauds and period of each part; labels and times are those of all rows."""
    facts = []
    for name, rows in parts.named().items():
        times = None if times_us is None or parts.periods is None else times_us[rows]
        facts.append(
            PartFacts(
                name,
                rows.size,
                int(np.count_nonzero(labels[rows] == 1)),
                None if times is None else int(times.min()),
                None if times is None else int(times.max()),
            )
        )
    delay = 0 if parts.periods is None else parts.periods.delay_us
    return SplitFacts(parts.scheme, tuple(facts), delay, parts.dropped.size, entity)


def _evaluate(
    judged: Judged, one: Scored, resampled: Resampled, matrix: CostMatrix | None, k: int, seed: int
) -> DetectorEvaluation:
    labels, scores = judged.labels, one.scores
    at = measure_at(labels, scores, one.threshold, amounts=judged.amounts, days=judged.days, matrix=matrix)
    sweep = sweep_thresholds(labels, scores, amounts=judged.amounts)
    days = _days(judged, scores, k)
    daily = {
        f"{'precision' if each.what == 'rows' else 'entity_precision'}_at_k": bootstrap_mean(
            each.precision.by_day, seed=seed
        )
        for each in days
    }
    groups: dict[str, Any] = {"amounts": judged.amounts, "matrix": matrix}
    return DetectorEvaluation(
        name=one.name,
        at=at,
        estimates={**resampled.measures, **daily},
        differences=resampled.differences,
        precision_recall=precision_recall_points(sweep),
        roc=roc_points(sweep),
        sweep=_sweep(judged, scores, matrix),
        distribution=_distribution(labels == 1, scores),
        days=days,
        calibration=None if one.probabilities is None else measure_calibration(labels, one.probabilities),
        importances=one.importances,
        importance_of=one.importance_of,
        segments={
            name: measure_groups(labels, scores, values, one.threshold, most=MOST_SEGMENTS, **groups)
            for name, values in judged.segments.items()
        },
        months=()
        if judged.months is None
        else measure_groups(labels, scores, judged.months, one.threshold, **groups),
        validation=one.validation,
        detail=one.detail,
        seconds=one.seconds,
    )


def _days(judged: Judged, scores: Floats, k: int) -> tuple[Days, ...]:
    if judged.days is None:
        return ()
    labels = judged.labels
    rows = Days(
        "rows",
        daily_precision_at_k(labels, scores, judged.days, k),
        daily_precision_at_k(labels, labels, judged.days, k),
    )
    if judged.entities is None:
        return (rows,)
    cards = _blocks(judged.entities)
    own = card_precision_at_k(labels, scores, cards, judged.days, k)
    return rows, Days(judged.entity, own, card_precision_at_k(labels, labels, cards, judged.days, k))


def _blocks(entities: npt.NDArray[Any]) -> Integers:
    """A number for each entity; rows without one are each their own."""
    _, place = encode(entities, entities.size)
    lacking = np.flatnonzero(place < 0)
    place[lacking] = -1 - np.arange(lacking.size)
    return place


def _sweep(judged: Judged, scores: Floats, matrix: CostMatrix | None) -> Sweep:
    """Thresholds from where 30 % of the rows are flagged up to the highest score, evenly drawn."""
    scale = _scale(scores)
    thresholds = _even(scores, 1 - _WIDEST_SHARE, _POINTS, scale)
    every = sweep_thresholds(judged.labels, scores, amounts=judged.amounts)
    at = np.searchsorted(-every.thresholds, -thresholds, side="right") - 1
    daily: dict[str, tuple[float, ...]] = {}
    if judged.days is not None:
        counts = _alerts_by_day(judged.days, scores, thresholds)
        low_high = np.quantile(counts, (0.1, 0.9), axis=0)
        daily = {
            "alerts_per_day": _plain(counts.mean(axis=0)),
            "alerts_low": _plain(low_high[0]),
            "alerts_high": _plain(low_high[1]),
        }
    has_cost = matrix is not None and judged.amounts is not None
    return Sweep(
        _plain(thresholds),
        _plain(every.alerts[at] / max(1, every.rows)),
        _plain(every.precision[at]),
        _plain(every.recall[at]),
        cost=_plain(every.cost(matrix)[at]) if matrix is not None and has_cost else (),
        scale=scale,
        **daily,
    )


def _alerts_by_day(days: npt.NDArray[Any], scores: Floats, thresholds: Floats) -> Floats:
    """Alerts at each threshold, shape (days, thresholds)."""
    _, day = np.unique(days, return_inverse=True)
    place = np.searchsorted(thresholds, scores, side="right")
    width = thresholds.size + 1
    counts = np.bincount(day * width + place, minlength=(int(day.max(initial=0)) + 1) * width)
    reached = np.cumsum(counts.reshape(-1, width)[:, ::-1], axis=1)[:, ::-1]
    return reached[:, 1:].astype(np.float64)


def _distribution(fraud: npt.NDArray[np.bool_], scores: Floats) -> Distribution:
    """Bins from the thousandth to the highest score; what lies below is in the first one."""
    scale = _scale(scores)
    edges = _even(scores, 0.001, _BINS + 1, scale)
    place = np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, edges.size - 2)
    honest = np.bincount(place[~fraud], minlength=edges.size - 1)
    frauds = np.bincount(place[fraud], minlength=edges.size - 1)
    return Distribution(_plain(edges), tuple(honest.tolist()), tuple(frauds.tolist()), scale)


def _scale(scores: Floats) -> str:
    """Logarithmic for positive scores with a long tail (reconstruction errors), else linear."""
    known = scores[np.isfinite(scores)]
    if not known.size or not known.min() > 0:
        return "linear"
    return "log" if known.max() > _HEAVY * np.median(known) else "linear"


def _even(scores: Floats, share: float, count: int, scale: str) -> Floats:
    """Values from the score that `share` of the rows lie below, up to the highest finite one."""
    known = scores[np.isfinite(scores)]
    low = float(np.quantile(known, share, method="lower")) if known.size else 0.0
    high = max(float(known.max()), low) if known.size else low
    if not high > low:
        high = low + 1.0
    return np.geomspace(low, high, count) if scale == "log" else np.linspace(low, high, count)


def _plain(values: npt.NDArray[Any]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
