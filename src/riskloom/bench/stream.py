"""A stream of card payments made of numbers alone: skewed customers and merchants, many ties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from riskloom.features.spec import SECOND_US

Ints = npt.NDArray[np.int64]
DAYS = 30
USERS, DEVICES, IPS, MERCHANTS = 50_000, 100_000, 40_000, 1_000
CATEGORIES = 14


@dataclass(frozen=True, slots=True)
class Stream:
    """Columns in arrival order: times in microseconds, ids as integers and as text, amounts in cents."""

    time_us: Ints
    ids: Mapping[str, Ints]
    texts: Mapping[str, list[str]]
    amount: Ints
    lat: Ints
    lon: Ints

    def __len__(self) -> int:
        return len(self.time_us)

    def columns(self, begin: int, end: int) -> dict[str, Any]:
        """The columns of card_payments for these events, as the state takes them."""
        hour = self.time_us[begin:end] // (3600 * SECOND_US) % 24
        return {
            **{name: texts[begin:end] for name, texts in self.texts.items()},
            "amount": self.amount[begin:end],
            "lat": self.lat[begin:end],
            "lon": self.lon[begin:end],
            "local_hour": hour * 1000,
            "at_night": (hour < 5).astype(np.int64),
        }


def make_stream(count: int, seed: int = 3) -> Stream:
    """`count` payments of 30 days; the same seed gives the same ones."""
    dice = np.random.default_rng(seed)
    time_us = np.sort(dice.integers(0, DAYS * 86_400, count)) * SECOND_US + 1_700_000_000 * SECOND_US
    weight = dice.lognormal(0, 1.1, USERS)
    user = dice.choice(USERS, count, p=weight / weight.sum())
    rank = 1 / np.arange(1, MERCHANTS + 1) ** 0.9
    merchant = dice.choice(MERCHANTS, count, p=rank / rank.sum())
    device = user * 2 + (dice.random(count) < 0.1)
    device = np.where(dice.random(count) < 0.01, dice.integers(0, DEVICES, count), device)
    ip = np.where(dice.random(count) < 0.3, dice.integers(0, IPS, count), user % IPS)
    amount = np.minimum(np.exp(dice.normal(8, 1.2, count)), 5e6).astype(np.int64)
    home = dice.uniform(-60, 60, USERS), dice.uniform(-180, 180, USERS)
    lat = np.round((home[0][user] + dice.normal(0, 0.3, count)) * 1e6).astype(np.int64)
    lon = np.round(np.clip(home[1][user] + dice.normal(0, 0.3, count), -180, 180) * 1e6).astype(np.int64)
    ids = {"user_id": user, "device_id": device, "ip": ip, "merchant_id": merchant}
    ids["merchant_category"] = merchant % CATEGORIES
    texts = {name: _named(name[0], column) for name, column in ids.items()}
    return Stream(time_us, ids, texts, amount, lat, lon)


def _named(letter: str, ids: Ints) -> list[str]:
    names = [f"{letter}_{number:06d}" for number in range(int(ids.max(initial=0)) + 1)]
    return [names[number] for number in ids.tolist()]
