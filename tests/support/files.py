"""Files of card payments, and what is read from them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from riskloom.adapters.sources.csv import CsvRows
from riskloom.adapters.sources.parquet import ParquetRows
from riskloom.domain.event import Event
from riskloom.domain.show import show_time
from riskloom.scenario.load import load_scenario
from riskloom.stream import DeadLetter, EventStream, file_digest
from support.events import NOW_US, payment

SCENARIO = load_scenario("card_payments")
SCHEMA = SCENARIO.schema(ignore_unknown=True)
REQUIRED = [field.name for field in SCENARIO.fields if field.required and field.name != "event_id"]
NAMES = [field.name for field in SCENARIO.fields]
HEADER = ",".join(NAMES)


def line(event_id: str, **changes: Any) -> str:
    """A payment as a line of a CSV file."""
    row = {**payment(event_id), **changes}
    return ",".join(str(row.get(name, "")) for name in NAMES)


LINES = [line(f"e{at}", timestamp=show_time(NOW_US + at * 1_000_000)) for at in range(6)]


def write(path: Path, content: str | bytes | Sequence[str]) -> Path:
    """A file of text, bytes or lines."""
    if isinstance(content, str):
        content = content.encode()
    elif not isinstance(content, bytes):
        content = ("\n".join(content) + "\n").encode()
    path.write_bytes(content)
    return path


def rows_of(path: Path) -> CsvRows | ParquetRows:
    """A file's rows, by its ending."""
    kind = CsvRows if path.suffix == ".csv" else ParquetRows
    return kind(path, SCENARIO.fields, REQUIRED)


def read(path: Path, size: int = 8_192) -> tuple[list[Event], list[DeadLetter]]:
    """Every good event and every dead letter of a file in time order."""
    letters: list[DeadLetter] = []
    stream = EventStream(rows_of(path), SCHEMA, file_digest(path), letters.append)
    events = [event for chunk in stream.chunks(size) for event in chunk]
    for letter in letters:
        assert json.loads(letter.as_json())["line"] == letter.line
        assert letter.faults
    return events, letters


def ids(path: Path) -> tuple[list[str], list[int]]:
    """(ids of good events, lines of dead letters)."""
    events, letters = read(path)
    return [event.id for event in events], [letter.line for letter in letters]


def csv(tmp_path: Path, lines: Sequence[str]) -> Path:
    """A CSV file with the usual header."""
    return write(tmp_path / "data.csv", [HEADER, *lines])
