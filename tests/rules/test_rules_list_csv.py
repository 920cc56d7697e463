"""Lists come from CSV and go to CSV; every fault is named at its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskloom.domain.field import Field, FieldType
from riskloom.domain.read import reader
from riskloom.errors import DataInvalid
from riskloom.rules.list_csv import read_entries, write_entries
from riskloom.rules.lists import Entry

read_text = reader(Field("user_id", FieldType.STRING))
read_ip = reader(Field("ip", FieldType.IP))
words = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8)
notes = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
moments = st.integers(1, 4_102_444_800_000_000)


@given(
    entries=st.lists(
        st.builds(Entry, words, moments | st.just(0), st.none() | moments, notes, words),
        max_size=6,
        unique_by=lambda entry: entry.value,
    )
)
def test_what_is_written_is_read_back(entries: list[Entry]) -> None:
    assert list(read_entries(write_entries(entries), read_text)) == entries


def test_columns_may_be_few_and_in_any_order() -> None:
    text = "﻿reason,value\r\nlost card,ann\r\n\r\n,bob\r\n"
    assert read_entries(text, read_text, "ana") == (
        Entry("ann", reason="lost card", author="ana"),
        Entry("bob", author="ana"),
    )


def test_values_are_read_as_the_field_is() -> None:
    (entry,) = read_entries("value\n::ffff:10.0.0.1\n", read_ip)
    assert entry.value == read_ip("::ffff:10.0.0.1") != "::ffff:10.0.0.1"


def test_every_fault_is_told_at_its_line() -> None:
    text = (
        "value,until\nann,soon\n10.0.0.1,2030-01-01T00:00:00Z,3\n10.0.0.2,2030-01-01\n10.0.0.3,\n10.0.0.3,\n"
    )
    with pytest.raises(DataInvalid) as caught:
        read_entries(text, read_ip)
    told = [(fault.line, fault.where.partition(", ")[2], fault.expected) for fault in caught.value.faults]
    assert told == [
        (2, "value", "an IP address (v4 or v6)"),
        (2, "until", "an ISO 8601 time"),
        (3, "", "2 values"),
        (4, "until", "a time with Z or an offset"),
        (6, "value", "a value once"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a column value"),
        ("vale\nann\n", "did you mean 'value'"),
        ("value,value\nann,b\n", "a column once"),
        ('value\n"ann\n', "is a quote missing"),
        ("value,reason\nann," + "x" * 501 + "\n", "at most 500 characters"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(text: str, said: str) -> None:
    with pytest.raises(DataInvalid, match=said):
        read_entries(text, read_text)
