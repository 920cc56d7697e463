"""Parquet files, read in batches; typed columns become the same plain values that JSON gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from riskloom.adapters.sources.rows import Row, check_columns
from riskloom.domain.field import Field, FieldType
from riskloom.domain.read import NumberText, TimeMicros
from riskloom.errors import DataInvalid, Fault

BATCH_ROWS = 16_384


class ParquetRows:
    """The rows of a Parquet file, in file order or sorted by columns.

    Raises
    ------
    DataInvalid
        When it is no Parquet file, or lacks columns that the fields need; names them all.
    """

    def __init__(self, path: Path, fields: Sequence[Field], required: Sequence[str]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            self._file = pq.ParquetFile(path)
        except (OSError, pa.ArrowException) as error:
            raise DataInvalid(Fault(str(path), "a Parquet file", str(error))) from error
        self._path = path
        self.header = list(self._file.schema_arrow.names)
        check_columns(path, self.header, fields, required)
        self.total = self._file.metadata.num_rows
        self.done = 0
        self._fields = [field for field in fields if field.name in self.header]
        faults = [fault for field in self._fields if (fault := self._zone_fault(field)) is not None]
        if faults:
            raise DataInvalid(faults)

    def __iter__(self) -> Iterator[Row]:
        """Every row; numbers count from 1."""
        self.done = 0
        names = [field.name for field in self._fields]
        for columns in self._batches(names):
            for number, row in enumerate(zip(*columns, strict=True), self.done + 1):
                yield Row(number, dict(zip(names, row, strict=True)))
            self.done += len(columns[0]) if columns else 0

    def _batches(self, names: list[str]) -> Iterator[list[list[object]]]:
        """Plain columns of each batch; what is damaged inside shows only here."""
        import pyarrow as pa

        try:
            for batch in self._file.iter_batches(BATCH_ROWS, columns=names):
                yield [_values(batch.column(field.name), field) for field in self._fields]
        except (OSError, pa.ArrowException) as error:
            after = f"a Parquet file that can be read beyond row {self.done}"
            raise DataInvalid(Fault(str(self._path), after, str(error))) from error

    def _zone_fault(self, field: Field) -> Fault | None:
        import pyarrow as pa

        kind = self._file.schema_arrow.field(field.name).type
        is_time = field.type is FieldType.TIME and pa.types.is_timestamp(kind)
        if not is_time or kind.tz is not None or field.timezone:
            return None
        hint = f"declare it in the scenario: {field.name}: {{type: time, timezone: UTC}}"
        return Fault(f"{self._path}: {field.name}", "times with a zone", "times without one", hint)


def _values(column: Any, field: Field) -> list[object]:
    """One column as plain values."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_timestamp(kind):
        if kind.tz is None and field.timezone not in ("", "UTC"):
            column = pc.assume_timezone(column, field.timezone, ambiguous="earliest", nonexistent="earliest")
        zone = "UTC" if column.type.tz else None
        micros = column.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64())
        return [None if value is None else TimeMicros(value) for value in micros.to_pylist()]
    values = column.to_pylist()
    convert = _converter(kind, field)
    return values if convert is None else [None if value is None else convert(value) for value in values]


def _converter(kind: Any, field: Field) -> Callable[[Any], object] | None:
    import pyarrow as pa

    if pa.types.is_floating(kind):
        return lambda value: None if value != value else NumberText(repr(value))
    if pa.types.is_decimal(kind):
        return lambda value: NumberText(str(value))
    if pa.types.is_integer(kind) and field.type.is_text:
        return str
    if pa.types.is_integer(kind) and field.type is FieldType.BOOLEAN:
        return lambda value: bool(value) if value in (0, 1) else value
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_string(kind):
        return None
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return lambda value: value.decode("utf-8", "surrogateescape")
    return None if pa.types.is_large_string(kind) else str


def open_rows(path: Path, fields: Sequence[Field], required: Sequence[str]) -> ParquetRows:
    """The rows of a Parquet file."""
    return ParquetRows(path, fields, required)
