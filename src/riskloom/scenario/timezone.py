"""Checks the time zones that a scenario names."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from riskloom.errors import nearest, show
from riskloom.scenario.document import Document, Path


def check_timezone(document: Document, name: str, path: Path) -> str:
    """`name` when it is an IANA time zone; else a fault is noted, and UTC stands in for it."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = nearest(name, available_timezones())
        document.fault(path, "an IANA time zone", show(name), hint)
        return "UTC"
    return name
