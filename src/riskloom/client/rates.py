"""Calls about the dated rate table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from riskloom.client.calls import Calls


class RateCalls(Calls):
    """What the client says about rates."""

    def rates(self, scenario: str | None = None) -> dict[str, Any]:
        """The champion's rate table: base, and rates by date."""
        return cast("dict[str, Any]", self.call("GET", "/rates", scenario=scenario))

    def change_rates(
        self, rates: Mapping[str, Any], reason: str, author: str, scenario: str | None = None
    ) -> dict[str, Any]:
        """Publish the champion with another rate table; the version, a candidate."""
        said = {"rates": rates, "reason": reason, "author": author}
        return cast("dict[str, Any]", self.call("POST", "/policies", said, scenario=scenario))
