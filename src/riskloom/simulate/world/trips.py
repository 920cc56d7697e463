"""Trips: who is in another city on which day, and when they can be there at the speed of an airliner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riskloom.domain.duration import DAY_US
from riskloom.simulate.world import places
from riskloom.simulate.world.customers import Population
from riskloom.simulate.world.dice import Dice, Ints, choice_table

_TRIPS = 3
SEASON_DAYS = 30
SHORTEST_DAYS = 3
TRAVELS_IN_100 = 22
"""How many of 100 customers make a trip in a season."""
_CRUISE_KMH = 700
_AIRPORT_US = 4 * 3_600_000_000


@dataclass(frozen=True, slots=True)
class Season:
    """The trips of up to `SEASON_DAYS` days, a row for each user.

    On the days `leaves` and `returns` the traveller pays nothing; between them they are in `city`. Who stays
    at home has `leaves` at -1 and `returns` at -2. Days count from the start of the simulation.
    """

    home: Ints
    city: Ints
    leaves: Ints
    returns: Ints
    travel_us: Ints

    def under_way(self, day: int) -> NDArray[np.bool_]:
        """Who is on the road all day."""
        travelling: NDArray[np.bool_] = (self.leaves == day) | (self.returns == day)
        return travelling

    def city_on(self, user: Ints, day: int) -> Ints:
        """The city in which each of these users is on a day on which they are not under way."""
        away = (self.leaves[user] < day) & (day < self.returns[user])
        return np.where(away, self.city[user], self.home[user])

    def not_before(self, user: Ints, day: int) -> Ints:
        """The microsecond of this day at which each of these users has arrived, 0 for who was here before."""
        just_moved = (self.leaves[user] == day - 1) | (self.returns[user] == day - 1)
        return np.where(just_moved, np.maximum(self.travel_us[user] - DAY_US, 0), 0)


def plan_season(seed: int, population: Population, first_day: int, days: int) -> Season:
    """The trips of the `days` days from `first_day` on; on the first and the last everybody is at home."""
    dice, users = Dice(seed, _TRIPS, first_day), population.size
    cities = population.market.online
    goes = dice.draw(100, users) < TRAVELS_IN_100
    popular = choice_table([city.weight for city in places.CITIES[:cities]])
    city = popular[dice.draw(popular.size, users)].astype(np.int64)
    longest = min(14, days - 3)
    if longest < SHORTEST_DAYS:
        goes[:] = False
        longest = SHORTEST_DAYS
    length = SHORTEST_DAYS + dice.draw(longest - SHORTEST_DAYS + 1, users)
    leaves = first_day + 1 + dice.draw(np.maximum(days - 2 - length, 1), users)
    kilometres = places.distances_km()[population.city, city]
    goes &= kilometres > 100
    return Season(
        home=population.city,
        city=city,
        leaves=np.where(goes, leaves, -1),
        returns=np.where(goes, leaves + length, -2),
        travel_us=_AIRPORT_US + kilometres * 3_600_000_000 // _CRUISE_KMH,
    )
