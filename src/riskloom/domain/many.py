"""Columns of numbers to what is held inside: the same integers that `read` and `money` make one by one.

Every function gives the integers and a mask of those it is sure of; the others are read one by one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.domain.duration import DAY_US
from riskloom.domain.field import INTEGER_LIMIT
from riskloom.domain.money import RateTable, exponent

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Known = tuple[Ints, Bools]
"""What is held, and where it is known."""

_POWERS = np.array([10**power for power in range(19)], np.int64)
_EXACT = 10**15
"""Decimals of fewer digits are told apart by a double, and are its shortest text."""
_LEAST = 1e-60
"""Floats nearer to zero have texts with more digits than a number may have."""
_PLACES = (0, 2, 4, 6, 9)


def scaled_integers(values: Ints, decimals: int, low: int, high: int) -> Known:
    """Whole numbers as they are held with these decimals, between two bounds of what is held."""
    scale = 10**decimals
    known = (values >= -(-low // scale)) & (values <= high // scale)
    return np.where(known, values, 0) * scale, known


def scaled_floats(values: Floats, decimals: int, low: int, high: int) -> Known:
    """Floats by their shortest decimal text, scaled and rounded half to even.

    The text differs from the double by half a unit in its last place at most, so it is rounded like the
    double wherever that is farther than that from the middle between two integers. Without decimals only
    whole numbers are taken.
    """
    with np.errstate(all="ignore"):
        scaled = values * float(10**decimals)
        nearest = np.rint(scaled)
        known = (nearest >= low) & (nearest <= high) & ((np.abs(values) >= _LEAST) | (values == 0))
        if decimals:
            known &= 0.5 - np.abs(scaled - nearest) > 4 * np.spacing(np.abs(scaled)) + 1e-15
        else:
            known &= scaled == nearest
    return np.where(known, nearest, 0).astype(np.int64), known


def exact_floats(values: Floats) -> tuple[Ints, Ints, Bools]:
    """(digits, scale, known) of floats whose shortest decimal text has few places: digits / 10**scale."""
    digits, scales = np.zeros(len(values), np.int64), np.zeros(len(values), np.int64)
    known = np.zeros(len(values), np.bool_)
    with np.errstate(all="ignore"):
        for places in _PLACES:
            scaled = np.rint(values * float(10**places))
            found = ~known & (np.abs(scaled) < _EXACT) & (scaled / float(10**places) == values)
            digits[found], scales[found] = scaled[found].astype(np.int64), places
            known |= found
    return digits, scales, known


def minor_units(rates: RateTable, currency: str, digits: Ints, scales: Ints, time_us: Ints) -> Known:
    """Amounts of one currency (digits / 10**scale) in minor units of the base: many `RateTable.convert`."""
    known = np.ones(len(digits), np.bool_)
    if currency != rates.base:
        rows = rates.rows.get(currency)
        if rows is None or max(numerator for _, numerator, _ in rows) >= 1 << 62:
            return np.zeros_like(digits), ~known
        days, numerators, more = (np.array(column, np.int64) for column in zip(*rows, strict=True))
        at = np.searchsorted(days, time_us // DAY_US, side="right") - 1
        known = (at >= 0) & (np.abs(digits) <= np.iinfo(np.int64).max // numerators[at])
        digits = np.where(known, digits, 0) * numerators[at]
        scales = scales + more[at]
    shift = exponent(rates.base) - scales
    known &= np.abs(shift) < len(_POWERS)
    power = _POWERS[np.where(known, np.abs(shift), 0)]
    up = shift >= 0
    known &= ~up | (np.abs(digits) <= INTEGER_LIMIT // power)
    minor = np.where(up, np.where(known, digits, 0) * np.where(up, power, 1), _divided(digits, power))
    return minor, known & (np.abs(minor) < INTEGER_LIMIT)


def _divided(numerators: Ints, denominators: Ints) -> Ints:
    """`divide_half_even` of many; denominators up to 10**18."""
    quotient, rest = np.divmod(numerators, denominators)
    twice = 2 * rest
    up: Any = (twice > denominators) | ((twice == denominators) & (quotient & 1 == 1))
    divided: Ints = quotient + up
    return divided
