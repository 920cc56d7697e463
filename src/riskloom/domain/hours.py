"""Hours of people: when they work, when they are not to be woken, when they read what can wait.

All of it is said in local time and computed in UTC: a day of a change of the clocks has 23 or 25 hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTES = 24 * 60
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MOST_DAYS = 8_000


def _local(at_us: int, zone: str) -> datetime:
    return (_EPOCH + timedelta(microseconds=at_us)).astimezone(ZoneInfo(zone))


def _moment(day: date, minute: int, zone: str, *, fold: int = 0) -> int:
    """A local time of a day in microseconds UTC; minute 1440 is the next midnight."""
    day += timedelta(days=minute // MINUTES)
    hour, minute = divmod(minute % MINUTES, 60)
    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone), fold=fold)
    return (local.astimezone(UTC) - _EPOCH) // _MICROSECOND


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """When people work: from a minute of the day to another, on some weekdays (0 is Monday), not on holidays.

    >>> office = BusinessHours("UTC", frozenset(range(5)), 9 * 60, 17 * 60)
    >>> friday_1630 = 1_704_472_200_000_000
    >>> (office.after(friday_1630, 3_600_000_000) - friday_1630) // 3_600_000_000  # over the weekend
    65
    """

    zone: str
    days: frozenset[int]
    from_minute: int
    to_minute: int
    holidays: frozenset[date] = frozenset()

    def after(self, start_us: int, work_us: int) -> int:
        """The moment at which so much working time will have passed."""
        left_us = work_us
        for open_us, close_us in self._spans(start_us):
            begin_us = max(open_us, start_us)
            if left_us <= close_us - begin_us:
                return begin_us + left_us
            left_us -= max(0, close_us - begin_us)
        return start_us + work_us

    def _spans(self, start_us: int) -> Iterator[tuple[int, int]]:
        day = _local(start_us, self.zone).date()
        for _ in range(_MOST_DAYS):
            if day.weekday() in self.days and day not in self.holidays:
                close_us = _moment(day, self.to_minute, self.zone)
                if close_us > start_us:
                    yield _moment(day, self.from_minute, self.zone), close_us
            day += timedelta(days=1)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """When nobody is to be told, but of severities that pierce; may go over midnight."""

    zone: str
    from_minute: int
    to_minute: int
    pierce: frozenset[str]

    def free_at(self, at_us: int, severity: str) -> int:
        """`at_us`, or the end of the quiet hours that it lies in."""
        if severity in self.pierce:
            return at_us
        local = _local(at_us, self.zone)
        minute = local.hour * 60 + local.minute
        begin, end = self.from_minute, self.to_minute
        over_midnight = begin > end
        quiet = (minute >= begin or minute < end) if over_midnight else begin <= minute < end
        if not quiet:
            return at_us
        day = local.date() + timedelta(days=over_midnight and minute >= begin)
        free_us = _moment(day, end, self.zone)
        return free_us if free_us > at_us else _moment(day, end, self.zone, fold=1)


@dataclass(frozen=True, slots=True)
class Digest:
    """When what can wait is told, as one message: minutes of the day, rising."""

    zone: str
    at_minutes: tuple[int, ...]
    severities: frozenset[str]

    def next_at(self, at_us: int) -> int:
        """The first time of a digest after a moment."""
        day = _local(at_us, self.zone).date()
        times = (_moment(day + timedelta(days=n), m, self.zone) for n in range(3) for m in self.at_minutes)
        return next(time_us for time_us in times if time_us > at_us)
