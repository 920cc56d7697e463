"""Durations as people write them: `5m`, `1h`, `30d`, `1h30m`; microseconds inside."""

from __future__ import annotations

import re

UNITS_US = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 7 * 86_400_000_000,
}
DAY_US = UNITS_US["d"]

_PART = re.compile(r"(\d+)(us|ms|s|m|h|d|w)")
_WHOLE = re.compile(r"(?:\d+(?:us|ms|s|m|h|d|w))+")


def parse_duration(text: str) -> int:
    """Microseconds of a duration text.

    Raises
    ------
    ValueError
        When the text is not a row of number and unit.

    >>> parse_duration("1h30m")
    5400000000
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"not a duration: {text!r}")
    return sum(int(number) * UNITS_US[unit] for number, unit in _PART.findall(text))


def format_duration(duration_us: int) -> str:
    """The shortest text of a duration that `parse_duration` reads back.

    >>> format_duration(5400000000)
    '1h30m'
    """
    rest, parts = duration_us, []
    for unit in ("d", "h", "m", "s", "ms", "us"):
        number, rest = divmod(rest, UNITS_US[unit])
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts) or "0s"
