"""Customers: home, way of life, wealth, devices and networks; all that a seed and a head count decide."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riskloom.simulate.world import habits, market, places
from riskloom.simulate.world.dice import (
    QUANTILES,
    Dice,
    Ints,
    choice_table,
    hashed_below,
    lognormal_table,
    mix_many,
)

_PEOPLE, _SHOPS = 1, 2
_DEVICE, _LEASE, _CARRIER, _CAFE, _PROXY = range(10, 15)
CARD, PHONE, LAPTOP = range(3)
"""Slots of a customer's devices; higher ones are tablets or second computers."""
DEVICE_BITS = np.uint64(20)

HOME_NETWORK, MOBILE_NETWORK, GUEST_NETWORK, PROXY_NETWORK = 0x0A000000, 0x64400000, 0xAC100000, 0xC6120000
"""10/8, 100.64/10, 172.16/12 and 198.18/15: ranges that belong to nobody on the open internet."""
PROXIES = 400
_CARRIER_DAYS = 120


@dataclass(frozen=True, slots=True)
class Population:
    """The people of one world, as columns indexed by user; built once by `build_population`."""

    seed: int
    city: Ints
    lat: Ints
    lon: Ints
    persona: Ints
    early_hours: Ints
    """Hours by which a person's day runs ahead of their persona's: -1, 0 or 1."""
    pays: Ints
    """How often this person pays, as a weight; heavy-tailed."""
    wealth: Ints
    """What this person spends beside the median one, in 1/65,536."""
    devices: Ints
    """How many devices for paying online: 1 to 3."""
    household: Ints
    """The user whose home, home network and laptop this person shares; mostly the person."""
    wallet: NDArray[np.bool_]
    """Pays contactless with the phone, not the card."""
    uses_proxy: NDArray[np.bool_]
    market: market.Market

    @property
    def size(self) -> int:
        """How many customers there are."""
        return self.city.size

    @property
    def currency(self) -> Ints:
        """The home currency of each user: an index of `places.CURRENCIES`."""
        return places.CITY_CURRENCY[self.city]

    def device(self, user: Ints, slot: Ints, day: int) -> NDArray[np.uint64]:
        """The 44-bit numbers of devices in use on a day (since 1970); each is replaced after 1-4 years."""
        owner = np.where(slot >= LAPTOP, self.household[user], user)
        life = 365 + hashed_below(1095, self.seed, _DEVICE, owner, slot)
        generation = (day + hashed_below(life, self.seed, _DEVICE + 100, owner, slot)) // life
        return mix_many(self.seed, _DEVICE + 200, owner, slot, generation) >> DEVICE_BITS

    def home_ip(self, user: Ints, day: int) -> Ints:
        """The address of the household; the provider gives a new one after weeks or months."""
        owner = self.household[user]
        lease = 20 + hashed_below(200, self.seed, _LEASE, owner)
        generation = (day + hashed_below(lease, self.seed, _LEASE + 100, owner)) // lease
        return HOME_NETWORK + hashed_below(1 << 24, self.seed, _LEASE + 200, owner, generation)

    def mobile_ip(self, user: Ints, city: Ints, day: int, draw: Ints) -> Ints:
        """One of two carrier addresses of these months, `draw` says which; many people share them."""
        pool = 40 + self.size // 4
        months = (day + hashed_below(_CARRIER_DAYS, self.seed, _CARRIER + 200, user)) // _CARRIER_DAYS
        other = (draw % 10 == 0).astype(np.int64)
        picked = hashed_below(pool, self.seed, _CARRIER, user, city, months, other)
        return MOBILE_NETWORK + hashed_below(1 << 22, self.seed, _CARRIER + 100, city, picked)

    def guest_ip(self, city: Ints, draw: Ints) -> Ints:
        """The wireless network of a cafe or hotel: one of 64 in each city."""
        return GUEST_NETWORK + hashed_below(1 << 20, self.seed, _CAFE, city, draw % 64)

    def proxy_ip(self, draw: Ints) -> Ints:
        """One of the addresses behind which some honest people and many thieves hide."""
        return PROXY_NETWORK + hashed_below(1 << 17, self.seed, _PROXY, draw % PROXIES)


def build_population(seed: int, users: int) -> Population:
    """The customers of a world and its merchants.

    The same seed and number give the same people, so that a later simulation can go on with them.
    """
    dice = Dice(seed, _PEOPLE)
    cities = min(len(places.CITIES), 8 + users // 20)
    chances = choice_table([city.weight for city in places.CITIES[:cities]])
    city = chances[dice.draw(QUANTILES, users)].astype(np.int64)
    lat, lon = market.scatter(dice, city)
    number = np.arange(users, dtype=np.int64)
    lives_with_previous = (number % 2 == 1) & (dice.draw(100, users) < 30)
    household = np.where(lives_with_previous, number - 1, number)
    city, lat, lon = city[household], lat[household], lon[household]
    persona = choice_table([persona.weight for persona in habits.PERSONAS])
    by_city = np.bincount(city, minlength=cities).astype(np.int64)
    return Population(
        seed=seed,
        city=city,
        lat=lat,
        lon=lon,
        persona=persona[dice.draw(QUANTILES, users)].astype(np.int64),
        early_hours=dice.draw(3, users) - 1,
        pays=1 + lognormal_table(0.7)[dice.draw(QUANTILES, users)] // 1024,
        wealth=lognormal_table(0.35)[dice.draw(QUANTILES, users)],
        devices=1 + np.array([0, 0, 1, 1, 1, 2], dtype=np.int64)[dice.draw(6, users)],
        household=household,
        wallet=dice.draw(100, users) < 55,
        uses_proxy=dice.draw(100, users) < 4,
        market=market.build_market(Dice(seed, _SHOPS), by_city),
    )


def user_id(user: int) -> str:
    """How a customer's number is written.

    >>> user_id(7)
    'u_000007'
    """
    return f"u_{user:06d}"


def device_id(number: int) -> str:
    """How a device's 44-bit number is written.

    >>> device_id(255)
    'd_000000000ff'
    """
    return f"d_{number:011x}"


def ip_text(address: int) -> str:
    """An IPv4 address as text.

    >>> ip_text(0x0A000102)
    '10.0.1.2'
    """
    return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"
