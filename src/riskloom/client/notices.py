"""The calls about channels and notices."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast
from urllib.parse import quote


class _Asks(Protocol):
    """What a client has for its calls."""

    def _get(self, path: str, params: Mapping[str, Any] | None = None) -> Any: ...

    def _post(
        self,
        path: str,
        body: bytes | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Any: ...


class NoticeCalls:
    """Mixed into `Client`."""

    def channels(self: _Asks, scenario: str | None = None) -> dict[str, Any]:
        """Where notices can go, and the channels that the scenario misses."""
        return cast("dict[str, Any]", self._get(f"{_prefix(scenario)}/channels"))

    def test_channel(self: _Asks, name: str) -> dict[str, Any]:
        """Send a test notice to a channel now: what its receiver said.

        Raises
        ------
        Undelivered, DeliveryRefused
        """
        return cast("dict[str, Any]", self._post(f"/api/v1/channels/{quote(name, safe='')}/test"))

    def notices(
        self: _Asks,
        *,
        state: str | None = None,
        channel: str | None = None,
        kind: str | None = None,
        alert: int | None = None,
        limit: int = 50,
        cursor: str | None = None,
        scenario: str | None = None,
    ) -> dict[str, Any]:
        """A page of notices, newest first; `next` is the cursor of the page after it."""
        asked = {"state": state, "channel": channel, "kind": kind, "alert": alert}
        params = {**asked, "limit": limit, "cursor": cursor}
        return cast("dict[str, Any]", self._get(f"{_prefix(scenario)}/notices", params))

    def notice_counts(self: _Asks, scenario: str | None = None) -> dict[str, int]:
        """How many notices are in each state."""
        return cast("dict[str, int]", self._get(f"{_prefix(scenario)}/notices/counts")["states"])

    def replay_notices(
        self: _Asks,
        ids: Sequence[int] | None = None,
        channel: str | None = None,
        scenario: str | None = None,
    ) -> list[dict[str, Any]]:
        """Send dead letters again: those of these ids, of a channel, or all of them."""
        asked = {"ids": None if ids is None else list(ids), "channel": channel}
        body = json.dumps({name: value for name, value in asked.items() if value is not None}).encode()
        answer = self._post(f"{_prefix(scenario)}/notices/dead-letters/replay", body)
        return cast("list[dict[str, Any]]", answer["replayed"])


def _prefix(scenario: str | None) -> str:
    return "/api/v1" if scenario is None else f"/api/v1/scenarios/{quote(scenario, safe='')}"
