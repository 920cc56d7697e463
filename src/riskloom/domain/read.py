"""One reader per field type: a JSON value to what is held inside, or a `FieldFault` saying what is wrong."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from riskloom.domain.field import INTEGER_LIMIT, Field, FieldType
from riskloom.domain.money import POWERS, scale_decimal

TEXT_LIMIT = 256
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
LATEST_US = (datetime(2200, 1, 1, tzinfo=UTC) - EPOCH) // _MICROSECOND


class NumberText(str):
    """The decimal text of a JSON number with a point or exponent; never a string the sender wrote."""

    __slots__ = ()


class TimeMicros(int):
    """A moment that a typed source gives in microseconds since 1970; never a number the sender wrote."""

    __slots__ = ()


class FieldFault(Exception):
    """What was expected of one field; the caller knows which."""

    def __init__(self, expected: str, got: str = "", hint: str = "") -> None:
        super().__init__(expected)
        self.expected, self.got, self.hint = expected, got, hint


def reader(field: Field) -> Callable[[object], Any]:
    """The function that reads values of `field`; money is read by `EventSchema`, which knows the currency."""
    match field.type:
        case FieldType.STRING:
            return _read_text
        case FieldType.CATEGORY:
            return _category_reader(field.values) if field.values else _read_text
        case FieldType.IP:
            return _read_ip
        case FieldType.BOOLEAN:
            return _read_boolean
        case FieldType.CLOCK:
            return read_clock
        case FieldType.TIME:
            return _time_reader(field.timezone)
        case FieldType.MONEY:
            raise ValueError("money is read with its currency")
        case _:
            return _number_reader(*number_shape(field))


def number_shape(field: Field) -> tuple[int, int, int, str]:
    """(decimals, least, greatest as held inside, what is expected) of a field that holds numbers."""
    match field.type:
        case FieldType.INTEGER:
            return 0, -INTEGER_LIMIT + 1, INTEGER_LIMIT - 1, "an integer"
        case FieldType.LATITUDE:
            return 6, -90_000_000, 90_000_000, "degrees from -90 to 90"
        case FieldType.LONGITUDE:
            return 6, -180_000_000, 180_000_000, "degrees from -180 to 180"
        case _:
            low = -INTEGER_LIMIT + 1 if field.signed else 0
            what = "a number" if field.signed else "a number of at least 0"
            return field.decimals, low, INTEGER_LIMIT - 1, what


def _read_text(raw: object) -> str:
    if type(raw) is not str:
        raise FieldFault("text", hint='put it in quotes: "12"' if isinstance(raw, (int, NumberText)) else "")
    if not raw:
        raise FieldFault("text that is not empty")
    if len(raw) > TEXT_LIMIT:
        raise FieldFault(f"text of at most {TEXT_LIMIT} characters", f"{len(raw)} characters")
    if not raw.isprintable() and (unfit := _UNFIT.search(raw)):
        if unfit[0] >= "\ud800":  # how bytes that are no UTF-8 come out of a file
            raise FieldFault("text in UTF-8", hint="save the file as UTF-8")
        raise FieldFault("text without control characters")
    return raw


def _category_reader(values: tuple[str, ...]) -> Callable[[object], str]:
    allowed = frozenset(values)

    def read(raw: object) -> str:
        text = _read_text(raw)
        if text not in allowed:
            raise FieldFault(f"one of {', '.join(values)}")
        return text

    return read


def _read_ip(raw: object) -> str:
    if type(raw) is not str or len(raw) > 64:
        raise FieldFault("an IP address")
    return normal_ip(raw)


@functools.lru_cache(maxsize=1 << 16)
def normal_ip(text: str) -> str:
    """An address in its shortest form; `FieldFault` where it is none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise FieldFault("an IP address (v4 or v6)") from error
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:  # any text can stand there
            raise FieldFault("an IP address without a zone")
        address = address.ipv4_mapped or address
    return str(address)


def _read_boolean(raw: object) -> bool:
    if raw is True or raw is False:
        return raw
    raise FieldFault("true or false")


def read_clock(raw: object) -> int:
    """Minutes since midnight of HH:MM; `FieldFault` where it is something else."""
    match = _CLOCK.fullmatch(raw) if type(raw) is str else None
    if match is None:
        raise FieldFault("a time of day as HH:MM")
    return int(match[1]) * 60 + int(match[2])


def _time_reader(zone: str) -> Callable[[object], int]:
    local = ZoneInfo(zone) if zone else None

    def read(raw: object) -> int:
        if type(raw) is TimeMicros:
            return _in_range(int(raw))
        if type(raw) is not str:
            raise FieldFault("an ISO 8601 time", hint="such as 2026-01-31T12:00:00Z")
        try:
            when = datetime.fromisoformat(raw)
        except ValueError:
            raise FieldFault("an ISO 8601 time", hint="such as 2026-01-31T12:00:00Z") from None
        if when.tzinfo is None:
            if local is None:
                raise FieldFault("a time with Z or an offset", hint=f"{raw}Z if it is UTC")
            when = when.replace(tzinfo=local)
        since = when - EPOCH
        return _in_range((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)

    return read


def _in_range(time_us: int) -> int:
    if not 0 <= time_us < LATEST_US:
        raise FieldFault("a time from 1970 to 2199")
    return time_us


def _number_reader(decimals: int, low: int, high: int, expected: str) -> Callable[[object], int]:
    scale = 10**decimals
    whole_only = decimals == 0

    def read(raw: object) -> int:
        kind = type(raw)
        if kind is int:
            value = raw * scale
        elif isinstance(raw, NumberText) and not (whole_only and not _is_whole(str(raw))):
            try:
                value = _scale(str(raw), decimals)
            except ValueError:
                raise FieldFault(expected) from None
        else:
            raise FieldFault(expected, hint="without quotes" if kind is str else "")
        if not low <= value <= high:
            raise FieldFault(expected, hint=f"from {low / scale:g} to {high / scale:g}")
        return int(value)

    return read


def _scale(text: str, decimals: int) -> int:
    """`scale_decimal`, without its regular expression where text is plain as -12.5 and nothing is rounded."""
    whole, _, fraction = text.partition(".")
    digits = whole[1:] if whole[:1] == "-" else whole
    spare = decimals - len(fraction)
    if digits.isdecimal() and fraction.isdecimal() and spare >= 0 and len(digits) <= 15:
        return int(whole + fraction) * POWERS[spare]
    return scale_decimal(text, decimals)


def _is_whole(text: str) -> bool:
    try:
        return scale_decimal(text, 30) % 10**30 == 0
    except ValueError:
        return False
