"""What columns are for: the label, the id, the keys of entities, the currency, a person's data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from riskloom.stream import LABELS
from riskloom.training.guess import names
from riskloom.training.guess.column import Column
from riskloom.training.guess.types import FEWEST_KEYS, is_email, is_ip

RARE = 0.1
REPEATS = 1.2
"""Events a key from which on windows over it say something."""
UNIQUE = 0.99
PERSONAL_VALUES = 10
LUHN_TRIED = 200
LUHN_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Label:
    """The column that says what was fraud; `share` of the rows looked at."""

    column: str
    share: float
    frauds: int
    fraud: str
    """The value that means fraud, as it stands in the file."""
    ready: bool
    """Whether training can read it as it stands."""
    fills: bool
    """Whether only frauds are marked, so that no mark means honest."""
    why: str


@dataclass(frozen=True, slots=True)
class Entity:
    """A column of keys; `repeats` is how many events a key has on average."""

    kind: str
    column: str
    repeats: float

    @property
    def root(self) -> str:
        """The kind without a number: card for card_2."""
        return self.kind.split("_")[0]

    @property
    def has_history(self) -> bool:
        """Whether keys come back, so that windows over them say something."""
        return self.repeats >= REPEATS


def find_label(columns: Sequence[Column]) -> Label | None:
    """The label: by its name (one that speaks of every row first), else a rare 0 and 1 at the end."""
    pairs = [(column, pair) for column in columns if (pair := _two_values(column)) is not None]
    named = [(column, pair) for column, pair in pairs if names.plain(column.name) in names.LABELS]
    if named:
        column, pair = min(
            named, key=lambda each: (each[0].missing > 0, names.LABELS.index(names.plain(each[0].name)))
        )
        return _label(column, pair, f"called {column.name}")
    if not pairs or pairs[-1][0] is not columns[-1]:
        return None
    column, pair = pairs[-1]
    rare = column.shown == ("0", "1") and column.share_of(1) <= RARE and not column.missing
    return (
        _label(column, pair, "the last column, a rare 0 and 1: a guess from its values alone")
        if rare
        else None
    )


def _two_values(column: Column) -> tuple[str, str] | None:
    """(honest, fraud) of a column whose values mean these; either may be absent from the rows."""
    texts = [text.strip().lower() for text in column.shown]
    frauds = [text for text, low in zip(column.shown, texts, strict=True) if low in names.FRAUD_TEXTS]
    honest = [text for text, low in zip(column.shown, texts, strict=True) if low in names.HONEST_TEXTS]
    if not texts or len(frauds) > 1 or len(honest) > 1 or len(frauds) + len(honest) != len(texts):
        return None
    return honest[0] if honest else "", frauds[0] if frauds else ""


def _label(column: Column, pair: tuple[str, str], why: str) -> Label:
    fraud = pair[1]
    frauds = int((column.codes == column.shown.index(fraud)).sum()) if fraud else 0
    texts = {text.strip().lower() for text in column.shown}
    why = why if not column.missing else f"{why}; {column.missing:,} rows say nothing"
    ready = texts <= LABELS.keys() and column.name.isprintable()
    fills = bool(fraud) and not pair[0] and column.missing > 0
    return Label(column.name, frauds / column.rows, frauds, fraud or "1", ready and not fills, fills, why)


def find_id(columns: Sequence[Column]) -> Column | None:
    """The column that tells events apart: called an id, of no entity, and (nearly) never twice."""
    able = [
        column
        for column in columns
        if column.can_be_text
        and not column.missing
        and column.distinct >= UNIQUE * column.rows
        and (column.kind == "text" or column.whole)
        and column.kind != "time"
        and frozenset(names.words(column.name)) & (names.IDS | names.EVENTS)
        and not names.entity_of(column.name)
    ]
    return min(able, key=lambda column: not _of_an_event(column), default=None)


def _of_an_event(column: Column) -> bool:
    return bool(frozenset(names.words(column.name)) & names.EVENTS)


def find_entities(columns: Sequence[Column]) -> tuple[Entity, ...]:
    """Columns of keys: those that come back first, who does something before where it is done."""
    found: dict[str, Entity] = {}
    for column in columns:
        kind = _entity_kind(column)
        if not kind:
            continue
        same = sum(other.root == kind for other in found.values())
        kind = f"{kind}_{same + 1}" if same else kind
        found[kind] = Entity(kind, column.name, column.present / max(column.distinct, 1))
    order = tuple(names.ENTITIES)
    ranked = sorted(
        found.values(),
        key=lambda entity: (
            not entity.has_history,
            order.index(entity.root),
        ),
    )
    return tuple(ranked)


def _entity_kind(column: Column) -> str:
    if not column.can_be_text or column.kind not in ("text", "number") or not column.distinct:
        return ""
    if column.kind == "number" and not column.whole:
        return ""
    if is_email(column):
        return "email"
    if is_ip(column):
        return "ip"
    kind = names.entity_of(column.name)
    known = frozenset(names.words(column.name)) & names.IDS
    return kind if kind and (column.distinct >= FEWEST_KEYS or known) else ""


def in_step(one: Column, other: Column) -> bool:
    """Whether two columns tell the same rows apart, so that the second says nothing new.

    A customer who has one card is one: windows of both would be the same numbers.
    """
    both = np.stack([one.codes, other.codes])
    pairs = np.unique(both, axis=1).shape[1]
    return one.distinct == other.distinct and pairs <= one.distinct + (one.missing > 0)


def find_currency(columns: Sequence[Column]) -> Column | None:
    """A column of currency codes."""
    for column in columns:
        named = frozenset(names.words(column.name)) & names.CURRENCIES
        if named and column.kind == "text" and all(_is_code(text) for text in column.shown):
            return column
    return None


def _is_code(text: str) -> bool:
    return len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()


def find_amount(names_of_money: Sequence[str]) -> str:
    """The amount of the event among columns of money, or nothing."""

    def rank(name: str) -> int:
        said = names.words(name)
        if frozenset(said) & {"fee", "fees", "limit"} or names.speaks_of(name, {"balance"}):
            return len(names.AMOUNTS)
        return next((at for at, word in enumerate(names.AMOUNTS) if word in said), len(names.AMOUNTS))

    best = min(names_of_money, key=rank, default="")
    return best if best and rank(best) < len(names.AMOUNTS) else ""


def is_personal(column: Column) -> bool:
    """Whether values say who somebody is: card numbers, names, addresses, birth dates, e-mails, phones."""
    if is_email(column) or holds_card_numbers(column):
        return True
    said = frozenset(names.words(column.name))
    if said & {"first", "last"} and len(names.words(column.name)) > 1 and "name" not in said:
        return False
    whole = column.kind in ("text", "time") or (column.kind == "number" and column.whole)
    named = bool(said & names.PERSONAL) and not said & names.NOT_PERSONAL
    return named and whole and column.distinct >= min(PERSONAL_VALUES, column.present)


def holds_card_numbers(column: Column) -> bool:
    """Whether most values are 13 to 19 digits that pass the check digit of card numbers."""
    if column.kind not in ("text", "number") or not column.shown:
        return False
    tried = [text.replace(" ", "").replace("-", "") for text in column.shown[:LUHN_TRIED]]
    return sum(map(_passes_luhn, tried)) >= LUHN_SHARE * len(tried)


def _passes_luhn(text: str) -> bool:
    if not (13 <= len(text) <= 19 and text.isascii() and text.isdecimal()):
        return False
    digits = [int(digit) for digit in reversed(text)]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def is_protected(name: str) -> bool:
    """Whether a column says what a person may not be judged by."""
    return bool(frozenset(names.words(name)) & names.PROTECTED)
