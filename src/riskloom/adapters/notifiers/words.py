"""What the drivers share: reading a channel's URL, and a notice as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NoReturn
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from riskloom.errors import Fault, ParameterInvalid, nearest
from riskloom.ports.notifier import Notice

VERSION = 1
"""Of the JSON that `log` and `webhook` write."""


class Address:
    """The URL of a channel, taken apart; no fault quotes the URL, which holds secrets."""

    def __init__(self, url: str, where: str) -> None:
        self._where = where
        try:
            self.parts: SplitResult = urlsplit(url)
            self.port: int | None = self.parts.port
        except ValueError as error:
            self.refuse("a URL", str(error))
        self.host: str = self.parts.hostname or ""
        self.user: str = unquote(self.parts.username or "")
        self.password: str = unquote(self.parts.password or "")
        self.options = {name: values[-1] for name, values in parse_qs(self.parts.query).items()}

    def only(self, known: Sequence[str]) -> None:
        """Refuse options behind the `?` that are not known."""
        for name in self.options:
            if name not in known:
                self.refuse(f"?{'=, &'.join(known)}=", f"?{name}=", nearest(name, known))

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number of the options."""
        text = self.options.get(name, str(default))
        if not (text.isascii() and text.isdecimal() and low <= int(text) <= high):
            self.refuse(f"?{name}= a whole number from {low} to {high}", repr(text))
        return int(text)

    def refuse(self, expected: str, got: str = "", hint: str = "") -> NoReturn:
        """Raise what is wrong with it.

        Raises
        ------
        ParameterInvalid
        """
        raise ParameterInvalid(Fault(self._where, expected, got, hint))


def as_json(notice: Notice) -> str:
    """A notice as one line of JSON, the same text at every attempt."""
    said = {
        "version": VERSION,
        "key": notice.key,
        "kind": notice.kind,
        "at": notice.at,
        "severity": notice.severity,
        "title": notice.title,
        "link": notice.link or None,
        "data": dict(notice.data),
    }
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))
