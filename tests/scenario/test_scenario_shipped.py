"""What the shipped scenarios beside card_payments promise: fields, windows, reasons, what may be left out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import riskloom
from riskloom.domain.field import FieldType
from riskloom.errors import EventInvalid
from riskloom.scenario.load import load_scenario, scenario_from_parts, shipped_scenarios
from riskloom.scorer import Scorer
from support.events import at

SHIPPED = ("mobile_money", "device_risk", "credit_card_fraud")
AFTER = ("newbalanceOrig", "newbalanceDest")


def codes(answer: dict[str, Any]) -> set[str]:
    """The reasons of an answer."""
    return {reason["code"] for reason in answer["reasons"]}


@pytest.fixture
def cards() -> Scorer:
    """A scorer of credit card payments by rules."""
    return riskloom.load("credit_card_fraud")


def card(seconds: float = 0, **more: Any) -> dict[str, Any]:
    """A card payment of ann's."""
    return {"entity_id": "ann", "amount": 20, "timestamp": at(seconds), **more}


@pytest.mark.parametrize("name", SHIPPED)
def test_every_feature_is_described_and_no_label_is_a_field(name: str) -> None:
    found = load_scenario(name)
    assert found.describe
    assert all(feature.describe for feature in found.features)
    assert found.label_field
    assert found.label_field not in {field.name for field in found.fields}
    assert all(rule.message for rule in found.rules)


@pytest.mark.parametrize("name", SHIPPED)
def test_each_rule_has_an_example_of_both_kinds(name: str) -> None:
    for rule in load_scenario(name).parts["rules"]:
        kinds = {kind for example in rule["examples"] for kind in example}
        assert kinds == {"hit", "miss"}, rule["code"]


@pytest.mark.parametrize(
    ("name", "required"),
    [
        ("mobile_money", {"amount"}),
        ("device_risk", {"amount", "hour", "distance", "device_score", "country_mismatch"}),
        ("credit_card_fraud", {"entity_id", "amount"}),
    ],
)
def test_only_what_a_score_cannot_do_without_is_required(name: str, required: set[str]) -> None:
    assert {field.name for field in load_scenario(name).fields if field.required} == required


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("mobile_money", {"amount": 123.45, "oldbalanceOrg": 1000, "newbalanceOrig": 876.55}),
        (
            "device_risk",
            {"amount": 220, "hour": 3, "distance": 12, "device_score": 0.92, "country_mismatch": 1},
        ),
        (
            "credit_card_fraud",
            {
                "entity_id": "user_123",
                "amount": 1500.00,
                "merchant_category": "electronics",
                "time_of_day": "23:45",
            },
        ),
    ],
)
def test_existing_clients_calls_are_events(name: str, call: dict[str, Any]) -> None:
    answer = riskloom.load(name).score({**call, "something_else": "ignored"})
    assert answer["event_id"]
    assert answer["outcome"] in ("APPROVED", "FLAGGED", "REJECTED")


@pytest.mark.parametrize("name", SHIPPED)
def test_personal_fields_are_marked(name: str) -> None:
    found = load_scenario(name)
    personal = {"nameOrig", "nameDest", "entity_id", "ip"}
    assert all(field.pii == (field.name in personal) for field in found.fields)


def test_mobile_money_has_paysim_s_fields() -> None:
    found = load_scenario("mobile_money")
    assert {field.name for field in found.fields} == {
        "event_id", "step", "type", "amount", "nameOrig", "oldbalanceOrg", "newbalanceOrig", "nameDest",
        "oldbalanceDest", "newbalanceDest",
    }  # fmt: skip
    assert dict(found.entities) == {"sender": "nameOrig", "receiver": "nameDest"}


def test_mobile_money_s_detector_does_not_see_balances_after_the_transaction() -> None:
    found = load_scenario("mobile_money")
    late = {
        feature.name
        for feature in found.features
        if feature.expression is not None and feature.expression.names & set(AFTER)
    }
    assert late == {
        "sender_balance_after", "receiver_balance_after", "sender_books_differ", "receiver_books_differ",
    }  # fmt: skip
    seen = set(found.parts["model"]["detector"]["features"])
    assert seen == set(found.feature_names) - late
    assert not any(rule.when.names & set(AFTER) for rule in found.rules)


def test_without_its_list_mobile_money_s_detector_sees_them() -> None:
    parts = dict(load_scenario("mobile_money").parts)
    detector = {key: value for key, value in parts["model"]["detector"].items() if key != "features"}
    parts["model"] = {"detector": detector}
    assert scenario_from_parts(parts).parts["model"]["detector"].get("features") is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"ACCOUNT_EMPTIED"}),
        ({"type": "PAYMENT"}, set()),
        ({"type": None}, {"ACCOUNT_EMPTIED"}),
        ({"oldbalanceOrg": 6000}, set()),
        ({"amount": 2_000_000, "oldbalanceOrg": 0, "oldbalanceDest": 0},
         {"LARGE_TRANSFER", "UNUSED_RECEIVER", "NOTHING_TO_TAKE"}),
    ],
)  # fmt: skip
def test_mobile_money_s_reasons(changes: dict[str, Any], expected: set[str]) -> None:
    event = {"type": "TRANSFER", "amount": 5000.5, "oldbalanceOrg": 5000.5, "oldbalanceDest": 3, **changes}
    given = {name: value for name, value in event.items() if value is not None}
    assert codes(riskloom.load("mobile_money").score(given)) == expected


def test_device_risk_keeps_no_history() -> None:
    found = load_scenario("device_risk")
    assert found.windows == ()
    assert dict(found.entities) == {}
    assert [field.name for field in found.fields if field.name != "event_id"] == [
        "amount", "hour", "distance", "device_score", "country_mismatch",
    ]  # fmt: skip


def test_device_risk_refuses_half_an_event_with_every_fault() -> None:
    with pytest.raises(EventInvalid) as caught:
        riskloom.load("device_risk").score({"amount": 220, "hour": "three", "distance": -1})
    assert {fault.where for fault in caught.value.faults} == {
        "hour", "distance", "device_score", "country_mismatch",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        ({"device_score": 0.95}, {"RISKY_DEVICE"}),
        ({"device_score": 0.85, "country_mismatch": 1}, {"OTHER_COUNTRY", "RISKY_DEVICE_ABROAD"}),
        ({"hour": 3, "distance": 800, "amount": 400}, {"FAR_AWAY", "DEVICE_TAKEN"}),
    ],
)
def test_device_risk_s_reasons(changes: dict[str, Any], expected: set[str]) -> None:
    event = {"amount": 20, "hour": 12, "distance": 3, "device_score": 0.1, "country_mismatch": 0, **changes}
    assert codes(riskloom.load("device_risk").score(event)) == expected


def test_credit_card_fraud_keeps_windows_for_each_entity() -> None:
    found = load_scenario("credit_card_fraud")
    assert dict(found.entities) == {
        "cardholder": "entity_id", "merchant": "merchant_id", "device": "device_id", "ip": "ip",
    }  # fmt: skip
    assert {window.entity_column for window in found.windows} == set(found.entities.values())
    types = {field.name: field.type for field in found.fields}
    assert types["time_of_day"] is FieldType.CLOCK


def test_the_hour_is_the_one_sent_else_that_of_the_time(cards: Scorer) -> None:
    at_noon = [card(n * 43_200, time_of_day="12:00") for n in range(60)]
    assert not any(codes(answer) for answer in cards.score(at_noon))
    assert codes(cards.score(card(30 * 86_400, time_of_day="03:10"))) == {"UNUSUAL_HOUR"}
    assert codes(cards.score(card(30 * 86_400 + 3 * 3600))) == {"UNUSUAL_HOUR"}
    assert codes(cards.score(card(30 * 86_400 + 4 * 3600, time_of_day="12:00"))) == set()


def test_a_burst_is_flagged_with_the_events_behind_it(cards: Scorer) -> None:
    answers = cards.score([card(n * 20, event_id=f"e{n}") for n in range(5)])
    assert [answer["flagged"] for answer in answers] == [False, False, False, False, True]
    (reason,) = answers[-1]["reasons"]
    assert (reason["code"], sorted(reason["evidence"])) == ("VELOCITY_5M", ["e0", "e1", "e2", "e3"])


def test_a_takeover_is_rejected_and_what_was_not_sent_is_no_reason(cards: Scorer) -> None:
    usual = {"device_id": "d1", "ip": "203.0.113.7", "country": "AT"}
    cards.score([card(n * 86_400, **usual) for n in range(8)])
    robbed = card(9 * 86_400, amount=900, device_id="d2", ip="198.51.100.1", country="AT")
    answer = cards.score(robbed)
    assert answer["outcome"] == "REJECTED"
    assert "TAKEOVER_PATTERN" in codes(answer)
    quiet = riskloom.load("credit_card_fraud")
    quiet.score([card(n * 86_400) for n in range(8)])
    assert codes(quiet.score(card(9 * 86_400, amount=900, device_id="d2"))) == {"AMOUNT_UNUSUAL"}


def test_amounts_are_dollars_unless_a_currency_is_sent(cards: Scorer) -> None:
    dollars = cards.score(card(amount=1000))
    euros = cards.score(card(1, amount=900, currency="EUR"))
    assert codes(dollars) == codes(euros) == {"LARGE_WITHOUT_HISTORY"}
    assert codes(cards.score(card(2, amount=900))) == set()
    with pytest.raises(EventInvalid, match="rate table"):
        cards.score(card(3, currency="XXX"))


def test_its_rates_are_those_of_card_payments() -> None:
    assert load_scenario("credit_card_fraud").rates == load_scenario("card_payments").rates


def test_the_page_lists_every_shipped_scenario_with_what_it_requires() -> None:
    page = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| [^|]* \| ([^|]*) \| ([^|]*) \|$", page, re.MULTILINE)
    told = {name: (required.strip(), windows.strip()) for name, required, windows in rows}
    for name in shipped_scenarios():
        found = load_scenario(name)
        required = [field.name for field in found.fields if field.required]
        windows = {window.entity_column for window in found.windows}
        assert (told[name][1] == "none") == (not windows)
        if name != "card_payments":
            assert told[name][0] == ", ".join(required)
    assert set(told) >= set(shipped_scenarios())
