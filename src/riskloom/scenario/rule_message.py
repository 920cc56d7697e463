"""Checks what the message of a rule or a list quotes."""

from __future__ import annotations

from collections.abc import Set

from riskloom.errors import nearest, show
from riskloom.rules.rule_set import BASE_CURRENCY, FORMATS, PLACEHOLDER, Rule
from riskloom.scenario.document import Document, Path


def check_message(document: Document, path: Path, rule: Rule, quotable: Set[str]) -> None:
    """What a message quotes must exist, in a form that exists."""
    known = {*quotable, BASE_CURRENCY}
    for name in rule.placeholders:
        if name not in known:
            hint = nearest(name, known)
            document.fault((*path, "message"), "placeholders that exist", f"{{{name}}}", hint)
    for match in PLACEHOLDER.finditer(rule.message):
        if match[2] and match[2] not in FORMATS:
            document.fault((*path, "message"), f"a form of {', '.join(FORMATS)}", show(match[2]))
