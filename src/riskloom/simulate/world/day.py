"""One day of honest payments of a whole population, drawn as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riskloom.domain.duration import DAY_US
from riskloom.simulate.world import habits, places
from riskloom.simulate.world.customers import CARD, DEVICE_BITS, PHONE, Population
from riskloom.simulate.world.dice import QUANTILES, Dice, Ints, choice_table, hashed_below, mix_many
from riskloom.simulate.world.trips import Season

_DAY, _FAVOURITE, _HOTEL, _PRICE, _NEW_DEVICE = 4, 20, 21, 22, 23
_HOUR_US = 3_600_000_000
_ONE_IN_FOLLOWS = 9
_TRAVELLERS_BUY = choice_table(
    [{"hotel": 20, "restaurant": 35, "transport": 25, "cash": 10}.get(n, 0) for n in habits.CATEGORY_NAMES]
)
_RATE: Ints = np.array(places.MINOR_PER_1000_CENTS, dtype=np.int64)
_ROUND: Ints = np.array(places.ROUND_MINOR, dtype=np.int64)
_NINE: Ints = np.array([80 if code == "JPY" else 99 for code in places.CURRENCIES], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class HonestDay:
    """Honest payments in time order: one row each, indices and integers only; times are microseconds UTC."""

    time_us: Ints
    user: Ints
    merchant: Ints
    category: Ints
    """-1 where the merchant did not say."""
    amount_minor: Ints
    currency: Ints
    lat: Ints
    lon: Ints
    device: NDArray[np.uint64]
    ip: Ints
    channel: Ints


def honest_day(
    population: Population, season: Season, seed: int, start_us: int, day: int, count: int
) -> HonestDay | None:
    """`count` payments of one day of the simulation; None when everybody is under way and nobody pays."""
    dice, today = Dice(seed, _DAY, day), start_us // DAY_US + day
    chances = np.cumsum(np.where(season.under_way(day), 0, population.pays))
    if count and not chances[-1]:
        return None
    user, clock_us, city = _who_and_when(dice, population, season, chances, day, today, count)
    order = np.argsort(clock_us, kind="stable")
    user, clock_us, city = user[order], clock_us[order], city[order]
    category = _what(dice, population, season, user, clock_us, city)
    channel = _channel(dice, population, user, category)
    online = channel == habits.ONLINE
    merchant = _merchant(dice, population, user, city, category, online)
    currency = np.where(online, population.currency[user], places.CITY_CURRENCY[city])
    lat, lon = _place(dice, population, season, user, city, merchant, online)
    category_written = np.where(dice.draw(100, count) < 2, -1, category)
    return HonestDay(
        time_us=start_us + day * DAY_US + clock_us,
        user=user,
        merchant=merchant,
        category=category_written,
        amount_minor=_amount(dice, population, user, merchant, category, currency),
        currency=currency,
        lat=lat,
        lon=lon,
        device=_device(dice, population, user, channel, today),
        ip=_ip(dice, population, season, user, city, online, today),
        channel=channel,
    )


def _who_and_when(
    dice: Dice, population: Population, season: Season, chances: Ints, day: int, today: int, count: int
) -> tuple[Ints, Ints, Ints]:
    """Users, microseconds of the UTC day, and their cities; some payments follow another by minutes."""
    follow = count // _ONE_IN_FOLLOWS
    first = count - follow
    user = np.searchsorted(chances, dice.draw(int(chances[-1]), first), side="right").astype(np.int64)
    city = season.city_on(user, day)
    weekend = int((today + 3) % 7 >= 5)
    hour = habits.hour_table()[population.persona[user], weekend, dice.draw(QUANTILES, first)]
    local_us = (hour - population.early_hours[user]) * _HOUR_US + dice.draw(3_600_000, first) * 1000
    clock_us = (local_us - places.CITY_OFFSET_US[city]) % DAY_US
    leader = dice.draw(first, follow)
    # From 20 seconds (two drinks) to 27 minutes (the next shop), more often short.
    gap_us = 20_000_000 + dice.draw(40_000, follow) ** 2 // 1000 * 1000
    later_us = clock_us[leader] + gap_us
    later_us = np.where(later_us < DAY_US, later_us, clock_us[leader] - gap_us)
    user = np.concatenate([user, user[leader]])
    clock_us = np.concatenate([clock_us, later_us])
    # Who has just come from another city pays nothing before they can be there.
    earliest_us = season.not_before(user, day)
    landed_us = earliest_us + dice.draw(3 * 3_600_000, count) * 1000
    clock_us = np.where(clock_us < earliest_us, landed_us, clock_us)
    return user, clock_us, np.concatenate([city, city[leader]])


def _what(dice: Dice, population: Population, season: Season, user: Ints, clock_us: Ints, city: Ints) -> Ints:
    count = user.size
    hour = (clock_us + places.CITY_OFFSET_US[city]) % DAY_US // _HOUR_US
    table = habits.category_table()
    usual = table[population.persona[user], habits.daypart(hour), dice.draw(QUANTILES, count)]
    away = city != season.home[user]
    travels = away & (dice.draw(100, count) < 45)
    return np.where(travels, _TRAVELLERS_BUY[dice.draw(QUANTILES, count)], usual).astype(np.int64)


def _channel(dice: Dice, population: Population, user: Ints, category: Ints) -> Ints:
    count = user.size
    taps = dice.draw(100, count) < np.where(population.wallet[user], 70, 40)
    in_person = np.where(taps, habits.CONTACTLESS, habits.POS)
    in_person = np.where(category == habits.CASH, habits.ATM, in_person)
    online = dice.draw(1000, count) < habits.ONLINE_SHARE[category]
    return np.where(online, habits.ONLINE, in_person).astype(np.int64)


def _merchant(
    dice: Dice, population: Population, user: Ints, city: Ints, category: Ints, online: NDArray[np.bool_]
) -> Ints:
    """Mostly one of two favourites of this customer for this category; in a strange city the busy ones."""
    count = user.size
    second = (dice.draw(100, count) < 25).astype(np.int64)
    favourite = hashed_below(QUANTILES, population.seed, _FAVOURITE, user, category, second)
    at_home = online | (city == population.city[user])
    loyal = at_home & (dice.draw(100, count) < 86)
    draw = np.where(loyal, favourite, dice.draw(QUANTILES, count))
    market = population.market
    return market.pick(np.where(online, market.online, city), category, draw)


def _place(
    dice: Dice,
    population: Population,
    season: Season,
    user: Ints,
    city: Ints,
    merchant: Ints,
    online: NDArray[np.bool_],
) -> tuple[Ints, Ints]:
    """The till of the merchant; for a payment online, the customer's home or hotel, to about 100 metres."""
    count, home = user.size, city == population.city[user]
    columns = []
    for axis, (till, house, middle) in enumerate(
        [
            (population.market.lat, population.lat, places.CITY_LAT),
            (population.market.lon, population.lon, places.CITY_LON),
        ]
    ):
        hotel = middle[city] + hashed_below(50_000, _HOTEL, axis, user, season.leaves[user]) - 25_000
        roof = np.where(home, house[user], hotel) + dice.draw(2001, count) - 1000
        columns.append(np.where(online, roof, till[merchant]))
    return columns[0], columns[1]


def _amount(
    dice: Dice, population: Population, user: Ints, merchant: Ints, category: Ints, currency: Ints
) -> Ints:
    count = user.size
    style = habits.PRICE_STYLE[category]
    fixed = style == habits.FIXED
    same = hashed_below(QUANTILES, population.seed, _PRICE, user, merchant)
    quantile = np.where(fixed, same, dice.draw(QUANTILES, count))
    cents = habits.price_table()[category, quantile] * population.wealth[user] >> 32
    vary = np.where(fixed, 1000, 975 + dice.draw(51, count))
    # Now and then something dear: a sofa, a family's tickets.
    dear = (dice.draw(1000, count) < 12) & ~fixed
    cents = cents * vary // 1000 * np.where(dear, 3 + dice.draw(6, count), 1)
    minor = np.maximum(cents * _RATE[currency] // 1000, 30)
    nines = minor // 100 * 100 + _NINE[currency]
    notes = np.maximum((minor + _ROUND[currency] // 2) // _ROUND[currency], 1) * _ROUND[currency]
    return np.select([style == habits.NINES, style == habits.ROUND], [nines, notes], minor)


def _device(dice: Dice, population: Population, user: Ints, channel: Ints, today: int) -> NDArray[np.uint64]:
    """The card at tills and machines, the phone where it is the wallet, else what the customer surfs with."""
    count = user.size
    surfs = PHONE + np.where(dice.draw(100, count) < 50, 0, dice.draw(population.devices[user], count))
    tap = np.where((channel == habits.CONTACTLESS) & population.wallet[user], PHONE, CARD)
    slot = np.where(channel == habits.ONLINE, surfs, tap)
    own = population.device(user, slot, today)
    borrowed = (channel == habits.ONLINE) & (dice.draw(1000, count) < 5)
    other = mix_many(dice.word(), _NEW_DEVICE, np.arange(count, dtype=np.int64)) >> DEVICE_BITS
    return np.where(borrowed, other, own)


def _ip(
    dice: Dice,
    population: Population,
    season: Season,
    user: Ints,
    city: Ints,
    online: NDArray[np.bool_],
    today: int,
) -> Ints:
    """The network of the customer's phone or home; at a till too, as the phone is with them."""
    count, draw = user.size, dice.draw(1000, user.size)
    away = city != season.home[user]
    guest = (away & online & (draw < 600)) | (draw < 12)
    home = online & ~away & (draw < 780)
    proxy = online & population.uses_proxy[user] & (dice.draw(100, count) < 50)
    which = dice.draw(1 << 20, count)
    return np.select(
        [proxy, guest, home],
        [population.proxy_ip(which), population.guest_ip(city, which), population.home_ip(user, today)],
        population.mobile_ip(user, city, today, which),
    )
