"""What each part of the client is built on: one call of `/api/v1` with a JSON answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote


class Calls:
    """A part of the client."""

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        scenario: str | None = None,
        actor: str | None = None,
        timeout: float | None = None,
    ) -> Any:
        """The JSON answer of one route.

        Parameters
        ----------
        path
            Behind `/api/v1`, with a slash in front.
        params
            Query values; None is not sent.
        scenario
            Which scenario it is about; the server's first one if None.
        actor
            Who acts; the server writes `api` if None.
        timeout
            Seconds to wait; as long as for every other answer if None.
        """
        raise NotImplementedError

    def raw(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        *,
        kind: str = "",
        params: Mapping[str, Any] | None = None,
        scenario: str | None = None,
        actor: str | None = None,
    ) -> bytes:
        """The answer of one route as it is; `content` and its media type `kind` are sent as they are."""
        raise NotImplementedError


def prefix(scenario: str | None) -> str:
    """Where the routes of a scenario are."""
    return "/api/v1" if scenario is None else f"/api/v1/scenarios/{quote(scenario, safe='')}"
