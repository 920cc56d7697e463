"""`guess_scenario`: everything about a file, put together from what each column seems to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from riskloom.domain.field import FieldType
from riskloom.errors import DataInvalid, Fault
from riskloom.scenario.event_section import is_name
from riskloom.training.guess.assign import Assigned, Roles, assign_fields
from riskloom.training.guess.column import Column
from riskloom.training.guess.features import Facts, guess_features
from riskloom.training.guess.fields import FeatureGuess, FieldGuess, LeftOut, RuleGuess
from riskloom.training.guess.mend import Mend, guess_mends
from riskloom.training.guess.roles import (
    Entity,
    Label,
    find_amount,
    find_currency,
    find_entities,
    find_id,
    find_label,
    in_step,
)
from riskloom.training.guess.rules import Seen, follow_rules, guess_rules
from riskloom.training.guess.suspects import find_suspects
from riskloom.training.guess.times import (
    DAY_US,
    HOUR_US,
    Counter,
    find_counter,
    find_time,
    has_time_of_day,
)
from riskloom.training.guess.types import is_money

USUAL_CURRENCY = "USD"
ALERT_SHARES = (0.001, 0.1)
USUAL_SHARE = 0.02
DELAYS = (("7d", 7 * DAY_US), ("1d", DAY_US), ("1h", HOUR_US), ("0s", 0))
SPANS_OF_DELAY = 8
"""A file that spans so many delays can hold back a validation and a test, each a delay after the last."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What a file seems to hold, and the scenario that follows from it."""

    rows: int
    fields: tuple[FieldGuess, ...]
    left_out: tuple[LeftOut, ...]
    label: Label | None
    entities: tuple[Entity, ...]
    time: str
    counter: Counter | None
    amount: str
    currencies: tuple[str, ...]
    """The currencies of the file, the most frequent first; empty when none is named."""
    base_currency: str
    converts: bool
    """Whether amounts come in several currencies that a rate table converts."""
    features: tuple[FeatureGuess, ...]
    rules: tuple[RuleGuess, ...]
    percentile: float
    label_delay: str
    """How long after an event its label is taken to be known; nothing without a label or without times."""
    mends: tuple[Mend, ...]

    def field(self, name: str) -> FieldGuess:
        """A field by its name."""
        return next(field for field in self.fields if field.name == name)

    @property
    def trains_with_label(self) -> bool:
        """Whether the label can be used as it stands."""
        return self.label is not None and self.label.ready


def guess_scenario(
    columns: Sequence[Column], *, total: int | None = None, convertible: Sequence[str] = ()
) -> Guess:
    """What the columns of a file seem to be, and features and rules for them.

    Parameters
    ----------
    columns
        Of the first rows, in the order of the file.
    total
        Rows of the whole file, where that is known.
    convertible
        The currencies of a rate table at hand; amounts in several currencies are money only when it has
        them all.

    Raises
    ------
    DataInvalid
        Without rows, or when no column can be a field.
    """
    roles = _roles(columns, convertible)
    mends = guess_mends(columns, roles)
    hint = "a copy can mend it: --copy FILE" if mends else ""
    assigned = assign_fields(columns, roles)
    if not any(field.in_file for field in assigned.fields):
        raise DataInvalid(Fault("data", "a column that a field can be made of", "none", hint))
    facts = _facts(columns, roles, assigned)
    features, changed = guess_features(facts)
    if not features:
        raise DataInvalid(Fault("data", "a column that a feature can be made of", "none", hint))
    return Guess(
        rows=columns[0].rows,
        fields=assigned.fields,
        left_out=assigned.left_out,
        label=roles.label,
        entities=tuple(entity for entity in roles.entities if assigned.holds(entity.column)),
        time=facts.time,
        counter=facts.counter,
        amount=facts.amount,
        currencies=roles.currencies,
        base_currency=roles.base_currency,
        converts=roles.converts,
        features=features,
        rules=follow_rules(_rules(columns, facts, features, changed, roles.label), changed),
        percentile=_percentile(roles.label),
        label_delay=_label_delay(columns, roles.label, facts.time, total),
        mends=mends,
    )


def find_mends(columns: Sequence[Column]) -> tuple[Mend, ...]:
    """What a copy of a file with these columns could put right.

    Raises
    ------
    DataInvalid
        Without rows.
    """
    return guess_mends(columns, _roles(columns, ()))


def _roles(columns: Sequence[Column], convertible: Sequence[str]) -> Roles:
    if not columns or not columns[0].rows:
        raise DataInvalid(Fault("data", "at least one row", "none"))
    label = find_label(columns)
    others = [column for column in columns if label is None or column.name != label.column]
    amount = find_amount([column.name for column in others if is_money(column)])
    suspects = find_suspects(columns, label, amount)
    free = [column for column in others if column.name not in suspects and column.present]
    time = find_time(free)
    event_id = find_id(free)
    currency = find_currency([column for column in free if is_name(column.name)])
    currencies = () if currency is None else currency.shown
    dated = bool(time is not None and not time.missing)
    converts = len(currencies) > 1 and dated and set(currencies) <= set(convertible)
    return Roles(
        label=label,
        id=event_id,
        time=time,
        counter=None if time is not None else find_counter(free),
        entities=find_entities([column for column in free if column is not event_id]),
        currency=currency,
        currencies=currencies,
        converts=converts,
        base_currency=USUAL_CURRENCY if converts or not currencies else currencies[0],
        amount=amount,
        suspects=suspects,
    )


def _facts(columns: Sequence[Column], roles: Roles, assigned: Assigned) -> Facts:
    held = {field.name: field for field in assigned.fields}
    time = roles.time if roles.time is not None and assigned.holds(roles.time.name) else None
    counter = roles.counter if roles.counter is not None and assigned.holds(roles.counter.column) else None
    amount = held.get(roles.amount)
    usable = amount is not None and amount.type in (FieldType.MONEY, FieldType.NUMBER, FieldType.INTEGER)
    return Facts(
        fields=assigned.fields,
        entities=_with_history(columns, roles, held),
        time="" if time is None else time.name,
        dated_only=time is not None and not has_time_of_day(time),
        counter=counter,
        amount=roles.amount if usable else "",
        place=assigned.place,
    )


def _with_history(
    columns: Sequence[Column], roles: Roles, held: Mapping[str, FieldGuess]
) -> tuple[Entity, ...]:
    """The entities that come back; of two that tell the same rows apart the first."""
    by_name = {column.name: column for column in columns}
    kept: list[Entity] = []
    for entity in roles.entities:
        if not entity.has_history or entity.column not in held or not held[entity.column].entity:
            continue
        column = by_name[entity.column]
        if not any(in_step(by_name[other.column], column) for other in kept):
            kept.append(entity)
    return tuple(kept)


def _rules(
    columns: Sequence[Column],
    facts: Facts,
    features: Sequence[FeatureGuess],
    changed: Mapping[str, str],
    label: Label | None,
) -> tuple[RuleGuess, ...]:
    """Rules over the features under the names that were meant for them; limits by what honest rows reach."""
    by_name = {column.name: column for column in columns}
    there = {feature.name for feature in features} | set(changed)
    honest = np.ones(columns[0].rows, np.bool_)
    if label is not None and label.frauds:
        answer = by_name[label.column]
        honest = answer.codes != answer.shown.index(label.fraud)
    amounts = by_name[facts.amount].numbers if facts.amount else None
    times = by_name[facts.time].numbers if facts.main else None
    keys = by_name[facts.entities[0].column].codes if facts.main else None
    return guess_rules(facts, there, Seen(honest, keys, times, amounts))


def _label_delay(columns: Sequence[Column], label: Label | None, time: str, total: int | None) -> str:
    """A week as usual, less where the file spans too little to hold a week back twice."""
    if label is None or not label.ready or not time:
        return ""
    known = next(column for column in columns if column.name == time).known
    span_us = float(known.max() - known.min())
    if total is None:
        return DELAYS[0][0]
    span_us *= total / max(columns[0].rows, 1)
    return next(text for text, delay_us in DELAYS if delay_us * SPANS_OF_DELAY <= span_us)


def _percentile(label: Label | None) -> float:
    """Above which percentile the model flags: about as many events as the label calls fraud."""
    share = USUAL_SHARE if label is None or not label.frauds else label.share
    return round(100 * (1 - min(max(share, ALERT_SHARES[0]), ALERT_SHARES[1])), 2)
