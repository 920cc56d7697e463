"""Events read as columns are those read row by row: values, labels, chunks, and what is buried."""

from __future__ import annotations

import datetime
import io
import math
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from test_domain_parse import FIELDS, RATES

from riskloom.adapters.sources.parquet import ParquetRows
from riskloom.domain.columns import EventColumns, Labelled
from riskloom.domain.event import EventSchema
from riskloom.domain.field import Field, FieldType
from riskloom.domain.money import parse_rates
from riskloom.stream import DeadLetter, EventStream, OutOfOrder

NOW_US = 1_700_000_000_000_000
YEN = parse_rates(
    {
        "base": "JPY",
        "rates": [
            {
                "date": "1990-01-01",
                "EUR": "0.000000000000000000000000000001",
                "USD": "99999999999999999999.9",
            },
            {"date": "2023-11-14", "EUR": "163.125", "USD": "150"},
        ],
    }
)


def schema(time_field: str = "at", rates: Any = RATES) -> EventSchema:
    fields = FIELDS if time_field else tuple(field for field in FIELDS if field.name != "at")
    return EventSchema(fields, id_field="id", time_field=time_field, rates=rates, ignore_unknown=True)


SCHEMAS = (schema(), schema(rates=YEN), schema(time_field=""))
LABEL = Field("is_fraud", FieldType.STRING, required=False)
Told = tuple[list[list[Labelled]] | str, list[DeadLetter]]


def read(data: bytes, of: EventSchema, size: int, kind: str) -> Told:
    """(chunks, what is buried), or what the error says."""
    letters: list[DeadLetter] = []
    source: Any = io.BytesIO(data)
    rows = ParquetRows(source, (*of.fields, LABEL), [])
    stream = EventStream(rows, of, "d1", letters.append, LABEL.name)
    try:
        chunks: Iterable[Sequence[Labelled]] = getattr(stream, kind)(size)
        return [list(chunk) for chunk in chunks], letters
    except OutOfOrder as error:
        return str(error), letters


def assert_agree(table: pa.Table, size: int = 3, *, known: Sequence[EventSchema] = SCHEMAS) -> None:
    out = io.BytesIO()
    pq.write_table(table, out)
    for of in known:
        for rows, columns in (
            ("labelled_chunks", "column_chunks"),
            ("sorted_labelled_chunks", "sorted_column_chunks"),
        ):
            one, one_buried = read(out.getvalue(), of, size, rows)
            many, many_buried = read(out.getvalue(), of, size, columns)
            assert isinstance(one, str) == isinstance(many, str)
            if isinstance(one, str) or isinstance(many, str):
                assert one == many
                continue
            assert list(map(len, one)) == list(map(len, many))
            assert [letter.as_json() for letter in one_buried] == [letter.as_json() for letter in many_buried]
            for left, right in zip((e for c in one for e in c), (e for c in many for e in c), strict=True):
                assert _told(*left) == _told(*right)


def _told(event: Any, label: float) -> tuple[object, ...]:
    values = sorted((name, str(type(value)), repr(value)) for name, value in event.values.items())
    return event.id, event.time_us, event.arrived_us, values, np.float64(label).tobytes()


def table(**columns: Any) -> pa.Table:
    """Good events, with these columns instead."""
    count = next((len(column) for column in columns.values()), 4)
    good: dict[str, Any] = {
        "id": [f"e{at}" for at in range(count)],
        "at": pa.array([NOW_US + at for at in range(count)], pa.timestamp("us", "UTC")),
        "user": ["u"] * count,
    }
    return pa.table({**good, **columns})


def arrays(values: st.SearchStrategy[Any], kind: Any, count: int = 6) -> st.SearchStrategy[pa.Array]:
    """Columns of a type, of values or nothing; those that the type cannot hold are left out."""

    def build(listed: list[Any]) -> pa.Array:
        try:
            return pa.array(listed, kind)
        except (pa.ArrowException, OverflowError, ValueError, TypeError):
            assume(False)
            raise

    return st.lists(st.none() | values, min_size=count, max_size=count).map(build)


texts = st.text(max_size=5) | st.sampled_from(
    ["", " ", "x" * 256, "x" * 257, "\x00", "a\nb", "\u2028", "\x7f", "é", "ärö", "a", "b", "EUR", "USD",
     "XXX",
     "1.2.3.4", "01.2.3.4", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1..2.3", "::1", "::ffff:1.2.3.4",
     "fe80::1%e", "1.2.3.4 ",
     "12:30", "24:00", "true", "1", "0", "yes", "maybe", " FRAUD ", "nan", "None"]
)  # fmt: skip
moments = st.datetimes(datetime.datetime(1969, 12, 30), datetime.datetime(2201, 1, 1)).flatmap(
    lambda when: st.sampled_from(
        [when.isoformat() + zone for zone in ("Z", "", "+00:00", "+01:00", "z")]
        + [when.isoformat(" ", "milliseconds") + "Z", when.isoformat(timespec="seconds") + "Z"]
    )
) | st.sampled_from(
    ["2024-02-29T00:00:00Z", "2023-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2000-02-29T23:59:59Z",
     "2024-13-01T00:00:00Z",
     "2024-01-00T00:00:00Z", "2024-01-31T24:00:00Z", "2024-01-31T23:60:00Z", "2024-01-31T23:59:60Z",
     "1970-01-01T00:00:00Z",
     "2024-01-31T12:00:00.Z", "2024-01-31T12:00:00.1Z", "2024-01-31T12:00:00.1234567Z",
     "2024-01-31T12:00:00,5Z",
     "2024-01-31T12:00Z", "2024-01-31", "2024-01-31x12:00:00Z", "2024/01/31T12:00:00Z",
     "2024-01-31T12:00:0 Z", "", "a" * 24]
)  # fmt: skip
decimals = st.from_regex(r"[-+]?[0-9]{0,20}\.?[0-9]{0,20}([eE][+-]?[0-9]{1,3})?", fullmatch=True)
grid = st.tuples(st.integers(-(10**9), 10**9), st.integers(0, 9), st.sampled_from([0, 1, -1])).map(
    lambda drawn: _near(drawn[0] / 10 ** drawn[1], drawn[2])
)
floats = st.one_of(
    st.floats(), grid, st.sampled_from(
        [-0.0, 0.5, 1.5, 2.5, 0.125, 0.0000005, 0.0000015, 1e-60, 1e-61, 1e-75, 1e-100, 5e-324, 90.0,
         90.0000005, 703687441776.63, 703687441776.64, 70368744177663.0, 70368744177664.0, 0.285, 1.005,
         2.675, 1e15, 1e16, 1e22]
    )
)  # fmt: skip
wholes = st.integers(-(2**63), 2**64 - 1) | st.sampled_from([0, 1, -1, 90, 91, 2**46, 2**46 - 1, -(2**63)])
exact = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=4)


def _near(value: float, steps: int) -> float:
    return value if not steps else math.nextafter(value, math.inf * steps)


KINDS: dict[str, Callable[[], st.SearchStrategy[pa.Array]]] = {
    "string": lambda: arrays(texts | moments | decimals, pa.string()),
    "large_string": lambda: arrays(texts | moments | decimals, pa.large_string()),
    "dictionary": lambda: arrays(texts | moments, pa.string()).map(lambda array: array.dictionary_encode()),
    "binary": lambda: arrays(texts.map(str.encode) | st.sampled_from([b"\xff", b"a"]), pa.binary()),
    "int8": lambda: arrays(wholes, pa.int8()),
    "int64": lambda: arrays(wholes, pa.int64()),
    "uint64": lambda: arrays(wholes, pa.uint64()),
    "float32": lambda: arrays(floats, pa.float32()),
    "float64": lambda: arrays(floats, pa.float64()),
    "decimal": lambda: arrays(exact, pa.decimal128(38, 4)),
    "decimal256": lambda: arrays(exact, pa.decimal256(50, 6)),
    "bool": lambda: arrays(st.booleans(), pa.bool_()),
    "list": lambda: arrays(st.lists(texts, max_size=2), pa.list_(pa.string())),
    "date": lambda: arrays(st.dates(datetime.date(1970, 1, 1), datetime.date(2199, 1, 1)), pa.date32()),
    "null": lambda: st.just(pa.nulls(6)),
}
STAMPS = [(unit, zone) for unit in ("s", "ms", "us", "ns") for zone in ("UTC", "Europe/Vienna")]


@pytest.mark.parametrize("name", [*(field.name for field in FIELDS), "is_fraud"])
@given(
    st.sampled_from(sorted(KINDS)).flatmap(lambda kind: KINDS[kind]()),
    st.sampled_from(["EUR", "USD", "XXX", None]),
)
@settings(max_examples=60, deadline=None)
def test_any_column_of_any_type(name: str, column: pa.Array, currency: str | None) -> None:
    columns = {name: column} if name == "currency" else {"currency": [currency] * 6, name: column}
    assert_agree(table(amount=["1.50"] * 6, **columns) if name != "amount" else table(**columns))


@given(st.lists(floats, min_size=20, max_size=20), st.sampled_from(["EUR", "USD", "JPY", None]))
@example([1.005, 2.675, 0.285, 0.125, -0.005, 1e-61, 703687441776.63, -0.0] + [1.0] * 12, "EUR")
@settings(max_examples=60, deadline=None)
def test_floats_at_the_edges(listed: list[float], currency: str | None) -> None:
    columns = dict.fromkeys(("share", "lat", "count", "size", "amount", "fee"), listed)
    assert_agree(table(currency=[currency] * 20, **columns))
    for name in columns:
        assert_agree(table(currency=[currency] * 20, **{name: listed}))


@given(
    st.lists(
        decimals | st.from_regex(r"-?[0-9]{1,12}(\.[0-9]{1,6})?", fullmatch=True), min_size=12, max_size=12
    )
)
@example(
    [
        "1.",
        ".5",
        "-",
        "",
        "+1",
        "1.5",
        "-0.005",
        "0.005",
        "0.015",
        "9" * 19,
        "9" * 18,
        "1" * 12 + "." + "1" * 6,
    ]
)
@settings(max_examples=60, deadline=None)
def test_amounts_as_text(listed: list[str]) -> None:
    for currency in ("EUR", "USD", "JPY", None):
        assert_agree(table(currency=[currency] * 12, amount=listed))
        assert_agree(table(currency=[currency] * 12, fee=listed))


@given(st.lists(moments, min_size=8, max_size=8))
@settings(max_examples=60, deadline=None)
def test_times_as_text(listed: list[str]) -> None:
    assert_agree(table(at=listed), known=SCHEMAS[:1])
    assert_agree(table(local=listed), known=SCHEMAS[:1])


@pytest.mark.parametrize(("unit", "zone"), STAMPS)
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_timestamps_of_any_unit_and_zone(unit: str, zone: str, data: st.DataObject) -> None:
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    edges = [
        0,
        -1,
        1,
        7_258_118_400 * per_second,
        7_258_118_400 * per_second - 1,
        NOW_US // 10**6 * per_second + 1,
    ]
    values = st.sampled_from(edges) | st.integers(-(10**15), 10**15)
    drawn = data.draw(st.lists(st.none() | values, min_size=5, max_size=5))
    column = pa.array(drawn, pa.int64()).cast(pa.timestamp(unit, zone))
    assert_agree(table(at=column), known=SCHEMAS[:1])
    assert_agree(table(local=column), known=SCHEMAS[:1])
    assert_agree(table(local=pa.array(drawn, pa.int64()).cast(pa.timestamp(unit))), known=SCHEMAS[:1])


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abcä"), st.booleans()), min_size=1, max_size=30),
    st.integers(1, 6),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_chunks_ties_and_order(drawn: list[tuple[int, str, bool]], size: int, is_sorted: bool) -> None:
    ordered = sorted(drawn, key=lambda row: row[0]) if is_sorted else drawn
    at = pa.array([NOW_US + step for step, _, _ in ordered], pa.timestamp("us", "UTC"))
    users = ["u" if good else "" for _, _, good in ordered]
    assert_agree(table(id=[name for _, name, _ in ordered], at=at, user=users), size)


def test_ids_are_made_and_parts_of_the_source_are_joined() -> None:
    count = 40_000
    at = pa.array([NOW_US + step // 3 for step in range(count)], pa.timestamp("us", "UTC"))
    ids = pa.array([None if step % 7 == 0 else f"e{step % 1000}" for step in range(count)])
    currency = [("USD", "EUR", None, "XXX")[step % 4] for step in range(count)]
    amounts = [Decimal(step % 977) / 100 for step in range(count)]
    whole = table(
        id=ids,
        at=at,
        user=["u"] * count,
        currency=currency,
        amount=amounts,
        is_fraud=[step % 3 for step in range(count)],
    )
    assert_agree(whole, 8_192, known=SCHEMAS[:1])


def test_most_rows_are_read_as_columns() -> None:
    out = io.BytesIO()
    pq.write_table(
        table(
            amount=["12.50", "0.01", "7", "100.005"], currency=["USD", "EUR", None, "USD"],
            lat=[48.2, -0.1, 0.0, 90.0], ip=["10.0.0.1", "::1", None, "1.2.3.4"], flag=[True, None,
            False, True],
            is_fraud=[1, 0, None, 1],
        ),
        out,
    )  # fmt: skip
    out.seek(0)
    source: Any = out
    rows = ParquetRows(source, (*FIELDS, LABEL), [])
    (found,) = rows.columns(
        SCHEMAS[0], "is_fraud", lambda label: {"1": 1.0, "0": 0.0}.get(str(label), np.nan)
    )
    assert found.odd == []
    assert found.values["amount"].tolist() == [1250, 1, 700, 10000]


def test_columns_are_a_sequence_of_events() -> None:
    out = io.BytesIO()
    pq.write_table(table(flag=[True, False, None, None], amount=[1, 2, 3, None]), out)
    ((first, *rest),) = (read(out.getvalue(), SCHEMAS[0], 10, "labelled_chunks")[0][:1] or [[]],)
    listed: Any = [*first, *rest]
    columns = EventColumns.of(listed, FIELDS)
    assert [_told(*one) for one in columns] == [_told(*one) for one in listed]
    assert [_told(*one) for one in EventColumns.join([columns[:1], columns[1:3], columns[3:]])] == [
        _told(*one) for one in listed
    ]
