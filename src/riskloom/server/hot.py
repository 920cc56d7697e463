"""The hot route: POST /api/v1/score and POST /score as plain ASGI in front of the application.

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
from riskloom.server.compat import flat_decision
from riskloom.server.decisions.service import Begun
from riskloom.server.kit.http import check_length, read_flag, too_large
from riskloom.server.problem import MEDIA_TYPE, problem_bytes
from riskloom.server.runtime import Runtime
from riskloom.server.security.access import Scope

ASGIScope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[ASGIScope, Receive, Send], Awaitable[None]]

log = structlog.get_logger()
PATHS = frozenset({"/api/v1/score", "/score"})
LONGEST_SHORT = 1 << 15
"""Bytes of a body that `HotProtocol` keeps itself."""
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]
"""Status, headers, body."""
_encode = msgspec.json.Encoder().encode
_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", MEDIA_TYPE.encode())


class HotRoute:
    """Answers the scoring paths itself and hands everything else to `app`."""

    def __init__(self, app: App, runtime: Runtime) -> None:
        self._app = app
        self._runtime = runtime

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["path"] not in PATHS or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        try:
            status, headers, body = await self._score(scope, receive)
        except RiskloomError as error:
            status, headers, body = answer_of_error(error)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def begin(self, headers: Mapping[bytes, bytes], body: bytes) -> Begun:
        """Check a request and put its event on its way.

        Raises
        ------
        RiskloomError
        """
        runtime = self._runtime
        runtime.access.check(Scope.EVENTS_WRITE, headers)
        if len(body) > runtime.settings.max_body_bytes:
            raise too_large(runtime.settings.max_body_bytes)
        key = headers.get(b"idempotency-key")
        return runtime.decisions.begin(body, key.decode("latin-1") if key else "")

    def answer(self, path: str, begun: Begun) -> Answer:
        """The answer after the commit."""
        _, taken, _, _ = begun
        if taken is None:
            raise NotFound("The event was not taken.")
        return _answer(path, self._runtime.decisions.answer(taken))

    async def repeat(self, path: str, begun: Begun) -> Answer:
        """The answer for an event that is stored, or on its way under another request."""
        return _answer(path, await self._runtime.decisions.end(begun))

    async def _score(self, scope: ASGIScope, receive: Receive) -> Answer:
        runtime = self._runtime
        headers = dict(scope["headers"])
        runtime.access.check(Scope.EVENTS_WRITE, headers)
        length = headers.get(b"content-length")
        check_length(None if length is None else length.decode("latin-1"), runtime.settings.max_body_bytes)
        body = await self._body(receive)
        key = headers.get(b"idempotency-key", b"").decode("latin-1")
        dry_run = bool(scope["query_string"]) and _is_dry_run(scope["query_string"])
        view = await runtime.decisions.score(body, idempotency_key=key, dry_run=dry_run)
        return _answer(scope["path"], view)

    async def _body(self, receive: Receive) -> bytes:
        limit = self._runtime.settings.max_body_bytes
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


def _answer(path: str, view: dict[str, Any]) -> Answer:
    body = _encode(view if path == "/api/v1/score" else flat_decision(view))
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


def _is_dry_run(query: bytes) -> bool:
    values = parse_qs(query.decode("latin-1")).get("dry_run")
    return values is not None and read_flag("dry_run", values[-1])
