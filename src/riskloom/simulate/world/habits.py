"""What people of a kind do: when they pay in a day, for what, how, and how much. Tables to draw from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from riskloom.simulate.world.dice import QUANTILES, Ints, choice_table, lognormal_table

CHANNELS = ("pos", "contactless", "online", "atm")
POS, CONTACTLESS, ONLINE, ATM = range(len(CHANNELS))

FREE, NINES, ROUND, FIXED = range(4)
"""How prices look: any, ending in .99, whole notes, the same each time for one customer at one merchant."""


@dataclass(frozen=True, slots=True)
class Category:
    """One kind of merchant: its usual price, how much prices vary, and when and how people pay there."""

    name: str
    median_cents: int
    sigma: float
    online_share: int
    """Of 1,000 payments, how many are made online."""
    price: int
    weight: int
    by_daypart: tuple[int, int, int, int]
    """How busy it is at night (0-6 h), in the morning (6-11), by day (11-17), in the evening (17-24)."""


CATEGORIES = (
    Category("grocery", 3200, 0.70, 60, FREE, 220, (0, 6, 10, 10)),
    Category("restaurant", 2600, 0.55, 20, FREE, 120, (1, 2, 9, 14)),
    Category("coffee_shop", 550, 0.35, 0, FREE, 90, (0, 16, 8, 2)),
    Category("fuel", 4500, 0.35, 0, FREE, 60, (3, 8, 8, 7)),
    Category("transport", 900, 0.80, 350, FREE, 90, (5, 12, 7, 8)),
    Category("pharmacy", 1800, 0.60, 80, FREE, 40, (0, 8, 10, 7)),
    Category("clothing", 5500, 0.70, 400, NINES, 55, (1, 3, 10, 10)),
    Category("electronics", 13_000, 0.90, 500, NINES, 25, (2, 4, 9, 10)),
    Category("household", 6000, 0.85, 350, NINES, 35, (1, 5, 10, 7)),
    Category("entertainment", 3000, 0.60, 500, FREE, 40, (4, 2, 6, 14)),
    Category("digital_goods", 1100, 0.60, 1000, NINES, 45, (6, 4, 6, 12)),
    Category("subscription", 1299, 0.30, 1000, FIXED, 35, (6, 8, 6, 5)),
    Category("food_delivery", 2400, 0.40, 1000, FREE, 45, (2, 1, 7, 14)),
    Category("travel", 24_000, 0.80, 850, FREE, 12, (2, 5, 8, 10)),
    Category("hotel", 16_000, 0.50, 450, FREE, 10, (2, 7, 6, 8)),
    Category("health", 7000, 0.70, 100, FREE, 20, (0, 9, 10, 3)),
    Category("jewelry", 24_000, 0.80, 250, FREE, 4, (0, 2, 10, 7)),
    Category("gambling", 3000, 0.90, 900, ROUND, 8, (10, 2, 4, 12)),
    Category("gift_card", 5000, 0.40, 650, ROUND, 8, (2, 4, 9, 9)),
    Category("cash", 9000, 0.50, 0, ROUND, 50, (3, 7, 9, 8)),
)
CATEGORY_NAMES = tuple(category.name for category in CATEGORIES)
CASH = CATEGORY_NAMES.index("cash")


@dataclass(frozen=True, slots=True)
class Persona:
    """A way of life: how often such people pay by hour of the day, and what they like more than others."""

    name: str
    weight: int
    hours: tuple[int, ...]
    weekend_hours: tuple[int, ...]
    likes: tuple[tuple[str, int], ...]
    """Categories and how many times in 10 of the usual they go there."""


def _hours(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in text.split())


_WEEKEND = _hours("3 2 1 0 0 0 1 3 8 16 24 28 28 26 24 24 24 24 26 26 20 14 9 5")
_LATE_WEEKEND = _hours("16 12 8 4 2 1 0 1 2 5 10 16 20 22 22 22 22 22 24 26 26 26 26 22")
PERSONAS = (
    Persona(
        "office_worker",
        40,
        _hours("1 0 0 0 0 1 5 20 24 10 8 14 34 22 9 8 12 26 34 26 16 10 6 3"),
        _WEEKEND,
        (("coffee_shop", 15), ("restaurant", 12)),
    ),
    Persona(
        "early_riser",
        15,
        _hours("0 0 0 0 3 14 26 26 16 12 14 18 22 14 14 18 24 20 12 6 3 1 0 0"),
        _hours("0 0 0 0 1 6 14 22 26 28 26 22 20 18 16 14 14 12 10 6 3 1 0 0"),
        (("fuel", 20), ("household", 15)),
    ),
    Persona(
        "student",
        15,
        _hours("8 5 3 1 1 0 1 4 8 12 14 18 24 20 16 16 18 20 22 24 24 22 18 12"),
        _LATE_WEEKEND,
        (("digital_goods", 25), ("food_delivery", 20), ("travel", 4), ("jewelry", 2), ("transport", 18)),
    ),
    Persona(
        "night_worker",
        6,
        _hours("14 16 16 14 12 14 18 16 8 2 1 1 2 4 8 12 14 16 18 16 12 10 10 12"),
        _hours("16 14 12 8 6 6 8 8 4 2 2 4 8 12 14 16 16 16 18 18 16 16 16 16"),
        (("fuel", 15), ("transport", 15), ("gambling", 15)),
    ),
    Persona(
        "retiree",
        12,
        _hours("0 0 0 0 0 0 2 8 20 32 34 30 22 16 20 22 18 12 8 4 2 1 0 0"),
        _hours("0 0 0 0 0 0 2 6 16 26 30 26 22 18 18 16 12 10 8 4 2 1 0 0"),
        (("pharmacy", 30), ("health", 25), ("digital_goods", 3), ("food_delivery", 3), ("gambling", 4)),
    ),
    Persona(
        "parent",
        12,
        _hours("0 0 0 0 0 0 3 12 24 26 24 20 16 14 18 24 22 18 16 14 16 14 6 2"),
        _WEEKEND,
        (("grocery", 14), ("clothing", 14), ("gift_card", 15), ("household", 14)),
    ),
)

WEEKDAY_WEIGHT = (100, 98, 102, 106, 124, 130, 92)
"""How busy a day is, from Monday."""


def daypart(hour: Ints) -> Ints:
    """0 for the night (0-6 h), 1 for the morning (6-11), 2 for the day (11-17), 3 for the evening (17-24)."""
    return (hour >= 6).astype(np.int64) + (hour >= 11) + (hour >= 17)


@cache
def hour_table() -> NDArray[np.uint8]:
    """Hours to draw from: uint8[personas, workday or weekend, QUANTILES]."""
    rows = [[choice_table(list(p.hours)), choice_table(list(p.weekend_hours))] for p in PERSONAS]
    return np.array(rows, dtype=np.uint8)


@cache
def category_table() -> NDArray[np.uint8]:
    """Categories to draw from: uint8[personas, dayparts, QUANTILES]."""
    table = np.zeros((len(PERSONAS), 4, QUANTILES), dtype=np.uint8)
    for row, persona in enumerate(PERSONAS):
        likes = dict(persona.likes)
        for part in range(4):
            table[row, part] = choice_table(
                [c.weight * c.by_daypart[part] * likes.get(c.name, 10) for c in CATEGORIES]
            )
    return table


@cache
def price_table() -> Ints:
    """Prices in US cents before wealth and currency, in 1/65,536: int64[categories, QUANTILES]."""
    return np.array([c.median_cents * lognormal_table(c.sigma) for c in CATEGORIES], dtype=np.int64)


ONLINE_SHARE: Ints = np.array([category.online_share for category in CATEGORIES], dtype=np.int64)
PRICE_STYLE: Ints = np.array([category.price for category in CATEGORIES], dtype=np.int64)
