"""Which frauds happen when and to whom in a simulated world."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from riskloom.domain.duration import DAY_US
from riskloom.simulate.world import places
from riskloom.simulate.world.customers import (
    CARD,
    MOBILE_NETWORK,
    PHONE,
    Population,
    device_id,
    ip_text,
    user_id,
)
from riskloom.simulate.world.day import HonestDay
from riskloom.simulate.world.dice import Dice, Ints
from riskloom.simulate.world.frauds import FRAUDS, SIZES, Victim
from riskloom.simulate.world.market import Shop
from riskloom.simulate.world.payment import Payment
from riskloom.simulate.world.trips import Season

_PLAN, _STRIKE = 5, 6
_HOUR_US = 3_600_000_000
_MONTH_DAYS = 30
USUAL_CENTS = 3_000
"""About the median of an honest payment of somebody of median wealth."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """One fraud to come: its number, kind, day of the simulation, and how many payments it has."""

    number: int
    kind: str
    day: int
    size: int


def plan_campaigns(seed: int, payments: int, days: int) -> dict[int, list[Campaign]]:
    """Campaigns by the day they begin, with `payments` payments together; all kinds are there from 5 on."""
    dice, kinds, plan = Dice(seed, _PLAN), list(FRAUDS), dict[int, list[Campaign]]()
    number = 0
    while payments:
        kind = kinds[number] if number < len(kinds) else kinds[dice.below(len(kinds))]
        low, high = SIZES[kind]
        # The first round leaves something for each kind still to come.
        share = payments // (len(kinds) - number) if number < len(kinds) else payments
        size = min(dice.between(low, high), max(1, share))
        day = dice.below(max(1, days - 1))
        plan.setdefault(day, []).append(Campaign(number, kind, day, size))
        payments -= size
        number += 1
    return plan


@dataclass(frozen=True, slots=True)
class WorldScene:
    """The merchants and networks of a population, as a thief uses them."""

    population: Population

    def pick_shop(self, dice: Dice, category: str, city: int | None) -> Shop:
        """A merchant of the world."""
        return self.population.market.pick_shop(dice, category, city)

    def thief_ip(self, dice: Dice, city: int) -> str:
        """A proxy that others use too, or a carrier's address."""
        if dice.below(100) < 55:
            return ip_text(int(self.population.proxy_ip(_one(dice.below(1 << 20)))[0]))
        return ip_text(MOBILE_NETWORK + dice.below(1 << 22))


def strike(
    population: Population,
    season: Season,
    seed: int,
    start_us: int,
    end_us: int,
    campaign: Campaign,
    honest: HonestDay | None,
) -> list[Payment]:
    """The payments of one campaign, all of them before `end_us`; `honest` is the rest of its first day.

    Somebody who has just paid is as good a victim of an account takeover as any, and shows the jump in place.
    """
    dice, at_us = Dice(seed, _STRIKE, campaign.number), 0
    user = _at_rest(population, season, dice, campaign.day)
    users = [user]
    if campaign.kind == "colluding_merchant":
        users = _neighbours(population, season, dice, user, campaign)
    elif campaign.kind == "account_takeover" and honest is not None and honest.user.size:
        row = dice.below(honest.user.size)
        users = [int(honest.user[row])]
        at_us = int(honest.time_us[row]) + dice.between(2, 90) * 60_000_000
    today = start_us // DAY_US + campaign.day
    victims = [_victim(population, season, each, campaign.day, today) for each in users]
    at_us = at_us or start_us + campaign.day * DAY_US + _moment(dice, campaign.kind, victims[0].city)
    fraud = FRAUDS[campaign.kind]
    payments = fraud(dice, WorldScene(population), victims, at_us, campaign.size)
    return [_written(dice, payment, end_us) for payment in payments]


def _written(dice: Dice, payment: Payment, end_us: int) -> Payment:
    category = None if dice.below(100) < 2 else payment.merchant_category
    time_us = min(payment.time_us // 1000 * 1000, end_us - 1000)
    return replace(payment, merchant_category=category, time_us=time_us)


def _at_rest(population: Population, season: Season, dice: Dice, day: int) -> int:
    """Somebody who is not on the road that day, unless everybody is."""
    user, resting = dice.below(population.size), np.flatnonzero(~season.under_way(day))
    return int(resting[user % resting.size]) if resting.size else user


def _neighbours(
    population: Population, season: Season, dice: Dice, user: int, campaign: Campaign
) -> list[int]:
    """The victims of a merchant: people who are in one city, each at most once in a small campaign."""
    here = season.city_on(np.arange(population.size), campaign.day) == population.city[user]
    near = np.flatnonzero(here & ~season.under_way(campaign.day))
    order = np.argsort(dice.draw(2**31 - 1, near.size), kind="stable")
    return [int(each) for each in near[order][: campaign.size]] or [user]


def _victim(population: Population, season: Season, user: int, day: int, today: int) -> Victim:
    row = _one(user)
    city = int(season.city_on(row, day)[0])
    away = city != int(population.city[user])
    currency = int(population.currency[user])
    usual = USUAL_CENTS * int(population.wealth[user]) * places.MINOR_PER_1000_CENTS[currency]
    slots = [CARD, *range(PHONE, PHONE + int(population.devices[user]))]
    return Victim(
        user_id=user_id(user),
        currency=currency,
        city=city,
        lat=places.CITIES[city].lat if away else int(population.lat[user]),
        lon=places.CITIES[city].lon if away else int(population.lon[user]),
        usual_minor=max(1, usual // 65_536_000),
        devices=tuple(device_id(int(population.device(row, _one(slot), today)[0])) for slot in slots),
        ips=(ip_text(int(population.home_ip(row, today)[0])),),
    )


def _moment(dice: Dice, kind: str, city: int) -> int:
    """The microsecond of the UTC day at which a fraud begins: at night, by day, or at any time."""
    first, hours = {"night_spending": (1, 3), "stolen_card_spree": (10, 10)}.get(kind, (0, 24))
    local_us = first * _HOUR_US + dice.below(hours * _HOUR_US)
    return (local_us - places.CITIES[city].offset_minutes * 60_000_000) % DAY_US


def _one(value: int) -> Ints:
    return np.array([value], dtype=np.int64)
