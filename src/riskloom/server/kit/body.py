"""The values of a JSON body, with all faults at once, as `Query` has those of a query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request

from riskloom.domain.field import Field, FieldType
from riskloom.domain.read import FieldFault, reader
from riskloom.errors import Fault, ParameterInvalid, nearest, show
from riskloom.server.db import is_storable

_BEYOND = 1 << 31
_read_time = reader(Field("time", FieldType.TIME))


class Body:
    """What a client said; `finish` raises what was wrong with it."""

    def __init__(self, said: Mapping[str, Any]) -> None:
        self._said = said
        self._faults: list[Fault] = []

    def __contains__(self, name: str) -> bool:
        return name in self._said

    def text(self, name: str, longest: int, *, required: bool = True) -> str:
        """A text that is not blank; empty where it is not required and not given."""
        value = self._said.get(name)
        if value is None and not required:
            return ""
        if not isinstance(value, str) or not value.strip() or len(value) > longest or not is_storable(value):
            got = "nothing" if value is None else show(value)
            self._faults.append(Fault(name, f"a text of 1 to {longest:,} characters", got))
            return ""
        return value.strip()

    def choice(self, name: str, known: Sequence[str]) -> str:
        """One of some words."""
        value = self._said.get(name)
        if value not in known:
            got = "nothing" if value is None else show(value)
            hint = nearest(value, known) if isinstance(value, str) else ""
            self._faults.append(Fault(name, f"one of {', '.join(known)}", got, hint))
            return known[0]
        return str(value)

    def integer(self, name: str) -> int:
        """A whole number of at least 1."""
        value = self._said.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < _BEYOND:
            got = "nothing" if value is None else show(value)
            self._faults.append(Fault(name, "a whole number of at least 1", got))
            return 1
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """true or false."""
        value = self._said.get(name, default)
        if not isinstance(value, bool):
            self._faults.append(Fault(name, "true or false", show(value)))
            return default
        return value

    def time_us(self, name: str) -> int | None:
        """A moment in ISO 8601 with Z or an offset, in microseconds, or None."""
        value = self._said.get(name)
        if value is None:
            return None
        try:
            time_us: int = _read_time(value)
        except FieldFault as fault:
            self._faults.append(Fault(name, fault.expected, fault.got or show(value), fault.hint))
            return None
        return time_us

    def texts(self, name: str, most: int, longest: int) -> list[str]:
        """A list of texts, at least one."""
        value = self._said.get(name)
        is_one = isinstance(value, list) and 0 < len(value) <= most
        if is_one and all(isinstance(one, str) and 0 < len(one) <= longest for one in value or ()):
            return list(value or ())
        expected = f"a list of 1 to {most:,} texts of at most {longest} characters"
        self._faults.append(Fault(name, expected, "nothing" if value is None else show(value)))
        return []

    def version(self, request: Request) -> int:
        """The version that the client saw: the header If-Match, or `version`."""
        given = request.headers.get("if-match")
        if given is None:
            return self.integer("version")
        number = given.strip().removeprefix("W/").strip('"')
        if not (number.isdecimal() and number.isascii() and len(number) < 10 and int(number)):
            self._faults.append(Fault("if-match", 'the ETag that a case came with, such as "3"', show(given)))
            return 1
        return int(number)

    def finish(self) -> None:
        """Raise what was wrong."""
        if self._faults:
            raise ParameterInvalid(self._faults)
