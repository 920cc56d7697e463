"""A snapshot goes on where the state stood, and one that is damaged or foreign is refused."""

from __future__ import annotations

import io

import numpy as np
import pytest

from riskloom.errors import BundleInvalid
from riskloom.features import layout as at
from riskloom.features import store
from riskloom.features.spec import Column, WindowFeature
from riskloom.features.state import WindowState

COLUMNS = (Column("user", "id"), Column("card", "id"), Column("amount", "integer"))
FEATURES = (WindowFeature("s", "user", "std", ("amount",)), WindowFeature("d", "card", "distinct", ("user",)))


def filled() -> WindowState:
    state = WindowState(FEATURES, COLUMNS, 100)
    numbers = np.arange(500)
    values = {
        "user": [f"ü{i % 7}" for i in range(500)],
        "card": [None if i % 11 == 0 else f"c{i % 90}" for i in range(500)],
        "amount": numbers,
    }
    state.run_many(numbers, numbers, numbers, values)
    return state


def restore(arrays: dict[str, np.ndarray]) -> WindowState:
    return WindowState.restore(FEATURES, COLUMNS, 100, arrays)


def test_it_survives_a_file_of_plain_arrays() -> None:
    state = filled()
    file = io.BytesIO()
    np.savez(file, **state.snapshot())
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        again = restore(dict(arrays))
    a, b = np.zeros(2), np.zeros(2)
    for each, out in ((state, a), (again, b)):
        each.look_one(501, 501, {"user": "ü3", "card": "c5", "amount": 1}, out)
    assert np.array_equal(a, b)
    assert state.integers_one() == again.integers_one()
    assert state.evidence_one(0) == again.evidence_one(0)
    assert (state.entries, state.taken) == (again.entries, again.taken)


def test_a_restored_state_holds_no_spare_memory() -> None:
    state = filled()
    again = restore(state.snapshot())
    assert again.memory()["blocks"] < 0.9 * state.memory()["blocks"]
    assert again.entries == state.entries
    rested, packed = (state._store, again._store)
    assert packed.meta[at.FREE_BLOCKS : at.SHARDS].max() == 0 < rested.meta[at.FREE_BLOCKS : at.SHARDS].max()
    twice = restore(again.snapshot())
    assert np.array_equal(twice._store.arena[: packed.meta[at.TOP]], packed.arena[: packed.meta[at.TOP]])


def test_a_snapshot_is_a_copy() -> None:
    state = filled()
    arrays = state.snapshot()
    kept = {name: array.copy() for name, array in arrays.items()}
    state.look_one(501, 501, {"user": "ü1", "card": "c1", "amount": 5}, np.zeros(2))
    state.advance_one(501)
    assert all(np.array_equal(arrays[name], kept[name]) for name in arrays)
    restore(arrays)


@pytest.mark.parametrize("name", ["arena", "headers", "pages", "meta"])
def test_one_changed_number_is_noticed(name: str) -> None:
    arrays = filled().snapshot()
    damaged = arrays[name].copy()
    damaged.flat[damaged.size // 2] ^= 1
    with pytest.raises(BundleInvalid):
        restore({**arrays, name: damaged})


@pytest.mark.parametrize("name", ["data:user", "offsets:card", "ids:card", "plan", "checksum"])
def test_a_damaged_dictionary_or_seal_is_noticed(name: str) -> None:
    arrays = filled().snapshot()
    damaged = arrays[name].copy()
    damaged.flat[-1] ^= 1
    with pytest.raises(BundleInvalid):
        restore({**arrays, name: damaged})


@pytest.mark.parametrize("name", ["arena", "ids:user", "checksum", "plan"])
def test_a_missing_array_is_noticed(name: str) -> None:
    arrays = filled().snapshot()
    del arrays[name]
    with pytest.raises(BundleInvalid):
        restore(arrays)


def test_a_cut_array_or_another_type_is_noticed() -> None:
    arrays = filled().snapshot()
    for changed in (arrays["arena"][:-1], arrays["arena"].astype(np.float64)):
        with pytest.raises(BundleInvalid):
            restore({**arrays, "arena": changed})


def test_another_declaration_is_refused() -> None:
    arrays = filled().snapshot()
    with pytest.raises(BundleInvalid, match="other features"):
        WindowState.restore(FEATURES[:1], COLUMNS, 100, arrays)
    with pytest.raises(BundleInvalid, match="other features"):
        WindowState.restore(FEATURES, COLUMNS, 101, arrays)


def test_a_machine_that_grants_less_room_gets_a_smaller_reserve() -> None:
    assert len(store._reserved(2**59, 1000)) >= 1000
    with pytest.raises((MemoryError, ValueError)):
        store._reserved(2**59, 2**59)
