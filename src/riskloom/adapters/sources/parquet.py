"""Parquet files, read in batches; typed columns become the same plain values that JSON gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from riskloom.adapters.sources.rows import Row
from riskloom.domain.field import Field, FieldType
from riskloom.domain.read import NumberText, TimeMicros
from riskloom.errors import DataInvalid, Fault, nearest, show

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
        self.header = list(self._file.schema_arrow.names)
        missing = [name for name in required if name not in self.header]
        if missing:
            raise DataInvalid(
                [Fault(str(path), f"a column {name}", f"columns {show(self.header, 200)}", nearest(name, self.header)) for name in missing]
            )
        self.total = self._file.metadata.num_rows
        self.done = 0
        self._fields = [field for field in fields if field.name in self.header]
        self._types = {name: self._file.schema_arrow.field(name).type for name in self.header}
        faults = [fault for field in self._fields if (fault := self._zone_fault(path, field)) is not None]
        if faults:
            raise DataInvalid(faults)

    def __iter__(self) -> Iterator[Row]:
        """Every row; numbers count from 1."""
        self.done = 0
        names = [field.name for field in self._fields]
        for batch in self._file.iter_batches(BATCH_ROWS, columns=names):
            columns = [_values(batch.column(name), field) for name, field in zip(names, self._fields, strict=True)]
            for number, row in enumerate(zip(*columns, strict=True), self.done + 1):
                yield Row(number, dict(zip(names, row, strict=True)))
            self.done += batch.num_rows

    def _zone_fault(self, path: Path, field: Field) -> Fault | None:
        import pyarrow as pa

        kind = self._types[field.name]
        if field.type is FieldType.TIME and pa.types.is_timestamp(kind) and kind.tz is None and not field.timezone:
            hint = f"declare it in the scenario: {field.name}: {{type: time, timezone: UTC}}"
            return Fault(f"{path}: {field.name}", "times with a zone", "times without one", hint)
        return None


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
        micros = column.cast(pa.timestamp("us", "UTC" if column.type.tz else None), safe=False).cast(pa.int64())
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
    return None if pa.types.is_large_string(kind) else str


def open_rows(path: Path, fields: Sequence[Field], required: Sequence[str]) -> ParquetRows:
    """The rows of a Parquet file."""
    return ParquetRows(path, fields, required)
