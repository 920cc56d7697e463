"""From what is held inside back to what people and clients read."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from riskloom.domain.field import INTEGER_LIMIT, Field, FieldType
from riskloom.domain.money import POWERS, exponent

_EPOCH = date(1970, 1, 1)


def show_time(time_us: int) -> str:
    """ISO 8601 in UTC, to the microsecond where there are any.

    >>> show_time(1_000_000)
    '1970-01-01T00:00:01Z'
    >>> show_time(1_000_042)
    '1970-01-01T00:00:01.000042Z'
    """
    second, micros = divmod(time_us, 1_000_000)
    text = _show_second(second)
    return f"{text}.{micros:06d}Z" if micros else f"{text}Z"


def _show_second(second: int) -> str:
    day, second = divmod(second, 86_400)
    minute, second = divmod(second, 60)
    return f"{_show_day(day)}T{_MINUTES[minute]}:{second:02d}"


@functools.lru_cache(maxsize=4096)
def _show_day(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).isoformat()


_MINUTES = tuple(f"{hour:02d}:{minute:02d}" for hour in range(24) for minute in range(60))


Shower = Callable[[Any, Mapping[str, str | None]], object]
"""Shows a value of one field: called with the value as held inside, and what was sent of the event."""
Show = Callable[[Mapping[str, Any], Mapping[str, str | None]], dict[str, object]]
"""Shows every field of an event: called with the values as held inside, and what was sent."""


def shower(field: Field) -> Shower:
    """The function that shows a field's values in JSON: money as sent, numbers as exact decimals."""
    made: Shower = eval(f"lambda x, sent: {_showing(field, 'x')}", dict(_NAMES))  # noqa: S307 - our own words
    return made


def compile_show(fields: Sequence[Field]) -> Show:
    """One function for all fields; a value that is not there is shown as missing."""
    shown = ", ".join(
        f"{field.name!r}: {_showing(field, f'get({field.name!r})', f'x{at}')}"
        for at, field in enumerate(fields)
    )
    source = f"def show(values, sent):\n    get = values.get\n    return {{{shown}}}\n"
    names = dict(_NAMES)
    exec(compile(source, "<riskloom show>", "exec"), names)  # noqa: S102 - our own words and quoted names
    made: Show = names["show"]
    return made


def _showing(field: Field, value: str, local: str = "") -> str:
    """Code for a value as JSON; `local` is a variable to keep it in, where reading it twice costs."""
    if field.type.is_text or field.type is FieldType.BOOLEAN or (field.type in _WHOLE and not field.decimals):
        return value
    first, later = (f"({local} := {value})", local) if local else (value, value)
    match field.type:
        case FieldType.MONEY:
            shown = f"show_money({later}, {field.decimals}, sent.get({field.name!r}))"
        case FieldType.TIME:
            shown = f"show_time({later})"
        case FieldType.CLOCK:
            shown = f"show_clock({later})"
        case _:
            shown = f"show_scaled({later}, {field.decimals})"
    return f"None if {first} is None else {shown}"


_WHOLE = (FieldType.INTEGER, FieldType.NUMBER, FieldType.LATITUDE, FieldType.LONGITUDE)


def _show_money(minor: int, decimals: int, sent: str | None) -> object:
    return msgspec.Raw(sent.encode()) if sent else show_scaled(minor, decimals)


def _show_clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def show_money(minor: int, currency: str) -> str:
    """An amount as decimal text with all its decimals.

    >>> show_money(-1205, "USD"), show_money(7, "JPY")
    ('-12.05', '7')
    """
    decimals = exponent(currency)
    whole, part = divmod(abs(minor), POWERS[decimals])
    text = f"{whole}.{part:0{decimals}d}" if decimals else str(whole)
    return f"-{text}" if minor < 0 else text


def show_scaled(value: int, decimals: int) -> object:
    """A scaled integer as what JSON writes with its exact decimals.

    Below 2**46 the quotient is the float nearest to a decimal of at most 15 digits, and is written as that.

    >>> msgspec.json.encode([show_scaled(-1250, 2), show_scaled(1200, 2), show_scaled(1, 6)])
    b'[-12.5,12,0.000001]'
    """
    scale = POWERS[decimals]
    whole, part = divmod(value, scale)
    if not part:
        return whole
    if -INTEGER_LIMIT < value < INTEGER_LIMIT and not -1 <= whole < 1:
        return value / scale
    text = f"{abs(value):0{decimals + 1}d}"
    text = f"{'-' if value < 0 else ''}{text[:-decimals]}.{text[-decimals:]}".rstrip("0").rstrip(".")
    return msgspec.Raw(text.encode())


_NAMES: dict[str, Any] = {
    "show_money": _show_money,
    "show_time": show_time,
    "show_clock": _show_clock,
    "show_scaled": show_scaled,
}
