"""Who judges an event: the champion, a canary for its share of the entities, shadows beside them.

Versions whose features part is the same share one state and one look at the event; any other has a state of
its own, which takes in every event as well. The champion's state comes first: what it refuses, nobody takes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import structlog

from riskloom.bundle import Bundle
from riskloom.domain.decision import Decision
from riskloom.domain.event import Event
from riskloom.errors import StateOverflow
from riskloom.features.state import WindowState
from riskloom.pipeline import Pipeline
from riskloom.server.decisions.record import EventRows
from riskloom.server.policy.memory import PolicyChange, PolicyMemory

log = structlog.get_logger()
States = Mapping[str, WindowState]
"""Window states by the fingerprint of the features part they are of."""


@dataclass(frozen=True, slots=True)
class Casting:
    """Which bundles are to judge. `number` names the line-up in decisions, None without a registry.

    `takes` says whether the canary decides for an entity, by its stored key.
    """

    champion: Bundle
    canary: Bundle | None = None
    takes: Callable[[str | None], bool] = lambda _key: False
    shadows: tuple[Bundle, ...] = ()
    number: int | None = None

    @property
    def bundles(self) -> tuple[Bundle, ...]:
        """All of them, the champion first."""
        return (self.champion, *(() if self.canary is None else (self.canary,)), *self.shadows)


class Fact(NamedTuple):
    """What an event turned out to be, as `Pipeline.tell_one` takes it: the log's second kind of entry."""

    time_us: int
    values: Mapping[str, Any]
    about: int
    fraud: bool


Entry = tuple[int, Event | Fact]
"""An entry of the log: its arrival number, and what it is."""


class Ruling(NamedTuple):
    """The decision, what makes the event's row with its vector, and what the others say."""

    decision: Decision
    rows: EventRows
    others: Sequence[Decision]


class Team:
    """A casting at work.

    Parameters
    ----------
    casting
        Who judges.
    states
        A state for each features part among the bundles, all after the same events.
    memory
        Who is on lists, and what is off.
    before
        Who judged so far: what its policy remembers is carried over.
    """

    def __init__(
        self, casting: Casting, states: States, memory: PolicyMemory, before: Team | None = None
    ) -> None:
        self.casting = casting
        self.number = casting.number
        self.states = {features_of(bundle): states[features_of(bundle)] for bundle in casting.bundles}
        pipelines = [
            Pipeline(bundle, states[features_of(bundle)], memory.lists(bundle.scenario))
            for bundle in casting.bundles
        ]
        self.pipeline = pipelines[0]
        if before is not None:
            self.pipeline.follow(before.pipeline)
        for pipeline in pipelines:
            pipeline.off = memory.off
        self._pipelines = tuple(pipelines)
        self.rows = EventRows(casting.champion.scenario)
        self.is_alone = len(pipelines) == 1
        canary = pipelines[1] if casting.canary is not None else None
        self._canary = None if canary is None else (canary, EventRows(canary.scenario))
        self._shadows = tuple(pipelines[1 if canary is None else 2 :])
        leads = {id(pipeline.state): pipeline for pipeline in reversed(pipelines[1:])}
        leads.pop(id(self.pipeline.state), None)
        self._others = leads
        """The first pipeline on each further state."""
        own = {id(self.pipeline), *(id(lead) for lead in leads.values())}
        self._sharing = tuple(one for one in pipelines if id(one) not in own)
        """The pipelines that look at another's state."""

    def score_one(self, event: Event, arrival: int, *, hurried: bool = False) -> Ruling:
        """Judge an event, without models when `hurried`; changes nothing. `advance_one` then takes it in."""
        pipeline, rows = self.pipeline, self.rows
        if self.is_alone:
            return Ruling(pipeline.score_one(event, arrival, hurried), rows, ())
        for one in self._sharing:
            one.forget_one()
        looked = {id(lead.state): lead.look_one(event) for lead in (pipeline, *self._others.values())}
        judge = pipeline
        others = list(self._shadows)
        if self._canary is not None and self.casting.takes(rows.entity_key(event)):
            judge, rows = self._canary
            others.append(pipeline)
        decision, *said = (
            one.judge_one(event, arrival, looked[id(one.state)], hurried) for one in (judge, *others)
        )
        return Ruling(decision, rows, said)

    def bundle_of(self, decision: Decision) -> Bundle:
        """The bundle that decided: the champion's, or the canary's."""
        if self._canary is not None and decision.bundle == self._canary[0].bundle.fingerprint:
            return self._canary[0].bundle
        return self.pipeline.bundle

    def look_one(self, event: Event) -> tuple[bytes, bool]:
        """(the champion's vector as bytes, too late) of an event; `advance_one` then takes it in."""
        for one in self._sharing:
            one.forget_one()
        for lead in self._others.values():
            lead.look_one(event)
        vector, _, too_late = self.pipeline.look_one(event)
        return vector.tobytes(), too_late

    def advance_one(self, arrival: int) -> None:
        """Take the event of the last look into every state.

        Raises
        ------
        StateOverflow
            When a sum of the champion's would not fit; then no state has changed.
        """
        self.pipeline.advance_one(arrival)
        if self.is_alone:
            return
        for one in self._sharing:
            one.remember_one()
        for key, lead in list(self._others.items()):
            try:
                lead.advance_one(arrival)
            except StateOverflow as error:
                self._leave_out(key, lead, error)

    def _leave_out(self, key: int, lead: Pipeline, error: StateOverflow) -> None:
        """A version that cannot take in what the champion takes judges no more."""
        log.error("lineup.left_out", bundle=lead.bundle.version, reason=error.message)
        del self._others[key]
        self._shadows = tuple(one for one in self._shadows if one.state is not lead.state)
        if self._canary is not None and self._canary[0].state is lead.state:
            self._canary = None
        self.states = {name: state for name, state in self.states.items() if state is not lead.state}

    def tell_one(self, fact: Fact) -> None:
        """Take a fact into every state that counts them."""
        for lead in (self.pipeline, *self._others.values()):
            if lead.takes_facts:
                lead.tell_one(*fact)

    def take_change(self, change: PolicyChange) -> None:
        """Let a change of lists or switches hold from the next event on."""
        for one in self._pipelines:
            if isinstance(change.what, frozenset):
                one.off = change.what
            else:
                for entry in change.what:
                    one.lists.apply(entry)

    def use(self, bundle: Bundle) -> None:
        """Let another champion of the same features judge from now on."""
        self.casting = Casting(
            bundle, self.casting.canary, self.casting.takes, self.casting.shadows, self.number
        )
        self.pipeline.use(bundle)
        self.rows = EventRows(bundle.scenario)


def features_of(bundle: Bundle) -> str:
    """The fingerprint of a bundle's features part: it names the state that serves it."""
    return bundle.scenario.fingerprint("features")


def catch_up(pipelines: Sequence[Pipeline], taken: Sequence[Entry], after: Mapping[str, int]) -> None:
    """Take entries into the states of pipelines that were built from the log beside the work.

    Parameters
    ----------
    taken
        Entries of the log, in order.
    after
        By features part, the arrival number that its state holds already.
    """
    for pipeline in pipelines:
        held = after[features_of(pipeline.bundle)]
        waiting: list[tuple[int, Event]] = []
        for arrival, entry in taken:
            if arrival <= held:
                continue
            if isinstance(entry, Fact):
                _advance(pipeline, waiting)
                waiting = []
                if pipeline.takes_facts:
                    pipeline.tell_one(*entry)
            else:
                waiting.append((arrival, entry))
        _advance(pipeline, waiting)


def _advance(pipeline: Pipeline, taken: Sequence[tuple[int, Event]]) -> None:
    if taken:
        arrivals = np.array([arrival for arrival, _ in taken], np.int64)
        pipeline.advance_many([event for _, event in taken], arrivals)
