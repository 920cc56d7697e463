"""Rules and replays: checked, tried on history, published."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote

from riskloom.client.calls import Calls

_PATIENCE = 60.0


class PolicyCalls(Calls):
    """The part of `Client` about rules and replays."""

    def rules(self) -> list[dict[str, Any]]:
        """The champion's rules as they were written."""
        return cast("list[dict[str, Any]]", self._get("/api/v1/rules"))

    def check_rule(self, rule: Mapping[str, Any], last: int = 2_000) -> dict[str, Any]:
        """Every fault of a rule, or what it would have hit among the `last` decided events; publishes
        nothing."""
        body = json.dumps({"rule": dict(rule), "last": last}).encode()
        return cast("dict[str, Any]", self._post("/api/v1/rules/check", body, timeout=_PATIENCE))

    def publish_rules(self, rules: Sequence[Mapping[str, Any]], reason: str, author: str) -> dict[str, Any]:
        """The champion with other rules, as a candidate of the registry.

        Raises
        ------
        NotFound
            When the server follows no registry.
        """
        body = json.dumps({"rules": list(rules), "reason": reason, "author": author}).encode()
        return cast("dict[str, Any]", self._post("/api/v1/rule-sets", body, timeout=_PATIENCE))

    def begin_replay(self, **order: Any) -> dict[str, Any]:
        """Try `versions`, or other `rules`, `policy`, `lists` or `rates`, on the stored events; the job."""
        body = json.dumps(order).encode()
        return cast("dict[str, Any]", self._post("/api/v1/replays", body, timeout=_PATIENCE))

    def replays(self) -> list[dict[str, Any]]:
        """Replays since the server started, the newest first, without their results."""
        return cast("list[dict[str, Any]]", self._get("/api/v1/replays"))

    def replay(self, job_id: str) -> dict[str, Any]:
        """How a replay goes, and what it found.

        Raises
        ------
        NotFound
            When the server has forgotten it.
        """
        return cast("dict[str, Any]", self._get(f"/api/v1/replays/{quote(job_id, safe='')}"))

    def cancel_replay(self, job_id: str) -> dict[str, Any]:
        """End a replay that is running."""
        path = f"/api/v1/replays/{quote(job_id, safe='')}"
        return cast("dict[str, Any]", self._send("DELETE", path).json())
