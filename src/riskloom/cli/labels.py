"""`riskloom labels send` and `riskloom labels chargebacks`."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from riskloom.cli.console import DeadLetters, bar, dead_letter_path, open_rows, print_json, say
from riskloom.domain.chargeback import Chargebacks, read_codes
from riskloom.domain.field import Field, FieldType
from riskloom.domain.label import read_label
from riskloom.domain.show import show_time
from riskloom.errors import DataInvalid, Fault, InputInvalid, LabelInvalid, show
from riskloom.stream import LABELS, DeadLetter

app = typer.Typer(no_args_is_help=True)
TOGETHER = 1_000
TRUTH = ("fraud", "label")
FIELDS = (
    Field("event_id", FieldType.STRING),
    *(Field(name, FieldType.STRING) for name in TRUTH),
    Field("source", FieldType.STRING),
    Field("known_at", FieldType.TIME),
    Field("confidence", FieldType.NUMBER),
    Field("code", FieldType.STRING),
)
_WORDS: dict[float | None, bool] = {1.0: True, 0.0: False}
Sent = tuple[int, dict[str, Any]]
"""The line of a row, and the label it is sent as."""


@app.callback()
def labels() -> None:
    """Labels."""


@app.command()
def send(
    data: Annotated[
        Path,
        typer.Argument(
            help="CSV or Parquet: event_id, fraud (or label), source, known_at, confidence, code."
        ),
    ],
    to: Annotated[str, typer.Option(help="The server's address.")],
    source: Annotated[
        str | None, typer.Option(help="Of rows that name none: chargeback, analyst, customer or rule.")
    ] = None,
    api_key: Annotated[
        str | None, typer.Option(envvar="RISKLOOM_API_KEY", help="The shared key, where the server has one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Send a file of labels to a running server.

    A label that is there already changes nothing: a file with known_at can be sent again. Rows that cannot be
    read, and those that the server refuses, go to DATA.dead-letters.jsonl with line and reason.
    """
    from riskloom.client import Client

    rows = open_rows(data, FIELDS, ["event_id"])
    if not any(name in rows.header for name in TRUTH):
        raise DataInvalid(Fault(str(data), "a column fraud (or label)", f"columns {show(rows.header, 200)}"))
    start, told = time.perf_counter(), 0
    with DeadLetters(dead_letter_path(data)) as dead, Client(to, api_key) as client, bar() as progress:
        task = progress.add_task(f"sending {data.name}", total=rows.total)
        for part in _parts(rows, source, dead):
            for (line, label), answer in zip(part, client.tell([label for _, label in part]), strict=True):
                error: Any = answer.get("error")
                told += not error
                if error:
                    dead.bury(DeadLetter(line, _faults(error), label))
            progress.update(task, completed=rows.done)
    took = time.perf_counter() - start
    if as_json:
        print_json({"told": told, "buried": dead.count, "seconds": took})
    say(f"{told:,} labels told, {dead.count:,} dead letters, in {took:.1f} s")
    if dead.count:
        say(f"rows that were not taken and the reasons are in {dead.path}")


@app.command()
def chargebacks(
    data: Annotated[Path, typer.Argument(help="A bank's CSV or Parquet of chargebacks.")],
    to: Annotated[str, typer.Option(help="The server's address.")],
    event_id: Annotated[str, typer.Option(help="The column with the event's id.")] = "event_id",
    code: Annotated[str, typer.Option(help="The column with the reason code.")] = "code",
    known_at: Annotated[str, typer.Option(help="The column with the day or time.")] = "known_at",
    code_is: Annotated[
        list[str] | None,
        typer.Option(
            "--code-is", help="CODE=fraud, friendly_fraud or not_fraud; beside the networks' codes."
        ),
    ] = None,
    api_key: Annotated[
        str | None, typer.Option(envvar="RISKLOOM_API_KEY", help="The shared key, where the server has one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Send a bank's chargebacks to a running server, as labels.

    The code says whether it was fraud. Rows with an unknown code, and others that cannot be taken, go to
    DATA.dead-letters.jsonl with line and reason. The same file again changes nothing, where it has dates.
    """
    from riskloom.client import Client

    given = [part.partition("=") for part in code_is or []]
    names = (event_id, code, known_at)
    bank = Chargebacks(*names, read_codes({one: said for one, _, said in given}))
    rows = open_rows(data, [Field(name, FieldType.STRING) for name in names], [event_id, code])
    unknown: Counter[str] = Counter()
    told = 0
    with DeadLetters(dead_letter_path(data)) as dead, Client(to, api_key) as client:
        for part in _read(rows, bank, dead, unknown):
            for (line, label), answer in zip(part, client.tell([label for _, label in part]), strict=True):
                error: Any = answer.get("error")
                told += not error
                if error:
                    dead.bury(DeadLetter(line, _faults(error), label))
    if as_json:
        print_json({"told": told, "buried": dead.count, "unknown_codes": dict(sorted(unknown.items()))})
    say(f"{told:,} labels told, {dead.count:,} dead letters")
    for name, count in unknown.most_common():
        say(f"unknown code {name}: {count:,} rows; say what it is with --code-is {name}=fraud (or not_fraud)")
    if dead.count:
        say(f"rows that were not taken and the reasons are in {dead.path}")


def _read(rows: Any, bank: Chargebacks, dead: DeadLetters, unknown: Counter[str]) -> Iterator[list[Sent]]:
    """The rows that can be labels, as many together as are sent together."""
    part: list[Sent] = []
    for row in rows:
        try:
            if row.fault is not None:
                raise LabelInvalid(row.fault)
            part.append((row.number, bank.label(row.values)))
        except LabelInvalid as error:
            dead.bury(DeadLetter(row.number, error.faults, row.values))
            if bank.is_unknown(row.values):
                unknown[str(row.values[bank.code]).strip()] += 1
        if len(part) == TOGETHER:
            yield part
            part = []
    if part:
        yield part


def _parts(rows: Any, source: str | None, dead: DeadLetters) -> Iterator[list[Sent]]:
    """The good rows, as many together as are sent together."""
    part: list[Sent] = []
    for row in rows:
        try:
            if row.fault is not None:
                raise LabelInvalid(row.fault)
            part.append((row.number, _body(row.values, source)))
        except LabelInvalid as error:
            dead.bury(DeadLetter(row.number, error.faults, row.values))
        if len(part) == TOGETHER:
            yield part
            part = []
    if part:
        yield part


def _body(row: Mapping[str, Any], source: str | None) -> dict[str, Any]:
    """A row as the label that is sent."""
    given = next((row[name] for name in TRUTH if row.get(name) is not None), None)
    label = {name: value for name, value in row.items() if name not in TRUTH}
    label["fraud"] = _WORDS.get(LABELS.get(str(given).strip().lower()), given)
    label["source"] = label.get("source") or source
    values = {name: value for name, value in read_label(label).items() if value is not None}
    if "known_at" in values:
        values["known_at"] = show_time(values["known_at"])
    return values


def _faults(problem: dict[str, Any]) -> tuple[Fault, ...]:
    """Why the server refused a label, by the names of its columns."""
    from riskloom.client import error_from

    error = error_from(int(problem["status"]), problem)
    if isinstance(error, InputInvalid):
        return tuple(replace(fault, where=fault.where.rpartition(".")[2]) for fault in error.faults)
    return (Fault("event_id", "a label that the server takes", error.message, error.hint),)
