"""The fields of an event as a scenario declares them, and the types they can have."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

NULL = -(2**63)
"""The int64 that stands for "missing" in columns and state."""

INTEGER_LIMIT = 2**46
"""Scaled integers (number, money, integer) are below it in absolute value: squares and sums stay exact."""


class FieldType(StrEnum):
    """What a field holds, and how it is held inside."""

    STRING = "string"  # str
    INTEGER = "integer"  # int
    NUMBER = "number"  # int, scaled by 10**decimals
    MONEY = "money"  # int, minor units of the base currency
    BOOLEAN = "boolean"  # bool
    CATEGORY = "category"  # str
    TIME = "time"  # int, microseconds since 1970-01-01 UTC
    CLOCK = "clock"  # int, minutes since midnight
    IP = "ip"  # str, in its shortest form
    LATITUDE = "latitude"  # int, microdegrees
    LONGITUDE = "longitude"  # int, microdegrees

    @property
    def is_text(self) -> bool:
        """Whether values are text: interned to ids in the state, compared as strings in expressions."""
        return self in TEXT_TYPES


TEXT_TYPES = frozenset({FieldType.STRING, FieldType.CATEGORY, FieldType.IP})


@dataclass(frozen=True, slots=True)
class Field:
    """One declared field of an event."""

    name: str
    type: FieldType
    entity: str = ""
    """The kind of entity whose key this field holds (`user`, `device`), or nothing."""
    pii: bool = False
    required: bool = True
    decimals: int = 0
    """Digits behind the point: declared for numbers, the base currency's for money, 6 for degrees."""
    currency_field: str = ""
    """For money: the field that names the currency it came in."""
    signed: bool = False
    """For money and numbers: whether negative values are allowed."""
    timezone: str = ""
    """For times: the zone of times sent without one; empty refuses them."""
    values: tuple[str, ...] = ()
    """For categories: what is allowed; empty allows anything."""

    @property
    def scale(self) -> int:
        """What the held integer is divided by to give the value people read."""
        return int(10**self.decimals)
