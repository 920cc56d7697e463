"""The hot route: the scoring paths as plain ASGI in front of the application.

Same check, same service, same answers as the routes documented in OpenAPI; only the framework between is
left out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qs

import msgspec
import structlog

from riskloom.errors import NotFound, RiskloomError
from riskloom.server.compat.first_system import flat_decision
from riskloom.server.decisions.service import Begun
from riskloom.server.kit.http import check_length, read_flag, too_large
from riskloom.server.problem import MEDIA_TYPE, problem_bytes
from riskloom.server.security.access import Scope
from riskloom.server.served import Runtime, Served

ASGIScope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[ASGIScope, Receive, Send], Awaitable[None]]

log = structlog.get_logger()
FLAGS = ("dry_run", "include_explanations")
Target = tuple[Runtime, Callable[[dict[str, Any]], dict[str, Any]]]
LONGEST_SHORT = 1 << 15
"""Bytes of a body that `HotProtocol` keeps itself."""
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]
"""Status, headers, body."""
_encode = msgspec.json.Encoder().encode
_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", MEDIA_TYPE.encode())


class HotRoute:
    """Answers the scoring paths itself and hands everything else to `app`."""

    def __init__(self, app: App, served: Served) -> None:
        self._app = app
        first = served.first
        self._settings, self._access = first.settings, first.access
        self.paths: Mapping[str, Target] = {
            "/score": (first, flat_decision),
            "/api/v1/score": (first, _whole),
            **{f"/api/v1/scenarios/{one.bundle.scenario.name}/score": (one, _whole) for one in served.all},
        }
        """What each scoring path decides by, and how it shows the decision."""

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"] not in self.paths or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        try:
            status, headers, body = await self._score(scope, receive)
        except RiskloomError as error:
            status, headers, body = answer_of_error(error)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def begin(self, path: str, headers: Mapping[bytes, bytes], body: bytes) -> Begun:
        """Check a request and put its event on its way.

        Raises
        ------
        RiskloomError
        """
        self._access.check(Scope.EVENTS_WRITE, headers)
        if len(body) > self._settings.max_body_bytes:
            raise too_large(self._settings.max_body_bytes)
        key, started = headers.get(b"idempotency-key"), headers.get(b"x-request-start")
        return self.paths[path][0].decisions.begin(
            body, key.decode("latin-1") if key else "", started.decode("latin-1") if started else ""
        )

    def answer(self, path: str, begun: Begun) -> Answer:
        """The answer after the commit."""
        _, taken, _, _ = begun
        if taken is None:
            raise NotFound("The event was not taken.")
        runtime, shown = self.paths[path]
        return _answer(shown(runtime.decisions.answer(taken)))

    async def repeat(self, path: str, begun: Begun) -> Answer:
        """The answer for an event that is stored, or on its way under another request."""
        runtime, shown = self.paths[path]
        return _answer(shown(await runtime.decisions.end(begun)))

    async def _score(self, scope: ASGIScope, receive: Receive) -> Answer:
        runtime, shown = self.paths[scope["path"]]
        headers = dict(scope["headers"])
        self._access.check(Scope.EVENTS_WRITE, headers)
        length = headers.get(b"content-length")
        check_length(None if length is None else length.decode("latin-1"), self._settings.max_body_bytes)
        body = await self._body(receive)
        key = headers.get(b"idempotency-key", b"").decode("latin-1")
        asked = parse_qs(scope["query_string"].decode("latin-1")) if scope["query_string"] else {}
        flags = {name: read_flag(name, asked[name][-1]) for name in FLAGS if name in asked}
        started = headers.get(b"x-request-start", b"").decode("latin-1")
        view = await runtime.decisions.score(body, idempotency_key=key, started=started, **flags)
        return _answer(shown(view))

    async def _body(self, receive: Receive) -> bytes:
        limit = self._settings.max_body_bytes
        message = await receive()
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise too_large(limit)
        if not message.get("more_body"):
            return body
        chunks, size = [body], len(body)
        while message.get("more_body"):
            message = await receive()
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > limit:
                raise too_large(limit)
        return b"".join(chunks)


def _whole(view: dict[str, Any]) -> dict[str, Any]:
    return view


def _answer(view: dict[str, Any]) -> Answer:
    body = _encode(view)
    return 200, [_JSON, (b"content-length", b"%d" % len(body))], body


def answer_of_error(error: RiskloomError) -> Answer:
    """The answer that says what is wrong."""
    body = problem_bytes(error)
    headers = [_PROBLEM, (b"content-length", b"%d" % len(body))]
    if error.status == 503:
        headers.append((b"retry-after", b"1"))
    elif error.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    return error.status, headers, body
