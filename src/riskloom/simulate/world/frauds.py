"""The five kinds of fraud: each function plans one burst against its victims.

All have one signature, `(dice, scene, victims, at_us, size) -> payments` in time order, with at least one
victim and the first payment at `at_us`. What they buy, from where and how fast is what a fraud analyst looks
for; some of it can be seen in honest payments too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from riskloom.simulate.world import habits, places
from riskloom.simulate.world.customers import device_id
from riskloom.simulate.world.dice import Dice
from riskloom.simulate.world.market import Shop
from riskloom.simulate.world.payment import Payment

_SECOND = 1_000_000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Victim:
    """A customer as a thief finds them; `city` and the place are where they are now."""

    user_id: str
    currency: int
    city: int
    lat: int
    lon: int
    usual_minor: int
    """A usual payment, in minor units of `currency`."""
    devices: tuple[str, ...]
    """Known devices; the first is the card or what stands for it."""
    ips: tuple[str, ...]


class Scene(Protocol):
    """Where a fraud takes place: the merchants it can use and the networks it can hide in."""

    def pick_shop(self, dice: Dice, category: str, city: int | None) -> Shop:
        """A merchant of a category in a city, or online where `city` is None."""
        ...

    def thief_ip(self, dice: Dice, city: int) -> str:
        """An address a thief in this city comes from."""
        ...


@dataclass(frozen=True, slots=True)
class _Thief:
    device: str
    ip: str
    city: int
    lat: int
    lon: int


Fraud = Callable[[Dice, Scene, Sequence[Victim], int, int], list[Payment]]


def card_testing(dice: Dice, scene: Scene, victims: Sequence[Victim], at_us: int, size: int) -> list[Payment]:
    """A script tries a stolen number with tiny online payments at many merchants, seconds apart."""
    victim, moment, payments = victims[0], at_us, []
    thief = _thief(dice, scene, _abroad(dice, victim, 300))
    for _ in range(size):
        category = _one_of(dice, ("digital_goods", "subscription", "food_delivery", "gift_card"))
        amount = _in_currency(dice.between(50, 350), victim.currency)
        shop = scene.pick_shop(dice, category, None)
        payments.append(_online(dice, victim, thief, shop, moment, amount, "card_testing"))
        moment += dice.between(3 * _SECOND, 40 * _SECOND)
        if dice.below(6) == 0:
            thief = _thief(dice, scene, thief.city, thief.device)
    return payments


def account_takeover(
    dice: Dice, scene: Scene, victims: Sequence[Victim], at_us: int, size: int
) -> list[Payment]:
    """Somebody logs in far away from a new device and address and buys what can be sold again."""
    victim, moment, payments = victims[0], at_us, []
    thief = _thief(dice, scene, _abroad(dice, victim, 1500))
    for index in range(size):
        category = _one_of(dice, ("electronics", "gift_card", "travel", "jewelry", "electronics"))
        factor = dice.between(90, 250) if index == 0 and size > 2 else dice.between(400, 1100)
        shop = scene.pick_shop(dice, category, None)
        amount = victim.usual_minor * factor // 100
        payments.append(_online(dice, victim, thief, shop, moment, amount, "account_takeover"))
        moment += dice.between(45 * _SECOND, 7 * _MINUTE)
    return payments


def stolen_card_spree(
    dice: Dice, scene: Scene, victims: Sequence[Victim], at_us: int, size: int
) -> list[Payment]:
    """A stolen card goes from shop to shop in the victim's city, dearer each time, until it is stopped."""
    victim, moment, payments = victims[0], at_us, []
    has_card = dice.below(100) < 45
    thief = _thief(dice, scene, victim.city, victim.devices[0] if has_card else "")
    channel = "pos" if has_card else "contactless"
    amount = max(1, _usual_here(victim) * dice.between(40, 90) // 100)
    for index in range(size):
        # The first payment is small and unsuspicious: does the card work?
        wanted = ("fuel", "grocery") if index == 0 else ("clothing", "electronics", "gift_card", "jewelry")
        shop = scene.pick_shop(dice, _one_of(dice, wanted), victim.city)
        payments.append(_in_person(victim, thief, shop, moment, amount, channel, "stolen_card_spree"))
        amount += amount * dice.between(15, 80) // 100 + 1
        moment += dice.between(50 * _SECOND, 6 * _MINUTE)
    return payments


def night_spending(
    dice: Dice, scene: Scene, victims: Sequence[Victim], at_us: int, size: int
) -> list[Payment]:
    """Dear purchases of unusual kinds while the victim sleeps; `at_us` should be at night there."""
    victim, moment, payments = victims[0], at_us, []
    known = dice.below(100) < 40
    thief = _thief(dice, scene, victim.city, victim.devices[-1] if known else "")
    for _ in range(size):
        online = dice.below(100) < 65
        category = _one_of(dice, ("gambling", "jewelry", "electronics", "gift_card", "hotel"))
        shop = scene.pick_shop(dice, category, None if online else victim.city)
        factor = dice.between(300, 1200)
        if online:
            amount = victim.usual_minor * factor // 100
            payments.append(_online(dice, victim, thief, shop, moment, amount, "night_spending"))
        else:
            amount = _usual_here(victim) * factor // 100
            payments.append(_in_person(victim, thief, shop, moment, amount, "pos", "night_spending"))
        moment += dice.between(4 * _MINUTE, 35 * _MINUTE)
    return payments


def colluding_merchant(
    dice: Dice, scene: Scene, victims: Sequence[Victim], at_us: int, size: int
) -> list[Payment]:
    """One merchant keys in the cards of many customers, at amounts just below a level, for some days."""
    city = victims[0].city
    shop = scene.pick_shop(dice, _one_of(dice, ("household", "electronics", "entertainment", "health")), city)
    till = _thief(dice, scene, city)
    level = _in_currency(_one_of(dice, (9_900, 14_900, 19_900, 29_900)), places.CITIES[city].currency)
    moment, payments = at_us, []
    for index in range(size):
        victim = victims[index % len(victims)]
        amount = level - level * dice.below(30) // 1000
        payments.append(
            _in_person(victim, till, shop, moment, max(1, amount), "online", "colluding_merchant")
        )
        moment += dice.between(4 * _MINUTE, 5 * _HOUR)
        if dice.below(12) == 0:
            till = _thief(dice, scene, city)
    return payments


FRAUDS: dict[str, Fraud] = {
    "card_testing": card_testing,
    "account_takeover": account_takeover,
    "stolen_card_spree": stolen_card_spree,
    "night_spending": night_spending,
    "colluding_merchant": colluding_merchant,
}
SIZES: dict[str, tuple[int, int]] = {
    "card_testing": (8, 30),
    "account_takeover": (3, 7),
    "stolen_card_spree": (4, 9),
    "night_spending": (3, 6),
    "colluding_merchant": (12, 40),
}
"""How many payments a burst of each kind has, from and to."""


def _thief(dice: Dice, scene: Scene, city: int, device: str = "") -> _Thief:
    lat = places.CITIES[city].lat + dice.between(-30_000, 30_000)
    lon = places.CITIES[city].lon + dice.between(-30_000, 30_000)
    return _Thief(device or device_id(dice.below(1 << 44)), scene.thief_ip(dice, city), city, lat, lon)


def _abroad(dice: Dice, victim: Victim, least_km: int) -> int:
    return places.far_city(dice.below(1 << 30), victim.lat, victim.lon, least_km)


def _one_of(dice: Dice, options: Sequence[_T]) -> _T:
    return options[dice.below(len(options))]


def _in_currency(cents: int, currency: int) -> int:
    return max(1, cents * places.MINOR_PER_1000_CENTS[currency] // 1000)


def _usual_here(victim: Victim) -> int:
    """A usual payment of the victim in the currency of the city they are in."""
    rates, here = places.MINOR_PER_1000_CENTS, places.CITIES[victim.city].currency
    return victim.usual_minor * rates[here] // rates[victim.currency]


def _online(
    dice: Dice, victim: Victim, thief: _Thief, shop: Shop, moment: int, amount: int, kind: str
) -> Payment:
    return Payment(
        time_us=moment,
        user_id=victim.user_id,
        merchant_id=shop.merchant_id,
        merchant_category=habits.CATEGORY_NAMES[shop.category],
        amount_minor=max(1, amount),
        currency=victim.currency,
        lat=thief.lat + dice.between(-1000, 1000),
        lon=thief.lon + dice.between(-1000, 1000),
        device_id=thief.device,
        ip=thief.ip,
        channel="online",
        fraud_kind=kind,
    )


def _in_person(
    victim: Victim, thief: _Thief, shop: Shop, moment: int, amount: int, channel: str, kind: str
) -> Payment:
    return Payment(
        time_us=moment,
        user_id=victim.user_id,
        merchant_id=shop.merchant_id,
        merchant_category=habits.CATEGORY_NAMES[shop.category],
        amount_minor=max(1, amount),
        currency=places.CITIES[victim.city].currency,
        lat=shop.lat,
        lon=shop.lon,
        device_id=thief.device,
        ip=thief.ip,
        channel=channel,
        fraud_kind=kind,
    )
