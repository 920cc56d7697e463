# mypy: disable-error-code="untyped-decorator, no-untyped-def, no-any-return"
# (numba ships no types)
"""Columns of text read byte by byte: times, decimals, addresses and plain words in their commonest forms.

Each loop knows one narrow form whose meaning is beyond doubt. Whatever is written otherwise it leaves alone
and says so: then the reader of one value decides. `data` holds the UTF-8 bytes, end to end; `offsets` where
each text begins, one more than texts.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from riskloom.domain.read import TEXT_LIMIT

_ZERO, _NINE, _MINUS, _POINT = 48, 57, 45, 46
_DIGITS = 18
_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_FIRST_YEAR, _LAST_YEAR = 1970, 2199


@njit(cache=True, nogil=True)
def read_plain(offsets, data, known):
    """`known` is set where a text is 1 to TEXT_LIMIT printable ASCII characters."""
    for at in range(len(offsets) - 1):
        begin, end = offsets[at], offsets[at + 1]
        fits = 0 < end - begin <= TEXT_LIMIT
        for place in range(begin, end):
            fits &= 32 <= data[place] < 127
        known[at] = fits


@njit(cache=True, nogil=True)
def read_addresses(offsets, data, known):
    """`known` is set where a text is an IPv4 address in its shortest form."""
    for at in range(len(offsets) - 1):
        parts, digits, number, fits = 1, 0, 0, offsets[at + 1] - offsets[at] <= 15
        for place in range(offsets[at], offsets[at + 1]):
            sign = data[place]
            if sign == _POINT:
                fits &= digits > 0
                parts, digits, number = parts + 1, 0, 0
            elif _ZERO <= sign <= _NINE and digits < 3:
                fits &= digits == 0 or number > 0  # no leading zero
                number = number * 10 + (sign - _ZERO)
                digits += 1
                fits &= number <= 255
            else:
                fits = False
                break
        known[at] = fits and parts == 4 and digits > 0


@njit(cache=True, nogil=True)
def read_decimals(offsets, data, digits, scales, known):
    """`known` is set where a text is -12.50 or the like; its value is digits / 10**scale."""
    for at in range(len(offsets) - 1):
        place, end = offsets[at], offsets[at + 1]
        is_negative = place < end and data[place] == _MINUS
        if is_negative:
            place += 1
        value, whole, fraction, behind, fits = np.int64(0), 0, 0, False, end - place <= _DIGITS + 1
        while fits and place < end:
            sign = data[place]
            if _ZERO <= sign <= _NINE:
                value = value * 10 + np.int64(sign - _ZERO)
                if behind:
                    fraction += 1
                else:
                    whole += 1
            elif sign == _POINT and not behind:
                behind = True
            else:
                fits = False
            place += 1
        known[at] = fits and whole > 0 and whole + fraction <= _DIGITS and behind == (fraction > 0)
        digits[at] = -value if is_negative else value
        scales[at] = fraction


@njit(cache=True, nogil=True)
def _number(data, begin, count):
    """So many digits as a number; -1 when something else is among them."""
    value = 0
    for place in range(begin, begin + count):
        if not _ZERO <= data[place] <= _NINE:
            return -1
        value = value * 10 + (data[place] - _ZERO)
    return value


@njit(cache=True, nogil=True)
def _days(year, month, day):
    """Days since 1970 of a date from then on; -1 when there is none."""
    if not (_FIRST_YEAR <= year <= _LAST_YEAR and 1 <= month <= 12):
        return np.int64(-1)
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if not 1 <= day <= _DAYS[month - 1] + (1 if is_leap and month == 2 else 0):
        return np.int64(-1)
    before = year - 1
    days = np.int64(year - 1970) * 365 + (before // 4 - before // 100 + before // 400) - 477
    for at in range(month - 1):
        days += _DAYS[at]
    return days + day - 1 + (1 if is_leap and month > 2 else 0)


@njit(cache=True, nogil=True)
def read_moments(offsets, data, is_utc, micros, known):
    """`known` is set where a text is 2026-01-31T12:00:00.123Z or the like, also with a space for the T.

    Without the Z only where times without a zone `is_utc`.
    """
    for at in range(len(offsets) - 1):
        begin, end = offsets[at], offsets[at + 1]
        known[at] = False
        length = end - begin
        if length < 19 or length > 27:
            continue
        has_zone = data[end - 1] == 90
        if not (has_zone or is_utc):
            continue
        if has_zone:
            end -= 1
        between = data[begin + 10]
        fits = data[begin + 4] == _MINUS and data[begin + 7] == _MINUS and (between == 84 or between == 32)
        fits &= data[begin + 13] == 58 and data[begin + 16] == 58
        days = _days(_number(data, begin, 4), _number(data, begin + 5, 2), _number(data, begin + 8, 2))
        hour, minute, second = (
            _number(data, begin + 11, 2),
            _number(data, begin + 14, 2),
            _number(data, begin + 17, 2),
        )
        fits &= days >= 0 and 0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60
        fraction = 0
        behind = end - begin - 20
        if end - begin > 19:
            fits &= data[begin + 19] == _POINT and 1 <= behind <= 6
            fraction = _number(data, begin + 20, behind) if fits else -1
            fits &= fraction >= 0
            for _ in range(6 - behind):
                fraction *= 10
        known[at] = fits
        micros[at] = ((days * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000 + fraction
