"""Which field of a scenario plays which part on a page: who, how much, where."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from riskloom.dashboard import words

_EARTH_KM = 6371.0088
_PAID = ("merchant", "payee", "recipient", "beneficiary")


@dataclass(frozen=True, slots=True)
class Roles:
    """A scenario as the pages see it; a part nobody plays is an empty name."""

    scenario: str = ""
    base_currency: str = ""
    timezone: str = "UTC"
    entity: str = ""
    amount: str = ""
    currency: str = ""
    latitude: str = ""
    longitude: str = ""
    partner: str = ""
    """The other side of an event: the merchant of a payment."""
    entities: Mapping[str, str] = field(default_factory=dict)
    """The fields that are entities, and what these are called."""
    categories: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    features: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    policy: Mapping[str, Any] = field(default_factory=dict)

    @property
    def entity_word(self) -> str:
        """What the main entity is called: Customer, Device."""
        return words.field_label(self.entity) if self.entity else "Entity"

    @property
    def event_word(self) -> str:
        """What one event is called."""
        return "payment" if self.amount else "event"

    def who(self, event: Mapping[str, Any]) -> str:
        """The main entity of an event."""
        return str(event.get(self.entity) or "")

    def amount_text(self, event: Mapping[str, Any]) -> str:
        """The amount as it was sent, with its currency."""
        sent = event.get(self.amount)
        if sent is None or not self.amount:
            return words.MISSING
        currency = str(event.get(self.currency) or self.base_currency)
        try:
            return words.money(float(str(sent)), currency)
        except ValueError:
            return f"{sent} {currency}"

    def place(self, event: Mapping[str, Any]) -> tuple[float, float] | None:
        """(latitude, longitude) in degrees, when the event has both."""
        try:
            return float(event[self.latitude]), float(event[self.longitude])
        except (KeyError, TypeError, ValueError):
            return None

    def category_text(self, event: Mapping[str, Any]) -> str:
        """The categories of an event, its currency aside: "electronics, online"."""
        said = (event.get(name) for name in self.categories if name != self.currency)
        return ", ".join(words.code_words(value) for value in said if value)

    def feature_text(self, name: str, value: float | None) -> str:
        """A feature's value in its unit."""
        return words.feature_text(name, value, self.features.get(name, {}), self.base_currency)


def roles_of(scenario: Mapping[str, Any]) -> Roles:
    """The roles of a scenario as `/api/v1/scenario` describes it."""
    fields = [dict(given) for given in scenario.get("fields") or ()]

    def first(kind: str) -> str:
        return next((given["name"] for given in fields if given.get("type") == kind), "")

    names = tuple(str(given["name"]) for given in fields)
    entities = {str(given["name"]): str(given["entity"]) for given in fields if given.get("entity")}
    main = str(scenario.get("main_entity") or "")
    if main not in names:
        main = next((given["name"] for given in fields if given.get("entity") == main and main), "")
    main = main or next(iter(entities), "")
    amount = first("money")
    paid_in = next(
        (str(given.get("currency_field") or "") for given in fields if given["name"] == amount), ""
    )
    return Roles(
        scenario=str(scenario.get("name") or ""),
        base_currency=str(scenario.get("base_currency") or ""),
        timezone=str(scenario.get("timezone") or "UTC"),
        entity=main,
        amount=amount,
        currency=paid_in or ("currency" if "currency" in names else ""),
        latitude=first("latitude"),
        longitude=first("longitude"),
        partner=_partner([name for name in entities if name != main]),
        entities=entities,
        categories=tuple(given["name"] for given in fields if given.get("type") == "category"),
        fields=names,
        features={str(given["name"]): given for given in scenario.get("features") or ()},
        rules={str(given["code"]): given for given in scenario.get("rules") or ()},
        policy=dict(scenario.get("policy") or {}),
    )


def _partner(names: Sequence[str]) -> str:
    """The other side of an event: who is paid, where it can be told, else the next entity."""
    paid = [name for name in names if any(word in name for word in _PAID)]
    return next(iter([*paid, *names]), "")


def kilometres(a: tuple[float, float], b: tuple[float, float]) -> float:
    """The great-circle distance of two places, for showing only; decisions carry their own."""
    north, south = math.radians(a[0]), math.radians(b[0])
    half = math.sin((south - north) / 2) ** 2
    half += math.cos(north) * math.cos(south) * math.sin(math.radians(b[1] - a[1]) / 2) ** 2
    return 2 * _EARTH_KM * math.asin(math.sqrt(min(1.0, half)))
