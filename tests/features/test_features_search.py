"""Searches, summaries and hashes of the kernel say what a plain scan says, wherever they begin."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from riskloom.features.layout import NULL
from riskloom.features.search import (
    capacity,
    extreme,
    first_after,
    first_after_near,
    guess_between,
    key_of,
    slot_in,
    spread_out,
)

QUICK = settings(deadline=None, max_examples=200)
VALUES = st.lists(st.sampled_from([NULL, -(2**62), -1, 0, 1, 5, 2**62]), min_size=1, max_size=300)


@QUICK
@given(
    st.lists(st.sampled_from([0, 0, 1, 1, 2, 50]), min_size=1, max_size=120), st.integers(-2, 400), st.data()
)
def test_a_search_finds_the_same_from_any_guess(gaps: list[int], time: int, data: st.DataObject) -> None:
    times = np.cumsum([*gaps, 0, 0, 0, 0, 0, 0, 0, 0], dtype=np.int64)
    low = data.draw(st.integers(0, len(gaps)))
    high = data.draw(st.integers(low, len(gaps)))
    want = low + int(np.searchsorted(times[low:high], time, "right"))
    assert first_after(times, 0, low, high, time) == want
    guess = data.draw(st.sampled_from([want - 1, want, want + 1, -(2**31), 2**31 - 1]) | st.integers(-9, 130))
    assert first_after_near(times, 0, low, high, time, guess) == want


@QUICK
@given(st.lists(st.integers(-(2**61), 2**61), min_size=1, max_size=40), st.integers(-(2**61), 2**61))
def test_a_guess_between_two_times_lies_between_them(found: list[int], time: int) -> None:
    times = np.sort(np.array(found, np.int64))
    inside = int(np.clip(time, times[0], times[-1]))
    assert 0 <= guess_between(times, 0, 0, len(times), inside) <= len(times)


@QUICK
@given(VALUES, st.booleans(), st.data())
def test_an_extreme_is_that_of_the_values_that_are_there(
    values: list[int], want_max: bool, data: st.DataObject
) -> None:
    low = data.draw(st.integers(0, len(values) - 1))
    high = data.draw(st.integers(low + 1, len(values)))
    words = (len(values) + 63) >> 6
    parts = [[v for v in values[64 * i : 64 * i + 64] if v != NULL] for i in range(words)]
    least = [min(part, default=NULL) for part in parts]
    greatest = [max(part, default=NULL) for part in parts]
    arena = np.array([*values, *least, *greatest], np.int64)
    present = [v for v in values[low:high] if v != NULL]
    want = (max if want_max else min)(present, default=NULL)
    assert extreme(arena, 0, len(values), words, low, high, len(values), want_max) == want


def test_keys_that_differ_in_one_part_alone_are_spread_over_a_table() -> None:
    size = 2**13
    for parts in ([(row, 3, 7) for row in range(4096)], [(5, 3, value) for value in range(4096)]):
        slots = {int(slot_in(np.uint64(spread_out(key_of(*part))), size)) for part in parts}
        assert max(slots) < size
        assert len(slots) > 2_500, "4,096 keys thrown at random hit some 3,200 of 8,192 slots"


def test_sizes_grow_by_a_quarter_at_most_without_a_gap() -> None:
    sizes = [int(capacity(size_class)) for size_class in range(80)]
    assert sizes[:10] == [4, 5, 6, 7, 8, 10, 12, 14, 16, 20]
    assert all(a < b <= a * 5 / 4 for a, b in pairwise(sizes))
