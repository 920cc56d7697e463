"""Whatever a file holds: the scenario that is guessed from it loads, and takes the rows of the file."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from riskloom.adapters.sources.csv import CsvRows
from riskloom.adapters.sources.parquet import ParquetRows
from riskloom.cli.new_data import read_sample, write_copy
from riskloom.errors import DataInvalid
from riskloom.scenario.load import load_scenario
from riskloom.stream import DeadLetter, EventStream
from riskloom.training.guess.guess import Guess, guess_scenario
from riskloom.training.guess.render import render_rules, render_scenario

ROWS = 12
NAMES = st.one_of(
    st.sampled_from(
        [
            "amount", "Amount (USD)", "amt", "newbalanceOrig", "oldbalanceOrg", "is_fraud", "Class", "label",
            "step", "Time", "timestamp", "unix_time", "date", "dob", "user_id", "cc_num", "card", "device",
            "merchant", "nameDest", "ip", "lat", "long", "zip", "currency", "id", "tx_id", "index", "value",
            "usual", "hour", "class", "yes", "null", "None", "event_id", "type", "user_count_1h", "first",
            "email", "x" * 80, "a b", "é", "draw", "fraud_kind", "risk_score", "base_currency", "timezone",
            "_", "_a",
        ]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00;\t|"), min_size=1, max_size=12),
)  # fmt: skip
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=20)
CELLS = {
    "integer": st.integers(-(10**6), 10**6).map(str),
    "large": st.integers(0, 10**19).map(str),
    "number": st.decimals(-(10**5), 10**5, places=3, allow_nan=False).map(str),
    "tiny": st.floats(1e-20, 1e-3).map(repr),
    "rare": st.sampled_from(["0"] * 11 + ["1"]),
    "words": st.sampled_from(["fraud", "normal"]),
    "truth": st.sampled_from(["true", "false"]),
    "few": st.sampled_from(["a", "it's", 'b "c"', "d\\e", "{f}", "# g"]),
    "text": TEXT.filter(lambda text: text.strip() == text),
    "time": st.datetimes().map(lambda when: when.isoformat()),
    "date": st.dates().map(str),
    "american": st.dates().map(lambda when: f"{when:%m/%d/%Y}"),
    "clock": st.times().map(lambda when: f"{when:%H:%M}"),
    "ip": st.ip_addresses().map(str),
    "mail": st.sampled_from(["a@example.com", "b@example.org"]),
    "currency": st.sampled_from(["USD", "EUR", "XXX"]),
    "dirty": st.sampled_from(["1", "2.5", "NA", "?"]),
    "degrees": st.floats(-90, 90).map(lambda value: f"{value:.4f}"),
    "nothing": st.just(""),
}


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list[str]]:
    """A few columns of one kind each, some with gaps."""
    table = {}
    for name in draw(st.lists(NAMES, min_size=1, max_size=8, unique=True)):
        cells = CELLS[draw(st.sampled_from(sorted(CELLS)))]
        values = draw(st.lists(cells, min_size=ROWS, max_size=ROWS))
        gaps = draw(st.sampled_from([0, 0, 3]))
        table[name] = ["" if at < gaps else value for at, value in enumerate(values)]
    return table


def as_csv(table: dict[str, list[str]], path: Path) -> Path:
    """The table as a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        writer.writerows(zip(*table.values(), strict=True))
    return path


def as_parquet(table: dict[str, list[str]], path: Path) -> Path:
    """The table as a Parquet file of text."""
    pq.write_table(pa.table({name: pa.array(values) for name, values in table.items()}), path)
    return path


def refused(path: Path, guess: Guess, folder: Path) -> list[DeadLetter]:
    """The rows that the guessed scenario does not take, but for texts that were said to cost rows."""
    (folder / "scenario.yaml").write_text(render_scenario(guess, name="x", file=path.name), encoding="utf-8")
    (folder / "rules.yaml").write_text(render_rules(guess), encoding="utf-8")
    if guess.converts:
        (folder / "rates.yaml").write_text("base: USD\nrates: [{date: 1970-01-01, EUR: 1.1}]\n")
    found = load_scenario(folder)
    required = [field.name for field in found.fields if field.required and field.name != found.id_field]
    kind: Any = CsvRows if path.suffix == ".csv" else ParquetRows
    letters: list[DeadLetter] = []
    stream = EventStream(
        kind(path, found.fields, required), found.schema(ignore_unknown=True), "d", letters.append
    )
    for _ in stream.sorted_chunks():
        pass
    allowed = {field.name for field in guess.fields if field.change} | {guess.time}
    return [letter for letter in letters if not {fault.where for fault in letter.faults} <= allowed]


def check(path: Path, folder: Path) -> Guess | None:
    """Guess, load, read."""
    sample = read_sample(path, 100)
    try:
        guess = guess_scenario(sample.columns, convertible=("USD", "EUR"))
    except DataInvalid:
        return None
    assert not [letter.faults for letter in refused(path, guess, folder)]
    return guess


LAW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@LAW
@given(tables())
def test_any_csv_file_gives_a_scenario_that_takes_its_rows(table: dict[str, list[str]]) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        path = as_csv(table, folder / "data.csv")
        guess = check(path, folder)
        if guess is not None and guess.mends:
            copy = folder / "copy.csv"
            write_copy(path, copy, guess.mends)
            again = check(copy, folder)
            assert again is not None
            assert {mend.how for mend in again.mends} <= {"counter", "format"}


@LAW
@given(tables())
def test_any_parquet_file_of_text_gives_a_scenario_that_takes_its_rows(table: dict[str, list[str]]) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        check(as_parquet(table, folder / "data.parquet"), folder)


TYPED = st.sampled_from(
    [
        pa.array([1, 2, None] * 4, pa.int64()),
        pa.array([2**60 + n for n in range(ROWS)], pa.int64()),
        pa.array([1.5, float("nan"), None] * 4),
        pa.array([0.1 * n for n in range(ROWS)], pa.float32()),
        pa.array([1e18 + n for n in range(ROWS)]),
        pa.array([n % 2 == 0 for n in range(ROWS)]),
        pa.array([n * 1_000 for n in range(ROWS)], pa.timestamp("ms")),
        pa.array([n * 1_000 for n in range(ROWS)], pa.timestamp("ns", "Europe/Berlin")),
        pa.array([-n * 10**6 for n in range(ROWS)], pa.timestamp("us")),
        pa.array([n - 5 for n in range(ROWS)], pa.date32()),
        pa.array([f"k{n % 3}" for n in range(ROWS)]).dictionary_encode(),
        pa.array([f"{n}.50" for n in range(ROWS)]).cast(pa.decimal128(10, 2)),
        pa.array([b"a", b"b", None] * 4),
        pa.array([[1, 2]] * ROWS),
        pa.array([None] * ROWS),
        pa.array(["", "a", None] * 4),
        pa.array([n * 10 for n in range(ROWS)], pa.duration("s")),
        pa.array([n * 10 for n in range(ROWS)], pa.time32("s")),
    ]
)


@LAW
@given(st.dictionaries(NAMES, TYPED, min_size=1, max_size=6))
def test_any_typed_parquet_file_gives_a_scenario_that_takes_its_rows(table: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        path = folder / "data.parquet"
        pq.write_table(pa.table(table), path)
        check(path, folder)
