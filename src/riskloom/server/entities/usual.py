"""What is usual of an entity, from its stored events: amounts, hours, days, and what it is seen with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

from riskloom.domain.field import Field, FieldType
from riskloom.domain.show import show_scaled
from riskloom.scenario.scenario import Scenario

MOST_VALUES = 8
"""Values shown of each field, the most frequent first."""
Values = Sequence[dict[str, Any]]


def usual(scenario: Scenario, field: str, times_us: Sequence[int], values: Values) -> dict[str, Any]:
    """What is usual of the entity whose field this is.

    Parameters
    ----------
    times_us, values
        Of its events: when, and the stored fields, personal ones by their keys.

    Returns
    -------
    `amount` and `place` (None where there is none), `hours` (24 counts) and `weekdays` (7, from Monday) in
    the scenario's time zone, and `values`: of each other text field the most frequent ones, and how many
    there are.
    """
    zone = ZoneInfo(scenario.timezone)
    moments = [datetime.fromtimestamp(time_us // 1_000_000, UTC).astimezone(zone) for time_us in times_us]
    hours, days = Counter(one.hour for one in moments), Counter(one.weekday() for one in moments)
    by_type = {one.type: one for one in reversed(scenario.fields)}
    money = by_type.get(FieldType.MONEY)
    currencies = {one.currency_field for one in scenario.fields}
    texts = [
        one
        for one in scenario.fields
        if one.type.is_text and one.name not in {field, scenario.id_field} | currencies
    ]
    return {
        "amount": None if money is None else _amounts(money, values),
        "hours": [hours[hour] for hour in range(24)],
        "weekdays": [days[day] for day in range(7)],
        "place": _place(by_type, values),
        "values": {one.name: _frequent(one.name, values) for one in texts},
    }


def _amounts(money: Field, values: Values) -> dict[str, object] | None:
    """The middle amount, and what nine of ten lie between."""
    held = sorted(int(one[money.name]) for one in values if one.get(money.name) is not None)
    if not held:
        return None
    last = len(held) - 1
    shown = {
        "least": held[0],
        "low": held[round(last * 0.05)],
        "middle": round(median(held)),
        "high": held[round(last * 0.95)],
        "most": held[-1],
    }
    return {name: show_scaled(value, money.decimals) for name, value in shown.items()}


def _place(by_type: dict[FieldType, Field], values: Values) -> dict[str, object] | None:
    """The middle of where events were."""
    lat, lon = by_type.get(FieldType.LATITUDE), by_type.get(FieldType.LONGITUDE)
    if lat is None or lon is None:
        return None
    places = [(one[lat.name], one[lon.name]) for one in values if one.get(lat.name) is not None]
    known = [place for place in places if place[1] is not None]
    if not known:
        return None
    return {
        name: show_scaled(round(median(place[at] for place in known)), 6)
        for at, name in enumerate(("latitude", "longitude"))
    }


def _frequent(name: str, values: Values) -> dict[str, Any]:
    counted = Counter(one[name] for one in values if one.get(name) is not None)
    ranked = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    return {
        "different": len(counted),
        "items": [{"value": value, "events": count} for value, count in ranked[:MOST_VALUES]],
    }
