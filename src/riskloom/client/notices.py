"""Channels and notices of a server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import quote

from riskloom.client.calls import Calls


class NoticeCalls(Calls):
    """What the client can do with channels and notices."""

    def channels(self, scenario: str | None = None) -> dict[str, Any]:
        """Where notices can go, and the channels that the scenario misses."""
        return cast("dict[str, Any]", self.call("GET", "/channels", scenario=scenario))

    def test_channel(self, name: str) -> dict[str, Any]:
        """Send a test notice to a channel now: what its receiver said.

        Raises
        ------
        Undelivered, DeliveryRefused
        """
        return cast("dict[str, Any]", self.call("POST", f"/channels/{quote(name, safe='')}/test"))

    def notices(self, scenario: str | None = None, **asked: Any) -> dict[str, Any]:
        """A page of notices, newest first; `next` is the cursor of the page after it.

        Parameters
        ----------
        asked
            state, channel, kind, alert, limit, cursor.
        """
        return cast("dict[str, Any]", self.call("GET", "/notices", params=asked, scenario=scenario))

    def notice_counts(self, scenario: str | None = None) -> dict[str, int]:
        """How many notices are in each state."""
        return cast("dict[str, int]", self.call("GET", "/notices/counts", scenario=scenario)["states"])

    def clocks(self, alert_id: int, scenario: str | None = None) -> list[dict[str, Any]]:
        """The SLA clocks of an alert."""
        answer = self.call("GET", f"/alerts/{alert_id}/clocks", scenario=scenario)
        return cast("list[dict[str, Any]]", answer["clocks"])

    def replay_notices(
        self,
        ids: Sequence[int] | None = None,
        channel: str | None = None,
        scenario: str | None = None,
        actor: str | None = None,
    ) -> list[dict[str, Any]]:
        """Send dead letters again: those of these ids, of a channel, or all of them."""
        asked = {"ids": None if ids is None else list(ids), "channel": channel}
        said = {name: value for name, value in asked.items() if value is not None}
        path = "/notices/dead-letters/replay"
        return cast(
            "list[dict[str, Any]]",
            self.call("POST", path, said, scenario=scenario, actor=actor)["replayed"],
        )
