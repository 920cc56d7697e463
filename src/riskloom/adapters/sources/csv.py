"""CSV files: a header, then one event a line. Rows that cannot be read are given as faults, never dropped."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from riskloom.adapters.sources.rows import Row
from riskloom.domain.field import Field, FieldType
from riskloom.domain.read import NumberText
from riskloom.errors import DataInvalid, Fault, nearest, show

_NUMBERS = frozenset(
    {FieldType.INTEGER, FieldType.NUMBER, FieldType.MONEY, FieldType.LATITUDE, FieldType.LONGITUDE}
)
_TRUTH: dict[str, bool] = {"true": True, "1": True, "false": False, "0": False}


class CsvRows:
    """The rows of a CSV file in UTF-8.

    Raises
    ------
    DataInvalid
        When the file cannot be opened, is empty, or lacks columns that the fields need; names them all.
    """

    def __init__(self, path: Path, fields: Sequence[Field], required: Sequence[str]) -> None:
        self._path = path
        self._fields = {field.name: field for field in fields}
        try:
            self.total = path.stat().st_size
            with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
                header = next(csv.reader(file), None)
        except (OSError, csv.Error) as error:
            raise DataInvalid(Fault(str(path), "a readable CSV file", str(error))) from error
        if not header:
            raise DataInvalid(Fault(str(path), "a header line with the names of the fields", "an empty file"))
        self.done = 0
        self.header = header
        missing = [name for name in required if name not in header]
        if missing:
            raise DataInvalid(
                [Fault(str(path), f"a column {name}", f"columns {show(header, 200)}", nearest(name, header)) for name in missing]
            )

    def __iter__(self) -> Iterator[Row]:
        """Every row; numbers are lines of the file, the header being line 1."""
        self.done = 0
        readers = [(name, _reader(self._fields[name])) if name in self._fields else None for name in self.header]
        with self._path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            lines = _Counted(file, self)
            rows = csv.reader(lines)
            next(rows, None)
            while True:
                number = rows.line_num + 1
                try:
                    cells = next(rows)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield Row(number, {}, Fault(f"line {number}", "a CSV row", str(error)))
                    continue
                if not cells:
                    continue
                if len(cells) != len(readers):
                    fault = Fault(f"line {number}", f"{len(readers)} values", f"{len(cells)}", "is a quote missing?")
                    yield Row(number, dict(zip(self.header, cells, strict=False)), fault)
                    continue
                yield Row(number, {r[0]: r[1](cell) for r, cell in zip(readers, cells, strict=True) if r is not None})


class _Counted:
    """Lines of a file that count the characters read, for the progress bar."""

    def __init__(self, lines: Iterator[str], rows: CsvRows) -> None:
        self._lines = lines
        self._rows = rows

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._rows.done += len(line)
        return line


def _reader(field: Field) -> Callable[[str], object]:
    if field.type in _NUMBERS:
        return lambda cell: NumberText(cell.strip()) if cell and not cell.isspace() else None
    if field.type is FieldType.BOOLEAN:
        return lambda cell: _TRUTH.get(cell.strip().lower(), cell) if cell else None
    return lambda cell: cell or None


def open_rows(path: Path, fields: Sequence[Field], required: Sequence[str]) -> CsvRows:
    """The rows of a CSV file."""
    return CsvRows(path, fields, required)
