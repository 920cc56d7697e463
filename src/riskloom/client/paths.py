"""Paths of the API."""

from __future__ import annotations

from urllib.parse import quote


def prefix(scenario: str | None) -> str:
    """Where the routes of a scenario begin, those of the server's first one if None."""
    return "/api/v1" if scenario is None else f"/api/v1/scenarios/{quote(scenario, safe='')}"
