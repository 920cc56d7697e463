"""Errors as problem+json (RFC 9457), the same for the hot route and all others."""

from __future__ import annotations

import msgspec

from riskloom.errors import CaseChanged, EventConflict, Held, InputInvalid, RiskloomError

MEDIA_TYPE = "application/problem+json"


def problem(error: RiskloomError) -> dict[str, object]:
    """The problem body of an error."""
    body: dict[str, object] = {
        "type": f"urn:riskloom:error:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.message,
        "code": error.code,
    }
    if error.hint:
        body["hint"] = error.hint
    if isinstance(error, InputInvalid):
        body["faults"] = [fault.as_dict() for fault in error.faults]
    if isinstance(error, EventConflict):
        body["difference"] = error.difference
    if isinstance(error, Held):
        body |= {"holder": error.holder, "until": error.until}
    if isinstance(error, CaseChanged):
        body |= {"version": error.version, "changes": error.changes}
    return body


def problem_bytes(error: RiskloomError) -> bytes:
    """The problem body as JSON."""
    return msgspec.json.encode(problem(error))
