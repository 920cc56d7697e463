"""`Scenario`: everything declared for one kind of event, as one immutable value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from riskloom.detectors.prepare_spec import PreparationSpec
from riskloom.detectors.thresholds import ThresholdSpec
from riskloom.domain.case import CaseSpec
from riskloom.domain.event import EventSchema
from riskloom.domain.field import Field, FieldType
from riskloom.domain.money import RateTable
from riskloom.expression.check import Expression
from riskloom.expression.tree import Type, membership
from riskloom.features.spec import Column, WindowFeature
from riskloom.policy.policy import Policy
from riskloom.policy.route import AlertSpec
from riskloom.rules.lists import ListSpec
from riskloom.rules.rule_set import Rule

RISK_SCORE = "risk_score"


@dataclass(frozen=True, slots=True)
class Feature:
    """One number of the feature vector: a window aggregate or an expression."""

    name: str
    describe: str
    window: WindowFeature | None = None
    expression: Expression | None = None
    category: str = ""
    """The text field whose codes this feature holds; detectors see it encoded only."""


@dataclass(frozen=True, slots=True)
class Derived:
    """A column made from an event's own fields on arrival; windows and rules use it like a field."""

    field: Field
    expression: Expression


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """One detector to train: its kind and parameters, and what it sees, prepared how."""

    name: str
    kind: str
    parameters: Mapping[str, Any]
    features: tuple[str, ...]
    preparation: PreparationSpec


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """What is trained: detectors, how several are joined, how a score becomes a probability.

    `ensemble` is the kind that joins several detectors, "" for one. `threshold` chooses the policy's
    percentile in training; None leaves it as declared.
    """

    detectors: tuple[DetectorSpec, ...]
    ensemble: str
    ensemble_parameters: Mapping[str, Any]
    calibration: str
    threshold: ThresholdSpec | None


@dataclass(frozen=True, slots=True)
class Scenario:
    """A checked scenario. `parts` are its plain data by part name, from which it can be loaded again."""

    name: str
    describe: str
    base_currency: str
    timezone: str
    max_lateness_us: int
    ahead_us: int
    ignore_unknown: bool
    id_field: str
    time_field: str
    label_field: str
    label_delay_us: int
    fields: tuple[Field, ...]
    derived: tuple[Derived, ...]
    entities: Mapping[str, str]
    features: tuple[Feature, ...]
    model: ModelSpec
    rules: tuple[Rule, ...]
    """What lists do by themselves, then the rules as they are written."""
    policy: Policy
    rates: RateTable
    parts: Mapping[str, Any]
    lists: tuple[ListSpec, ...] = ()
    alerts: AlertSpec = field(default_factory=AlertSpec)
    cases: CaseSpec = field(default_factory=CaseSpec)

    @property
    def windows(self) -> tuple[WindowFeature, ...]:
        """The window features, in vector order among themselves."""
        return tuple(feature.window for feature in self.features if feature.window is not None)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the feature vector, in order: windows first, then expressions, each as declared."""
        return tuple(feature.name for feature in self.features)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The event columns that window features read."""
        used = {feature.entity_column for feature in self.windows}
        used |= {name for feature in self.windows for name in feature.of}
        return tuple(as_column(field) for field in self.all_fields if field.name in used)

    @property
    def all_fields(self) -> tuple[Field, ...]:
        """The declared fields, then the derived ones."""
        return (*self.fields, *(derived.field for derived in self.derived))

    @property
    def main_entity(self) -> str:
        """The field of the first declared entity: the one a queue and a timeline are about."""
        return next(iter(self.entities.values()), "")

    @property
    def rule_inputs(self) -> tuple[str, ...]:
        """The names rules may use: fields, features, the risk score, then the memberships they ask for."""
        asked = (membership(field, name) for field, name in self.memberships)
        return (*(field.name for field in self.all_fields), *self.feature_names, RISK_SCORE, *asked)

    @property
    def memberships(self) -> tuple[tuple[str, str], ...]:
        """The (field, list) that rules ask for, each once."""
        used = (e for rule in self.rules for e in (rule.when, rule.value, rule.usual) if e is not None)
        return tuple(dict.fromkeys(pair for expression in used for pair in expression.memberships))

    def schema(self, *, ignore_unknown: bool | None = None) -> EventSchema:
        """The reader of this scenario's events."""
        return EventSchema(
            self.fields,
            id_field=self.id_field,
            time_field=self.time_field,
            rates=self.rates,
            ahead_us=self.ahead_us,
            ignore_unknown=self.ignore_unknown if ignore_unknown is None else ignore_unknown,
        )

    def fingerprint(self, *part_names: str) -> str:
        """A SHA-256 of the named parts (all without names)."""
        named = {name: self.parts[name] for name in part_names or self.parts}
        return hashlib.sha256(canonical(named, ordered=True)).hexdigest()


def canonical(data: object, *, ordered: bool = False) -> bytes:
    """Plain data as the one JSON text it has: sorted keys, no spaces, UTF-8.

    `ordered` keeps the keys as they stand: in a scenario's parts the order of fields is declared too.
    """
    return json.dumps(data, sort_keys=not ordered, separators=(",", ":"), ensure_ascii=False).encode()


def as_column(field: Field) -> Column:
    """How the state holds a field; what it is divided by is the same as in expressions (clocks are hours)."""
    if field.type.is_text:
        return Column(field.name, "id")
    return Column(field.name, "integer", 60 if field.type is FieldType.CLOCK else field.scale)


def expression_type(field: Field) -> Type:
    """The type of a field in expressions."""
    if field.type.is_text:
        return Type.TEXT
    if field.type is FieldType.BOOLEAN:
        return Type.BOOLEAN
    return Type.TIME if field.type is FieldType.TIME else Type.NUMBER
