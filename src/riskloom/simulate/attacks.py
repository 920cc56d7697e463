"""One attack on one customer, after a little normal behaviour: for demos and drills.

The same five frauds that `simulate` hides among honest payments, here against a customer known by their
payments alone, wherever these came from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from riskloom.domain.money import exponent, scale_decimal
from riskloom.errors import Fault, ParameterInvalid, nearest, show
from riskloom.simulate.world import habits, places
from riskloom.simulate.world.customers import MOBILE_NETWORK, ip_text
from riskloom.simulate.world.dice import Dice, mix_one
from riskloom.simulate.world.frauds import FRAUDS, SIZES, Victim
from riskloom.simulate.world.market import Shop, merchant_id
from riskloom.simulate.world.payment import COLUMNS, EVENT_COLUMNS, Payment, read_time_us

KINDS = tuple(FRAUDS)
"""The kinds of fraud, by the names they have in `fraud_kind`."""
NORMAL_PAYMENTS = 5
_LONGEST_DAY_US = 8 * 3_600_000_000
_NEAR_KM = 100


def attack(
    kind: str,
    history: Sequence[Mapping[str, object]],
    at_us: int,
    seed: int,
    *,
    normal: int = NORMAL_PAYMENTS,
    size: int | None = None,
) -> list[dict[str, object]]:
    """Some normal payments of a customer and then an attack on them, in time order, shaped like `simulate`'s.

    Parameters
    ----------
    kind
        One of `KINDS`.
    history
        Payments with the event fields that `simulate` gives (labels are not needed), in any order. The
        victim is the user of the latest one; `colluding_merchant` uses every user in it. Give honest ones.
    at_us
        When the attack begins, microseconds UTC, after the victim's latest payment. The normal payments lie
        in the hours before it. Choose a time at night, there, for `night_spending`; the attack may go on
        after `at_us` for minutes to hours (`colluding_merchant`: days).
    normal
        How many normal payments, drawn from what the victim did before near their latest place.
    size
        How many payments the attack has; by default some of the usual number of its kind.

    Raises
    ------
    ParameterInvalid
        For an unknown kind, a history without usable payments, or times that do not fit.
    """
    _check(kind, history, at_us, seed, normal, size)
    dice = Dice(seed, KINDS.index(kind), at_us)
    by_user = _by_user(history)
    own = max(by_user.values(), key=lambda payments: payments[-1].time_us)
    if at_us <= own[-1].time_us:
        raise ParameterInvalid(
            Fault("at_us", f"a time after the victim's latest payment at {own[-1].time_us}", show(at_us))
        )
    habitual = _more_of_the_same(dice, own, at_us, normal)
    others = [payments for user, payments in by_user.items() if user != own[-1].user_id]
    victims = [_victim([*own, *habitual]), *(_victim(payments) for payments in others)]
    low, high = SIZES[kind]
    payments = FRAUDS[kind](dice, _Street(), victims, at_us, size or dice.between(low, high))
    tag = mix_one(seed, KINDS.index(kind), at_us) >> 40
    return [
        dict(zip(COLUMNS, payment.values(f"tx_{seed}_{tag:06x}_{number:03d}"), strict=True))
        for number, payment in enumerate([*habitual, *payments])
    ]


@dataclass(frozen=True, slots=True)
class _Street:
    """Merchants and networks that nobody has seen before."""

    def pick_shop(self, dice: Dice, category: str, city: int | None) -> Shop:
        """A new merchant, near the middle of the city."""
        where = places.CITIES[city or 0]
        lat, lon = where.lat + dice.between(-20_000, 20_000), where.lon + dice.between(-20_000, 20_000)
        return Shop(merchant_id(dice.below(10**6)), habits.CATEGORY_NAMES.index(category), lat, lon)

    def thief_ip(self, dice: Dice, city: int) -> str:
        """A carrier's address."""
        return ip_text(MOBILE_NETWORK + dice.below(1 << 22))


def _check(
    kind: str,
    history: Sequence[Mapping[str, object]],
    at_us: int,
    seed: int,
    normal: int,
    size: int | None,
) -> None:
    faults = []
    if kind not in FRAUDS:
        faults.append(Fault("kind", f"one of {', '.join(KINDS)}", show(kind), nearest(kind, KINDS)))
    if not history:
        faults.append(Fault("history", "at least one payment", "none"))
    numbers = (("at_us", at_us, 0), ("seed", seed, 0), ("normal", normal, 0), ("size", size, 1))
    for name, value, low in numbers:
        if value is not None and (not isinstance(value, int) or not low <= value < 2**62):
            faults.append(Fault(name, f"an integer of at least {low}", show(value)))
    needed = set(EVENT_COLUMNS) - {"event_id", "merchant_category"}
    for index, event in enumerate(history):
        missing = sorted(needed - {name for name, value in event.items() if value is not None})
        if missing:
            expected = f"a payment with {', '.join(missing)}"
            faults.append(Fault(f"history[{index}]", expected, show(dict(event))))
    if faults:
        raise ParameterInvalid(faults)


def _by_user(history: Sequence[Mapping[str, object]]) -> dict[str, list[Payment]]:
    """The payments of each user in time order; faults of all payments at once."""
    faults: list[Fault] = []
    by_user: dict[str, list[Payment]] = {}
    for index, event in enumerate(history):
        try:
            payment = _read(event)
        except ValueError as error:
            faults.append(Fault(f"history[{index}]", "a payment as simulate gives it", str(error)))
            continue
        by_user.setdefault(payment.user_id, []).append(payment)
    if faults:
        raise ParameterInvalid(faults)
    for payments in by_user.values():
        payments.sort(key=lambda payment: payment.time_us)
    return by_user


def _read(event: Mapping[str, object]) -> Payment:
    currency = str(event["currency"])
    if currency not in places.CURRENCIES:
        raise ValueError(f"currency {currency!r}, not one of {', '.join(places.CURRENCIES)}")
    category = event.get("merchant_category")
    return Payment(
        time_us=read_time_us(event["timestamp"]),
        user_id=str(event["user_id"]),
        merchant_id=str(event["merchant_id"]),
        merchant_category=None if category is None else str(category),
        amount_minor=scale_decimal(str(event["amount"]), exponent(currency)),
        currency=places.CURRENCIES.index(currency),
        lat=scale_decimal(str(event["lat"]), 6),
        lon=scale_decimal(str(event["lon"]), 6),
        device_id=str(event["device_id"]),
        ip=str(event["ip"]),
        channel=str(event["channel"]),
    )


def _more_of_the_same(dice: Dice, own: Sequence[Payment], at_us: int, count: int) -> list[Payment]:
    """Payments like those of before, near where the customer was last, evenly in the hours before `at_us`."""
    here = own[-1]
    near = [p for p in own if places.distance_km(p.lat, p.lon, here.lat, here.lon) <= _NEAR_KM]
    span_us = min(at_us - here.time_us, _LONGEST_DAY_US)
    payments = []
    for number in range(count):
        like = near[dice.below(len(near))]
        time_us = at_us - span_us + span_us * (2 * number + 1) // (2 * count)
        # A cash machine gives whole notes only.
        percent = 100 if like.channel == "atm" else dice.between(88, 112)
        amount = max(1, like.amount_minor * percent // 100)
        payments.append(replace(like, time_us=time_us // 1000 * 1000, amount_minor=amount))
    return payments


def _victim(payments: Sequence[Payment]) -> Victim:
    """What a thief would know of the customer who made these payments; the latest one last."""
    last = payments[-1]
    currency = Counter(payment.currency for payment in payments).most_common(1)[0][0]
    amounts = sorted(p.amount_minor for p in payments if p.currency == currency)
    # At a till it is the card that pays; who never paid at one has only what they surf with.
    at_till = Counter(p.device_id for p in payments if p.channel in ("pos", "atm"))
    every = Counter(p.device_id for p in payments)
    devices = [device for device, _ in (*at_till.most_common(), *every.most_common())]
    return Victim(
        user_id=last.user_id,
        currency=currency,
        city=places.nearest_city(last.lat, last.lon),
        lat=last.lat,
        lon=last.lon,
        usual_minor=max(1, amounts[len(amounts) // 2]),
        devices=tuple(dict.fromkeys(devices)),
        ips=tuple(dict.fromkeys(p.ip for p in payments)),
    )
