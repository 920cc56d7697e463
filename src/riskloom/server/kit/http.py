"""What routes share: JSON answers, bodies with a limit, access by scope, and query values with clear faults."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import Depends, Request, Response

from riskloom.errors import BodyTooLarge, Fault, ParameterInvalid, RiskloomError
from riskloom.server.problem import MEDIA_TYPE, problem_bytes
from riskloom.server.security.access import Scope

if TYPE_CHECKING:
    from riskloom.server.runtime import Runtime

JSON = "application/json"
NDJSON = "application/x-ndjson"
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {MEDIA_TYPE: {}}}
    for status, text in ((401, "No valid credentials"), (422, "Invalid input"), (503, "Store unavailable"))
}


def answer(value: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(value), status, media_type=JSON)


def problem_response(error: RiskloomError) -> Response:
    """A problem+json answer."""
    headers = {"Retry-After": "1"} if error.status == 503 else {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(problem_bytes(error), error.status, headers, MEDIA_TYPE)


def runtime_of(request: Request) -> Runtime:
    """The running server's parts."""
    runtime: Runtime = request.app.state.runtime
    return runtime


def needs(scope: Scope) -> Any:
    """A dependency that lets a request pass with this scope only."""

    async def check(request: Request) -> None:
        headers = dict(request.scope["headers"])
        runtime_of(request).access.check(scope, headers.get(b"authorization"), headers.get(b"host"))

    check.scope = scope  # type: ignore[attr-defined]
    return Depends(check)


async def read_body(request: Request) -> bytes:
    """The whole body.

    Raises
    ------
    BodyTooLarge
        Beyond `RISKLOOM_MAX_BODY_BYTES`, before it is read.
    """
    limit = runtime_of(request).settings.max_body_bytes
    check_length(request.headers.get("content-length"), limit)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


async def read_lines(stream: AsyncIterator[bytes], limit: int) -> AsyncIterator[list[bytes]]:
    """Lines of a streamed body, in groups as they arrive; none longer than `limit`."""
    rest = b""
    async for chunk in stream:
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > limit:
            raise too_large(limit)
        if lines:
            yield lines
    if rest.strip():
        yield [rest]


def check_length(header: str | None, limit: int) -> None:
    """Refuse a body by its announced length."""
    if header is not None and header.isdigit() and int(header) > limit:
        raise too_large(limit)


def too_large(limit: int) -> BodyTooLarge:
    """The error for a body above the limit."""
    return BodyTooLarge(
        f"The body is larger than {limit:,} bytes.", hint="send fewer events at once, or NDJSON, or a file by the CLI"
    )


class Query:
    """Query values, with all faults at once."""

    def __init__(self, request: Request) -> None:
        self._given = request.query_params
        self._faults: list[Fault] = []

    def text(self, *names: str) -> str | None:
        """The first of these that is given."""
        return next((value for name in names if (value := self._given.get(name))), None)

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number in a range."""
        return int(self._number(name, default, low, high, int))

    def number(self, name: str, low: float, high: float) -> float | None:
        """A number in a range, or None."""
        return self._number(name, None, low, high, float) if name in self._given else None

    def flag(self, name: str, default: bool = False) -> bool:
        """true or false."""
        value = self._given.get(name)
        if value is None or value == "":
            return default
        if value.lower() in ("true", "1", "yes"):
            return True
        if value.lower() not in ("false", "0", "no"):
            self._faults.append(Fault(name, "true or false", repr(value)))
        return False

    def choice(self, name: str, known: tuple[str, ...]) -> str | None:
        """One of some words, or None."""
        value = self._given.get(name)
        if value and value not in known:
            self._faults.append(Fault(name, f"one of {', '.join(known)}", repr(value)))
            return None
        return value or None

    def time_us(self, name: str) -> int | None:
        """A moment in ISO 8601 with Z or an offset, in microseconds, or None."""
        value = self._given.get(name)
        if not value:
            return None
        try:
            when = datetime.fromisoformat(value.replace(" ", "+"))
            if when.tzinfo is None:
                raise ValueError
            return round(when.timestamp() * 1e6)
        except (ValueError, OverflowError):
            self._faults.append(Fault(name, "an ISO 8601 time with Z or an offset", repr(value)))
            return None

    def finish(self) -> None:
        """Raise what was wrong."""
        if self._faults:
            raise ParameterInvalid(self._faults)

    def fault(self, name: str, expected: str, got: str) -> None:
        """Note a fault."""
        self._faults.append(Fault(name, expected, got))

    def _number(self, name: str, default: Any, low: float, high: float, kind: type) -> Any:
        value = self._given.get(name)
        if value is None or value == "":
            return default
        try:
            number = kind(value)
        except ValueError:
            number = None
        if number is None or not low <= number <= high:
            what = "a whole number" if kind is int else "a number"
            self._faults.append(Fault(name, f"{what} from {low:g} to {high:g}", repr(value)))
            return default
        return number


Handler = Callable[..., Coroutine[Any, Any, Response]]
