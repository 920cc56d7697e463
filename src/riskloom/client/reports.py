"""Reports over what was decided."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import quote

from riskloom.client.calls import Calls


class ReportCalls(Calls):
    """What the client can ask of reports."""

    def report_keys(self) -> list[str]:
        """By what reports can be parted: day, week, month, reason, and the scenario's categories."""
        return cast("list[str]", self.call("GET", "/reports")["by"])

    def report(self, by: str, since: str | None = None, until: str | None = None) -> dict[str, Any]:
        """What was decided from `since` and before `until`, by one of `report_keys`."""
        asked = {"since": since, "until": until}
        return cast("dict[str, Any]", self.call("GET", f"/reports/{quote(by, safe='')}", params=asked))
