"""Columns as `riskloom new` looks at them, from plain values; and a shop's payments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from riskloom.training.guess.column import Column, text_column
from riskloom.training.guess.guess import Guess, guess_scenario


def column(name: str, values: Sequence[object]) -> Column:
    """A column as a CSV file gives it."""
    return text_column(name, [None if value is None or value == "" else str(value) for value in values])


def columns(rows: Sequence[dict[str, Any]]) -> list[Column]:
    """The columns of rows."""
    return [column(name, [row[name] for row in rows]) for name in rows[0]]


def guessed(rows: Sequence[dict[str, Any]], **given: Any) -> Guess:
    """What is guessed of rows."""
    return guess_scenario(columns(rows), **given)


def shop_rows(count: int = 600, seed: int = 1) -> list[dict[str, Any]]:
    """Payments in a shop's own words: customers who come back, devices, a label."""
    return list(_shop_rows(count, Random(seed)))


def _shop_rows(count: int, chance: Random) -> Iterator[dict[str, Any]]:
    when = datetime(2025, 3, 1, tzinfo=UTC)
    for number in range(count):
        when += timedelta(seconds=chance.randrange(1, 1200))
        customer = chance.randrange(40)
        fraud = chance.random() < 0.05
        yield {
            "order_id": f"o{number}",
            "created": when.isoformat(),
            "customer_id": f"c{customer}",
            "device_id": f"d{customer if chance.random() < 0.9 else chance.randrange(60)}",
            "amount": f"{chance.expovariate(1 / (300 if fraud else 30)) + 1:.2f}",
            "kind": chance.choice(("book", "toy", "phone")),
            "items": chance.randrange(1, 9),
            "is_fraud": int(fraud),
        }
