"""A time zone as a table: since when which offset from UTC holds. One row bisects in it, columns search
it."""

from __future__ import annotations

import zoneinfo
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from riskloom.errors import ExpressionInvalid, Fault, nearest, show

_SECOND = 1_000_000
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Zone:
    """Offsets of one time zone from 1970 to 2100; before and after, the first and the last one go on."""

    name: str
    starts: tuple[float, ...]
    """When each offset but the first begins: µs since 1970-01-01 UTC, ascending."""
    offsets: tuple[float, ...]
    """µs to add to UTC; one more than `starts`."""

    def local(self, time_us: float) -> float:
        """Local time as µs since 1970-01-01 of the local calendar."""
        return time_us + self.offsets[bisect_right(self.starts, time_us)]


@lru_cache(maxsize=64)
def zone(name: str) -> Zone:
    """The table of an IANA time zone; kept once made (making one takes about 50 ms).

    Raises
    ------
    ExpressionInvalid
        When there is no such zone; names the nearest.
    """
    if name == "UTC":
        return Zone(name, (), (0.0,))
    try:
        info = zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        hint = nearest(name, zoneinfo.available_timezones())
        raise ExpressionInvalid(Fault("timezone", "an IANA time zone", show(name), hint)) from error
    starts, offsets = [], [_offset(info, _FIRST)]
    before, step = _FIRST, timedelta(days=1)
    while before < _LAST:
        after = before + step
        if _offset(info, after) != offsets[-1]:
            change = _change(info, before, after)
            starts.append((change - _FIRST) / timedelta(microseconds=1))
            offsets.append(_offset(info, change))
        before = after
    return Zone(name, tuple(starts), tuple(offsets))


def _offset(info: zoneinfo.ZoneInfo, moment: datetime) -> float:
    offset = info.utcoffset(moment.astimezone(info))
    return 0.0 if offset is None else offset / timedelta(microseconds=1)


def _change(info: zoneinfo.ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The second at which the offset of `before` ends, which it does by `after`."""
    old = _offset(info, before)
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(info, before + timedelta(seconds=middle)) == old:
            low = middle
        else:
            high = middle
    return before + timedelta(seconds=high)
