"""Figures by rule: what each is worth beside the model and the other rules, and which add nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from riskloom.measure.calendar import DAY_US, months_of, show_day
from riskloom.measure.interval import Estimate, wilson
from riskloom.measure.result import Result
from riskloom.replay.tape import Tape, Track
from riskloom.rules.rule_set import Action, Rule

Flags = npt.NDArray[np.bool_]
ACTING = (Action.FLAG, Action.REJECT, Action.DENY)
"""What a rule can ask for that raises an outcome."""
FEW_MONTHS = 4
"""With fewer months than these, decay is shown by week."""


@dataclass(frozen=True, slots=True)
class Stretch(Result):
    """A month or a week of a rule: how often it was met, and what share of the known ones was fraud."""

    name: str
    hits: int
    precision: Estimate


@dataclass(frozen=True, slots=True)
class RuleFigures(Result):
    """One rule.

    `alone` are hits that nothing else would have flagged (no other acting rule, not the model),
    `frauds_alone` and `value_alone` the frauds among them: what would be lost without the rule. `overlap` is
    the share of the hits that something else flags; `most_with` the rule that is met most often beside it,
    in `most_share` of the hits. `decay` is by month or week. `verdict` is empty for one that earns its place.
    """

    code: str
    action: str
    hits: int
    frauds: int
    honest: int
    precision: Estimate
    value: int | None
    alone: int
    frauds_alone: int
    honest_alone: int
    value_alone: int | None
    overlap: float
    most_with: str
    most_share: float
    decay: tuple[Stretch, ...]
    verdict: str


def measure_rules(tape: Tape, track: Track, rules: Sequence[Rule], *, timed: bool) -> tuple[RuleFigures, ...]:
    """The figures of each rule, in the order of the rules; O(events x rules x rules) bit operations."""
    met = [track.met(at) for at in range(len(rules))]
    acting = [rule.action in ACTING for rule in rules]
    others = (track.by_model > 0).astype(np.int16)
    for own, acts in zip(met, acting, strict=True):
        if acts:
            others += own
    names, place = _stretches(tape) if timed else ([], None)
    return tuple(
        _measure(tape, rules, met, at, others - met[at] if acting[at] else others, names, place)
        for at in range(len(rules))
    )


def _measure(
    tape: Tape,
    rules: Sequence[Rule],
    met: Sequence[Flags],
    at: int,
    others: npt.NDArray[np.int16],
    names: Sequence[str],
    place: npt.NDArray[np.int64] | None,
) -> RuleFigures:
    rule, own = rules[at], met[at]
    fraud, honest = own & (tape.labels == 1), own & (tape.labels == 0)
    alone = own & (others == 0) & (rule.action in ACTING)
    hits, frauds = int(own.sum()), int(fraud.sum())
    with_others = [int((own & other).sum()) if each != at else -1 for each, other in enumerate(met)]
    most = int(np.argmax(with_others)) if len(met) > 1 and hits else at
    frauds_alone = int((alone & fraud).sum())
    amounts = tape.amounts
    return RuleFigures(
        rule.code,
        rule.action.value,
        hits,
        frauds,
        int(honest.sum()),
        wilson(frauds, frauds + int(honest.sum())),
        None if amounts is None else int(amounts[fraud].sum()),
        int(alone.sum()),
        frauds_alone,
        int((alone & honest).sum()),
        None if amounts is None else int(amounts[alone & fraud].sum()),
        float((own & (others > 0)).sum() / hits) if hits else float("nan"),
        rules[most].code if most != at and with_others[most] > 0 else "",
        with_others[most] / hits if most != at and hits else float("nan"),
        _decay(own, fraud, honest, names, place),
        _verdict(rule, hits, bool((tape.labels == 1).any()), frauds_alone, int(alone.sum())),
    )


def _verdict(rule: Rule, hits: int, labelled: bool, frauds_alone: int, alone: int) -> str:
    if not hits:
        return "adds nothing: never met"
    if rule.action not in ACTING:
        return ""  # it decides nothing and is not meant to
    if not alone:
        return "adds nothing: all it flags is flagged without it"
    if labelled and not frauds_alone:
        return "adds no fraud: what it flags alone is honest or not known"
    return ""


def _decay(
    own: Flags, fraud: Flags, honest: Flags, names: Sequence[str], place: npt.NDArray[np.int64] | None
) -> tuple[Stretch, ...]:
    if place is None:
        return ()
    hits, frauds, rest = (np.bincount(place[rows], minlength=len(names)) for rows in (own, fraud, honest))
    return tuple(
        Stretch(name, int(hits[at]), wilson(int(frauds[at]), int(frauds[at] + rest[at])))
        for at, name in enumerate(names)
    )


def _stretches(tape: Tape) -> tuple[list[str], npt.NDArray[np.int64]]:
    """The names of the months (or of the weeks, by their first day) and which one each event is in."""
    months, place = np.unique(months_of(tape.days.astype(np.int64) * DAY_US), return_inverse=True)
    if months.size >= FEW_MONTHS:
        return months.tolist(), place.astype(np.int64)
    week = (tape.days.astype(np.int64) - int(tape.days.min())) // 7
    first = int(tape.days.min())
    return [show_day(first + 7 * at) for at in range(int(week.max()) + 1)], week
