from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from riskloom.client import AnswerUnexpected, Client, ServerUnreachable, error_from
from riskloom.errors import (
    DataInvalid,
    EventConflict,
    EventInvalid,
    ExtraMissing,
    NotFound,
    ParameterInvalid,
    StoreUnavailable,
    Unauthorized,
)

Answer = Callable[[httpx.Request], httpx.Response]


def client_of(answer: Answer, **options: Any) -> Client:
    return Client("http://server:8000/", transport=httpx.MockTransport(answer), **options)


def echo(request: httpx.Request) -> httpx.Response:
    """Answers each line of a batch with its event id."""
    lines = [json.loads(line) for line in request.content.split(b"\n")]
    body = "".join(json.dumps({"event_id": line["event_id"]}) + "\n" for line in lines)
    return httpx.Response(200, text=body, headers={"content-type": "application/x-ndjson; charset=utf-8"})


def test_filters_become_the_query_and_what_is_not_given_is_not_asked() -> None:
    seen: list[httpx.URL] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url)
        return httpx.Response(200, json={"items": [], "next": None})

    with client_of(answer) as client:
        client.decisions(flagged=True, min_risk=0, entity="u 1&x", order="risk", limit=5)
    assert seen[0].path == "/api/v1/decisions"
    expected = {"flagged": "true", "min_risk": "0", "entity": "u 1&x", "order": "risk", "limit": "5"}
    assert dict(seen[0].params) == expected


def test_an_event_id_with_a_slash_stays_one_part_of_the_path() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"raw": request.url.raw_path.decode()})

    with client_of(answer) as client:
        assert client.decision("a/b?c")["raw"] == "/api/v1/decisions/a%2Fb%3Fc"  # type: ignore[typeddict-item]


def test_the_key_is_sent_as_a_bearer_token_and_only_when_given() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"key": request.headers.get("authorization")})

    with client_of(answer, api_key="secret") as client:
        assert client.scenario() == {"key": "Bearer secret"}
    with client_of(answer) as client:
        assert client.scenario() == {"key": None}


def test_a_stream_is_sent_in_parts_and_answered_in_order() -> None:
    sizes: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sizes.append(len(request.content.split(b"\n")))
        assert request.headers["content-type"] == "application/x-ndjson"
        return echo(request)

    with client_of(answer) as client:
        results = list(client.score_many(({"event_id": str(at)} for at in range(7)), chunk=3))
    assert [result["event_id"] for result in results] == [str(at) for at in range(7)]  # type: ignore[typeddict-item]
    assert sizes == [3, 3, 1]


def test_a_stream_is_read_no_further_than_one_part_ahead() -> None:
    taken: list[int] = []

    def events() -> Any:
        for at in range(1000):
            taken.append(at)
            yield {"event_id": str(at)}

    with client_of(echo) as client:
        next(iter(client.score_many(events(), chunk=10)))
    assert len(taken) == 10


def test_an_empty_stream_asks_nothing() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise AssertionError("nothing should be sent")

    with client_of(answer) as client:
        assert list(client.ingest_many([])) == []


def test_a_json_batch_answer_is_read_as_well_as_ndjson() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"results": [{"error": {"code": "event_invalid"}}]})

    with client_of(answer) as client:
        assert list(client.score_many([{"event_id": "1"}])) == [{"error": {"code": "event_invalid"}}]


def test_fewer_results_than_events_is_an_error_and_not_a_silent_loss() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"results": []})

    with client_of(answer) as client, pytest.raises(AnswerUnexpected, match="0 results for 1"):
        list(client.score_many([{"event_id": "1"}]))


def test_a_value_json_cannot_hold_is_refused_with_its_place() -> None:
    with client_of(echo) as client:
        sent = client.score_many([{"event_id": "1"}, {"event_id": "2", "amount": float("nan")}], chunk=1)
        next(sent)
        with pytest.raises(DataInvalid, match=r"events\[1\]"):
            next(sent)


def test_a_chunk_below_one_is_refused() -> None:
    with client_of(echo) as client, pytest.raises(ParameterInvalid, match="chunk"):
        list(client.score_many([], chunk=0))


def test_a_problem_with_faults_comes_back_as_the_same_error() -> None:
    fault = {"where": "amount", "expected": "a decimal", "got": "'12,50'", "hint": "use a point"}

    def answer(_: httpx.Request) -> httpx.Response:
        body = {"code": "event_invalid", "status": 422, "detail": "…", "faults": [fault]}
        return httpx.Response(422, json=body, headers={"content-type": "application/problem+json"})

    with client_of(answer) as client, pytest.raises(EventInvalid) as caught:
        client.score({"amount": "12,50"})
    assert caught.value.faults[0].as_dict() == fault


@pytest.mark.parametrize(
    ("status", "problem", "kind"),
    [
        (404, {"code": "not_found", "detail": "No such event."}, NotFound),
        (401, {}, Unauthorized),
        (503, {"ready": False}, StoreUnavailable),
        (500, {}, AnswerUnexpected),
        (418, {"code": "some_future_code", "detail": "new"}, AnswerUnexpected),
        (501, {"code": "extra_missing", "detail": "Needs it.", "extra": "train"}, ExtraMissing),
    ],
)
def test_problems_become_errors_by_their_code_else_by_their_status(
    status: int, problem: dict[str, Any], kind: type
) -> None:
    error = error_from(status, problem)
    assert type(error) is kind
    assert problem.get("detail", "") in str(error)


def test_a_conflict_keeps_its_difference() -> None:
    difference = {"amount": {"stored": 1, "sent": 2}}
    error = error_from(409, {"code": "event_conflict", "detail": "x", "difference": difference})
    assert isinstance(error, EventConflict)
    assert error.difference == difference


def test_a_server_that_is_away_says_how_to_start_it() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with client_of(answer) as client:
        with pytest.raises(ServerUnreachable, match="riskloom serve"):
            client.health()
        assert client.ready() is False


def test_a_slow_server_is_unreachable_too() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow")

    with client_of(answer) as client, pytest.raises(ServerUnreachable, match="in time"):
        client.stats()


def test_a_server_that_is_starting_is_not_ready() -> None:
    with client_of(lambda _: httpx.Response(503, json={"ready": False, "reason": "starting"})) as client:
        assert client.ready() is False
    with client_of(lambda _: httpx.Response(200, json={"ready": True})) as client:
        assert client.ready() is True


def test_something_else_at_the_address_is_named_as_such() -> None:
    with client_of(lambda _: httpx.Response(200, text="<html>")) as client:
        with pytest.raises(AnswerUnexpected, match="Riskloom server"):
            client.health()
        with pytest.raises(AnswerUnexpected):
            list(client.score_many([{"event_id": "1"}]))


@pytest.mark.parametrize("address", ["", "server:8000", "ftp://server", "http://", "http://[::1"])
def test_what_is_not_an_http_address_is_refused(address: str) -> None:
    with pytest.raises(ParameterInvalid, match="http"):
        Client(address)
