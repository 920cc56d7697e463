"""Chargebacks as a bank lists them: a code says whether somebody else paid, or the customer disputes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from riskloom.domain.label import LabelSource
from riskloom.errors import Fault, LabelInvalid, ParameterInvalid, nearest, show

_DAY_ENDS = "T23:59:59Z"


class Finding(StrEnum):
    """What a code says. Friendly fraud is the customer's own payment: a label of no fraud."""

    FRAUD = "fraud"
    FRIENDLY_FRAUD = "friendly_fraud"
    NOT_FRAUD = "not_fraud"


def _codes() -> dict[str, Finding]:
    """The networks' codes, by what each of them calls fraud; the rest are disputes and errors."""
    fraud = (
        "10.1 10.2 10.3 10.4 10.5",  # Visa
        "4837 4840 4849 4863 4870 4871",  # Mastercard
        "F10 F14 F24 F29 F30 F31",  # American Express
        "UA01 UA02 UA03 UA05 UA06",  # Discover
    )
    other = (
        "11.1 11.2 11.3 12.1 12.2 12.3 12.4 12.5 12.6 12.7 13.1 13.2 13.3 13.4 13.5 13.6 13.7 13.8 13.9",
        "4808 4834 4841 4853 4854 4855 4859 4860",
        "A01 A02 A08 C02 C04 C05 C08 C14 C18 C28 C31 C32 P01 P03 P04 P05 P07 P08 P22 P23",
        "AA AP AT AW CD CR DP IN LP NF PM RG RM RN2",
    )
    found = {code: Finding.FRAUD for line in fraud for code in line.split()}
    return found | {code: Finding.NOT_FRAUD for line in other for code in line.split()}


CODES: Mapping[str, Finding] = _codes()


@dataclass(frozen=True, slots=True)
class Chargebacks:
    """How a file of chargebacks is read.

    Parameters
    ----------
    event_id, code, known_at
        The names of its columns.
    codes
        What codes say beside, or instead of, `CODES`; a bank's own ones, or which are friendly fraud.
    """

    event_id: str = "event_id"
    code: str = "code"
    known_at: str = "known_at"
    codes: Mapping[str, Finding] = field(default_factory=dict)

    def label(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The label that a row is, as it is told to a server.

        A date without a time is the end of that day in UTC: a label never precedes its event.

        Raises
        ------
        LabelInvalid
            Where a column has nothing, and for an unknown code.
        """
        told = {name: str(row.get(name) or "").strip() for name in (self.event_id, self.code, self.known_at)}
        faults = [Fault(name, "a value", "nothing") for name in (self.event_id, self.code) if not told[name]]
        code = _plain(told[self.code])
        finding = self.codes.get(code, CODES.get(code))
        if code and finding is None:
            hint = (
                nearest(code, {*CODES, *self.codes}) or f"say what it is: {code}=fraud, or {code}=not_fraud"
            )
            faults.append(Fault(self.code, "a known reason code", show(told[self.code]), hint))
        if faults:
            raise LabelInvalid(faults)
        label: dict[str, Any] = {
            "event_id": told[self.event_id],
            "fraud": finding is Finding.FRAUD,
            "source": LabelSource.CHARGEBACK.value,
            "code": f"{code} {finding.value}" if finding is Finding.FRIENDLY_FRAUD else code,
        }
        if when := told[self.known_at]:
            label["known_at"] = when + _DAY_ENDS if len(when) == len("2026-01-31") else when
        return label

    def is_unknown(self, row: Mapping[str, Any]) -> bool:
        """Whether a row has a code that nobody has said anything about."""
        code = _plain(str(row.get(self.code) or ""))
        return bool(code) and code not in self.codes and code not in CODES


def read_codes(given: Mapping[str, str]) -> dict[str, Finding]:
    """Codes of one's own, and what each says.

    Raises
    ------
    ParameterInvalid
        For what is no finding, all at once.

    >>> read_codes({" 13.1": "friendly_fraud"})
    {'13.1': <Finding.FRIENDLY_FRAUD: 'friendly_fraud'>}
    """
    known = tuple(each.value for each in Finding)
    faults = [
        Fault(f"codes.{code}", f"one of {', '.join(known)}", show(said), nearest(said, known))
        for code, said in given.items()
        if said not in known
    ]
    if faults:
        raise ParameterInvalid(faults)
    return {_plain(code): Finding(said) for code, said in given.items()}


def _plain(code: str) -> str:
    return "".join(code.upper().split())
