"""The window engine agrees with its definition, bit for bit, however the stream is cut."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from riskloom.features import checks
from riskloom.features.checks import COLUMNS, Case, Engine, check_case, check_engine
from riskloom.features.oracle import Event
from riskloom.features.spec import Column, WindowFeature
from riskloom.features.state import WindowState

QUICK = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def tiny_state(features: Sequence[WindowFeature], columns: Sequence[Column], lateness: int) -> WindowState:
    """A state with no room at all, so that every table must grow."""
    return WindowState(features, columns, lateness, reserve_bytes=0)


def restored(lateness: int) -> checks.Again:
    def again(engine: Engine) -> Engine:
        assert isinstance(engine, WindowState)
        arrays = engine.snapshot()
        return WindowState.restore(engine.features, COLUMNS, lateness, arrays, reserve_bytes=0)

    return again


def check(case: Case, chance: random.Random) -> None:
    check_case(tiny_state, case, chance, restored(case.max_lateness_us))


@settings(QUICK, max_examples=40)
@given(st.randoms(use_true_random=False))
def test_a_short_stream_of_edges_agrees_with_the_oracle(chance: random.Random) -> None:
    check(checks.draw_small(chance, longest=20), chance)


@settings(QUICK, max_examples=60)
@given(st.integers(0, 2**32))
def test_a_stream_of_edges_agrees_with_the_oracle(seed: int) -> None:
    chance = random.Random(seed)
    check(checks.draw_small(chance), chance)


@settings(QUICK, max_examples=8)
@given(st.integers(0, 2**32))
def test_a_busy_entity_with_many_late_events_agrees_with_the_oracle(seed: int) -> None:
    chance = random.Random(seed)
    check(checks.draw_busy(chance), chance)


@settings(QUICK, max_examples=2)
@given(st.integers(0, 2**32))
def test_a_hot_entity_of_thousands_of_events_agrees_with_the_oracle(seed: int) -> None:
    chance = random.Random(seed)
    check(checks.draw_hot(chance), chance)


@settings(QUICK, max_examples=15)
@given(st.integers(0, 2**32))
def test_forgetting_evicted_strings_changes_no_answer(seed: int) -> None:
    chance = random.Random(seed)
    case = checks.draw_small(chance)
    again = restored(case.max_lateness_us)

    def reclaiming(engine: Engine) -> Engine:
        assert isinstance(engine, WindowState)
        engine.reclaim()
        return again(engine)

    check_case(tiny_state, case, chance, reclaiming)


@settings(QUICK, max_examples=25)
@given(st.integers(0, 2**32), st.integers(-(2**20), 2**20))
def test_moving_all_times_moves_no_answer(seed: int, by: int) -> None:
    case = checks.draw_small(random.Random(seed), longest=60)
    events = list(case.told().values())
    moved = [replace(e, time_us=e.time_us + by, arrived_us=e.arrived_us + by) for e in events]
    assert np.array_equal(_run(case, events), _run(case, moved), equal_nan=True)


@settings(QUICK, max_examples=25)
@given(st.integers(0, 2**32))
def test_a_look_changes_nothing(seed: int) -> None:
    chance = random.Random(seed)
    case = checks.draw_small(chance, longest=60)
    state = tiny_state(case.features, COLUMNS, case.max_lateness_us)
    out = np.zeros(len(case.features))
    stranger = {name: f"never seen {name}" for name in ("user", "card", "payee")} | {"amount": 7}
    for event in case.told().values():
        before = state.snapshot()
        state.look_one(event.time_us + 3, event.arrived_us + 999, stranger, out)
        state.evidence_one(0)
        state.look_one(event.time_us, event.arrived_us, event.values, out)
        after = state.snapshot()
        assert all(np.array_equal(before[name], after[name]) for name in before)
        state.advance_one(event.arrival)


@settings(deadline=None, max_examples=3)
@given(st.integers(0, 2**32))
def test_the_public_law_holds_for_the_room_s_own_engine(seed: int) -> None:
    check_engine(tiny_state, seed)


def _run(case: Case, events: Sequence[Event]) -> np.ndarray:
    state = tiny_state(case.features, COLUMNS, case.max_lateness_us)
    out = np.zeros((len(events), len(case.features)))
    numbers = [
        np.array([getattr(e, n) for e in events], np.int64) for n in ("time_us", "arrived_us", "arrival")
    ]
    state.run_many(*numbers, {c.name: [e.values[c.name] for e in events] for c in COLUMNS}, out)
    return out
