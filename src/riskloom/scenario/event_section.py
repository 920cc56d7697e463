"""Reads the `event` section: the fields."""

from __future__ import annotations

import keyword
from typing import Any

from riskloom.domain.field import Field, FieldType
from riskloom.domain.money import exponent
from riskloom.errors import nearest, show
from riskloom.expression.tree import Type
from riskloom.scenario.document import Document
from riskloom.scenario.expressions import read_expression
from riskloom.scenario.scenario import Derived, expression_type
from riskloom.scenario.timezone import check_timezone

NAME_HINT = "small letters, digits and _, such as user_id"
_KEYS = (
    "type", "entity", "pii", "required", "decimals", "currency_field", "signed", "timezone", "values",
    "describe",
)  # fmt: skip
_ONLY_FOR = {
    "decimals": (FieldType.NUMBER,),
    "currency_field": (FieldType.MONEY,),
    "signed": (FieldType.MONEY, FieldType.NUMBER),
    "timezone": (FieldType.TIME,),
    "values": (FieldType.CATEGORY,),
}


def read_fields(document: Document, base_currency: str) -> tuple[Field, ...]:
    """Every declared field, in order; faults are noted in the document."""
    event = document.mapping(
        document.data.get("event"), ("event",), ("fields", "derived", "id", "time", "label", "label_delay")
    )
    declared = document.mapping(event.get("fields"), ("event", "fields"))
    fields = tuple(_read_field(document, str(name), given, base_currency) for name, given in declared.items())
    if not fields:
        document.fault(("event", "fields"), "at least one field", "none")
    known = {field.name: field for field in fields}
    for field in fields:
        path = ("event", "fields", field.name, "currency_field")
        if field.currency_field and field.currency_field not in known:
            hint = nearest(field.currency_field, known)
            document.fault(path, "a declared field", show(field.currency_field), hint)
        elif field.currency_field and not known[field.currency_field].type.is_text:
            document.fault(path, "a text field", f"a {known[field.currency_field].type}")
    return fields


def read_derived(document: Document, fields: tuple[Field, ...], timezone: str) -> tuple[Derived, ...]:
    """Every derived column: an expression over the fields, and the type its value is held as."""
    event = document.data.get("event")
    given = document.mapping(event.get("derived") if isinstance(event, dict) else None, ("event", "derived"))
    types = {field.name: expression_type(field) for field in fields}
    derived: list[Derived] = []
    for name, spec in given.items():
        path = ("event", "derived", str(name))
        if not is_name(str(name)) or name in types:
            document.fault(path, "a name of its own", show(name), NAME_HINT)
        spec = document.mapping(spec, path, ("type", "entity", "decimals", "expression", "describe"))
        kind = FieldType(document.choice(spec, "type", path, _DERIVED_TYPES, "number"))
        decimals = _decimals(document, spec, path, kind, "")
        expression = read_expression(document, spec.get("expression"), (*path, "expression"), types, timezone)
        if expression is None:
            continue
        wanted = Type.TEXT if kind is FieldType.CATEGORY else Type.NUMBER
        if expression.type is not wanted:
            document.fault((*path, "expression"), f"a {wanted.value}", f"a {expression.type.value}")
            continue
        entity = document.text(spec, "entity", path, "")
        field = Field(str(name), kind, entity, required=False, decimals=decimals, signed=True)
        derived.append(Derived(field, expression))
    return tuple(derived)


_DERIVED_TYPES = (FieldType.NUMBER.value, FieldType.INTEGER.value, FieldType.CATEGORY.value)


def read_entities(
    document: Document, fields: tuple[Field, ...], derived: tuple[Derived, ...]
) -> tuple[dict[str, str], dict[str, str]]:
    """The field that holds the key of each kind of entity, in the order of the fields; the same with derived
    keys behind them, which windows alone know."""
    entities: dict[str, str] = {}
    _add_entities(document, fields, "fields", entities)
    every = dict(entities)
    _add_entities(document, tuple(column.field for column in derived), "derived", every)
    return entities, every


def _add_entities(
    document: Document, fields: tuple[Field, ...], section: str, entities: dict[str, str]
) -> None:
    for field in fields:
        if not field.entity:
            continue
        path = ("event", section, field.name, "entity")
        if not field.type.is_text:
            document.fault(path, "an entity in a text field", f"a {field.type}")
        if field.entity in entities:
            document.fault(path, "one field an entity", f"{field.entity} is {entities[field.entity]} already")
        entities[field.entity] = field.name


def pick_field(document: Document, key: str, fields: tuple[Field, ...], kind: FieldType, usual: str) -> str:
    """The field that `event.id` or `event.time` names, or the usual one when it is declared."""
    event = document.data.get("event")
    named = event.get(key) if isinstance(event, dict) else None
    by_name = {field.name: field for field in fields}
    if named is None:
        return usual if usual in by_name and by_name[usual].type is kind else ""
    if not isinstance(named, str) or named not in by_name:
        document.fault(("event", key), "a declared field", show(named), nearest(str(named), by_name))
    elif by_name[named].type is not kind:
        document.fault(("event", key), f"a field of type {kind}", by_name[named].type)
    return str(named)


def _read_field(document: Document, name: str, given: Any, base_currency: str) -> Field:
    path = ("event", "fields", name)
    if not is_name(name) and name != _READING:
        document.fault(path, "a name", show(name), NAME_HINT)
    spec = document.mapping({"type": given} if isinstance(given, str) else given, path, _KEYS)
    kind = FieldType(document.choice(spec, "type", path, [kind.value for kind in FieldType]))
    known_kind = spec.get("type") == kind.value
    for key, kinds in _ONLY_FOR.items():
        if key in spec and kind not in kinds and known_kind:
            document.fault((*path, key), f"{key} only for {' and '.join(kinds)}", f"a {kind}")
    timezone = document.text(spec, "timezone", path, "")
    if timezone:
        timezone = check_timezone(document, timezone, (*path, "timezone"))
    return Field(
        name=name,
        type=kind,
        entity=document.text(spec, "entity", path, ""),
        pii=document.flag(spec, "pii", path, False),
        required=document.flag(spec, "required", path, True),
        decimals=_decimals(document, spec, path, kind, base_currency),
        currency_field=document.text(spec, "currency_field", path, ""),
        signed=document.flag(spec, "signed", path, kind is FieldType.NUMBER),
        timezone=timezone,
        values=_read_values(document, spec, (*path, "values")),
    )


def _read_values(document: Document, spec: dict[str, Any], path: tuple[str, ...]) -> tuple[str, ...]:
    """What a category may be."""
    values = document.items(spec.get("values"), path)
    for at, value in enumerate(values):
        if not isinstance(value, str) or not value:
            document.fault((*path, at), "text", show(value), "put it in quotes")
    return tuple(str(value) for value in values)


def _decimals(
    document: Document, spec: dict[str, Any], path: tuple[str, ...], kind: FieldType, base_currency: str
) -> int:
    if kind is FieldType.MONEY:
        return exponent(base_currency)
    if kind in (FieldType.LATITUDE, FieldType.LONGITUDE):
        return 6
    if kind is not FieldType.NUMBER:
        return 0
    decimals = spec.get("decimals", 6)
    if not isinstance(decimals, int) or isinstance(decimals, bool) or not 0 <= decimals <= 12:
        document.fault((*path, "decimals"), "a whole number from 0 to 12", show(decimals))
        return 6
    return decimals


def is_name(text: str) -> bool:
    """Whether a name can stand in an expression: an identifier in ASCII that is no keyword."""
    plain = text.isidentifier() and text.isascii() and not text.startswith("__")
    return plain and not keyword.iskeyword(text) and text not in _RESERVED


_READING = "value"
"""What every sensor calls its reading: a field may be called so, and a rule's own `value:` goes before it."""
_RESERVED = frozenset({"value", "usual", "shadow", "base_currency", "risk_score"})
"""Names that rules, their messages and reasons have for something else."""
