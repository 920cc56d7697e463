"""Bad input: every fault is named, nothing is stored, and nothing is ever a 500."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from support.events import at, payment
from support.server import BODY_PATHS, EVENT_PATHS, Server, faults, problem, raw


def put(field: str, value: str, **changes: Any) -> str:
    """A payment as JSON text with the text of one field put in as it is."""
    event = payment(**{field: "@@", **changes})
    return json.dumps(event).replace('"@@"', value)


LONG = "9" * 400
FAULTY = [
    ("amount", "-1"),
    ("amount", "-0.01"),
    ("amount", '"12,50"'),
    ("amount", '"abc"'),
    ("amount", '""'),
    ("amount", "true"),
    ("amount", "[1]"),
    ("amount", "{}"),
    ("amount", "null"),
    ("amount", LONG),
    ("amount", f"0.{LONG}"),
    ("amount", "1e999999"),
    ("amount", "1e-999999"),
    ("amount", "1e308"),
    ("amount", '"NaN"'),
    ("amount", '"Infinity"'),
    ("amount", '"-Infinity"'),
    ("amount", '"1_000"'),
    ("amount", '"١٢"'),
    ("amount", '" 12"'),
    ("amount", '"0x10"'),
    ("amount", f'"{"9" * 100_000}"'),
    ("amount", "703687441777.00"),
    ("currency", '"XXX"'),
    ("currency", '"usd"'),
    ("currency", "7"),
    ("currency", '""'),
    ("lat", "90.000001"),
    ("lat", "-91"),
    ("lat", '"51.5"'),
    ("lat", "true"),
    ("lat", LONG),
    ("lat", "1e400"),
    ("lat", "null"),
    ("lon", "180.1"),
    ("lon", "[]"),
    ("timestamp", f'"{at(86_401)}"'),
    ("timestamp", '"2199-12-31T23:59:59Z"'),
    ("timestamp", '"9999-12-31T23:59:59-23:59"'),
    ("timestamp", '"0001-01-01T00:00:00+23:59"'),
    ("timestamp", '"1969-12-31T23:59:59Z"'),
    ("timestamp", '"2026-01-01T00:00:00"'),
    ("timestamp", '"2026-02-30T00:00:00Z"'),
    ("timestamp", '"2026-01-01T00:00:60Z"'),
    ("timestamp", '"today"'),
    ("timestamp", '""'),
    ("timestamp", "1767225600"),
    ("timestamp", "1767225600.5"),
    ("timestamp", "{}"),
    ("user_id", "7"),
    ("user_id", "1.5"),
    ("user_id", '""'),
    ("user_id", "null"),
    ("user_id", f'"{"u" * 257}"'),
    ("user_id", '"a\\u0000b"'),
    ("user_id", '"a\\nb"'),
    ("user_id", '"\\u001b[31m"'),
    ("user_id", '["a"]'),
    ("event_id", '"\\u0000"'),
    ("event_id", "7"),
    ("event_id", '""'),
    ("event_id", f'"{"e" * 257}"'),
    ("merchant_category", '"\\u0000"'),
    ("ip", '"999.1.1.1"'),
    ("ip", '"1.2.3"'),
    ("ip", '"fe80::1%a\\u0000b"'),
    ("ip", '"fe80::1%eth\\n0"'),
    ("ip", '"01.2.3.4"'),
    ("ip", "16909060"),
    ("ip", '"::ffff:1.2.3.4.5"'),
    ("ip", f'"{"1" * 10_000}"'),
    ("channel", '""'),
    ("channel", "false"),
]


@pytest.mark.parametrize(("field", "value"), FAULTY)
def test_a_faulty_field_is_named(standing: Server, field: str, value: str) -> None:
    before = standing.database.counts()
    for path in EVENT_PATHS:
        found = faults(raw(standing, path, put(field, value)))
        assert set(found) == {field}, found
        assert found[field]["expected"]
    assert standing.database.counts() == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", "0"),
        ("amount", "0.0"),
        ("amount", "1.005"),
        ("amount", "1e2"),
        ("amount", "1E-2"),
        ("amount", '"12.50"'),
        ("amount", '"+5"'),
        ("amount", "123456789.123456789123456789"),
        ("lat", "90"),
        ("lat", "-90.0"),
        ("lat", "1e1"),
        ("lat", "0.00000000000000000001"),
        ("lon", "-180"),
        ("timestamp", f'"{at(86_400)}"'),
        ("timestamp", '"2025-12-31T23:59:59.123456789Z"'),
        ("timestamp", '"2026-01-01"'),
        ("user_id", f'"{"u" * 256}"'),
        ("user_id", '"ünï 🙂 \\u202e"'),
        ("user_id", '"\'; drop table events; --"'),
        ("event_id", '"%s %(x)s {} \\\\ \\" $1"'),
        ("ip", '"2001:DB8:0:0::1"'),
        ("ip", '"::ffff:1.2.3.4"'),
        ("merchant_category", "null"),
    ],
)
def test_an_unusual_field_is_taken_or_named(standing: Server, field: str, value: str) -> None:
    answer = raw(
        standing,
        "/api/v1/score",
        put(field, value, **({} if field == "event_id" else {"event_id": f"{field} {value}"[:200]})),
    )
    if value == '"2026-01-01"':
        assert set(faults(answer)) == {"timestamp"}
    else:
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "literal",
    ["NaN", "Infinity", "-Infinity", "nan", "+1", "01", "1.", ".5", "0x1", "1_0", "'a'", "undefined"],
)
@pytest.mark.parametrize("path", BODY_PATHS)
def test_numbers_that_json_does_not_have_are_refused(standing: Server, path: str, literal: str) -> None:
    assert "body" in faults(raw(standing, path, put("amount", literal)))


BROKEN = {
    "empty": b"",
    "blank": b"  \n ",
    "cut": b'{"event_id": "x"',
    "words": b"hello",
    "two": b"{} {}",
    "comma": b'{"event_id": "x",}',
    "latin-1": '{"user_id": "Jürgen"}'.encode("latin-1"),
    "utf-16": '{"user_id": "a"}'.encode("utf-16"),
    "bom": b"\xef\xbb\xbf{}",
    "nul": b"\x00",
    "nul inside": b'{"a\x00": 1}',
    "control": b'{"a": "\x01"}',
    "gzip": b"\x1f\x8b\x08\x00\x00",
    "deep list": b"[" * 100_000,
    "deep closed list": b"[" * 100_000 + b"]" * 100_000,
    "deep object": b'{"a":' * 100_000,
    "deep closed object": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "lone high surrogate": b'{"user_id": "\\ud800"}',
    "lone low surrogate": b'{"user_id": "\\udc00 x"}',
    "half pair": b'{"user_id": "\\ud83dx"}',
    "encoded surrogate": b'{"user_id": "\xed\xa0\x80"}',
    "overlong": b'{"user_id": "\xc0\x80"}',
    "form": b"event_id=x&amount=1",
    "key no string": b"{1: 2}",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_json_is_refused(standing: Server, name: str) -> None:
    for path in BODY_PATHS:
        problem(raw(standing, path, BROKEN[name]), 422, "event_invalid")


@pytest.mark.parametrize("body", ["[]", "7", '"x"', "null", "true", "1.5", "[[]]", "[{}]"])
def test_json_that_is_no_event_is_refused(standing: Server, body: str) -> None:
    for path in EVENT_PATHS:
        assert "body" in faults(raw(standing, path, body))


def test_deep_values_in_an_event_are_refused(standing: Server) -> None:
    deep = "[" * 800 + "]" * 800
    for field in ("user_id", "amount", "surprise"):
        found = faults(raw(standing, "/api/v1/score", put(field, deep)))
        assert field in found
        assert len(found[field].get("got", "")) <= 60


def test_duplicate_keys_are_read_one_way(standing: Server) -> None:
    body = json.dumps(payment("dup"))[:-1] + ', "amount": 99, "amount": 13}'
    first = raw(standing, "/api/v1/score", body)
    assert first.status_code == 200
    assert first.json()["event"]["amount"] == 13
    assert raw(standing, "/score", body).json()["event_id"] == "dup"


def test_a_body_of_ten_megabytes_is_refused(standing: Server) -> None:
    body = json.dumps({"event_id": "x" * 10_000_000}).encode()
    for path in BODY_PATHS:
        problem(raw(standing, path, body), 413, "body_too_large")


def test_a_body_of_unknown_length_is_refused_when_it_grows_too_large(standing: Server) -> None:
    async def pieces() -> Any:
        for _ in range(100):
            yield b" " * 100_000

    for path in BODY_PATHS:
        problem(standing.post(path, content=pieces()), 413, "body_too_large")


@pytest.mark.parametrize("length", ["-1", "²", "x", "9" * 5000, "1e3", ""])
def test_a_strange_content_length_does_no_harm(standing: Server, length: str) -> None:
    for path in BODY_PATHS:
        answer = standing.post(path, content=b"{}", headers=[(b"content-length", length.encode("latin-1"))])
        assert answer.status_code in (413, 422)


def test_thousands_of_unknown_fields_are_answered_at_once(standing: Server) -> None:
    body = json.dumps({f"field_number_{n}": n for n in range(200_000)})
    start = time.perf_counter()
    answer = raw(standing, "/api/v1/score", body)
    assert time.perf_counter() - start < 3, "the loop stood still for everybody"
    assert len(problem(answer, 422, "event_invalid")["faults"]) < 200
    assert len(answer.content) < 100_000


def test_a_giant_field_name_is_not_sent_back(standing: Server) -> None:
    answer = raw(standing, "/api/v1/score", json.dumps(payment("x") | {"n" * 5_000_000: 1}))
    problem(answer, 422, "event_invalid")
    assert len(answer.content) < 10_000


def test_an_overflowing_window_is_refused_and_the_state_goes_on(standing: Server) -> None:
    for n in range(3):
        answer = raw(
            standing, "/api/v1/score", put("amount", "703687441776", event_id=f"huge-{n}", user_id="midas")
        )
        assert answer.status_code in (200, 422), answer.text
    assert standing.score(payment("after-huge"))["event_id"] == "after-huge"
