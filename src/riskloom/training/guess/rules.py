"""First rules for guessed features: limits taken from the rows that were looked at, with examples."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from riskloom.training.guess.column import Codes, Numbers
from riskloom.training.guess.features import Facts, follow
from riskloom.training.guess.fields import RuleGuess
from riskloom.training.guess.times import DAY_US, HOUR_US

RARELY = 0.999
"""A limit lies above what this share of the rows reach."""
FEWEST = 4
ZSCORE, TIMES_MOST = 6, 2
KMH, KM = 900, 500


@dataclass(frozen=True, slots=True)
class Seen:
    """The rows that were looked at: which are honest (all, where nobody says), and what limits come from."""

    honest: npt.NDArray[np.bool_]
    keys: Codes | None
    """Which key of the main entity, -1 missing."""
    times: Numbers | None
    amounts: Numbers | None


def guess_rules(facts: Facts, names: Set[str], seen: Seen) -> tuple[RuleGuess, ...]:
    """Rules over the features of these names."""
    rules = [*_velocity(facts, names, seen), *_unusual_amount(facts, names), *_travel(facts, names)]
    return tuple(rules or _large_amount(facts, seen))


def follow_rules(rules: Iterable[RuleGuess], changed: Mapping[str, str]) -> tuple[RuleGuess, ...]:
    """The rules with the names that features got."""
    return tuple(
        replace(
            rule,
            when=follow(rule.when, changed),
            message=follow(rule.message, changed),
            value=follow(rule.value, changed),
            usual=follow(rule.usual, changed),
            evidence=follow(rule.evidence, changed),
            hit={follow(name, changed): value for name, value in rule.hit.items()},
            miss={follow(name, changed): value for name, value in rule.miss.items()},
        )
        for rule in rules
    )


def _velocity(facts: Facts, names: Set[str], seen: Seen) -> Iterable[RuleGuess]:
    width, width_us = ("24h", DAY_US) if facts.dated_only else ("1h", HOUR_US)
    name = f"{facts.main}_count_{width}"
    if seen.keys is None or seen.times is None or name not in names:
        return
    known = np.isfinite(seen.times)
    honest = seen.honest[known]
    reached = earlier_events(seen.keys[known], seen.times[known], width_us)
    if not honest.any():
        return
    limit = max(FEWEST, math.floor(float(np.quantile(reached[honest], RARELY))) + 1)
    yield RuleGuess(
        f"VELOCITY_{width.upper()}",
        f"{name} >= {limit}",
        "high",
        "flag",
        f"{{value}} events of this {facts.main} in the {width} before this one",
        name,
        {name: limit},
        {name: limit - 1},
        evidence=name,
        note=_shares(reached >= limit, honest),
    )


def _shares(met: npt.NDArray[np.bool_], honest: npt.NDArray[np.bool_]) -> str:
    """How many of the rows meet a limit."""
    if honest.all():
        return f"{float(met.mean()):.2%} of the rows that were looked at reach this"
    shares = f"{float(met[honest].mean()):.2%} of the honest rows and {float(met[~honest].mean()):.2%}"
    return f"{shares} of the frauds that were looked at reach this"


def earlier_events(keys: Codes, times: Numbers, width_us: int) -> Numbers:
    """How many rows of the same key lie in the window before each row, ties by row; 0 without a key.

    >>> earlier_events(np.array([0, 0, 1, 0]), np.array([0.0, 5e6, 5e6, 14e6]), 10_000_000).tolist()
    [0.0, 1.0, 0.0, 1.0]
    """
    found = np.zeros(len(keys))
    if not len(keys):
        return found
    millis, width = (times // 1_000).astype(np.int64), width_us // 1_000
    order = np.lexsort((np.arange(len(keys)), millis, keys))
    k, t = keys[order], millis[order] - millis.min()
    line = k * (width + int(t.max()) + 1) + t  # keys one behind the other on one line of time
    first = np.searchsorted(line, line - width, side="right")
    found[order] = np.where(k < 0, 0, np.arange(len(k)) - first)
    return found


def _unusual_amount(facts: Facts, names: Set[str]) -> Iterable[RuleGuess]:
    e = facts.main
    zscore, ratio = f"amount_{e}_zscore", f"amount_vs_{e}_max"
    if not e or not {zscore, ratio} <= names:
        return
    yield RuleGuess(
        "AMOUNT_UNUSUAL",
        f"{zscore} > {ZSCORE} and {ratio} > {TIMES_MOST}",
        "medium",
        "watch",
        f"{{value}} is far above the history of this {e}; {{usual}} is usual",
        facts.amount,
        {zscore: ZSCORE + 5, ratio: TIMES_MOST + 3},
        {zscore: ZSCORE + 5, ratio: 1},
        usual=f"{e}_amount_mean_30d",
        evidence=f"{e}_amount_mean_30d",
    )


def _travel(facts: Facts, names: Set[str]) -> Iterable[RuleGuess]:
    km, kmh = f"{facts.main}_km", f"{facts.main}_kmh"
    if not {km, kmh} <= names:
        return
    yield RuleGuess(
        "IMPOSSIBLE_TRAVEL",
        f"{kmh} > {KMH} and {km} > {KM}",
        "critical",
        "flag",
        f"{{{km}}} km from the last event at {{value}} km/h; faster than any airliner",
        kmh,
        {kmh: 4_000, km: 2_300},
        {kmh: 4_000, km: 90},
        usual=str(KMH),
        evidence=kmh,
        note="fast and far: noise in the places makes speed alone useless",
    )


def _large_amount(facts: Facts, seen: Seen) -> Iterable[RuleGuess]:
    if seen.amounts is None:
        return
    known = np.isfinite(seen.amounts)
    amounts, honest = seen.amounts[known], seen.honest[known]
    if not honest.any():
        return
    limit = math.ceil(float(np.quantile(amounts[honest], RARELY)))
    yield RuleGuess(
        "AMOUNT_HIGH",
        f"{facts.amount} > {limit}",
        "medium",
        "watch",
        "{value} is more than nearly all honest events",
        facts.amount,
        {facts.amount: limit + 1},
        {facts.amount: limit},
        note=_shares(amounts > limit, honest),
    )
