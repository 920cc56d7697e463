"""Lists know who was on them when an event arrived."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskloom.errors import ParameterInvalid
from riskloom.rules.lists import Change, Lists

KEYS = ("ann", "bob")
changes = st.lists(
    st.builds(
        Change,
        list=st.sampled_from(["a", "b"]),
        key=st.sampled_from(KEYS),
        after=st.integers(0, 5),
        added=st.booleans(),
        from_us=st.integers(0, 4),
        until_us=st.none() | st.integers(0, 5),
    ),
    max_size=12,
).map(lambda listed: sorted(listed, key=lambda change: change.after))


def plainly(listed: list[Change], name: str, key: str, arrival: int, at_us: int) -> bool:
    """The definition: the newest change the event can see decides, by its times."""
    seen = [
        change for change in listed if (change.list, change.key) == (name, key) and change.after < arrival
    ]
    if not seen or not seen[-1].added:
        return False
    until_us = seen[-1].until_us
    return seen[-1].from_us <= at_us and (until_us is None or at_us < until_us)


@given(listed=changes)
def test_any_arrival_sees_what_was_there_then(listed: list[Change]) -> None:
    lists = Lists(listed)
    for name in ("a", "b", "c"):
        for key in KEYS:
            for arrival in range(1, 8):
                for at_us in range(6):
                    wanted = plainly(listed, name, key, arrival, at_us)
                    assert lists.holds(name, key, arrival, at_us) is wanted


@given(listed=changes, cut=st.integers(0, 12))
def test_a_later_change_moves_no_earlier_answer(listed: list[Change], cut: int) -> None:
    lists = Lists(listed[:cut])
    now = max((change.after for change in listed[:cut]), default=0)
    before = [lists.holds(name, key, now, 3) for name in "ab" for key in KEYS]
    for change in listed[cut:]:
        lists.apply(change)
    assert [lists.holds(name, key, now, 3) for name in "ab" for key in KEYS] == before


def test_a_reader_made_before_a_change_sees_it() -> None:
    lists = Lists()
    holds = lists.reader("a")
    assert holds("ann", 5, 0) is False
    lists.apply(Change("a", "ann", after=4))
    assert [holds("ann", arrival, 0) for arrival in (4, 5)] == [False, True]
    assert holds(None, 5, 0) is None


def test_a_change_older_than_what_was_decided_is_refused() -> None:
    lists = Lists([Change("a", "ann", after=4)])
    with pytest.raises(ParameterInvalid, match="after: expected at least 4"):
        lists.apply(Change("b", "bob", after=3))


def test_entries_are_those_that_hold_now_or_will() -> None:
    lists = Lists(
        [
            Change("a", "gone"),
            Change("a", "old", until_us=10),
            Change("a", "later", from_us=99),
            Change("a", "ann", reason="known"),
            Change("a", "gone", after=1, added=False),
        ]
    )
    assert [(change.key, change.reason) for change in lists.entries("a", 10)] == [
        ("ann", "known"),
        ("later", ""),
    ]
    assert [change.key for change in lists.entries("a", 9)] == ["ann", "later", "old"]
    assert [change.added for change in lists.history("a", "gone")] == [True, False]
