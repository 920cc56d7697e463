"""The door of the room: what it takes, what it refuses, and what it remembers."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from riskloom.features import kernel
from riskloom.features import layout as at
from riskloom.features.layout import NULL
from riskloom.features.spec import Column, WindowFeature
from riskloom.features.state import WindowState

SECOND = 10**6
COLUMNS = (
    Column("user", "id", dictionary="person"),
    Column("payee", "id", dictionary="person"),
    Column("amount", "integer", 100),
    Column("unused", "integer"),
)
FEATURES = (
    WindowFeature("n", "user", "count", (), 60 * SECOND),
    WindowFeature("sum", "user", "sum", ("amount",), 60 * SECOND),
    WindowFeature("new_payee", "user", "first_seen", ("payee",), 60 * SECOND),
    WindowFeature("payee_n", "payee", "count", (), 60 * SECOND),
    WindowFeature("since", "user", "seconds_since_last", (), 60 * SECOND),
)


def make() -> WindowState:
    return WindowState(FEATURES, COLUMNS, 3600 * SECOND)


def look(state: WindowState, second: int, **values: object) -> list[float | None]:
    out = np.full(len(FEATURES), 99.0)
    state.look_one(second * SECOND, second * SECOND, values, out)
    return [None if np.isnan(x) else float(x) for x in out]


def test_a_small_story() -> None:
    state = make()
    assert look(state, 0, user="ann", payee="bob", amount=1999) == [0, 0, 1, 0, None]
    state.advance_one(7)
    assert look(state, 30, user="ann", payee="bob", amount=1) == [1, 19.99, 0, 1, 30]
    assert state.evidence_one(0) == [7]
    state.advance_one(8)
    assert look(state, 60, user="ann", payee="eve", amount=1) == [1, 0.01, 1, 0, 30]


def test_names_and_columns_are_those_of_the_plan() -> None:
    state = make()
    assert state.names == ("n", "sum", "new_payee", "payee_n", "since")
    assert [column.name for column in state.columns] == ["user", "payee", "amount"]


def test_two_strangers_of_one_dictionary_are_two() -> None:
    state = make()
    look(state, 0, user="new 1", payee="new 2", amount=1)
    state.advance_one(0)
    assert look(state, 1, user="new 2", payee="new 1", amount=1)[:4] == [0, 0, 1, 0]
    assert look(state, 1, user="new 1", payee="new 2", amount=1)[:4] == [1, 0.01, 0, 1]


def test_one_stranger_in_two_columns_is_one() -> None:
    state = make()
    look(state, 0, user="self", payee="self", amount=1)
    state.advance_one(0)
    assert look(state, 1, user="self", payee="self", amount=1)[:4] == [1, 0.01, 0, 1]


def test_a_look_alone_interns_nothing() -> None:
    state = make()
    for i in range(100):
        look(state, i, user=f"u{i}", payee=None, amount=None)
    assert len(state.snapshot()["ids:person"]) == 0


def test_the_last_look_is_the_one_taken_in() -> None:
    state = make()
    look(state, 0, user="stranger", payee="x", amount=1)
    look(state, 0, user="ann", payee=None, amount=1)
    look(state, 0, user="bob", payee=None, amount=5)
    state.advance_one(0)
    assert look(state, 1, user="ann")[0] == 0
    assert look(state, 1, user="bob")[:2] == [1, 0.05]
    assert len(state.snapshot()["ids:person"]) == 1


def test_a_column_that_is_not_given_is_missing() -> None:
    state = make()
    assert look(state, 0, user="ann") == [0, 0, None, None, None]
    assert look(state, 0) == [None] * 5


def test_a_too_late_event_is_null_and_moves_only_the_time() -> None:
    state = make()
    look(state, 7200, user="ann", amount=1)
    state.advance_one(0)
    out = np.zeros(5)
    assert state.look_one(0, 7200 * SECOND, {"user": "late"}, out) is True
    assert np.isnan(out).all()
    assert state.evidence_one(0) == []
    state.advance_one(1)
    assert (state.taken, len(state.snapshot()["ids:person"])) == (1, 1)


def test_advance_needs_a_look_each_time() -> None:
    state = make()
    with pytest.raises(RuntimeError):
        state.advance_one(0)
    look(state, 0, user="ann")
    state.advance_one(0)
    with pytest.raises(RuntimeError):
        state.advance_one(1)
    with pytest.raises(RuntimeError):
        state.evidence_one(0)


def test_a_fact_is_news_once_and_can_be_taken_back() -> None:
    state = WindowState((WindowFeature("frauds", "user", "fraud_count", (), 100),), COLUMNS, 10)
    out = np.zeros(1)
    ann = {"user": "ann"}
    for arrival, time_us in enumerate((0, 5)):
        state.look_one(time_us, time_us, ann, out)
        state.advance_one(arrival)
    told = [state.tell_one(0, ann, 0, fraud) for fraud in (True, True, False, False, True)]
    assert told == [True, False, True, False, True]
    state.look_one(6, 6, ann, out)
    assert (out.tolist(), state.evidence_one(0)) == ([1.0], [0])


def test_a_fact_about_what_is_not_held_changes_nothing() -> None:
    state = WindowState((WindowFeature("frauds", "user", "fraud_count", (), 10),), COLUMNS, 0)
    out = np.zeros(1)
    state.look_one(0, 0, {"user": "ann"}, out)
    state.advance_one(0)
    assert not state.tell_one(0, {"user": "ann"}, 1, True)  # another arrival number
    assert not state.tell_one(1, {"user": "ann"}, 0, True)  # another time
    assert not state.tell_one(0, {"user": "bob"}, 0, True)
    assert not state.tell_one(0, {}, 0, True)


@pytest.mark.parametrize("values", [{"user": 7}, {"amount": 1.5}, {"amount": "1"}, {"amount": 2**70}])
def test_a_value_of_the_wrong_kind_is_refused_and_not_taken_in(values: dict[str, object]) -> None:
    state = make()
    look(state, 0, user="ann")
    with pytest.raises((TypeError, struct.error)):
        look(state, 0, **values)
    with pytest.raises(RuntimeError):
        state.advance_one(0)


def test_an_output_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="5 values"):
        make().look_one(0, 0, {}, np.zeros(4))
    numbers = np.zeros(2, np.int64)
    with pytest.raises(ValueError, match=r"\(2, 5\)"):
        make().run_many(numbers, numbers, numbers, {}, np.zeros((1, 5)))


def test_an_output_of_another_kind_never_compiles_another_kernel() -> None:
    state = make()
    for out in (np.zeros(10)[::2], np.zeros(5, np.float32)):
        with pytest.raises(TypeError):
            state.look_one(0, 0, {"user": "ann"}, out)
    assert {len(door.signatures) for _, door, _ in kernel.DOORS} == {1}


def test_batches_take_lists_and_arrays_alike() -> None:
    numbers = np.arange(4) * SECOND
    outs = []
    for user, amount in (
        (["a", "b", None, "a"], [1, None, 3, 4]),
        (np.array(["a", "b", None, "a"], object), np.array([1, NULL, 3, 4])),
    ):
        out = np.zeros((4, 5))
        make().run_many(numbers, numbers, numbers, {"user": user, "payee": user, "amount": amount}, out)
        outs.append(out)
    assert np.array_equal(outs[0], outs[1], equal_nan=True)
    with pytest.raises(TypeError, match="amount holds integers"):
        make().run_many(numbers, numbers, numbers, {"user": user, "payee": user, "amount": np.zeros(4)})
    with pytest.raises(TypeError, match="amount holds integers"):
        make().run_many(numbers, numbers, numbers, {"user": user, "payee": user, "amount": [0.5] * 4})


def test_without_an_output_a_batch_only_takes_in() -> None:
    numbers = np.arange(4) * SECOND
    values = {"user": ["a"] * 4, "payee": ["b"] * 4, "amount": [100] * 4}
    state = make()
    state.run_many(numbers, numbers, numbers, values)
    assert look(state, 4, user="a", payee="b", amount=1) == [4, 4, 0, 4, 1]


def test_evidence_is_limited_and_newest_last_beyond_32_bits() -> None:
    state = make()
    for i in range(10):
        look(state, i, user="ann")
        state.advance_one(2**32 - 5 + i)
    look(state, 10, user="ann")
    assert state.evidence_one(0, 4) == [2**32 + 1, 2**32 + 2, 2**32 + 3, 2**32 + 4]
    assert state.evidence_one(0)[:2] == [2**32 - 5, 2**32 - 4]
    assert state.evidence_one(state.names.index("since")) == [2**32 + 4]
    assert state.evidence_one(state.names.index("new_payee")) == []


def test_an_idle_entity_keeps_its_events_until_they_leave_the_window() -> None:
    state = WindowState(FEATURES, COLUMNS, 0)
    look(state, 1, user="idle", amount=1)
    state.advance_one(0)
    for i in range(2000):  # the clock hand passes every header, several times
        look(state, 59, user="busy", amount=1)
        state.advance_one(1 + i)
    assert look(state, 60, user="idle")[:2] == [1, 0.01]
    assert look(state, 61, user="idle")[:2] == [0, 0]


def test_strangers_without_end_need_memory_only_while_they_are_in_a_window() -> None:
    state = WindowState(FEATURES, COLUMNS, 0)
    n = 5000
    numbers = np.arange(n) * SECOND
    used = []
    for turn in range(6):
        strangers = [f"u{turn} {i}" for i in range(n)]
        values = {"user": strangers, "payee": strangers, "amount": [1] * n}
        now = numbers + turn * n * SECOND
        state.run_many(now, now, numbers, values)
        state.reclaim()
        used.append(sum(size for part, size in state.memory().items() if part != "reserved"))
    assert used[5] <= 1.05 * used[2]


def test_blocks_that_were_outgrown_are_cut_up_for_others() -> None:
    state = make()
    for i in range(20):  # 300 customers outgrow block after block
        users = {"user": [f"u{i}" for i in range(300)], "payee": [None] * 300, "amount": [1] * 300}
        state.run_many(*[np.full(300, i * SECOND)] * 2, np.arange(300) + 300 * i, users)
    before = state.memory()["blocks"]
    n = 500
    values = {"user": [None] * n, "payee": [f"p{i}" for i in range(n)], "amount": [1] * n}
    state.run_many(*[np.full(n, 20 * SECOND)] * 2, np.arange(n) + 6000, values)
    assert state.memory()["blocks"] == before


def test_any_hint_gives_the_same_answer() -> None:
    chance = np.random.default_rng(4)
    features = [
        WindowFeature(f"n{w} {d}", "user", "count", (), w * SECOND, d * SECOND)
        for w in (1, 40)
        for d in (0, 9)
    ]
    state, misled = (WindowState(features, COLUMNS, 3600 * SECOND) for _ in range(2))
    out, other = np.zeros(4), np.zeros(4)
    for i in range(400):
        time = (i - int(chance.integers(0, 30))) * SECOND
        values = {"user": "ann"}
        store = misled._store
        held = store.headers[store.headers[:, at.INFO] > 0]
        for block in held[:, at.OFFSET].tolist():
            store.arena[block - 3 : block] = chance.integers(-(2**63), 2**63, 3)  # three words of two hints
        for each, answer in ((state, out), (misled, other)):
            each.look_one(time, i * SECOND, values, answer)
            each.advance_one(i)
        assert out.tolist() == other.tolist()
    assert out.max() > 30


def test_forgetting_strings_keeps_those_in_windows() -> None:
    state = WindowState(FEATURES, COLUMNS, 0)
    for i in range(50):
        look(state, 10 * i, user=f"u{i}", payee=f"p{i}", amount=1)
        state.advance_one(i)
    for i in range(2100):  # the clock hand passes every header
        look(state, 10_000 + i, user="x", amount=1)
        state.advance_one(100 + i)
    assert state.reclaim() == 100
    assert look(state, 12_100, user="x", payee="p3", amount=1)[:3] == [59, 0.59, 1]


def test_memory_is_told_by_part() -> None:
    parts = make().memory()
    assert set(parts) == {"blocks", "newest_times", "headers", "pages", "reserved", "dictionaries"}
    assert all(size >= 0 for size in parts.values())
