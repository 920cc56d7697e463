"""Merchants: where they are, what they sell, and how a customer comes to one of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from riskloom.simulate.world import habits, places
from riskloom.simulate.world.dice import QUANTILES, Dice, Ints, bell_table

TOWN_SPREAD = 3_000 * places.MICRODEGREES_PER_KM // 1000
"""The standard deviation of merchants and homes around the middle of their city, in microdegrees: 3 km."""
_BELL = bell_table(TOWN_SPREAD)


@dataclass(frozen=True, slots=True)
class Shop:
    """One merchant as a fraud sees it; `category` is an index of `habits.CATEGORIES`."""

    merchant_id: str
    category: int
    lat: int
    lon: int


@dataclass(frozen=True, slots=True)
class Market:
    """All merchants, grouped by (city, category); the group after the last city sells online.

    The merchants of a group stand one behind the other, the busiest first; `number` is what is written in
    their ids and says nothing about place or group.
    """

    start: Ints
    size: Ints
    lat: Ints
    lon: Ints
    category: Ints
    number: Ints
    online: int

    def pick(self, group_city: Ints, category: Ints, draw: Ints) -> Ints:
        """A merchant for each row; `draw` is uniform below `QUANTILES`, and busy merchants get more of it."""
        group = group_city * len(habits.CATEGORIES) + category
        merchant: Ints = self.start[group] + (self.size[group] * draw * draw // (QUANTILES * QUANTILES))
        return merchant

    def shop(self, merchant: int) -> Shop:
        """The merchant of one index."""
        return Shop(
            merchant_id(int(self.number[merchant])),
            int(self.category[merchant]),
            int(self.lat[merchant]),
            int(self.lon[merchant]),
        )

    def pick_shop(self, dice: Dice, category: str, city: int | None) -> Shop:
        """A merchant of a category in a city, or online where `city` is None; each of them as likely."""
        group = (self.online if city is None else city) * len(habits.CATEGORIES)
        group += habits.CATEGORY_NAMES.index(category)
        return self.shop(int(self.start[group]) + dice.below(int(self.size[group])))


def merchant_id(number: int) -> str:
    """How a merchant's number is written.

    >>> merchant_id(42)
    'm_000042'
    """
    return f"m_{number:06d}"


def scatter(dice: Dice, city: Ints) -> tuple[Ints, Ints]:
    """A place (lat, lon in microdegrees) in the city of each row, a few kilometres around its middle."""
    north = _BELL[dice.draw(QUANTILES, city.size)]
    east = _BELL[dice.draw(QUANTILES, city.size)] * places.CITY_STRETCH[city] // 1024
    return places.CITY_LAT[city] + north, places.CITY_LON[city] + east


def build_market(dice: Dice, customers_by_city: Ints) -> Market:
    """Merchants for a population: more where more people live, but fewer for each of them."""
    cities, categories = customers_by_city.size, len(habits.CATEGORIES)
    by_city = [2 + math.isqrt(int(count)) // 2 for count in customers_by_city]
    sizes = [*by_city, 4 + math.isqrt(int(customers_by_city.sum())) // 2]
    size = np.repeat(np.array(sizes, dtype=np.int64), categories)
    start = np.cumsum(size) - size
    group = np.repeat(np.arange(size.size, dtype=np.int64), size)
    city = np.minimum(group // categories, cities - 1)
    lat, lon = scatter(dice, city)
    order = np.argsort(dice.draw(2**31 - 1, group.size), kind="stable")
    return Market(start, size, lat, lon, group % categories, order.astype(np.int64), cities)
