"""What names and sums give away: the balance after the payment, the flag that an analyst set."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import combinations

import numpy as np

from riskloom.measure.steps import Integers
from riskloom.training.leakage.column import Field, Table
from riskloom.training.leakage.finding import Bounds, Finding, show_share
from riskloom.training.leakage.rules import same

AFTER = ("new", "after", "post", "closing", "final", "updated", "resulting")
BEFORE = ("old", "before", "pre", "opening", "initial", "previous", "prior")
LATE = (
    "blocked", "chargeback", "confirmed", "dispute", "disputed", "flagged", "fraud", "fraudulent",
    "investigation", "label", "recovered", "refund", "refunded", "reported", "resolution", "resolved",
)  # fmt: skip
_LIKE = 0.8
_MOST_SUMMED = 24
_FEWEST_VALUES = 10
_SAMPLE = 2_000
_ABOVE_CHANCE = 5.0
"""Small integers add up by accident; an identity holds that many times more often than in shuffled rows."""


def find_names(table: Table, bounds: Bounds, trusted: frozenset[str]) -> Iterator[Finding]:
    """Fields with a twin from before the event, sums between fields, and words of what follows an event."""
    named = [field.name for field in table.fields]
    twins = {after: before for after, before in _twins(named) if after not in trusted}
    explained: set[str] = set()
    for share, total, parts in sorted(_sums(table, bounds), reverse=True):
        three = (total, *parts)
        after = next((name for name in three if name in twins and twins[name] in three), None)
        says = f"{total} is {parts[0]} + {parts[1]} in {show_share(share)} of the rows"
        if after and after not in explained:
            explained.add(after)
            says = f"{says}: {after} is what {twins[after]} became, known only after the event."
            yield Finding("identity", "leak", three, (after,), share, says)
        elif not after and not trusted.issuperset(three):
            says = f"{says}: whichever of them is written after the event must be left out."
            yield Finding("identity", "notice", three, (), share, says)
    for after, before in twins.items():
        if after not in explained:
            says = f"{after} reads like the value of {before} after the event."
            yield Finding("name", "suspicious", (after, before), (after,), 0.0, says)
    for name in named:
        words = [word for word in _words(name) if word in LATE]
        if words and name not in trusted and name not in twins:
            says = f"{name}: “{words[0]}” is a word for what is known only after the event."
            yield Finding("name", "notice", (name,), (name,), 0.0, says)


def _words(name: str) -> list[str]:
    """The words of a name in snake_case or camelCase, in lower case."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def _bare(name: str, markers: tuple[str, ...]) -> str | None:
    """A name without its marker of time: a word of its own, or what the name begins with."""
    words = _words(name)
    for marker in markers:
        if marker in words and len(words) > 1:
            return "".join(word for word in words if word != marker)
    whole = "".join(words)
    for marker in markers:
        if whole.startswith(marker) and len(whole) > len(marker) + 2:
            return whole[len(marker) :]
    return None


def _twins(names: list[str]) -> Iterator[tuple[str, str]]:
    """Pairs (after, before) of names that differ in little but the marker of time."""
    for name in names:
        rest = _bare(name, AFTER)
        if rest is None:
            continue
        others = [(_bare(other, BEFORE), other) for other in names if other != name]
        close = [
            (SequenceMatcher(None, rest, other_rest).ratio(), other)
            for other_rest, other in others
            if other_rest is not None
        ]
        if close and max(close)[0] >= _LIKE:
            yield name, max(close)[1]


def _sums(table: Table, bounds: Bounds) -> Iterator[tuple[float, str, tuple[str, str]]]:
    """(share of the rows with both parts, the total, the two parts) where a number is the sum of two."""
    numbers = [field for field in table.fields if not field.is_text and not field.is_time]
    rows = np.linspace(0, table.fraud.size - 1, min(_SAMPLE, table.fraud.size)).astype(np.int64)
    numbers = [field for field in numbers if np.unique(field.values[rows]).size >= _FEWEST_VALUES]
    numbers = numbers[:_MOST_SUMMED]
    for total in numbers:
        best: tuple[float, tuple[str, str]] | None = None
        for first, second in combinations([field for field in numbers if field is not total], 2):
            share = _share(total, first, second, rows)
            if share >= bounds.identity_share / 2:
                share = _share(total, first, second, np.arange(table.fraud.size))
                if share >= bounds.identity_share and (best is None or share > best[0]):
                    best = share, (first.name, second.name)
        if best:
            yield best[0], total.name, best[1]


def _share(total: Field, first: Field, second: Field, rows: Integers) -> float:
    """The share of rows with both parts, neither 0, where they add up; 0 where chance would explain it."""
    parts = first.values[rows], second.values[rows]
    held = rows[(parts[0] != 0) & (parts[1] != 0) & ~np.isnan(parts[0]) & ~np.isnan(parts[1])]
    if held.size < _SAMPLE // 100:
        return 0.0
    added, found = first.values[held] + second.values[held], total.values[held]
    share = float(same(found, added).mean())
    by_chance = float(same(np.roll(found, held.size // 2), added).mean())
    return share if share > _ABOVE_CHANCE * by_chance else 0.0
