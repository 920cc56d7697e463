"""The two kinds of entry of the log that a state is built from."""

from __future__ import annotations

from enum import IntEnum

from riskloom.errors import Fault, ParameterInvalid, show


class EntryKind(IntEnum):
    """What an arrival number stands for. Both kinds take theirs from one counter."""

    EVENT = 0
    FACT = 1
    """A fact about an earlier event (a label) that became known now. Reserved: no feature reads facts yet."""


def check_entry(entry: int) -> None:
    """Refuse what this engine cannot take in.

    Raises
    ------
    ParameterInvalid
        For facts, which are reserved, and for unknown kinds.
    """
    if entry == EntryKind.EVENT:
        return
    known = entry in EntryKind.__members__.values()
    hint = "facts are reserved: no feature reads them yet" if known else ""
    raise ParameterInvalid(Fault("entry", "0 (an event)", show(entry), hint))
