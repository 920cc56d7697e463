# mypy: disable-error-code="no-untyped-def, no-any-return"
# (numba infers the types)
"""The one place where integers become floats, used by all engines: equal integers, equal floats."""

from __future__ import annotations

import math

import numpy as np

from riskloom.features.bits import high_product, square
from riskloom.features.compiled import compiled, folded, inlined
from riskloom.features.layout import FRAUD_SHARE, MEAN, NULL, SINCE_LAST, STD, TRAVEL_KM, TRAVEL_SPEED

EARTH_DIAMETER_KM = 12742.0
DEGREE = math.pi / 180e6
"""Radians in a microdegree."""


@compiled
def spread(n, total, square_low, square_high):
    """n * Q - total**2 exactly, in three limbs, then one rounding a limb. Never negative (Cauchy-Schwarz)."""
    low, high = square(total)
    count = np.uint64(n)
    one = np.uint64(1)
    nil = np.uint64(0)
    r0 = count * np.uint64(square_low)
    carry = high_product(count, np.uint64(square_low))
    r1 = count * np.uint64(square_high) + carry
    r2 = high_product(count, np.uint64(square_high)) + (one if r1 < carry else nil)
    borrow = one if r0 < np.uint64(low) else nil
    r0 -= np.uint64(low)
    less = np.uint64(high) + borrow  # high < 2**62: no wrap
    borrow = one if r1 < less else nil
    r1 -= less
    r2 -= borrow
    limb = 18446744073709551616.0
    return (np.float64(r2) * limb + np.float64(r1)) * limb + np.float64(r0)


@compiled
def distance_km(a, b):
    """Great-circle distance (haversine, mean radius 6371 km) of two packed places."""
    y1 = ((a >> 32) - 90_000_000) * DEGREE
    x1 = ((a & 0xFFFFFFFF) - 180_000_000) * DEGREE
    y2 = ((b >> 32) - 90_000_000) * DEGREE
    x2 = ((b & 0xFFFFFFFF) - 180_000_000) * DEGREE
    h = math.sin((y2 - y1) / 2) ** 2 + math.cos(y1) * math.cos(y2) * math.sin((x2 - x1) / 2) ** 2
    return EARTH_DIAMETER_KM * math.asin(math.sqrt(min(1.0, h)))


@inlined
def finish_travel(op, km, microseconds):
    """travel from a distance: itself, or km/h over at least a second."""
    return km if op == TRAVEL_KM else km / (max(microseconds, 1_000_000) / 3.6e9)


@folded
def finish_one(op, scale, a, b, c, d):
    """One feature's float64 from its integers; `a` is NULL for null, which becomes NaN.

    The integers: count, sum, min, max, distinct, first_seen, last, fraud_count: (value); fraud_share:
    (frauds, n); mean: (sum, n); std: (sum, n, and the sum of squares in two limbs); seconds_since_last:
    (microseconds); travel: (place then, place now, microseconds).
    """
    if a == NULL:
        return math.nan
    if op == FRAUD_SHARE:
        return np.float64(a) / np.float64(b)
    if op == MEAN:
        return np.float64(a) / np.float64(b * scale)
    if op == STD:
        return math.sqrt(spread(b, a, c, d)) / np.float64(b * scale)
    if op == SINCE_LAST:
        return np.float64(a) / 1e6
    if TRAVEL_KM <= op <= TRAVEL_SPEED:
        return finish_travel(op, distance_km(a, b), c)
    return np.float64(a) / np.float64(scale)
