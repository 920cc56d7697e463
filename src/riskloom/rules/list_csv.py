"""Lists as CSV: value, from, until, reason, author; the first row names the columns, in any order."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable

from riskloom.domain.field import Field, FieldType
from riskloom.domain.read import FieldFault, reader
from riskloom.domain.show import show_time
from riskloom.errors import DataInvalid, Fault, nearest, show
from riskloom.rules.lists import Entry

COLUMNS = ("value", "from", "until", "reason", "author")
MAX_ROWS = 1_000_000
_TEXT_LIMIT = 500
_read_time = reader(Field("until", FieldType.TIME))


def read_entries(text: str, read_value: Callable[[object], str], author: str = "") -> tuple[Entry, ...]:
    """The entries of a CSV text.

    Parameters
    ----------
    read_value
        What reads a value of the list's field, as `riskloom.domain.read.reader` makes it.
    author
        Of rows that name none.

    Raises
    ------
    DataInvalid
        With every fault, each at its line. A value that stands there twice is a fault, too.

    Examples
    --------
    >>> [entry.value for entry in read_entries("value,until\\nann,2030-01-01T00:00:00Z\\n", str)]
    ['ann']
    """
    lines = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    faults: list[Fault] = []
    entries: dict[str, Entry] = {}
    try:
        header = [name.strip() for name in next(lines, [])]
        faults += _header_faults(header)
        if faults:
            raise DataInvalid(faults)
        for cells in lines:
            line = lines.line_num
            if not cells:
                continue
            if len(cells) != len(header):
                faults.append(Fault(f"line {line}", f"{len(header)} values", str(len(cells)), line=line))
                continue
            if len(entries) >= MAX_ROWS:
                faults.append(Fault(f"line {line}", f"at most {MAX_ROWS} rows", "more", line=line))
                break
            entry = _entry(dict(zip(header, cells, strict=True)), line, read_value, author, faults)
            if entry is not None and entry.value in entries:
                faults.append(Fault(f"line {line}, value", "a value once", show(entry.value), line=line))
            elif entry is not None:
                entries[entry.value] = entry
    except csv.Error as error:
        line = lines.line_num
        hint = "is a quote missing?"
        faults.append(Fault(f"line {line}", "a CSV row", str(error), hint, line=line))
    if faults:
        raise DataInvalid(faults)
    return tuple(entries.values())


def write_entries(entries: Iterable[Entry]) -> str:
    """Entries as CSV text that `read_entries` reads back."""
    out = io.StringIO(newline="")
    table = csv.writer(out)
    table.writerow(COLUMNS)
    for entry in entries:
        begun = show_time(entry.from_us) if entry.from_us else ""
        ends = "" if entry.until_us is None else show_time(entry.until_us)
        table.writerow((entry.value, begun, ends, entry.reason, entry.author))
    return out.getvalue()


def _header_faults(header: list[str]) -> list[Fault]:
    faults = [
        Fault("line 1", f"columns of {', '.join(COLUMNS)}", show(name), nearest(name, COLUMNS), line=1)
        for name in header
        if name not in COLUMNS
    ]
    faults += [
        Fault("line 1", "a column once", show(name), line=1)
        for name in dict.fromkeys(header)
        if header.count(name) > 1
    ]
    if "value" not in header:
        faults.append(Fault("line 1", "a column value", ", ".join(header) or "nothing", line=1))
    return faults


def _entry(
    row: dict[str, str], line: int, read_value: Callable[[object], str], author: str, faults: list[Fault]
) -> Entry | None:
    def told(name: str, read: Callable[[object], object], given: str) -> object:
        try:
            return read(given)
        except FieldFault as fault:
            got = fault.got or show(given)
            faults.append(Fault(f"line {line}, {name}", fault.expected, got, fault.hint, line=line))
            return None

    before = len(faults)
    value = told("value", read_value, row["value"].strip())
    begun = told("from", _read_time, row["from"]) if row.get("from") else 0
    ends = told("until", _read_time, row["until"]) if row.get("until") else None
    for name in ("reason", "author"):
        if len(row.get(name, "")) > _TEXT_LIMIT:
            got = f"{len(row[name])} characters"
            faults.append(Fault(f"line {line}, {name}", f"at most {_TEXT_LIMIT} characters", got, line=line))
    if len(faults) > before or not isinstance(begun, int):
        return None
    until = ends if isinstance(ends, int) else None
    return Entry(str(value), begun, until, row.get("reason", ""), row.get("author") or author)
