"""What people ask of notices: where they lead, what became of them, the test button, dead letters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.engine import Engine

from riskloom.clock import Clock
from riskloom.errors import Fault, ParameterInvalid, show
from riskloom.scenario.scenario import Scenario
from riskloom.server.notices.repo import DEAD, NoticeRepo
from riskloom.server.notices.sla_repo import clocks_of
from riskloom.server.relay import Relay

_MOST_IDS = 1_000


class NoticeService:
    """Notices of one scenario.

    Parameters
    ----------
    scenario
        Gives the scenario at work.
    relay
        Delivers them; knows the channels.
    """

    def __init__(
        self,
        engine: Engine,
        relay: Relay,
        scenario: Callable[[], Scenario],
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._relay = relay
        self._channels = relay.channels
        self._scenario = scenario
        self._clock = clock
        self._repo = NoticeRepo(engine, scenario().name)

    def channels(self) -> dict[str, Any]:
        """Every channel, without what is secret of its URL, and those that the scenario misses here."""
        waiting, used = self._repo.waiting(), self._scenario().notices.channels
        listed = [
            {
                "name": channel.name,
                "kind": channel.kind,
                "url": channel.notifier.url,
                "per_minute": channel.per_minute or None,
                "used": channel.name in used,
                "waiting": waiting.get(channel.name, 0),
            }
            for channel in self._channels
        ]
        missing = sorted(name for name in {*used, *waiting} if name not in self._channels)
        return {"channels": listed, "missing": missing}

    async def test(self, name: str) -> dict[str, Any]:
        """Send a test notice to a channel now.

        Raises
        ------
        NotFound, Undelivered, DeliveryRefused
        """
        return await self._channels.test(name, self._clock, self._relay.pace.timeout_s)

    def page(self, wanted: Mapping[str, Any], limit: int, before: int | None) -> dict[str, Any]:
        """A page of notices, newest first."""
        found = self._repo.page(wanted, limit + 1, before)
        more = len(found) > limit
        return {"notices": found[:limit], "next": str(found[limit - 1]["id"]) if more else None}

    def counts(self) -> dict[str, Any]:
        """How many notices are in each state."""
        return {"states": self._repo.counts()}

    def dead_letters(self, limit: int, before: int | None) -> dict[str, Any]:
        """A page of what could not be delivered, with the reason."""
        return self.page({"state": DEAD}, limit, before)

    def clocks(self, alert_id: int) -> dict[str, Any]:
        """The clocks of an alert."""
        name, now_us = self._scenario().name, self._clock.now_us()
        return {"clocks": clocks_of(self._engine, name, [alert_id], now_us).get(alert_id, [])}

    def replay(self, ids: object, channel: str | None, actor: str) -> dict[str, Any]:
        """Put dead letters back: those of these ids, of a channel, or all.

        Raises
        ------
        ParameterInvalid
        """
        if ids is not None and not _are_ids(ids):
            raise ParameterInvalid(Fault("ids", f"a list of at most {_MOST_IDS} ids", show(ids)))
        chosen = list(ids) if isinstance(ids, list) else None
        return {"replayed": self._repo.replay(chosen, channel, actor, self._clock.now_us())}

    def wake(self) -> None:
        """Let the relay look now."""
        self._relay.wake()


def _are_ids(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= _MOST_IDS
        and all(type(one) is int and 0 <= one < 2**31 for one in value)
    )
