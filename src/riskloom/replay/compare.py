"""Figures of a replay: what each side caught, missed, bothered and cost, and what differs between them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.domain.decision import LADDER
from riskloom.measure.bootstrap import REPLICATES, bootstrap_many
from riskloom.measure.cost import CostMatrix
from riskloom.measure.interval import Estimate, wilson
from riskloom.measure.result import Result
from riskloom.replay.rules import RuleFigures, measure_rules
from riskloom.replay.run import Replayed
from riskloom.replay.tape import UNKNOWN, Tape, Track

_RANKS = len(LADDER)
MOST_SEGMENTS = 50
"""The largest ones are measured."""


@dataclass(frozen=True, slots=True)
class Money(Result):
    """Fraud by value, in minor units of the base currency."""

    caught: int
    missed: int

    @property
    def share(self) -> float:
        """The part that was caught; NaN without fraud."""
        return self.caught / (self.caught + self.missed) if self.caught + self.missed else math.nan


@dataclass(frozen=True, slots=True)
class Counts(Result):
    """One side over some of the events. Fraud and honesty are those of labelled events.

    `rejected` events are among the `flagged`. `annoyed` are honest events that were flagged,
    `annoyed_customers` the different main entities of them; None where there are no entities.
    """

    events: int
    flagged: int
    rejected: int
    frauds: int
    caught: int
    annoyed: int
    annoyed_customers: int | None
    precision: Estimate
    recall: Estimate
    money: Money | None


@dataclass(frozen=True, slots=True)
class Alerts(Result):
    """Alerts a day, over every day of the period.

    `entities` counts each main entity once a day: who looks at one alert sees the others beside it. It is
    what a `budget` is about; `over_budget` says on how many days there were more.
    """

    days: tuple[int, ...]
    by_day: tuple[int, ...]
    entities_by_day: tuple[int, ...]
    mean: float
    entities_mean: float
    budget: float | None
    over_budget: int | None


@dataclass(frozen=True, slots=True)
class SideFigures(Result):
    """Everything about one side; `cost` and `saved` (against flagging nothing) are in minor units.

    They are None without money, without a cost matrix, and without both frauds and honest events.
    """

    name: str
    bundle: str
    counts: Counts
    alerts: Alerts | None
    cost: Estimate | None
    saved: Estimate | None
    rules: tuple[RuleFigures, ...]
    by_segment: Mapping[str, Counts]


@dataclass(frozen=True, slots=True)
class Change(Result):
    """The second side against the first, with paired intervals: `saved` above 0 says that it costs less.

    `matrix[a][b]` counts events with the outcome of rank a by the first and b by the second; `fraud` and
    `honest` are the same of labelled events.
    """

    first: str
    second: str
    matrix: tuple[tuple[int, ...], ...]
    fraud: tuple[tuple[int, ...], ...]
    honest: tuple[tuple[int, ...], ...]
    flipped: int
    saved: Estimate | None
    recall: Estimate
    precision: Estimate


@dataclass(frozen=True, slots=True)
class Comparison(Result):
    """The figures of a replay; the first side is what the others are compared with."""

    events: int
    labelled: int
    warm_up: int
    too_late: int
    first_us: int
    last_us: int
    matrix: CostMatrix | None
    sides: tuple[SideFigures, ...]
    changes: tuple[Change, ...]


def compare(
    replayed: Replayed,
    *,
    matrix: CostMatrix | None = None,
    budget: float | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Comparison:
    """Make the figures of a replay.

    Parameters
    ----------
    matrix
        What decisions cost, in minor units; without it there are no costs.
    budget
        Alerts a day, each entity counted once, that people can look at.
    replicates
        How often is resampled for the intervals; main entities are drawn as wholes where there are any.
    """
    tape = replayed.tape
    to_first, to_nothing = _resample(tape, matrix, replicates, seed)
    sides = []
    for side in replayed.sides:
        track, scenario = tape.tracks[side.name], side.bundle.scenario
        drawn = to_nothing.get(side.name, {})
        sides.append(
            SideFigures(
                side.name,
                side.bundle.fingerprint,
                _counts(tape, track, slice(None)),
                _alerts(tape, track, budget) if scenario.time_field else None,
                drawn.get("cost"),
                _less(drawn.get("difference cost")),
                measure_rules(tape, track, scenario.rules, timed=bool(scenario.time_field)),
                _by_segment(tape, track),
            )
        )
    return Comparison(
        len(tape),
        int((tape.labels != UNKNOWN).sum()),
        replayed.warm_up,
        replayed.too_late,
        replayed.first_us,
        replayed.last_us,
        matrix,
        tuple(sides),
        tuple(_change(tape, replayed, at, to_first) for at in range(1, len(sides))),
    )


Measures = Mapping[str, Mapping[str, Estimate]]
"""By side and name."""
_NOTHING = " "  # no name of a side


def _resample(tape: Tape, matrix: CostMatrix | None, replicates: int, seed: int) -> tuple[Measures, Measures]:
    """(measures of each side and how they differ from the first's, costs against flagging nothing)."""
    known = tape.labels != UNKNOWN
    labels = tape.labels[known]
    if not (labels == 1).any() or not (labels == 0).any():
        return {}, {}
    flags = {name: (track.outcomes[known] > 0).astype(np.float64) for name, track in tape.tracks.items()}
    flags[_NOTHING] = np.zeros(labels.size)
    first, *others = tape.tracks
    amounts = None if tape.amounts is None else tape.amounts[known]

    def differences(against: str, names: list[str]) -> Measures:
        chosen = {name: flags[name] for name in (against, *names)}
        found = bootstrap_many(
            labels,
            chosen,
            thresholds=dict.fromkeys(chosen, 0.5),
            against=against,
            amounts=amounts,
            matrix=None if amounts is None else matrix,
            blocks=None if tape.entities is None else _blocks(tape.entities[known]),
            replicates=replicates,
            seed=seed,
        )
        return {
            name: dict(found[name].measures)
            | {f"difference {measure}": each for measure, each in found[name].differences.items()}
            for name in names
        }

    return differences(first, others) if others else {}, differences(_NOTHING, [first, *others])


def _blocks(entities: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Events without an entity are blocks of their own."""
    blocks = entities.astype(np.int64)
    strangers = np.flatnonzero(blocks == UNKNOWN)
    blocks[strangers] = -1 - np.arange(strangers.size)
    return blocks


def _less(dearer: Estimate | None) -> Estimate | None:
    """From how much more it costs to how much less."""
    return None if dearer is None else Estimate(-dearer.value, -dearer.high, -dearer.low)


def _counts(tape: Tape, track: Track, rows: Any) -> Counts:
    labels, outcomes = tape.labels[rows], track.outcomes[rows]
    flagged, fraud, honest = outcomes > 0, labels == 1, labels == 0
    frauds, caught, annoyed = int(fraud.sum()), int((fraud & flagged).sum()), int((honest & flagged).sum())
    customers = money = None
    if tape.entities is not None:
        own = tape.entities[rows][honest & flagged]
        customers = int(np.unique(own[own != UNKNOWN]).size)
    if tape.amounts is not None:
        amounts = tape.amounts[rows]
        money = Money(int(amounts[fraud & flagged].sum()), int(amounts[fraud & ~flagged].sum()))
    return Counts(
        len(labels),
        int(flagged.sum()),
        int((outcomes == _RANKS - 1).sum()),
        frauds,
        caught,
        annoyed,
        customers,
        wilson(caught, caught + annoyed),
        wilson(caught, frauds),
        money,
    )


def _alerts(tape: Tape, track: Track, budget: float | None) -> Alerts:
    first, last = int(tape.days.min()), int(tape.days.max())
    flagged = track.outcomes > 0
    day = tape.days[flagged].astype(np.int64) - first
    by_day = np.bincount(day, minlength=last - first + 1)
    own = np.arange(day.size) if tape.entities is None else _blocks(tape.entities[flagged])
    once = np.unique(np.stack([day, own]), axis=1)[0] if day.size else day
    entities = np.bincount(once, minlength=last - first + 1)
    return Alerts(
        tuple(range(first, last + 1)),
        tuple(by_day.tolist()),
        tuple(entities.tolist()),
        float(by_day.mean()),
        float(entities.mean()),
        budget,
        None if budget is None else int((entities > budget).sum()),
    )


def _by_segment(tape: Tape, track: Track) -> dict[str, Counts]:
    if tape.segments is None:
        return {}
    sizes = np.bincount(tape.segments)
    largest = [at for at in np.argsort(-sizes, kind="stable").tolist() if sizes[at]][:MOST_SEGMENTS]
    return {tape.segment_names[at]: _counts(tape, track, tape.segments == at) for at in largest}


def _change(tape: Tape, replayed: Replayed, at: int, drawn: Measures) -> Change:
    first, second = replayed.sides[0].name, replayed.sides[at].name
    a, b = tape.tracks[first].outcomes, tape.tracks[second].outcomes
    own, nothing = drawn.get(second, {}), Estimate(math.nan)
    return Change(
        first,
        second,
        _table(a, b),
        _table(a[tape.labels == 1], b[tape.labels == 1]),
        _table(a[tape.labels == 0], b[tape.labels == 0]),
        int((a != b).sum()),
        _less(own.get("difference cost")),
        own.get("difference recall", nothing),
        own.get("difference precision", nothing),
    )


def _table(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> tuple[tuple[int, ...], ...]:
    counted = np.bincount(a.astype(np.int64) * _RANKS + b, minlength=_RANKS * _RANKS)
    return tuple(tuple(row) for row in counted.reshape(_RANKS, _RANKS).tolist())
