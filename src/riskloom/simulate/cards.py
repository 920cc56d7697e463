"""Card payments of made-up customers, with five kinds of labelled fraud among them.

Honest people have homes, habits, favourite merchants, a few devices and networks, and make trips at a speed
that people can travel at; see `simulate/world/`. The picture was drawn to show a system at work: a model's
figures on it say nothing about a real portfolio.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import fields
from itertools import count as count_from
from itertools import pairwise

import numpy as np

from riskloom.domain.duration import DAY_US
from riskloom.errors import Fault, ParameterInvalid, show
from riskloom.simulate.world import habits, places
from riskloom.simulate.world.campaigns import plan_campaigns, strike
from riskloom.simulate.world.customers import Population, build_population, device_id, ip_text, user_id
from riskloom.simulate.world.day import HonestDay, honest_day
from riskloom.simulate.world.dice import Dice
from riskloom.simulate.world.market import merchant_id
from riskloom.simulate.world.payment import COLUMNS, EVENT_COLUMNS, LABEL_COLUMNS, Payment, amount_text
from riskloom.simulate.world.trips import SEASON_DAYS, plan_season

__all__ = ["COLUMNS", "EVENT_COLUMNS", "LABEL_COLUMNS", "columns", "simulate", "simulate_columns"]

START_US = 1_704_067_200_000_000
"""2024-01-01T00:00:00Z, a Monday."""
DAYS = 60
FRAUD_SHARE = 0.01
LATEST_US = 4_102_444_800_000_000
CHUNK_ROWS = 32_768
MOST_USERS = 10**7
_DAY_WEIGHTS = 7


def columns() -> tuple[str, ...]:
    """The names of what `simulate` gives, in order: the event's fields, then its labels."""
    return COLUMNS


def simulate(
    events: int,
    seed: int,
    *,
    start_us: int = START_US,
    days: int = DAYS,
    users: int | None = None,
    fraud_share: float = FRAUD_SHARE,
    population_seed: int | None = None,
) -> Iterator[dict[str, object]]:
    """Card payments, one after the other, ordered by time and event id.

    Parameters
    ----------
    events
        How many, from 0 to 10**9, frauds included.
    seed
        From 0. The same arguments give the same bytes.
    start_us
        The first midnight, microseconds UTC, a whole day.
    users
        How many customers; by default about as many as make one payment a day.
    fraud_share
        Which part of the events is fraud, from 0 to 0.5; the number is exact (rounded), spread over bursts.
    population_seed
        Whose customers and merchants, by default those of `seed`. Give the seed (and `users`) of an earlier
        simulation and the day it ended as `start_us` to go on with the same people under another `seed`:
        event ids are told apart by `seed`.

    Returns
    -------
    Iterator of dict
        Keys as in `columns()`: text, but for `lat` and `lon` (float, six decimals), `is_fraud` (0 or 1) and
        `merchant_category` (text or None). `amount` is decimal text with the digits of its currency.

    Raises
    ------
    ParameterInvalid
        With every parameter outside its range; at the call, not at the first event.

    Notes
    -----
    Memory grows with `users` and the events of one day, not with the number of events.

    >>> first = next(simulate(1000, 7))
    >>> first["event_id"], first["timestamp"][:10], first["is_fraud"]
    ('tx_7_000000000', '2024-01-01', 0)
    """
    chunks = simulate_columns(
        events,
        seed,
        start_us=start_us,
        days=days,
        users=users,
        fraud_share=fraud_share,
        population_seed=population_seed,
    )
    return (
        dict(zip(COLUMNS, row, strict=True)) for chunk in chunks for row in zip(*chunk.values(), strict=True)
    )


def simulate_columns(
    events: int,
    seed: int,
    *,
    start_us: int = START_US,
    days: int = DAYS,
    users: int | None = None,
    fraud_share: float = FRAUD_SHARE,
    population_seed: int | None = None,
) -> Iterator[dict[str, list[object]]]:
    """The same payments as `simulate` with the same arguments, as columns, some 30,000 rows at a time.

    Each chunk maps the names of `columns()`, in order, to equally long lists of the same values.
    """
    people = users
    if users is None and isinstance(events, int) and isinstance(days, int):
        people = min(max(20, events // max(days, 1)), MOST_USERS)
    _check(events, seed, start_us, days, people, fraud_share, population_seed)
    population = build_population(seed if population_seed is None else population_seed, people or 0)
    frauds = round(events * fraud_share)
    return _chunks(population, seed, start_us, days, events - frauds, frauds)


def _check(
    events: int,
    seed: int,
    start_us: int,
    days: int,
    users: int | None,
    fraud_share: float,
    population_seed: int | None,
) -> None:
    whole = {
        "events": (events, 0, 10**9),
        "seed": (seed, 0, 2**63 - 1),
        "days": (days, 1, 3650),
        "users": (users, 1, MOST_USERS),
        "population_seed": (0 if population_seed is None else population_seed, 0, 2**63 - 1),
    }
    faults = [
        Fault(name, f"an integer from {low} to {high}", show(value))
        for name, (value, low, high) in whole.items()
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high
    ]
    if not 0 <= fraud_share <= 0.5:
        faults.append(Fault("fraud_share", "a number from 0 to 0.5", show(fraud_share)))
    if start_us % DAY_US or not 0 <= start_us <= LATEST_US:
        faults.append(Fault("start_us", "a midnight UTC from 1970 to 2100, in microseconds", show(start_us)))
    if faults:
        raise ParameterInvalid(faults)


def _chunks(
    population: Population, seed: int, start_us: int, days: int, honest: int, frauds: int
) -> Iterator[dict[str, list[object]]]:
    end_us, numbers = start_us + days * DAY_US, count_from()
    plan, waiting, carried = plan_campaigns(seed, frauds, days), list[Payment](), 0
    for day, count in enumerate(_by_day(seed, start_us, days, honest)):
        if day % SEASON_DAYS == 0:
            season = plan_season(seed, population, day, min(SEASON_DAYS, days - day))
        payments = honest_day(population, season, seed, start_us, day, count + carried)
        carried = count + carried if payments is None else 0
        for campaign in plan.get(day, []):
            waiting += strike(population, season, seed, start_us, end_us, campaign, payments)
        waiting.sort(key=_moment)
        today = bisect_left(waiting, start_us + (day + 1) * DAY_US, key=_moment)
        for first in range(0, max(1, 0 if payments is None else payments.time_us.size), CHUNK_ROWS):
            last = first + CHUNK_ROWS
            before = today
            if payments is not None and last < payments.time_us.size:
                before = bisect_left(waiting, int(payments.time_us[last]), hi=today, key=_moment)
            chunk = _merged(population, payments, first, last, waiting[:before], seed, numbers)
            del waiting[:before]
            today -= before
            if chunk["event_id"]:
                yield chunk


def _moment(payment: Payment) -> int:
    return payment.time_us


def _by_day(seed: int, start_us: int, days: int, events: int) -> list[int]:
    """How many payments each day has: by the day of the week and a little chance."""
    weekday = (start_us // DAY_US + np.arange(days) + 3) % 7
    weights = np.array(habits.WEEKDAY_WEIGHT)[weekday] * (950 + Dice(seed, _DAY_WEIGHTS).draw(101, days))
    edges = [0, *np.cumsum(weights).tolist()]
    return [events * right // edges[-1] - events * left // edges[-1] for left, right in pairwise(edges)]


def _merged(
    population: Population,
    payments: HonestDay | None,
    first: int,
    last: int,
    frauds: list[Payment],
    seed: int,
    numbers: Iterator[int],
) -> dict[str, list[object]]:
    """Honest rows `first` to `last` and these frauds in time order, numbered on."""
    honest = _texts(population, payments, first, last) if payments is not None else [[] for _ in COLUMNS[1:]]
    times = payments.time_us[first:last] if payments is not None else np.zeros(0, dtype=np.int64)
    if frauds:
        times = np.concatenate([times, np.array([fraud.time_us for fraud in frauds], dtype=np.int64)])
        order = np.argsort(times, kind="stable").tolist()
        rows = zip(*(fraud.values("")[1:] for fraud in frauds), strict=True)
        both = [[*column, *more] for column, more in zip(honest, rows, strict=True)]
        honest = [[column[row] for row in order] for column in both]
    ids: list[object] = [f"tx_{seed}_{number:09d}" for _, number in zip(times, numbers, strict=False)]
    return dict(zip(COLUMNS, [ids, *honest], strict=True))


def _texts(population: Population, payments: HonestDay, first: int, last: int) -> list[list[object]]:
    """The columns after the id, as they are written."""
    part = HonestDay(*(getattr(payments, field.name)[first:last] for field in fields(payments)))
    names = (*habits.CATEGORY_NAMES, None)
    times = np.datetime_as_string(part.time_us.astype("datetime64[us]"), unit="ms", timezone="UTC")
    currencies = part.currency.tolist()
    numbers = population.market.number[part.merchant].tolist()
    return [
        times.tolist(),
        [user_id(user) for user in part.user.tolist()],
        [merchant_id(number) for number in numbers],
        [names[category] for category in part.category.tolist()],
        [amount_text(*pair) for pair in zip(part.amount_minor.tolist(), currencies, strict=True)],
        [places.CURRENCIES[currency] for currency in currencies],
        (part.lat / 1e6).tolist(),
        (part.lon / 1e6).tolist(),
        [device_id(number) for number in part.device.tolist()],
        [ip_text(address) for address in part.ip.tolist()],
        [habits.CHANNELS[channel] for channel in part.channel.tolist()],
        [0] * len(currencies),
        [""] * len(currencies),
    ]
