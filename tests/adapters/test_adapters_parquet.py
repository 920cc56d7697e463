"""Parquet files: typed columns become what JSON gives; what is damaged is said."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from riskloom.adapters.sources.csv import CsvRows
from riskloom.adapters.sources.parquet import ParquetRows
from riskloom.domain.field import Field, FieldType
from riskloom.errors import DataInvalid
from support.events import NOW_US, history
from support.files import HEADER, LINES, SCHEMA, csv, read, rows_of, write


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
