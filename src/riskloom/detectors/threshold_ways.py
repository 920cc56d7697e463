"""The ways to choose a threshold, each over every set of rows that one can flag. See `thresholds`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.detectors.base import Floats
from riskloom.params import Value

Ints = npt.NDArray[np.int64]
Parameters = Mapping[str, Value]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows, and all that can be flagged: nothing, or one place more for each distinct score.

    `score` float64[m] falls; `flagged` and `caught` int64[m] are how many rows and frauds have at least it.
    `order` int64[n] are the rows by falling score.
    """

    score: Floats
    flagged: Ints
    caught: Ints
    order: Ints
    labels: Floats
    amounts: Floats
    days: Ints
    entities: npt.NDArray[Any] | None

    def summed(self, values: npt.NDArray[Any]) -> Floats:
        """The sums of values[n], one for each of the ordered rows, over what each place flags."""
        total = np.concatenate(([0.0], np.cumsum(values, dtype=np.float64)))
        return np.asarray(total[self.flagged], np.float64)

    @property
    def frauds(self) -> int:
        """How many frauds there are."""
        return int(self.caught[-1])


def sweep(
    scores: Floats,
    labels: Floats | None,
    amounts: Floats | None,
    days: Ints | None,
    entities: npt.NDArray[Any] | None,
) -> Rows:
    """The rows by falling score; what is not known counts as nothing."""
    count = scores.size
    truth = np.zeros(count) if labels is None else np.asarray(labels, np.float64)
    order = np.argsort(-scores, kind="stable")
    falling = scores[order] + 0.0  # + 0.0: no negative zero
    last = np.flatnonzero(np.append(falling[1:] < falling[:-1], True))
    caught = np.cumsum(truth[order])[last]
    return Rows(
        np.concatenate(([np.nextafter(falling[0], np.inf)], falling[last])),
        np.concatenate(([0], last + 1)),
        np.concatenate(([0], caught)).astype(np.int64),
        order,
        truth,
        np.zeros(count) if amounts is None else np.asarray(amounts, np.float64),
        np.zeros(count, np.int64) if days is None else days,
        entities,
    )


Found = tuple[int, dict[str, Value]]


def _last(fits: npt.NDArray[np.bool_]) -> int:
    """The last place that fits: the one that flags most. The first, nothing, fits when no other does."""
    return int(np.flatnonzero(np.append(True, fits[1:]))[-1])


def _percentile(given: Parameters, rows: Rows) -> Found:
    lower = rows.flagged[-1] - rows.flagged
    return _last(lower * 100.0 / rows.flagged[-1] >= float(given["percentile"])), {}


def _contamination(given: Parameters, rows: Rows) -> Found:
    return _last(rows.flagged / rows.flagged[-1] <= float(given["contamination"])), {}


def _f_beta(given: Parameters, rows: Rows) -> Found:
    weight = float(given["beta"]) ** 2
    if given["average"] == "rows":
        f = (1 + weight) * rows.caught / (weight * rows.frauds + rows.flagged)
    else:
        f = _f_by_day(weight, rows)
    place = int(f.argmax())
    return place, {"f": float(f[place])}


def _f_by_day(weight: float, rows: Rows) -> Floats:
    """The mean of the days' F at each place; a day without fraud has 1 while nothing is flagged, then 0."""
    _, day = np.unique(rows.days, return_inverse=True)
    frauds = np.bincount(day, rows.labels)
    by_day = np.argsort(day[rows.order], kind="stable")
    mine = day[rows.order][by_day]
    first = np.searchsorted(mine, np.arange(frauds.size))
    flagged = np.arange(mine.size) - first[mine] + 1
    total = np.concatenate(([0.0], np.cumsum(rows.labels[rows.order][by_day])))
    caught = total[1:] - total[first][mine]
    f = (1 + weight) * caught / (weight * frauds[mine] + flagged)
    before = np.append(0.0, f[:-1])
    before[first] = frauds == 0
    gain = np.empty(mine.size)
    gain[by_day] = f - before
    return np.asarray(((frauds == 0).sum() + rows.summed(gain)) / frauds.size, np.float64)


def _pr_curve(given: Parameters, rows: Rows) -> Found:
    precision = rows.caught / np.maximum(rows.flagged, 1)
    off = np.hypot(1 - precision, 1 - rows.caught / rows.frauds)
    place = int(off[1:].argmin()) + 1
    return place, {"distance": float(off[place])}


def _precision(given: Parameters, rows: Rows) -> Found:
    """Of the places with the precision that flags most; where there is none, of the most precise ones."""
    precision = rows.caught / np.maximum(rows.flagged, 1)
    wanted = float(given["at_least"])
    best = float(precision[1:].max())
    return _last(precision >= min(wanted, best)), {"reached": best >= wanted}


def _recall(given: Parameters, rows: Rows) -> Found:
    return int((rows.caught / rows.frauds >= float(given["at_least"])).argmax()), {}


def _alert_budget(given: Parameters, rows: Rows) -> Found:
    _, day = np.unique(rows.days, return_inverse=True)
    count = int(day.max()) + 1
    who = _keys(rows.entities, day.size)
    pair = (day * (int(who.max()) + 1) + who)[rows.order]
    first = np.unique(pair, return_index=True)[1]
    new = np.zeros(pair.size)
    new[first] = 1.0
    alerts = rows.summed(new)
    budget = float(given["alerts"])
    fits = alerts / count <= budget
    if given["day"] == "worst":
        fits &= rows.score > _first_beyond(rows, day, np.sort(first), int(budget))
    place = _last(fits)
    cut = np.sort(first)[: int(alerts[place])]
    worst = np.bincount(day[rows.order][cut]).max(initial=0)
    return place, {"alerts_per_day": float(alerts[place] / count), "worst_day": int(worst), "days": count}


def _first_beyond(rows: Rows, day: npt.NDArray[np.intp], first: npt.NDArray[np.intp], budget: int) -> float:
    """The highest score that would be one alert too many on its day; `first` rows are alerts, falling."""
    mine = day[rows.order][first]
    by_day = np.argsort(mine, kind="stable")
    sorted_days = mine[by_day]
    rank = np.arange(mine.size) - np.searchsorted(sorted_days, sorted_days)
    falling = np.repeat(rows.score[1:], np.diff(rows.flagged))
    return float(falling[first][by_day][rank == budget].max(initial=-np.inf))


def _keys(entities: npt.NDArray[Any] | None, count: int) -> npt.NDArray[np.int64]:
    """A number for each entity; nobody (None) is somebody else each time."""
    if entities is None:
        return np.arange(count, dtype=np.int64)
    if not entities.dtype.hasobject:
        return np.unique(entities, return_inverse=True)[1].astype(np.int64)
    known: dict[object, int] = {}
    return np.array(
        [known.setdefault(at if key is None else (key,), at) for at, key in enumerate(entities)], np.int64
    )


def _cost(given: Parameters, rows: Rows) -> Found:
    saved = float(given["recovered"]) * rows.summed((rows.amounts * rows.labels)[rows.order])
    honest = rows.flagged - rows.caught
    lost = float((rows.amounts * rows.labels).sum())
    cost = lost - saved + float(given["review"]) * rows.flagged + float(given["insult"]) * honest
    place = int(cost.argmin())
    return place, {"cost": float(cost[place]), "cost_of_none": lost, "cost_of_all": float(cost[-1])}


WAYS: Mapping[str, Callable[[Parameters, Rows], Found]] = {
    "percentile": _percentile,
    "contamination": _contamination,
    "f_beta": _f_beta,
    "pr_curve": _pr_curve,
    "precision": _precision,
    "recall": _recall,
    "alert_budget": _alert_budget,
    "cost": _cost,
}
