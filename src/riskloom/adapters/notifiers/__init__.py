"""Channels for notices, chosen by URL: the module is the kind.

    log://alerts.log                                log.py      JSON lines in a file, rotated
    slack+https://hooks.slack.com/services/...      slack.py    an incoming webhook
    smtp://user:password@host:587?from=..&to=..     smtp.py     e-mail; smtps:// for TLS from the first byte
    webhook+https://:SECRET@host/path               webhook.py  signed with HMAC-SHA256; also webhook+http://

Each module has `open_notifier(url)`. Nothing is imported before a URL asks for it. The one place below the
server that may speak HTTP: see docs/adr/0006-outbox-and-relay.md.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast

from riskloom import kinds
from riskloom.errors import Fault, ParameterInvalid, nearest, show
from riskloom.ports.notifier import Notifier

_HELPERS = frozenset({"http", "words"})
_SCHEME = re.compile(r"([a-z][a-z0-9]*)(\+[a-z]+)?://")
_SAME = {"smtps": "smtp"}


def names() -> tuple[str, ...]:
    """The kinds of channel there are."""
    return kinds.names(__name__, helpers=_HELPERS)


def kind_of(url: str, where: str = "channel") -> str:
    """The kind of channel a URL asks for.

    Raises
    ------
    ParameterInvalid
        When there is no such kind; never quotes more of the URL than its scheme.
    """
    found = _SCHEME.match(url)
    kind = _SAME.get(found[1], found[1]) if found else ""
    if kind not in names():
        got = show(found[0]) if found else "no scheme"
        known = "log://, slack+https://, smtp://, smtps://, webhook+https:// or webhook+http://"
        raise ParameterInvalid(Fault(where, known, got, nearest(kind, names())))
    return kind


def open_notifier(url: str, *, where: str = "channel", folder: str | Path = ".") -> Notifier:
    """The channel of a URL; sends and connects nothing.

    Parameters
    ----------
    where
        What the URL is called in a fault.
    folder
        Where relative paths begin.

    Raises
    ------
    ParameterInvalid
        When the URL is of no known kind, or does not say what its kind needs.
    """
    module = kinds.load(__name__, kind_of(url, where), helpers=_HELPERS)
    return cast(Notifier, module.open_notifier(url, where, Path(folder)))
