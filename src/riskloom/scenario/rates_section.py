"""Reads the rate table that converts money."""

from __future__ import annotations

import re

from riskloom.domain.money import RateTable, parse_rates
from riskloom.errors import ScenarioInvalid, show
from riskloom.scenario.document import Document, Path

_STEP = re.compile(r"[^.\[\]]+")


def read_rates(document: Document, base_currency: str) -> RateTable:
    """The rate table; without one only the base currency can be converted."""
    empty = RateTable(base_currency, {})
    if document.data is None:
        return empty
    try:
        rates = parse_rates(document.data)
    except ScenarioInvalid as error:
        for fault in error.faults:
            document.fault(_path(fault.where), fault.expected, fault.got, fault.hint)
        return empty
    if rates.base != base_currency:
        document.fault(("base",), f"the scenario's base currency {base_currency}", show(rates.base))
    return rates


def _path(where: str) -> Path:
    """`rates.rates[3].EUR` as a path into the table."""
    return tuple(int(step) if step.isdecimal() else step for step in _STEP.findall(where)[1:])
