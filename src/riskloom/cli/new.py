"""`riskloom new`: a scenario guessed from a file."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from riskloom.cli.console import print_json, print_table, say
from riskloom.errors import Fault, ParameterInvalid
from riskloom.scenario.event_section import is_name
from riskloom.scenario.load import SHIPPED, load_scenario

if TYPE_CHECKING:
    from riskloom.cli.new_data import Sample
    from riskloom.training.guess.guess import Guess
    from riskloom.training.guess.mend import Mend

ROWS = 100_000
RATES = "card_payments"
"""The shipped scenario whose rate table converts amounts in several currencies."""
COMPARED = "isolation_forest,lightgbm"
"""What a file with labels is tried with: one that needs none and one that learns from them."""
GROUPED = 4
"""So many like columns, one after the other, are shown as one line."""


def new(
    folder: Annotated[Path, typer.Argument(help="The folder to make; must be new or empty.")],
    data: Annotated[Path, typer.Option(help="Your events, CSV or Parquet: one row each.")],
    rows: Annotated[int, typer.Option(help="How many rows are looked at.", min=1)] = ROWS,
    copy: Annotated[
        Path | None,
        typer.Option(
            help="Write the data again to this file, with names and times that a scenario can use; the"
            " scenario is then for that file."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Start a scenario from a file of yours: types, keys, time, amount and label are guessed, and said.

    The folder gets a commented scenario.yaml and rules.yaml, with features and a detector. `train` and
    `serve` take them as they are; read them before you trust them. To start from a shipped scenario
    instead: `riskloom scenario new`.
    """
    from riskloom.cli.new_data import read_sample, write_copy
    from riskloom.training.guess.guess import find_mends, guess_scenario

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        came = "files in it" if folder.is_dir() else "a file"
        raise ParameterInvalid(Fault(str(folder), "a new or empty folder", came))
    currencies = _currencies()
    sample = read_sample(data, rows)
    lost: dict[str, int] = {}
    if copy is not None:
        mends = find_mends(sample.columns)
        _check_copy(data, copy, mends)
        lost = write_copy(data, copy, mends)
        data, sample = copy, read_sample(copy, rows)
    guess = guess_scenario(sample.columns, total=sample.total, convertible=currencies)
    _write(folder, guess, data.name)
    found = load_scenario(folder)
    if as_json:
        print_json(_as_data(folder, data, sample, guess, lost))
        return
    _tell(folder, data, sample, guess, lost, windows=len(found.windows))


def _check_copy(data: Path, copy: Path, mends: tuple[Mend, ...]) -> None:
    faults: list[Fault] = []
    if not mends:
        faults.append(Fault("--copy", "a file with something to mend", f"{data} as it is: leave --copy out"))
    if copy.suffix.lower() != data.suffix.lower():
        faults.append(Fault("--copy", f"a file ending in {data.suffix}, like the data", str(copy)))
    if copy.exists():
        faults.append(Fault("--copy", "a file that is not there yet", str(copy)))
    if faults:
        raise ParameterInvalid(faults)


def _currencies() -> tuple[str, ...]:
    return load_scenario(RATES).rates.currencies


def _write(folder: Path, guess: Guess, file: str) -> None:
    """The files, in place only when they load."""
    from riskloom.training.guess.render import render_rules, render_scenario

    name = re.sub("[^a-z0-9]+", "_", folder.resolve().name.lower()).strip("_")
    with tempfile.TemporaryDirectory() as beside:
        made = Path(beside)
        scenario = render_scenario(guess, name=name if is_name(name) else "my_events", file=file)
        (made / "scenario.yaml").write_text(scenario, encoding="utf-8")
        (made / "rules.yaml").write_text(render_rules(guess), encoding="utf-8")
        if guess.converts:
            shutil.copyfile(Path(str(SHIPPED / RATES / "rates.yaml")), made / "rates.yaml")
        load_scenario(made)
        folder.mkdir(parents=True, exist_ok=True)
        for file_made in made.iterdir():
            shutil.copyfile(file_made, folder / file_made.name)


def _tell(
    folder: Path, data: Path, sample: Sample, guess: Guess, lost: dict[str, int], *, windows: int
) -> None:
    of = "" if sample.total is None else f" of {sample.total:,}"
    seen = f"all {guess.rows:,} rows" if sample.total == guess.rows else f"the first {guess.rows:,} rows{of}"
    columns = ("column", "is taken for", "why", "to change")
    print_table(columns, list(_rows(guess)), title=f"{data.name}: {seen}")
    for line in _notes(sample, guess, lost):
        say(f"- {line}")
    rules = "1 rule" if len(guess.rules) == 1 else f"{len(guess.rules)} rules"
    counts = f"{len(guess.features)} features ({windows} over windows), {rules}"
    say(f"{folder}/scenario.yaml and rules.yaml are yours: {counts}. Read and correct them, then:")
    for line in _next(folder, data, guess):
        say(f"  {line}")
    if guess.mends:
        say(f"A copy of the data that more can be made of ({'; '.join(_mended(guess))}):")
        say(f"  riskloom new {folder}-mended --data {data} --copy {_copy_name(data)}")


def _mended(guess: Guess) -> Iterable[str]:
    """What a copy would change, the new names together."""
    names = [mend.column for mend in guess.mends if mend.how == "rename"]
    if names:
        yield (
            f"{', '.join(map(repr, names))} renamed"
            if len(names) < GROUPED
            else f"{len(names)} columns renamed"
        )
    yield from (mend.why for mend in guess.mends if mend.how != "rename")


def _next(folder: Path, data: Path, guess: Guess) -> tuple[str, ...]:
    train = f"riskloom train --scenario {folder} --data {data} --out {folder}-bundle"
    compare = f" --detector {COMPARED} --report {folder}-report.html" if guess.trains_with_label else ""
    return (
        f"riskloom scenario check {folder}",
        f"{train}{compare}",
        f"riskloom serve --bundle {folder}-bundle",
    )


def _copy_name(data: Path) -> str:
    return f"{data.stem}_mended{data.suffix}"


def _rows(guess: Guess) -> Iterable[tuple[str, str, str, str]]:
    """What the table shows: the label, the fields in order, what is left out."""
    if guess.label is not None:
        share = f"{guess.label.why}; {guess.label.frauds:,} frauds ({guess.label.share:.3%})"
        change = (
            "" if guess.label.ready else "does not say yes or no as training reads it: --copy writes 0 and 1"
        )
        yield (guess.label.column, "label", share, change)
    told = [(field.name, _taken_for(field), field.why, field.change) for field in guess.fields]
    left = [(column.column, "left out", column.why, column.change) for column in guess.left_out]
    for _, members in groupby([*told, *left], key=lambda row: row[1:]):
        alike = list(members)
        if len(alike) < GROUPED:
            yield from alike
        else:
            yield (f"{alike[0][0]} … {alike[-1][0]} ({len(alike)})", *alike[0][1:])


def _taken_for(field: Any) -> str:
    what = {"id": "id", "time": "time", "counter": "counted time", "currency": "currency"}.get(field.role, "")
    if field.role == "amount":
        what = f"amount, {field.type}"
    if field.entity:
        what = f"key of {field.entity}"
    said = [what or str(field.type)]
    if field.pii:
        said.append("personal")
    if not field.required and field.role != "id":
        said.append("optional")
    return ", ".join(said)


def _notes(sample: Sample, guess: Guess, lost: dict[str, int]) -> Iterable[str]:
    if sample.buried:
        yield f"{sample.buried:,} of these rows could not be read; training puts them into a dead-letter file"
    for column, count in lost.items():
        if count:
            yield f"{count:,} values of {column} were no times as expected: they are empty in the copy"
    if guess.label is None:
        yield "no label: nothing can be measured against; name it in event.label when you have one"
    elif not guess.label.frauds:
        yield f"{guess.label.column} is never 1 in these rows"
    if not guess.time:
        yield "no time: features speak of the event alone, and a split for measuring cannot go by time"
    elif not any(entity.has_history for entity in guess.entities):
        yield "no key comes back: nothing to keep windows for; give a field an entity if one does"
    if guess.amount and not guess.currencies:
        yield f"{guess.amount} is taken for {guess.base_currency}: change base_currency if it is another"


def _as_data(
    folder: Path, data: Path, sample: Sample, guess: Guess, lost: dict[str, int]
) -> dict[str, object]:
    """The guess as plain values."""
    return {
        "folder": str(folder),
        "data": str(data),
        "rows": guess.rows,
        "rows_of_file": sample.total,
        "unreadable_rows": sample.buried,
        "label": None
        if guess.label is None
        else {
            "column": guess.label.column, "frauds": guess.label.frauds, "share": guess.label.share,
            "ready": guess.label.ready, "why": guess.label.why,
        },
        "time": guess.time or None,
        "counted_time": None if guess.counter is None else guess.counter.column,
        "amount": guess.amount or None,
        "base_currency": guess.base_currency,
        "entities": {
            entity.kind: {"column": entity.column, "events_per_key": entity.repeats}
            for entity in guess.entities
        },
        "fields": [_field_data(field) for field in guess.fields],
        "left_out": [
            {"column": left.column, "why": left.why, "change": left.change} for left in guess.left_out
        ],
        "features": [feature.name for feature in guess.features],
        "rules": [rule.code for rule in guess.rules],
        "mends": [{"column": mend.column, "name": mend.name, "why": mend.why} for mend in guess.mends],
        "notes": list(_notes(sample, guess, lost)),
        "next": list(_next(folder, data, guess)),
    }  # fmt: skip


def _field_data(field: Any) -> dict[str, object]:
    return {
        "name": field.name, "type": str(field.type), "role": field.role, "entity": field.entity,
        "pii": field.pii, "required": field.required, "learned": field.learned, "why": field.why,
        "change": field.change,
    }  # fmt: skip
