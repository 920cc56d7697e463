"""The public law of every window engine: it agrees with the oracle, on streams that are nothing but edges.

`check_engine(make_state, seed)` runs one drawn case. An engine is anything with the methods of `Engine`; it
is made by `make_state(features, columns, max_lateness_us)`, and by `restore` from a snapshot where it has
one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from riskloom.errors import StateOverflow
from riskloom.features.layout import Floats
from riskloom.features.oracle import Answer, Entry, Event, Fact, finished, oracle
from riskloom.features.spec import AGGREGATES, LINKED, Column, WindowFeature
from riskloom.features.state import Told

COLUMNS = (
    Column("user", "id", dictionary="person"),
    Column("card", "id"),
    Column("payee", "id", dictionary="person"),
    Column("amount", "integer", scale=100),
    Column("points", "integer"),
    Column("lat", "integer", scale=10**6),
    Column("lon", "integer", scale=10**6),
)
TEXTS = ("u0", "ü1", "", "𝄞", "u4", "u5", "u6")


class Engine(Protocol):
    """What a window engine offers; `WindowState` says what each method means."""

    def look_one(self, time_us: int, arrived_us: int, values: Mapping[str, object], out: Floats) -> bool: ...

    def advance_one(self, arrival: int) -> None: ...

    def tell_one(self, time_us: int, values: Mapping[str, object], arrival: int, fraud: bool) -> bool: ...

    def evidence_one(self, feature_index: int, limit: int = 50) -> list[int]: ...

    def integers_one(self) -> list[tuple[int, ...] | None]: ...

    def run_many(
        self,
        time_us: Any,
        arrived_us: Any,
        arrival: Any,
        values: Mapping[str, Any],
        out: Floats | None = None,
        facts: Sequence[Told] = (),
    ) -> Any: ...


MakeState = Callable[[Sequence[WindowFeature], Sequence[Column], int], Engine]
Again = Callable[[Engine], Engine]
"""An engine from the snapshot of another."""


@dataclass(frozen=True, slots=True)
class Case:
    """A declaration and a stream, in arrival order; `judged` events are compared (all when None)."""

    features: tuple[WindowFeature, ...]
    max_lateness_us: int
    events: tuple[Entry, ...]
    judged: frozenset[int] | None = None

    def told(self) -> dict[int, Event]:
        """The events by arrival number: what facts are about."""
        return {event.arrival: event for event in self.events if isinstance(event, Event)}


def check_engine(make_state: MakeState, seed: int, again: Again | None = None) -> None:
    """Draw a case and check an engine on it.

    Raises
    ------
    AssertionError
        Naming the run, the event and the feature where the engine and the oracle part.
    """
    chance = random.Random(seed)  # noqa: S311 (a seeded draw of test cases)
    check_case(make_state, draw_case(chance), chance, again)


def check_case(make_state: MakeState, case: Case, chance: random.Random, again: Again | None = None) -> None:
    """Check an engine one by one, in random chunks, and restored from a snapshot between the chunks."""
    answers = oracle(case.features, case.max_lateness_us, case.events, case.judged)

    def fresh() -> Engine:
        return make_state(case.features, COLUMNS, case.max_lateness_us)

    _check_one_by_one(fresh(), case, answers, chance)
    kept = [i for i, answer in enumerate(answers) if answer is None or not answer.refused]
    cuts = sorted(chance.randint(0, len(kept)) for _ in range(3))
    parts = [kept[a:b] for a, b in zip([0, *cuts], [*cuts, len(kept)], strict=True)]
    _check_chunks("in chunks", fresh(), case, answers, parts, None)
    if again is not None:
        _check_chunks("restored", fresh(), case, answers, parts, again)


def _check_one_by_one(
    engine: Engine, case: Case, answers: Sequence[Answer | None], chance: random.Random
) -> None:
    out = np.zeros(len(case.features))
    told = case.told()
    for i, (event, answer) in enumerate(zip(case.events, answers, strict=True)):
        if isinstance(event, Fact):
            about = told[event.arrival]
            engine.tell_one(about.time_us, about.values, event.arrival, event.fraud)
            continue
        late = engine.look_one(event.time_us, event.arrived_us, event.values, out)
        if answer is not None:
            where = f"one by one: event {i}"
            _same(f"{where}: too late", bool(late), answer.too_late)
            for feature, have, want in zip(
                case.features, engine.integers_one(), answer.integers, strict=True
            ):
                _same(f"{where}: {feature}", have, want)
            _same_floats(where, out, case, answer)
            chosen = chance.randrange(len(case.features))
            limit = chance.choice((0, 1, 3, 50, 5000))
            evidence = engine.evidence_one(chosen, limit)
            newest = list(answer.evidence[chosen])[::-1][:limit][::-1]
            _same(f"{where}: evidence of {case.features[chosen]}", evidence, newest)
        try:
            engine.advance_one(event.arrival)
        except StateOverflow:
            _same(f"event {i}: refused", True, answer is not None and answer.refused)
        else:
            _same(f"event {i}: refused", False, answer is not None and answer.refused)


def _check_chunks(
    run: str,
    engine: Engine,
    case: Case,
    answers: Sequence[Answer | None],
    parts: Sequence[Sequence[int]],
    again: Again | None,
) -> None:
    told = case.told()
    for part in parts:
        numbers = [i for i in part if isinstance(case.events[i], Event)]
        events = [event for i in part if isinstance(event := case.events[i], Event)]
        facts = [
            Told(sum(j < i for j in numbers), about.time_us, about.values, fact.arrival, fact.fraud)
            for i in part
            if isinstance(fact := case.events[i], Fact)
            for about in [told[fact.arrival]]
        ]
        times, arrived, arrivals = (
            np.array([getattr(e, name) for e in events], np.int64)
            for name in ("time_us", "arrived_us", "arrival")
        )
        values = {column.name: [event.values.get(column.name) for event in events] for column in COLUMNS}
        out = np.zeros((len(events), len(case.features)))
        late = engine.run_many(times, arrived, arrivals, values, out, facts)
        for row, i in enumerate(numbers):
            answer = answers[i]
            if answer is not None:
                _same(f"{run}: event {i}: too late", bool(late[row]), answer.too_late)
                _same_floats(f"{run}: event {i}", out[row], case, answer)
        if again is not None:
            engine = again(engine)


def _same(where: str, got: object, want: object) -> None:
    if got != want:
        raise AssertionError(f"{where}: the oracle says {want}, the engine {got}")


def _same_floats(where: str, out: Floats, case: Case, answer: Answer) -> None:
    want = np.array(finished(case.features, COLUMNS, answer))
    differ = (out.view(np.int64) != want.view(np.int64)) & ~(np.isnan(out) & np.isnan(want))
    for i in np.flatnonzero(differ):
        raise AssertionError(
            f"{where}: {case.features[i]}: the oracle says {want[i]!r}, the engine {out[i]!r}"
        )


def draw_case(chance: random.Random) -> Case:
    """A case: mostly small streams over random plans; one in ten a busy entity; now and then a hot one."""
    kind = chance.random()
    if kind < 0.03:
        return draw_hot(chance)
    if kind < 0.15:
        return draw_busy(chance)
    return draw_small(chance)


def draw_small(chance: random.Random, longest: int = 200) -> Case:
    """5-22 features over a few windows, and a stream whose gaps, lateness and values lie on their edges."""
    widths = chance.sample([1, 2, 5, 10, 11, 40, 100, 400, 3000], 4)
    features = tuple(_draw_feature(chance, i, widths) for i in range(chance.randint(5, 22)))
    lateness = chance.choice([0, 1, 10, 60, 500])
    gaps = [0, 0, 0, 1, 1, 2, *(w + d for w in widths[:2] for d in (-1, 0, 1))]
    if chance.random() < 0.4:
        gaps = [0, 0, 1]
    if chance.random() < 0.1:
        gaps = [*gaps, 20_000]  # idle: everything is evicted
    few = chance.choice([1, 2, 6])
    big = chance.choice([5, 1000, 2**40, 2**46 - 1])
    plate = chance.random() * 0.5
    facts = chance.choice([0, 0.1, 0.6])
    now, arrival = chance.choice([0, 10**6, 1_760_000_000_000_000]), chance.choice([0, 2**32 - 9])
    events: list[Entry] = []
    for _ in range(chance.choice([n for n in (20, 60, 120, 200) if n <= longest])):
        now += chance.choice(gaps)
        arrival += chance.choice([1, 1, 1, 7, 10**6])
        edges = [0, 1, lateness, lateness, lateness + 1, *(w + d for w in widths for d in (-1, 0, 1))]
        time = (
            now - chance.choice([e for e in edges if e <= lateness + 1]) if chance.random() < plate else now
        )
        if chance.random() < 0.01:
            time = now + chance.choice(widths)  # a clock that runs ahead
        events.append(Event(time, now, arrival, _draw_values(chance, few, big)))
        if chance.random() < facts:
            events.append(_draw_fact(chance, events))
    return Case(features, lateness, tuple(events))


def _draw_fact(chance: random.Random, entries: Sequence[Entry]) -> Fact:
    """A fact about one of the newest events, or any: a fraud mostly, now and then taken back."""
    events = [entry for entry in entries if isinstance(entry, Event)]
    about = chance.choice(events[-5:] if chance.random() < 0.6 else events)
    return Fact(about.arrival, chance.random() < 0.75)


def _draw_feature(chance: random.Random, number: int, widths: Sequence[int]) -> WindowFeature:
    aggregate = chance.choice(list(AGGREGATES))
    inputs = AGGREGATES[aggregate].inputs
    of: tuple[str, ...] = ()
    if inputs == ("integer",):
        of = (chance.choice(["amount", "points"]),)
    elif inputs == ("id",):
        of = (chance.choice(["user", "card", "payee"]),)
    elif inputs:
        of = ("lat", "lon")
    delay = chance.choice([*widths, 1]) if chance.random() < 0.2 and aggregate not in LINKED else 0
    current = delay == 0 and AGGREGATES[aggregate].current and chance.random() < 0.3
    entity = chance.choice(["user", "card", "payee"])
    hub = chance.choice([1, 2, 3, 50])
    if aggregate in LINKED:
        others = [name for name in ("user", "card", "payee") if name != entity]
        of = tuple(chance.sample(others, chance.randint(1, 2)))
    return WindowFeature(f"f{number}", entity, aggregate, of, chance.choice(widths), delay, current, hub)


def _draw_values(chance: random.Random, few: int, big: int) -> dict[str, str | int | None]:
    values: dict[str, str | int | None] = {
        name: chance.choice(TEXTS[: few + 1]) if chance.random() > 0.05 else None
        for name in ("user", "card", "payee")
    }
    for name, most, missing in (
        ("amount", big, 0.0),
        ("points", big, 0.3),
        ("lat", 90 * 10**6, 0.1),
        ("lon", 180 * 10**6, 0.1),
    ):
        value = chance.choice([0, most, -most]) if chance.random() < 0.2 else chance.randint(-most, most)
        values[name] = None if chance.random() < missing else value
    return values


def draw_busy(chance: random.Random) -> Case:
    """One entity with blocks of several 64-event words and many late events: bit shifts, summaries, moves."""
    widths, lateness = chance.choice([((70, 100, 150), 60), ((100, 300), 20), ((100, 400, 900), 500)])
    features = _long_features(chance, widths)
    return Case(features, lateness, _long_stream(chance, 600, lateness, 0.3), frozenset(range(0, 600, 3)))


def draw_hot(chance: random.Random) -> Case:
    """One entity with more than 4,096 events in its window, some far behind its end; a sample is judged."""
    features = _long_features(chance, (1000, 6000, 20_000))
    judged = frozenset([*range(60, 70), *chance.sample(range(100, 4900), 30), *range(4900, 5000, 3)])
    return Case(features, 4000, _long_stream(chance, 5000, 4000, 0.05), judged)


def _long_features(chance: random.Random, widths: Sequence[int]) -> tuple[WindowFeature, ...]:
    wanted = [(name, "amount") for name in ("min", "max", "min", "max", "std", "sum", "last")]
    wanted += [("distinct", "card"), ("distinct", "card"), ("first_seen", "card")]
    wanted += [("fraud_count", ""), ("fraud_share", "")]
    return tuple(
        WindowFeature(f"f{i}", "user", aggregate, (of,) if of else (), chance.choice(widths))
        for i, (aggregate, of) in enumerate(wanted)
    )


def _long_stream(chance: random.Random, n: int, lateness: int, late_share: float) -> tuple[Entry, ...]:
    now = 1_000_000
    events: list[Entry] = []
    for arrival in range(n):
        now += chance.choice([0, 1, 1, 2])
        time = now - (chance.randint(0, lateness) if chance.random() < late_share else 0)
        amount = chance.choice([0, 1, 1, 1, 2, chance.randint(-(10**6), 10**6)])
        events.append(
            Event(time, now, arrival, {"user": "u0", "card": f"c{chance.randint(0, 60)}", "amount": amount})
        )
        if chance.random() < 0.02:
            events.append(Fact(chance.randint(max(0, arrival - 300), arrival), chance.random() < 0.75))
    return tuple(events)
