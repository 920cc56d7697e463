"""Delivers the outbox: at least once, again after a pause where it failed, never twice at once.

Runs beside the server on its event loop, or in processes of its own over the same database. It reads and
writes on threads, in transactions that wait for nobody, so that decisions do not wait for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass

import structlog
from sqlalchemy.engine import Engine

from riskloom.clock import Clock
from riskloom.errors import DeliveryRefused, StoreUnavailable, Undelivered
from riskloom.scenario.scenario import Scenario
from riskloom.server.db import is_storable
from riskloom.server.notices.backoff import FIRST_US, backoff_us
from riskloom.server.notices.channels import Channels, open_channels, reason_of
from riskloom.server.notices.message import notice_of
from riskloom.server.notices.outbox_repo import OutboxRepo, Outcome, Room, Scenarios, Taken
from riskloom.server.settings import Settings

log = structlog.get_logger()
AT_ONCE = 8
"""Notices on their way to one channel: one that hangs holds up no other."""
GATHER_S = 0.05
"""Between two rounds while something is under way: what came of many is marked in one transaction."""
STOP_S = 5.0
LONGEST_SAID = 500
LEASE = 3
LONGEST_PAUSE_US = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Pace:
    """How a relay goes about it.

    `attempts` are made before a notice is dead, each for `timeout_s` at most; `first_pause_us` lies before
    the second; `poll_s` is how long a relay sleeps that was not woken.
    """

    attempts: int = 16
    timeout_s: float = 20.0
    poll_s: float = 1.0
    first_pause_us: int = FIRST_US

    @property
    def lease_us(self) -> int:
        """How long a relay has a notice for itself: longer than it can possibly need."""
        return round(self.timeout_s * LEASE * 1e6)


class Relay:
    """One relay over a database.

    Parameters
    ----------
    scenarios
        Gives the scenarios that are served now, by name.
    dashboard_url
        What notices link to; "" for nothing.
    """

    def __init__(
        self,
        engine: Engine,
        channels: Channels,
        scenarios: Scenarios,
        clock: Clock,
        *,
        dashboard_url: str = "",
        pace: Pace | None = None,
    ) -> None:
        self._repo = OutboxRepo(engine, scenarios, secrets.token_hex(8))
        self.channels = channels
        self._clock = clock
        self._dashboard_url = dashboard_url
        self.pace = pace or Pace()
        self._woken = asyncio.Event()
        self._sending: dict[asyncio.Task[None], Taken] = {}
        self._outcomes: list[Outcome] = []
        self._problem = ""
        self._stopping = False

    @property
    def busy(self) -> bool:
        """Whether anything is under way, or to be marked."""
        return bool(self._sending or self._outcomes)

    def wake(self) -> None:
        """There may be something to deliver; called on the event loop's thread."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver until `stop`; then what is under way gets a moment to end, and is marked."""
        while not self._stopping:
            self._woken.clear()
            if not await self._careful_round() and not self._stopping:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), self.pace.poll_s)
            if self.busy:
                await asyncio.sleep(GATHER_S)
        await self._finish()

    async def _careful_round(self) -> bool:
        """A round; whatever goes wrong in it, there is another one."""
        try:
            return await self.round()
        except Exception as error:
            log.exception("relay.failed", reason=type(error).__name__)
            return False

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Deliver beside whatever is done in the block."""
        task = asyncio.create_task(self.run())
        try:
            yield
        finally:
            self.stop()
            await task
            await self.channels.close()

    def stop(self) -> None:
        """Begin nothing more; `run` ends soon."""
        self._stopping = True
        self._woken.set()

    async def round(self) -> bool:
        """Mark what came of attempts and begin those that are due; whether anything was due."""
        now_us, outcomes = self._clock.now_us(), self._outcomes
        rooms = self._rooms()
        self._outcomes = []
        try:
            if not outcomes and not await asyncio.to_thread(self._repo.is_due, list(rooms), now_us):
                return False
            until_us = now_us + self.pace.lease_us
            taken, touched = await asyncio.to_thread(
                self._repo.mark_and_take, outcomes, rooms, now_us, until_us
            )
        except StoreUnavailable as error:
            self._outcomes = outcomes + self._outcomes
            self._say(error.message)
            return False
        self._say("")
        for one in taken:
            task = asyncio.create_task(self._deliver(one))
            self._sending[task] = one
            task.add_done_callback(self._done)
        return touched

    async def settle(self) -> None:
        """Until nothing is under way."""
        while self._sending:
            await asyncio.wait(set(self._sending))

    async def _finish(self) -> None:
        """Let what is under way end, for a moment, and mark it; what was cut off is sent again."""
        if self._sending:
            await asyncio.wait(set(self._sending), timeout=STOP_S)
        for task in set(self._sending):
            task.cancel()
        await self.settle()
        if self._outcomes:
            outcomes, self._outcomes = self._outcomes, []
            with contextlib.suppress(StoreUnavailable):  # their leases run out
                await asyncio.to_thread(self._repo.mark_and_take, outcomes, {}, self._clock.now_us(), 0)

    def _rooms(self) -> dict[str, Room]:
        busy: dict[str, int] = {}
        for one in self._sending.values():
            busy[one.channel] = busy.get(one.channel, 0) + 1
        return {
            channel.name: Room(AT_ONCE - busy.get(channel.name, 0), channel.per_minute)
            for channel in self.channels
            if busy.get(channel.name, 0) < AT_ONCE
        }

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._sending[task]
        self._woken.set()

    async def _deliver(self, taken: Taken) -> None:
        """One attempt; whatever happens, an outcome comes of it."""
        try:
            notice = notice_of(taken.told, self._dashboard_url)
            said = await self.channels.of(taken.channel).send(notice, self.pace.timeout_s)
            outcome = Outcome(taken.id, taken.attempt, "delivered", storable(said), None)
        except DeliveryRefused as error:
            outcome = Outcome(taken.id, taken.attempt, "dead", storable(reason_of(error)), None)
        except asyncio.CancelledError:
            outcome = self._again(taken, "cut off when the server stopped", 0.0)
        except Undelivered as error:
            outcome = self._again(taken, reason_of(error), error.after_s)
        except Exception as error:  # noqa: BLE001 - a fault of a driver stops no other notice
            log.warning("relay.driver_failed", channel=taken.channel, reason=type(error).__name__)
            outcome = self._again(taken, reason_of(error), 0.0)
        if outcome.state == "dead":
            log.warning("relay.dead_letter", key=taken.told.key, reason=outcome.said)
        self._outcomes.append(outcome)

    def _again(self, taken: Taken, said: str, after_s: float) -> Outcome:
        said = storable(said)
        if taken.attempt >= self.pace.attempts:
            return Outcome(
                taken.id, taken.attempt, "dead", f"{said} (attempt {taken.attempt}, the last)", None
            )
        pause_us = backoff_us(taken.told.key, taken.attempt, self.pace.first_pause_us)
        pause_us = min(max(pause_us, round(after_s * 1e6)), LONGEST_PAUSE_US)
        return Outcome(taken.id, taken.attempt, "waiting", said, self._clock.now_us() + pause_us)

    def _say(self, problem: str) -> None:
        """Log a problem of the database when it begins."""
        if problem and problem != self._problem:
            log.warning("relay.waits_for_the_database", reason=problem)
        self._problem = problem


def storable(said: str) -> str:
    """What a receiver said, as far as it is worth keeping and every database can hold it."""
    return "".join(character if is_storable(character) else "?" for character in said[:LONGEST_SAID])


def open_relay(
    settings: Settings, engine: Engine, scenarios: Callable[[], Iterable[Scenario]], clock: Clock
) -> Relay:
    """A relay to the channels of the settings, for the scenarios that are served at any moment.

    Raises
    ------
    ParameterInvalid
        With every fault of the channels.
    """
    setting = None if settings.channels is None else settings.channels.get_secret_value()
    return Relay(
        engine,
        open_channels(setting, settings.data_dir),
        lambda: {scenario.name: scenario for scenario in scenarios()},
        clock,
        dashboard_url=settings.dashboard_url,
        pace=Pace(
            settings.notice_attempts,
            settings.notice_timeout_s,
            first_pause_us=round(settings.notice_pause_s * 1e6),
        ),
    )
