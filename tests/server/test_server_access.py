"""Who may do what: scopes on every route, the shared key, and no doors for web pages from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from riskloom.bundle import Bundle
from riskloom.clock import FixedClock
from riskloom.errors import ParameterInvalid
from riskloom.server.security.access import Scope
from riskloom.server.settings import Settings
from support.databases import Database
from support.events import payment
from support.server import Server, problem, serving

KEY = "0123456789abcdef-shared"
PATHS = {"/score", "/api/v1/score", "/api/v1/scenarios/card_payments/score"}
PUBLIC = {"/api/v1/health", "/api/v1/readiness", "/health", "/openapi.json", "/docs"}


@pytest.fixture(scope="module")
def keyed(make_database: Callable[[str], Database], bundle: Bundle) -> Iterator[Server]:
    """A server with a key."""
    with serving(make_database("sqlite"), bundle, api_key=KEY) as server:
        yield server


@pytest.fixture(scope="module")
def keyless(make_database: Callable[[str], Database], bundle: Bundle) -> Iterator[Server]:
    """A server without one."""
    with serving(make_database("sqlite"), bundle) as server:
        yield server


def leaves(routes: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(path, route) of all, also of included routers, which FastAPI keeps wrapped."""
    for route in routes:
        router = getattr(route, "original_router", None)
        if router is not None:
            yield from leaves(router.routes, prefix + route.include_context.prefix)
        else:
            yield prefix + route.path, route


def scopes_of(route: Any) -> list[Scope]:
    """The scopes a route declares."""
    return [d.call.scope for d in route.dependant.dependencies if hasattr(d.call, "scope")]


def every_route(server: Server) -> list[tuple[str, str, Any]]:
    """(method, path, route) of all."""
    app: Any = server.app._app
    return [
        (method, path, route)
        for path, route in leaves(app.routes)
        for method in sorted(route.methods - {"HEAD"})
    ]


def test_every_route_declares_exactly_one_scope(keyed: Server) -> None:
    routes = every_route(keyed)
    assert len(routes) > 20
    for method, path, route in routes:
        declared = scopes_of(route)
        assert len(declared) == 1, f"{method} {path} declares {declared}"
        assert (declared == [Scope.PUBLIC]) == (path in PUBLIC), f"{method} {path} is {declared}"
    assert {path for _, path, _ in routes} >= PUBLIC | {
        "/score",
        "/api/v1/score",
        "/api/v1/scenarios/{scenario}/score",
    }


def test_without_the_key_and_with_a_wrong_one_every_route_is_401(keyed: Server) -> None:
    for method, path, _ in every_route(keyed):
        path = path.replace("{event_id:path}", "p-1").replace("{job_id}", "x").replace("{scenario}", "other")
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": f"Basic {KEY}"},
            {"Authorization": KEY},
        ):
            answer = keyed.request(method, path, headers=headers)
            if path in PUBLIC:
                assert answer.status_code == 200, path
            else:
                problem(answer, 401, "unauthorized")
                assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", sorted(PATHS))
def test_the_hot_route_passes_the_same_check(keyed: Server, path: str) -> None:
    for headers in (
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": "Bearer ÿ".encode("latin-1")},
    ):
        problem(keyed.post(path, payment(), headers=headers), 401, "unauthorized")
    assert keyed.database.counts() == (0, 0, 0) or path != sorted(PATHS)[0]
    answer = keyed.post(path, payment(), headers={"Authorization": f"bearer {KEY}"})
    assert answer.status_code == 200


def test_with_the_key_other_names_of_the_server_are_fine(keyed: Server) -> None:
    headers = {
        "Authorization": f"Bearer {KEY}",
        "Host": "risk.example.com",
        "Origin": "https://desk.example.com",
    }
    assert keyed.get("/api/v1/decisions", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example.com",
        "127.evil.example.com",
        "localhost.evil.com:8000",
        "10.0.0.7",
        "testserver",
        "[::2]",
        "",
        "localhost@evil",
    ],
)
def test_a_keyless_server_refuses_a_foreign_host(keyless: Server, host: str) -> None:
    for method, path, _ in every_route(keyless):
        path = path.replace("{event_id:path}", "p-1").replace("{job_id}", "x").replace("{scenario}", "other")
        problem(keyless.request(method, path, headers={"Host": host}), 403, "forbidden")
    assert keyless.database.counts() == (0, 0, 0)


@pytest.mark.parametrize(
    "origin", ["https://evil.example.com", "null", "http://127.evil.example.com", "http://localhost.evil.com"]
)
def test_a_keyless_server_refuses_pages_from_elsewhere(keyless: Server, origin: str) -> None:
    for path in ("/score", "/api/v1/score", "/retrain", "/ingest"):
        problem(keyless.post(path, payment(), headers={"Origin": origin}), 403, "forbidden")
    assert keyless.database.counts() == (0, 0, 0)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "127.0.0.2", "[::1]:8000", "[::1]"]
)
def test_a_keyless_server_answers_under_the_names_of_this_machine(keyless: Server, host: str) -> None:
    assert keyless.get("/api/v1/decisions", headers={"Host": host}).status_code == 200
    assert keyless.get("/api/v1/decisions", headers={"Origin": f"http://{host}"}).status_code == 200
    assert keyless.post("/score?dry_run=1", payment(), headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "risk.example.com", ""])  # noqa: S104 - it is refused
def test_a_keyless_server_does_not_start_where_others_can_reach_it(host: str) -> None:
    with pytest.raises(ParameterInvalid) as refused:
        Settings(host=host).check()
    assert "RISKLOOM_API_KEY" in str(refused.value)
    Settings(host=host, api_key=KEY).check()


@pytest.mark.parametrize("key", ["", "short", "x" * 15])
def test_a_weak_key_is_refused(key: str) -> None:
    with pytest.raises(ParameterInvalid, match="at least 16 characters"):
        Settings(api_key=key).check()


def test_the_key_appears_nowhere(keyed: Server) -> None:
    assert KEY not in repr(keyed.runtime.settings)
    assert KEY not in keyed.get("/openapi.json").text


def test_the_description_has_the_scenarios_events_with_examples(keyless: Server) -> None:
    described = keyless.get("/openapi.json").json()
    event = described["components"]["schemas"]["Event"]
    assert set(event["properties"]) == {field.name for field in keyless.runtime.bundle.scenario.fields}
    assert "merchant_category" not in event["required"]
    for path in ("/api/v1/score", "/score", "/ingest", "/api/v1/events", "/api/v1/score/batch"):
        body = described["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        assert "example" in body
    example = described["paths"]["/score"]["post"]["requestBody"]["content"]["application/json"]["example"]
    clock = keyless.clock
    assert isinstance(clock, FixedClock)
    clock.time_us += 60 * 86_400 * 1_000_000
    assert keyless.post("/score?dry_run=true", example).status_code == 200
    assert "swagger" in keyless.get("/docs").text
