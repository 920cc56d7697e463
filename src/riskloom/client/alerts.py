"""Alerts: read, taken, worked on and closed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from riskloom.client.calls import Calls
from riskloom.client.shapes import Page

Alert = dict[str, Any]


class AlertCalls(Calls):
    """The part of `Client` about alerts; who acts is the client's `user`."""

    def alerts(self, **asked: Any) -> Page[Alert]:
        """Alerts, the most valuable first: state, queue, severity, reason, entity, claimed_by, min_amount,
        since, until narrow them; order, limit, cursor."""
        return cast("Page[Alert]", self._get("/api/v1/alerts", asked))

    def alert(self, alert_id: int) -> Alert:
        """One alert with its newest decisions and the events that are their evidence.

        Raises
        ------
        NotFound
        """
        return cast(Alert, self._get(f"/api/v1/alerts/{alert_id}"))

    def next_alert(self, queues: Sequence[str] | None = None) -> Alert | None:
        """Claim the most valuable alert that one may work; None where none waits."""
        answer = self._post("/api/v1/alerts/next", _body({"queues": list(queues)} if queues else {}))
        return cast("Alert | None", answer["alert"])

    def act(self, alert_id: int, act: str, said: Mapping[str, Any] | None = None) -> Alert:
        """claim, release, renew, snooze, escalate, resolve, reopen or assign an alert.

        Raises
        ------
        Held
            When somebody else has it.
        MoveInvalid
            When it cannot be moved there from its state.
        """
        return cast(Alert, self._post(f"/api/v1/alerts/{alert_id}/{act}", _body(said or {})))

    def act_on_many(self, ids: Sequence[int], act: str, said: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The same with many; for each the alert, or its id with an `error`."""
        answer = self._post("/api/v1/alerts/bulk", _body({"act": act, "ids": list(ids), **said}))
        return cast("list[dict[str, Any]]", answer["results"])

    def queues(self) -> list[dict[str, Any]]:
        """Queues as declared, what waits in each, and since when."""
        return cast("list[dict[str, Any]]", self._get("/api/v1/queues"))


def _body(said: Mapping[str, Any]) -> bytes:
    return json.dumps(dict(said)).encode()
