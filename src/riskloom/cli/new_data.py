"""The rows of a CSV or Parquet file for `riskloom new`: a sample as columns, and a mended copy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from riskloom.adapters.sources.csv import CsvRows
from riskloom.cli.console import TableWriter, bar
from riskloom.domain.field import Field, FieldType
from riskloom.errors import DataInvalid, Fault, nearest
from riskloom.training.guess.column import (
    EXACT,
    Column,
    boolean_column,
    number_column,
    other_column,
    text_column,
    time_column,
)
from riskloom.training.guess.mend import Mend, mend_value

CHUNK = 8_192
_TIMES = ("counter", "format")


class Sample:
    """The first rows of a file: `columns`, and how many of these rows could not be read."""

    def __init__(self, columns: Sequence[Column], total: int | None, buried: int) -> None:
        self.columns = tuple(columns)
        self.total = total
        """Rows of the whole file, where that is known without reading it."""
        self.buried = buried


def read_sample(path: Path, rows: int) -> Sample:
    """The first rows of a file, by the kind its name ends in.

    Raises
    ------
    DataInvalid
        When it cannot be read.
    """
    if not path.is_file():
        beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        raise DataInvalid(Fault(str(path), "a file", "nothing there", nearest(path.name, beside)))
    match path.suffix.lower():
        case ".csv":
            return _sample_csv(path, rows)
        case ".parquet":
            return _sample_parquet(path, rows)
    raise DataInvalid(Fault(str(path), "a file ending in .csv or .parquet", path.suffix or "no ending"))


def write_copy(path: Path, out: Path, mends: Sequence[Mend]) -> dict[str, int]:
    """Write a file again with its columns mended; how many values of each could not be read as times."""
    lost: dict[str, int] = {}
    chunks, total = _csv_chunks(path) if path.suffix.lower() == ".csv" else _parquet_chunks(path)
    with TableWriter(out) as table, bar() as progress:
        task = progress.add_task(f"writing {out.name}", total=total)
        for done, chunk in chunks:
            table.write(_mended(chunk, mends, lost))
            progress.update(task, completed=done)
    return lost


def _mended(chunk: dict[str, Any], mends: Sequence[Mend], lost: dict[str, int]) -> dict[str, Any]:
    """The columns of a chunk under their new names; times that were counted come first."""
    import pyarrow as pa

    renamed = {mend.column: mend.name for mend in mends if mend.how == "rename"}
    made: dict[str, Any] = {}
    kept = dict(chunk)
    for mend in mends:
        if mend.how in ("blank", "label"):
            values = [mend_value(mend, value) for value in _plain(kept[mend.column])]
            kind = pa.int8() if mend.how == "label" else getattr(kept[mend.column], "type", pa.string())
            kept[mend.column] = pa.array(values, kind)
    for mend in mends:
        if mend.how in _TIMES:
            before = _plain(kept[mend.column])
            times = [mend_value(mend, value) for value in before]
            to = made if mend.how == "counter" else kept
            to[mend.name] = pa.array(times, pa.timestamp("us", "UTC"))
            lost[mend.column] = lost.get(mend.column, 0) + sum(
                time is None and value is not None for time, value in zip(times, before, strict=True)
            )
    return made | {renamed.get(name, name): column for name, column in kept.items()}


def _plain(column: Any) -> list[Any]:
    return column.to_pylist() if hasattr(column, "to_pylist") else list(column)


def _text_rows(path: Path) -> CsvRows:
    """The rows of a CSV file as text, every column of it."""
    header = CsvRows(path, (), ()).header
    return CsvRows(path, [Field(name, FieldType.STRING, required=False) for name in header], ())


def _sample_csv(path: Path, rows: int) -> Sample:
    source = _text_rows(path)
    cells: dict[str, list[str | None]] = {name: [] for name in source.header}
    seen, buried = 0, 0
    for row in islice(source, rows):
        seen += 1
        if row.fault is not None:
            buried += 1
            continue
        for name, column in cells.items():
            cell = row.values.get(name)
            column.append(str(cell) if cell is not None and str(cell).strip() else None)
    columns = [text_column(name, column) for name, column in cells.items()]
    return Sample(columns, seen if seen < rows else None, buried)


def _csv_chunks(path: Path) -> tuple[Iterator[tuple[int, dict[str, Any]]], int]:
    """Chunks of text columns, each with how many bytes were read, and how many there are."""
    source = _text_rows(path)

    def read() -> Iterator[tuple[int, dict[str, Any]]]:
        import pyarrow as pa

        good = (row.values for row in source if row.fault is None)
        while chunk := list(islice(good, CHUNK)):
            yield (
                source.done,
                {name: pa.array([row.get(name) for row in chunk], pa.string()) for name in source.header},
            )

    return read(), source.total


def _parquet_chunks(path: Path) -> tuple[Iterator[tuple[int, dict[str, Any]]], int]:
    """Chunks of typed columns, each with how many rows were read, and how many there are."""
    file = _open_parquet(path)

    def read() -> Iterator[tuple[int, dict[str, Any]]]:
        done = 0
        for batch in file.iter_batches(CHUNK):
            done += len(batch)
            yield done, dict(zip(batch.schema.names, batch.columns, strict=True))

    return read(), file.metadata.num_rows


def _open_parquet(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise DataInvalid(Fault(str(path), "a Parquet file", str(error))) from error


def _sample_parquet(path: Path, rows: int) -> Sample:
    import pyarrow as pa

    file = _open_parquet(path)
    names = list(file.schema_arrow.names)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataInvalid([Fault(str(path), f"one column {name}", "two of them") for name in twice])
    batches, left = [], rows
    try:
        for batch in file.iter_batches(min(rows, 65_536)):
            batches.append(batch.slice(0, left))
            left -= len(batches[-1])
            if left <= 0:
                break
    except (OSError, pa.ArrowException) as error:
        raise DataInvalid(Fault(str(path), "a Parquet file", str(error))) from error
    table = pa.Table.from_batches(batches, file.schema_arrow)
    gaps = _gaps(file.metadata)
    columns = [_column(name, table.column(name).combine_chunks(), name in gaps) for name in names]
    return Sample(columns, file.metadata.num_rows, 0)


def _gaps(metadata: Any) -> set[str]:
    """Columns of which the file itself says that values are missing, anywhere in it."""
    found: set[str] = set()
    for group in range(metadata.num_row_groups):
        for at in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(at)
            statistics = chunk.statistics
            if statistics is not None and statistics.has_null_count and statistics.null_count:
                found.add(chunk.path_in_schema)
    return found


def _column(name: str, values: Any, gaps: bool) -> Column:
    """One typed column of a sample."""
    import pyarrow as pa

    kinds = pa.types
    if kinds.is_dictionary(values.type):
        values = values.dictionary_decode()
    kind = values.type
    if kinds.is_timestamp(kind):
        micros = values.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.int64())
        return time_column(name, _floats(micros), zoned=kind.tz is not None, stored="time", gaps=gaps)
    if kinds.is_boolean(kind):
        return boolean_column(name, values.to_pylist(), stored="boolean", gaps=gaps)
    if kinds.is_integer(kind):
        numbers = _floats(values)
        large = bool((np.abs(numbers[np.isfinite(numbers)]) >= EXACT).any())
        shown = [None if value is None else str(value) for value in values.to_pylist()] if large else None
        return number_column(name, numbers, whole=True, stored="integer", gaps=gaps, shown=shown)
    if kinds.is_floating(kind) or kinds.is_decimal(kind):
        return _fractions(name, _floats(values.cast(pa.float64())), gaps)
    if kinds.is_date(kind) or kinds.is_string(kind) or kinds.is_large_string(kind):
        texts = [None if value is None else str(value) for value in values.to_pylist()]
        return text_column(name, texts, stored="text", gaps=gaps)
    if kinds.is_binary(kind) or kinds.is_large_binary(kind):
        read = [None if value is None else value.decode("utf-8", "replace") for value in values.to_pylist()]
        return text_column(name, read, stored="text", gaps=gaps)
    return other_column(name, len(values))


def _fractions(name: str, numbers: Any, gaps: bool) -> Column:
    """Numbers with a point; infinite ones are no numbers that can be held."""
    blanks = {text: int((numbers == float(text)).sum()) for text in ("inf", "-inf")}
    blanks = {text: count for text, count in blanks.items() if count}
    finite = np.where(np.isinf(numbers), np.nan, numbers)
    return number_column(name, finite, whole=False, stored="float", blanks=blanks, gaps=gaps)


def _floats(values: Any) -> Any:
    """float64, NaN where missing."""
    import pyarrow as pa

    return np.asarray(values.cast(pa.float64(), safe=False).fill_null(float("nan")), np.float64)
