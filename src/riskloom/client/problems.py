"""Problem bodies (RFC 9457) and broken answers, as errors of `riskloom.errors`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from riskloom.errors import (
    CaseChanged,
    EventConflict,
    ExtraMissing,
    Fault,
    Forbidden,
    Held,
    InputInvalid,
    NotFound,
    RiskloomError,
    StoreUnavailable,
    Unauthorized,
)


class ServerUnreachable(RiskloomError):
    """Nothing answers at the address, or not in time."""

    code = "server_unreachable"
    status = 503
    title = "Server unreachable"


class AnswerUnexpected(RiskloomError):
    """What answered does not speak as a Riskloom server does."""

    code = "answer_unexpected"
    status = 502
    title = "Unexpected answer"


def error_from(status: int, problem: Mapping[str, Any]) -> RiskloomError:
    """The error that a problem body stands for: by its code, else by the status."""
    code = str(problem.get("code") or "")
    message = str(problem.get("detail") or problem.get("title") or f"The server answered {status}.")
    hint = str(problem.get("hint") or "")
    kind = _by_code(RiskloomError).get(code) or _BY_STATUS.get(status, AnswerUnexpected)
    if issubclass(kind, InputInvalid):
        faults = [_fault(fault) for fault in problem.get("faults") or ()]
        return kind(faults or Fault("request", message, hint=hint))
    if issubclass(kind, EventConflict):
        return kind(message, dict(problem.get("difference") or {}), hint=hint)
    if issubclass(kind, CaseChanged):
        changes = list(problem.get("changes") or ())
        return kind(message, int(problem.get("version") or 0), changes, hint=hint)
    if issubclass(kind, Held):
        return kind(message, str(problem.get("holder") or ""), str(problem.get("until") or ""), hint=hint)
    if issubclass(kind, ExtraMissing):
        missing = kind(str(problem.get("extra") or ""), "This")
        missing.message, missing.hint = message, hint or missing.hint
        missing.args = (message,)
        return missing
    return kind(message, hint=hint)


_BY_STATUS: Mapping[int, type[RiskloomError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    503: StoreUnavailable,
}


def _by_code(kind: type[RiskloomError]) -> dict[str, type[RiskloomError]]:
    found = {kind.code: kind} if kind is not RiskloomError else {}
    for narrower in kind.__subclasses__():
        found |= _by_code(narrower)
    return found


def _fault(given: Mapping[str, Any]) -> Fault:
    texts = {name: str(given.get(name) or "") for name in ("where", "expected", "got", "hint", "file")}
    return Fault(**texts, line=int(given.get("line") or 0))


def problem_of(answer: httpx.Response) -> Mapping[str, Any]:
    """The problem body of an answer, or an empty one."""
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
