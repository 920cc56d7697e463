"""Alerts, queues, analysts and suppressions of a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote

from riskloom.client.calls import Calls
from riskloom.client.shapes import Page

Alert = dict[str, Any]


class AlertCalls(Calls):
    """What the client can do with alerts."""

    def alerts(self, scenario: str | None = None, **asked: Any) -> Page[Alert]:
        """A page of alerts: those that are not closed, most valuable first.

        Parameters
        ----------
        asked
            state (several parted by commas), queue, severity, reason, entity, claimed_by, min_amount, since,
            until, order (priority, time), limit, cursor.
        """
        return cast("Page[Alert]", self.call("GET", "/alerts", params=asked, scenario=scenario))

    def alert(self, alert_id: int, scenario: str | None = None) -> Alert:
        """One alert with its decisions and the events that are their evidence."""
        return cast(Alert, self.call("GET", f"/alerts/{alert_id}", scenario=scenario))

    def next_alert(
        self, actor: str, queues: Sequence[str] | None = None, scenario: str | None = None
    ) -> Alert | None:
        """Claim the most valuable alert that this person may work; None where none waits."""
        said = {} if queues is None else {"queues": list(queues)}
        answer = self.call("POST", "/alerts/next", said, scenario=scenario, actor=actor)
        return cast("Alert | None", answer["alert"])

    def act_on_alert(
        self,
        act: str,
        alert_id: int,
        actor: str,
        said: Mapping[str, Any] | None = None,
        scenario: str | None = None,
    ) -> Alert:
        """claim, release, renew, snooze, escalate, resolve, reopen or assign an alert.

        Raises
        ------
        Held
            While somebody else works on it.
        """
        path = f"/alerts/{alert_id}/{quote(act, safe='')}"
        return cast(Alert, self.call("POST", path, said or {}, scenario=scenario, actor=actor))

    def act_on_alerts(
        self,
        act: str,
        ids: Sequence[int],
        actor: str,
        said: Mapping[str, Any] | None = None,
        scenario: str | None = None,
    ) -> list[dict[str, Any]]:
        """The same with many: of each its id and the alert, or the problem of one that refused."""
        body = {**(said or {}), "act": act, "ids": list(ids)}
        answer = self.call("POST", "/alerts/bulk", body, scenario=scenario, actor=actor)
        return cast("list[dict[str, Any]]", answer["results"])

    def queues(self, scenario: str | None = None) -> list[dict[str, Any]]:
        """Queues as they are declared, what waits in each, and since when."""
        return cast("list[dict[str, Any]]", self.call("GET", "/queues", scenario=scenario))

    def analysts(self, scenario: str | None = None) -> list[dict[str, Any]]:
        """Who works on alerts, and on which."""
        return cast("list[dict[str, Any]]", self.call("GET", "/analysts", scenario=scenario))

    def keep_analyst(
        self, name: str, said: Mapping[str, Any], actor: str | None = None, scenario: str | None = None
    ) -> dict[str, Any]:
        """Keep somebody's skills, limit and queues."""
        path = f"/analysts/{quote(name, safe='')}"
        return cast("dict[str, Any]", self.call("PUT", path, said, scenario=scenario, actor=actor))

    def suppressions(self, *, every: bool = False, scenario: str | None = None) -> list[dict[str, Any]]:
        """What raises no alert at the moment, or ever did not."""
        params = {"all": "true"} if every else None
        found = self.call("GET", "/suppressions", params=params, scenario=scenario)
        return cast("list[dict[str, Any]]", found)

    def suppress(
        self, said: Mapping[str, Any], actor: str | None = None, scenario: str | None = None
    ) -> dict[str, Any]:
        """Let an entity, a rule or both raise no alert: entity, rule, for or until, reason."""
        answer = self.call("POST", "/suppressions", said, scenario=scenario, actor=actor)
        return cast("dict[str, Any]", answer)

    def end_suppression(
        self, suppression_id: int, actor: str | None = None, scenario: str | None = None
    ) -> dict[str, Any]:
        """Let a suppression end now."""
        path = f"/suppressions/{suppression_id}"
        return cast("dict[str, Any]", self.call("DELETE", path, scenario=scenario, actor=actor))
