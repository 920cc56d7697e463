"""Anything at all as body, line, query, path and header: an answer a client can work with, never a 500."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_from_bytes

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.events import at, payment
from support.server import BODY_PATHS, EVENT_PATHS, Server, raw

SETTINGS = settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
NUMBERS = [0, -1, 2**46, 2**53 + 1, 2**63, 2**64, -(2**63), 10**30, 0.1, -0.0, 1e22, 1e-300, 5e-324]
TEXTS = [
    "",
    " ",
    "\x00",
    "USD",
    "XXX",
    "12.50",
    "-3",
    "1e5",
    "203.0.113.7",
    "::1",
    "fe80::1%0",
    "\ud800",
    "\udfff",
]
EDGES = st.sampled_from([None, True, False, [], {}, [[]], {"a": None}, at(0), at(1e5), *NUMBERS, *TEXTS])
VALUES = st.one_of(
    EDGES, TEXT, st.integers(), st.floats(allow_nan=True, allow_infinity=True), st.lists(EDGES, max_size=3)
)
FIELDS = tuple(payment())


def encoded(value: Any) -> bytes:
    """JSON as strange clients write it: NaN as a word, surrogates as they are."""
    text = json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def is_sound(answer: Any) -> None:
    """An answer a client can work with."""
    assert answer.status_code in (200, 201, 404, 409, 413, 422), (answer.status_code, answer.text)
    body = json.loads(answer.content)
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert body["status"] == answer.status_code
        assert body["detail"]


@SETTINGS
@given(
    changes=st.dictionaries(st.one_of(st.sampled_from(FIELDS), TEXT), VALUES, max_size=4),
    path=st.sampled_from(EVENT_PATHS),
)
def test_any_event_is_taken_or_refused(standing: Server, changes: dict[str, Any], path: str) -> None:
    event = {**payment(None), **changes}
    answer = raw(standing, path, encoded(event))
    is_sound(answer)
    if answer.status_code < 300:
        again = raw(standing, path, encoded(event))
        is_sound(again)


@SETTINGS
@given(body=st.one_of(st.binary(max_size=60), VALUES.map(encoded)), path=st.sampled_from(BODY_PATHS))
def test_any_body_is_answered(standing: Server, body: bytes, path: str) -> None:
    is_sound(raw(standing, path, body))


@SETTINGS
@given(
    lines=st.lists(st.one_of(st.binary(max_size=40), VALUES.map(encoded)), max_size=6),
    path=st.sampled_from(BODY_PATHS[4:6]),
)
def test_any_stream_is_answered_line_by_line(standing: Server, lines: list[bytes], path: str) -> None:
    body = b"\n".join(lines)
    answer = standing.post(path, content=body, headers={"Content-Type": "application/x-ndjson"})
    assert answer.status_code == 200
    expected = sum(bool(line.strip()) for line in body.split(b"\n"))
    assert [json.loads(line)["error"]["status"] for line in answer.text.splitlines()] == [422] * expected


QUERY_NAMES = (
    "limit",
    "cursor",
    "order",
    "min_risk",
    "reason",
    "severity",
    "entity",
    "user_id",
    "since",
    "until",
)
QUERY_NAMES += ("outcome", "flagged", "flagged_only", "dry_run", "percentile", "", "x")
QUERY_VALUES = st.one_of(
    TEXT,
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(
        [
            "risk",
            "newest",
            "5:",
            "5:1.5",
            "5:nan",
            "true",
            "high",
            "FLAGGED",
            at(0),
            "9" * 30,
            "%",
            "_",
            "\\",
            '"',
        ]
    ),
)
LISTS = (
    "/api/v1/decisions",
    "/api/v1/events",
    "/events",
    "/scores",
    "/api/v1/stats",
    "/model-runs",
    "/health",
)


@SETTINGS
@given(
    asked=st.lists(st.tuples(st.sampled_from(QUERY_NAMES), QUERY_VALUES), max_size=4),
    path=st.sampled_from(LISTS),
    trailing=st.binary(max_size=6),
)
def test_any_query_is_answered(
    standing: Server, asked: list[tuple[str, str]], path: str, trailing: bytes
) -> None:
    query = "&".join(
        f"{name}={quote_from_bytes(value.encode('utf-8', 'surrogatepass'))}" for name, value in asked
    )
    is_sound(standing.get(f"{path}?{query}&y={quote_from_bytes(trailing)}"))


@SETTINGS
@given(
    event_id=st.one_of(TEXT, st.binary(max_size=8)),
    path=st.sampled_from(["/api/v1/decisions/{}", "/api/v1/models/jobs/{}"]),
)
def test_any_path_is_answered(standing: Server, event_id: str | bytes, path: str) -> None:
    content = event_id.encode("utf-8", "surrogatepass") if isinstance(event_id, str) else event_id
    is_sound(standing.get(path.format(quote_from_bytes(content, safe="") or "x")))


@SETTINGS
@given(key=st.binary(min_size=1, max_size=20).map(lambda b: b.replace(b"\n", b"").replace(b"\r", b"")))
def test_any_idempotency_key_is_answered(standing: Server, key: bytes) -> None:
    answer = standing.post("/api/v1/score", payment(None), headers=[(b"Idempotency-Key", key)])
    is_sound(answer)
