"""Reads one expression of a scenario and notes its faults where it stands."""

from __future__ import annotations

from collections.abc import Mapping

from riskloom.errors import ExpressionInvalid, show
from riskloom.expression.check import Expression, check
from riskloom.expression.tree import Type
from riskloom.scenario.document import Document, Path


def read_expression(
    document: Document, text: str, path: Path, types: Mapping[str, Type], timezone: str
) -> Expression | None:
    """A checked expression, or None with its faults noted at `path`."""
    try:
        return check(text, types, timezone)
    except ExpressionInvalid as error:
        for fault in error.faults:
            document.fault(path, f"{fault.expected} ({fault.where} of {show(text, 90)})", fault.got, fault.hint)
        return None
