"""What is guessed of one column: the field it becomes, or why it is left out."""

from __future__ import annotations

from dataclasses import dataclass

from riskloom.domain.field import FieldType


@dataclass(frozen=True, slots=True)
class FieldGuess:
    """One field of the scenario."""

    name: str
    type: FieldType
    why: str
    role: str = ""
    """id, time, clock of rows, entity, amount, currency, place, personal, protected, or nothing."""
    entity: str = ""
    pii: bool = False
    required: bool = True
    decimals: int = 0
    signed: bool = False
    timezone: str = ""
    currency_field: str = ""
    change: str = ""
    """What a person may want to change."""
    learned: bool = False
    """Whether its own value enters the feature vector."""
    values: tuple[str, ...] = ()
    """For categories that are learned from: the values that are compared with, the most frequent first; none
    where they are too many, and the category is a feature itself."""
    in_file: bool = True


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that no field is made of."""

    column: str
    why: str
    change: str = ""


@dataclass(frozen=True, slots=True)
class FeatureGuess:
    """One feature: an aggregate over a window, an expression, or the code of a category."""

    name: str
    describe: str
    group: str
    """The heading it stands under."""
    entity: str = ""
    aggregate: str = ""
    of: tuple[str, ...] = ()
    window: str = ""
    expression: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True)
class RuleGuess:
    """One rule with examples."""

    code: str
    when: str
    severity: str
    action: str
    message: str
    value: str
    hit: dict[str, int]
    miss: dict[str, int]
    usual: str = ""
    evidence: str = ""
    note: str = ""
