"""Reads the rules and runs their own examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from riskloom.domain.decision import MODEL_REASON
from riskloom.errors import nearest, show
from riskloom.expression.check import Expression
from riskloom.expression.row import compile_row
from riskloom.expression.tree import Type
from riskloom.rules.rule_set import BASE_CURRENCY, FORMATS, PLACEHOLDER, Action, Rule, Severity
from riskloom.scenario.document import Document, Path
from riskloom.scenario.expressions import read_expression

_KEYS = ("code", "when", "severity", "action", "message", "value", "usual", "evidence", "examples")


def read_rules(
    document: Document, types: Mapping[str, Type], evidence: frozenset[str], timezone: str
) -> tuple[Rule, ...]:
    """Every rule, in order; `evidence` names the window features that can stand behind a reason."""
    rules: list[Rule] = []
    for at, given in enumerate(document.items(document.data, ())):
        path: Path = (at,)
        spec = document.mapping(given, path, _KEYS)
        code = document.text(spec, "code", path)
        if code == MODEL_REASON or any(rule.code == code for rule in rules):
            document.fault((*path, "code"), "a code of its own", show(code))
        when = read_expression(document, document.text(spec, "when", path), (*path, "when"), types, timezone)
        named = document.text(spec, "evidence", path, "")
        if named and named not in evidence:
            document.fault((*path, "evidence"), "a window feature", show(named), nearest(named, evidence))
        severity = Severity(document.choice(spec, "severity", path, [kind.value for kind in Severity], "medium"))
        action = Action(document.choice(spec, "action", path, [kind.value for kind in Action], "flag"))
        message = document.text(spec, "message", path)
        if when is None:
            continue
        if when.type is not Type.BOOLEAN:
            document.fault((*path, "when"), "a condition", f"a {when.type.value}")
            continue
        value = _optional(document, spec, "value", path, types, timezone)
        usual = _optional(document, spec, "usual", path, types, timezone)
        rule = Rule(code, when, severity, action, message, value, usual, named)
        for name in rule.placeholders:
            if name != BASE_CURRENCY and name not in types and (name, {"value": value, "usual": usual}.get(name)) == (name, None):
                document.fault((*path, "message"), "placeholders that exist", f"{{{name}}}", nearest(name, types))
        for match in PLACEHOLDER.finditer(rule.message):
            if match[2] and match[2] not in FORMATS:
                document.fault((*path, "message"), f"a form of {', '.join(FORMATS)}", show(match[2]))
        _run_examples(document, spec, path, rule, types)
        rules.append(rule)
    return tuple(rules)


def _optional(
    document: Document, spec: Mapping[str, Any], key: str, path: Path, types: Mapping[str, Type], timezone: str
) -> Expression | None:
    if key not in spec:
        return None
    return read_expression(document, str(spec[key]), (*path, key), types, timezone)


def _run_examples(
    document: Document, spec: Mapping[str, Any], path: Path, rule: Rule, types: Mapping[str, Type]
) -> None:
    """Each example names the values it needs; what it leaves out is missing."""
    names = sorted(rule.when.names)
    evaluate = compile_row({"met": rule.when}, names, conditions=True)
    for at, example in enumerate(document.items(spec.get("examples"), (*path, "examples"))):
        here = (*path, "examples", at)
        given = document.mapping(example, here, ("hit", "miss"))
        if len(given) != 1:
            document.fault(here, "one of hit, miss", show(sorted(given)))
            continue
        kind, values = next(iter(given.items()))
        values = document.mapping(values, (*here, kind), names)
        row = [_example_value(values.get(name), types[name]) for name in names]
        if evaluate(row)[0] != (kind == "hit"):
            document.fault(here, f"a {kind} of {rule.code}", f"{show(values)} is a {'miss' if kind == 'hit' else 'hit'}")


def _example_value(value: Any, kind: Type) -> object:
    if kind is Type.NUMBER or kind is Type.TIME:
        return float("nan") if value is None else float(value)
    return value
