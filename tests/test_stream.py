"""Files of events: good rows go on, bad ones are kept apart with their line and reasons."""

from __future__ import annotations

import datetime
import itertools
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from riskloom.adapters.sources.csv import LINE_LIMIT, CsvRows
from riskloom.adapters.sources.parquet import ParquetRows
from riskloom.domain.event import Event
from riskloom.domain.field import Field, FieldType
from riskloom.domain.show import show_time
from riskloom.errors import DataInvalid
from riskloom.scenario.load import load_scenario
from riskloom.stream import DeadLetter, EventStream, OutOfOrder, file_digest
from support.events import NOW_US, history, payment

SCENARIO = load_scenario("card_payments")
SCHEMA = SCENARIO.schema(ignore_unknown=True)
REQUIRED = [field.name for field in SCENARIO.fields if field.required and field.name != "event_id"]
NAMES = [field.name for field in SCENARIO.fields]
HEADER = ",".join(NAMES)


def line(event_id: str, **changes: Any) -> str:
    """A payment as a line of a CSV file."""
    row = {**payment(event_id), **changes}
    return ",".join(str(row.get(name, "")) for name in NAMES)


LINES = [line(f"e{at}", timestamp=show_time(NOW_US + at * 1_000_000)) for at in range(6)]


def write(path: Path, content: str | bytes | Sequence[str]) -> Path:
    """A file of text, bytes or lines."""
    if isinstance(content, str):
        content = content.encode()
    elif not isinstance(content, bytes):
        content = ("\n".join(content) + "\n").encode()
    path.write_bytes(content)
    return path


def rows_of(path: Path) -> CsvRows | ParquetRows:
    """A file's rows, by its ending."""
    kind = CsvRows if path.suffix == ".csv" else ParquetRows
    return kind(path, SCENARIO.fields, REQUIRED)


def read(path: Path, size: int = 8_192) -> tuple[list[Event], list[DeadLetter]]:
    """Every good event and every dead letter of a file in time order."""
    letters: list[DeadLetter] = []
    stream = EventStream(rows_of(path), SCHEMA, file_digest(path), letters.append)
    events = [event for chunk in stream.chunks(size) for event in chunk]
    for letter in letters:
        assert json.loads(letter.as_json())["line"] == letter.line
        assert letter.faults
    return events, letters


def ids(path: Path) -> tuple[list[str], list[int]]:
    """(ids of good events, lines of dead letters)."""
    events, letters = read(path)
    return [event.id for event in events], [letter.line for letter in letters]


def csv(tmp_path: Path, lines: Sequence[str]) -> Path:
    """A CSV file with the usual header."""
    return write(tmp_path / "data.csv", [HEADER, *lines])


def test_a_good_file_is_read_whole(tmp_path: Path) -> None:
    events, letters = read(csv(tmp_path, LINES))
    assert [event.id for event in events] == [f"e{at}" for at in range(6)]
    assert letters == []
    assert all(event.arrived_us == event.time_us for event in events)


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n", b"\n\n\n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataInvalid, match="header"):
        rows_of(write(tmp_path / "empty.csv", content))


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.csv", tmp_path / "nowhere.parquet"):
        with pytest.raises(DataInvalid, match="nowhere"):
            rows_of(path)


def test_a_header_alone_has_no_events(tmp_path: Path) -> None:
    assert ids(csv(tmp_path, [])) == ([], [])
    assert ids(write(tmp_path / "data.csv", HEADER)) == ([], [])


def test_every_missing_column_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DataInvalid) as caught:
        rows_of(write(tmp_path / "data.csv", HEADER.replace("user_id", "userid").replace("lat,", "")))
    told = str(caught.value)
    assert "a column user_id" in told
    assert "'userid'" in told
    assert "a column lat" in told


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataInvalid, match="one column amount"):
        rows_of(write(tmp_path / "data.csv", HEADER + ",amount"))


def test_a_bad_row_in_the_middle_stops_nobody(tmp_path: Path) -> None:
    lines = [*LINES]
    lines[2] = line("bad", amount="12;50", lat=91)
    events, letters = read(csv(tmp_path, lines))
    assert [event.id for event in events] == ["e0", "e1", "e3", "e4", "e5"]
    letter = json.loads(letters[0].as_json())
    assert letter["line"] == 4
    assert [fault["where"] for fault in letter["faults"]] == ["lat", "amount"]
    assert letter["row"]["event_id"] == "bad"


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("a,b,c", "12 values"),
        (line("e") + ",more", "12 values"),
        ('"e,' + line("e"), "quote"),
        (line("e").replace("grocery", '"grocery'), "quote"),
        (line("e")[:-6] + '"online', "quote"),
        (line("e", user_id="a\0b"), "control"),
        (line("e", timestamp="2026-01-01T00:00:00"), "Z or an offset"),
        (line("e", timestamp=""), "nothing"),
        (line("e", amount="nan"), "decimal"),
        (line("e", amount="-1"), "at least 0"),
        (line("e", amount="inf"), "decimal"),
        (line("e", lat="51,5"), "12 values"),
        (line("e", user_id="x" * 200_000), "field larger"),
        ("x" * (LINE_LIMIT + 10), "characters in a line"),
    ],
)
def test_a_bad_line_costs_itself_and_no_other(tmp_path: Path, bad: str, said: str) -> None:
    events, letters = read(csv(tmp_path, [*LINES[:2], bad, *LINES[2:]]))
    assert [event.id for event in events] == [f"e{at}" for at in range(6)]
    assert [letter.line for letter in letters] == [4]
    assert said in str(letters[0].faults[0])


def test_two_missing_quotes_do_not_swallow_what_lies_between(tmp_path: Path) -> None:
    lines = [*LINES]
    lines[1] = lines[1].replace("grocery", '"grocery')
    lines[4] = lines[4].replace("grocery", 'grocery"')
    good, bad = ids(csv(tmp_path, lines))
    assert good[:3] == ["e0", "e2", "e3"]
    assert 3 in bad


def test_a_missing_quote_before_the_end_of_the_file_is_told(tmp_path: Path) -> None:
    good, bad = ids(write(tmp_path / "data.csv", "\n".join([HEADER, *LINES[:3], LINES[3][:-6] + '"onl'])))
    assert (good, bad) == (["e0", "e1", "e2"], [5])


def test_bytes_that_are_no_utf8_are_told_and_kept(tmp_path: Path) -> None:
    text = "\n".join([HEADER, *LINES[:2], line("caf\xe9", user_id="ren\xe9"), *LINES[2:]])
    events, letters = read(write(tmp_path / "data.csv", text.encode("latin-1")))
    assert len(events) == 6
    assert [letter.line for letter in letters] == [4]
    told = json.loads(letters[0].as_json())
    assert "UTF-8" in told["faults"][0]["expected"]
    assert told["row"]["user_id"] == "ren\\udce9"


def test_utf8_with_and_without_a_mark_is_the_same(tmp_path: Path) -> None:
    text = "\n".join([HEADER, line("e0", user_id="René 𝄞")])
    plain, _ = read(write(tmp_path / "plain.csv", text.encode()))
    marked, _ = read(write(tmp_path / "marked.csv", text.encode("utf-8-sig")))
    assert plain == marked
    assert plain[0].values["user_id"] == "René 𝄞"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_another_encoding_is_refused_at_the_header(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(DataInvalid, match="a column user_id"):
        rows_of(write(tmp_path / "data.csv", "\n".join([HEADER, *LINES]).encode(encoding)))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_are_read(tmp_path: Path, end: str) -> None:
    path = write(tmp_path / "data.csv", end.join([HEADER, *LINES, ""]))
    assert ids(path) == ([f"e{at}" for at in range(6)], [])
    path = write(tmp_path / "cut.csv", end.join([HEADER, LINES[0], "bad", LINES[1]]))
    assert ids(path) == (["e0", "e1"], [3])


def test_blank_lines_are_passed_over_and_still_counted(tmp_path: Path) -> None:
    assert ids(csv(tmp_path, ["", LINES[0], "", "bad", LINES[1]])) == (["e0", "e1"], [5])


def test_a_quoted_comma_belongs_to_its_value(tmp_path: Path) -> None:
    events, _ = read(csv(tmp_path, [line("e0", merchant_id='"Shop, ""Inc"""')]))
    assert events[0].values["merchant_id"] == 'Shop, "Inc"'


def test_a_column_that_is_no_field_may_go_over_lines(tmp_path: Path) -> None:
    lines = [
        f"{HEADER},note",
        f'{LINES[0]},"one\ntwo ""x""\n\nfour"',
        f"{LINES[1]},plain",
        f'{LINES[2]},"open',
    ]
    events, letters = read(write(tmp_path / "data.csv", lines))
    assert [event.id for event in events] == ["e0", "e1"]
    assert [letter.line for letter in letters] == [7]


def test_a_file_cut_in_the_middle_of_a_row_gives_what_is_whole(tmp_path: Path) -> None:
    whole = "\n".join([HEADER, *LINES]).encode()
    for cut in range(len(whole) - len(LINES[-1]) + 1, len(whole) - len(",online") + 1):
        good, bad = ids(write(tmp_path / "data.csv", whole[:cut]))
        assert good == ["e0", "e1", "e2", "e3", "e4"]
        assert bad == [7]


def test_ids_are_made_of_the_files_digest_and_the_row(tmp_path: Path) -> None:
    names = NAMES[1:]
    lines = [",".join(names)]
    lines += [
        ",".join(str(payment("x", timestamp=show_time(NOW_US + at))[name]) for name in names)
        for at in range(3)
    ]
    path = write(tmp_path / "data.csv", lines)
    first, _ = read(path)
    assert [event.id for event in first] == [f"{file_digest(path)}:{number}" for number in (2, 3, 4)]
    again, _ = read(write(tmp_path / "copy.csv", path.read_bytes()))
    assert [event.id for event in again] == [event.id for event in first]
    other, _ = read(write(tmp_path / "other.csv", [*lines[:-1], lines[-1] + "x"]))
    assert not {event.id for event in other} & {event.id for event in first}


def test_ties_are_ordered_by_id_and_never_parted(tmp_path: Path) -> None:
    ticks = [0, 0, 1, 1, 1, 1, 1, 2, 3, 3]
    lines = [line(f"e{9 - at}", timestamp=show_time(NOW_US + tick)) for at, tick in enumerate(ticks)]
    path = csv(tmp_path, lines)
    for size in (1, 2, 3, 10):
        stream = EventStream(rows_of(path), SCHEMA, "d", _fail)
        chunks = list(stream.chunks(size))
        events = [event for chunk in chunks for event in chunk]
        assert events == sorted(events, key=lambda event: (event.time_us, event.id))
        assert len(events) == 10
        for left, right in itertools.pairwise(chunks):
            assert left[-1].time_us < right[0].time_us


def _fail(letter: DeadLetter) -> None:
    pytest.fail(str(letter))


def test_rows_out_of_order_are_noticed_and_sorted(tmp_path: Path) -> None:
    path = csv(tmp_path, [LINES[3], LINES[1], LINES[2], LINES[0]])
    stream = EventStream(rows_of(path), SCHEMA, "d", _fail)
    with pytest.raises(OutOfOrder, match="e1"):
        list(stream.chunks())
    assert [[event.id for event in chunk] for chunk in stream.sorted_chunks(3)] == [
        ["e0", "e1", "e2"],
        ["e3"],
    ]


def parquet(tmp_path: Path, table: pa.Table, **options: Any) -> Path:
    """A Parquet file."""
    path = tmp_path / "data.parquet"
    pq.write_table(table, path, **options)
    return path


def test_a_parquet_file_gives_what_the_csv_file_gives(tmp_path: Path) -> None:
    rows = [{**row, "amount": str(row["amount"])} for row in history(300)]
    table = pa.Table.from_pylist(rows, schema=None)
    from_parquet, _ = read(parquet(tmp_path, table))
    pa_csv.write_csv(table, tmp_path / "data.csv")
    from_csv, letters = read(tmp_path / "data.csv")
    assert letters == []
    assert [SCHEMA.digest(event) for event in from_csv] == [SCHEMA.digest(event) for event in from_parquet]


def columns(**changes: Any) -> pa.Table:
    """Three payments as typed columns."""
    utc = datetime.UTC
    plain: dict[str, Any] = {
        "event_id": ["e0", "e1", "e2"],
        "timestamp": [datetime.datetime(2026, 1, 1, 0, 0, at, 7, tzinfo=utc) for at in range(3)],
        "user_id": [1, 2, 2**60],
        "merchant_id": pa.array(["m", "m", "n"]).dictionary_encode(),
        "merchant_category": ["a", None, "b"],
        "amount": [Decimal("1.50"), Decimal("2.005"), Decimal("3")],
        "currency": pa.array(["USD"] * 3, pa.large_string()),
        "lat": [51.5, -0.1, 0.0],
        "lon": pa.array([1, 2, 3], pa.int8()),
        "device_id": pa.array([b"d1", b"d2", b"d3"]),
        "ip": ["10.0.0.1"] * 3,
        "channel": ["pos"] * 3,
        "is_fraud": [0, 1, 0],
    }
    return pa.table({**plain, **changes})


def test_typed_columns_become_plain_values(tmp_path: Path) -> None:
    events, letters = read(parquet(tmp_path, columns()))
    assert letters == []
    assert [event.values["user_id"] for event in events] == ["1", "2", str(2**60)]
    assert [event.values["amount"] for event in events] == [150, 200, 300]
    assert [event.values["lat"] for event in events] == [51_500_000, -100_000, 0]
    assert [event.values["device_id"] for event in events] == ["d1", "d2", "d3"]
    assert events[0].time_us == NOW_US + 7


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Vienna", "+05:30"])
def test_times_of_any_unit_and_zone_are_the_same_moment(tmp_path: Path, unit: str, zone: str) -> None:
    times = pa.array([NOW_US // 10**6 * 10**6] * 3, pa.timestamp("us")).cast(pa.timestamp(unit))
    table = columns(timestamp=times.cast(pa.timestamp(unit, "UTC")).cast(pa.timestamp(unit, zone)))
    events, _ = read(parquet(tmp_path, table))
    assert {event.time_us for event in events} == {NOW_US}


def test_times_without_a_zone_are_refused_before_the_first_row(tmp_path: Path) -> None:
    with pytest.raises(DataInvalid, match="timezone: UTC"):
        rows_of(parquet(tmp_path, columns(timestamp=pa.array([0, 1, 2], pa.timestamp("us")))))


@pytest.mark.parametrize("zone", ["UTC", "Europe/Vienna"])
def test_a_declared_zone_reads_them_alike_from_both_kinds_of_file(tmp_path: Path, zone: str) -> None:
    fields = [Field("at", FieldType.TIME, timezone=zone)]
    local = datetime.datetime(2026, 7, 1, 12, 30)
    pq.write_table(pa.table({"at": [local]}), tmp_path / "a.parquet")
    write(tmp_path / "a.csv", "at\n2026-07-01T12:30:00\n")
    from riskloom.domain.read import reader

    told = [reader(fields[0])(row.values["at"]) for row in ParquetRows(tmp_path / "a.parquet", fields, [])]
    told += [reader(fields[0])(row.values["at"]) for row in CsvRows(tmp_path / "a.csv", fields, [])]
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"amount": [1.5, float("inf"), 2.5]}, "decimal"),
        ({"lat": [1.0, float("nan"), 2.0]}, "nothing"),
        ({"user_id": ["a", "", "b"]}, "not empty"),
        ({"user_id": ["a", "x\0", "b"]}, "control"),
        ({"device_id": pa.array([b"a", b"\xff", b"c"])}, "UTF-8"),
        ({"ip": ["10.0.0.1", "10.0.0.256", "10.0.0.1"]}, "IP"),
        ({"channel": pa.array(["a", None, "c"])}, "nothing"),
        ({"lat": [True, True, False]}, "degrees"),
        ({"channel": [["x"], ["y" * 300], ["z"]]}, "256"),
    ],
)
def test_a_bad_value_of_a_column_costs_its_row(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    _, letters = read(parquet(tmp_path, columns(**change)))
    assert 2 in [letter.line for letter in letters]
    assert any(said in str(fault) for letter in letters for fault in letter.faults)


def test_a_parquet_file_that_is_cut_or_none_is_refused(tmp_path: Path) -> None:
    whole = parquet(tmp_path, columns()).read_bytes()
    for content in (
        b"",
        b"PAR1",
        whole[: len(whole) // 2],
        whole[:-1],
        HEADER.encode(),
        whole[:-8] + b"\xff" * 8,
    ):
        with pytest.raises(DataInvalid, match="a Parquet file"):
            rows_of(write(tmp_path / "cut.parquet", content))


def test_a_parquet_file_damaged_inside_is_refused_where_it_shows(tmp_path: Path) -> None:
    table = pa.concat_tables([columns()] * 200)
    path = parquet(tmp_path, table, compression="zstd", use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[4:200] = b"\xff" * 196
    with pytest.raises(DataInvalid, match="beyond row 0"):
        read(write(tmp_path / "damaged.parquet", bytes(content)))


def test_a_parquet_file_without_a_column_or_with_one_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataInvalid, match="a column amount"):
        rows_of(parquet(tmp_path, columns().drop_columns(["amount"])))
    table = columns()
    twice = pa.Table.from_arrays([*table.columns, table["amount"]], [*table.column_names, "amount"])
    with pytest.raises(DataInvalid, match="one column amount"):
        rows_of(parquet(tmp_path, twice))


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    for path in (csv(tmp_path, LINES), parquet(tmp_path, columns())):
        rows = rows_of(path)
        assert len(list(rows)) == len(list(rows)) > 0
        assert rows.done == rows.total


def test_a_boolean_is_read_from_every_form(tmp_path: Path) -> None:
    fields = [Field("flag", FieldType.BOOLEAN)]
    write(tmp_path / "a.csv", "flag\ntrue\nFALSE\n1\n0\n")
    assert [row.values["flag"] for row in CsvRows(tmp_path / "a.csv", fields, [])] == [
        True,
        False,
        True,
        False,
    ]
    pq.write_table(pa.table({"flag": [1, 0, 2]}), tmp_path / "a.parquet")
    assert [row.values["flag"] for row in ParquetRows(tmp_path / "a.parquet", fields, [])] == [True, False, 2]
