"""The hot route: POST /api/v1/score and POST /score as plain ASGI in front of the application.

Same check, same service, same answers as the routes documented in OpenAPI; only the framework between is
left out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

import msgspec
import structlog

from riskloom.domain.event import decode_json
from riskloom.errors import RiskloomError
from riskloom.server.compat import flat_decision
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
_encode = msgspec.json.encode
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
            body, status, kind = await self._score(scope, receive), 200, _JSON
        except RiskloomError as error:
            body, status, kind = problem_bytes(error), error.status, _PROBLEM
        headers = [kind, (b"content-length", str(len(body)).encode())]
        if status == 503:
            headers.append((b"retry-after", b"1"))
        elif status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _score(self, scope: ASGIScope, receive: Receive) -> bytes:
        runtime = self._runtime
        headers = dict(scope["headers"])
        runtime.access.check(Scope.EVENTS_WRITE, headers)
        length = headers.get(b"content-length")
        check_length(None if length is None else length.decode("latin-1"), runtime.settings.max_body_bytes)
        data = decode_json(await self._body(receive))
        key = headers.get(b"idempotency-key", b"").decode("latin-1")
        dry_run = bool(scope["query_string"]) and _is_dry_run(scope["query_string"])
        view = await runtime.decisions.score(data, idempotency_key=key, dry_run=dry_run)
        return _encode(view if scope["path"] == "/api/v1/score" else flat_decision(view))

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


def _is_dry_run(query: bytes) -> bool:
    values = parse_qs(query.decode("latin-1")).get("dry_run")
    return values is not None and read_flag("dry_run", values[-1])
