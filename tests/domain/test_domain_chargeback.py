"""A row of a bank's list becomes a label; an unknown code is said to be one."""

from __future__ import annotations

from typing import Any

import pytest

from riskloom.domain.chargeback import CODES, Chargebacks, Finding, read_codes
from riskloom.domain.label import Label, LabelSource, effective
from riskloom.errors import LabelInvalid, ParameterInvalid


def row(code: str, **more: Any) -> dict[str, Any]:
    return {"event_id": "p-1", "code": code, **more}


@pytest.mark.parametrize(
    ("code", "fraud"), [("10.4", True), (" ua02 ", True), ("4853", False), ("13.1", False)]
)
def test_a_code_says_whether_it_was_fraud(code: str, fraud: bool) -> None:
    told = Chargebacks().label(row(code))
    assert told == {
        "event_id": "p-1", "fraud": fraud, "source": "chargeback", "code": code.strip().upper(),
    }  # fmt: skip


def test_a_banks_own_codes_and_columns_come_first() -> None:
    codes = read_codes({"10.4": "friendly_fraud", "77": "fraud"})
    bank = Chargebacks("ARN", "Reason", "Posted", codes)
    told = bank.label({"ARN": "p-1", "Reason": "10.4", "Posted": "2026-02-14", "Fee": "15"})
    assert (told["fraud"], told["code"]) == (False, "10.4 friendly_fraud")
    assert told["known_at"] == "2026-02-14T23:59:59Z"
    assert bank.label({"ARN": "p-1", "Reason": "77"})["fraud"]
    assert (
        bank.label({"ARN": "p", "Reason": "77", "Posted": "2026-02-14T09:00:00Z"})["known_at"][11:13] == "09"
    )


def test_an_unknown_code_and_missing_values_are_all_named() -> None:
    with pytest.raises(LabelInvalid) as found:
        Chargebacks().label({"event_id": "", "code": "10.44"})
    assert [fault.where for fault in found.value.faults] == ["event_id", "code"]
    assert "10.4" in found.value.faults[1].hint
    assert Chargebacks().is_unknown(row("10.44"))
    assert not Chargebacks().is_unknown(row("10.4"))
    with pytest.raises(ParameterInvalid, match="friendly_fraud"):
        read_codes({"1": "friendly"})


def test_no_code_is_in_the_table_twice_and_all_findings_are_known() -> None:
    assert {*CODES.values()} == {Finding.FRAUD, Finding.NOT_FRAUD}
    assert len(CODES) == 22 + 19 + 8 + 20 + 14


def test_a_chargeback_counts_before_an_analyst_a_customer_and_a_rule_whatever_came_last() -> None:
    told = [
        Label(source is LabelSource.CHARGEBACK, source, known_at_us=at)
        for at, source in enumerate(LabelSource)
    ]
    for number, label in enumerate(told):
        assert effective(told[number:]) is label
        assert effective(told[number:][::-1]) is label
