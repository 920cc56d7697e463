"""CSV files: a header, then one event a line. Rows that cannot be read are given as faults, never dropped.

Values are parted by commas, semicolons, tabs or bars: by what makes the most columns of the header. A missing
quote costs its own line only: what follows is read again line by line.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from io import TextIOWrapper
from pathlib import Path

from riskloom.adapters.sources.rows import Row, check_columns
from riskloom.domain.field import Field, FieldType
from riskloom.domain.read import NumberText
from riskloom.errors import DataInvalid, Fault

RECORD_LINES = 100
"""A quoted value of a column that is no field may go over this many lines."""
LINE_LIMIT = 1 << 20
"""Characters of the longest line: a file without line ends must not fill the memory."""
SHOWN = 1_000
SEPARATORS = ",;\t|"

_NUMBERS = frozenset(
    {FieldType.INTEGER, FieldType.NUMBER, FieldType.MONEY, FieldType.LATITUDE, FieldType.LONGITUDE}
)
_TRUTH: dict[str, bool] = {"true": True, "1": True, "false": False, "0": False}
_ENDS = ("\n", "\r")


class CsvRows:
    """The rows of a CSV file in UTF-8.

    Raises
    ------
    DataInvalid
        When the file cannot be opened, is empty, or lacks columns that the fields need; names them all.
    """

    def __init__(self, path: Path, fields: Sequence[Field], required: Sequence[str]) -> None:
        self._path = path
        try:
            self.total = path.stat().st_size
            with _open(path) as file:
                header, self._separator = _split_header(file.readline(LINE_LIMIT))
        except (OSError, csv.Error) as error:
            raise DataInvalid(Fault(str(path), "a readable CSV file", str(error))) from error
        if not header:
            wanted = "a header line with the names of the fields"
            raise DataInvalid(Fault(str(path), wanted, "an empty line" if self.total else "an empty file"))
        check_columns(path, header, fields, required)
        self.done = 0
        self.header = header
        by_name = {field.name: field for field in fields}
        self._readers = [(name, _reader(by_name[name])) if name in by_name else None for name in header]

    def __iter__(self) -> Iterator[Row]:
        """Every row; numbers are lines of the file, the header being line 1."""
        try:
            with _open(self._path) as file:
                lines = _Lines(file)
                lines.take()
                while lines.more():
                    row = self._next_row(lines)
                    self.done = lines.read
                    if row is not None:
                        yield row
        except OSError as error:
            raise DataInvalid(Fault(str(self._path), "a readable CSV file", str(error))) from error

    def _next_row(self, lines: _Lines) -> Row | None:
        number, line = lines.take()
        where = f"line {number}"
        if len(line) >= LINE_LIMIT:
            wanted = f"at most {LINE_LIMIT} characters in a line"
            fault = Fault(where, wanted, "more", "has the file line ends?")
            return Row(number, {"line": line[:SHOWN]}, fault)
        try:
            cells = next(csv.reader((line,), delimiter=self._separator, strict=not line.endswith(_ENDS)), [])
        except csv.Error as error:
            fault = Fault(where, "a CSV row", str(error), "is a quote missing, or the end of the file?")
            return Row(number, {"line": line[:SHOWN]}, fault)
        if cells and cells[-1].endswith(_ENDS):
            found = self._over_lines(lines, line)
            if found is None:
                fault = Fault(where, "a closing quote", "none", "is a quote missing?")
                return Row(number, {"line": line[:SHOWN]}, fault)
            cells = found
        if not cells:
            return None
        if len(cells) != len(self._readers):
            fault = Fault(where, f"{len(self._readers)} values", str(len(cells)), "is a quote missing?")
            return Row(number, {"line": line[:SHOWN]}, fault)
        read = zip(self._readers, cells, strict=True)
        return Row(number, {column[0]: column[1](cell) for column, cell in read if column is not None})

    def _over_lines(self, lines: _Lines, line: str) -> list[str] | None:
        """The cells of a row that goes on over the next lines; None when it is no such row.

        No field may hold a line end: a row with one has lost its closing quote, and the next lines are rows.
        """
        ahead = lines.peek(RECORD_LINES)
        reader = csv.reader((line, *ahead), delimiter=self._separator)
        try:
            cells = next(reader)
        except csv.Error:
            return None
        open_still = reader.line_num > len(ahead) and cells[-1].endswith(_ENDS)
        if open_still or len(cells) != len(self._readers):
            return None
        for column, cell in zip(self._readers, cells, strict=True):
            if column is not None and ("\n" in cell or "\r" in cell):
                return None
        lines.skip(reader.line_num - 1)
        return cells


class _Lines:
    """Numbered lines of a file that can be looked at before they are taken."""

    def __init__(self, file: TextIOWrapper) -> None:
        self._file = file
        self._ahead: deque[str] = deque()
        self._number = 0
        self.read = 0

    def more(self) -> bool:
        """Whether there is another line."""
        return bool(self._ahead) or self._fetch()

    def take(self) -> tuple[int, str]:
        """The next line with its number, cut to `LINE_LIMIT`; empty behind the last."""
        if not self._ahead and not self._fetch():
            return self._number + 1, ""
        self._number += 1
        return self._number, self._ahead.popleft()

    def peek(self, count: int) -> list[str]:
        """At most the next `count` lines."""
        while len(self._ahead) < count and self._fetch():
            pass
        return list(self._ahead)[:count]

    def skip(self, count: int) -> None:
        """Take `count` lines and forget them."""
        for _ in range(count):
            self.take()

    def _fetch(self) -> bool:
        line = self._file.readline(LINE_LIMIT)
        if not line:
            return False
        self._ahead.append(line)
        self.read += len(line)
        while len(line) >= LINE_LIMIT and not line.endswith(_ENDS):  # the rest of a line that is too long
            line = self._file.readline(LINE_LIMIT)
            self.read += len(line)
        return True


def _split_header(line: str) -> tuple[list[str], str]:
    """The names in a header, and what parts them: what makes the most of them, else a comma."""
    splits = [(next(csv.reader([line], delimiter=sign), []), sign) for sign in SEPARATORS]
    return max(splits, key=lambda split: len(split[0]))


def _open(path: Path) -> TextIOWrapper:
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _reader(field: Field) -> Callable[[str], object]:
    if field.type in _NUMBERS:
        return lambda cell: NumberText(cell.strip()) if cell and not cell.isspace() else None
    if field.type is FieldType.BOOLEAN:
        return lambda cell: _TRUTH.get(cell.strip().lower(), cell) if cell else None
    return lambda cell: cell or None


def open_rows(path: Path, fields: Sequence[Field], required: Sequence[str]) -> CsvRows:
    """The rows of a CSV file."""
    return CsvRows(path, fields, required)
