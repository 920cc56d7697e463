"""Days and months of event times, in the calendar of a time zone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from riskloom.errors import DataInvalid, Fault
from riskloom.expression.zones import zone
from riskloom.measure.steps import Integers, check_column

DAY_US = 86_400_000_000


def days_of(times_us: npt.ArrayLike, timezone: str = "UTC") -> Integers:
    """The day of each time as days since 1970-01-01 of the local calendar.

    Parameters
    ----------
    times_us
        n integers, microseconds UTC.
    timezone
        An IANA time zone.

    Raises
    ------
    DataInvalid, ExpressionInvalid
        For times that are no integers, and for an unknown time zone.

    >>> days_of([0, 86_400_000_000 - 1, 86_400_000_000]).tolist()
    [0, 0, 1]
    """
    return _local(times_us, timezone) // DAY_US


def months_of(times_us: npt.ArrayLike, timezone: str = "UTC") -> npt.NDArray[np.str_]:
    """The month of each time, as "2018-07"; parameters as for `days_of`.

    >>> months_of([0]).tolist()
    ['1970-01']
    """
    return np.datetime_as_string(_local(times_us, timezone).astype("datetime64[us]"), unit="M")


def show_day(day: int) -> str:
    """A day number as a date.

    >>> show_day(17_744)
    '2018-08-01'
    """
    return str(np.datetime64(int(day), "D"))


def _local(times_us: npt.ArrayLike, timezone: str) -> Integers:
    times = check_column("times_us", times_us)
    if times.dtype.kind not in "iu":
        raise DataInvalid(Fault("times_us", "integers", str(times.dtype)))
    table = zone(timezone)
    starts = np.array(table.starts, np.int64)
    offsets = np.array(table.offsets, np.int64)
    times = times.astype(np.int64)
    return np.asarray(times + offsets[np.searchsorted(starts, times, side="right")], np.int64)
