"""One event read: every fault at once, each with its path, what was expected and what came."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from riskloom.domain.event import Event, EventSchema, decode_json
from riskloom.domain.field import Field, FieldType
from riskloom.domain.money import RateTable
from riskloom.domain.read import TimeMicros
from riskloom.errors import EventInvalid
from riskloom.scenario.load import load_scenario
from support.events import NOW_US, payment

SCHEMA = load_scenario("card_payments").schema()
DAY_US = 86_400_000_000


def parse(body: object, where: str = "", schema: EventSchema = SCHEMA) -> Event:
    """Through JSON, as a client sends it."""
    return schema.parse_one(_decoded(body), NOW_US, make_id=lambda: "made", where=where)


def faults(body: object, where: str = "") -> dict[str, str]:
    """Where and what, of everything that is wrong."""
    with pytest.raises(EventInvalid) as caught:
        parse(body, where)
    return {fault.where: str(fault) for fault in caught.value.faults}


def test_a_good_payment_is_held_in_exact_integers() -> None:
    values = parse(payment(currency="EUR", amount=12.345)).values
    assert values["amount"] == 1432  # 12.345 EUR at 1.16, rounded once
    assert values["lat"] == 51_500_000
    assert values["timestamp"] == NOW_US


def test_all_faults_of_an_event_come_at_once() -> None:
    wrong = payment(amount="12,50", lat=91, ip="nowhere", user_id=7, channel=None, timestamp="yesterday")
    assert list(faults(wrong, "events[3]")) == [
        "events[3].timestamp", "events[3].user_id", "events[3].lat", "events[3].ip", "events[3].channel",
        "events[3].amount",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "where", "said"),
    [
        ({"amount": "12,50"}, "amount", "use a point"),
        ({"amount": -1}, "amount", "at least 0"),
        ({"amount": 10**15}, "amount", "fits"),
        ({"amount": True}, "amount", "decimal amount"),
        ({"amount": [1]}, "amount", "decimal amount"),
        ({"currency": "EURO"}, "currency", "'EUR'"),
        ({"currency": "XYZ"}, "currency", "rate table"),
        ({"lat": "51.5"}, "lat", "without quotes"),
        ({"user_id": 12}, "user_id", "in quotes"),
        ({"user_id": ""}, "user_id", "not empty"),
        ({"user_id": "a\x00b"}, "user_id", "control"),
        ({"user_id": "x" * 257}, "user_id", "257 characters"),
        ({"timestamp": "2026-01-01T00:00:00"}, "timestamp", "2026-01-01T00:00:00Z if it is UTC"),
        ({"timestamp": 1767225600}, "timestamp", "ISO 8601"),
        ({"timestamp": "1969-12-31T23:59:59Z"}, "timestamp", "1970"),
        ({"ip": "fe80::1%eth0"}, "ip", "zone"),
        ({"usr_id": "u"}, "usr_id", "'user_id'"),
    ],
)
def test_a_fault_says_what_would_mend_it(change: dict[str, Any], where: str, said: str) -> None:
    found = faults(payment(**change))
    assert list(found) == [where]
    assert said in found[where]


def test_a_misspelt_name_is_named_for_the_missing_one_too() -> None:
    body = payment()
    body["amonut"] = body.pop("amount")
    found = faults(body)
    assert "'amonut'" in found["amount"]
    assert "'amount'" in found["amonut"]


def test_a_time_may_run_ahead_by_the_tolerance_and_no_more() -> None:
    assert parse(payment(timestamp="2026-01-02T00:00:00Z")).time_us == NOW_US + DAY_US
    assert "at most 1d ahead" in faults(payment(timestamp="2026-01-02T00:00:00.000001Z"))["timestamp"]


def test_an_event_without_id_and_time_gets_both_and_they_are_not_in_its_digest() -> None:
    body = payment(event_id=None)
    del body["timestamp"]
    first = parse(body)
    assert (first.id, first.time_us) == ("made", NOW_US)
    second = SCHEMA.parse_one(_decoded(body), NOW_US + 5, make_id=lambda: "other")
    assert second.id == "other"
    assert SCHEMA.digest(first) == SCHEMA.digest(second)


def _decoded(body: object) -> object:
    return decode_json(msgspec.json.encode(body))


@pytest.mark.parametrize("body", [None, 3, "text", [], [payment()], True])
def test_what_is_no_object_is_refused(body: object) -> None:
    assert "an object" in faults(body)["body"]


def test_a_hundred_thousand_unknown_names_are_answered_shortly() -> None:
    body = {**{f"user_{at}": at for at in range(100_000)}, "x" * 100_000: 1}
    began = time.perf_counter()
    with pytest.raises(EventInvalid) as caught:
        parse(body)
    assert time.perf_counter() - began < 2
    assert len(str(caught.value)) < 10_000
    assert "100001 unknown names" in str(caught.value)


def test_unknown_names_can_be_ignored() -> None:
    schema = load_scenario("card_payments").schema(ignore_unknown=True)
    assert parse(payment(is_fraud=1), schema=schema).id == "p-1"


def test_an_address_is_held_in_one_form() -> None:
    assert parse(payment(ip="2001:0DB8::0001")).values["ip"] == "2001:db8::1"
    assert parse(payment(ip="::ffff:203.0.113.7")).values["ip"] == "203.0.113.7"


def test_typed_sources_give_microseconds_and_senders_cannot() -> None:
    body = {**_as_dict(_decoded(payment())), "timestamp": TimeMicros(NOW_US)}
    assert SCHEMA.parse_one(body, NOW_US, make_id=str).time_us == NOW_US
    assert "timestamp" in faults(payment(timestamp=NOW_US))


def _as_dict(data: object) -> dict[str, Any]:
    assert isinstance(data, dict)
    return data


def test_a_scenario_without_time_takes_the_arrival() -> None:
    schema = EventSchema(
        [Field("id", FieldType.STRING)], id_field="id", time_field="", rates=RateTable("USD", {})
    )
    assert schema.parse_one({"id": "e"}, 77, make_id=str).time_us == 77


def test_money_without_a_currency_field_is_in_the_base_currency() -> None:
    fields = [Field("id", FieldType.STRING), Field("paid", FieldType.MONEY, decimals=0)]
    schema = EventSchema(fields, id_field="id", time_field="", rates=RateTable("JPY", {}))
    assert schema.parse_one({"id": "e", "paid": "12.5"}, 0, make_id=str).values["paid"] == 12


def test_a_missing_currency_means_the_base_currency() -> None:
    fields = [
        Field("id", FieldType.STRING),
        Field("paid", FieldType.MONEY, decimals=2, currency_field="currency"),
        Field("currency", FieldType.CATEGORY, required=False),
    ]
    schema = EventSchema(fields, id_field="id", time_field="", rates=RateTable("USD", {}))
    assert schema.parse_one({"id": "e", "paid": "12.5"}, 0, make_id=str).values["paid"] == 1250


@pytest.mark.parametrize("amount", ["12,50", True, "-5"])
def test_a_bad_amount_hides_no_unknown_currency(amount: object) -> None:
    sent = {"user_id": "u", "merchant_id": "m", "amount": amount, "currency": "XXX", "lat": 1, "lon": 1}
    sent |= {"device_id": "d", "ip": "10.0.0.1", "channel": "pos"}
    with pytest.raises(EventInvalid) as caught:
        load_scenario("card_payments").schema().parse_one(sent, 10**15, make_id=lambda: "e")
    assert {fault.where for fault in caught.value.faults} == {"amount", "currency"}
