"""The one tree of errors: each has a stable `code`, an HTTP `status`, and says what was expected and came.

RiskloomError
├── InputInvalid          422  something a person or a client wrote; carries every fault of it at once
│   ├── EventInvalid
│   ├── LabelInvalid
│   ├── ScenarioInvalid
│   ├── ExpressionInvalid
│   ├── ParameterInvalid
│   └── DataInvalid             a file or table of events
├── BundleInvalid         422  damaged, foreign, or written by a newer version
├── EventConflict         409  the same event id with another body
├── Conflict              409  not possible while something else is going on
├── StageInvalid          409  a version cannot move there from the stage it is in
├── MoveInvalid           409  an alert cannot move there from the state it is in
├── Held                  409  somebody else works on it, and until when
├── CaseChanged           409  a case is another than the one that was seen
├── BodyTooLarge          413
├── NotFound              404
├── Unauthorized          401
├── Forbidden             403
├── ExtraMissing          501  an optional part of the installation is needed
├── StateOverflow         422  a sum over a window would not fit its integer
├── StoreUnavailable      503  the database cannot be written or read; nothing was taken
└── AlreadyRunning        503  another process holds this database
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: where, what was expected, what came, and what would mend it."""

    where: str
    expected: str
    got: str = ""
    hint: str = ""
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.file else ""
        came = f", got {self.got}" if self.got else ""
        hint = f". Hint: {self.hint}" if self.hint else ""
        return f"{place}{self.where}: expected {self.expected}{came}{hint}"

    def as_dict(self) -> dict[str, str | int]:
        """The fault as plain values, without what it does not know."""
        every: dict[str, str | int] = {
            "where": self.where,
            "expected": self.expected,
            "got": self.got,
            "hint": self.hint,
            "file": self.file,
            "line": self.line,
        }
        return {name: value for name, value in every.items() if value}


def show(value: object, limit: int = 60) -> str:
    """A value as it is quoted in an error: its repr, cut to `limit` characters."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def nearest(name: str, known: Iterable[str]) -> str:
    """The hint "did you mean ...?" for an unknown name, or an empty string when nothing is near."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else ""


class RiskloomError(Exception):
    """The root; never raised itself."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} Hint: {self.hint}" if self.hint else self.message


class InputInvalid(RiskloomError):
    """Something written by a person or a client is wrong; `faults` lists all of it."""

    code = "input_invalid"
    status = 422
    title = "Invalid input"

    def __init__(self, faults: Sequence[Fault] | Fault) -> None:
        self.faults: tuple[Fault, ...] = (faults,) if isinstance(faults, Fault) else tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class EventInvalid(InputInvalid):
    """An event that does not fit its scenario."""

    code = "event_invalid"
    title = "Invalid event"


class LabelInvalid(InputInvalid):
    """A label that does not fit, or not its event."""

    code = "label_invalid"
    title = "Invalid label"


class ScenarioInvalid(InputInvalid):
    """A scenario, rule file or rate table that cannot be used."""

    code = "scenario_invalid"
    title = "Invalid scenario"


class ExpressionInvalid(InputInvalid):
    """An expression that does not parse or does not type; `where` names the column."""

    code = "expression_invalid"
    title = "Invalid expression"


class ParameterInvalid(InputInvalid):
    """A parameter outside its range."""

    code = "parameter_invalid"
    title = "Invalid parameter"


class DataInvalid(InputInvalid):
    """A file or table of events that cannot be read at all."""

    code = "data_invalid"
    title = "Invalid data"


class BundleInvalid(RiskloomError):
    """A bundle that is damaged, foreign, or newer than this program."""

    code = "bundle_invalid"
    status = 422
    title = "Invalid bundle"


class EventConflict(RiskloomError):
    """The same event id came with another body; `difference` shows the fields."""

    code = "event_conflict"
    status = 409
    title = "Event id already used with another body"

    def __init__(self, message: str, difference: dict[str, dict[str, object]], *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.difference = difference


class Conflict(RiskloomError):
    """Not possible while something else is going on."""

    code = "conflict"
    status = 409
    title = "Conflict"


class StageInvalid(RiskloomError):
    """A version cannot move to that stage from the one it is in; nothing was changed."""

    code = "stage_invalid"
    status = 409
    title = "Move between stages not allowed"


class MoveInvalid(RiskloomError):
    """It cannot move to that state from the one it is in; nothing was changed."""

    code = "move_invalid"
    status = 409
    title = "Move between states not allowed"


class Held(RiskloomError):
    """Somebody else works on it: `holder`, until the time `until`."""

    code = "held"
    status = 409
    title = "Held by somebody else"

    def __init__(self, message: str, holder: str, until: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.holder = holder
        self.until = until


class CaseChanged(RiskloomError):
    """A case is another than the one that was seen; `changes` says what was done since, `version` what it is
    now."""

    code = "case_changed"
    status = 409
    title = "Changed by somebody else"

    def __init__(
        self, message: str, version: int, changes: Sequence[Mapping[str, object]], *, hint: str = ""
    ) -> None:
        super().__init__(message, hint=hint)
        self.version = version
        self.changes = changes


class BodyTooLarge(RiskloomError):
    """A request body above the limit."""

    code = "body_too_large"
    status = 413
    title = "Body too large"


class NotFound(RiskloomError):
    """What was asked for does not exist."""

    code = "not_found"
    status = 404
    title = "Not found"


class Unauthorized(RiskloomError):
    """No valid credentials."""

    code = "unauthorized"
    status = 401
    title = "Credentials needed"


class Forbidden(RiskloomError):
    """The credentials do not allow this."""

    code = "forbidden"
    status = 403
    title = "Not allowed"


class ExtraMissing(RiskloomError):
    """An optional part of the installation is needed."""

    code = "extra_missing"
    status = 501
    title = "Optional part not installed"

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the extra '{extra}', which is not installed.",
            hint=f"pip install 'riskloom[{extra}]'",
        )
        self.extra = extra


class StateOverflow(RiskloomError):
    """A sum over a window would not fit its integer; the event was not taken."""

    code = "state_overflow"
    status = 422
    title = "Window sum would overflow"


class StoreUnavailable(RiskloomError):
    """The database cannot be written or read; the event was not taken and may be sent again."""

    code = "store_unavailable"
    status = 503
    title = "Store unavailable"


class AlreadyRunning(RiskloomError):
    """Another process holds this database."""

    code = "already_running"
    status = 503
    title = "Database in use"
