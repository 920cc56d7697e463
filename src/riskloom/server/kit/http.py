"""What routes share: JSON answers, bodies with a limit, access by scope, and query values with clear
faults."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import Depends, Request, Response

from riskloom.domain.event import decode_json
from riskloom.errors import BodyTooLarge, Fault, ParameterInvalid, RiskloomError, show
from riskloom.server.db import is_storable
from riskloom.server.problem import MEDIA_TYPE, problem_bytes
from riskloom.server.security.access import Scope

if TYPE_CHECKING:
    from riskloom.server.served import Runtime, Served

JSON = "application/json"
NDJSON = "application/x-ndjson"
USER_HEADER = "x-riskloom-user"
NOBODY = "api"
"""Who acts where a request names nobody."""
LONGEST_NAME = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {MEDIA_TYPE: {}}}
    for status, text in ((401, "No valid credentials"), (422, "Invalid input"), (503, "Store unavailable"))
}


class MethodNotAllowed(RiskloomError):
    """The path exists, but not for this method."""

    code = "method_not_allowed"
    status = 405
    title = "Method not allowed"


def answer(value: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(value), status, media_type=JSON)


def problem_response(error: RiskloomError) -> Response:
    """A problem+json answer."""
    headers = {"Retry-After": "1"} if error.status == 503 else {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(problem_bytes(error), error.status, headers, MEDIA_TYPE)


def served_of(request: Request) -> Served:
    """The scenarios of this server."""
    served: Served = request.app.state.served
    return served


def runtime_of(request: Request) -> Runtime:
    """The parts of the scenario that the path names, of the first one where it names none."""
    name = request.path_params.get("scenario")
    served = served_of(request)
    return served.first if name is None else served.of(name)


def actor_of(request: Request) -> str:
    """Who acts: the header X-Riskloom-User, `api` where there is none.

    Raises
    ------
    ParameterInvalid
    """
    given = request.headers.get(USER_HEADER)
    if given is None:
        return NOBODY
    with contextlib.suppress(UnicodeDecodeError):  # a client that writes Latin-1
        given = given.encode("latin-1").decode()
    return read_name(USER_HEADER, given)


def read_name(where: str, given: object) -> str:
    """The name of a person.

    Raises
    ------
    ParameterInvalid
    """
    if isinstance(given, str) and 1 <= len(given) <= LONGEST_NAME and given.isprintable() and given.strip():
        return given
    got = "nothing" if given is None else show(given)
    raise ParameterInvalid(Fault(where, f"a name of 1 to {LONGEST_NAME} printable characters", got))


def needs(scope: Scope) -> Any:
    """A dependency that lets a request pass with this scope only."""

    async def check(request: Request) -> None:
        served_of(request).first.access.check(scope, dict(request.scope["headers"]))

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


async def read_object(request: Request, known: tuple[str, ...]) -> dict[str, Any]:
    """The body, an object of these keys at most, as plain JSON.

    Raises
    ------
    EventInvalid, ParameterInvalid
    """
    content = await read_body(request)
    body = decode_json(content)
    if not isinstance(body, dict) or not body.keys() <= set(known):
        raise ParameterInvalid(Fault("body", f"an object with {', '.join(known)}", show(body)))
    plain: dict[str, Any] = msgspec.json.decode(content)
    return plain


def text_of(said: dict[str, Any], name: str, default: str = "") -> str:
    """A text of a body.

    Raises
    ------
    ParameterInvalid
    """
    value = said.get(name, default)
    if not isinstance(value, str):
        raise ParameterInvalid(Fault(name, "a text", show(value)))
    return value


async def read_lines(stream: AsyncIterator[bytes], limit: int) -> AsyncIterator[list[bytes | None]]:
    """Lines of a streamed body, in groups as they arrive; None in the place of one longer than `limit`."""
    rest, is_long = b"", False
    async for chunk in stream:
        *lines, rest = (rest + chunk).split(b"\n")
        found: list[bytes | None] = [line if len(line) <= limit else None for line in lines]
        if found and is_long:
            found[0], is_long = None, False
        if len(rest) > limit:
            rest, is_long = b"", True
        if found:
            yield found
    if is_long or rest.strip():
        yield [None if is_long else rest]


def check_length(header: str | None, limit: int) -> None:
    """Refuse a body by its announced length."""
    if header is not None and header.isdecimal() and (len(header) > 18 or int(header) > limit):
        raise too_large(limit)


def too_large(limit: int) -> BodyTooLarge:
    """The error for a body above the limit."""
    return BodyTooLarge(
        f"The body is larger than {limit:,} bytes.",
        hint="send fewer events at once, or NDJSON, or a file by the CLI",
    )


def read_flag(name: str, value: str) -> bool:
    """true or false, as words or numbers.

    Raises
    ------
    ParameterInvalid
    """
    if value.lower() in ("true", "1", "yes"):
        return True
    if value.lower() in ("false", "0", "no"):
        return False
    raise ParameterInvalid(Fault(name, "true or false", show(value)))


class Query:
    """Query values, with all faults at once."""

    def __init__(self, request: Request) -> None:
        self._given = request.query_params
        self._faults: list[Fault] = []

    def text(self, *names: str) -> str | None:
        """The first of these that is given."""
        for name in names:
            value = self._given.get(name)
            if value:
                if not is_storable(value):
                    self._faults.append(Fault(name, "text without control characters", show(value)))
                return value
        return None

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number in a range."""
        return int(self._number(name, default, low, high, int))

    def number(self, name: str, low: float, high: float) -> float | None:
        """A number in a range, or None."""
        return self._number(name, None, low, high, float) if name in self._given else None

    def flag(self, name: str) -> bool | None:
        """true or false; None where it is not given."""
        value = self._given.get(name)
        if not value:
            return None
        try:
            return read_flag(name, value)
        except ParameterInvalid as error:
            self._faults += error.faults
            return None

    def choice(self, name: str, known: tuple[str, ...]) -> str | None:
        """One of some words, or None."""
        value = self._given.get(name)
        if value and value not in known:
            self._faults.append(Fault(name, f"one of {', '.join(known)}", show(value)))
            return None
        return value or None

    def time_us(self, name: str) -> int | None:
        """A moment in ISO 8601 with Z or an offset, in microseconds, or None."""
        value = self._given.get(name)
        if not value:
            return None
        try:
            when = datetime.fromisoformat(value.replace(" ", "+"))  # a '+' sent bare arrives as a space
            if when.tzinfo is None:
                raise ValueError
            return (when - _EPOCH) // _MICROSECOND
        except ValueError:
            self._faults.append(Fault(name, "an ISO 8601 time with Z or an offset", show(value)))
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
            self._faults.append(Fault(name, f"{what} from {low:g} to {high:g}", show(value)))
            return default
        return number
