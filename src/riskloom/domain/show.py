"""From what is held inside back to what people and clients read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from riskloom.domain.event import Value
from riskloom.domain.field import Field, FieldType

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def show_time(time_us: int) -> str:
    """ISO 8601 in UTC, to the microsecond where there are any.

    >>> show_time(1_000_000)
    '1970-01-01T00:00:01Z'
    """
    return (_EPOCH + timedelta(microseconds=time_us)).isoformat().replace("+00:00", "Z")


def show_field(field: Field, value: Value, sent: Mapping[str, str | None]) -> object:
    """One field's value as JSON holds it: money as it was sent, numbers as exact decimals."""
    if value is None or field.type.is_text or field.type is FieldType.BOOLEAN:
        return value
    if field.type is FieldType.MONEY:
        text = sent.get(field.name)
        return msgspec.Raw(text.encode()) if text else show_scaled(int(value), field.decimals)
    if field.type is FieldType.TIME:
        return show_time(int(value))
    if field.type is FieldType.CLOCK:
        return f"{int(value) // 60:02d}:{int(value) % 60:02d}"
    return show_scaled(int(value), field.decimals)


def show_scaled(value: int, decimals: int) -> object:
    """A scaled integer as a JSON number with its exact decimals.

    >>> bytes(show_scaled(-1250, 2))
    b'-12.5'
    """
    if decimals == 0:
        return value
    whole, fraction = divmod(abs(value), 10**decimals)
    text = f"{'-' if value < 0 else ''}{whole}.{fraction:0{decimals}d}".rstrip("0").rstrip(".")
    return msgspec.Raw(text.encode())
