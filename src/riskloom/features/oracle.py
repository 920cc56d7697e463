"""The definition of every window feature, as plainly as it can be said: O(n²), Python integers."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from riskloom.features.finish import finish_one
from riskloom.features.layout import INTEGER_LIMIT, NULL, SUM_LIMIT
from riskloom.features.plan import OPERATIONS
from riskloom.features.spec import COMPONENT_SIZE, LINKED, Column, WindowFeature

Integers = tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Event:
    """One event as an engine gets it."""

    time_us: int
    arrived_us: int
    arrival: int
    values: Mapping[str, str | int | None]


@dataclass(frozen=True, slots=True)
class Fact:
    """What became known about an earlier event, from here on: whether it was fraud. The last word counts."""

    arrival: int
    """The arrival number of that event."""
    fraud: bool


Entry = Event | Fact
Known = Mapping[int, bool]


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine must say about one event."""

    integers: tuple[Integers, ...]
    too_late: bool
    refused: bool
    """Its values do not fit: the engine raises StateOverflow and no later window sees it."""
    evidence: tuple[tuple[int, ...], ...]
    """For each feature, the arrival numbers behind it, newest last."""


Value = tuple[str, str | int]
"""A column, and what an event has in it."""


@dataclass(frozen=True, slots=True)
class Links:
    """Who is linked with whom by the events taken in, for one feature.

    Two values are linked by the first event that has both. That link joins what hangs together, unless either
    value has more than `hub` neighbours by then; what is joined stays joined. `known` are the entities of
    events that are known to be frauds, whether or not those were taken in.
    """

    near: Mapping[Value, set[Value]]
    joined: Mapping[Value, set[Value]]

    @classmethod
    def of(cls, feature: WindowFeature, taken: Sequence[Event]) -> Links:
        """By these events."""
        near: dict[Value, set[Value]] = {}
        joined: dict[Value, set[Value]] = {}
        for event in taken:
            key = event.values.get(feature.entity_column)
            values = [(of, value) for of in feature.of if (value := event.values.get(of)) is not None]
            own = [] if key is None else [(feature.entity_column, key)]
            for one in (*own, *values):
                near.setdefault(one, set())
                joined.setdefault(one, set())
            for one in own:
                for other in values:
                    if other in near[one]:
                        continue
                    near[one].add(other)
                    near[other].add(one)
                    if len(near[one]) <= feature.hub and len(near[other]) <= feature.hub:
                        joined[one].add(other)
                        joined[other].add(one)
        return cls(near, joined)

    def component_size(self, feature: WindowFeature, own: Value) -> int:
        """How many entities hang together with one, itself included; 0 when it was never seen."""
        found = {own} & self.near.keys()
        edge = set(found)
        while edge:
            edge = {other for one in edge for other in self.joined[one]} - found
            found |= edge
        return sum(column == feature.entity_column for column, _ in found)

    def fraud_neighbours(self, feature: WindowFeature, own: Value, known: Container[Value]) -> int:
        """How many other entities share a value with one and are known frauds; none where it is a hub."""
        shared = self.near.get(own, set())
        if len(shared) > feature.hub:
            return 0
        others = {other for one in shared if len(self.near[one]) <= feature.hub for other in self.near[one]}
        return sum(other in known for other in others - {own})


def oracle(
    features: Sequence[WindowFeature],
    max_lateness_us: int,
    entries: Sequence[Entry],
    judged: Container[int] | None = None,
) -> list[Answer | None]:
    """The answers for entries in arrival order; None for facts and for numbers not among `judged`."""
    now = -math.inf
    taken: list[Event] = []
    known: dict[int, bool] = {}
    heard: dict[int, Event] = {}
    answers: list[Answer | None] = []
    for number, event in enumerate(entries):
        if isinstance(event, Fact):
            known[event.arrival] = event.fraud
            answers.append(None)
            continue
        heard[event.arrival] = event
        newest = max(now, event.arrived_us)
        too_late = event.time_us < newest - max_lateness_us
        refused = not too_late and _overflows(features, taken, event, newest - max_lateness_us)
        wanted = judged is None or number in judged
        frauds = [heard[at] for at, fraud in known.items() if fraud and at in heard]
        answers.append(_answer(features, taken, known, frauds, event, too_late, refused) if wanted else None)
        if not refused:
            now = newest
        if not refused and not too_late:
            taken.append(event)
    return answers


def _answer(
    features: Sequence[WindowFeature],
    taken: Sequence[Event],
    known: Known,
    frauds: Sequence[Event],
    event: Event,
    too_late: bool,
    refused: bool,
) -> Answer:
    windows = [
        [] if too_late or feature.aggregate in LINKED else _window(feature, taken, event)
        for feature in features
    ]
    integers = tuple(
        None
        if too_late or event.values.get(feature.entity_column) is None
        else _linked(feature, taken, frauds, event)
        if feature.aggregate in LINKED
        else _aggregate(feature, seen, known, event)
        for feature, seen in zip(features, windows, strict=True)
    )
    evidence = tuple(_evidence(feature, seen, known) for feature, seen in zip(features, windows, strict=True))
    return Answer(integers, too_late, refused, evidence)


def _linked(
    feature: WindowFeature, taken: Sequence[Event], frauds: Sequence[Event], event: Event
) -> Integers:
    links = Links.of(feature, [*taken, event] if feature.include_current else taken)
    own = (feature.entity_column, event.values[feature.entity_column] or "")
    if feature.aggregate == COMPONENT_SIZE:
        return (links.component_size(feature, own),)
    named = (other.values.get(feature.entity_column) for other in frauds)
    known = {(feature.entity_column, key) for key in named if key is not None}
    return (links.fraud_neighbours(feature, own, known),)


def _window(feature: WindowFeature, taken: Sequence[Event], event: Event) -> list[Event]:
    """The events in the window by (time, arrival)."""
    key = event.values.get(feature.entity_column)
    until = event.time_us - feature.delay_us
    seen = [
        other
        for other in taken
        if key is not None
        and other.values.get(feature.entity_column) == key
        and until - feature.window_us < other.time_us <= until
    ]
    return sorted(seen, key=lambda other: other.time_us)  # stable: ties stay in arrival order


def _aggregate(feature: WindowFeature, seen: Sequence[Event], known: Known, event: Event) -> Integers:
    last = seen[-1] if seen else None
    if feature.include_current:
        seen = [*seen, event]
    if feature.aggregate == "count":
        return (len(seen),)
    if feature.aggregate in ("fraud_count", "fraud_share"):
        frauds = sum(known.get(other.arrival, False) for other in seen)
        if feature.aggregate == "fraud_count":
            return (frauds,)
        return (frauds, len(seen)) if seen else None
    if feature.aggregate == "seconds_since_last":
        return None if last is None else (event.time_us - last.time_us,)
    if feature.aggregate in ("travel_km", "travel_speed"):
        places = None if last is None else (_place(feature, last), _place(feature, event))
        if last is None or places is None or None in places:
            return None
        return (places[0] or 0, places[1] or 0, event.time_us - last.time_us)
    of = feature.of[0]
    present = [other.values.get(of) for other in seen if other.values.get(of) is not None]
    if feature.aggregate == "distinct":
        return (len(set(present)),)
    if feature.aggregate == "first_seen":
        return None if event.values.get(of) is None else (int(event.values.get(of) not in present),)
    if feature.aggregate == "last":
        value = None if last is None else last.values.get(of)
        return None if value is None else (int(value),)
    return _of_values(feature.aggregate, [int(value) for value in present if value is not None])


def _of_values(aggregate: str, values: Sequence[int]) -> Integers:
    if aggregate == "sum":
        return (sum(values),)
    if not values:
        return None
    if aggregate == "min":
        return (min(values),)
    if aggregate == "max":
        return (max(values),)
    if aggregate == "mean":
        return (sum(values), len(values))
    squares = sum(value * value for value in values)
    return (sum(values), len(values), _signed(squares % 2**64), _signed(squares >> 64))


def _signed(limb: int) -> int:
    """A limb's bits as int64."""
    return (limb + 2**63) % 2**64 - 2**63


def _place(feature: WindowFeature, event: Event) -> int | None:
    lat, lon = (event.values.get(name) for name in feature.of)
    if lat is None or lon is None:
        return None
    return (int(lat) + 90_000_000) << 32 | (int(lon) + 180_000_000)


def _evidence(feature: WindowFeature, seen: Sequence[Event], known: Known) -> tuple[int, ...]:
    if feature.aggregate in ("first_seen", *LINKED):
        return ()
    if feature.aggregate in ("fraud_count", "fraud_share"):
        return tuple(other.arrival for other in seen if known.get(other.arrival, False))
    only_last = feature.aggregate in ("seconds_since_last", "last", "travel_km", "travel_speed")
    return tuple(other.arrival for other in (seen[-1:] if only_last else seen))


def _overflows(
    features: Sequence[WindowFeature], taken: Sequence[Event], event: Event, oldest: int | float
) -> bool:
    """Whether a summed value is not below 2**46, or a run of an entity's kept events would sum beyond 2**61.

    Kept are the events of the entity's longest window and delay before `oldest`, the oldest time that is not
    too late.
    """
    for feature in features:
        if feature.aggregate not in ("sum", "mean", "std"):
            continue
        entity, of = feature.entity_column, feature.of[0]
        key, value = event.values.get(entity), event.values.get(of)
        if key is None or value is None:
            continue
        if abs(int(value)) >= INTEGER_LIMIT:
            return True
        if (len(taken) + 1) * INTEGER_LIMIT <= SUM_LIMIT:
            continue  # so few events cannot get there
        keep = max(other.window_us + other.delay_us for other in features if other.entity_column == entity)
        kept = [x for x in taken if x.values.get(entity) == key and x.time_us > oldest - keep]
        totals = [0]
        for other in sorted([*kept, event], key=lambda x: x.time_us):
            totals.append(totals[-1] + int(other.values.get(of) or 0))
        if max(totals) - min(totals) > SUM_LIMIT:
            return True
    return False


def finished(features: Sequence[WindowFeature], columns: Sequence[Column], answer: Answer) -> list[float]:
    """The floats of an answer (NaN null): the same `finish_one` that every engine uses."""
    scales = {column.name: column.scale for column in columns}
    vector = []
    for feature, integers in zip(features, answer.integers, strict=True):
        a, b, c, d = (*(integers or (NULL,)), 0, 0, 0)[:4]
        scaled = feature.aggregate in ("sum", "mean", "std", "min", "max", "last")
        scale = scales[feature.of[0]] if scaled else 1
        vector.append(float(finish_one(OPERATIONS[feature.aggregate], scale, a, b, c, d)))
    return vector
