"""A rule while it is written: from a rule's plain data to what stands in the form, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from riskloom.dashboard import words

SEVERITIES = tuple(words.SEVERITIES)
ACTIONS: Mapping[str, str] = {
    "watch": "Note it beside other reasons",
    "flag": "Flag for review",
    "reject": "Reject",
    "approve": "Approve, whatever else says",
}
TEXTS = ("code", "when", "message", "value", "usual", "evidence", "owner")
FRESH: Mapping[str, Any] = {"code": "", "when": "", "severity": "medium", "action": "watch", "message": ""}


def form_of(rule: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the form for a rule."""
    texts = {name: "" if rule.get(name) is None else str(rule[name]) for name in TEXTS}
    return {
        **texts,
        "severity": str(rule.get("severity") or "medium"),
        "action": str(rule.get("action") or "flag"),
        "examples": examples_text(rule.get("examples") or ()),
    }


def examples_text(examples: Any) -> str:
    """Examples, one a line: `- hit: {amount: 900}`."""
    lines = (yaml.safe_dump(one, default_flow_style=True, width=10_000).strip() for one in examples)
    return "\n".join(f"- {line.removeprefix('{').removesuffix('}')}" for line in lines)


def rule_of(form: Mapping[str, str], before: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """(the rule that a form makes, what is wrong with its examples).

    What the form does not show (name, limit) stays as it was `before`.
    """
    rule = {name: value for name, value in before.items() if name not in (*TEXTS, "examples")}
    rule |= {name: form[name].strip() for name in TEXTS if form.get(name, "").strip()}
    rule |= {"severity": form["severity"], "action": form["action"]}
    try:
        examples = yaml.safe_load(form.get("examples") or "") or []
    except yaml.YAMLError as error:
        return rule, f"The examples are no YAML: {str(error).splitlines()[0]}"
    if not isinstance(examples, list):
        return rule, "Examples are lines such as “- hit: {amount: 900}”."
    return ({**rule, "examples": examples} if examples else rule), ""
