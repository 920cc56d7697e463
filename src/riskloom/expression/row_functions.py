"""What the functions of the language compute for one event.

Missing values come in and go out: NaN for numbers and times, None for texts and booleans. A number given back
is finite and never the negative zero of a rounding, or it is the one NaN.
"""

from __future__ import annotations

import math
from functools import lru_cache
from hashlib import blake2b
from typing import Any, cast

from riskloom.expression.zones import Zone

NAN = math.nan
DAY_US = 86_400_000_000.0
HOUR_US = 3_600_000_000.0


def power(base: float, exponent: float) -> float:
    """`base ** exponent` in real numbers; missing where it is undefined or not finite."""
    if base != base:
        return NAN
    try:
        return math.pow(base, exponent)
    except (ValueError, OverflowError):
        return NAN


def least(*values: float) -> float:
    """The least; missing when any is. Of equal ones the first, which decides the sign of a zero."""
    best = values[0]
    for value in values:
        if value != value:
            return NAN
        if value < best:
            best = value
    return best


def greatest(*values: float) -> float:
    """The greatest; missing when any is. Of equal ones the first."""
    best = values[0]
    for value in values:
        if value != value:
            return NAN
        if value > best:
            best = value
    return best


def clamp(x: float, low: float, high: float) -> float:
    """`x` kept between `low`, which comes first, and `high`."""
    if x != x or low != low or high != high:
        return NAN
    return low if x < low else high if x > high else x


def rounded(x: float, digits: float = 0.0) -> float:
    """`x` to so many decimals, a half to the even neighbour, by its exact decimal value."""
    return round(x, int(digits)) + 0.0 if x == x else NAN


def floor(x: float) -> float:
    """The next whole number below."""
    return float(math.floor(x)) if x == x else NAN


def ceil(x: float) -> float:
    """The next whole number above."""
    return float(math.ceil(x)) if x == x else NAN


def sqrt(x: float) -> float:
    """The square root; missing below 0."""
    return math.sqrt(x) if x >= 0.0 else NAN


def log(x: float) -> float:
    """The natural logarithm; missing at and below 0."""
    return math.log(x) if x > 0.0 else NAN


def log1p(x: float) -> float:
    """The natural logarithm of 1 + x; missing at and below -1."""
    return math.log1p(x) if x > -1.0 else NAN


def exp(x: float) -> float:
    """e to the power of x; missing on overflow."""
    try:
        return math.exp(x)
    except OverflowError:
        return NAN


def coalesce(*values: Any) -> Any:
    """The first that is not missing, of any type."""
    for value in values:
        if value is not None and value == value:
            return value
    return values[-1]


def hour(zone: Zone, time: float) -> float:
    """The local hour, 0 to 23."""
    return zone.local(time) // HOUR_US % 24.0 if time == time else NAN


def weekday(zone: Zone, time: float) -> float:
    """The local day of the week, 0 (Monday) to 6; 1970-01-01 was a Thursday."""
    return (zone.local(time) // DAY_US + 3.0) % 7.0 if time == time else NAN


def is_weekend(zone: Zone, time: float) -> bool | None:
    """Whether it is Saturday or Sunday there."""
    return (zone.local(time) // DAY_US + 3.0) % 7.0 >= 5.0 if time == time else None


def lower(text: str | None) -> str | None:
    """The text in small letters."""
    return None if text is None else text.lower()


def upper(text: str | None) -> str | None:
    """The text in capital letters."""
    return None if text is None else text.upper()


@lru_cache(maxsize=1 << 16)
def code(text: str | None) -> float:
    """A number that stands for a text: 52 bits of its BLAKE2b, the same everywhere and for ever."""
    if text is None:
        return NAN
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return float(int.from_bytes(digest, "little") >> 12)


def text(x: float) -> str | None:
    """A number in digits; a whole one without a point."""
    if x != x:
        return None
    number = float(x)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)


def join(*texts: str | None) -> str | None:
    """Texts put together with a bar between them; missing when one is."""
    return None if None in texts else "|".join(cast("tuple[str, ...]", texts))


def length(text: str | None) -> float:
    """How many characters."""
    return NAN if text is None else float(len(text))


def starts_with(text: str | None, part: str | None) -> bool | None:
    """Whether `text` begins with `part`."""
    return None if text is None or part is None else text.startswith(part)


def ends_with(text: str | None, part: str | None) -> bool | None:
    """Whether `text` ends with `part`."""
    return None if text is None or part is None else text.endswith(part)


def contains(text: str | None, part: str | None) -> bool | None:
    """Whether `part` is somewhere in `text`."""
    return None if text is None or part is None else part in text
