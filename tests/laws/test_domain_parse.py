"""Any JSON value for any field: an event or `EventInvalid`, never anything else; and what digests promise."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from riskloom.domain.event import Event, EventSchema, decode_json
from riskloom.domain.field import INTEGER_LIMIT, Field, FieldType
from riskloom.domain.money import parse_rates
from riskloom.domain.read import LATEST_US
from riskloom.domain.show import shower
from riskloom.errors import EventInvalid, Fault

RATES = parse_rates({"base": "USD", "rates": [{"date": "1970-01-01", "EUR": "1.1", "JPY": "0.0064"}]})
NOW_US = 1_700_000_000_000_000
FIELDS = (
    Field("id", FieldType.STRING),
    Field("at", FieldType.TIME),
    Field("user", FieldType.STRING, entity="user", pii=True),
    Field("count", FieldType.INTEGER, required=False),
    Field("share", FieldType.NUMBER, decimals=6, signed=True, required=False),
    Field("size", FieldType.NUMBER, decimals=0, required=False),
    Field("amount", FieldType.MONEY, decimals=2, currency_field="currency", required=False),
    Field("fee", FieldType.MONEY, decimals=2, signed=True, required=False),
    Field("currency", FieldType.CATEGORY, required=False),
    Field("kind", FieldType.CATEGORY, values=("a", "b"), required=False),
    Field("flag", FieldType.BOOLEAN, required=False),
    Field("clock", FieldType.CLOCK, required=False),
    Field("ip", FieldType.IP, required=False),
    Field("lat", FieldType.LATITUDE, decimals=6, required=False),
    Field("lon", FieldType.LONGITUDE, decimals=6, required=False),
    Field("local", FieldType.TIME, timezone="Europe/Vienna", required=False),
)
SCHEMA = EventSchema(FIELDS, id_field="id", time_field="at", rates=RATES)
NAMES = [field.name for field in FIELDS]

texts = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            "", " ", "x" * 256, "x" * 257, "\x00", "a\nb", "\u2028", "é", "12.5", "-1", "1e400", "NaN",
            "true", "12:30",
            "24:00", "2024-01-31", "2024-01-31T12:00:00", "2024-01-31T12:00:00Z", "2024-01-31T12:00:00+23:59",
            "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2024-W05-3", "20240131T120000Z",
            "::1", "1.2.3.4",
            "::ffff:1.2.3.4", "fe80::1%eth0", "fe80::1%\x00", "1.2.3.4/8", "01.2.3.4", "EUR", "USD", "XXX",
            "eur",
        ]
    ),
)  # fmt: skip
numbers = st.one_of(
    st.integers(),
    st.integers(-(10**40), 10**40),
    st.sampled_from([0, -1, INTEGER_LIMIT, INTEGER_LIMIT - 1, -INTEGER_LIMIT, 2**63, 2**64, 10**300]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([-0.0, 0.5, 90.0, 90.0000001, 180.1, 1e-9, 1e300, 5e-324]),
)
scalars = st.one_of(st.none(), st.booleans(), texts, numbers)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
bodies = st.one_of(
    values, st.dictionaries(st.one_of(st.sampled_from(NAMES), texts), values, max_size=len(NAMES))
)


def parse(body: object) -> Event:
    """An event from a body as it comes over the wire."""
    return SCHEMA.parse_one(decode_json(json.dumps(body)), NOW_US, make_id=lambda: "made")


def parse_or_faults(body: object) -> tuple[Event | None, tuple[Fault, ...]]:
    """The event, or everything that is wrong with it."""
    try:
        return parse(body), ()
    except EventInvalid as error:
        return None, error.faults


@given(bodies)
@example({"id": "e", "user": "u", "ip": "fe80::1%\x00"})
@example({"id": "e", "user": "u", "at": "0001-01-01T00:00:00+14:00"})
def test_any_body_is_an_event_or_invalid(body: object) -> None:
    event, faults = parse_or_faults(body)
    assert (event is None) == bool(faults)
    for fault in faults:
        assert fault.expected
        assert len(str(fault)) < 1000
    assert event is None or set(event.values) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@given(value=values)
def test_any_value_of_a_field_is_held_within_its_range_or_refused(name: str, value: Any) -> None:
    body = {"id": "e", "user": "u", "amount": 1, "currency": "EUR", name: value}
    event, faults = parse_or_faults(body)
    if event is None:
        known = {name, "amount"} if name == "currency" else {name}
        assert {fault.where for fault in faults} <= known | {"currency"}
        return
    held = event.values[name]
    field = SCHEMA.by_name[name]
    if field.type.is_text:
        assert held is None or (isinstance(held, str) and 0 < len(held) <= 256 and "\x00" not in held)
    elif field.type is FieldType.BOOLEAN:
        assert held is None or isinstance(held, bool)
    elif field.type is FieldType.TIME:
        assert held is None or (type(held) is int and 0 <= held < LATEST_US)
    else:
        assert held is None or (type(held) is int and abs(held) < INTEGER_LIMIT)
    shown = msgspec.json.encode(shower(field)(held, event.sent))
    again = parse({**body, name: msgspec.json.decode(shown)} if held is not None else body)
    assert again.values == event.values


@given(st.binary(max_size=60))
@example(b"\xff\xfe{\x00}\x00")
@example(b'{"a": "\xe9"}')
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b'"\\ud800"')
@example(b"NaN")
def test_any_bytes_are_json_or_invalid(body: bytes) -> None:
    with contextlib.suppress(EventInvalid):
        decode_json(body)


GOOD = {"id": "e", "at": "2023-11-14T22:00:00Z", "user": "u", "amount": "12.5", "currency": "EUR"}


@pytest.mark.parametrize(
    "change",
    [
        '"amount": 12.5', '"amount": 12.50', '"amount": "12.500"', '"amount": 1.25e1', '"amount": 125E-1',
        '"amount": "+12.5"',
        '"amount": "012.5"', '"at": "2023-11-14T23:00:00+01:00"', '"at": "2023-11-14T22:00:00.000000Z"',
        '"fee": null',
        '"user": "\\u0075"',
    ],
)  # fmt: skip
def test_the_same_content_written_otherwise_has_the_same_digest(change: str) -> None:
    text = json.dumps(GOOD)[:-1] + ", " + change + "}"
    changed = SCHEMA.parse_one(decode_json(text), NOW_US, make_id=str)
    assert SCHEMA.digest(changed) == SCHEMA.digest(parse(GOOD))


@pytest.mark.parametrize(
    "change",
    [
        {"amount": "12.51"}, {"amount": None}, {"currency": "USD"}, {"currency": "JPY"}, {"user": "U"},
        {"user": "u "},
        {"at": "2023-11-14T22:00:00.000001Z"}, {"at": None}, {"fee": 0}, {"flag": False}, {"count": 0},
        {"kind": "a"},
        {"id": "e2"}, {"clock": "00:00"}, {"lat": 0}, {"lat": 0.000001}, {"ip": "1.2.3.4"}, {"share": -1},
    ],
)  # fmt: skip
def test_another_content_has_another_digest(change: dict[str, Any]) -> None:
    assert SCHEMA.digest(parse({**GOOD, **change})) != SCHEMA.digest(parse(GOOD))


def test_values_that_look_alike_in_neighbouring_fields_differ() -> None:
    bare = {"id": "e", "at": GOOD["at"], "user": "u"}
    told = {
        SCHEMA.digest(parse({**bare, **more})) for more in ({"count": 1}, {"size": 1}, {"lat": 1}, {"lon": 1})
    }
    assert len(told) == 4


@given(st.lists(st.sampled_from(NAMES), unique=True), scalars)
def test_absent_and_null_are_the_same(names: list[str], value: Any) -> None:
    full = {**GOOD, **dict.fromkeys(names, None)}
    without = {name: sent for name, sent in full.items() if sent is not None}
    first, faults = parse_or_faults(full)
    second, faults_without = parse_or_faults(without)
    assert faults == faults_without
    if first is not None and second is not None:
        assert SCHEMA.digest(first) == SCHEMA.digest(second)
