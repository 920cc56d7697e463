"""The two readers of a body agree on every body: the same event, or the same faults."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from test_domain_parse import FIELDS, GOOD, NAMES, NOW_US, RATES, SCHEMA, bodies, scalars, values

from riskloom.domain.duration import DAY_US
from riskloom.domain.event import Event, EventSchema, decode_json
from riskloom.domain.show import show_time
from riskloom.errors import EventInvalid, Fault

TIMELESS = EventSchema(
    tuple(field for field in FIELDS if field.name != "at"), id_field="id", time_field="", rates=RATES
)
"""Without a time."""
LENIENT = EventSchema(FIELDS, id_field="id", time_field="at", rates=RATES, ignore_unknown=True)
SCHEMAS = (SCHEMA, TIMELESS, LENIENT)

numbers = st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
moments = st.datetimes().map(lambda when: when.isoformat() + "Z")
good = {
    "id": st.text(min_size=1, max_size=8),
    "at": moments | st.sampled_from(["2023-11-14T22:00:00Z", "2023-11-14T23:00:00.000001+01:00"]),
    "count": st.integers(-(2**47), 2**47),
    "share": numbers,
    "amount": numbers | numbers.map(lambda text: f'"{text}"'),
    "fee": numbers,
    "currency": st.sampled_from(["USD", "EUR", "JPY", "XXX"]),
    "kind": st.sampled_from(["a", "b", "c"]),
    "clock": st.sampled_from(["00:00", "23:59", "24:00"]),
    "ip": st.ip_addresses().map(str),
    "lat": numbers | st.floats(-91, 91).map(repr),
    "lon": numbers,
    "local": st.datetimes().map(lambda when: when.isoformat()),
}
RAW = {"share", "amount", "fee", "lat", "lon"}


def read(schema: EventSchema, body: bytes) -> Event | tuple[Fault, ...]:
    """By the door that tries the short way first."""
    try:
        return schema.read_one(body, NOW_US, make_id=lambda: "made", where="here")
    except EventInvalid as error:
        return error.faults


def read_long(schema: EventSchema, body: bytes) -> Event | tuple[Fault, ...]:
    """Field by field."""
    try:
        return schema.parse_one(decode_json(body), NOW_US, make_id=lambda: "made", where="here")
    except EventInvalid as error:
        return error.faults


def assert_agree(body: bytes) -> None:
    for schema in SCHEMAS:
        short, long = read(schema, body), read_long(schema, body)
        assert short == long
        if isinstance(short, Event) and isinstance(long, Event):
            assert [type(value) for value in short.values.values()] == [
                type(value) for value in long.values.values()
            ]
            assert list(short.values) == list(long.values)
            assert list(short.sent.items()) == list(long.sent.items())
            assert schema.digest(short) == schema.digest(long)


@given(bodies)
@example({"id": "e", "user": "u", "ip": "fe80::1%\x00"})
@example({"id": "e", "user": "u", "at": "0001-01-01T00:00:00+14:00"})
def test_they_agree_on_any_body(body: object) -> None:
    assert_agree(json.dumps(body).encode())


@pytest.mark.parametrize("name", NAMES)
@given(value=values)
def test_they_agree_on_any_value_of_a_field(name: str, value: Any) -> None:
    body = {"id": "e", "user": "u", "amount": 1, "currency": "EUR", name: value}
    assert_agree(json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass"))


@given(st.fixed_dictionaries({}, optional=good))
def test_they_agree_on_bodies_that_are_nearly_good(drawn: dict[str, Any]) -> None:
    given_ = {"id": '"e"', "at": '"2023-11-14T22:00:00Z"', "user": '"u"'}
    for name, value in drawn.items():
        given_[name] = value if name in RAW else json.dumps(value)
    assert_agree(f"{{{', '.join(f'{json.dumps(name)}: {text}' for name, text in given_.items())}}}".encode())


@pytest.mark.parametrize("name", sorted(RAW))
@pytest.mark.parametrize(
    "text",
    [
        "-0.0", "-0", "-0.01", "-0.004", "1.0", "12.50", "0.1234565", "0.1234575", "90.0000000", "1e0", "1E2",
        "1e-0001", "1e-61",
        "1e-100", "1e9999", "0." + "0" * 91 + "1", "0." + "3" * 90, "1" * 91 + ".5", "1" * 5000,
        "1" * 5000 + ".5",
        "70368744177663.5", "703687441776.63", "703687441776.64", "-1.5", '"1.5"', '"+1.5"', '"01.5"', '"1."',
        '".5"', '"\u0661.5"', '"1,5"', "true", "[]", "{}", "null", '""', "[" * 2000 + "]" * 2000,
    ],
)  # fmt: skip
def test_they_agree_on_numbers_at_the_edges(name: str, text: str) -> None:
    for currency in ("", ', "currency": "USD"', ', "currency": "EUR"', ', "currency": "XXX"'):
        assert_agree(f'{{"id": "e", "user": "u", "{name}": {text}{currency}}}'.encode())


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"null", b"[]", b'{"id": "a", "user": "u", "id": "b"}',
        b'{"id": null, "user": "u", "id": "b"}',
        b'{"\\u0069d": "a", "user": "u"}', b'{"id": "a", "user": "u"} ', b'{"id": "a", "user": "u"}x',
        b'\xef\xbb\xbf{"id": "a", "user": "u"}', b'{"id": "\xff", "user": "u"}',
        b'{"id": "\\ud800", "user": "u"}',
        b'{"id": "a", "user": "u", "other": "\xff"}', b'{"id": "a", "user": "u", "other": 1e400}',
        b'{"id": "a", "user": "\\u2028"}', b'{"id": "a", "user": "\\u0000"}', b'{"id": "a", "user": " "}',
        b'{"ID": "a", "user": "u"}', b'{"id": "a", "user": "u", "flag": 1}', b'{"user": "u", "at": null}',
    ],
)  # fmt: skip
def test_they_agree_on_bodies_that_are_strange(body: bytes) -> None:
    assert_agree(body)


@pytest.mark.parametrize("after_us", [-1, 0, 1, 2 * DAY_US, 8 * DAY_US])
def test_they_agree_on_times_ahead(after_us: int) -> None:
    when = show_time(NOW_US + DAY_US + after_us)
    assert_agree(f'{{"id": "e", "user": "u", "at": "{when}"}}'.encode())


@given(st.binary(max_size=80))
def test_they_agree_on_any_bytes(body: bytes) -> None:
    assert_agree(body)


@given(st.sampled_from(NAMES), scalars)
def test_a_good_body_is_read_the_short_way(name: str, value: object) -> None:
    body = json.dumps({**GOOD, "amount": 12.5, "currency": "USD"}).encode()
    assert isinstance(read(SCHEMA, body), Event)
    assert SCHEMA._read_body is not None
    assert SCHEMA._read_body(body, NOW_US, lambda: "made") is not None
    changed = json.dumps({**GOOD, name: value}).encode()
    short = SCHEMA._read_body(changed, NOW_US, lambda: "made")
    assert short is None or short == read_long(SCHEMA, changed)
