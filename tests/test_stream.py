"""Rows become events in arrival order: ties by id, sorted where they are not, ids of their own."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from riskloom.domain.show import show_time
from riskloom.stream import DeadLetter, EventStream, OutOfOrder, file_digest
from support.events import NOW_US, payment
from support.files import LINES, NAMES, SCHEMA, csv, line, read, rows_of, write


def test_ids_are_made_of_the_files_digest_and_the_row(tmp_path: Path) -> None:
    names = NAMES[1:]
    lines = [",".join(names)]
    lines += [
        ",".join(str(payment("x", timestamp=show_time(NOW_US + at))[name]) for name in names)
        for at in range(3)
    ]
    path = write(tmp_path / "data.csv", lines)
    first, _ = read(path)
    assert [event.id for event in first] == [f"{file_digest(path)}:{number}" for number in (2, 3, 4)]
    again, _ = read(write(tmp_path / "copy.csv", path.read_bytes()))
    assert [event.id for event in again] == [event.id for event in first]
    other, _ = read(write(tmp_path / "other.csv", [*lines[:-1], lines[-1] + "x"]))
    assert not {event.id for event in other} & {event.id for event in first}


def test_ties_are_ordered_by_id_and_never_parted(tmp_path: Path) -> None:
    ticks = [0, 0, 1, 1, 1, 1, 1, 2, 3, 3]
    lines = [line(f"e{9 - at}", timestamp=show_time(NOW_US + tick)) for at, tick in enumerate(ticks)]
    path = csv(tmp_path, lines)
    for size in (1, 2, 3, 10):
        stream = EventStream(rows_of(path), SCHEMA, "d", _fail)
        chunks = list(stream.chunks(size))
        events = [event for chunk in chunks for event in chunk]
        assert events == sorted(events, key=lambda event: (event.time_us, event.id))
        assert len(events) == 10
        for left, right in itertools.pairwise(chunks):
            assert left[-1].time_us < right[0].time_us


def _fail(letter: DeadLetter) -> None:
    pytest.fail(str(letter))


def test_rows_out_of_order_are_noticed_and_sorted(tmp_path: Path) -> None:
    path = csv(tmp_path, [LINES[3], LINES[1], LINES[2], LINES[0]])
    stream = EventStream(rows_of(path), SCHEMA, "d", _fail)
    with pytest.raises(OutOfOrder, match="e1"):
        list(stream.chunks())
    assert [[event.id for event in chunk] for chunk in stream.sorted_chunks(3)] == [
        ["e0", "e1", "e2"],
        ["e3"],
    ]
