"""Arrow columns as the plain values that JSON gives, one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from riskloom.domain.field import Field, FieldType
from riskloom.domain.read import NumberText, TimeMicros


def plain_values(column: Any, field: Field) -> list[object]:
    """One column as plain values."""
    import pyarrow as pa

    column = decoded(column)
    if pa.types.is_timestamp(column.type):
        return [None if value is None else TimeMicros(value) for value in micros(column, field).to_pylist()]
    values: list[object] = column.to_pylist()
    convert = _converter(column.type, field)
    return values if convert is None else [None if value is None else convert(value) for value in values]


def decoded(column: Any) -> Any:
    """A column without its dictionary, where it has one."""
    import pyarrow as pa

    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def micros(column: Any, field: Field) -> Any:
    """Timestamps as int64 microseconds UTC; those without a zone are of the field's."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.type.tz is None and field.timezone not in ("", "UTC"):
        column = pc.assume_timezone(column, field.timezone, ambiguous="earliest", nonexistent="earliest")
    zone = "UTC" if column.type.tz else None
    return column.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64())


def _converter(kind: Any, field: Field) -> Callable[[Any], object] | None:
    import pyarrow as pa

    if pa.types.is_floating(kind):
        return lambda value: None if value != value else NumberText(repr(value))
    if pa.types.is_decimal(kind):
        return lambda value: NumberText(str(value))
    if pa.types.is_integer(kind) and field.type.is_text:
        return str
    if pa.types.is_integer(kind) and field.type is FieldType.BOOLEAN:
        return lambda value: bool(value) if value in (0, 1) else value
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_string(kind):
        return None
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return lambda value: value.decode("utf-8", "surrogateescape")
    return None if pa.types.is_large_string(kind) else str
