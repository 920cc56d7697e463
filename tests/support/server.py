"""The whole server in this process: over a real database, on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any, TypeVar

import httpx

from riskloom.bundle import Bundle
from riskloom.clock import Clock, FixedClock
from riskloom.server.app import create_app
from riskloom.server.hot import HotRoute
from riskloom.server.runtime import running
from riskloom.server.served import Runtime, Served
from riskloom.server.settings import Settings
from support.databases import Database
from support.events import NOW_US

T = TypeVar("T")
Answer = httpx.Response
BASE = "http://127.0.0.1"
EVENT_PATHS = ("/api/v1/score", "/score", "/api/v1/events", "/ingest")
BODY_PATHS = (*EVENT_PATHS, "/api/v1/score/batch", "/api/v1/events/batch", "/score-by-event-id")


class Server:
    """A running server; requests go in as ASGI calls, so what is not answered raises here."""

    def __init__(
        self, served: Served, loop: asyncio.AbstractEventLoop, database: Database, clock: Clock
    ) -> None:
        self.served = served
        self.runtime: Runtime = served.first
        self.database = database
        self.clock = clock
        self.app: HotRoute = create_app(served)
        self._loop = loop
        self._client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=BASE)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def request(self, method: str, path: str, **given: Any) -> Answer:
        """One request."""
        return self.run(self._client.request(method, path, **given))

    def get(self, path: str, **given: Any) -> Answer:
        """A GET."""
        return self.request("GET", path, **given)

    def post(self, path: str, json: Any = None, **given: Any) -> Answer:
        """A POST."""
        return (
            self.request("POST", path, json=json, **given)
            if json is not None
            else self.request("POST", path, **given)
        )

    def together(self, requests: Sequence[tuple[str, str, dict[str, Any]]]) -> list[Answer]:
        """Requests begun at once: none waits for another's answer."""

        async def all_of_them() -> list[Answer]:
            return await asyncio.gather(
                *(self._client.request(method, path, **given) for method, path, given in requests)
            )

        return self.run(all_of_them())

    def score(self, event: Any, **given: Any) -> dict[str, Any]:
        """The decision on an event; it must be taken."""
        answer = self.post("/api/v1/score", event, **given)
        assert answer.status_code == 200, answer.text
        decision: dict[str, Any] = answer.json()
        return decision

    def wait_until_ready(self) -> None:
        """Until events are taken again."""

        async def ready() -> None:
            while self.runtime.engine.unready is not None:
                await asyncio.sleep(0.01)

        self.run(asyncio.wait_for(ready(), 30))


@contextlib.contextmanager
def serving(
    database: Database, *bundles: Bundle, clock: Clock | None = None, **settings: Any
) -> Iterator[Server]:
    """A server over a database until the block ends; it stops as `riskloom serve` does."""
    clock = clock or FixedClock(NOW_US)
    given = Settings(database_url=database.url, data_dir=str(database.data_dir), **settings)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="server-under-test", daemon=True)
    thread.start()
    stack = contextlib.AsyncExitStack()

    def wait(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(60)

    try:
        served = wait(stack.enter_async_context(running(given, bundles, clock=clock)))
        server = Server(served, loop, database, clock)
        try:
            yield server
        finally:
            wait(server._client.aclose())
            wait(stack.aclose())
    finally:
        wait(loop.shutdown_default_executor())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def problem(answer: Answer, status: int, code: str) -> dict[str, Any]:
    """The problem body of an answer, which must be of this status and code."""
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "code"} <= set(body)
    assert body["status"] == status
    assert body["code"] == code, body
    return body


def faults(answer: Answer, code: str = "event_invalid") -> dict[str, dict[str, Any]]:
    """The faults of a 422, by where they are."""
    return {fault["where"]: fault for fault in problem(answer, 422, code)["faults"]}


def raw(server: Server, path: str, body: bytes | str, **headers: str) -> Any:
    """Send a body as it is."""
    return server.post(path, content=body, headers={"Content-Type": "application/json", **headers})
