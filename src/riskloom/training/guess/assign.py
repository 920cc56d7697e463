"""Each column becomes a field, or is left out with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from riskloom.domain.field import FieldType
from riskloom.domain.money import exponent
from riskloom.scenario.event_section import is_name
from riskloom.training.guess import names, roles
from riskloom.training.guess.column import Column
from riskloom.training.guess.fields import FieldGuess, LeftOut
from riskloom.training.guess.roles import Entity, Label
from riskloom.training.guess.times import Counter, counts_with
from riskloom.training.guess.types import Typed, guess_type

MADE_IDS = ("event_id", "record_id", "riskloom_event_id")
MOST_LEARNED = 15
"""Values of a category, each of which a feature compares with."""
RAREST_LEARNED = 0.002
MOST_BLANKS = 0.01
"""Rows that a column of numbers may cost training because it has a text in them."""
_NUMERIC = (
    FieldType.INTEGER, FieldType.NUMBER, FieldType.MONEY, FieldType.LATITUDE, FieldType.LONGITUDE,
)  # fmt: skip
_LEARNED = (FieldType.INTEGER, FieldType.NUMBER, FieldType.MONEY, FieldType.BOOLEAN, FieldType.CLOCK)


@dataclass(frozen=True, slots=True)
class Roles:
    """Which columns play a part."""

    label: Label | None
    id: Column | None
    time: Column | None
    counter: Counter | None
    entities: tuple[Entity, ...]
    currency: Column | None
    currencies: tuple[str, ...]
    converts: bool
    base_currency: str
    amount: str
    suspects: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Assigned:
    """Fields in the order they are declared, what is left out, and the event's place if its places change."""

    fields: tuple[FieldGuess, ...]
    left_out: tuple[LeftOut, ...]
    place: tuple[str, str] | None

    def holds(self, name: str) -> bool:
        """Whether a column became a field."""
        return any(field.name == name for field in self.fields)


def assign_fields(columns: Sequence[Column], given: Roles) -> Assigned:
    """Fields and what is left out: id and time first, then keys, then the amount, then the rest."""
    made: dict[str, FieldGuess] = {}
    left_out: list[LeftOut] = []
    for column in columns:
        if given.label is not None and column.name == given.label.column:
            continue
        typed = guess_type(column, exponent(given.base_currency)) if column.present else None
        reason = _reason_to_leave_out(column, typed, given)
        if typed is None or reason.why:
            left_out.append(reason)
        else:
            made[column.name] = _field(column, typed, given)
    made = {
        name: field if field.currency_field in made else replace(field, currency_field="")
        for name, field in made.items()
    }
    if given.id is None or given.id.name not in made:
        name = next(name for name in MADE_IDS if name not in {column.name for column in columns})
        why = "no column is an id: one is made on arrival"
        made = {
            name: FieldGuess(name, FieldType.STRING, why, role="id", required=False, in_file=False),
            **made,
        }
    first = [
        name
        for name in (
            next(field.name for field in made.values() if field.role == "id"),
            *(field.name for field in made.values() if field.role == "time"),
            *(entity.column for entity in given.entities),
            given.amount,
            *(field.name for field in made.values() if field.role == "currency"),
        )
        if name in made
    ]
    ordered = dict.fromkeys([*first, *made])
    return Assigned(tuple(made[name] for name in ordered), tuple(left_out), _place(columns, made, given))


def _reason_to_leave_out(column: Column, typed: Typed | None, given: Roles) -> LeftOut:
    back = "if it is known when an event arrives, declare it"
    if column.name in given.suspects:
        return LeftOut(column.name, given.suspects[column.name], back)
    if typed is None and column.kind != "other":
        return LeftOut(column.name, "empty")
    if typed is None or typed.refused:
        return LeftOut(column.name, guess_type(column).refused if typed is None else typed.refused)
    if not is_name(column.name):
        return LeftOut(
            column.name, "not a name that a scenario can use: letters, digits and _", "--copy renames it"
        )
    if _refused(column, typed) > MOST_BLANKS * column.rows:
        why = f"many rows would be refused for it: {_blank_words(column)}"
        return LeftOut(column.name, why, "--copy empties them")
    if given.counter is not None and column.name == given.counter.column and typed.type not in _NUMERIC:
        why = f"counts time ({given.counter.words}), in numbers too large for a field"
        return LeftOut(column.name, why, "--copy makes times of it")
    key = column is given.id or any(entity.column == column.name for entity in given.entities)
    if given.time is not None and not key and counts_with(column, given.time):
        return LeftOut(column.name, f"counts on with {given.time.name}", back)
    return LeftOut(column.name, "")


def _field(column: Column, typed: Typed, given: Roles) -> FieldGuess:
    entity = next((entity for entity in given.entities if entity.column == column.name), None)
    field = FieldGuess(
        column.name,
        typed.type,
        typed.why,
        required=not column.gaps,
        decimals=typed.decimals,
        signed=typed.signed,
        timezone=typed.timezone,
        change=_change(column, typed),
    )
    if given.id is not None and column is given.id:
        return replace(
            field, type=FieldType.STRING, role="id", why=_id_words(column), decimals=0, signed=False
        )
    if given.time is not None and column is given.time:
        return _time_field(field, column)
    if given.counter is not None and column.name == given.counter.column:
        return replace(
            field, role="counter", required=False, why=f"counts time: {given.counter.words}",
            change="no windows without times: --copy makes times of it",
        )  # fmt: skip
    if entity is not None:
        return _entity_field(field, column, entity)
    if given.currency is not None and column is given.currency:
        return replace(field, type=FieldType.CATEGORY, role="currency", why=_currency_words(given))
    if roles.is_personal(column):
        return _personal_field(field, column)
    if roles.is_protected(column.name):
        why = f"{typed.why}; a protected attribute: kept, but not learned from"
        return replace(field, role="protected", why=why)
    return _plain_field(field, column, given)


def _change(column: Column, typed: Typed) -> str:
    if _refused(column, typed):
        return f"rows with {_blank_words(column)} are refused: --copy empties them"
    return "--copy makes times of it" if column.time_format else ""


def _id_words(column: Column) -> str:
    twice = column.rows - column.distinct
    return f"called an id; {twice:,} rows repeat one" if twice else "called an id, and never twice"


def _time_field(field: FieldGuess, column: Column) -> FieldGuess:
    order = "in the order of the file" if column.never_falls else "not in the order of the file: it is sorted"
    change = "" if column.zoned else "timezone, if the file's times are local"
    gaps = f"; {column.missing:,} rows have none and cannot be used" if column.missing else ""
    return replace(field, role="time", why=f"{field.why}; {order}{gaps}", change=change)


def _entity_field(field: FieldGuess, column: Column, entity: Entity) -> FieldGuess:
    kind = FieldType.IP if field.type is FieldType.IP else FieldType.STRING
    said = f"{column.distinct:,} keys, {entity.repeats:.1f} events each"
    change = "" if entity.has_history else "keys hardly come back: no windows"
    pii = entity.root in names.PERSONAL_ENTITIES or roles.is_personal(column)
    return replace(
        field, type=kind, role="entity", entity=entity.kind, pii=pii, why=said, change=change,
        decimals=0, signed=False,
    )  # fmt: skip


def _personal_field(field: FieldGuess, column: Column) -> FieldGuess:
    """Kept as it is written: a birth date is no moment in the life of the system."""
    why = "says who somebody is; kept apart, not learned from"
    if column.can_be_text:
        field = replace(field, type=FieldType.STRING, timezone="", decimals=0, signed=False)
    return replace(field, role="personal", pii=True, why=why)


def _plain_field(field: FieldGuess, column: Column, given: Roles) -> FieldGuess:
    """A value that features are made of, when it changes."""
    role = "amount" if column.name == given.amount else ""
    if field.type is FieldType.MONEY:
        field = _money_field(field, given, role)
    if column.distinct < 2:
        return replace(field, role=role, why=f"{field.why}; always the same so far: not learned from")
    if field.type is not FieldType.CATEGORY:
        return replace(field, role=role, learned=field.type in _LEARNED)
    if column.distinct > MOST_LEARNED:
        why = f"{field.why}: for detectors that learn categories"
        return replace(field, learned=True, why=why)
    values = _learned_values(column)
    return replace(field, learned=bool(values), values=values)


def _money_field(field: FieldGuess, given: Roles, role: str) -> FieldGuess:
    """Money where it can be converted; a bare number where several currencies have no rates."""
    if len(given.currencies) > 1 and not given.converts:
        why = f"amounts in {len(given.currencies)} currencies without rates: taken as they stand"
        decimals, change = exponent(given.base_currency), "rates.yaml, and type: money"
        return replace(
            field, type=FieldType.NUMBER, decimals=decimals, why=why, change=field.change or change
        )
    name = "" if given.currency is None else given.currency.name
    why = f"{field.why}; {_currency_words(given)}" if role else field.why
    return replace(field, currency_field=name, why=why)


def _learned_values(column: Column) -> tuple[str, ...]:
    """What a category is compared with: its frequent values that can be written out."""
    return tuple(
        text
        for code, text in enumerate(column.shown)
        if column.share_of(code) >= RAREST_LEARNED and text.isprintable() and text.isascii()
    )


def _refused(column: Column, typed: Typed) -> int:
    """How many rows would be refused for texts that stand where a value is missing."""
    if typed.type not in _NUMERIC and column.stored != "text":
        return 0
    return sum(column.blanks.values())


def _blank_words(column: Column) -> str:
    return ", ".join(f"{text!r} {count:,} times" for text, count in column.blanks.items())


def _currency_words(given: Roles) -> str:
    if not given.currencies:
        return f"no currency named: {given.base_currency} assumed"
    if given.converts:
        return f"{len(given.currencies)} currencies, converted to {given.base_currency} by rates.yaml"
    return (
        f"in {given.base_currency}" if len(given.currencies) == 1 else f"{len(given.currencies)} currencies"
    )


def _place(columns: Sequence[Column], made: Mapping[str, FieldGuess], given: Roles) -> tuple[str, str] | None:
    """Latitude and longitude of the event: the pair that changes most for one key of an entity."""
    by_name = {column.name: column for column in columns}
    lats = [name for name, field in made.items() if field.type is FieldType.LATITUDE]
    pairs = [(lat, lon) for lat in lats for lon in made if _is_pair(lat, lon, made)]
    main = next((entity for entity in given.entities if entity.has_history), None)
    if not pairs or main is None:
        return None
    keys = by_name[main.column].codes

    def places(pair: tuple[str, str]) -> int:
        return len(np.unique(np.stack([keys, by_name[pair[0]].codes]), axis=1).T)

    best = max(pairs, key=places)
    return best if places(best) > 1.5 * by_name[main.column].distinct else None


def _is_pair(lat: str, lon: str, made: Mapping[str, FieldGuess]) -> bool:
    """Whether two names are the same but for the words for latitude and longitude."""
    if made[lon].type is not FieldType.LONGITUDE:
        return False
    left = [word for word in names.words(lat) if word not in names.LATITUDES]
    return left == [word for word in names.words(lon) if word not in names.LONGITUDES]
