"""Reads the rules and runs their own examples."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from riskloom.domain.decision import CONTROL_REASON, MODEL_REASON
from riskloom.errors import nearest, show
from riskloom.expression.check import Expression
from riskloom.expression.row import compile_row
from riskloom.expression.tree import Type, membership
from riskloom.rules.rule_set import WRITTEN, Action, Rule, Severity
from riskloom.scenario.document import Document, Path
from riskloom.scenario.expressions import read_expression
from riskloom.scenario.policy_section import read_limit
from riskloom.scenario.rule_message import check_message

_KEYS = (
    "name", "code", "reason_code", "owner", "when", "severity", "action", "message", "value", "usual",
    "evidence", "limit", "examples",
)  # fmt: skip
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_LARGEST = 1e300
_MOST = 1_000
_MET = "rule met"  # no name of a field, for the space in it


@dataclass(frozen=True, slots=True)
class Names:
    """What rules may speak of.

    `types` are the names with their types, `evidence` the window features that can stand behind a reason,
    `lists` the lists with their fields.
    """

    types: Mapping[str, Type]
    evidence: frozenset[str]
    timezone: str
    lists: Mapping[str, Collection[str]]


def read_rules(document: Document, names: Names, before: Sequence[Rule] = ()) -> tuple[Rule, ...]:
    """Every rule, in order, behind those of the lists, whose codes are taken."""
    rules = list(before)
    codes = {MODEL_REASON, CONTROL_REASON, *(rule.code for rule in before)}
    called = {rule.name for rule in before}
    listed = document.items(document.data, ())
    if len(listed) > _MOST:
        document.fault((), f"at most {_MOST:,} rules", f"{len(listed):,}")
    for at, given in enumerate(listed[:_MOST]):
        spec = document.mapping(given, (at,), _KEYS)
        key = _code_key(document, spec, (at,))
        code = document.text(spec, key, (at,))
        if code in codes:
            document.fault((at, key), "a code of its own", show(code))
        elif code and not _CODE.fullmatch(code):
            document.fault((at, key), "a code such as NEW_DEVICE", show(code))
        codes.add(code)
        name = document.text(spec, "name", (at,), code)
        if name and name in called:
            document.fault((at, "name"), "a name of its own", show(name))
        called.add(name)
        rule = _read_rule(document, spec, (at,), code, names)
        if rule is not None:
            quotable = {*names.types, *(key for key in ("value", "usual") if key in spec)}
            check_message(document, (at,), rule, quotable)
            _run_examples(document, spec, (at,), rule, names.types)
            rules.append(rule)
        if key == "reason_code":
            spec["code"] = spec.pop(key)  # as bundles hold it
    return tuple(rules)


def _code_key(document: Document, spec: Mapping[str, Any], path: Path) -> str:
    """`reason_code` says the same as `code`."""
    if "code" in spec and "reason_code" in spec:
        document.fault((*path, "reason_code"), "code or reason_code, not both", show(spec["reason_code"]))
    return "reason_code" if "reason_code" in spec and "code" not in spec else "code"


def _read_rule(
    document: Document, spec: Mapping[str, Any], path: Path, code: str, names: Names
) -> Rule | None:
    when = read_expression(
        document, spec.get("when"), (*path, "when"), names.types, names.timezone, names.lists
    )
    evidence = document.text(spec, "evidence", path, "")
    if evidence and evidence not in names.evidence:
        hint = nearest(evidence, names.evidence)
        document.fault((*path, "evidence"), "a window feature", show(evidence), hint)
    severity = document.choice(spec, "severity", path, [kind.value for kind in Severity], "medium")
    action = document.choice(spec, "action", path, [kind.value for kind in WRITTEN], "flag")
    message = document.text(spec, "message", path)
    value = _optional(document, spec, "value", path, names)
    usual = _optional(document, spec, "usual", path, names)
    if when is None:
        return None
    if when.type is not Type.BOOLEAN:
        document.fault((*path, "when"), "a condition", f"a {when.type.value}")
        return None
    name, owner = document.text(spec, "name", path, code), document.text(spec, "owner", path, "")
    limit = read_limit(document, spec, path)
    if limit is not None and action == Action.WATCH.value:
        document.fault((*path, "limit"), "a limit only for a rule that acts", "action watch")
    return Rule(
        code, when, Severity(severity), Action(action), message, value, usual, evidence, name, owner, limit
    )


def _optional(
    document: Document, spec: Mapping[str, Any], key: str, path: Path, names: Names
) -> Expression | None:
    if key not in spec:
        return None
    return read_expression(document, spec[key], (*path, key), names.types, names.timezone, names.lists)


def _run_examples(
    document: Document, spec: Mapping[str, Any], path: Path, rule: Rule, types: Mapping[str, Type]
) -> None:
    """Each example names the values it needs; what it leaves out is missing, and on no list."""
    asked = {membership(field, name) for field, name in rule.when.memberships}
    types = {**types, **dict.fromkeys(asked, Type.BOOLEAN)}
    names = sorted(rule.when.names)
    evaluate = compile_row({_MET: rule.when}, names, conditions=True)
    for at, example in enumerate(document.items(spec.get("examples"), (*path, "examples"))):
        here = (*path, "examples", at)
        given = document.mapping(example, here)
        kind, values = next(iter(given.items()), ("", None))
        if kind not in ("hit", "miss") or len(given) != 1:
            document.fault(here, "one of hit, miss", show(sorted(given)))
            continue
        values = document.mapping(values, (*here, kind), names)
        before = len(document.faults)
        row = [
            _example_value(
                document, values.get(name, False if name in asked else None), types[name], (*here, kind, name)
            )
            for name in names
        ]
        if len(document.faults) == before and evaluate(row)[0] != (kind == "hit"):
            other = "miss" if kind == "hit" else "hit"
            document.fault(here, f"a {kind} of {rule.name}", f"{show(values)} is a {other}")


def _example_value(document: Document, value: Any, kind: Type, path: Path) -> object:
    """A value of an example as rules see it: numbers, true or false, text, times as ISO 8601."""
    if value is None:
        return float("nan") if kind in (Type.NUMBER, Type.TIME) else None
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is Type.NUMBER and number and abs(value) <= _LARGEST:
        return float(value)
    if kind is Type.BOOLEAN and isinstance(value, bool):
        return value
    if kind is Type.TEXT and isinstance(value, str):
        return value
    if kind is Type.TIME and isinstance(value, str):
        try:
            when = datetime.fromisoformat(value)
        except ValueError:
            when = None
        if when is not None and when.tzinfo is not None:
            return when.timestamp() * 1e6
    document.fault(path, f"a {kind.value}", show(value))
    return None
