"""What a device check says of payments, with three kinds of labelled fraud among them; no history, no time.

Honest people pay near home by day, travel now and then, and have devices that check out. The picture was
drawn to show a system at work: a model's figures on it say nothing about a real portfolio.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from riskloom.errors import Fault, ParameterInvalid, show
from riskloom.simulate.world.dice import QUANTILES, Dice, Ints, choice_table, lognormal_table

EVENT_COLUMNS = ("event_id", "amount", "hour", "distance", "device_score", "country_mismatch")
LABEL_COLUMNS = ("is_fraud", "fraud_kind")
COLUMNS = EVENT_COLUMNS + LABEL_COLUMNS

FRAUD_SHARE = 0.01
CHUNK_ROWS = 32_768
MOST_EVENTS = 10**9
ONE = 65_536
"""What stands for 1 in tables of factors and odds."""
MOST_CENTS = 2_000_000
MOST_METRES = 20_000_000
_PLACE, _KIND, _AMOUNT, _HOUR, _AWAY, _DISTANCE, _SCORE, _COUNTRY = range(8)
_DAY = (2, 1, 1, 1, 1, 3, 8, 16, 24, 28, 30, 32, 36, 34, 30, 30, 32, 36, 38, 36, 30, 22, 12, 6)
_NIGHT = (30, 34, 36, 34, 26, 14, 6, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 6, 8, 10, 16, 24)


@dataclass(frozen=True, slots=True)
class Habit:
    """How one kind of payment looks. Shares are in thousandths, odds in 1/65,536."""

    kind: str
    weight: int
    hours: tuple[int, ...]
    cents: int
    """The median amount; the spread of its logarithm beside it."""
    cents_spread: float
    metres: int
    """The median distance from where the device usually is."""
    metres_spread: float
    away: int
    """How often it is far away."""
    odds: int
    """The median odds that the device check gives: 1 to 1 is a score of a half."""
    odds_spread: float
    mismatch: int
    """How often card and network are of different countries, at home and away."""
    mismatch_away: int


HONEST = Habit("", 0, _DAY, 3_500, 1.0, 4_000, 1.2, 40, ONE // 14, 1.3, 12, 350)
FRAUDS = (
    Habit("emulator", 40, (1,) * 24, 9_000, 1.0, 30_000, 1.8, 300, 3 * ONE, 1.0, 150, 600),
    Habit("stolen_device", 30, _NIGHT, 40_000, 0.9, 60_000, 1.1, 50, ONE // 4, 0.9, 40, 400),
    Habit("foreign_network", 30, (1,) * 24, 15_000, 1.1, 900_000, 0.8, 700, ONE, 0.8, 900, 980),
)
AWAY_METRES = 900_000
"""The median distance of those who are far away."""


def columns() -> tuple[str, ...]:
    """The names of what `simulate` gives, in order: the event's fields, then its labels."""
    return COLUMNS


def simulate(events: int, seed: int, *, fraud_share: float = FRAUD_SHARE) -> Iterator[dict[str, object]]:
    """Payments with what a device check says, one after the other, in no order of time.

    Parameters
    ----------
    events
        How many, from 0 to 10**9, frauds included.
    seed
        From 0. The same arguments give the same bytes.
    fraud_share
        Which part of the events is fraud, from 0 to 0.5; the number is exact (rounded).

    Returns
    -------
    Iterator of dict
        Keys as in `columns()`: `event_id` and `fraud_kind` text, `amount` decimal text, `distance` in
        kilometres and `device_score` from 0 to 1 float, `hour`, `country_mismatch` and `is_fraud` int.

    Raises
    ------
    ParameterInvalid
        With every parameter outside its range; at the call, not at the first event.

    >>> first = next(simulate(1000, 7))
    >>> first["event_id"], first["is_fraud"], first["country_mismatch"]
    ('dev_7_000000000', 0, 0)
    """
    chunks = simulate_columns(events, seed, fraud_share=fraud_share)
    return (
        dict(zip(COLUMNS, row, strict=True)) for chunk in chunks for row in zip(*chunk.values(), strict=True)
    )


def simulate_columns(
    events: int, seed: int, *, fraud_share: float = FRAUD_SHARE
) -> Iterator[dict[str, list[object]]]:
    """The same events as `simulate` with the same arguments, as columns, some 30,000 rows at a time."""
    _check(events, seed, fraud_share)
    return _chunks(events, seed, round(events * fraud_share))


def _check(events: int, seed: int, fraud_share: float) -> None:
    whole = {"events": (events, 0, MOST_EVENTS), "seed": (seed, 0, 2**63 - 1)}
    faults = [
        Fault(name, f"an integer from {low} to {high}", show(value))
        for name, (value, low, high) in whole.items()
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high
    ]
    if not 0 <= fraud_share <= 0.5:
        faults.append(Fault("fraud_share", "a number from 0 to 0.5", show(fraud_share)))
    if faults:
        raise ParameterInvalid(faults)


def _chunks(events: int, seed: int, frauds: int) -> Iterator[dict[str, list[object]]]:
    edges = [*range(0, events, CHUNK_ROWS), events]
    for number, (first, last) in enumerate(pairwise(edges)):
        due = frauds * last // events - frauds * first // events
        kinds = _kinds(seed, number, last - first, due)
        made = {name: np.zeros(last - first, np.int64) for name in EVENT_COLUMNS[1:]}
        for which, habit in enumerate((HONEST, *FRAUDS)):
            rows = np.flatnonzero(kinds == which)
            for name, values in _draw(habit, seed, (number, which), rows.size).items():
                made[name][rows] = values
        yield _written(seed, first, made, kinds)


def _kinds(seed: int, number: int, size: int, due: int) -> Ints:
    """Which habit each row has: 0 is honest; exactly `due` rows are not."""
    kinds = np.zeros(size, np.int64)
    chosen = np.argsort(Dice(seed, number, _PLACE).draw(2**31, size), kind="stable")[:due]
    table = choice_table([habit.weight for habit in FRAUDS])
    kinds[chosen] = 1 + table[Dice(seed, number, _KIND).draw(QUANTILES, due)].astype(np.int64)
    return kinds


def _draw(habit: Habit, seed: int, path: tuple[int, int], size: int) -> dict[str, Ints]:
    """The columns of `size` rows of one habit: cents, hours, metres, ten-thousandths, 0 or 1."""

    def quantiles(purpose: int) -> Ints:
        return Dice(seed, *path, purpose).draw(QUANTILES, size)

    def thousandths(purpose: int) -> Ints:
        return Dice(seed, *path, purpose).draw(1_000, size)

    away = thousandths(_AWAY) < habit.away
    metres = (
        np.where(away, AWAY_METRES, habit.metres) * lognormal_table(habit.metres_spread)[quantiles(_DISTANCE)]
    )
    odds = habit.odds * lognormal_table(habit.odds_spread)[quantiles(_SCORE)] // ONE
    mismatch = np.where(away, habit.mismatch_away, habit.mismatch)
    cents = habit.cents * lognormal_table(habit.cents_spread)[quantiles(_AMOUNT)] // ONE
    return {
        "amount": np.clip(cents, 50, MOST_CENTS),
        "hour": choice_table(list(habit.hours))[quantiles(_HOUR)].astype(np.int64),
        "distance": np.minimum(metres // ONE, MOST_METRES),
        "device_score": 10_000 * odds // (odds + ONE),
        "country_mismatch": (thousandths(_COUNTRY) < mismatch).astype(np.int64),
    }


def _written(seed: int, first: int, made: dict[str, Ints], kinds: Ints) -> dict[str, list[object]]:
    """The columns as they are written, numbered on from `first`."""
    names = ("", *(habit.kind for habit in FRAUDS))
    return {
        "event_id": [f"dev_{seed}_{first + at:09d}" for at in range(len(kinds))],
        "amount": [f"{cents // 100}.{cents % 100:02d}" for cents in made["amount"].tolist()],
        "hour": made["hour"].tolist(),
        "distance": (made["distance"] / 1_000).tolist(),
        "device_score": (made["device_score"] / 10_000).tolist(),
        "country_mismatch": made["country_mismatch"].tolist(),
        "is_fraud": (kinds > 0).astype(np.int64).tolist(),
        "fraud_kind": [names[kind] for kind in kinds.tolist()],
    }
