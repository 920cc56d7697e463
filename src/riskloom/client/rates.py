"""Calls about the dated rate table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote


class RateCalls:
    """What the client says about rates."""

    if TYPE_CHECKING:

        def _get(self, path: str, params: Mapping[str, Any] | None = None) -> Any: ...

        def _post(self, path: str, body: bytes | None = None) -> Any: ...

    def rates(self, scenario: str | None = None) -> dict[str, Any]:
        """The champion's rate table: base, and rates by date."""
        return cast("dict[str, Any]", self._get(f"{_prefix(scenario)}/rates"))

    def change_rates(
        self, rates: Mapping[str, Any], reason: str, author: str, scenario: str | None = None
    ) -> dict[str, Any]:
        """Publish the champion with another rate table; the version, a candidate."""
        body = json.dumps({"rates": rates, "reason": reason, "author": author}).encode()
        return cast("dict[str, Any]", self._post(f"{_prefix(scenario)}/policies", body))


def _prefix(scenario: str | None) -> str:
    return "/api/v1" if scenario is None else f"/api/v1/scenarios/{quote(scenario, safe='')}"
