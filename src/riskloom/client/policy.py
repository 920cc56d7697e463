"""Rules and replays: checked, tried on history, published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote

from riskloom.client.calls import Calls

_PATIENCE = 60.0


class PolicyCalls(Calls):
    """What the client can do with rules and replays."""

    def rules(self) -> list[dict[str, Any]]:
        """The champion's rules as they were written."""
        return cast("list[dict[str, Any]]", self.call("GET", "/rules"))

    def check_rule(self, rule: Mapping[str, Any], last: int = 2_000) -> dict[str, Any]:
        """Every fault of a rule, or what it would have hit among the `last` decided events; publishes
        nothing."""
        said = {"rule": dict(rule), "last": last}
        return cast("dict[str, Any]", self.call("POST", "/rules/check", said, timeout=_PATIENCE))

    def publish_rules(self, rules: Sequence[Mapping[str, Any]], reason: str, author: str) -> dict[str, Any]:
        """The champion with other rules, as a candidate of the registry.

        Raises
        ------
        NotFound
            When the server follows no registry.
        """
        said = {"rules": list(rules), "reason": reason, "author": author}
        return cast("dict[str, Any]", self.call("POST", "/rule-sets", said, timeout=_PATIENCE))

    def begin_replay(self, **order: Any) -> dict[str, Any]:
        """Try `versions`, or other `rules`, `policy`, `lists` or `rates`, on the stored events; the job."""
        return cast("dict[str, Any]", self.call("POST", "/replays", order, timeout=_PATIENCE))

    def replay(self, job_id: str) -> dict[str, Any]:
        """How a replay goes, and what it found.

        Raises
        ------
        NotFound
            When the server has forgotten it.
        """
        return cast("dict[str, Any]", self.call("GET", f"/replays/{quote(job_id, safe='')}"))

    def cancel_replay(self, job_id: str) -> dict[str, Any]:
        """End a replay that is running."""
        return cast("dict[str, Any]", self.call("DELETE", f"/replays/{quote(job_id, safe='')}"))
