"""Features of who is linked with whom, against their definition in the oracle and by hand."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riskloom.errors import BundleInvalid, ParameterInvalid
from riskloom.features.checks import COLUMNS, Case, Engine, check_case
from riskloom.features.oracle import Event, Fact
from riskloom.features.spec import LINKED, WindowFeature
from riskloom.features.state import WindowState

LATENESS = 5


def linked(name: str, of: tuple[str, ...] = ("card",), hub: int = 50, now: bool = False) -> WindowFeature:
    """A feature of users."""
    return WindowFeature(f"{name}_{'_'.join(of)}_{hub}_{now}", "user", name, of, include_current=now, hub=hub)


EVERY = tuple(
    linked(name, of, hub, now)
    for name in LINKED
    for of in (("card",), ("card", "payee"))
    for hub in (1, 2, 3)
    for now in (False, True)
)
COUNT = WindowFeature("n", "user", "count", window_us=10)
names = st.sampled_from(["a", "b", "c", "d", "ü"]) | st.none()
lateness = st.sampled_from([0, 0, 0, LATENESS, LATENESS + 1])
steps = st.one_of(
    st.tuples(st.just("event"), names, names, names, lateness),
    st.tuples(st.just("fact"), st.integers(0, 30), st.booleans()),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(steps, max_size=30), st.integers(0, 2**32))
def test_they_are_what_the_oracle_says_however_the_stream_is_cut(
    drawn: list[tuple[Any, ...]], seed: int
) -> None:
    entries: list[Event | Fact] = []
    told: list[Event] = []
    for number, (kind, *rest) in enumerate(drawn):
        if kind == "event":
            user, card, payee, late = rest
            values: Mapping[str, str | int | None] = {"user": user, "card": card, "payee": payee}
            told.append(Event(1_000 + number - late, 1_000 + number, number, values))
            entries.append(told[-1])
        elif told:
            entries.append(Fact(told[rest[0] % len(told)].arrival, rest[1]))
    features = (COUNT, *EVERY)

    def again(engine: Engine) -> Engine:
        assert isinstance(engine, WindowState)
        engine.reclaim()
        return WindowState.restore(features, COLUMNS, LATENESS, engine.snapshot())

    case = Case(features, LATENESS, tuple(entries))
    check_case(WindowState, case, random.Random(seed), again)


class Stream:
    """A state and its events, a microsecond apart."""

    def __init__(self, *features: WindowFeature) -> None:
        self.state = WindowState(features, COLUMNS, LATENESS)
        self.now = 1_000

    def look(self, time_us: int | None = None, **values: str) -> list[float]:
        out = np.zeros(len(self.state.names))
        self.state.look_one(self.now if time_us is None else time_us, self.now, values, out)
        return out.tolist()

    def take(self, time_us: int | None = None, **values: str) -> int:
        self.now += 1
        self.look(time_us, **values)
        self.state.advance_one(self.now)
        return self.now

    def tell(self, arrival: int, fraud: bool = True, **values: str) -> bool:
        return self.state.tell_one(arrival, values, arrival, fraud)


def test_a_new_user_on_the_card_of_a_ring_is_seen_at_once_with_the_event_itself() -> None:
    stream = Stream(*(linked(name, now=now) for name in LINKED for now in (False, True)))
    for user in ("ann", "bob", "eve"):
        arrival = stream.take(user=user, card="c")
    assert stream.look(user="new", card="c") == [0, 4, 0, 0]
    assert stream.tell(arrival, user="eve", card="c")
    assert stream.look(user="new", card="c") == [0, 4, 0, 1]
    assert stream.look(user="ann") == [3, 3, 1, 1]
    assert stream.look(user="eve") == [3, 3, 0, 0]  # not a neighbour of itself
    assert not stream.tell(arrival, user="eve", card="c")
    assert stream.tell(arrival, False, user="eve", card="c")
    assert stream.look(user="ann") == [3, 3, 0, 0]


def test_nothing_is_forgotten_and_what_came_too_late_links_nobody() -> None:
    stream = Stream(COUNT, linked("component_size"), linked("fraud_neighbours"))
    stream.take(user="ann", card="c")
    stream.now += 10**12
    stream.take(user="bob", card="c")
    assert stream.look(user="ann") == [0, 2, 0]
    late = stream.take(stream.now - LATENESS - 1, user="eve", card="c")
    assert stream.look(user="ann") == [0, 2, 0]
    assert all(np.isnan(stream.look(0, user="ann", card="c")))
    stream.tell(late, user="eve", card="c")
    stream.take(user="eve", card="c")
    assert stream.look(user="ann") == [0, 3, 1]  # it was known of eve before she was seen


def test_a_card_that_is_a_hub_tells_nobody_of_its_frauds() -> None:
    stream = Stream(
        *(linked("fraud_neighbours", hub=hub, now=now) for hub in (1, 2) for now in (False, True))
    )
    arrival = stream.take(user="ann", card="c")
    stream.tell(arrival, user="ann", card="c")
    assert stream.look(user="bob", card="c") == [0, 0, 0, 1]  # bob would be its second neighbour
    stream.take(user="bob", card="c")
    assert stream.look(user="bob") == [0, 0, 1, 1]
    assert stream.look(user="eve", card="c") == [0, 0, 0, 0]


def test_a_missing_entity_has_none_and_a_stranger_has_zero() -> None:
    stream = Stream(linked("component_size"), linked("component_size", now=True))
    assert all(np.isnan(stream.look(card="c")))
    assert stream.look(user="ann") == [0, 1]
    stream.take(user="ann")
    assert stream.look(user="ann") == [1, 1]
    assert stream.state.evidence_one(0) == []
    assert stream.state.integers_one() == [(1,), (1,)]


@pytest.mark.parametrize(
    ("feature", "where"),
    [
        (linked("component_size", ()), "of"),
        (linked("component_size", ("user",)), "of"),
        (linked("component_size", ("card", "card")), "of"),
        (linked("component_size", ("amount",)), "of"),
        (linked("component_size", ("crad",)), "of"),
        (linked("component_size", hub=0), "hub"),
        (linked("component_size", hub=101), "hub"),
        (WindowFeature("x", "user", "component_size", ("card",), delay_us=1), "delay_us"),
    ],
)
def test_what_cannot_be_declared_is_a_fault(feature: WindowFeature, where: str) -> None:
    with pytest.raises(ParameterInvalid) as refused:
        WindowState([feature], COLUMNS, 0)
    assert f"feature {feature.name}.{where}" in {fault.where for fault in refused.value.faults}


def test_a_snapshot_belongs_to_its_links_and_its_damage_is_seen() -> None:
    features = [linked("component_size", hub=2)]
    stream = Stream(*features)
    stream.take(user="ann", card="c")
    arrays = stream.state.snapshot()
    with pytest.raises(BundleInvalid, match="other features"):
        WindowState.restore([linked("component_size", hub=3)], COLUMNS, LATENESS, arrays)
    with pytest.raises(BundleInvalid, match="damaged"):
        WindowState.restore(
            features, COLUMNS, LATENESS, {**arrays, "links:nodes:0": arrays["links:nodes:0"] + 1}
        )
