"""From what is held inside back to what people and clients read."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from riskloom.domain.field import Field, FieldType

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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


@functools.lru_cache(maxsize=4096)
def _show_second(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).isoformat()[:19]


Shower = Callable[[Any, Mapping[str, str | None]], object]
"""Shows a value of one field: called with the value as held inside, and what was sent of the event."""


def shower(field: Field) -> Shower:
    """The function that shows a field's values in JSON: money as sent, numbers as exact decimals."""
    if field.type.is_text or field.type is FieldType.BOOLEAN:
        return lambda value, _sent: value
    name, decimals = field.name, field.decimals
    if field.type is FieldType.MONEY:
        return lambda value, sent: None if value is None else _show_money(value, decimals, sent.get(name))
    if field.type is FieldType.TIME:
        return lambda value, _sent: None if value is None else show_time(value)
    if field.type is FieldType.CLOCK:
        return lambda value, _sent: None if value is None else f"{value // 60:02d}:{value % 60:02d}"
    if decimals == 0:
        return lambda value, _sent: value
    return lambda value, _sent: None if value is None else show_scaled(value, decimals)


def _show_money(minor: int, decimals: int, sent: str | None) -> object:
    return msgspec.Raw(sent.encode()) if sent else show_scaled(minor, decimals)


def show_scaled(value: int, decimals: int) -> object:
    """A scaled integer as a JSON number with its exact decimals.

    >>> bytes(show_scaled(-1250, 2))
    b'-12.5'
    """
    if decimals == 0:
        return value
    text = f"{abs(value):0{decimals + 1}d}"
    text = f"{'-' if value < 0 else ''}{text[:-decimals]}.{text[-decimals:]}".rstrip("0").rstrip(".")
    return msgspec.Raw(text.encode())
