"""Columns that must not be learned from: answer keys, what is known only afterwards, notes about the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from riskloom.training.guess import names
from riskloom.training.guess.column import Column, Numbers
from riskloom.training.guess.roles import Label

FEWEST_FRAUDS = 10
MOST_VALUES = 50
PERFECT = 0.95
"""Precision and recall from which on values seem to be made from the label."""
FRAUDS_A_VALUE = 5
"""With fewer, values are as good as a name of the row."""
CENT = 0.011
TELLING = 0.3


def find_suspects(columns: Sequence[Column], label: Label | None, amount: str) -> dict[str, str]:
    """Columns to leave out, each with the reason."""
    by_name = {column.name: column for column in columns}
    answer = None if label is None else by_name[label.column]
    why: dict[str, str] = {}
    for column in columns:
        if label is not None and column.name == label.column:
            continue
        reason = (
            _said_by_name(column)
            or _after_the_event(column, by_name, amount)
            or ("" if answer is None or label is None else _tells_the_label(column, answer, label))
        )
        if reason:
            why[column.name] = reason
    return why


def _said_by_name(column: Column) -> str:
    name = names.plain(column.name)
    if names.ANSWERS.search(name) or name in names.LABELS:
        return "an answer key by its name: somebody's judgement of the event, made after it"
    if name in names.BOOKKEEPING:
        return "about the making of the file, not about the event"
    if frozenset(names.words(column.name)) & names.ROW_NUMBERS and column.never_falls:
        return "a row number"
    return ""


def _after_the_event(column: Column, by_name: Mapping[str, Column], amount: str) -> str:
    """Balances once the event has happened: known too late, and in made-up data they tell the answer."""
    if column.kind != "number" or not names.AFTER.search(names.plain(column.name)):
        return ""
    if not names.speaks_of(column.name, names.MONEY):
        return ""
    reason = "known only after the event, by its name"
    paid = by_name.get(amount)
    if paid is None or paid.numbers is None or column.numbers is None:
        return reason
    for other in by_name.values():
        if other.kind != "number" or other.numbers is None or other.name in (column.name, amount):
            continue
        share = _explained(column.numbers, other.numbers, paid.numbers)
        if share >= TELLING:
            return f"{reason}: {other.name} and {amount} give it in {share:.0%} of rows"
    return reason


def _explained(after: Numbers, before: Numbers, paid: Numbers) -> float:
    moved = np.isfinite(after) & np.isfinite(before) & (paid > 0)
    if not moved.any():
        return 0.0
    off = np.abs(np.abs(after[moved] - before[moved]) - paid[moved])
    return float(np.mean(off <= CENT))


def _tells_the_label(column: Column, answer: Column, label: Label) -> str:
    """Whether a few values, or a value's being there at all, is nearly the label."""
    if label.frauds < FEWEST_FRAUDS:
        return ""
    fraud = answer.codes == (answer.shown.index(label.fraud) if label.fraud in answer.shown else -2)
    if column.gaps:
        for there in (column.codes >= 0, column.codes < 0):
            if _nearly_the_same(there, fraud):
                return "there (or missing) nearly exactly where the label says fraud"
    if not 2 <= column.distinct <= MOST_VALUES or (column.kind == "number" and not column.whole):
        return ""
    if names.entity_of(column.name):
        return ""  # in a small file the frauds of a few cards are all that these cards did
    codes = column.codes + 1
    counts = np.bincount(codes, minlength=column.distinct + 1)
    frauds = np.bincount(codes, weights=fraud, minlength=column.distinct + 1)
    pure = np.flatnonzero((counts > 0) & (frauds >= PERFECT * counts))
    by_chance = frauds[pure].sum() < FRAUDS_A_VALUE * len(pure)
    if not by_chance and _nearly_the_same(np.isin(codes, pure), fraud):
        return "its values tell the label nearly perfectly: an answer key"
    return ""


def _nearly_the_same(said: npt.NDArray[np.bool_], fraud: npt.NDArray[np.bool_]) -> bool:
    both = int((said & fraud).sum())
    return both >= PERFECT * max(int(said.sum()), 1) and both >= PERFECT * int(fraud.sum())
