"""What a copy of the file could mend: names, times that are numbers, texts that mean "missing"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from riskloom.scenario.event_section import is_name
from riskloom.training.guess.assign import Roles
from riskloom.training.guess.column import Column
from riskloom.training.guess.times import find_format

How = Literal["rename", "counter", "format", "blank", "label"]
START = datetime(2024, 1, 1, tzinfo=UTC)
"""The first moment of counted time that says no start; a Monday."""
_UNFIT = re.compile("[^A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class Mend:
    """One change to a column in a copy: `column` in the file, `name` in the copy."""

    column: str
    name: str
    how: How
    why: str
    unit_us: float = 0
    since_1970: bool = False
    format: str = ""
    texts: tuple[str, ...] = ()
    """For blanks: what means missing. For a label: what means fraud."""
    fills: bool = False
    """For a label: no mark means honest."""


def guess_mends(columns: Sequence[Column], roles: Roles) -> tuple[Mend, ...]:
    """Every change that would make more of the file usable."""
    taken = {column.name for column in columns}
    mends: list[Mend] = []
    for column in columns:
        if column.kind != "other" and column.present and not is_name(column.name):
            name = _new_name(column.name, taken)
            taken.add(name)
            mends.append(Mend(column.name, name, "rename", f"{column.name!r} as {name}"))
        if column.blanks:
            texts = tuple(column.blanks)
            why = f"{column.name} empty where it says {' or '.join(map(repr, texts))}"
            mends.append(Mend(column.name, column.name, "blank", why, texts=texts))
    mends += _times(columns, roles, taken)
    if roles.label is not None and not roles.label.ready:
        name, fraud = roles.label.column, roles.label.fraud
        why = f"1 where {name} says {fraud!r}, else 0"
        mends.append(Mend(name, name, "label", why, texts=(fraud,), fills=roles.label.fills))
    return tuple(mends)


def _times(columns: Sequence[Column], roles: Roles, taken: set[str]) -> list[Mend]:
    if roles.time is not None:
        return []
    if roles.counter is not None:
        counter = roles.counter
        name = next(name for name in ("timestamp", "event_time", "event_timestamp") if name not in taken)
        start = "1970" if counter.since_1970 else f"{START:%Y-%m-%d}, which is made up"
        why = f"times from {counter.column}, {counter.unit} from {start}"
        return [Mend(counter.column, name, "counter", why, counter.unit_us, counter.since_1970)]
    written = find_format([column for column in columns if column.name not in roles.suspects])
    if written is None:
        return []
    why = f"times in {written.name}, read as {written.time_format} in UTC"
    return [Mend(written.name, written.name, "format", why, format=written.time_format)]


def _new_name(name: str, taken: set[str]) -> str:
    """The nearest name that a scenario can use and no column has.

    >>> _new_name("Transaction Amount (USD)", set()), _new_name("class", {"class_"}), _new_name("1st", set())
    ('Transaction_Amount_USD', 'class_2', 'c_1st')
    """
    base = _UNFIT.sub("_", name).strip("_") or "column"
    if not base[0].isalpha():
        base = f"c_{base}"
    if not is_name(base) and is_name(f"{base}_"):
        base = f"{base}_"
    new, at = base, 2
    while new in taken or not is_name(new):
        new, at = f"{base.rstrip('_')}_{at}", at + 1
    return new


def mend_value(mend: Mend, value: str | int | float | None, start: datetime = START) -> object:
    """What stands in the copy: text, 0 or 1, or a time; None where the value cannot be read so."""
    match mend.how:
        case "blank":
            return None if str(value).strip() in mend.texts else value
        case "label":
            return (0 if mend.fills else None) if value is None else int(str(value) in mend.texts)
        case "counter":
            return _counted(mend, value, start)
        case "format":
            return _read(mend, value)
    return value


def _counted(mend: Mend, value: str | int | float | None, start: datetime) -> int | None:
    """Microseconds since 1970 of a counted time."""
    try:
        since = float(value) if value is not None else float("nan")
    except ValueError:
        return None
    if since != since or abs(since) * mend.unit_us > 2**60:
        return None
    first = 0 if mend.since_1970 else int(start.timestamp() * 1_000_000)
    return first + round(since * mend.unit_us)


def _read(mend: Mend, value: str | int | float | None) -> int | None:
    """Microseconds since 1970 of a time as it is written in the file, taken for UTC."""
    try:
        when = datetime.strptime(str(value), mend.format).replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(when.timestamp()) * 1_000_000
