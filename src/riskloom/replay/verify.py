"""Recomputes what was decided live from the log of it, and compares bit for bit.

What the clock decided is an input: when an event arrived is in the log. The rest must come out again: vector,
scores, probability, outcome, reasons, evidence, contributions, degraded.
"""

from __future__ import annotations

import heapq
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from riskloom.bundle import Bundle
from riskloom.domain.decision import LADDER, RANK, Decision
from riskloom.domain.event import Event
from riskloom.features.state import WindowState
from riskloom.measure.result import Result
from riskloom.pipeline import DEADLINE, TOO_LATE, Pipeline
from riskloom.policy.judge import decided_after, off_in
from riskloom.rules.lists import Lists
from riskloom.scenario.list_keys import initial_lists
from riskloom.scenario.scenario import Scenario

SHOWN = 20
"""Mismatches that are kept to be shown; all are counted."""
EVIDENCE = "evidence"


@dataclass(frozen=True, slots=True)
class Logged:
    """One event as a server stored it.

    `decision` holds the fields of `recorded`, or is None where nothing was decided; `features` is the
    fingerprint of the features part that made the vector. `trials` are what other bundles said, by
    fingerprint, with the fields that are stored of it; of them `shadows` were shadows.
    """

    arrival: int
    event: Event
    digest: bytes
    vector: bytes
    features: str
    degraded: tuple[str, ...]
    bundle: str = ""
    decision: Mapping[str, Any] | None = None
    trials: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    shadows: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Mismatch(Result):
    """One thing that does not come out again."""

    arrival: int
    event_id: str
    what: str
    stored: str
    recomputed: str


@dataclass(frozen=True, slots=True)
class Verified(Result):
    """What was compared.

    Parameters
    ----------
    events, decisions, trials
        Whose vectors, and whose decisions were compared; and what was compared that shadows said, and the
        champion where a canary decided.
    mismatches
        How many events had at least one; the `first` ones are shown.
    missing
        Bundles that could not be found, and how many decisions or trials were not compared for it.
    """

    events: int
    decisions: int
    trials: int
    mismatches: int
    first: tuple[Mismatch, ...]
    missing: Mapping[str, int]

    @property
    def is_sound(self) -> bool:
        """Whether everything was compared and came out again."""
        return not self.mismatches and not self.missing


def recorded(decision: Decision) -> dict[str, Any]:
    """What is stored of a decision, as it is read back: reasons and contributions through JSON."""
    return {
        "outcome": RANK[decision.outcome],
        "anomaly_score": decision.anomaly_score,
        "risk_score": decision.risk_score,
        "probability": decision.probability,
        "reasons": msgspec.json.decode(msgspec.json.encode(decision.reasons)),
        "degraded": list(decision.degraded),
        "contributions": msgspec.json.decode(msgspec.json.encode(decision.contributions)),
    }


@dataclass(frozen=True, slots=True)
class LoggedFact:
    """What an event turned out to be, as a server was told: the log's second kind of entry."""

    arrival: int
    time_us: int
    values: Mapping[str, Any]
    about: int
    fraud: bool


@dataclass(frozen=True, slots=True)
class Conditions:
    """What people changed while it was decided.

    Parameters
    ----------
    facts
        In arrival order.
    lists_of
        Who was on a scenario's lists, with the whole history.
    off_before
        What was switched off for the event of an arrival number.
    shadows
        Bundles that ever were shadows.
    """

    facts: Iterable[LoggedFact] = ()
    lists_of: Callable[[Scenario], Lists] = initial_lists
    off_before: Callable[[int], frozenset[str]] = lambda _arrival: frozenset()
    shadows: frozenset[str] = frozenset()


class Verifier:
    """Takes a log in arrival order.

    Parameters
    ----------
    bundles
        Those that decided, by fingerprint.
    bare
        For each features part by fingerprint: a bundle that has it, with or without its model.
    states
        By features part: the state before the first event, where it is not the empty one.
    conditions
        Labels, lists, switches and line-ups as they were.

    Notes
    -----
    Budgets and limits go by what the log says was decided, or tried by a shadow, before: see `_remember`.
    """

    def __init__(
        self,
        bundles: Mapping[str, Bundle],
        bare: Mapping[str, Bundle],
        states: Mapping[str, WindowState] | None = None,
        conditions: Conditions = Conditions(),
    ) -> None:
        self._facts = iter(conditions.facts)
        self._next = next(self._facts, None)
        self._off_before = conditions.off_before
        self._leads = {name: Pipeline(bundle, (states or {}).get(name)) for name, bundle in bare.items()}
        self._schemas = {name: lead.scenario.schema() for name, lead in self._leads.items()}

        def pipelines(some: Iterable[str]) -> dict[str, Pipeline]:
            return {
                fingerprint: Pipeline(
                    bundles[fingerprint], self._leads[features].state, conditions.lists_of(scenario)
                )
                for fingerprint in some
                if fingerprint in bundles
                and (features := (scenario := bundles[fingerprint].scenario).fingerprint("features"))
                in self._leads
            }

        self._acting, self._shadows = pipelines(bundles), pipelines(conditions.shadows)
        self._remembering = [
            (fingerprint, is_shadow, pipeline)
            for is_shadow, some in enumerate((self._acting, self._shadows))
            for fingerprint, pipeline in some.items()
            if pipeline.deciding.reach_us
        ]
        self._later: list[tuple[int, int, Logged]] = []
        self._events = self._decisions = self._trials = self._wrong = 0
        self._first: list[Mismatch] = []
        self._missing: Counter[str] = Counter()

    def take(self, logged: Logged) -> None:
        """Compare one event, and take it into the windows."""
        self._decide_before(logged.arrival)
        found = [fault for name, stored in logged.trials.items() for fault in self._try(logged, name, stored)]
        for name, lead in self._leads.items():
            if name == logged.features:
                found += self._compare(logged, lead)
            else:
                lead.look_one(logged.event)
            lead.advance_one(logged.arrival)
        self._note(found)
        self._remember(logged)
        if logged.features not in self._leads:
            self._missing[f"features {logged.features}"] += 1

    def skip(self, events: Sequence[Event], arrivals: npt.NDArray[np.int64]) -> None:
        """Take events into the windows without comparing them."""
        if len(arrivals):
            self._decide_before(int(arrivals[0]))
            for lead in self._leads.values():
                lead.advance_many(events, arrivals)

    def recall(self, earlier: Logged) -> None:
        """Let budgets and limits remember what was said of an event before the first one."""
        self._remember(earlier)

    def _remember(self, logged: Logged) -> None:
        """Who acts remembers what was decided; a shadow what it said itself, where it was asked."""
        if logged.decision is None:
            return
        for fingerprint, is_shadow, pipeline in self._remembering:
            tried = logged.trials.get(fingerprint) if is_shadow else None
            said = logged.decision if tried is None else {**tried, "degraded": ()}
            pipeline.recall(logged.event, {**said, "outcome": LADDER[said["outcome"]]})

    def _decide_before(self, arrival: int) -> None:
        """Take in what the log holds before an event: facts, and what was decided later than it arrived."""
        while self._later and self._later[0][0] < arrival:
            after, _, logged = heapq.heappop(self._later)
            self._tell_before(after + 1)
            self._decide_later(logged, after)
        self._tell_before(arrival)

    def _tell_before(self, arrival: int) -> None:
        while self._next is not None and self._next.arrival < arrival:
            fact = self._next
            for lead in self._leads.values():
                if lead.takes_facts:
                    lead.tell_one(fact.time_us, fact.values, fact.about, fact.fraud)
            self._next = next(self._facts, None)

    def finish(self, until: int = 1 << 62) -> Verified:
        """What was found; the states know the facts before an arrival number."""
        self._decide_before(until)
        return Verified(
            self._events,
            self._decisions,
            self._trials,
            self._wrong,
            tuple(self._first),
            dict(self._missing),
        )

    def _try(self, logged: Logged, fingerprint: str, stored: Mapping[str, Any]) -> list[Mismatch]:
        """Compare what a bundle said that did not decide."""
        own = self._shadows if fingerprint in logged.shadows else self._acting
        pipeline = own.get(fingerprint)
        if pipeline is None:
            self._missing[fingerprint] += 1
            return []
        pipeline.off = self._off_before(logged.arrival)
        hurried = stored["risk_score"] is None  # a model at work always says something, if it is asked
        again = recorded(pipeline.score_one(logged.event, logged.arrival, hurried))
        self._trials += 1
        told = {name: again[name] for name in stored}
        return [replace(one, what=f"trial {one.what}") for one in _differs(logged, stored, told)]

    def _compare(self, logged: Logged, lead: Pipeline) -> list[Mismatch]:
        pipeline = None if logged.decision is None else self._acting.get(logged.bundle)
        found: list[Mismatch] = []
        after = None if logged.decision is None else decided_after(logged.decision["degraded"])
        if logged.decision is None or pipeline is None or after is not None:
            vector, _, late = lead.look_one(logged.event)
            if pipeline is not None and after is not None:
                heapq.heappush(self._later, (after, logged.arrival, logged))
        else:
            pipeline.off = self._off_before(logged.arrival)
            hurried = DEADLINE in logged.decision["degraded"]
            decision = pipeline.score_one(logged.event, logged.arrival, hurried)
            vector, late = decision.vector, TOO_LATE in decision.degraded
            found += _differs(logged, logged.decision, recorded(decision))
            self._decisions += 1
        if logged.decision is not None and pipeline is None:
            self._missing[logged.bundle] += 1
        self._events += 1
        if vector.tobytes() != logged.vector:
            found.append(_vectors(logged, vector.tobytes(), lead.feature_names))
        if late != (TOO_LATE in logged.degraded):
            found.append(_mismatch(logged, "event degraded", logged.degraded, (TOO_LATE,) if late else ()))
        if self._schemas[logged.features].digest(logged.event) != logged.digest:
            found.append(_mismatch(logged, "body", logged.digest.hex(), "another digest"))
        return found

    def _decide_later(self, logged: Logged, after: int) -> None:
        """An event that was taken in first, and decided after an entry of the log."""
        if logged.decision is None:
            return
        pipeline = self._acting[logged.bundle]
        pipeline.off = off_in(logged.decision["degraded"])
        vector = np.frombuffer(logged.vector, np.float64)
        decision = pipeline.score_stored(logged.event, logged.arrival, vector, logged.degraded, after)
        self._decisions += 1
        self._note(_differs(logged, logged.decision, recorded(decision)))

    def _note(self, found: Sequence[Mismatch]) -> None:
        self._wrong += bool(found)
        self._first += found[: SHOWN - len(self._first)]


def _differs(logged: Logged, stored: Mapping[str, Any], again: Mapping[str, Any]) -> list[Mismatch]:
    found = []
    for name, value in again.items():
        if not _same(stored[name], value):
            is_evidence = name == "reasons" and _same(_without(stored[name]), _without(value))
            found.append(_mismatch(logged, EVIDENCE if is_evidence else name, stored[name], value))
    return found


def _same(stored: Any, again: Any) -> bool:
    """Equal bit for bit: numbers by their bits, so that 0 is not -0."""
    if isinstance(stored, float) and isinstance(again, float):
        return struct.pack("<d", stored) == struct.pack("<d", again)
    if isinstance(stored, dict) and isinstance(again, dict):
        return list(stored) == list(again) and all(_same(stored[name], again[name]) for name in stored)
    if isinstance(stored, list) and isinstance(again, list):
        return len(stored) == len(again) and all(map(_same, stored, again))
    return type(stored) is type(again) and bool(stored == again)


def _without(reasons: Any) -> list[Any]:
    """Reasons without their evidence."""
    return [{**reason, "evidence": []} for reason in reasons]


def _vectors(logged: Logged, again: bytes, names: Sequence[str]) -> Mismatch:
    if len(again) != len(logged.vector):
        return _mismatch(logged, "vector", f"{len(logged.vector)} bytes", f"{len(again)} bytes")
    stored, fresh = np.frombuffer(logged.vector), np.frombuffer(again)
    at = np.flatnonzero(stored.view(np.int64) != fresh.view(np.int64)).tolist()
    of = {names[each]: float(stored[each]) for each in at[:5]}
    return _mismatch(logged, "vector", of, {names[each]: float(fresh[each]) for each in at[:5]})


def _mismatch(logged: Logged, what: str, stored: object, again: object) -> Mismatch:
    return Mismatch(logged.arrival, logged.event.id, what, str(stored), str(again))
