"""Reads what a scenario declares of its cases."""

from __future__ import annotations

from riskloom.domain.case import CaseSpec
from riskloom.domain.money import exponent, scale_decimal
from riskloom.errors import show
from riskloom.scenario.document import Document

_KEYS = ("four_eyes_above",)
_MOST_DIGITS = 15


def read_cases(document: Document, base_currency: str) -> CaseSpec:
    """What is declared; where nothing is, one person is enough to close a case."""
    data = document.mapping(document.data, (), _KEYS)
    given = data.get("four_eyes_above")
    if given is None:
        return CaseSpec()
    is_number = isinstance(given, (int, float)) and not isinstance(given, bool)
    if not is_number or not 0 <= given < 10**_MOST_DIGITS:
        document.fault(("four_eyes_above",), f"an amount of {base_currency} from 0 on", show(given))
        return CaseSpec()
    return CaseSpec(scale_decimal(str(given), exponent(base_currency)))
