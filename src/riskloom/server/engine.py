"""The one place where state is advanced: numbers arrivals, decides in order, answers after the commit.

Everything here runs on the event loop's thread; only commits and a rebuild of the state run beside it.
What becomes of a record until it is durable is in `commits`, what follows from a decision in `effects`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.engine import Engine, Row

from riskloom.bundle import Bundle
from riskloom.clock import Clock
from riskloom.domain.decision import Decision
from riskloom.domain.event import Event
from riskloom.errors import Conflict, EventConflict, NotFound, StoreUnavailable
from riskloom.pipeline import TOO_LATE, Pipeline
from riskloom.server.commits import Commits, Key
from riskloom.server.decisions.difference import difference
from riskloom.server.decisions.record import Record, decision_row, decode, row_values, trial_row
from riskloom.server.decisions.repo import DecisionRepo
from riskloom.server.effects import Effects
from riskloom.server.ids import RecentIds, SeenIds, id_maker
from riskloom.server.lineup.team import Casting, Entry, Fact, Team, catch_up, features_of
from riskloom.server.lock import Lock
from riskloom.server.policy.memory import PolicyChange, PolicyMemory
from riskloom.server.policy.repo import PolicyRepo, change_row
from riskloom.server.rebuild import Snapshots, rebuild, stored_vector
from riskloom.server.recovery import Rebuilt, by_features, recover
from riskloom.server.replays.parity import Parity

log = structlog.get_logger()
CATCH_UP = 1_000
"""Entries of the log taken in at once by a state that joins."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an event: its arrival number, and the decision if one was just made (else it is
    stored)."""

    arrival: int
    event: Event | None
    decision: Decision | None
    decided_at_us: int = 0
    lineup: int | None = None


class Arrivals:
    """The one counter of arrivals of a database: what every scenario's events are numbered by."""

    __slots__ = ("last",)

    def __init__(self, last: int) -> None:
        self.last = last


class DecisionEngine:
    """Decides the events of one scenario over one database."""

    def __init__(
        self,
        engine: Engine,
        repo: DecisionRepo,
        casting: Casting,
        policies: PolicyRepo,
        data_dir: str,
        lock: Lock,
        recent: RecentIds,
        arrivals: Arrivals,
        clock: Clock,
        effects: Effects,
    ) -> None:
        self.repo = repo
        self.effects = effects
        self.clock = clock
        self.casting = casting
        self.schema = casting.champion.scenario.schema()
        self._name = casting.champion.scenario.name
        self._policies = policies
        self.memory = PolicyMemory()
        self.parity = Parity()
        self._data_dir = data_dir
        self._lock = lock
        self.commits = Commits(engine, repo, self._commit_failed)
        self._team: Team | None = None
        self._taken: list[Entry] | None = None
        self._arrivals = arrivals
        self._changes = 0
        self._arrival = 0
        self._seen = SeenIds()
        self._recent = recent
        self._unready: str | None = "starting"
        self._recovery: asyncio.Task[None] | None = None

    # ---------------------------------------------------------------- life

    async def start(self, state: Rebuilt) -> None:
        """Begin with a rebuilt state."""
        self.commits.start()
        self._adopt(state)

    async def stop(self) -> None:
        """Commit what is queued, snapshot the state, and end."""
        healthy = self._unready is None
        self._unready = "stopping"
        if self._recovery is not None:
            self._recovery.cancel()
            await asyncio.wait({self._recovery})
        await self.commits.stop()
        if healthy and self.commits.writer.error is None and self._team is not None:
            try:
                snapshots, state = Snapshots(self._data_dir, self.bundle), self._team.pipeline.state
                await asyncio.to_thread(snapshots.save, self.repo, state, self._arrival)
            except (OSError, StoreUnavailable) as error:
                log.warning("engine.no_snapshot", reason=str(error))  # the log has everything
        await self._seen.end()
        self.repo.close()

    @property
    def bundle(self) -> Bundle:
        """The champion's bundle."""
        return self.casting.champion

    @property
    def unready(self) -> str | None:
        """Why no event is taken at the moment, or None."""
        return self._unready

    @property
    def arrival(self) -> int:
        """The arrival number given last to an event of this scenario."""
        return self._arrival

    @property
    def team(self) -> Team:
        """Who judges at the moment.

        Raises
        ------
        StoreUnavailable
            While the state is being rebuilt.
        """
        if self._unready is not None or self._team is None:
            raise StoreUnavailable(f"Not ready: {self._unready}.", hint="send it again in a moment")
        return self._team

    @property
    def pipeline(self) -> Pipeline:
        """The champion's pipeline; raises as `team` does."""
        return self.team.pipeline

    def use(self, bundle: Bundle) -> None:
        """Let another champion decide from the next event on; its features must be the present ones."""
        self.schema = bundle.scenario.schema()
        if self._team is None:
            self.casting = Casting(bundle)
        else:
            self._team.use(bundle)
            self.casting = self._team.casting

    async def change(self, casting: Casting) -> None:
        """Let others judge from some event on. No event waits for it: states that are new are built from the
        log beside the work, and then take in what came meanwhile.

        Raises
        ------
        StoreUnavailable
            When the state had to be rebuilt meanwhile; nothing has changed.
        """
        team, states = self.team, dict(self.team.states)
        fresh = by_features(casting, states)
        if fresh:
            self._taken = []
            try:
                held, pipelines = await self._build(fresh)
                while self._taken:
                    part, self._taken = self._taken[:CATCH_UP], self._taken[CATCH_UP:]
                    catch_up(pipelines, part, held)
                    await asyncio.sleep(0)  # events go on between the parts
            finally:
                self._taken = None
            states |= {features_of(one.bundle): one.state for one in pipelines}
        if self.team is not team:
            raise StoreUnavailable("The state was rebuilt meanwhile.", hint="try again")
        self._team = Team(casting, states, self.memory, team)
        self.casting = casting
        self.schema = casting.champion.scenario.schema()

    async def _build(self, fresh: Mapping[str, Bundle]) -> tuple[dict[str, int], list[Pipeline]]:
        """Pipelines over the log, and by features part the arrival number up to which each has read."""
        await self.commits.settle()
        built = {
            features: await asyncio.to_thread(rebuild, self.repo, bundle, Snapshots(self._data_dir, bundle))
            for features, bundle in fresh.items()
        }
        return {name: read for name, (_, read) in built.items()}, [one for one, _ in built.values()]

    # ---------------------------------------------------------------- one event

    def parse(self, data: object, *, idempotency_key: str = "", where: str = "") -> Event:
        """Check a decoded event; one without an id gets one, the same for the same idempotency key."""
        return self.schema.parse_one(
            data, self.clock.now_us(), make_id=id_maker(idempotency_key), where=where
        )

    def read(self, body: bytes, *, idempotency_key: str = "") -> Event:
        """Check an event as JSON, as `parse` checks a decoded one."""
        return self.schema.read_one(body, self.clock.now_us(), make_id=id_maker(idempotency_key))

    async def take(self, event: Event, *, score: bool = True) -> Taken:
        """Decide an event (or only take it in) and wait until that is durable.

        The same id and body gives what is stored; a concurrent one waits for the first one's commit.

        Raises
        ------
        EventConflict
            When the id was used with another body.
        StoreUnavailable
            When it could not be made durable; nothing was taken.
        """
        taken, waiting = self.put(event, score=score)
        if waiting is not None:
            await waiting
        if taken is None:
            return await self.take(event, score=score)  # the first one's commit is awaited; now it is stored
        return taken

    def put(
        self, event: Event, *, score: bool = True, hurried: bool = False
    ) -> tuple[Taken | None, asyncio.Future[None] | None]:
        """The synchronous half of `take`: (what was taken, what to await); None where a first one is in
        flight."""
        team = self.team
        if (first := self.commits.waiter(event.id)) is not None:
            return None, first
        digest = self.schema.digest(event)
        if self._seen.add(event.id):
            stored = self.repo.arrival_of(event.id)
            if stored is not None:
                return self._again(event, digest, stored, score)
        arrival = self._arrivals.last + 1
        now_us = self.clock.now_us()
        decision: Decision | None = None
        row, trials = None, []
        if score:
            decision, rows, others = team.score_one(event, arrival, hurried=hurried)
            vector, too_late = decision.vector.tobytes(), TOO_LATE in decision.degraded
            row = decision_row(decision, self._name, now_us, team.number)
            trials = [trial_row(other, self._name) for other in others]
        else:
            rows = team.rows
            vector, too_late = team.look_one(event)
        degraded = (TOO_LATE,) if too_late else ()
        event_row, personal_row = rows.of(event, arrival, vector, degraded, digest)
        team.advance_one(arrival)
        self._arrivals.last = self._arrival = arrival
        self._recent.add(arrival, event.id)
        if self._taken is not None:
            self._taken.append((arrival, event))
        record = Record(arrival, event.id, event_row, personal_row, row, trials)
        if decision is not None and decision.flagged:
            record.effects = self.effects.of(team.bundle_of(decision), event, decision, now_us)
        waiting = self.commits.put(record)
        return Taken(arrival, event, decision, now_us, team.number), waiting

    def look(self, event: Event) -> Decision:
        """What would be decided; stores nothing and changes nothing."""
        return self.pipeline.score_one(event, self._arrivals.last + 1)

    async def score_stored(self, event_id: str) -> Taken:
        """Decide an event that was taken in before, by its id; the stored decision where there is one.

        Raises
        ------
        NotFound
            When there is no such event.
        """
        while (first := self.commits.waiter(event_id)) is not None:
            await first
        row = self.repo.get(event_id=event_id)
        if row is None:
            raise NotFound(f"No event {event_id!r} is stored.", hint="POST it to /api/v1/events first")
        if row.outcome is not None:
            return Taken(int(row.arrival), None, None)
        taken, waiting = self._decide_stored(row)
        await waiting
        return taken

    def _again(
        self, event: Event, digest: bytes, arrival: int, score: bool
    ) -> tuple[Taken | None, asyncio.Future[None] | None]:
        """An id that is stored already."""
        row = self.repo.get(arrival=arrival)
        if row is None:
            raise StoreUnavailable("The stored event could not be read.", hint="send it again")
        if bytes(row.digest) != digest:
            raise EventConflict(
                f"The event id {event.id!r} was used before with another body.",
                difference(self.schema, event, row),
                hint="use a new event_id for a new event; send the same body to repeat a request",
            )
        if not score or row.outcome is not None:
            return Taken(arrival, None, None), None
        return self._decide_stored(row)

    def _decide_stored(self, row: Row[Any]) -> tuple[Taken, asyncio.Future[None]]:
        arrival = int(row.arrival)
        if row.features != features_of(self.bundle):
            raise Conflict(
                f"Event {row.event_id!r} was taken in with other features than the champion's.",
                hint="it can be decided by a bundle of the features it was taken in with",
            )
        event = Event(row.event_id, row.event_time_us, row.arrived_at_us, *row_values(row))
        degraded = tuple(decode(row.degraded))
        now_us = self.clock.now_us()
        decision = self.pipeline.score_stored(event, arrival, stored_vector(row.vector), degraded)
        values = decision_row(decision, self._name, now_us, self.team.number)
        record = Record(arrival, event.id, None, None, values)
        if decision.flagged:
            record.effects = self.effects.of(self.bundle, event, decision, now_us)
        waiting = self.commits.put(record)
        return Taken(arrival, None, None), waiting

    # ---------------------------------------------------------------- labels

    async def settle(self, event_ids: Iterable[str]) -> None:
        """Wait for the commits under way of these events, and of all labels."""
        keys: list[Key] = [*event_ids, *self.commits.label_keys]
        for key in keys:
            while (first := self.commits.waiter(key)) is not None:
                await first

    def tell(
        self, about: int, time_us: int, values: Mapping[str, Any], truth: bool, row: Sequence[Any]
    ) -> tuple[int, asyncio.Future[None]]:
        """Take a label of a stored event into the log and the state: (its arrival number, what to await).

        Parameters
        ----------
        about, time_us, values
            The event's arrival number, time and stored fields.
        truth
            What the event counts as from here on.
        row
            The label's row without its first column.

        Raises
        ------
        StoreUnavailable
            While the state is being rebuilt.
        """
        fact = Fact(time_us, values, about, truth)
        arrival = self._arrivals.last + 1
        self.team.tell_one(fact)
        self._arrivals.last = self._arrival = arrival
        if self._taken is not None:
            self._taken.append((arrival, fact))
        record = Record(arrival, arrival, None, None, None, label_row=(arrival, *row))
        return arrival, self.commits.put(record)

    # ---------------------------------------------------------------- lists and switches

    @property
    def newest(self) -> int:
        """The highest arrival number given in this database."""
        return self._arrivals.last

    async def change_policy(self, change: PolicyChange) -> None:
        """Let a change of lists or switches hold from the next event on, and wait until it is durable.

        Raises
        ------
        StoreUnavailable
            When it could not be made durable; it does not hold.
        """
        self.team.take_change(change)
        self.memory.take(change)
        self._changes += 1
        row = change_row(change, self._name, self.newest)
        await self.commits.put(Record(self.newest, -self._changes, None, None, None, change_row=row))

    # ---------------------------------------------------------------- failed commits

    def _commit_failed(self, records: int, error: StoreUnavailable) -> None:
        if self._unready is None:
            self._unready = "the database does not take writes; the state is rebuilt when it does"
            log.error("engine.commit_failed", events=records, reason=error.message)
            self._recovery = asyncio.get_running_loop().create_task(self._recover())

    async def _recover(self) -> None:
        state = await recover(
            self.commits,
            self.repo,
            self._lock,
            lambda: self.casting,
            self._policies.memory,
            lambda: self.effects.read(self.bundle, self.clock.now_us()),
            self._data_dir,
        )
        self.commits.writer.resume()
        self._adopt(state)
        log.info("engine.recovered", arrival=self._arrival)

    def _adopt(self, state: Rebuilt) -> None:
        """Go on from a state that is the log's."""
        self._team = state.team
        self.memory = state.memory
        if state.team.casting is not self.casting:
            state.team.use(self.bundle)  # another model was trained while the state was rebuilt
            self.casting = state.team.casting
        self.effects.adopt(self.bundle, state.known)
        self._arrival = state.arrival
        self._arrivals.last = max(self._arrivals.last, state.last)
        self._seen.begin(self.repo.ids)
        self._unready = None
