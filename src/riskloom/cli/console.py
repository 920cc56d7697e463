"""What commands share: where words go (stderr), where results go (stdout), progress bars, dead letters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from riskloom import kinds
from riskloom.domain.columns import Labelled
from riskloom.domain.event import Event
from riskloom.domain.field import Field, FieldType
from riskloom.errors import DataInvalid, Fault, ParameterInvalid, nearest
from riskloom.scenario.load import shipped_scenarios
from riskloom.scenario.scenario import Scenario
from riskloom.stream import DeadLetter, EventStream, OutOfOrder, file_digest

SOURCES = "riskloom.adapters.sources"
HELPERS = frozenset({"rows", "plain", "arrow"})
"""What sources are made with."""
words = Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """A line for people, on stderr."""
    words.print(text, markup=False, soft_wrap=True)


def print_json(value: object) -> None:
    """A result for machines, on stdout."""
    typer.echo(msgspec.json.format(msgspec.json.encode(value)).decode())


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> None:
    """A result for people, on stdout."""
    table = Table(*columns, title=title or None, header_style="bold", show_edge=False)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    Console(highlight=False, markup=False, emoji=False).print(table)


def bar(unit: str = "") -> Progress:
    """A progress bar on stderr."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
        console=words,
        transient=True,
    )


def complete_scenario(incomplete: str) -> list[str]:
    """Tab completion of shipped scenarios."""
    return [name for name in shipped_scenarios() if name.startswith(incomplete)]


class DeadLetters:
    """Where rows that cannot be read are put, one JSON a line with line number and reasons.

    The file is made when it is needed; one that an earlier run left is removed on entry.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._file: Any = None

    def __enter__(self) -> DeadLetters:
        self.path.unlink(missing_ok=True)
        self.count = 0
        return self

    def bury(self, letter: DeadLetter) -> None:
        """Put a row into the file."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("ab")
        self._file.write(letter.as_json() + b"\n")
        self.count += 1

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class FileEvents:
    """The events of a file for one scenario, with a progress bar and a dead-letter file.

    Parameters
    ----------
    dead_letters
        Where rows that cannot be read are put, one JSON a line with line number and reasons; made when
        needed, and removed when an earlier run left it.
    labels
        Whether the scenario's label column is read; rows whose label says neither yes nor no are put apart
        then.
    """

    def __init__(self, path: Path, scenario: Scenario, dead_letters: Path, *, labels: bool = False) -> None:
        self.path = path
        self._schema = scenario.schema(ignore_unknown=True)
        made = {scenario.id_field}
        required = [field.name for field in scenario.fields if field.required and field.name not in made]
        self._label = scenario.label_field if labels else ""
        label = (Field(self._label, FieldType.STRING, required=False),) if self._label else ()
        self.rows = open_rows(path, (*scenario.fields, *label), required)
        self.digest = _digest(path)
        self.read = 0
        self._dead = DeadLetters(dead_letters)

    @property
    def buried(self) -> int:
        """How many rows were put apart."""
        return self._dead.count

    def chunks(self, size: int = 8_192) -> Iterator[list[Event]]:
        """Events in arrival order, with a bar; rows out of order are sorted in memory first.

        A file that is not in time order is noticed by a first pass over its times.
        """
        for chunk in self.labelled_chunks(size):
            yield [event for event, _ in chunk]

    def labelled_chunks(self, size: int = 8_192) -> Iterator[list[Labelled]]:
        """`chunks`, each event with its label where the file has one."""
        with self._dead:
            yield from self._labelled_chunks(size)
        if not self.read:
            raise DataInvalid(Fault(str(self.path), "at least one good row", f"{self.buried} bad ones"))

    def _labelled_chunks(self, size: int) -> Iterator[list[Labelled]]:
        stream = EventStream(self.rows, self._schema, self.digest, self.bury, self._label)
        ordered = self._is_ordered()
        if not ordered:
            say(f"{self.path.name} is not in time order: sorting it in memory first")
        with bar() as progress:
            task = progress.add_task(f"reading {self.path.name}", total=self.rows.total)
            for chunk in stream.labelled_chunks(size) if ordered else stream.sorted_labelled_chunks(size):
                self.read += len(chunk)
                progress.update(task, completed=self.rows.done)
                yield chunk
        if self.buried:
            say(f"{self.buried:,} rows could not be read; they and the reasons are in {self._dead.path}")

    def _is_ordered(self) -> bool:
        quiet = EventStream(self.rows, self._schema, self.digest, lambda _letter: None)
        try:
            with bar() as progress:
                task = progress.add_task(f"checking the order of {self.path.name}", total=self.rows.total)
                for _ in quiet.chunks():
                    progress.update(task, completed=self.rows.done)
        except OutOfOrder:
            return False
        return True

    def bury(self, letter: DeadLetter) -> None:
        """Put a row into the dead-letter file."""
        self._dead.bury(letter)


def open_rows(path: Path, fields: Sequence[Any], required: Sequence[str]) -> Any:
    """The rows of a file, by the kind its name ends in.

    Raises
    ------
    DataInvalid, ParameterInvalid
    """
    if not path.is_file():
        beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        near = nearest(path.name, beside)
        raise DataInvalid(Fault(str(path), "a file", "nothing there", near))
    module = kinds.load(SOURCES, path.suffix.removeprefix(".").lower() or "?", helpers=HELPERS)
    return module.open_rows(path, fields, required)


def dead_letter_path(out: Path) -> Path:
    """Where the dead letters of an output go."""
    return out.with_name(f"{out.name}.dead-letters.jsonl")


def _digest(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise DataInvalid(Fault(str(path), "a readable file", error.strerror or str(error))) from error


class TableWriter:
    """Writes columns chunk by chunk to CSV or Parquet; the file appears when it is whole."""

    def __init__(self, path: Path) -> None:
        if path.suffix.lower() not in (".csv", ".parquet"):
            raise ParameterInvalid(Fault("out", "a file ending in .csv or .parquet", str(path)))
        self._path = path
        self._beside = path.with_name(f".{path.name}.part")
        self._writer: Any = None

    def __enter__(self) -> TableWriter:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return self

    def write(self, columns: dict[str, Any]) -> None:
        """One chunk; the same columns every time."""
        import pyarrow as pa
        import pyarrow.csv as pa_csv
        import pyarrow.parquet as pq

        known = None if self._writer is None else self._writer.schema_known
        table = pa.table({name: _nulls(column) for name, column in columns.items()}, schema=known)
        if self._writer is None:
            kind = pa_csv.CSVWriter if self._path.suffix.lower() == ".csv" else pq.ParquetWriter
            self._writer = _Open(kind(str(self._beside), table.schema), table.schema)
        self._writer.out.write_table(table)

    def __exit__(self, kind: object, _error: object, _trace: object) -> None:
        if self._writer is None:
            return
        try:
            self._writer.out.close()
            if kind is None:
                self._beside.replace(self._path)
        finally:
            self._beside.unlink(missing_ok=True)


def _nulls(column: Any) -> Any:
    """A column as tables hold it: what is missing is null, not NaN."""
    import numpy as np
    import pyarrow as pa

    if isinstance(column, np.ndarray) and column.dtype == np.float64:
        return pa.array(column, from_pandas=True)
    return column


class _Open:
    """An open writer and the schema of its first chunk."""

    def __init__(self, out: Any, schema: Any) -> None:
        self.out = out
        self.schema_known = schema
