"""Parquet files, read in batches; typed columns become the same plain values that JSON gives."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from riskloom.adapters.sources.plain import plain_values
from riskloom.adapters.sources.rows import Columns, Row, check_columns
from riskloom.domain.event import EventSchema
from riskloom.domain.field import Field, FieldType
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
        with self._readable():
            for batch in self._batches():
                yield from self._rows(batch, range(self.done + 1, self.done + 1 + batch.num_rows))
                self.done += batch.num_rows

    def columns(
        self, schema: EventSchema, label: str, label_of: Callable[[object], float | None]
    ) -> Iterator[Columns]:
        """Every row in parts, column by column.

        Parameters
        ----------
        label, label_of
            The name of the label's column, and what reads one: None where it is none.
        """
        from riskloom.adapters.sources.arrow import read_batch

        with self._readable():
            for batch in self._batches():
                first = self.done + 1
                read = read_batch(batch, schema, first, label, label_of)
                places = np.flatnonzero(read.odd)
                odd = list(self._rows(batch.take(places), (places + first).tolist())) if len(places) else []
                yield Columns(first, read.values, read.labels, odd)
                self.done += batch.num_rows

    def _rows(self, batch: Any, numbers: Iterable[int]) -> Iterator[Row]:
        names = [field.name for field in self._fields]
        columns = [plain_values(batch.column(field.name), field) for field in self._fields]
        for number, row in zip(numbers, zip(*columns, strict=True), strict=True):
            yield Row(number, dict(zip(names, row, strict=True)))

    def _batches(self) -> Iterator[Any]:
        """Record batches from the start."""
        self.done = 0
        return iter(self._file.iter_batches(BATCH_ROWS, columns=[field.name for field in self._fields]))

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        """What is damaged inside a file shows only while it is read."""
        import pyarrow as pa

        try:
            yield
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


def open_rows(path: Path, fields: Sequence[Field], required: Sequence[str]) -> ParquetRows:
    """The rows of a Parquet file."""
    return ParquetRows(path, fields, required)
