"""What the functions of the language compute for columns of events, with the bits of `row_functions`.

Columns of one length: numbers and times float64, texts object, booleans int8 with -1 for missing. Where numpy
differs in the last bit from the C library (log, exp, pow) or from Python's rule (round), the row function
runs in a loop.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riskloom.expression import row_functions as row
from riskloom.expression.row_functions import DAY_US, HOUR_US, NAN
from riskloom.expression.zones import Zone

Array = NDArray[Any]
Mask = NDArray[np.bool_]


def missing(values: Array) -> Mask:
    """Where a column has no value."""
    if values.dtype == object:
        return np.fromiter((value is None for value in values.tolist()), np.bool_, len(values))
    absent: Mask = values == -1 if values.dtype == np.int8 else values != values
    return absent


def each(function: Callable[[Any], float]) -> Callable[[Array], Array]:
    """The function for columns that runs a row function giving numbers in a loop."""

    def columns(values: Array) -> Array:
        return np.fromiter(map(function, values.tolist()), np.float64, len(values))

    return columns


def each_text(function: Callable[[Any], str | None]) -> Callable[[Array], Array]:
    """The same for a row function giving texts."""

    def columns(values: Array) -> Array:
        made = np.empty(len(values), dtype=object)
        made[:] = [function(value) for value in values.tolist()]
        return made

    return columns


def join(*texts: Array) -> Array:
    """See `row_functions.join`."""
    made = np.empty(len(texts[0]), dtype=object)
    made[:] = [row.join(*each) for each in zip(*(column.tolist() for column in texts), strict=True)]
    return made


def each_pair(function: Callable[[str | None, str | None], bool | None]) -> Callable[[Array, Array], Array]:
    """The same for a row function of two texts giving booleans."""

    def columns(text: Array, part: Array) -> Array:
        found = map(function, text.tolist(), part.tolist())
        return np.fromiter((-1 if fact is None else fact for fact in found), np.int8, len(text))

    return columns


def least(*values: Array) -> Array:
    """See `row_functions.least`."""
    best = values[0]
    for value in values[1:]:
        best = np.where(value < best, value, np.where(value == value, best, NAN))
    return best


def greatest(*values: Array) -> Array:
    """See `row_functions.greatest`."""
    best = values[0]
    for value in values[1:]:
        best = np.where(value > best, value, np.where(value == value, best, NAN))
    return best


def clamp(x: Array, low: Array, high: Array) -> Array:
    """See `row_functions.clamp`."""
    known = (x == x) & (low == low) & (high == high)
    return np.where(known, np.where(x < low, low, np.where(x > high, high, x)), NAN)


def rounded(x: Array, digits: Array | None = None) -> Array:
    """See `row_functions.rounded`; `digits` is the same for all."""
    if digits is None:
        return whole(np.rint(x))
    decimals = float(digits[0]) if len(digits) else 0.0
    return each(partial(row.rounded, digits=decimals))(x)


def whole(x: Array) -> Array:
    """Rounded numbers without the negative zero."""
    return np.add(x, 0.0)


def floor(x: Array) -> Array:
    """See `row_functions.floor`."""
    return whole(np.floor(x))


def ceil(x: Array) -> Array:
    """See `row_functions.ceil`."""
    return whole(np.ceil(x))


def sqrt(x: Array) -> Array:
    """See `row_functions.sqrt`."""
    return np.where(x >= 0.0, np.sqrt(x), NAN)


def coalesce(*values: Array) -> Array:
    """See `row_functions.coalesce`."""
    first = values[0]
    for value in values[1:]:
        first = np.where(missing(first), value, first)
    return first


def local(zone: Zone, time: Array) -> Array:
    """See `Zone.local`."""
    at = np.searchsorted(np.asarray(zone.starts, dtype=np.float64), time, side="right")
    return np.add(time, np.asarray(zone.offsets, dtype=np.float64)[at])


def hour(zone: Zone, time: Array) -> Array:
    """See `row_functions.hour`."""
    hours: Array = local(zone, time) // HOUR_US % 24.0
    return hours


def weekday(zone: Zone, time: Array) -> Array:
    """See `row_functions.weekday`."""
    days: Array = (local(zone, time) // DAY_US + 3.0) % 7.0
    return days


def is_weekend(zone: Zone, time: Array) -> Array:
    """See `row_functions.is_weekend`."""
    weekend = (weekday(zone, time) >= 5.0).astype(np.int8)
    return np.where(time == time, weekend, np.int8(-1))
