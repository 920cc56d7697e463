"""Reads one expression of a scenario and notes its faults where it stands."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from riskloom.errors import ExpressionInvalid, show
from riskloom.expression.check import Expression, check
from riskloom.expression.tree import Type
from riskloom.scenario.document import Document, Path


def read_expression(
    document: Document,
    given: object,
    path: Path,
    types: Mapping[str, Type],
    timezone: str,
    lists: Mapping[str, Collection[str]] | None = None,
) -> Expression | None:
    """A checked expression, or None with its faults noted at `path`; a number stands for itself."""
    if isinstance(given, bool) or not isinstance(given, (str, int, float)):
        document.fault(path, "an expression as text", "nothing" if given is None else show(given))
        return None
    text = str(given)
    try:
        return check(text, types, timezone, lists)
    except ExpressionInvalid as error:
        for fault in error.faults:
            place = f"{fault.where} of {show(text, 90)}"
            document.fault(path, f"{fault.expected} ({place})", fault.got, fault.hint)
        return None
