"""Versions and changes as plain values, as the command line and the API show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from riskloom.domain.show import show_time
from riskloom.domain.stage import Change
from riskloom.registry.version import Version


def plain_version(version: Version) -> dict[str, Any]:
    """A version."""
    return {
        "scenario": version.scenario,
        "version": version.number,
        "stage": version.stage.value,
        "percent": version.percent,
        "bundle": version.fingerprint,
        "published_at": show_time(version.published_at_us),
        "author": version.author,
        "reason": version.reason,
    }


def plain_moves(changes: Sequence[Change], only: int | None = None) -> list[dict[str, Any]]:
    """The moves of changes, one by one; `only` those of one version."""
    return [
        {
            "change": change.number,
            "action": change.action.value,
            "version": move.version,
            "from": None if move.origin is None else move.origin.value,
            "to": move.to.value,
            "percent": move.percent,
            "at": show_time(change.at_us),
            "author": change.author,
            "reason": change.reason,
        }
        for change in changes
        for move in change.moves
        if only in (None, move.version)
    ]
