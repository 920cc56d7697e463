"""Reads the lists, and makes of those that do something by themselves the rules that say it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from riskloom.domain.field import Field, FieldType
from riskloom.domain.read import FieldFault, reader
from riskloom.errors import nearest, show
from riskloom.expression.check import check
from riskloom.rules.lists import Entry, Kind, ListSpec
from riskloom.rules.rule_set import Action, Rule, Severity
from riskloom.scenario.document import Document, Path
from riskloom.scenario.event_section import NAME_HINT, is_name
from riskloom.scenario.rule_message import check_message
from riskloom.scenario.scenario import expression_type

_KEYS = ("name", "of", "kind", "describe", "entries", "code", "message", "severity")
_ENTRY_KEYS = ("value", "from", "until", "reason", "author")
_MOST, _MOST_FIELDS, _MOST_ENTRIES = 64, 8, 10_000
_RULE_KEYS = ("code", "message", "severity")
_SEVERITY = {Kind.ALLOW: Severity.LOW, Kind.WATCH: Severity.MEDIUM, Kind.DENY: Severity.HIGH}
_ACTION = {Kind.ALLOW: Action.ALLOW, Kind.WATCH: Action.WATCH, Kind.DENY: Action.DENY}
_read_time = reader(Field("until", FieldType.TIME))


def read_lists(document: Document, fields: Sequence[Field]) -> tuple[tuple[ListSpec, ...], tuple[Rule, ...]]:
    """Every list, in order, and the rules of those that allow, deny or watch by themselves.

    `code` and `message` of these are filled in in the document's data, as bundles hold them.
    """
    texts = {field.name: field for field in fields if field.type.is_text}
    specs: dict[str, ListSpec] = {}
    rules: list[Rule] = []
    listed = document.items(document.data, ())
    if len(listed) > _MOST:
        document.fault((), f"at most {_MOST} lists", str(len(listed)))
    for at, given in enumerate(listed[:_MOST]):
        spec = document.mapping(given, (at,), _KEYS)
        name = document.text(spec, "name", (at,))
        if name and not is_name(name):
            document.fault((at, "name"), "a name", show(name), NAME_HINT)
        elif name in specs:
            document.fault((at, "name"), "a name of its own", show(name))
        of = _read_of(document, spec, (at,), texts)
        kind = Kind(document.choice(spec, "kind", (at,), [kind.value for kind in Kind], "none"))
        describe = document.text(spec, "describe", (at,), "")
        entries = _read_entries(document, spec, (at, "entries"), texts[of[0]]) if of else ()
        specs[name] = ListSpec(name, of, kind, describe, entries)
        if kind is Kind.NONE:
            for key in (key for key in _RULE_KEYS if key in spec):
                document.fault(
                    (at, key), "it only for a list that allows, denies or watches", show(spec[key])
                )
        elif of and is_name(name):
            rule = _rule(document, spec, (at,), specs[name])
            check_message(document, (at,), rule, {*texts, "value"})
            rules.append(rule)
    return tuple(specs.values()), tuple(rules)


def fields_of(specs: Sequence[ListSpec]) -> Mapping[str, Collection[str]]:
    """The lists that expressions may ask, with their fields."""
    return {spec.name: spec.of for spec in specs}


def _read_of(
    document: Document, spec: Mapping[str, Any], path: Path, texts: Mapping[str, Field]
) -> tuple[str, ...]:
    """The fields a list is of: all personal or none, so that each entry is held by a key or by none."""
    given = spec.get("of")
    named = given if isinstance(given, list) else [given]
    found = []
    for name in named:
        if isinstance(name, str) and name in texts and name not in found:
            found.append(name)
        else:
            got = "nothing" if name is None else show(name)
            document.fault((*path, "of"), "text fields, each once", got, nearest(str(name), texts))
    if not named or len(named) > _MOST_FIELDS:
        document.fault((*path, "of"), f"1 to {_MOST_FIELDS} text fields", str(len(named)))
    if len({texts[name].pii for name in found}) > 1:
        wanted = "fields that are all personal, or none of them"
        document.fault((*path, "of"), wanted, ", ".join(found), "declare two lists")
    return tuple(found)


def _read_entries(document: Document, spec: Mapping[str, Any], path: Path, field: Field) -> tuple[Entry, ...]:
    entries: dict[str, Entry] = {}
    listed = document.items(spec.get("entries"), path)
    if len(listed) > _MOST_ENTRIES:
        document.fault(path, f"at most {_MOST_ENTRIES} entries", str(len(listed)), "import the others")
    for at, given in enumerate(listed[:_MOST_ENTRIES]):
        here = (*path, at)
        told = document.mapping(given if isinstance(given, dict) else {"value": given}, here, _ENTRY_KEYS)
        value = _read(document, reader(field), told.get("value"), (*here, "value"))
        begun = _read(document, _read_time, told["from"], (*here, "from")) if "from" in told else 0
        until = _read(document, _read_time, told["until"], (*here, "until")) if "until" in told else None
        reason = document.text(told, "reason", here, "")
        author = document.text(told, "author", here, "")
        if value in entries:
            document.fault(here, "a value once", show(value))
        elif value is not None:
            entries[value] = Entry(value, begun or 0, until, reason, author)
    return tuple(entries.values())


def _read(document: Document, read: Any, given: object, path: Path) -> Any:
    try:
        return read(given)
    except FieldFault as fault:
        got = fault.got or ("nothing" if given is None else show(given))
        document.fault(path, fault.expected, got, fault.hint)
        return None


def _rule(document: Document, spec: dict[str, Any], path: Path, declared: ListSpec) -> Rule:
    """The rule that is met by who is on the list."""
    types = {name: expression_type(Field(name, FieldType.STRING)) for name in declared.of}
    lists = fields_of([declared])
    asked = [f"{name} in @{declared.name}" for name in declared.of]
    *first, last = declared.of
    value = "".join(f"{name} if {name} in @{declared.name} else " for name in first) + last
    kind = declared.kind
    spec["code"] = document.text(spec, "code", path, f"LIST_{declared.name.upper()}")
    spec["message"] = document.text(
        spec, "message", path, declared.describe or f"On the list {declared.name}"
    )
    severity = document.choice(spec, "severity", path, [one.value for one in Severity], _SEVERITY[kind].value)
    return Rule(
        spec["code"],
        check(" or ".join(asked), types, lists=lists),
        Severity(severity),
        _ACTION[kind],
        spec["message"],
        check(value, types, lists=lists),
        name=spec["code"],
    )
