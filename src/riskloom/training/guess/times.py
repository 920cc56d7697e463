"""When events happened: a column of times, or of numbers that count time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from riskloom.domain.field import FieldType
from riskloom.training.guess import names
from riskloom.training.guess.column import Column
from riskloom.training.guess.types import guess_type

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
_EPOCHS = (
    (1, "seconds", 1_000_000.0), (10**3, "milliseconds", 1_000.0), (10**6, "microseconds", 1.0),
    (10**9, "nanoseconds", 0.001),
)  # fmt: skip
LONGEST_US = 100 * 365 * 86_400_000_000
"""No file counts a longer time from its own start."""
_FIRST_S, _LAST_S = 631_152_000, 4_102_444_800  # 1990 and 2100
FIRST_YEAR, LAST_YEAR = 1970, 2199
FEWEST_TICKS = 20
ORDERED = 0.999


@dataclass(frozen=True, slots=True)
class Counter:
    """A column of numbers that counts time: `unit_us` microseconds each, from 1970 or from its own start."""

    column: str
    unit_us: float
    since_1970: bool
    unit: str

    @property
    def words(self) -> str:
        """What was assumed."""
        start = "since 1970 UTC" if self.since_1970 else "since a start that the file does not name"
        return f"{self.unit} {start}"


def find_time(columns: Sequence[Column]) -> Column | None:
    """The column that says when an event happened: called so, in every row, in the order of the file."""
    able = [
        column
        for column in columns
        if column.kind == "time"
        and guess_type(column).type is FieldType.TIME
        and not frozenset(names.words(column.name)) & names.NOT_THE_EVENTS_TIME
    ]
    return min(able, key=_unlikeliness, default=None)


def find_format(columns: Sequence[Column]) -> Column | None:
    """A column of times written in another way than ISO 8601."""
    able = [
        column
        for column in columns
        if column.time_format
        and _can_be_held(column)
        and not frozenset(names.words(column.name)) & names.NOT_THE_EVENTS_TIME
    ]
    return min(able, key=_unlikeliness, default=None)


def _can_be_held(column: Column) -> bool:
    """Whether times in another way than ISO 8601 lie where times can lie."""
    form = column.time_format.split(" ", 1)[0]
    dates = {text.split(" ", 1)[0] for text in column.shown}
    return all(FIRST_YEAR <= datetime.strptime(date, form).year <= LAST_YEAR for date in dates)


def _unlikeliness(column: Column) -> tuple[bool, bool, bool, int]:
    said = frozenset(names.words(column.name))
    return (column.missing > 0, not said & names.TIMES, not column.never_falls, -column.distinct)


def find_counter(columns: Sequence[Column]) -> Counter | None:
    """The column that counts time: called so, and of values that can be times or rise through the file."""
    found = [counter for column in columns if (counter := _as_counter(column)) is not None]
    return min(found, key=lambda counter: not counter.since_1970, default=None)


def _as_counter(column: Column) -> Counter | None:
    said = names.words(column.name)
    if (
        column.kind != "number"
        or not column.present
        or column.missing
        or not frozenset(said) & names.COUNTERS
    ):
        return None
    if frozenset(said) & names.NOT_THE_EVENTS_TIME:
        return None
    low, high = float(column.known.min()), float(column.known.max())
    for factor, unit, unit_us in _EPOCHS:
        if _FIRST_S * factor <= low and high <= _LAST_S * factor:
            return Counter(column.name, unit_us, True, unit)
    if not column.never_falls or low < 0 or not column.whole:
        return None
    word = next((word for word in said if word in names.UNITS), "seconds")
    if high * names.UNITS[word] > LONGEST_US:
        return None
    unit = {"step": "hours (a step is taken for an hour)"}.get(word.rstrip("s"), word)
    return Counter(column.name, names.UNITS[word], False, unit)


def counts_with(column: Column, time: Column) -> bool:
    """Whether numbers rise with the time of the events, and so only say it again."""
    if column.kind != "number" or column.numbers is None or time.numbers is None or column.missing:
        return False
    if column.distinct < FEWEST_TICKS and not frozenset(names.words(column.name)) & names.COUNTERS:
        return False
    known = np.isfinite(time.numbers)
    order = np.argsort(time.numbers[known], kind="stable")
    ordered = column.numbers[known][order]
    if len(ordered) < 2 or ordered[-1] <= ordered[0]:
        return False
    return bool(np.mean(np.diff(ordered) >= 0) >= ORDERED)


def has_time_of_day(time: Column) -> bool:
    """Whether times are more than dates."""
    return bool((time.known % DAY_US != 0).any())
